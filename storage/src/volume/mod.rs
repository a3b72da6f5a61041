//! One disk's tree of footage: its identity, its writer, its sync.
//!
//! ```text
//! SegmentWriter ─▶ Queue ─▶ writer thread ─▶ files
//!                              │                ▲ syncfs
//!                            Held ◀─────── sync thread
//! ```
//! Belongs here: everything about one volume while it is online. Does not belong here: what a
//! crash left ([`crate::recovery`]), what has to go ([`crate::retention`]).

mod handle;
mod held;
mod life;
#[cfg(test)]
mod life_tests;
pub mod marker;
mod open_file;
mod queue;
mod segment_writer;
mod snapshot;
mod snapshots;
mod space;
mod stats;
mod sync;
mod writer;

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use vigie_config::{Disk, DiskId, StreamId, Utc, WhenFull};

pub use segment_writer::SegmentWriter;
pub use snapshot::{VolumeSnapshot, VolumeState};
pub use snapshots::SyncTicket;

use crate::{
    catalog::Catalog,
    error::{VolumeError, WriteError},
    fact::Facts,
    file::{Root, is_of_path},
    layout,
    ledger::Line,
    options::StorageOptions,
    recovery::oldest_start,
    uuid::{RecorderId, VolumeId},
};
use held::Held;
use queue::{Job, Queue};
use stats::{Busy, Stats};

/// Frees room on a full volume by deleting the oldest footage; bytes freed.
pub(crate) type MakeRoom = Box<dyn Fn(&Volume, u64) -> u64 + Send + Sync>;

/// What of a disk's configuration may change while it records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Disks of one group stand in for each other.
    pub group: String,
    pub keep_free_bytes: u64,
    pub max_size_bytes: Option<u64>,
    pub when_full: WhenFull,
    pub tick: Duration,
}

impl Limits {
    pub fn of(disk: &Disk) -> Limits {
        Limits {
            group: disk.group.clone(),
            keep_free_bytes: disk.keep_free_bytes,
            max_size_bytes: disk.max_size_bytes,
            when_full: disk.when_full,
            tick: disk.tick,
        }
    }
}

/// A volume that is recorded on. Shared; the methods of recorders return at once.
pub struct Volume {
    disk: DiskId,
    id: VolumeId,
    root: Root,
    recorder: RecorderId,
    limits: Mutex<Limits>,
    options: StorageOptions,
    facts: Facts,
    catalog: Arc<Catalog>,
    make_room: MakeRoom,
    queue: Queue,
    held: Held,
    tick_wake: sync::Tick,
    stats: Stats,
    writing: Busy,
    syncing: Busy,
    /// Longest that a write or sync may take before another disk is better.
    hung_after: Duration,
    /// When it was last seen to be slow, since that was told.
    slow_told: Mutex<Option<Instant>>,
    /// It was told to be full, which is not forgotten before then.
    full_told: FullTold,
    failed: OnceLock<VolumeError>,
    /// Starts of the segments that have a file and are not finished, by token.
    open: Mutex<HashMap<u64, (StreamId, Utc)>>,
    /// Where each stream's footage begins.
    oldest: Mutex<BTreeMap<StreamId, Utc>>,
    /// What the index's checkpoint of this volume says.
    checkpoint: Mutex<Option<Utc>>,
    /// Segments that started before it, ever; and how many a later one covers.
    behind: AtomicU64,
    covered: AtomicU64,
    /// All of its footage has been counted.
    counted: AtomicBool,
    /// All of its pictures have been counted.
    snapshots_counted: AtomicBool,
    /// When this opening began.
    opened: Utc,
    /// All of its footage is in the index.
    indexed: AtomicBool,
    /// A folder could not be looked through: the next start has to look from where this one did.
    incomplete: bool,
    threads: Mutex<Vec<(JoinHandle<()>, mpsc::Receiver<()>)>>,
}

impl std::fmt::Debug for Volume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Volume")
            .field("disk", &self.disk)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Until when it is not told again that a disk is full; shared by all openings of the disk.
pub(crate) type FullTold = Arc<Mutex<Option<Instant>>>;

