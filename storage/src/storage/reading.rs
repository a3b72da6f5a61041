//! Footage as whoever watches it asks for it: the file of a row, a clip, a picture.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
};

use vigie_config::{StreamId, Utc};

use super::{Storage, list};
use crate::{
    clip::{Clip, ClipError, LOOK_BACK, OpenSegment, Still},
    file::Footage,
    rows::SegmentRow,
    uuid::VolumeId,
};

impl Storage {
    /// The file of a row, by way of the folder that its volume holds open.
    pub fn open_segment(&self, row: &SegmentRow) -> std::io::Result<Footage> {
        let volumes = list(&self.volumes);
        let volume = volumes
            .iter()
            .find(|v| v.id() == row.volume)
            .ok_or(std::io::ErrorKind::NotFound)?;
        volume.root().open_read(&row.relative_path())
    }

    /// One MP4 of the pictures shown in [`from`, `to`).
    pub fn clip(self: &Arc<Self>, stream: &StreamId, from: Utc, to: Utc) -> Result<Clip, ClipError> {
        let rows = self.there(self.recordings(stream, from - LOOK_BACK, to).segments);
        Clip::new(rows, from, to, self.opener())
    }

    /// The picture that was shown at `at`.
    pub fn still(self: &Arc<Self>, stream: &StreamId, at: Utc) -> Result<Still, ClipError> {
        let rows = self.there(self.recordings(stream, at - LOOK_BACK, at.plus_micros(1)).segments);
        Still::new(rows, at, self.opener())
    }

    fn opener(self: &Arc<Self>) -> OpenSegment {
        let storage = self.clone();
        Arc::new(move |row: &SegmentRow| storage.open_segment(row).and_then(Footage::into_file))
    }

    /// Without the rows whose file was deleted underneath. Reads one folder for each hour: cheaper
    /// than to look for each file. Of a volume that is not online nothing is known, so it stays.
    fn there(&self, mut rows: Vec<SegmentRow>) -> Vec<SegmentRow> {
        let volumes = list(&self.volumes);
        let mut folders: HashMap<(VolumeId, PathBuf), Option<HashSet<String>>> = HashMap::new();
        rows.retain(|row| {
            let Some(volume) = volumes.iter().find(|volume| volume.id() == row.volume) else {
                return true;
            };
            let path = row.relative_path();
            let (dir, name) = (path.parent().unwrap_or(&path), path.file_name());
            let names = folders.entry((row.volume, dir.to_owned())).or_insert_with(|| {
                let entries = volume.root().list(dir).ok()?;
                Some(entries.into_iter().map(|entry| entry.name).collect())
            });
            let name = name.and_then(|name| name.to_str()).unwrap_or_default();
            names.as_ref().is_none_or(|names| names.contains(name))
        });
        rows
    }
}
