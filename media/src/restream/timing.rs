//! When a unit is sent, on the clock of the pipeline that sends it. Pure.

use vigie_config::Utc;

/// Cached units keep their distances, so that what a viewer records is right; a player shows them
/// at their pace, and is behind by as much. Of a GOP of minutes only the newest part of this many
/// nanoseconds is sent so.
pub(super) const EXACT: i64 = 2_000_000_000;
/// What is older is pressed into this many nanoseconds: a player runs through it.
const CATCH_UP: i64 = 100_000_000;
/// Running time (ns) at which a mount begins, for what is older than its beginning.
pub(super) const HEAD_START: i64 = EXACT + CATCH_UP;
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
            running: running.max(HEAD_START),
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
        if off >= -EXACT || self.cached <= HEAD_START {
            return self.running.saturating_add(off);
        }
        let share = (off + EXACT) as f64 / (self.cached - EXACT) as f64;
        let past = (share * CATCH_UP as f64) as i64 - EXACT;
        self.running.saturating_add(past)
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
    fn the_cached_past_keeps_its_distances_and_the_present_is_now() {
        let mut clock = SendClock::new(utc(2000), utc(0), 50_000 * MS);
        for at in [0, 40, 1000, 1960, 2000] {
            assert_eq!(clock.at(utc(at), 50_000 * MS), (48_000 + at) * MS);
        }
        assert_eq!(clock.at(utc(2040), 50_041 * MS), 50_040 * MS);
    }

    #[test]
    fn only_what_is_long_ago_is_pressed_together() {
        let mut clock = SendClock::new(utc(60_000), utc(0), 70_000 * MS);
        assert_eq!(clock.at(utc(0), 70_000 * MS), 67_900 * MS);
        assert_eq!(clock.at(utc(29_000), 70_000 * MS), 67_950 * MS);
        assert_eq!(clock.at(utc(58_000), 70_000 * MS), 68_000 * MS);
        assert_eq!(clock.at(utc(59_000), 70_000 * MS), 69_000 * MS);
        assert_eq!(clock.at(utc(60_040), 70_041 * MS), 70_040 * MS);
    }

    #[test]
    fn nothing_is_before_the_beginning() {
        let mut clock = SendClock::new(utc(60_000), utc(0), 0);
        assert_eq!(clock.at(utc(0), 0), 0);
        assert_eq!(clock.at(utc(60_000), 0), HEAD_START);
    }

    #[test]
    fn pictures_keep_their_order_where_time_is_pressed_together() {
        let mut clock = SendClock::new(utc(60_000), utc(0), 70_000 * MS);
        // Shown 0 4 2 1 3 in order of decoding, 100 ms each, then the present.
        let shown: Vec<_> = [
            (0, 200),
            (100, 500),
            (200, 200),
            (300, 0),
            (400, 100),
            (60_000, 200),
            (60_100, 0),
        ]
        .map(|(decoded, delay)| clock.times(utc(decoded), delay * 1000, 70_000 * MS).1)
        .into();
        let order = [0, 3, 2, 4, 1, 6, 5].map(|at: usize| shown[at]);
        assert!(order.windows(2).all(|pair| pair[0] <= pair[1]), "{order:?}");
    }

    #[test]
    fn a_pause_of_the_source_is_a_pause() {
        let mut clock = SendClock::new(utc(0), utc(0), 20_000 * MS);
        clock.at(utc(0), 20_000 * MS);
        assert_eq!(clock.at(utc(10_000), 30_000 * MS), 30_000 * MS);
    }

    #[test]
    fn a_step_of_the_wall_clock_is_not_sent() {
        for step in [-3_600_000, 3_600_000] {
            let mut clock = SendClock::new(utc(0), utc(0), 20_000 * MS);
            clock.at(utc(0), 20_000 * MS);
            assert_eq!(clock.at(utc(step), 20_040 * MS), 20_040 * MS);
            assert_eq!(clock.at(utc(step + 40), 20_080 * MS), 20_080 * MS);
        }
    }
}