/// What a volume is made of.
pub(crate) struct Parts {
    pub disk: DiskId,
    pub id: VolumeId,
    pub root: Root,
    pub recorder: RecorderId,
    pub limits: Limits,
    pub options: StorageOptions,
    pub catalog: Arc<Catalog>,
    pub make_room: MakeRoom,
    /// `None`: not counted yet.
    pub footage_bytes: Option<u64>,
    pub oldest: BTreeMap<StreamId, Utc>,
    pub checkpoint: Option<Utc>,
    pub incomplete: bool,
    pub full_told: FullTold,
}

impl Volume {
    pub fn disk(&self) -> &DiskId {
        &self.disk
    }
    pub fn id(&self) -> VolumeId {
        self.id
    }
    pub fn path(&self) -> &Path {
        self.root.path()
    }
    pub fn root(&self) -> &Root {
        &self.root
    }
    pub fn limits(&self) -> Limits {
        lock(&self.limits).clone()
    }
    pub fn set_limits(&self, limits: Limits) {
        *lock(&self.limits) = limits;
    }
    fn tick(&self) -> Duration {
        lock(&self.limits).tick
    }
    /// Why nothing more is written there.
    pub fn failure(&self) -> Option<&VolumeError> {
        self.failed.get()
    }
    pub fn has_failed(&self) -> bool {
        self.failed.get().is_some()
    }

    fn check_up(&self) -> Result<(), WriteError> {
        match self.failed.get() {
            None => Ok(()),
            Some(error) => Err(WriteError::VolumeDown {
                disk: self.disk.clone(),
                detail: error.to_string(),
            }),
        }
    }

    /// The path still leads here and the marker is there.
    fn check_in_place(&self) -> Result<(), VolumeError> {
        let (disk, path) = (self.disk.clone(), self.root.path().to_owned());
        if !self.root.is_in_place() {
            return Err(VolumeError::Replaced { disk, path });
        }
        match self.root.exists(Path::new(layout::MARKER)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(VolumeError::Unmarked { disk, path }),
            Err(error) => Err(VolumeError::io(
                &self.disk,
                "cannot look at",
                path.join(layout::MARKER),
                &error,
            )),
        }
    }

    /// An error of one path, while the disk as a whole can be written to.
    fn blames_a_path(&self, error: &std::io::Error) -> bool {
        is_of_path(error) && self.root.try_writing().is_ok()
    }

    /// Can a file of this stream be begun here now? Leaves nothing but folders behind.
    pub fn try_stream(&self, stream: &StreamId, now: Utc) -> std::io::Result<()> {
        let hour = layout::hour_dir(stream, now);
        self.root.create_dirs(&hour)?;
        let probe = hour.join(".vigie-probe");
        match self.root.create_new(&probe) {
            Ok(_) => self.root.remove(&probe),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => self.root.remove(&probe),
            Err(error) => Err(error),
        }
    }

