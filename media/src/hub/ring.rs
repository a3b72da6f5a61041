//! One subscriber's bounded queue: bounded in units and in bytes, never blocking either side.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use crossbeam_queue::ArrayQueue;
use tokio::sync::Notify;

use super::{Policy, Wake};
use crate::access_unit::{AccessUnit, Track};

pub(super) struct Ring {
    queue: ArrayQueue<Arc<AccessUnit>>,
    policy: Policy,
    wake: Wake,
    bytes: AtomicU64,
    max_bytes: u64,
    /// `SkipToRap` after an overflow: units are dropped until a video RAP.
    skipping: AtomicBool,
    notify: Notify,
}

impl Ring {
    pub fn new(policy: Policy, wake: Wake, capacity: usize, max_bytes: u64) -> Ring {
        Ring {
            queue: ArrayQueue::new(capacity.max(2)),
            policy,
            wake,
            bytes: AtomicU64::new(0),
            max_bytes,
            skipping: AtomicBool::new(false),
            notify: Notify::new(),
        }
    }

    pub fn wake(&self) -> Wake {
        self.wake
    }

    /// Queues a unit and returns how many units were dropped to keep the bounds.
    pub fn push(&self, unit: &Arc<AccessUnit>) -> u64 {
        let mut dropped = 0;
        let video_rap = unit.rap && unit.track == Track::Video;
        if self.skipping.load(Ordering::Relaxed) {
            if !video_rap {
                return 1;
            }
            self.skipping.store(false, Ordering::Relaxed);
        }
        if !self.try_push(unit) {
            match self.policy {
                Policy::MustNotDrop => dropped += 1,
                Policy::SkipToRap => {
                    while self.pop().is_some() {
                        dropped += 1;
                    }
                    if !(video_rap && self.try_push(unit)) {
                        dropped += 1;
                        self.skipping.store(true, Ordering::Relaxed);
                    }
                }
            }
        }
        if self.wake == Wake::Lazy {
            let bytes = self.bytes.load(Ordering::Relaxed);
            let half = self.max_bytes / 2;
            let crossed = bytes >= half && bytes - (unit.data.len() as u64).min(bytes) < half;
            if crossed || self.queue.len() == self.queue.capacity() / 2 {
                self.notify.notify_one();
            }
        }
        dropped
    }

    fn try_push(&self, unit: &Arc<AccessUnit>) -> bool {
        let weight = unit.data.len() as u64;
        let before = self.bytes.fetch_add(weight, Ordering::Relaxed);
        // A single unit over the bound still passes through an empty ring.
        let fits = before == 0 || before + weight <= self.max_bytes;
        if fits && self.queue.push(unit.clone()).is_ok() {
            return true;
        }
        self.bytes.fetch_sub(weight, Ordering::Relaxed);
        false
    }

    pub fn pop(&self) -> Option<Arc<AccessUnit>> {
        let unit = self.queue.pop()?;
        self.bytes.fetch_sub(unit.data.len() as u64, Ordering::Relaxed);
        Some(unit)
    }

    /// The end of a batch.
    pub fn flush(&self) {
        if self.wake == Wake::EachBatch && !self.queue.is_empty() {
            self.notify.notify_one();
        }
    }

    pub fn wake_now(&self) {
        self.notify.notify_one();
    }

    /// Resolves at the next wake-up; one that came before is not lost.
    pub async fn woken(&self) {
        self.notify.notified().await;
    }
}
