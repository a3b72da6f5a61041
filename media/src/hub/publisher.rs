//! The one who brings units in.

use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Instant,
};

use vigie_config::StreamId;

use super::{Hub, gop::GopWriter, stats::Rate};
use crate::{
    access_unit::{AccessUnit, Track},
    format::StreamFormat,
};

/// What publishers hand on to each other.
pub(super) struct Core {
    /// Which publisher is the newest.
    generation: u64,
    seq: u64,
    bytes: u64,
    gop: GopWriter,
    format: Option<Arc<StreamFormat>>,
    rate: Rate,
    video_in_batch: bool,
}

impl Core {
    pub fn new(gop_cache_bytes: usize) -> Core {
        Core {
            generation: 0,
            seq: 0,
            bytes: 0,
            gop: GopWriter::new(gop_cache_bytes),
            format: None,
            rate: Rate::default(),
            video_in_batch: false,
        }
    }
}

/// Publishes units into a [`Hub`]. Dropping it leaves the hub and its subscribers as they are.
pub struct Publisher {
    hub: Arc<Hub>,
    generation: u64,
}

impl Publisher {
    pub(super) fn new(hub: Arc<Hub>) -> Publisher {
        let generation = {
            let mut core = hub.core.lock().unwrap_or_else(PoisonError::into_inner);
            core.generation += 1;
            core.generation
        };
        Publisher { hub, generation }
    }

    pub fn stream(&self) -> &StreamId {
        self.hub.stream()
    }

    /// Someone wants units at once (see [`Hub::has_live_viewers`]).
    pub fn has_live_viewers(&self) -> bool {
        self.hub.has_live_viewers()
    }

    /// Hands a unit to every subscriber; sets its `seq`; wakes nobody (see [`Publisher::flush`]).
    pub fn publish(&mut self, mut unit: AccessUnit) {
        let hub = &*self.hub;
        let mut core = hub.core.lock().unwrap_or_else(PoisonError::into_inner);
        if core.generation != self.generation || hub.is_closed() {
            return;
        }
        core.seq += 1;
        core.bytes += unit.data.len() as u64;
        unit.seq = core.seq;
        if core.format.as_ref().is_none_or(|seen| !Arc::ptr_eq(seen, &unit.format)) {
            core.format = Some(unit.format.clone());
            hub.format.store(Some(unit.format.clone()));
        }
        core.rate.add(&unit);
        core.video_in_batch |= unit.track == Track::Video;
        let unit = Arc::new(unit);
        core.gop.add(&hub.gop, &unit);
        let mut dropped = 0;
        for ring in hub.rings.load().iter() {
            dropped += ring.push(&unit);
        }
        hub.counters
            .published(core.seq, core.bytes, core.gop.bytes() as u64, dropped);
    }

    /// Ends a batch: wakes the subscribers that asked for it and brings the figures up to date.
    /// To be called after every read of the socket that brought units.
    pub fn flush(&mut self) {
        let hub = &*self.hub;
        {
            let mut core = hub.core.lock().unwrap_or_else(PoisonError::into_inner);
            if core.generation != self.generation {
                return;
            }
            let now = Instant::now();
            if std::mem::take(&mut core.video_in_batch) {
                hub.counters.video_seen(now);
            }
            if let Some((fps, bitrate_bps)) = core.rate.turn(now) {
                hub.counters.rate(fps, bitrate_bps);
            }
        }
        for ring in hub.rings.load().iter() {
            ring.flush();
        }
    }

    /// RTP packets missing and not repaired: counted for [`super::HubStats`].
    pub fn packets_lost(&mut self, n: u64) {
        self.hub.counters.packets_lost.fetch_add(n, Ordering::Relaxed);
    }
}
