//! What footage there is, of which cameras, and deleting some of it because a person says so.

use ulid::Ulid;
use vigie_config::{CameraId, DiskId, ErrorKind, Kind, StreamId, StreamName, Utc};

use super::{Storage, list, lock};
use crate::{
    deletions::{Deleted, Deletion},
    retention::{self, RetentionReport},
};

const NOTE: usize = 500;

/// Where a stream's footage begins and ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    pub stream: StreamId,
    /// Start of the oldest segment.
    pub first: Utc,
    /// End of the newest one.
    pub last: Utc,
}

/// Why footage was not deleted; nothing was, then.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    #[error("from {from} is not before to {to}")]
    Empty { from: Utc, to: Utc },
    #[error("the note has {seen} characters: use at most {NOTE}")]
    LongNote { seen: usize },
    #[error(
        "protected footage of {camera} lies between {from} and {to} (lock {lock}): release it first with \"vigie lock release\""
    )]
    Protected {
        camera: CameraId,
        from: Utc,
        to: Utc,
        lock: Ulid,
    },
    #[error("disk {disk} is not in use, so its footage cannot be deleted: {why}")]
    Absent { disk: DiskId, why: String },
    #[error("what is deleted must be written down first, and cannot: {0}")]
    Journal(String),
    #[error("disk {disk}: cannot look through the footage: {error}")]
    Disk { disk: DiskId, error: std::io::Error },
}

impl Kind for DeleteError {
    fn kind(&self) -> ErrorKind {
        match self {
            DeleteError::Empty { .. } | DeleteError::LongNote { .. } => ErrorKind::Misconfigured,
            DeleteError::Protected { .. } => ErrorKind::Refused,
            DeleteError::Absent { .. } | DeleteError::Journal(_) | DeleteError::Disk { .. } => ErrorKind::Unavailable,
        }
    }
}

impl Storage {
    /// Every stream with footage, of cameras that are no longer configured too.
    pub fn extents(&self) -> Vec<Extent> {
        let index = self.catalog.index();
        let streams = self.streams().into_iter();
        let extents = streams.filter_map(|stream| {
            let first = index.first_segment(&stream).ok().flatten()?.start;
            let last = self.last_recorded(&stream).unwrap_or(first);
            Some(Extent { stream, first, last })
        });
        extents.collect()
    }

    /// What people deleted.
    pub fn deletions(&self) -> Vec<Deletion> {
        self.deletions.list()
    }

    /// Deletes every segment of a camera that touches [`from`, `to`), so at most a segment's
    /// length more on either side. What is being written stays. Written down before and after.
    pub fn delete(&self, camera: &CameraId, from: Utc, to: Utc, note: &str, by: &str) -> Result<Deletion, DeleteError> {
        let seen = note.chars().count();
        if from >= to {
            return Err(DeleteError::Empty { from, to });
        }
        if seen > NOTE {
            return Err(DeleteError::LongNote { seen });
        }
        let _one = lock(&self.upkeep);
        let locks = self.locks.list();
        if let Some(lock) = locks.iter().find(|l| l.camera == *camera && l.from < to && l.to > from) {
            return Err(DeleteError::Protected {
                camera: camera.clone(),
                from: lock.from,
                to: lock.to,
                lock: lock.id,
            });
        }
        if let Some((disk, why)) = self.absent().into_iter().next() {
            return Err(DeleteError::Absent { disk, why });
        }
        let mut deletion = Deletion {
            id: Ulid::generate(),
            camera: camera.clone(),
            from,
            to,
            note: note.to_owned(),
            by: by.to_owned(),
            at: Utc::now(),
            done: None,
        };
        self.deletions.order(deletion.clone()).map_err(DeleteError::Journal)?;
        let mut report = RetentionReport::default();
        for volume in list(&self.volumes) {
            for stream in StreamName::ALL.map(|name| StreamId::new(camera.clone(), name)) {
                retention::delete_between(&volume, &self.catalog, &stream, from, to, &mut report);
            }
            retention::tidy(&volume, &report);
            volume.root().sync().map_err(|error| DeleteError::Disk {
                disk: volume.disk().clone(),
                error,
            })?;
        }
        let done = Deleted {
            files: report.deleted.len() as u64,
            bytes: report.freed_bytes,
        };
        deletion.done = (report.failed == 0).then_some(done);
        if deletion.done.is_some() {
            self.deletions.done(deletion.id, done).map_err(DeleteError::Journal)?;
        }
        for stream in StreamName::ALL.map(|name| StreamId::new(camera.clone(), name)) {
            self.catalog.forget_last_end(&stream);
        }
        self.checkpoint();
        tracing::warn!(%camera, %from, %to, by, files = done.files, bytes = done.bytes, "footage was deleted by hand");
        Ok(deletion)
    }
}
