//! Decoding times out of presentation times: RTP carries only the latter.

use std::collections::VecDeque;

/// A unit's times in the ticks that went in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    pub dts: i64,
    /// As given, unless that was impossible: a unit presented before its predecessor was decoded
    /// (a wrong timestamp, or B-frames nobody announced) is presented at its `dts`.
    pub pts: i64,
}

/// How far `dts` may lie behind `pts`, in ticks of 90 kHz: more is a wrong clock, not B-frames.
const MAX_DELAY: i64 = 10 * 90_000;
/// H.264 and H.265 allow no deeper re-ordering (MaxDpbFrames = 16).
const MAX_DEPTH: usize = 16;
/// Deeper re-ordering than this, when nobody announced it, is a clock that stepped back.
const MAX_LEARNT: usize = 4;
/// Spacing assumed before the first unit: 25 pictures a second.
const DEFAULT_STEP: i64 = 3600;

/// Gives each unit, in decoding order, a decoding time without waiting for the next one.
///
/// `dts` grows strictly, is never after `pts` and at most 10 s before it. With a re-ordering depth
/// of n it is the (n+1)-th largest presentation time so far: the smallest delay with which every
/// picture is decoded before it is shown. The depth comes from the parameter sets; where they say
/// nothing it is learnt from the first picture that breaks it, which is shown a little late.
#[derive(Debug)]
pub struct DtsEstimator {
    depth: usize,
    step: i64,
    last: Option<i64>,
    /// The largest presentation times so far, ascending; at least `depth + 1`.
    window: VecDeque<i64>,
}

impl Default for DtsEstimator {
    fn default() -> Self {
        Self::new()
    }
}

impl DtsEstimator {
    pub fn new() -> Self {
        Self {
            depth: 0,
            step: DEFAULT_STEP,
            last: None,
            window: VecDeque::with_capacity(MAX_DEPTH + 2),
        }
    }

    /// What the parameter sets say. A depth learnt from observation is kept when it is larger.
    pub fn set_depth(&mut self, depth: usize) {
        self.depth = self.depth.max(depth.min(MAX_DEPTH));
    }

    /// Frame duration in ticks, to space the decoding times before the first presentation time.
    pub fn set_step(&mut self, ticks: i64) {
        self.step = ticks.clamp(1, MAX_DELAY / (MAX_DEPTH as i64 + 1));
    }

    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Forgets all times (a new epoch), and keeps the depth.
    pub fn reset(&mut self) {
        self.last = None;
        self.window.clear();
    }

    /// The times of the next unit in decoding order.
    pub fn next(&mut self, pts: i64) -> Timing {
        let earliest = self.last.map_or(i64::MIN, |last| last.saturating_add(1));
        let at = self.window.partition_point(|&p| p <= pts);
        if pts < earliest {
            let depth = self.window.len() - at;
            if depth <= MAX_LEARNT {
                self.depth = self.depth.max(depth);
            } else {
                self.window.clear();
            }
        }
        self.window.insert(at.min(self.window.len()), pts);
        if self.window.len() > MAX_DEPTH + 1 {
            self.window.pop_front();
        }
        let pts = pts.max(earliest);
        let dts = self.ideal().max(pts.saturating_sub(MAX_DELAY)).max(earliest).min(pts);
        self.last = Some(dts);
        Timing { dts, pts }
    }

