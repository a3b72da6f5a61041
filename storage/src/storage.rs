//! The façade: everything the recorder keeps on disk.

mod checkpoint;
mod erase;
#[cfg(test)]
mod fault_tests;
mod footage;
#[cfg(test)]
mod footage_tests;
mod guard;
mod holes;
#[cfg(test)]
mod lost_tests;
#[cfg(test)]
mod marks_tests;
mod mend;
#[cfg(test)]
mod power_cut;
mod prepare;
#[cfg(test)]
mod prepare_tests;
mod reading;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod retention_tests;
mod snapshots;
#[cfg(test)]
mod start_tests;
mod survey;
#[cfg(test)]
pub(crate) mod tests;
mod upkeep;
mod volumes;
mod warm;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Serialize;
use vigie_config::{Causes, DiskId, GapCause, StreamId, Utc};

use crate::{
    accounts::Accounts,
    audit::Audit,
    catalog::Catalog,
    deletions::Deletions,
    error::StorageError,
    history::History,
    index::Index,
    layouts::Layouts,
    locks::Locks,
    options::StorageOptions,
    preferences::Preferences,
    retention::RetentionRules,
    rows::Recordings,
    state::State,
    tags::Tags,
    timeline::Lanes,
    uuid::{RecorderId, VolumeId},
    volume::{FullTold, Volume, VolumeSnapshot},
};

pub use erase::Erasure;
pub use footage::{DeleteError, Extent};
pub use prepare::{Adopted, PrepareError, Prepared, Whose};
pub use survey::{Holding, Holdings, Survey};
pub use upkeep::{CheckReport, RebuildReport, UpkeepError};
pub use volumes::inspect;

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

type Volumes = Arc<RwLock<Vec<Arc<Volume>>>>;

