//! What lies on a disk, by its folders alone: told before anything is done to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    path::{Path, PathBuf},
};

use vigie_config::{CameraId, Disk, StreamId, Utc};

use crate::{
    error::VolumeError,
    file::Root,
    layout,
    mp4::scan_segment,
    recovery::{hours_of, streams_on},
    segment::SegmentStart,
    uuid::RecorderId,
    volume::marker::{self, Identity},
};

/// A disk as it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    pub identity: Identity,
    pub holds: Holdings,
}

/// Footage, whoever recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holdings {
    pub cameras: BTreeMap<CameraId, Holding>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    pub files: u64,
    /// On the device.
    pub bytes: u64,
    /// Start of the oldest and of the newest file.
    pub first: Utc,
    pub last: Utc,
}

impl Holdings {
    pub fn is_empty(&self) -> bool {
        self.cameras.is_empty()
    }

    pub fn files(&self) -> u64 {
        self.cameras.values().map(|camera| camera.files).sum()
    }

    pub fn bytes(&self) -> u64 {
        self.cameras.values().map(|camera| camera.bytes).sum()
    }

    fn add(&mut self, camera: &CameraId, start: Utc, bytes: u64) {
        let holding = self.cameras.entry(camera.clone()).or_insert(Holding {
            files: 0,
            bytes: 0,
            first: start,
            last: start,
        });
        holding.files += 1;
        holding.bytes += bytes;
        holding.first = holding.first.min(start);
        holding.last = holding.last.max(start);
    }
}

impl fmt::Display for Holdings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no footage");
        }
        let gib = self.bytes() as f64 / (1u64 << 30) as f64;
        write!(f, "{} files of footage, {gib:.1} GiB", self.files())?;
        for (camera, holding) in &self.cameras {
            write!(f, "; {camera} from {} to {}", holding.first, holding.last)?;
        }
        Ok(())
    }
}

/// Changes nothing. Reads every folder, but no file.
pub(super) fn survey(disk: &Disk, root: &Root) -> Result<Survey, VolumeError> {
    let failed = |error: io::Error| VolumeError::io(&disk.id, "cannot look at", &disk.path, &error);
    Ok(Survey {
        identity: marker::identify(root).map_err(failed)?,
        holds: holdings(root).map_err(failed)?,
    })
}

fn holdings(root: &Root) -> io::Result<Holdings> {
    let mut found = Holdings::default();
    for stream in streams_on(root)? {
        for (_, hour) in hours_of(root, &stream, Utc::MIN)? {
            for (start, path) in segments_in(root, &hour)? {
                let bytes = root.allocated(&path).unwrap_or(0);
                found.add(&stream.camera, start, bytes);
            }
        }
    }
    Ok(found)
}

fn segments_in(root: &Root, hour: &Path) -> io::Result<Vec<(Utc, PathBuf)>> {
    let entries = root.list(hour)?.into_iter().filter(|entry| !entry.is_dir);
    let named = entries.filter_map(|entry| Some((layout::parse_segment_name(&entry.name)?, hour.join(&entry.name))));
    Ok(named.collect())
}

/// Whose footage it is, by the first file of each hour that can be read.
pub(super) fn owners(root: &Root) -> io::Result<BTreeSet<RecorderId>> {
    let mut found = BTreeSet::new();
    for stream in streams_on(root)? {
        for (_, hour) in hours_of(root, &stream, Utc::MIN)? {
            let paths = segments_in(root, &hour)?;
            found.extend(paths.iter().find_map(|(_, path)| owner(root, &stream, path)));
        }
    }
    Ok(found)
}

fn owner(root: &Root, stream: &StreamId, path: &Path) -> Option<RecorderId> {
    let scan = scan_segment(&root.open_read(path).ok()?).ok()?;
    let (segment, owner) = SegmentStart::from_tags(&scan.moov.tags).ok()?;
    (segment.stream == *stream).then_some(owner)
}
