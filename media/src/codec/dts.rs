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
/// Spacing assumed before the first unit: 25 pictures a second.
const DEFAULT_STEP: i64 = 3600;

/// Gives each unit, in decoding order, a decoding time without waiting for the next one.
///
/// `dts` grows strictly, is never after `pts` and at most [`MAX_DELAY`] before it. With a
/// re-ordering depth of n it is the (n+1)-th largest presentation time so far: the smallest
/// delay with which every picture is decoded before it is shown. The depth comes from the
/// parameter sets; where they say nothing it is learnt from the first picture that breaks it.
#[derive(Debug)]
pub struct DtsEstimator {
    depth: usize,
    step: i64,
    last: Option<i64>,
    /// The `depth + 1` largest presentation times so far, ascending.
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
            window: VecDeque::new(),
        }
    }

    /// What the parameter sets say. A depth learnt from observation is kept when it is larger,
    /// until [`DtsEstimator::reset`].
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
        self.insert(pts);
        while self.window.len() <= self.depth {
            let first = self.window.front().copied().unwrap_or(pts);
            self.window.push_front(first.saturating_sub(self.step));
        }
        while self.window.len() > self.depth + 1 {
            self.window.pop_front();
        }
        let earliest = self.last.map_or(i64::MIN, |last| last.saturating_add(1));
        if pts < earliest && self.depth < MAX_DEPTH {
            self.depth += 1;
        }
        let pts = pts.max(earliest);
        let ideal = self.window.front().copied().unwrap_or(pts);
        let dts = ideal
            .max(pts.saturating_sub(MAX_DELAY))
            .max(earliest)
            .min(pts);
        self.last = Some(dts);
        Timing { dts, pts }
    }

    fn insert(&mut self, pts: i64) {
        let at = self.window.partition_point(|&p| p <= pts);
        self.window.insert(at, pts);
    }
}