/// One per recorder. Threads: one writer and one sync thread per volume, one that watches them.
pub struct Storage {
    state: Mutex<State>,
    options: StorageOptions,
    accounts: Accounts,
    audit: Audit,
    catalog: Arc<Catalog>,
    volumes: Volumes,
    /// One change at a time of each disk: one that hangs holds up no other.
    changing: Mutex<HashMap<DiskId, Arc<Mutex<()>>>>,
    /// Volumes that are being opened, and as which disk.
    opening: Mutex<HashMap<VolumeId, DiskId>>,
    left_behind: Mutex<Vec<volumes::LeftBehind>>,
    /// Volumes that failed: what memory still holds of their files may never have reached them.
    distrusted: Mutex<BTreeSet<VolumeId>>,
    full_told: Mutex<BTreeMap<DiskId, FullTold>>,
    /// Disks that are to be used and are not, and why.
    absent: Mutex<BTreeMap<DiskId, String>>,
    /// When the last volume was added and crash gaps are still to be opened.
    crash_gaps_due: Mutex<Option<Instant>>,
    rules: Mutex<RetentionRules>,
    locks: Locks,
    deletions: Deletions,
    tags: Tags,
    layouts: Layouts,
    history: History,
    preferences: Preferences,
    /// Retention, checks and rebuilds: one at a time.
    upkeep: Mutex<()>,
    rebuilding: AtomicUsize,
    /// Damaged hours of the index are being read again.
    mending: AtomicBool,
    /// The index was lost while running.
    rebuild_due: AtomicBool,
    /// Of the index, as far as its losses are known here.
    generation: Mutex<u64>,
    closed: AtomicBool,
    guard: Mutex<Option<guard::Guard>>,
}

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storage")
            .field("recorder", &self.recorder())
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn list(volumes: &Volumes) -> Vec<Arc<Volume>> {
    volumes.read().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Storage {
    /// Takes the lock of `state_dir` and opens what it holds. Fails only when the folder cannot be
    /// created or is another process's: a full, read-only or corrupt one degrades ([`IndexState`]).
    pub fn open(state_dir: &Path, options: StorageOptions) -> Result<Arc<Storage>, StorageError> {
        let state = State::open(state_dir)?;
        let (index, opening) = Index::open(&state_dir.join("index"));
        match &opening {
            crate::index::Opening::Found | crate::index::Opening::Fresh => {}
            other => {
                tracing::error!(opening = ?other, "the index is not what it was; footage is recorded all the same")
            }
        }
        let generation = Mutex::new(index.generation());
        let volumes: Volumes = Arc::default();
        let to = volumes.clone();
        let sink = move |stream: &StreamId, line: &crate::ledger::Line| {
            let mut taken = false;
            for volume in list(&to) {
                taken |= volume.write_line(stream, line);
            }
            taken
        };
        let storage = Arc::new(Storage {
            accounts: Accounts::open(state_dir),
            audit: Audit::open(state_dir),
            state: Mutex::new(state),
            options,
            catalog: Arc::new(Catalog::new(index, Box::new(sink))),
            volumes,
            changing: Mutex::default(),
            opening: Mutex::default(),
            left_behind: Mutex::default(),
            distrusted: Mutex::default(),
            full_told: Mutex::default(),
            absent: Mutex::default(),
            crash_gaps_due: Mutex::default(),
            rules: Mutex::default(),
            locks: Locks::open(state_dir),
            deletions: Deletions::open(state_dir),
            tags: Tags::open(state_dir),
            layouts: Layouts::open(state_dir),
            history: History::open(state_dir),
            preferences: Preferences::open(state_dir),
            upkeep: Mutex::default(),
            rebuilding: AtomicUsize::new(0),
            mending: AtomicBool::new(false),
            rebuild_due: AtomicBool::new(false),
            generation,
            closed: AtomicBool::new(false),
            guard: Mutex::default(),
        });
        *lock(&storage.guard) = guard::Guard::start(&storage);
        if opening == crate::index::Opening::Found {
            storage.verify_index_behind();
        }
        Ok(storage)
    }

    pub fn recorder(&self) -> RecorderId {
        lock(&self.state).recorder()
    }

    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Who did and saw what.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// What people protect.
    pub fn locks(&self) -> &Locks {
        &self.locks
    }

    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    pub fn layouts(&self) -> &Layouts {
        &self.layouts
    }

    /// Of the configuration.
    pub fn history(&self) -> &History {
        &self.history
    }

    pub fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    pub fn index_state(&self) -> IndexState {
        if let Some(error) = self.catalog.index().degraded() {
            return IndexState::Degraded {
                detail: error.to_string(),
            };
        }
        let fault = lock(&self.state).fault().map(str::to_owned);
        if let Some(detail) = fault.or_else(|| self.locks.fault()) {
            return IndexState::Degraded { detail };
        }
        if self.rebuilding.load(Ordering::SeqCst) > 0 || self.mending.load(Ordering::SeqCst) {
            IndexState::Rebuilding
        } else {
            IndexState::Ok
        }
    }

    pub fn volume(&self, disk: &DiskId) -> Option<Arc<Volume>> {
        list(&self.volumes).into_iter().find(|volume| volume.disk() == disk)
    }

    pub fn volumes(&self) -> Vec<VolumeSnapshot> {
        list(&self.volumes).iter().map(|volume| volume.snapshot()).collect()
    }

    /// Where a volume is mounted now; `None`: not there.
    pub fn volume_root(&self, volume: VolumeId) -> Option<PathBuf> {
        list(&self.volumes)
            .iter()
            .find(|v| v.id() == volume)
            .map(|v| v.path().to_owned())
    }

    /// Disks that are to be used and are not, and why.
    pub fn absent(&self) -> BTreeMap<DiskId, String> {
        let mut absent = lock(&self.absent).clone();
        for volume in list(&self.volumes) {
            absent.extend(volume.snapshot().error.map(|error| (volume.disk().clone(), error)));
        }
        absent
    }

    /// Every stream with footage or gaps in the index, and every one that is recorded now.
    pub fn streams(&self) -> Vec<StreamId> {
        let mut streams = self.catalog.index().streams().unwrap_or_default();
        streams.extend(self.catalog.known_streams());
        streams.sort();
        streams.dedup();
        streams
    }

    /// Everything that touches [`from`, `to`).
    pub fn recordings(&self, stream: &StreamId, from: Utc, to: Utc) -> Recordings {
        self.catalog.recordings(stream, from, to)
    }

    /// What a stream has in [`from`, `to`) as spans; those nearer than `step` are one. See
    /// [`crate::timeline`].
    pub fn timeline(&self, stream: &StreamId, from: Utc, to: Utc, step: Duration, now: Utc) -> Lanes {
        self.catalog.timeline(stream, from, to, step, now)
    }

    /// End of the last stored access unit.
    pub fn last_recorded(&self, stream: &StreamId) -> Option<Utc> {
        self.catalog.last_end(stream)
    }

    /// The stream has no media on any disk since `start`: the end of its last unit, or the
    /// beginning of its first one if not even that was stored. Nothing happens when a gap is open
    /// already.
    pub fn gap_opened(&self, stream: &StreamId, start: Utc, cause: GapCause) {
        self.catalog.gap_opened(stream, start, cause);
    }

    /// What was recorded from `from` to `to` is not on any disk: a gap of cause `disk`. One that is
    /// open stays open.
    pub fn footage_lost(&self, stream: &StreamId, from: Utc, to: Utc) {
        self.catalog.footage_lost(stream, from, to);
    }

    /// From `at` on the open gap has another cause.
    pub fn gap_cause(&self, stream: &StreamId, at: Utc, cause: GapCause) {
        self.catalog.gap_cause(stream, at, cause);
    }

    /// Media again. Also done by the first fragment of a segment that was started after the gap
    /// opened. A gap of 1 s or less leaves no row.
    pub fn gap_closed(&self, stream: &StreamId, end: Utc) {
        self.catalog.gap_closed(stream, end);
    }

    /// What is recorded from `from` on is recorded for this reason. `from` may lie in the past, and
    /// only moves the begin of an open mark to an earlier time. A mark that begins up to 2 s after
    /// the end of another of its cause continues it.
    pub fn mark_opened(&self, stream: &StreamId, cause: Causes, from: Utc) {
        self.catalog.mark_opened(stream, cause, from);
    }

    /// The reason is gone. Nothing happens when no mark of it is open; one that would end where it
    /// began, or earlier, leaves no row.
    pub fn mark_closed(&self, stream: &StreamId, cause: Causes, to: Utc) {
        self.catalog.mark_closed(stream, cause, to);
    }

    /// The stream is no longer to be recorded (removed, switched off for good): open marks and an
    /// open gap end, and a later crash opens none.
    pub fn recording_ended(&self, stream: &StreamId, at: Utc) {
        self.catalog.recording_ended(stream, at);
    }

    /// Nothing of the stream is wanted since [`Storage::recording_ended`].
    pub fn is_ended(&self, stream: &StreamId) -> bool {
        self.catalog.standing(stream).1
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.close();
    }
}
