//! From a pipeline's running time to the times of access units. Pure: no clock is read here.

use vigie_config::Utc;

use crate::{
    codec::DtsEstimator,
    format::VIDEO_TIMESCALE,
    rtp::clock::{ClockMap, HostClock},
    source::next_epoch,
};

/// Running time and arrival may differ in pace by this much (µs) before it counts as a jump.
const JUMP: i64 = 5_000_000;

/// Times of one unit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Times {
    pub dts: i64,
    pub pts: i64,
    pub utc: Utc,
    pub epoch: u32,
    /// Seconds by which the timestamps left the course of time before this unit.
    pub jump: Option<f64>,
}

/// When a unit came, as the host's clocks say, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub monotonic: i64,
    pub utc: i64,
}

#[derive(Debug)]
pub(super) struct Timeline {
    epoch: u32,
    /// Ticks are microseconds of running time.
    clock: Option<ClockMap>,
    host: Option<HostClock>,
    /// Running time (µs) and arrival (µs) of the last video unit.
    last: Option<(i64, i64)>,
    estimator: DtsEstimator,
    video_dts: Option<i64>,
    audio_dts: Option<(i64, u64)>,
}

impl Timeline {
    pub fn new() -> Self {
        Timeline {
            epoch: next_epoch(),
            clock: None,
            host: None,
            last: None,
            estimator: DtsEstimator::new(),
            video_dts: None,
            audio_dts: None,
        }
    }

    /// `pts` and `dts`: running time in nanoseconds, where the pipeline knows it.
    pub fn video(&mut self, pts: Option<i64>, dts: Option<i64>, arrival: Arrival) -> Times {
        let at = dts.or(pts).map_or(arrival.monotonic, |ns| ns / 1000);
        let jump = self.jump(at, arrival);
        if jump.is_some() {
            self.epoch = next_epoch();
            self.clock = None;
            self.estimator.reset();
            (self.video_dts, self.audio_dts) = (None, None);
        }
        self.last = Some((at, arrival.monotonic));
        let presented = ticks(pts.or(dts).unwrap_or(at.saturating_mul(1000)), VIDEO_TIMESCALE);
        let (dts, pts) = match dts {
            Some(dts) => (ticks(dts, VIDEO_TIMESCALE), presented),
            None => {
                let timing = self.estimator.next(presented);
                (timing.dts, timing.pts)
            }
        };
        let dts = self.video_dts.map_or(dts, |last| dts.max(last + 1));
        self.video_dts = Some(dts);
        let clock = self
            .clock
            .get_or_insert_with(|| ClockMap::new(1_000_000, at, arrival.monotonic));
        clock.observe(at, arrival.monotonic);
        let decoded = dts.saturating_mul(100) / 9;
        Times {
            dts,
            pts: pts.max(dts),
            utc: self.utc(decoded, arrival),
            epoch: self.epoch,
            jump,
        }
    }

    /// Audio of `samples` (0: unknown) in ticks of `rate`; `None` before the first video unit.
    pub fn audio(&mut self, pts: Option<i64>, samples: u64, rate: u32, arrival: Arrival) -> Option<Times> {
        self.clock.as_ref()?;
        let at = ticks(pts.unwrap_or(arrival.monotonic.saturating_mul(1000)), rate);
        let dts = match self.audio_dts {
            // Nanoseconds round: units that follow each other keep the count of their samples.
            Some((last, samples)) => {
                let next = last + i64::try_from(samples).unwrap_or(1).max(1);
                if (at - next).abs() <= 2 { next } else { at.max(last + 1) }
            }
            None => at,
        };
        self.audio_dts = Some((dts, samples));
        let micros = (i128::from(dts) * 1_000_000 / i128::from(rate.max(1))) as i64;
        Some(Times {
            dts,
            pts: dts,
            utc: self.utc(micros, arrival),
            epoch: self.epoch,
            jump: None,
        })
    }

    fn jump(&self, at: i64, arrival: Arrival) -> Option<f64> {
        let (last, arrived) = self.last?;
        let off = (at - last) - (arrival.monotonic - arrived);
        // Units that were held up and come in one go run ahead of nothing: only what lies before
        // its predecessor or beyond the present is a jump.
        (off > JUMP || at - last < -JUMP / 10).then_some(off as f64 / 1e6)
    }

    fn utc(&mut self, running: i64, arrival: Arrival) -> Utc {
        let host = self
            .host
            .get_or_insert_with(|| HostClock::new(arrival.monotonic, arrival.utc));
        host.check(arrival.monotonic, arrival.utc);
        let instant = self
            .clock
            .as_ref()
            .map_or(arrival.monotonic, |clock| clock.instant(running));
        Utc::from_micros(host.utc(instant))
    }
}

/// Nanoseconds in ticks, rounded.
fn ticks(ns: i64, per_second: u32) -> i64 {
    let scaled = i128::from(ns) * i128::from(per_second);
    ((scaled + 500_000_000).div_euclid(1_000_000_000)) as i64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const FRAME: i64 = 40_000_000;

    fn at(micros: i64) -> Arrival {
        Arrival {
            monotonic: 5_000_000 + micros,
            utc: 1_700_000_000_000_000 + micros,
        }
    }

    #[test]
    fn even_units_get_even_times() {
        let mut line = Timeline::new();
        let first = line.video(Some(0), None, at(0));
        let mut last = first.clone();
        for n in 1..500 {
            let jitter = (n * 7919 % 30) * 1000;
            let times = line.video(Some(n * FRAME), None, at(n * 40_000 + jitter));
            assert_eq!(times.dts - last.dts, 3600);
            let spacing = times.utc.micros_since(last.utc);
            assert!((39_700..=40_300).contains(&spacing), "{spacing}");
            assert_eq!((times.epoch, times.jump), (first.epoch, None));
            last = times;
        }
    }

    #[test]
    fn a_jump_in_either_direction_is_a_new_epoch_without_a_step_in_utc() {
        for to in [0, 7200 * 25 * FRAME] {
            let mut line = Timeline::new();
            let before = line.video(Some(100 * FRAME), Some(100 * FRAME), at(0));
            let after = line.video(Some(to), Some(to), at(40_000));
            assert!(after.jump.is_some() && after.epoch > before.epoch);
            assert_eq!(after.utc.micros_since(before.utc), 40_000);
        }
    }

    #[test]
    fn units_held_up_by_the_network_are_no_jump() {
        let mut line = Timeline::new();
        line.video(Some(0), None, at(0));
        assert_eq!(line.video(Some(FRAME), None, at(60_000_000)).jump, None);
        assert_eq!(line.video(Some(2 * FRAME), None, at(60_000_100)).jump, None);
    }

    #[test]
    fn audio_counts_samples() {
        let mut line = Timeline::new();
        assert_eq!(line.audio(Some(0), 1024, 48_000, at(0)), None);
        line.video(Some(0), None, at(0));
        let frame = |n: i64| n * 1024 * 1_000_000_000 / 48_000;
        let dts: Vec<i64> = (0..5)
            .map(|n| line.audio(Some(frame(n)), 1024, 48_000, at(0)).unwrap().dts)
            .collect();
        assert_eq!(dts, [0, 1024, 2048, 3072, 4096]);
    }
}
