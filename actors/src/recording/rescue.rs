//! What a failed volume had not synced goes to another one of the group.

use vigie_storage::{Unsynced, Volume};

/// Writes segments that a failed volume may have lost to the volumes that `place` names for
/// their streams. Fragments that find no volume are lost: `gone` makes that a gap.
pub fn rescue(
    unsynced: &[Unsynced],
    place: impl Fn(&Unsynced) -> Option<std::sync::Arc<Volume>>,
    gone: impl Fn(&Unsynced),
) {
    for lost in unsynced.iter().filter(|lost| !lost.fragments.is_empty()) {
        let (camera, stream) = (&lost.stream.camera, lost.stream.stream);
        let Some(volume) = place(lost) else {
            tracing::error!(%camera, %stream, fragments = lost.fragments.len(), "unsynced footage is lost: no other disk in the group");
            gone(lost);
            continue;
        };
        let init = lost.init.clone();
        let written = volume
            .start_segment(lost.segment.clone(), move |tags| init(tags))
            .and_then(|mut segment| {
                lost.fragments
                    .iter()
                    .try_for_each(|fragment| segment.append(fragment.clone()))
            });
        match written {
            Ok(()) => {
                tracing::warn!(%camera, %stream, volume = %volume.disk(), fragments = lost.fragments.len(), "unsynced footage went to another disk");
            }
            Err(error) => {
                tracing::error!(%camera, %stream, %error, "unsynced footage is lost");
                gone(lost);
            }
        }
    }
}
