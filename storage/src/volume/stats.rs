//! Counters of a volume, bumped by its threads and read by anyone.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }
    pub fn sub(&self, n: u64) {
        let less = |old: u64| Some(old.saturating_sub(n));
        // Always `Some`.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
    pub fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }
    pub fn max(&self, n: u64) {
        self.0.fetch_max(n, Ordering::Relaxed);
    }
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(super) struct Stats {
    pub written_bytes: Counter,
    pub fragments: Counter,
    pub refused: Counter,
    pub dropped_units: Counter,
    pub footage_bytes: Counter,
    pub snapshot_bytes: Counter,
    pub total: Counter,
    pub free: Counter,
    pub syncs: Counter,
    pub last_sync_ms: Counter,
    pub slowest_sync_ms: Counter,
}

impl Stats {
    pub fn synced(&self, millis: u64) {
        self.syncs.add(1);
        self.last_sync_ms.set(millis);
        self.slowest_sync_ms.max(millis);
    }
}

/// Since when a thread has been inside one operation on the disk.
#[derive(Debug)]
pub(super) struct Busy {
    epoch: Instant,
    /// ms since `epoch` plus 1; 0: idle.
    since: AtomicU64,
    /// Microseconds in all, of operations that have ended.
    total_us: AtomicU64,
    begun: AtomicU64,
}

impl Busy {
    pub fn new() -> Self {
        Self {
            epoch: Instant::now(),
            since: AtomicU64::new(0),
            total_us: AtomicU64::new(0),
            begun: AtomicU64::new(0),
        }
    }
    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }
    pub fn begin(&self) {
        self.begun.store(self.micros(), Ordering::Relaxed);
        self.since.store(self.now(), Ordering::Relaxed);
    }
    pub fn end(&self) {
        self.since.store(0, Ordering::Relaxed);
        let took = self.micros().saturating_sub(self.begun.load(Ordering::Relaxed));
        self.total_us.fetch_add(took, Ordering::Relaxed);
    }
    fn micros(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
    /// Of operations that have ended.
    pub fn total(&self) -> Duration {
        Duration::from_micros(self.total_us.load(Ordering::Relaxed))
    }
    /// `None`: idle.
    pub fn since(&self) -> Option<Duration> {
        match self.since.load(Ordering::Relaxed) {
            0 => None,
            since => Some(Duration::from_millis(self.now().saturating_sub(since))),
        }
    }
}
