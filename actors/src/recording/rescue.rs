//! What a failed volume had not synced goes to another one of the group.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use vigie_config::{ErrorKind, Kind};
use vigie_storage::{Unsynced, Volume, WriteError};

/// A disk that takes over for another may be busy for a while.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

/// Writes segments that a failed volume may have lost to the volumes that `place` names for
/// their streams. Blocks while those have no room in memory. Fragments that find no volume are
/// lost: `gone` makes that a gap. When this returns what was taken is in files, unless a disk has
/// not answered for [`PATIENCE`].
pub fn rescue(unsynced: &[Unsynced], place: impl Fn(&Unsynced) -> Option<Arc<Volume>>, gone: impl Fn(&Unsynced)) {
    let until = Instant::now() + PATIENCE;
    let mut all: Vec<&Unsynced> = unsynced.iter().filter(|lost| !lost.fragments.is_empty()).collect();
    // Main streams first: the time may not be enough for all.
    all.sort_by_key(|lost| lost.stream.stream);
    let mut takers: Vec<Arc<Volume>> = Vec::new();
    for lost in all {
        let (camera, stream) = (&lost.stream.camera, lost.stream.stream);
        let mut left = lost.clone();
        while !left.fragments.is_empty() {
            let Some(volume) = place(&left) else {
                if left.missing().is_some() {
                    tracing::error!(%camera, %stream, fragments = left.fragments.len(), "unsynced footage is lost: no other disk in the group");
                    gone(&left);
                }
                break;
            };
            if !takers.iter().any(|taker| Arc::ptr_eq(taker, &volume)) {
                takers.push(volume.clone());
            }
            match store(&mut left, &volume) {
                Ok(()) => {
                    tracing::warn!(%camera, %stream, volume = %volume.disk(), fragments = lost.fragments.len(), "unsynced footage went to another disk");
                    break;
                }
                // Its room is for what is nowhere else.
                Err(_) if left.confirmed() > 0 => drop(left.fragments.drain(..left.confirmed())),
                Err(error) if error.kind() == ErrorKind::Bug || Instant::now() >= until => {
                    tracing::error!(%camera, %stream, %error, "unsynced footage is lost");
                    gone(&left);
                    break;
                }
                // No room in memory, or gone too in the meantime.
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }
    for volume in takers {
        volume.write_out(PATIENCE);
    }
}

/// What was taken is the volume's to keep, and leaves `left`.
fn store(left: &mut Unsynced, volume: &Arc<Volume>) -> Result<(), WriteError> {
    let (mut segment, fragments) = volume.start_rest(left)?;
    for fragment in fragments {
        segment.append(fragment)?;
        left.fragments.remove(0);
    }
    Ok(())
}
