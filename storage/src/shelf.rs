//! Folders of days and hours below a camera's: what the limits of a disk take files from.

use std::{
    io,
    path::{Path, PathBuf},
};

use vigie_config::{CameraId, StreamId, Utc};

use crate::{
    file::{Entry, Root, is_of_path},
    layout,
    snapshots::SnapshotId,
};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shelf {
    Segments(StreamId),
    Snapshots(CameraId),
}

/// One file on a [`Shelf`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// It starts at this millisecond.
    Segment(StreamId, Utc),
    Snapshot(SnapshotId),
}

impl Shelf {
    pub fn camera(&self) -> &CameraId {
        match self {
            Shelf::Segments(stream) => &stream.camera,
            Shelf::Snapshots(camera) => camera,
        }
    }

    pub fn dir(&self) -> PathBuf {
        match self {
            Shelf::Segments(stream) => layout::stream_dir(stream),
            Shelf::Snapshots(camera) => layout::snapshots_dir(camera),
        }
    }

    /// The file of this name, if it is one of ours.
    pub fn parse(&self, name: &str) -> Option<What> {
        match self {
            Shelf::Segments(_) if name.starts_with('.') => None,
            Shelf::Segments(stream) => Some(What::Segment(stream.clone(), layout::parse_segment_name(name)?)),
            Shelf::Snapshots(camera) => SnapshotId::of_name(camera, name).map(What::Snapshot),
        }
    }
}

impl What {
    pub fn camera(&self) -> &CameraId {
        match self {
            What::Segment(stream, _) => &stream.camera,
            What::Snapshot(id) => &id.camera,
        }
    }

    /// To the millisecond, as its name says.
    pub fn start(&self) -> Utc {
        match self {
            What::Segment(_, start) => *start,
            What::Snapshot(id) => id.at,
        }
    }

    pub fn path(&self) -> PathBuf {
        match self {
            What::Segment(stream, start) => layout::segment_path(stream, *start),
            What::Snapshot(id) => id.path(),
        }
    }
}

/// `gate/main`, or the picture's id.
impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            What::Segment(stream, _) => stream.fmt(f),
            What::Snapshot(id) => id.fmt(f),
        }
    }
}

/// All that have a folder on a volume.
pub fn shelves_on(root: &Root) -> io::Result<Vec<Shelf>> {
    let mut found = Vec::new();
    let folder = |entry: Entry| entry.is_dir.then_some(entry.name);
    for name in root.list(Path::new(""))?.into_iter().filter_map(folder) {
        let Ok(camera) = CameraId::new(&name) else { continue };
        let below = match root.list(Path::new(&name)) {
            Err(error) if is_of_path(&error) => {
                tracing::error!(%camera, path = %root.path().display(), %error, "a camera's folder cannot be read");
                continue;
            }
            below => below?,
        };
        found.extend(
            below
                .into_iter()
                .filter_map(folder)
                .filter_map(|below| match below.as_str() {
                    layout::SNAPSHOTS => Some(Shelf::Snapshots(camera.clone())),
                    below => layout::parse_stream(&name, below).map(Shelf::Segments),
                }),
        );
    }
    Ok(found)
}
