//! A volume's threads: their start, their hanging, their failing, their end.

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    Parts, Volume,
    held::Held,
    lock,
    queue::{Job, Queue},
    stats::{Busy, Stats},
    sync, writer,
};
use crate::{error::VolumeError, fact::StorageFact};

/// How long [`Volume::stop`] waits for its threads before it leaves them behind.
const STOP_WAIT: Duration = Duration::from_secs(15);

/// What a thread of a volume runs.
type Body = fn(Arc<Volume>);

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
            oldest,
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
            oldest: Mutex::new(oldest),
            checkpoint: Mutex::new(checkpoint),
            behind: AtomicU64::new(0),
            covered: AtomicU64::new(0),
            counted: AtomicBool::new(footage_bytes.is_some()),
            threads: Mutex::default(),
        });
        volume.stats.footage_bytes.set(footage_bytes.unwrap_or(0));
        volume.look_at_space();
        let bodies: [(&str, Body); 2] = [("write", writer::run), ("sync", sync::run)];
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
    pub(super) fn fail(&self, error: VolumeError) {
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
}
