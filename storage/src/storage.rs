//! The façade: everything the recorder keeps on disk.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;
use vigie_config::{Disk, DiskId, GapCause, StreamId, Utc};

use crate::{
    error::{StorageError, VolumeError},
    options::StorageOptions,
    retention::{RetentionReport, RetentionRules},
    rows::Recordings,
    uuid::{RecorderId, VolumeId},
    volume::{Volume, VolumeSnapshot},
};

/// Can the index be trusted to be complete?
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum IndexState {
    Ok,
    /// Older footage is being read from the volumes; what is recorded now is there already.
    Rebuilding,
    /// Cannot be written (full or broken `state_dir`): kept in memory, lost at the next start,
    /// rebuilt then from the volumes.
    Degraded {
        detail: String,
    },
}

/// One per recorder. Threads: one writer and one sync thread per volume, one for the index.
#[derive(Debug)]
pub struct Storage {
    recorder: RecorderId,
}

impl Storage {
    /// Takes the lock of `state_dir` and opens what it holds. Fails only when the folder cannot be
    /// created or is another process's: a full, read-only or corrupt one degrades ([`IndexState`]).
    pub fn open(state_dir: &Path, options: StorageOptions) -> Result<Arc<Storage>, StorageError> {
        let _ = (state_dir, options);
        Ok(Arc::new(Storage {
            recorder: RecorderId(0),
        }))
    }
    pub fn recorder(&self) -> RecorderId {
        self.recorder
    }
    pub fn index_state(&self) -> IndexState {
        IndexState::Ok
    }

    /// Checks the identity of the disk, repairs what a crash left, starts its threads. A disk that
    /// had failed is given another chance by removing and adding it. May take seconds on a slow disk.
    pub fn add_volume(self: &Arc<Self>, disk: &Disk) -> Result<Arc<Volume>, VolumeError> {
        Err(VolumeError::Missing {
            disk: disk.id.clone(),
            path: disk.path.clone(),
        })
    }
    /// Finishes its segments, syncs, stops its threads. Its footage stays in the index.
    pub fn remove_volume(&self, disk: &DiskId) {
        let _ = disk;
    }
    pub fn volume(&self, disk: &DiskId) -> Option<Arc<Volume>> {
        let _ = disk;
        None
    }
    pub fn volumes(&self) -> Vec<VolumeSnapshot> {
        Vec::new()
    }
    /// Where a volume is mounted now; `None`: not there.
    pub fn volume_root(&self, volume: VolumeId) -> Option<PathBuf> {
        let _ = volume;
        None
    }

    /// Everything that touches [`from`, `to`).
    pub fn recordings(&self, stream: &StreamId, from: Utc, to: Utc) -> Recordings {
        let _ = (stream, from, to);
        Recordings::default()
    }
    /// End of the last stored access unit.
    pub fn last_recorded(&self, stream: &StreamId) -> Option<Utc> {
        let _ = stream;
        None
    }

    /// The stream has no media since `start` (the end of its last unit). Nothing happens when a
    /// gap is open already, or when the stream was never recorded.
    pub fn gap_opened(&self, stream: &StreamId, start: Utc, cause: GapCause) {
        let _ = (stream, start, cause);
    }
    /// From `at` on the open gap has another cause.
    pub fn gap_cause(&self, stream: &StreamId, at: Utc, cause: GapCause) {
        let _ = (stream, at, cause);
    }
    /// Media again. Also done by the first fragment of a segment that was started after the gap
    /// opened. A gap of 1 s or less leaves no row.
    pub fn gap_closed(&self, stream: &StreamId, end: Utc) {
        let _ = (stream, end);
    }
    /// The stream is no longer to be recorded (removed, switched off for good): an open gap ends,
    /// and a later crash opens none.
    pub fn recording_ended(&self, stream: &StreamId, at: Utc) {
        let _ = (stream, at);
    }

    /// Deletes what the rules and the disks' limits no longer allow. `clock_trusted`: the host's
    /// clock is synchronised and has not stepped; without it nothing goes by age.
    pub fn retention_pass(
        &self,
        rules: &RetentionRules,
        now: Utc,
        clock_trusted: bool,
    ) -> RetentionReport {
        let _ = (rules, now, clock_trusted);
        RetentionReport::default()
    }
    /// Makes what the index knows durable, so that the next start need not look at older files.
    /// Call about once a minute.
    pub fn checkpoint(&self) {}
    /// Graceful end: open segments are finished, a `shutdown` gap is opened for every stream that
    /// was being recorded, everything is synced. Later calls write nothing.
    pub fn close(&self) {}
}
