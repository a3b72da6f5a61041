//! From a track's ticks to the host's clock: as even as the camera's clock, as true as ours.

/// Maps ticks to microseconds of the host's monotonic clock.
///
/// Every unit arrives `delay ≥ 0` after its instant, so the smallest difference between arrival
/// and ticks within a window is the best sight of the offset between the two clocks. The offset in
/// use moves towards it along a straight line, at most [`MAX_SLEW`] of the elapsed time, so that
/// the spacing of units stays the camera's within that fraction.
#[derive(Debug, Clone)]
pub struct ClockMap {
    ticks_per_second: i64,
    /// Microseconds to add to the time of `from_ticks`.
    offset: f64,
    /// Change of the offset per microsecond after `from`.
    slope: f64,
    /// Tick time (µs) at which `offset` holds.
    from: i64,
    window: Option<Window>,
    lateness: f64,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    begin: i64,
    smallest: f64,
}

/// How fast the offset moves at most: 5 ms a second, a hundred times what a bad crystal drifts.
pub const MAX_SLEW: f64 = 0.005;
/// Length of a window (µs) of arrivals.
const WINDOW: i64 = 2_000_000;
/// A correction is spread over this time.
const SPREAD: f64 = 8_000_000.0;
/// A host clock that moved by more (µs) was set, not disciplined.
const HOST_STEP: i64 = 500_000;
/// Readings of two clocks within this time (µs) are of the same moment.
const TOGETHER: i64 = 50;
/// So often both clocks are read for such a moment; then the closest readings count.
const READINGS: usize = 5;

impl ClockMap {
    /// `ticks` is the first unit's time, which arrived at `arrival` (µs).
    pub fn new(ticks_per_second: u32, ticks: i64, arrival: i64) -> Self {
        let ticks_per_second = i64::from(ticks_per_second.max(1));
        let from = micros(ticks, ticks_per_second);
        Self {
            ticks_per_second,
            offset: (arrival - from) as f64,
            slope: 0.0,
            from,
            window: None,
            lateness: 0.0,
        }
    }

    /// Learns from a unit's arrival (µs).
    pub fn observe(&mut self, ticks: i64, arrival: i64) {
        let at = micros(ticks, self.ticks_per_second);
        let difference = (arrival - at) as f64;
        let window = self.window.get_or_insert(Window {
            begin: arrival,
            smallest: difference,
        });
        window.smallest = window.smallest.min(difference);
        if arrival - window.begin >= WINDOW {
            let target = window.smallest;
            self.window = None;
            self.steer(at, target);
        }
    }

    /// Moves the offset towards `target` (µs to add to tick times), known at tick time `at` (µs).
    fn steer(&mut self, at: i64, target: f64) {
        self.offset = self.offset_at(at);
        self.from = at;
        self.lateness = target - self.offset;
        self.slope = (self.lateness / SPREAD).clamp(-MAX_SLEW, MAX_SLEW);
    }

    /// Instead of [`ClockMap::observe`]: another clock says that `ticks` is the instant `micros`.
    pub fn follow(&mut self, ticks: i64, instant: i64) {
        let at = micros(ticks, self.ticks_per_second);
        self.steer(at, (instant - at) as f64);
    }

    /// The host's monotonic time (µs) of `ticks`; strictly growing with them.
    pub fn instant(&self, ticks: i64) -> i64 {
        let at = micros(ticks, self.ticks_per_second);
        at.saturating_add(self.offset_at(at) as i64)
    }

    /// How far (µs) the last whole window of arrivals lay behind the map, negative when ahead.
    /// Seconds of it mean that the ticks do not count the time any more.
    pub fn lateness(&self) -> i64 {
        self.lateness as i64
    }

    fn offset_at(&self, at: i64) -> f64 {
        // The line ends where it meets its target.
        let moved = self.slope * (at - self.from) as f64;
        self.offset
            + if self.lateness < 0.0 {
                moved.max(self.lateness)
            } else {
                moved.min(self.lateness)
            }
    }
}

/// The host's wall clock beside its monotonic one.
///
/// Small corrections of the wall clock are followed within [`MAX_SLEW`]; when it is set, at once.
#[derive(Debug, Clone)]
pub struct HostClock {
    /// Microseconds from monotonic to UTC.
    offset: i64,
    checked: i64,
}

impl HostClock {
    /// Both arguments in microseconds, read at the same moment.
    pub fn new(monotonic: i64, utc: i64) -> Self {
        Self {
            offset: utc - monotonic,
            checked: monotonic,
        }
    }