    /// The (depth + 1)-th largest presentation time; before the first one, times are as far apart
    /// as pictures are.
    fn ideal(&self) -> i64 {
        match self.window.len().checked_sub(self.depth + 1) {
            Some(at) => self.window.get(at).copied().unwrap_or(i64::MIN),
            None => {
                let missing = (self.depth + 1 - self.window.len()) as i64;
                self.window
                    .front()
                    .map_or(i64::MIN, |first| first.saturating_sub(missing * self.step))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(estimator: &mut DtsEstimator, pts: &[i64]) -> Vec<i64> {
        pts.iter().map(|&p| estimator.next(p).dts).collect()
    }

    #[test]
    fn without_b_frames_dts_is_pts() {
        let mut e = DtsEstimator::new();
        assert_eq!(run(&mut e, &[0, 3600, 7300, 10_800]), [0, 3600, 7300, 10_800]);
    }

    #[test]
    fn announced_b_frames_are_decoded_before_they_are_shown() {
        let mut e = DtsEstimator::new();
        e.set_depth(1);
        // I0 P3 B1 B2 P6 B4 B5
        let pts = [0, 3, 1, 2, 6, 4, 5].map(|n| n * 3600);
        assert_eq!(run(&mut e, &pts), [-1, 0, 1, 2, 3, 4, 5].map(|n| n * 3600));
    }

    #[test]
    fn unannounced_b_frames_are_learnt_from_the_first() {
        let mut e = DtsEstimator::new();
        let pts = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8].map(|n| n * 3600);
        let times: Vec<Timing> = pts.iter().map(|&p| e.next(p)).collect();
        assert_eq!(e.depth(), 1);
        let late = times.iter().zip(pts).filter(|(t, pts)| t.pts != *pts).count();
        assert_eq!(late, 2, "only the B-frames of the first group are late");
        assert_eq!(times.last().map(|t| (t.dts, t.pts)), Some((8 * 3600, 8 * 3600)));
    }

    #[test]
    fn a_step_back_of_the_clock_does_not_pass_for_b_frames() {
        let mut e = DtsEstimator::new();
        for n in 0..50 {
            e.next(n * 3600);
        }
        for n in 0..50 {
            e.next((n + 25) * 3600);
        }
        assert_eq!(e.depth(), 0);
        assert_eq!(
            e.next(75 * 3600),
            Timing {
                dts: 75 * 3600,
                pts: 75 * 3600
            }
        );
    }

    #[test]
    fn a_leap_forward_is_followed_within_ten_seconds() {
        let mut e = DtsEstimator::new();
        e.set_depth(2);
        for n in 0..10 {
            e.next(n * 3600);
        }
        let t = e.next(1_000_000_000);
        assert_eq!(
            t,
            Timing {
                dts: 1_000_000_000 - MAX_DELAY,
                pts: 1_000_000_000
            }
        );
    }

    proptest! {
        #[test]
        fn whatever_comes(
            depth in 0usize..20,
            step in any::<i64>(),
            pts in prop::collection::vec(prop_oneof![0i64..200_000, -(1i64 << 60)..(1i64 << 60)], 1..100),
        ) {
            let mut e = DtsEstimator::new();
            e.set_depth(depth);
            e.set_step(step);
            let mut last = i64::MIN;
            for p in pts {
                let t = e.next(p);
                prop_assert!(t.dts > last);
                prop_assert!(t.dts <= t.pts && t.pts >= p);
                prop_assert!(t.pts - t.dts <= MAX_DELAY);
                last = t.dts;
            }
        }

        /// Any order that keeps to its announced depth keeps its presentation times.
        #[test]
        fn announced_depth_changes_no_presentation_time(
            depth in 0usize..5,
            picks in prop::collection::vec(0usize..5, 10..100),
        ) {
            // A decoder's output queue run backwards: decode any of the next depth + 1 pictures
            // as long as no more than `depth` decoded ones wait for an earlier one. A stream
            // begins with the picture shown first.
            let mut waiting: Vec<i64> = (0..picks.len() as i64).collect();
            let mut order = Vec::new();
            for pick in picks {
                let ahead = order.iter().filter(|&&p| p > waiting[0]).count();
                let at = if ahead >= depth || order.is_empty() { 0 } else { pick.min(depth - ahead).min(waiting.len() - 1) };
                order.push(waiting.remove(at));
            }
            let mut e = DtsEstimator::new();
            e.set_depth(depth);
            for n in order {
                prop_assert_eq!(e.next(n * 3600).pts, n * 3600);
            }
        }
    }
}
