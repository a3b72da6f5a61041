//! One line: `<crc32 of the rest, 8 hex digits> <JSON>\n`.

use serde::{Deserialize, Serialize};
use vigie_config::{Causes, GapCause, Utc};

/// A line and its place in the order of writing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Grows over the life of the recorder: µs of its clock, or the last one plus 1. The same line
    /// on several volumes has the same number.
    pub seq: i64,
    #[serde(flatten)]
    pub entry: Entry,
}

/// Every line about a gap, and every line that closes a mark, says enough to make its rows without
/// the lines before it: those may have been lost with a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "k", rename_all = "snake_case")]
pub enum Entry {
    GapOpen {
        at: Utc,
        cause: GapCause,
    },
    /// The gap open since `since` had cause `was` from `from` to `at`; `cause` from then on.
    GapCause {
        since: Utc,
        from: Utc,
        was: GapCause,
        at: Utc,
        cause: GapCause,
    },
    GapClose {
        since: Utc,
        from: Utc,
        was: GapCause,
        at: Utc,
    },
    /// The stream is not to be recorded any more.
    Ended {
        at: Utc,
    },
    /// The mark of this cause goes on since `from`, until a line says otherwise.
    MarkOpen {
        cause: Causes,
        from: Utc,
    },
    /// What was recorded from `from` to `to`, within one day, was recorded for this cause.
    MarkClose {
        cause: Causes,
        from: Utc,
        to: Utc,
    },
    /// The host's clock moved by `step_us` against the monotonic one.
    ClockStep {
        at: Utc,
        step_us: i64,
    },
}

impl Entry {
    /// Which day's ledger it goes to.
    pub fn day(&self) -> Utc {
        match self {
            Entry::GapOpen { at, .. }
            | Entry::GapCause { at, .. }
            | Entry::GapClose { at, .. }
            | Entry::Ended { at }
            | Entry::ClockStep { at, .. } => *at,
            Entry::MarkOpen { from, .. } | Entry::MarkClose { from, .. } => *from,
        }
    }

    /// Says whether a gap is open after it.
    pub fn is_about_gaps(&self) -> bool {
        !self.is_about_marks() && !matches!(self, Entry::ClockStep { .. })
    }

    pub fn is_about_marks(&self) -> bool {
        matches!(self, Entry::MarkOpen { .. } | Entry::MarkClose { .. })
    }
}

impl Line {
    pub fn encode(&self) -> String {
        // Every field has a text form: serialising cannot fail.
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()))
    }

    /// `None`: torn, or of a newer format.
    pub fn decode(text: &[u8]) -> Option<Line> {
        let text = std::str::from_utf8(text).ok()?;
        let (crc, json) = text.split_once(' ')?;
        let crc = u32::from_str_radix(crc, 16).ok().filter(|_| crc.len() == 8)?;
        (crc == crc32fast::hash(json.as_bytes())).then(|| serde_json::from_str(json).ok())?
    }
}
