//! A volume's threads: their start, their hanging, their failing, their end.

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use vigie_config::Utc;

use super::{
    Parts, Volume,
    held::Held,
    lock,
    queue::{Job, Queue},
    stats::{Busy, Stats},
    sync, writer,
};
use crate::{error::VolumeError, fact::StorageFact};

/// How long [`Volume::stop`] waits for its threads before it leaves them behind; of a volume that
/// has failed nothing is written any more.
const STOP_WAIT: Duration = Duration::from_secs(15);
const STOP_WAIT_FAILED: Duration = Duration::from_millis(500);

/// A disk that has answered in time for so long is told anew when it is slow again.
const SLOW_TOLD_FOR: Duration = Duration::from_secs(60);

fn whole_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

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
            incomplete,
            full_told,
        } = parts;
        let hung_after = match root.is_rotating() {
            Some(false) => options.hung_after,
            _ => options.hung_after_rotating,
        };
        let volume = Arc::new(Volume {
            hung_after,
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
            slow_told: Mutex::default(),
            full_told,
            failed: OnceLock::new(),
            open: Mutex::default(),
            oldest: Mutex::new(oldest),
            checkpoint: Mutex::new(checkpoint),
            behind: AtomicU64::new(0),
            covered: AtomicU64::new(0),
            counted: AtomicBool::new(footage_bytes.is_some()),
            snapshots_counted: AtomicBool::new(false),
            opened: Utc::now(),
            indexed: AtomicBool::new(checkpoint.is_some()),
            incomplete,
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
        self.held.dirty();
        self.write_out(longest) && self.tick_wake.wait_for_sync(longest.saturating_sub(begin.elapsed()))
    }

    /// Everything queued before this call is in its files (or the time is over: false).
    pub fn write_out(&self, longest: Duration) -> bool {
        let (done, written) = mpsc::channel();
        self.queue.push(Job::Barrier(done)) && written.recv_timeout(longest).is_ok()
    }

    /// One sync, where no tick comes by itself.
    #[cfg(test)]
    pub(crate) fn sync_once(&self) {
        let done = self.tick_wake.done();
        self.tick_wake.sync_now();
        while self.tick_wake.done() == done {
            thread::yield_now();
        }
    }

    /// How long the disk has been behind: inside one operation, or with the oldest job.
    pub(super) fn lag(&self) -> Duration {
        let busy = [self.writing.since(), self.syncing.since()];
        busy.into_iter()
            .flatten()
            .chain([self.queue.lag()])
            .max()
            .unwrap_or_default()
    }

    /// It answers in time.
    pub fn is_prompt(&self) -> bool {
        !self.has_failed() && self.lag() <= self.hung_after
    }

    /// A disk that is behind for too long is given up where another one can take the footage
    /// (`elsewhere`), and told where none can.
    pub(crate) fn watch(&self, elsewhere: bool) {
        if self.is_prompt() || self.has_failed() {
            let mut told = lock(&self.slow_told);
            *told = told.filter(|at| at.elapsed() < SLOW_TOLD_FOR);
            return;
        }
        let (disk, millis) = (self.disk.clone(), whole_millis(self.lag()));
        if elsewhere {
            self.give_up();
        } else if lock(&self.slow_told).replace(Instant::now()).is_none() {
            tracing::warn!(volume = %self.disk, millis, "the disk is slow: a write or a sync has not returned");
            (self.facts)(StorageFact::VolumeSlow { disk, millis });
        }
    }

    /// It is behind for too long.
    pub(crate) fn give_up(&self) {
        self.fail(VolumeError::SlowSync {
            disk: self.disk.clone(),
            millis: whole_millis(self.lag()),
            allowed: whole_millis(self.hung_after),
        });
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
        let unsynced = Arc::new(self.held.abandon(queued));
        for given_back in unsynced.iter() {
            if let Some(last) = given_back.fragments.last() {
                self.catalog.on_its_way(&given_back.stream, last.end);
            }
        }
        // A writer that hangs cannot do it.
        let open: Vec<_> = lock(&self.open).drain().collect();
        for (token, (stream, _)) in open {
            self.catalog.segment_closed(&stream, token);
        }
        self.tick_wake.stop();
        (self.facts)(StorageFact::VolumeFailed {
            disk: self.disk.clone(),
            error,
            unsynced,
        });
    }

    /// Writes what is queued, finishes the files, syncs, ends the threads. Gives back those that
    /// hang in the kernel: until they have ended the disk must not be opened again.
    pub(crate) fn stop(&self) -> Vec<thread::JoinHandle<()>> {
        self.queue.close();
        let wait = if self.has_failed() { STOP_WAIT_FAILED } else { STOP_WAIT };
        let until = Instant::now() + wait;
        let mut left_behind = Vec::new();
        // The writer first, so that the last sync covers what it wrote.
        for (thread, ended) in lock(&self.threads).drain(..) {
            let left = until.saturating_duration_since(Instant::now());
            match ended.recv_timeout(left) {
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    tracing::error!(volume = %self.disk, "a thread of this disk hangs and is left behind");
                    left_behind.push(thread);
                }
                _ => {
                    if thread.join().is_err() {
                        tracing::error!(volume = %self.disk, "a thread of this disk has panicked");
                    }
                }
            }
            self.tick_wake.stop();
        }
        if left_behind.is_empty() && !self.has_failed() {
            self.held.nothing_new();
        }
        left_behind
    }
}
