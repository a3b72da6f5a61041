//! When a unit is sent, on the clock of the pipeline that sends it. Pure.

use vigie_config::Utc;

/// Cached units are sent at once: their spacing is pressed into this many nanoseconds, so that a
/// player runs through them and then shows the present.
const CATCH_UP: i64 = 100_000_000;
/// The wall clock may differ from the time that passed by this much (ns) before it counts as set.
const STEP: i64 = 2_000_000_000;

/// Maps units' wall-clock times to running time, continuous over reconnects of the source and
/// over settings of the host's clock.
#[derive(Debug)]
pub(super) struct SendClock {
    /// This instant of the camera is sent at `running` (ns).
    present: Utc,
    running: i64,
    /// Units before the present are older by at most this (ns).
    cached: i64,
    last: Option<(i64, i64)>,
}

impl SendClock {
    /// `present`: time of the newest unit known; `oldest`: of the first that will be sent.
    pub fn new(present: Utc, oldest: Utc, running: i64) -> Self {
        let cached = present.micros_since(oldest).max(0).saturating_mul(1000);
        // What came before the present must not come before the beginning.
        SendClock {
            present,
            running: running.max(CATCH_UP),
            cached,
            last: None,
        }
    }

    /// Running times (ns) at which a unit is decoded and shown, read at `now` (ns of running time).
    /// `decoded`: an instant of the camera; `delay`: from there to being shown (µs).
    pub fn times(&mut self, decoded: Utc, delay: i64, now: i64) -> (i64, i64) {
        let sent = self.at(decoded, now);
        // B-frames stay in order also where time is pressed together.
        (sent, self.map(decoded.plus_micros(delay)).max(sent))
    }

    fn at(&mut self, instant: Utc, now: i64) -> i64 {
        let mut sent = self.map(instant);
        if let Some((last, then)) = self.last
            && ((sent - last) - (now - then)).abs() > STEP.max(self.cached)
        {
            self.present = instant;
            self.running = last + (now - then).max(0);
            sent = self.running;
        }
        self.last = Some((sent, now));
        sent.max(0)
    }

    fn map(&self, instant: Utc) -> i64 {
        let off = instant.micros_since(self.present).saturating_mul(1000);
        if off >= 0 || self.cached <= CATCH_UP {
            return self.running.saturating_add(off);
        }
        let share = off as f64 / self.cached as f64;
        self.running.saturating_add((share * CATCH_UP as f64) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(ms: i64) -> Utc {
        Utc::from_micros(1_700_000_000_000_000 + ms * 1000)
    }
    const MS: i64 = 1_000_000;

    #[test]
    fn the_past_is_pressed_together_and_the_present_is_now() {
        let mut clock = SendClock::new(utc(2000), utc(0), 5000 * MS);
        assert_eq!(clock.at(utc(0), 5000 * MS), 4900 * MS);
        assert_eq!(clock.at(utc(1000), 5000 * MS), 4950 * MS);
        assert_eq!(clock.at(utc(2000), 5000 * MS), 5000 * MS);
        assert_eq!(clock.at(utc(2040), 5041 * MS), 5040 * MS);
    }

    #[test]
    fn pictures_keep_their_order_where_time_is_pressed_together() {
        let mut clock = SendClock::new(utc(2000), utc(0), 5000 * MS);
        // Shown 0 4 2 1 3 in order of decoding, 100 ms each, then the present.
        let shown: Vec<_> = [
            (0, 200),
            (100, 500),
            (200, 200),
            (300, 0),
            (400, 100),
            (2000, 200),
            (2100, 0),
        ]
        .map(|(decoded, delay)| clock.times(utc(decoded), delay * 1000, 5000 * MS).1)
        .into();
        let order = [0, 3, 2, 4, 1, 6, 5].map(|at: usize| shown[at]);
        assert!(order.windows(2).all(|pair| pair[0] <= pair[1]), "{order:?}");
    }

    #[test]
    fn a_pause_of_the_source_is_a_pause() {
        let mut clock = SendClock::new(utc(0), utc(0), 1000 * MS);
        clock.at(utc(0), 1000 * MS);
        assert_eq!(clock.at(utc(10_000), 11_000 * MS), 11_000 * MS);
    }

    #[test]
    fn a_step_of_the_wall_clock_is_not_sent() {
        for step in [-3_600_000, 3_600_000] {
            let mut clock = SendClock::new(utc(0), utc(0), 1000 * MS);
            clock.at(utc(0), 1000 * MS);
            assert_eq!(clock.at(utc(step), 1040 * MS), 1040 * MS);
            assert_eq!(clock.at(utc(step + 40), 1080 * MS), 1080 * MS);
        }
    }
}
