//! Counters of a hub, and the rates of the last seconds.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Instant,
};

use vigie_config::Utc;

use crate::access_unit::{AccessUnit, Track};

/// Plain numbers about a hub, read at any time without disturbing it.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct HubStats {
    pub units: u64,
    pub bytes: u64,
    /// Milliseconds on the monotonic clock since the last batch with a video unit; `None` before
    /// the first.
    pub idle_ms: Option<u64>,
    /// Over the last 5 s; 0 when nothing came for as long.
    pub fps: f32,
    pub bitrate_bps: u64,
    /// RTP packets known missing, as told by the source.
    pub packets_lost: u64,
    pub subscribers: usize,
    pub units_dropped_for_subscribers: u64,
    pub gop_cache_bytes: u64,
}

pub(super) struct Counters {
    born: Instant,
    units: AtomicU64,
    bytes: AtomicU64,
    gop_cache_bytes: AtomicU64,
    dropped: AtomicU64,
    pub packets_lost: AtomicU64,
    /// Milliseconds since `born`, plus one; 0: never.
    video_ms: AtomicU64,
    fps_bits: AtomicU32,
    bitrate_bps: AtomicU64,
}

impl Counters {
    pub fn new() -> Counters {
        Counters {
            born: Instant::now(),
            units: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            gop_cache_bytes: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            packets_lost: AtomicU64::new(0),
            video_ms: AtomicU64::new(0),
            fps_bits: AtomicU32::new(0),
            bitrate_bps: AtomicU64::new(0),
        }
    }

    /// Only one publisher writes at a time, so totals are stored, not added.
    pub fn published(&self, units: u64, bytes: u64, gop_cache_bytes: u64, dropped: u64) {
        self.units.store(units, Relaxed);
        self.bytes.store(bytes, Relaxed);
        self.gop_cache_bytes.store(gop_cache_bytes, Relaxed);
        if dropped > 0 {
            self.dropped.fetch_add(dropped, Relaxed);
        }
    }

    pub fn video_seen(&self, now: Instant) {
        self.video_ms.store(self.millis(now) + 1, Relaxed);
    }

    pub fn rate(&self, fps: f32, bitrate_bps: u64) {
        self.fps_bits.store(fps.to_bits(), Relaxed);
        self.bitrate_bps.store(bitrate_bps, Relaxed);
    }

    pub fn read(&self, subscribers: usize) -> HubStats {
        let idle_ms = self
            .video_ms
            .load(Relaxed)
            .checked_sub(1)
            .map(|at| self.millis(Instant::now()).saturating_sub(at));
        let flowing = idle_ms.is_some_and(|idle| idle < 1000 * WINDOW_SECONDS as u64);
        HubStats {
            units: self.units.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            idle_ms,
            fps: if flowing {
                f32::from_bits(self.fps_bits.load(Relaxed))
            } else {
                0.0
            },
            bitrate_bps: if flowing { self.bitrate_bps.load(Relaxed) } else { 0 },
            packets_lost: self.packets_lost.load(Relaxed),
            subscribers,
            units_dropped_for_subscribers: self.dropped.load(Relaxed),
            gop_cache_bytes: self.gop_cache_bytes.load(Relaxed),
        }
    }

    fn millis(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.born).as_millis() as u64
    }
}

const WINDOW_SECONDS: usize = 5;

/// Frames and bytes of the last seconds, in buckets of about one second of arrival.
///
/// The span is taken from the units' own times, so a constant frame rate reads as such however
/// the socket batches it.
#[derive(Default)]
pub(super) struct Rate {
    buckets: VecDeque<Bucket>,
    opened: Option<Instant>,
}

struct Bucket {
    /// Of its first video unit.
    from: Option<Utc>,
    frames: u32,
    bytes: u64,
}

impl Rate {
    pub fn add(&mut self, unit: &AccessUnit) {
        if self.buckets.is_empty() {
            self.open();
        }
        if let Some(bucket) = self.buckets.back_mut() {
            bucket.bytes += unit.data.len() as u64;
            if unit.track == Track::Video {
                bucket.frames += 1;
                bucket.from.get_or_insert(unit.utc);
            }
        }
    }

    /// Once a second: opens a new bucket and returns frames and bits per second.
    pub fn turn(&mut self, now: Instant) -> Option<(f32, u64)> {
        let opened = *self.opened.get_or_insert(now);
        // A bucket ends only after its successor's first unit is there to end its span, so the
        // figures are those of the buckets before the newest.
        if now.saturating_duration_since(opened).as_millis() < 1000 {
            return None;
        }
        self.opened = Some(now);
        let rate = self.measure();
        self.open();
        rate
    }

    fn open(&mut self) {
        if self.buckets.len() > WINDOW_SECONDS {
            self.buckets.pop_front();
        }
        self.buckets.push_back(Bucket {
            from: None,
            frames: 0,
            bytes: 0,
        });
    }

    fn measure(&self) -> Option<(f32, u64)> {
        let newest = self.buckets.back()?;
        let oldest = self.buckets.iter().find(|b| b.from.is_some())?;
        let span = newest.from?.micros_since(oldest.from?);
        if span <= 0 {
            return None;
        }
        let (frames, bytes) = self
            .buckets
            .iter()
            .take(self.buckets.len() - 1)
            .fold((0u32, 0u64), |(frames, bytes), b| (frames + b.frames, bytes + b.bytes));
        let seconds = span as f64 / 1e6;
        Some((
            (f64::from(frames) / seconds) as f32,
            (bytes as f64 * 8.0 / seconds) as u64,
        ))
    }
}
