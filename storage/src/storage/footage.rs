//! What footage there is, of which cameras, and deleting some of it because a person says so.

use ulid::Ulid;
use vigie_config::{CameraId, DiskId, ErrorKind, Kind, StreamId, StreamName, Utc};

use std::{sync::Arc, time::Duration};

use super::{Storage, list, lock};
use crate::{
    deletions::{Deleted, Deletion},
    note::{self, NoteError},
    retention::{self, Candidate, RetentionReport},
    shelf::Shelf,
    uuid::VolumeId,
    volume::Volume,
};

/// Longest that deleting waits for the device.
pub(super) const LONGEST_SYNC: Duration = Duration::from_secs(40);

/// Where a stream's footage begins and ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    pub stream: StreamId,
    /// Start of the oldest segment.
    pub first: Utc,
    /// End of the newest one.
    pub last: Utc,
}

/// Why footage was not deleted; except for the last nothing was, then.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    #[error("from {from} is not before to {to}")]
    Empty { from: Utc, to: Utc },
    #[error("note: {0}")]
    Note(#[from] NoteError),
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
    #[error(
        "the footage of {start} lies on volume {volume}, which is on no disk of the configuration: put it back first"
    )]
    Elsewhere { volume: VolumeId, start: Utc },
    #[error("nothing is deleted while it is not known what is protected: {0}")]
    Locks(String),
    #[error("what is deleted must be written down first, and cannot: {0}")]
    Journal(String),
    #[error(
        "{files} files were deleted, but disk {disk} did not confirm it: some of them may be there again after a power cut; try again when the disk answers"
    )]
    Unsettled { disk: DiskId, files: u64 },
}

impl Kind for DeleteError {
    fn kind(&self) -> ErrorKind {
        match self {
            DeleteError::Empty { .. } | DeleteError::Note(_) => ErrorKind::Misconfigured,
            DeleteError::Protected { .. } => ErrorKind::Refused,
            DeleteError::Absent { .. }
            | DeleteError::Elsewhere { .. }
            | DeleteError::Locks(_)
            | DeleteError::Journal(_)
            | DeleteError::Unsettled { .. } => ErrorKind::Unavailable,
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
    /// length more on either side, and the pictures of that time. What is being written stays.
    /// Written down before and after.
    pub fn delete(&self, camera: &CameraId, from: Utc, to: Utc, note: &str, by: &str) -> Result<Deletion, DeleteError> {
        if from >= to {
            return Err(DeleteError::Empty { from, to });
        }
        note::check(note)?;
        let _one = lock(&self.upkeep);
        if let Some(fault) = self.locks.fault() {
            return Err(DeleteError::Locks(fault));
        }
        let volumes = list(&self.volumes);
        self.all_there(camera, from, to, &volumes)?;
        let streams = StreamName::ALL.map(|name| StreamId::new(camera.clone(), name));
        let shelves = streams.into_iter().map(Shelf::Segments);
        let shelves: Vec<Shelf> = shelves.chain([Shelf::Snapshots(camera.clone())]).collect();
        let chosen: Vec<(&Volume, Candidate)> = volumes
            .iter()
            .flat_map(|volume| shelves.iter().map(move |shelf| (&**volume, shelf)))
            .flat_map(|(volume, shelf)| {
                let found = retention::between(volume, &self.catalog, shelf, from, to);
                found.into_iter().map(move |candidate| (volume, candidate))
            })
            .collect();
        let first = chosen.iter().map(|(_, file)| file.start()).fold(from, Utc::min);
        let last = chosen.iter().map(|(_, file)| file.end).fold(to, Utc::max);
        let locks = self.locks.list().into_iter().filter(|lock| lock.camera == *camera);
        for lock in locks {
            let touched = chosen
                .iter()
                .any(|(_, file)| file.start() < lock.to && file.end > lock.from);
            if touched || lock.from < to && lock.to > from {
                return Err(DeleteError::Protected {
                    camera: camera.clone(),
                    from: lock.from,
                    to: lock.to,
                    lock: lock.id,
                });
            }
        }
        let mut deletion = Deletion {
            id: Ulid::generate(),
            camera: camera.clone(),
            from,
            to,
            note: note.to_owned(),
            by: by.to_owned(),
            at: Utc::now(),
            snapshot: None,
            disk: None,
            parts: Vec::new(),
            done: None,
        };
        self.deletions.order(deletion.clone()).map_err(DeleteError::Journal)?;
        let mut report = RetentionReport::default();
        for (volume, candidate) in &chosen {
            retention::delete_asked(volume, &self.catalog, candidate, &mut report);
        }
        for volume in &volumes {
            retention::tidy(volume, &report);
        }
        // By its own thread: whoever else syncs takes the error away that it waits for.
        let unsettled = volumes.iter().find(|volume| !volume.settle(LONGEST_SYNC));
        let done = Deleted {
            files: report.deleted.len() as u64,
            bytes: report.freed_bytes,
            first,
            last,
        };
        deletion.done = (report.failed == 0 && unsettled.is_none()).then_some(done);
        if deletion.done.is_some() {
            self.deletions.done(deletion.id, done).map_err(DeleteError::Journal)?;
        }
        for stream in StreamName::ALL.map(|name| StreamId::new(camera.clone(), name)) {
            self.catalog.forget_last_end(&stream);
        }
        self.checkpoint();
        tracing::warn!(%camera, %from, %to, by, files = done.files, bytes = done.bytes, "footage was deleted by hand");
        match unsettled {
            Some(volume) => Err(DeleteError::Unsettled {
                disk: volume.disk().clone(),
                files: done.files,
            }),
            None => Ok(deletion),
        }
    }

    /// Every disk of the configuration is in use.
    pub(super) fn all_answer(&self, volumes: &[Arc<Volume>]) -> Result<(), DeleteError> {
        let slow = volumes.iter().find(|volume| !volume.is_prompt());
        let slow = slow.map(|volume| (volume.disk().clone(), "it does not answer in time".to_owned()));
        match self.absent().into_iter().next().or(slow) {
            Some((disk, why)) => Err(DeleteError::Absent { disk, why }),
            None => Ok(()),
        }
    }

    /// Every disk that may hold footage of that time, and answers.
    fn all_there(&self, camera: &CameraId, from: Utc, to: Utc, volumes: &[Arc<Volume>]) -> Result<(), DeleteError> {
        self.all_answer(volumes)?;
        for stream in StreamName::ALL.map(|name| StreamId::new(camera.clone(), name)) {
            let rows = self.catalog.indexed(&stream, from, to);
            if let Some(row) = rows
                .iter()
                .find(|row| volumes.iter().all(|volume| volume.id() != row.volume))
            {
                return Err(DeleteError::Elsewhere {
                    volume: row.volume,
                    start: row.start,
                });
            }
        }
        Ok(())
    }
}
