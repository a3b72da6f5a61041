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
pub mod marker;
mod open_file;
mod queue;
mod snapshot;
mod stats;
mod sync;
mod writer;

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use vigie_config::{Causes, Disk, DiskId, StreamId, Utc};

pub use snapshot::{VolumeSnapshot, VolumeState};

use crate::{
    catalog::Catalog,
    error::{VolumeError, WriteError},
    fact::{Facts, StorageFact},
    file::Root,
    layout,
    ledger::Line,
    options::StorageOptions,
    segment::{Fragment, SegmentStart},
    uuid::{RecorderId, VolumeId},
};
use handle::SegmentHandle;
use held::Held;
use queue::{Job, Queue};
use stats::{Busy, Stats};

/// Frees room on a full volume by deleting the oldest footage; bytes freed.
pub(crate) type MakeRoom = Box<dyn Fn(&Volume, u64) -> u64 + Send + Sync>;

/// How long [`Volume::stop`] waits for its threads before it leaves them behind.
const STOP_WAIT: Duration = Duration::from_secs(15);

/// What of a disk's configuration may change while it records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    pub keep_free_bytes: u64,
    pub max_size_bytes: Option<u64>,
    pub tick: Duration,
}

impl Limits {
    pub fn of(disk: &Disk) -> Limits {
        Limits {
            keep_free_bytes: disk.keep_free_bytes,
            max_size_bytes: disk.max_size_bytes,
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
    slow_told: AtomicBool,
    failed: OnceLock<VolumeError>,
    /// Starts of the segments that have a file and are not finished, by token.
    open: Mutex<HashMap<u64, (StreamId, Utc)>>,
    /// What the index's checkpoint of this volume says.
    checkpoint: Mutex<Option<Utc>>,
    behind: AtomicBool,
    /// All of its footage has been counted.
    counted: AtomicBool,
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
    pub checkpoint: Option<Utc>,
}

impl Volume {
    /// Starts its threads. Identity has been checked, what a crash left has been repaired.
    pub(crate) fn start(parts: Parts) -> Result<Arc<Volume>, VolumeError> {
        let Parts {
            disk,
            id,
            root,
            recorder,
            limits,
            options,
            catalog,
            make_room,
            footage_bytes,
            checkpoint,
        } = parts;
        let volume = Arc::new(Volume {
            facts: options.facts.clone(),
            disk,
            id,
            root,
            recorder,
            limits: Mutex::new(limits),
            options,
            catalog,
            make_room,
            queue: Queue::default(),
            held: Held::default(),
            tick_wake: sync::Tick::default(),
            stats: Stats::default(),
            writing: Busy::new(),
            syncing: Busy::new(),
            slow_told: AtomicBool::new(false),
            failed: OnceLock::new(),
            open: Mutex::default(),
            checkpoint: Mutex::new(checkpoint),
            behind: AtomicBool::new(false),
            counted: AtomicBool::new(footage_bytes.is_some()),
            threads: Mutex::default(),
        });
        volume.stats.footage_bytes.set(footage_bytes.unwrap_or(0));
        volume.look_at_space();
        let bodies: [(&str, fn(Arc<Volume>)); 2] = [("write", writer::run), ("sync", sync::run)];
        for (name, body) in bodies {
            let (alive, ended) = mpsc::channel();
            let own = volume.clone();
            let thread = thread::Builder::new()
                .name(format!("{name}.{}", volume.disk))
                .spawn(move || {
                    body(own);
                    drop(alive);
                });
            match thread {
                Ok(thread) => lock(&volume.threads).push((thread, ended)),
                Err(error) => {
                    volume.queue.close();
                    return Err(VolumeError::io(
                        &volume.disk,
                        "cannot start a thread for",
                        volume.root.path(),
                        &error,
                    ));
                }
            }
        }
        Ok(volume)
    }

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
    pub fn has_failed(&self) -> bool {
        self.failed.get().is_some()
    }

    /// Queues a new file; it appears on the disk with its first fragment. `init` builds its head
    /// (`ftyp`, `moov`) from the tags it is given; it is called on the writer's thread, once or
    /// (another name, another volume) more often.
    pub fn start_segment(
        self: &Arc<Self>,
        segment: SegmentStart,
        init: impl Fn(&[(String, String)]) -> bytes::Bytes + Send + Sync + 'static,
    ) -> Result<SegmentWriter, WriteError> {
        self.check_up()?;
        let token = self.catalog.next_token();
        let handle = SegmentHandle::new(token, segment, Arc::new(init), self.catalog.seq());
        Ok(SegmentWriter {
            volume: self.clone(),
            handle: Arc::new(handle),
            bytes: 0,
            finished: false,
        })
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

    fn make_room(&self, bytes: u64) -> u64 {
        (self.make_room)(self, bytes)
    }

    fn open_started(&self, token: u64, stream: &StreamId, start: Utc) {
        lock(&self.open).insert(token, (stream.clone(), start));
        if lock(&self.checkpoint).is_some_and(|mark| start < mark) {
            self.behind.store(true, Ordering::SeqCst);
        }
    }
    /// A segment was started before the checkpoint (the clock went back): a new one is due, or a
    /// crash would leave it unseen.
    pub(crate) fn is_behind_checkpoint(&self) -> bool {
        self.behind.load(Ordering::SeqCst)
    }
    pub(crate) fn checkpointed(&self, from: Utc) {
        *lock(&self.checkpoint) = Some(from);
        let earlier = lock(&self.open).values().any(|(_, start)| *start < from);
        self.behind.store(earlier, Ordering::SeqCst);
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

    /// Every segment that starts earlier is finished and on the device.
    pub(crate) fn settled_before(&self, now: Utc) -> Utc {
        let open = lock(&self.open).values().map(|(_, start)| *start).min();
        [open, self.held.earliest_closed()]
            .into_iter()
            .flatten()
            .fold(now, Utc::min)
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
    pub(crate) fn knows_footage_bytes(&self) -> bool {
        self.counted.load(Ordering::SeqCst)
    }
    pub(crate) fn footage_bytes(&self) -> u64 {
        self.stats.footage_bytes.get()
    }

    /// Reads the file system's free space and says when it is too little.
    pub(crate) fn look_at_space(&self) {
        let Ok(space) = self.root.space() else { return };
        self.stats.total.set(space.total);
        self.stats.free.set(space.free);
        let limits = self.limits();
        let over = self.knows_footage_bytes()
            && limits
                .max_size_bytes
                .is_some_and(|max| self.stats.footage_bytes.get() > max);
        if space.free < limits.keep_free_bytes || over {
            (self.facts)(StorageFact::SpaceLow {
                disk: self.disk.clone(),
                free: space.free,
            });
        }
    }

    /// Everything queued before this call is on the device (or the time is over: false).
    pub fn settle(&self, longest: Duration) -> bool {
        let begin = Instant::now();
        let (done, written) = mpsc::channel();
        if !self.queue.push(Job::Barrier(done)) || written.recv_timeout(longest).is_err() {
            return false;
        }
        self.tick_wake.wait_for_sync(longest.saturating_sub(begin.elapsed()))
    }

    /// A thread that has been inside one operation for too long: first told, then given up.
    pub(crate) fn watch(&self) {
        if self.has_failed() {
            return;
        }
        let Some(longest) = [self.writing.since(), self.syncing.since()].into_iter().flatten().max() else {
            self.slow_told.store(false, Ordering::Relaxed);
            return;
        };
        let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        if longest > self.options.hung_after {
            let allowed = u64::try_from(self.options.hung_after.as_millis()).unwrap_or(u64::MAX);
            self.fail(VolumeError::SlowSync {
                disk: self.disk.clone(),
                millis,
                allowed,
            });
        } else if longest > self.options.slow_sync && !self.slow_told.swap(true, Ordering::Relaxed) {
            let unsynced = Arc::new(self.held.unsynced([]));
            tracing::warn!(volume = %self.disk, millis, "the disk is slow: a write or a sync has not returned");
            (self.facts)(StorageFact::VolumeSlow {
                disk: self.disk.clone(),
                millis,
                unsynced,
            });
        }
    }

    /// Nothing more is written here; what is not on the device goes out with the fact.
    fn fail(&self, error: VolumeError) {
        if self.failed.set(error.clone()).is_err() {
            return;
        }
        tracing::error!(volume = %self.disk, %error, "recording on this disk has stopped");
        let queued = self.queue.abandon().into_iter().filter_map(|job| match job {
            Job::Fragment { segment, fragment } => Some((segment, fragment)),
            _ => None,
        });
        let unsynced = Arc::new(self.held.unsynced(queued));
        self.held.clear();
        self.tick_wake.stop();
        (self.facts)(StorageFact::VolumeFailed {
            disk: self.disk.clone(),
            error,
            unsynced,
        });
    }

    /// Writes what is queued, finishes the files, syncs, ends the threads. A thread that hangs in
    /// the kernel is left behind.
    pub(crate) fn stop(&self) {
        self.queue.close();
        let until = Instant::now() + STOP_WAIT;
        // The writer first, so that the last sync covers what it wrote.
        for (thread, ended) in lock(&self.threads).drain(..) {
            let left = until.saturating_duration_since(Instant::now());
            match ended.recv_timeout(left) {
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    tracing::error!(volume = %self.disk, "a thread of this disk hangs and is left behind");
                }
                _ => {
                    if thread.join().is_err() {
                        tracing::error!(volume = %self.disk, "a thread of this disk has panicked");
                    }
                }
            }
            self.tick_wake.stop();
        }
    }

    pub fn snapshot(&self) -> VolumeSnapshot {
        let failed = self.failed.get();
        VolumeSnapshot {
            disk: self.disk.clone(),
            volume: self.id,
            path: self.root.path().to_owned(),
            state: if failed.is_some() {
                VolumeState::Failed
            } else {
                VolumeState::Online
            },
            error: failed.map(ToString::to_string),
            total_bytes: self.stats.total.get(),
            free_bytes: self.stats.free.get(),
            footage_bytes: self.stats.footage_bytes.get(),
            open_segments: lock(&self.open).len(),
            written_bytes: self.stats.written_bytes.get(),
            fragments: self.stats.fragments.get(),
            queued_bytes: self.queue.bytes(),
            unsynced_bytes: self.held.bytes(),
            refused: self.stats.refused.get(),
            dropped_units: self.stats.dropped_units.get(),
            syncs: self.stats.syncs.get(),
            last_sync_ms: self.stats.last_sync_ms.get(),
            slowest_sync_ms: self.stats.slowest_sync_ms.get(),
        }
    }
}

/// The one who appends to a segment. Dropping it finishes the segment.
#[derive(Debug)]
pub struct SegmentWriter {
    volume: Arc<Volume>,
    handle: Arc<SegmentHandle>,
    bytes: u64,
    finished: bool,
}

impl SegmentWriter {
    /// Queues one fragment; never blocks. After an error start another segment: nothing of this
    /// fragment is in this one.
    pub fn append(&mut self, fragment: Fragment) -> Result<(), WriteError> {
        let volume = &self.volume;
        volume.check_up()?;
        if let Some(detail) = self.handle.down() {
            return Err(WriteError::SegmentDown {
                disk: volume.disk.clone(),
                detail: detail.to_owned(),
            });
        }
        let len = fragment.len();
        let queued = volume.queue.bytes() + volume.held.bytes() + len;
        let limit = volume.options.queue_bytes;
        if queued > limit {
            volume.stats.refused.add(1);
            return Err(WriteError::QueueFull {
                disk: volume.disk.clone(),
                queued,
                limit,
            });
        }
        let job = Job::Fragment {
            segment: self.handle.clone(),
            fragment: Arc::new(fragment),
        };
        if !volume.queue.push(job) {
            return Err(WriteError::VolumeDown {
                disk: volume.disk.clone(),
                detail: "it was taken out".into(),
            });
        }
        self.bytes += len;
        Ok(())
    }

    /// Further reasons for which this segment is recorded: kept in the ledger.
    pub fn add_causes(&mut self, causes: Causes) {
        self.volume.queue.push(Job::Causes {
            segment: self.handle.clone(),
            causes,
        });
    }

    /// Bytes of fragments queued so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn volume(&self) -> &Arc<Volume> {
        &self.volume
    }

    /// No more fragments: the file is trimmed and its row goes to the index.
    pub fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.finished, true) {
            self.volume.queue.push(Job::Finish {
                segment: self.handle.clone(),
            });
        }
    }
}

impl Drop for SegmentWriter {
    fn drop(&mut self) {
        self.end();
    }
}