    fn open_started(&self, token: u64, stream: &StreamId, start: Utc) {
        lock(&self.open).insert(token, (stream.clone(), start));
        let mut oldest = lock(&self.oldest);
        match oldest.get_mut(stream) {
            Some(at) => *at = start.min(*at),
            None => drop(oldest.insert(stream.clone(), start)),
        }
        drop(oldest);
        if lock(&self.checkpoint).is_some_and(|mark| start < mark) {
            self.behind.fetch_add(1, Ordering::SeqCst);
        }
    }
    /// A segment was started before the checkpoint (the clock went back): a new one is due, or a
    /// crash would leave it unseen.
    pub(crate) fn is_behind_checkpoint(&self) -> bool {
        self.behind.load(Ordering::SeqCst) != self.covered.load(Ordering::SeqCst)
    }
    /// Before a checkpoint is made: what it will cover.
    pub(crate) fn behind_checkpoint(&self) -> u64 {
        self.behind.load(Ordering::SeqCst)
    }
    pub(crate) fn checkpointed(&self, from: Utc) {
        *lock(&self.checkpoint) = Some(from);
        if lock(&self.open).values().any(|(_, start)| *start < from) {
            self.behind.fetch_add(1, Ordering::SeqCst);
        }
    }
    /// That checkpoint was handed to the device.
    pub(crate) fn checkpoint_written(&self, covered: u64) {
        self.covered.store(covered, Ordering::SeqCst);
    }
    /// Where each stream's footage begins, or earlier.
    pub(crate) fn oldest(&self) -> Vec<(StreamId, Utc)> {
        let oldest = lock(&self.oldest);
        oldest.iter().map(|(stream, at)| (stream.clone(), *at)).collect()
    }
    /// Footage of this stream was deleted.
    pub(crate) fn look_for_oldest(&self, stream: &StreamId) {
        let before = lock(&self.oldest).get(stream).copied();
        let found = oldest_start(&self.root, stream);
        // Not held while the folders are read: the disk may hang.
        let mut oldest = lock(&self.oldest);
        if oldest.get(stream).copied() != before {
            // Something earlier began meanwhile.
            return;
        }
        match found {
            Ok(Some(at)) => drop(oldest.insert(stream.clone(), at)),
            Ok(None) if lock(&self.open).values().all(|(open, _)| open != stream) => drop(oldest.remove(stream)),
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(volume = %self.disk, %stream, %error, "the oldest footage cannot be looked for")
            }
        }
    }
    fn open_finished(&self, token: u64) {
        lock(&self.open).remove(&token);
    }

    /// Is this segment being written? `at`: the millisecond of its name.
    pub(crate) fn is_open(&self, stream: &StreamId, at: Utc) -> bool {
        let same = |start: &Utc| start.as_micros().div_euclid(1000) == at.as_micros().div_euclid(1000);
        lock(&self.open)
            .values()
            .any(|(open, start)| open == stream && same(start))
    }

    /// `at`, or earlier: every segment here that starts before it is finished and on the device.
    pub(crate) fn settled_before(&self, at: Utc) -> Utc {
        let open = lock(&self.open).values().map(|(_, start)| *start).min();
        [open, self.held.earliest_closed()]
            .into_iter()
            .flatten()
            .fold(at, Utc::min)
    }

    /// Asks the writer, who holds the files, to see that nobody deleted one.
    fn look_at_names(&self) {
        if !lock(&self.open).is_empty() {
            self.queue.push(Job::Names);
        }
    }

    /// Appends to a ledger. False: not online.
    pub(crate) fn write_line(&self, stream: &StreamId, line: &Line) -> bool {
        let path = layout::ledger_path(stream, line.entry.day());
        !self.has_failed()
            && self.queue.push(Job::Ledger {
                path,
                text: line.encode(),
            })
    }

    pub(crate) fn footage_removed(&self, bytes: u64) {
        self.stats.footage_bytes.sub(bytes);
    }
    /// All of it was read: so much there is.
    pub(crate) fn footage_counted(&self, bytes: u64) {
        self.stats.footage_bytes.set(bytes);
        self.counted.store(true, Ordering::SeqCst);
    }
    /// What it holds is known as far as a checkpoint would say.
    pub(crate) fn may_have_checkpoint(&self) -> bool {
        self.knows_footage_bytes() && self.indexed.load(Ordering::SeqCst) && !self.incomplete
    }
    /// Returns how it was before.
    pub(crate) fn set_indexed(&self, indexed: bool) -> bool {
        self.indexed.swap(indexed, Ordering::SeqCst)
    }
    pub(crate) fn knows_footage_bytes(&self) -> bool {
        self.counted.load(Ordering::SeqCst)
    }
    pub(crate) fn footage_bytes(&self) -> u64 {
        self.stats.footage_bytes.get()
    }

    pub fn snapshot(&self) -> VolumeSnapshot {
        let failed = self.failed.get();
        VolumeSnapshot {
            disk: self.disk.clone(),
            volume: self.id,
            path: self.root.path().to_owned(),
            state: if failed.is_some() {
                VolumeState::Failed
            } else if self.lag() > self.hung_after {
                VolumeState::Slow
            } else {
                VolumeState::Online
            },
            error: failed.map(ToString::to_string),
            total_bytes: self.stats.total.get(),
            free_bytes: self.stats.free.get(),
            footage_bytes: self.stats.footage_bytes.get(),
            snapshot_bytes: self.stats.snapshot_bytes.get(),
            open_segments: lock(&self.open).len(),
            written_bytes: self.stats.written_bytes.get(),
            fragments: self.stats.fragments.get(),
            queued_bytes: self.queue.bytes(),
            unsynced_bytes: self.held.bytes(),
            refused: self.stats.refused.get(),
            dropped_units: self.stats.dropped_units.get(),
            busy_ms: u64::try_from((self.writing.total() + self.syncing.total()).as_millis()).unwrap_or(u64::MAX),
            syncs: self.stats.syncs.get(),
            last_sync_ms: self.stats.last_sync_ms.get(),
            slowest_sync_ms: self.stats.slowest_sync_ms.get(),
        }
    }
}