    /// Compares the clocks; says by how many microseconds the wall clock was set, if it was.
    pub fn check(&mut self, monotonic: i64, utc: i64) -> Option<i64> {
        let moved = utc - monotonic - self.offset;
        if moved.abs() >= HOST_STEP {
            *self = Self::new(monotonic, utc);
            return Some(moved);
        }
        let most = ((monotonic - self.checked).max(0) as f64 * MAX_SLEW) as i64;
        self.offset += moved.clamp(-most, most);
        self.checked = monotonic;
        None
    }

    pub fn utc(&self, monotonic: i64) -> i64 {
        monotonic.saturating_add(self.offset)
    }
}

/// Reads the monotonic clock and the wall clock (µs) at the same moment: a thread may lose the
/// processor between the two for tens of milliseconds, which would look like a clock that was set.
pub fn read_together(monotonic: impl Fn() -> i64, utc: impl Fn() -> i64) -> (i64, i64) {
    let mut best: Option<(i64, (i64, i64))> = None;
    for _ in 0..READINGS {
        let before = monotonic();
        let wall = utc();
        let apart = monotonic() - before;
        if best.is_none_or(|(least, _)| apart < least) {
            best = Some((apart, (before + apart / 2, wall)));
        }
        if apart <= TOGETHER {
            break;
        }
    }
    best.map_or((0, 0), |(_, both)| both)
}

fn micros(ticks: i64, ticks_per_second: i64) -> i64 {
    let whole = ticks.div_euclid(ticks_per_second);
    let rest = ticks.rem_euclid(ticks_per_second);
    whole
        .saturating_mul(1_000_000)
        .saturating_add(rest * 1_000_000 / ticks_per_second)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_end_at_their_target_also_when_units_stop() {
        let mut map = ClockMap::new(90_000, 0, 1_000_000);
        map.observe(0, 1_050_000);
        map.observe(90_000 * 3, 4_050_000);
        assert_eq!(map.lateness(), 50_000);
        assert_eq!(map.instant(90_000 * 1000), 1_001_050_000);
    }

    #[test]
    fn host_clock_that_is_set_is_followed_at_once_and_slewed_slowly() {
        let mut host = HostClock::new(0, 1_000_000_000);
        assert_eq!(host.check(1_000_000, 1_001_010_000), None);
        assert_eq!(host.utc(1_000_000), 1_001_005_000);
        assert_eq!(host.check(2_000_000, 4_602_000_000), Some(3_599_995_000));
        assert_eq!(host.utc(2_000_000), 4_602_000_000);
    }

    /// The wall clock is 1 s ahead; the thread is away for so long (µs) between the readings.
    fn read_with_pauses(pauses: &[i64]) -> i64 {
        let now = std::cell::Cell::new(0);
        let pauses = std::cell::RefCell::new(pauses.iter());
        let tick = |by: i64| now.replace(now.get() + by);
        let (monotonic, utc) = read_together(
            || tick(1),
            || {
                tick(pauses.borrow_mut().next().copied().unwrap_or(0));
                now.get() + 1_000_000
            },
        );
        utc - monotonic - 1_000_000
    }

    #[test]
    fn a_thread_that_loses_the_processor_between_two_clocks_reads_them_again() {
        assert!(read_with_pauses(&[0]).abs() <= 1);
        assert!(read_with_pauses(&[20_000, 0]).abs() <= 1);
        assert!(read_with_pauses(&[20_000, 300, 80_000, 900, 5_000]).abs() <= 151);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Jitter up to 80 ms and drift up to 200 ppm: never backwards, spacing kept within the
        /// slew, and after a minute within 25 ms of the best arrivals.
        #[test]
        fn follows_drift_through_jitter(start in 0i64..1 << 33, ppm in -200.0f64..200.0,
                                        jitter in proptest::collection::vec(0i64..80_000, 3000)) {
            let mut map: Option<ClockMap> = None;
            let mut previous: Option<i64> = None;
            for (n, delay) in jitter.iter().enumerate() {
                let ticks = start + n as i64 * 3600; // 25 a second by the camera's clock
                let truth = (n as f64 * 40_000.0 * (1.0 + ppm / 1e6)) as i64;
                let arrival = truth + delay;
                let map = map.get_or_insert_with(|| ClockMap::new(90_000, ticks, arrival));
                map.observe(ticks, arrival);
                let now = map.instant(ticks);
                if let Some(previous) = previous {
                    let step = now - previous;
                    prop_assert!((39_700..=40_300).contains(&step), "step {step}");
                }
                previous = Some(now);
                if n > 1500 {
                    prop_assert!((now - truth).abs() < 25_000, "{n}: off by {}", now - truth);
                }
            }
        }
    }
}
