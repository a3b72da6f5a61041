//! One mount's subscription: from the hub's units to the elements that send them.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use tokio::sync::watch;
use vigie_config::Utc;

use super::{
    payload,
    timing::{EXACT, SendClock},
};
use crate::{
    access_unit::{AccessUnit, Track},
    format::StreamFormat,
    hub::{Hub, Item, Policy, Subscriber, Wake},
};

/// Units in the hub's ring: two seconds of video with sound.
const RING_UNITS: usize = 256;
/// What may wait before the payloader (clients that asked and did not play) before units are
/// left out.
const WAITING_BYTES: u64 = 4 << 20;

/// Why a feed ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nobody watches any more.
    Unwatched,
    /// What comes now cannot be sent under the description that the clients have.
    FormatChanged,
    HubClosed,
}

/// Whether the elements of a mount take units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Preparing,
    Running,
    Over,
}

pub(super) struct Feed {
    pub hub: Arc<Hub>,
    /// What the clients' description was made of.
    pub format: Arc<StreamFormat>,
    pub video: gst::glib::WeakRef<gst_app::AppSrc>,
    pub audio: Option<gst::glib::WeakRef<gst_app::AppSrc>>,
    pub stage: watch::Receiver<Stage>,
    pub dropped: Arc<AtomicU64>,
}

impl Feed {
    /// Feeds until the mount is not watched any more or cannot go on.
    pub async fn run(mut self) -> End {
        match self.stage.wait_for(|stage| *stage != Stage::Preparing).await {
            Ok(stage) if *stage == Stage::Running => {}
            _ => return End::Unwatched,
        }
        let mut subscriber = self.hub.subscribe(Policy::SkipToRap, Wake::EachBatch, RING_UNITS);
        let mut waiting = match self.cached(&mut subscriber).await {
            Ok(waiting) => waiting,
            Err(end) => return end,
        };
        let Some(mut clock) = self.clock(&waiting) else {
            return End::Unwatched;
        };
        leave_out_old_sound(&mut waiting);
        // The cached GOP comes at once, whatever it weighs.
        let cached: usize = waiting.iter().map(|unit| unit.data.len()).sum();
        let mut room = Room {
            bytes: WAITING_BYTES + cached as u64,
            skipping: false,
        };
        loop {
            let item = match waiting.pop_front() {
                Some(unit) => Item::Unit(unit),
                None => tokio::select! {
                    item = subscriber.next() => match item {
                        Some(item) => item,
                        None => return End::HubClosed,
                    },
                    _ = self.stage.wait_for(|stage| *stage == Stage::Over) => return End::Unwatched,
                },
            };
            let Item::Unit(unit) = item else { continue };
            // Most units share one format: nothing to compare.
            if !Arc::ptr_eq(&unit.format, &self.format) && !payload::fits(unit.track, &unit.format, &self.format) {
                return End::FormatChanged;
            }
            if self.send(&unit, &mut clock, &mut room).is_err() {
                return End::Unwatched;
            }
        }
    }

    /// The cached GOP, or the first unit that comes.
    async fn cached(&mut self, subscriber: &mut Subscriber) -> Result<VecDeque<Arc<AccessUnit>>, End> {
        let mut units = VecDeque::new();
        loop {
            while let Some(item) = subscriber.try_next() {
                if let Item::Unit(unit) = item {
                    units.push_back(unit);
                }
            }
            if !units.is_empty() {
                return Ok(units);
            }
            tokio::select! {
                item = subscriber.next() => if let Item::Unit(unit) = item.ok_or(End::HubClosed)? {
                    units.push_back(unit);
                },
                // Only this media's clients are gone: those of the next one stay.
                _ = self.stage.wait_for(|stage| *stage == Stage::Over) => return Err(End::Unwatched),
            }
        }
    }

    fn clock(&self, units: &VecDeque<Arc<AccessUnit>>) -> Option<SendClock> {
        let oldest = units.iter().map(|unit| unit.utc).min()?;
        let newest = units.iter().map(|unit| unit.utc).max()?;
        // A source that is away left its last GOP: that is the present until it comes back.
        let present = newest.max(Utc::from_micros(oldest.as_micros()));
        Some(SendClock::new(present, oldest, self.running()?))
    }

    /// Nanoseconds; `None` when the mount is gone.
    fn running(&self) -> Option<i64> {
        let running = self.video.upgrade()?.current_running_time();
        Some(
            running
                .and_then(|time| i64::try_from(time.nseconds()).ok())
                .unwrap_or(0),
        )
    }

    fn send(&self, unit: &AccessUnit, clock: &mut SendClock, room: &mut Room) -> Result<(), gst::FlowError> {
        let source = match unit.track {
            Track::Video => Some(&self.video),
            Track::Audio => self.audio.as_ref(),
        };
        let Some(source) = source else { return Ok(()) };
        let source = source.upgrade().ok_or(gst::FlowError::Flushing)?;
        if source.current_level_bytes() > room.bytes {
            room.skipping = true;
        } else if unit.rap && unit.track == Track::Video {
            room.skipping = false;
        }
        if room.skipping {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        let now = self.running().ok_or(gst::FlowError::Flushing)?;
        let delay = (unit.pts - unit.dts).max(0) * 1_000_000 / i64::from(unit.timescale().max(1));
        let (dts, pts) = clock.times(unit.utc, delay, now);
        let time = |ns: i64| gst::ClockTime::from_nseconds(u64::try_from(ns).unwrap_or(0));
        let mut buffer = gst::Buffer::from_slice(unit.data.clone());
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_dts(time(dts));
            buffer.set_pts(time(pts));
            if !unit.rap {
                buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
            }
        }
        source.push_buffer(buffer).map(|_| ())
    }
}

/// What may wait before the payloader.
struct Room {
    bytes: u64,
    /// Until a RAP fits again.
    skipping: bool,
}

/// Sound whose distances would be pressed together is left out: there is no way to run through
/// it. The last one stays, for the description of a track without a unit is never complete.
fn leave_out_old_sound(units: &mut VecDeque<Arc<AccessUnit>>) {
    let Some(newest) = units.iter().map(|unit| unit.utc).max() else {
        return;
    };
    let last = units
        .iter()
        .rfind(|unit| unit.track == Track::Audio)
        .map(|unit| unit.seq);
    units.retain(|unit| {
        let recent = newest.micros_since(unit.utc).saturating_mul(1000) <= EXACT;
        unit.track == Track::Video || recent || Some(unit.seq) == last
    });
}
