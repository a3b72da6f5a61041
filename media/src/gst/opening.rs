//! The first samples of a connection wait until the formats of all its tracks are known, so that
//! the first unit published knows them: a track that joins later would begin a second file.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use gstreamer as gst;

use crate::access_unit::Track;

/// Microseconds in which a track may show what it carries.
const PATIENCE: i64 = 2_000_000;
/// What may wait meanwhile.
const MOST_SAMPLES: usize = 512;
const MOST_BYTES: usize = 16 << 20;

/// Which tracks there are, as far as the pipeline has found out.
#[derive(Debug, Clone, Default)]
pub(super) struct Offer(Arc<Found>);

#[derive(Debug, Default)]
struct Found {
    taken: Mutex<Vec<Track>>,
    complete: AtomicBool,
}

impl Offer {
    /// `false`: there is one already.
    pub fn take(&self, track: Track) -> bool {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let free = !taken.contains(&track);
        if free {
            taken.push(track);
        }
        free
    }

    /// No further track will come.
    pub fn complete(&self) {
        self.0.complete.store(true, Ordering::Release);
    }

    pub fn may_bring(&self, track: Track) -> bool {
        let complete = self.0.complete.load(Ordering::Acquire);
        !complete
            || self
                .0
                .taken
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(&track)
    }
}

/// One sample, and when it came on the host's monotonic clock in microseconds.
#[derive(Debug)]
pub(super) struct Waiting {
    pub track: Track,
    pub sample: gst::Sample,
    pub arrival: i64,
}

#[derive(Debug, Default)]
pub(super) struct Opening {
    samples: Vec<Waiting>,
    bytes: usize,
}

impl Opening {
    pub fn hold(&mut self, waiting: Waiting) {
        self.bytes += waiting.sample.buffer().map_or(0, |buffer| buffer.size());
        self.samples.push(waiting);
    }

    /// Microseconds for which may still be waited; 0: no longer. `None`: nothing waits.
    pub fn patience(&self, now: i64) -> Option<i64> {
        let first = self.samples.first()?;
        if self.samples.len() >= MOST_SAMPLES || self.bytes >= MOST_BYTES {
            return Some(0);
        }
        Some((first.arrival + PATIENCE - now).max(0))
    }

    pub fn release(self) -> Vec<Waiting> {
        self.samples
    }
}
