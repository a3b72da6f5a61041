//! What a camera says it has sent: one side of the books.

use serde::{Deserialize, Serialize};

/// Consecutive access units of one session, sent without a break.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentRange {
    /// Counts connections to this camera.
    pub session: u64,
    /// Number of the first and of the last unit, both sent.
    pub first: u64,
    pub last: u64,
    /// Which of the stream's clips, and which unit of it the first was.
    pub clip: usize,
    pub first_unit: usize,
}

/// One stream's sending since the camera started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SentLog {
    pub camera: String,
    pub stream: String,
    /// [`crate::Identity::source`] of its units.
    pub source: u32,
    /// When unit 0 was due: Unix time in microseconds.
    pub epoch_us: u64,
    pub interval_us: u64,
    /// In order of sending. Ranges of two sessions may overlap.
    pub ranges: Vec<SentRange>,
    /// Units of which a packet was lost or changed on purpose.
    pub damaged: Vec<u64>,
    /// Packets of audio.
    pub audio_units: u64,
    /// Times a unit was due while the one before still waited for the receiver.
    pub stalls: u64,
    /// Sessions closed because too much waited.
    pub overflows: u64,
    pub bytes: u64,
    /// Sessions playing this stream now.
    pub playing: u64,
}

impl SentLog {
    /// Unix time in microseconds at which unit `number` was due.
    pub fn due_us(&self, number: u64) -> u64 {
        self.epoch_us + number * self.interval_us
    }

    /// Every number sent, once, in order.
    pub fn numbers(&self) -> std::collections::BTreeSet<u64> {
        self.ranges.iter().flat_map(|r| r.first..=r.last).collect()
    }

    /// The clip and the unit in it that number `number` was, given the clips' lengths.
    pub fn unit_of(&self, number: u64, clip_lens: &[usize]) -> Option<(usize, usize)> {
        let range = self
            .ranges
            .iter()
            .rev()
            .find(|r| (r.first..=r.last).contains(&number))?;
        let len = *clip_lens.get(range.clip)?;
        Some((range.clip, (range.first_unit + (number - range.first) as usize) % len))
    }
}
