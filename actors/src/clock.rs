//! The host's clock: is it synchronised, has it stepped?
//!
//! Kept here because several actors ask: segments are marked with it, retention by age pauses
//! without it.

mod witness;

use std::{
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    time::Instant,
};

use vigie_config::Utc;
use witness::Witnesses;

/// A step larger than this stops deletion by age until the process starts again.
const DISTRUST_MICROS: i64 = 3600 * 1_000_000;
/// A step larger than this is told.
const STEP_MICROS: i64 = 1_000_000;

/// Watches wall clock against monotonic clock.
pub struct ClockWatch {
    origin: Instant,
    /// Wall clock minus monotonic clock as last seen, µs.
    offset: AtomicI64,
    /// The sum of all steps since the start, µs.
    stepped: AtomicI64,
    synchronised: AtomicBool,
    witnesses: Witnesses,
}

impl Default for ClockWatch {
    fn default() -> Self {
        let origin = Instant::now();
        let witnesses = Witnesses::default();
        Self {
            origin,
            offset: AtomicI64::new(Utc::now().as_micros()),
            stepped: AtomicI64::new(0),
            synchronised: AtomicBool::new(witnesses.say_synchronised()),
            witnesses,
        }
    }
}

impl ClockWatch {
    /// Looks at both clocks; the step since the last look, if it is worth telling, in seconds. May
    /// wait for an answer for a moment.
    pub fn look(&self) -> Option<f64> {
        let monotonic = i64::try_from(self.origin.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.synchronised
            .store(self.witnesses.say_synchronised(), Ordering::Relaxed);
        self.see(Utc::now(), monotonic)
    }

    fn see(&self, wall: Utc, monotonic_micros: i64) -> Option<f64> {
        let now = wall.as_micros() - monotonic_micros;
        let step = now - self.offset.swap(now, Ordering::Relaxed);
        if step.abs() < STEP_MICROS {
            return None;
        }
        self.stepped.fetch_add(step, Ordering::Relaxed);
        Some(step as f64 / 1e6)
    }

    pub fn is_synchronised(&self) -> bool {
        self.synchronised.load(Ordering::Relaxed)
    }

    /// May footage be deleted for its age by this clock?
    pub fn trusted(&self) -> bool {
        self.is_synchronised() && self.stepped.load(Ordering::Relaxed).abs() <= DISTRUST_MICROS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_seen_once_and_large_ones_end_trust() {
        let watch = ClockWatch::default();
        watch.synchronised.store(true, Ordering::Relaxed);
        let start = Utc::from_micros(watch.offset.load(Ordering::Relaxed));
        assert_eq!(watch.see(start.plus_micros(500_000), 500_000), None);
        assert_eq!(watch.see(start.plus_micros(3_000_000), 1_000_000), Some(2.0));
        assert_eq!(watch.see(start.plus_micros(4_000_000), 2_000_000), None);
        assert!(watch.trusted());
        assert!(watch.see(start.plus_micros(4_000_000_000), 3_000_000).is_some());
        assert!(!watch.trusted());
    }
}
