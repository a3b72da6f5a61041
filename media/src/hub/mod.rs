//! One stream's fan-out: one publisher, any number of subscribers, no lock on the way.
//!
//! The publisher never waits. Each subscriber has a bounded ring of its own; what happens when
//! it is full is the subscriber's [`Policy`]. A new subscriber starts from the cached GOP.

use std::sync::Arc;

use vigie_config::StreamId;

use crate::{access_unit::AccessUnit, format::StreamFormat};

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
    /// Never by units unless the ring is half full, a RAP comes, or the hub closes: the
    /// subscriber looks by itself on a timer. For recorders: 2 wake-ups a second, not 25.
    Lazy,
}

/// What a subscriber reads.
#[derive(Debug, Clone)]
pub enum Item {
    Unit(Arc<AccessUnit>),
    /// The ring overflowed (or the publisher changed its mind): this many units are missing here.
    Lost { units: u64 },
}

/// Plain numbers about a hub, read at any time without disturbing it.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct HubStats {
    pub units: u64,
    pub bytes: u64,
    /// Milliseconds on the monotonic clock since the last published video unit; `None` before the first.
    pub idle_ms: Option<u64>,
    pub fps: f32,
    pub bitrate_bps: u64,
    /// RTP packets known missing, as told by the source.
    pub packets_lost: u64,
    pub subscribers: usize,
    pub units_dropped_for_subscribers: u64,
    pub gop_cache_bytes: u64,
}
// The contract to fill in (owner: the hub's author):
//
// Hub::new(stream: StreamId, gop_cache_bytes: usize) -> Arc<Hub>
// Hub::stream(&self) -> &StreamId
// Hub::publisher(self: &Arc<Self>) -> Publisher          newest wins: an older publisher's units are ignored
// Hub::subscribe(self: &Arc<Self>, Policy, Wake, capacity_units: usize) -> Subscriber
// Hub::format(&self) -> Option<Arc<StreamFormat>>          last seen
// Hub::stats(&self) -> HubStats
// Hub::close(&self)                                       subscribers read None after what is queued
// Publisher::publish(&mut self, unit: AccessUnit)          sets seq; no wake yet
// Publisher::flush(&mut self)                              wakes EachBatch subscribers
// Publisher::packets_lost(&mut self, n: u64)
// Subscriber::try_next(&mut self) -> Option<Item>          never waits
// Subscriber::next(&mut self) -> impl Future<Output = Option<Item>>   None: hub closed
// Subscriber::wait(&mut self) -> impl Future<Output = ()>  resolves when woken (Lazy: half full, RAP, closed)
#[allow(unused)]
fn _contract(_: StreamId, _: Arc<StreamFormat>) {}
