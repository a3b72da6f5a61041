//! Pictures on all volumes: listed, read, counted, deleted because a person says so.

use std::time::Duration;

use ulid::Ulid;
use vigie_config::{CameraId, Utc};

use super::{DeleteError, Storage, footage::LONGEST_SYNC, list, lock};
use crate::{
    deletions::{Deleted, Deletion},
    note,
    retention::{self, Candidate, RetentionReport},
    shelf::What,
    snapshots::{Query, SnapshotId, Stored, newest_first},
    volume::Volume,
};

/// A picture of an event was shown at most so long before it, or after it where the clock was set.
const AROUND_EVENT: Duration = Duration::from_secs(60);

impl Storage {
    /// Newest first, of the cameras that `sees` lets pass. Disks that do not answer are left out.
    pub fn snapshots(&self, query: &Query, sees: impl Fn(&CameraId) -> bool) -> Vec<Stored> {
        let mut query = query.clone();
        if let Some(event) = query.event {
            let at = Utc::from_micros(i64::try_from(event.timestamp_ms()).unwrap_or(0).saturating_mul(1000));
            query.from = query.from.max(at - AROUND_EVENT);
            query.to = query.to.min(at + AROUND_EVENT);
        }
        let volumes = list(&self.volumes);
        let prompt = volumes.iter().filter(|volume| volume.is_prompt());
        let prompt: Vec<&Volume> = prompt.map(|volume| &**volume).collect();
        newest_first(&prompt, &query, sees)
    }

    /// All of an event, whatever their cameras.
    pub fn snapshots_of(&self, event: Ulid) -> Vec<Stored> {
        let query = Query {
            cameras: Vec::new(),
            from: Utc::MIN,
            to: Utc::MAX,
            event: Some(event),
            before: None,
            limit: usize::MAX,
        };
        self.snapshots(&query, |_| true)
    }

    /// The JPEG; `None`: not there, or a power cut left only a part of it.
    pub fn snapshot(&self, id: &SnapshotId) -> Option<Vec<u8>> {
        let volumes = list(&self.volumes);
        let mut prompt = volumes.iter().filter(|volume| volume.is_prompt());
        prompt.find_map(|volume| volume.snapshot_bytes_of(id))
    }

    /// Learns how much the pictures take on volumes where that is not known yet. Reads all of their
    /// folders; the limits of space hold for pictures from then on.
    pub fn count_snapshots(&self) {
        for volume in list(&self.volumes).iter().filter(|volume| volume.is_prompt()) {
            if let Err(error) = volume.count_snapshots() {
                tracing::warn!(volume = %volume.disk(), %error, "the snapshots of a disk cannot be counted");
            }
        }
    }

    /// Deletes one picture, wherever it lies. Written down before and after, as with footage.
    /// `None`: it is not there.
    pub fn delete_snapshot(&self, id: &SnapshotId, note: &str, by: &str) -> Result<Option<Deletion>, DeleteError> {
        note::check(note)?;
        let _one = lock(&self.upkeep);
        if let Some(fault) = self.locks.fault() {
            return Err(DeleteError::Locks(fault));
        }
        let volumes = list(&self.volumes);
        self.all_answer(&volumes)?;
        let path = id.path();
        let found: Vec<(&Volume, u64)> = volumes
            .iter()
            .filter_map(|volume| Some((&**volume, volume.root().allocated(&path).ok()?)))
            .collect();
        if found.is_empty() {
            return Ok(None);
        }
        let end = id.at.plus_micros(1000);
        let mut locks = self.locks.list().into_iter();
        if let Some(lock) = locks.find(|lock| lock.camera == id.camera && lock.from < end && lock.to > id.at) {
            return Err(DeleteError::Protected {
                camera: lock.camera,
                from: lock.from,
                to: lock.to,
                lock: lock.id,
            });
        }
        let mut deletion = Deletion {
            id: Ulid::generate(),
            camera: id.camera.clone(),
            from: id.at,
            to: end,
            note: note.to_owned(),
            by: by.to_owned(),
            at: Utc::now(),
            snapshot: Some(id.to_string()),
            disk: None,
            parts: Vec::new(),
            done: None,
        };
        self.deletions.order(deletion.clone()).map_err(DeleteError::Journal)?;
        let mut report = RetentionReport::default();
        for (volume, bytes) in &found {
            let candidate = Candidate {
                what: What::Snapshot(id.clone()),
                end,
                bytes: *bytes,
            };
            retention::delete_asked(volume, &self.catalog, &candidate, &mut report);
            retention::tidy(volume, &report);
        }
        let unsettled = found.iter().find(|(volume, _)| !volume.settle(LONGEST_SYNC));
        let done = Deleted {
            files: report.deleted.len() as u64,
            bytes: report.freed_bytes,
            first: id.at,
            last: end,
        };
        if report.failed == 0 && unsettled.is_none() {
            deletion.done = Some(done);
            self.deletions.done(deletion.id, done).map_err(DeleteError::Journal)?;
        }
        tracing::warn!(snapshot = %id, by, "a snapshot was deleted by hand");
        match unsettled {
            Some((volume, _)) => Err(DeleteError::Unsettled {
                disk: volume.disk().clone(),
                files: done.files,
            }),
            None => Ok(Some(deletion)),
        }
    }
}
