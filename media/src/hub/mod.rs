//! One stream's fan-out: one publisher, any number of subscribers, no lock between them.
//!
//! The publisher never waits for a subscriber. Each subscriber has a bounded ring of its own;
//! what happens when it is full is the subscriber's [`Policy`]. A new subscriber starts from
//! the cached GOP and goes on with the live units, without a hole and without a double.
//!
//! Every unit gets the next `seq`; a subscriber sees a loss as a hole in it and is told so by
//! [`Item::Lost`].
//!
//! Belongs here: queues, the cached GOP, counters. Does not belong here: reading a unit's bytes.

mod gop;
mod publisher;
mod ring;
mod stats;
mod subscriber;
#[cfg(test)]
mod tests;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use arc_swap::{ArcSwap, ArcSwapOption};
use vigie_config::StreamId;

use crate::{access_unit::AccessUnit, format::StreamFormat};
pub use publisher::Publisher;
pub use stats::HubStats;
pub use subscriber::Subscriber;

/// What to do with a subscriber whose ring is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The recorder. Overflow is a fault: counted, and told by [`Item::Lost`].
    MustNotDrop,
    /// Viewers and decoders. Overflow empties the ring and resumes at the next RAP.
    SkipToRap,
}

/// When a subscriber's task is woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// At the end of every batch the publisher flushes: for viewers.
    EachBatch,
    /// Never by units unless the ring is half full or the hub closes: the subscriber looks by
    /// itself on a timer. For recorders: 3 wake-ups a second, not 25.
    Lazy,
}

/// What a subscriber reads.
#[derive(Debug, Clone)]
pub enum Item {
    Unit(Arc<AccessUnit>),
    /// The ring overflowed: this many units are missing here.
    Lost {
        units: u64,
    },
}

/// The bytes a ring may hold, whatever its capacity in units: 30 s of 4 Mbit/s.
const RING_BYTES: u64 = 16 << 20;

/// One stream's fan-out. Shared as `Arc`; lives as long as its camera is configured, over all
/// connections.
pub struct Hub {
    stream: StreamId,
    /// The publisher's own state. Taken by publishers only: it is contended only in the moment
    /// when a new publisher takes over from an old one.
    core: Mutex<publisher::Core>,
    gop: gop::GopCache,
    rings: ArcSwap<Vec<Arc<ring::Ring>>>,
    /// Serialises changes of `rings`; never taken on the way of a unit.
    subscribing: Mutex<()>,
    live_viewers: AtomicUsize,
    format: ArcSwapOption<StreamFormat>,
    counters: stats::Counters,
    closed: AtomicBool,
}

impl Hub {
    /// `gop_cache_bytes` bounds the cached GOP; a longer GOP is not cached, and who subscribes
    /// then starts at the next RAP.
    pub fn new(stream: StreamId, gop_cache_bytes: usize) -> Arc<Hub> {
        Arc::new(Hub {
            stream,
            core: Mutex::new(publisher::Core::new(gop_cache_bytes)),
            gop: gop::GopCache::default(),
            rings: ArcSwap::default(),
            subscribing: Mutex::new(()),
            live_viewers: AtomicUsize::new(0),
            format: ArcSwapOption::empty(),
            counters: stats::Counters::new(),
            closed: AtomicBool::new(false),
        })
    }

    pub fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// The newest publisher wins: what an older one publishes from now on is ignored.
    pub fn publisher(self: &Arc<Self>) -> Publisher {
        Publisher::new(self.clone())
    }

    /// A subscriber that starts at the cached GOP, or at the next video RAP when none is cached.
    pub fn subscribe(self: &Arc<Self>, policy: Policy, wake: Wake, capacity_units: usize) -> Subscriber {
        let ring = Arc::new(ring::Ring::new(policy, wake, capacity_units, RING_BYTES));
        self.add(&ring);
        // The ring first, then the cache: what is published between the two is in both, and
        // the subscriber drops the double by its `seq`.
        Subscriber::new(self.clone(), ring, self.gop.read())
    }

    /// Formats as of the newest unit.
    pub fn format(&self) -> Option<Arc<StreamFormat>> {
        self.format.load_full()
    }

    /// Someone wants units at once: sources then must not collect them for long.
    pub fn has_live_viewers(&self) -> bool {
        self.live_viewers.load(Ordering::Relaxed) > 0
    }

    pub fn stats(&self) -> HubStats {
        self.counters.read(self.rings.load().len())
    }

    /// Subscribers read what is queued, then `None`. Units published later are ignored.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        for ring in self.rings.load().iter() {
            ring.wake_now();
        }
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    fn add(&self, ring: &Arc<ring::Ring>) {
        let _one_at_a_time = self.subscribing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rings = Vec::clone(&self.rings.load());
        rings.push(ring.clone());
        self.rings.store(Arc::new(rings));
        if ring.wake() == Wake::EachBatch {
            self.live_viewers.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn remove(&self, ring: &Arc<ring::Ring>) {
        let _one_at_a_time = self.subscribing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rings = Vec::clone(&self.rings.load());
        rings.retain(|other| !Arc::ptr_eq(other, ring));
        self.rings.store(Arc::new(rings));
        if ring.wake() == Wake::EachBatch {
            self.live_viewers.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}
