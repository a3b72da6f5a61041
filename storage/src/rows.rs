//! What the index keeps, and what users are shown: one row per segment, per gap and per mark.
//!
//! A row is made from what is on the volumes and from nothing else, by the same code whether the
//! recorder runs ([`crate::volume`]) or the index is rebuilt ([`crate::rebuild`]).

use std::{path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};
use ulid::Ulid;
use vigie_config::{Causes, GapCause, StreamId, Utc};

use crate::{layout, uuid::VolumeId};

/// A mark may begin so long before it is told, and go on with the one before.
const MARKS_GO_ON_US: i64 = 60_000_000;

/// One file of footage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRow {
    pub stream: StreamId,
    /// Media time 0 of the file; also names it, to the millisecond.
    pub start: Utc,
    /// End of the last stored video unit (of any unit where there is no video).
    pub end: Utc,
    /// Length of the file up to its last whole fragment.
    pub bytes: u64,
    pub causes: Causes,
    pub volume: VolumeId,
    pub run: Ulid,
    /// Counts the segments of the run, from 0.
    pub number: u32,
    /// Does not begin with a RAP: play from an earlier segment of the run.
    pub continued: bool,
    /// The host's clock was synchronised when the segment began.
    pub synchronised: bool,
    /// RFC 6381, comma separated when there are two tracks.
    pub codec: Arc<str>,
    /// Access units of all tracks.
    pub units: u32,
    /// Length of `ftyp` + `moov`: a clip's length is known without opening its inner files.
    pub init_bytes: u32,
    /// [`crate::clip::formats`] of the init segment: segments with equal values decode as one.
    pub format: u32,
    /// The same for the audio track; 0 without one.
    pub audio_format: u32,
}

impl SegmentRow {
    /// Where the file is below the volume's root.
    pub fn relative_path(&self) -> PathBuf {
        layout::segment_path(&self.stream, self.start)
    }
}

/// A stretch of more than 1 s without media, of one cause. Neighbouring rows of one stream may
/// touch (the cause changed); they never overlap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapRow {
    pub stream: StreamId,
    /// End of the last access unit, or where the previous cause ended.
    pub start: Utc,
    /// `None`: not over yet.
    pub end: Option<Utc>,
    pub cause: GapCause,
}

/// A stretch of time that was recorded for this reason. Rows of one cause of one stream never
/// overlap; those that are over lie within one hour each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkRow {
    pub stream: StreamId,
    pub start: Utc,
    /// `None`: still going on.
    pub end: Option<Utc>,
    /// Exactly one.
    pub cause: Causes,
}

impl MarkRow {
    pub(crate) fn order(&self) -> (Utc, u8) {
        (self.start, self.cause.bits())
    }

    /// At `until` no later mark of its cause will become one with it.
    pub(crate) fn is_final(&self, until: Utc) -> bool {
        self.end.is_some_and(|end| end.plus_micros(MARKS_GO_ON_US) < until)
    }
}

/// What a stream has in a range: everything that touches it, oldest first, nothing clipped.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Recordings {
    /// The one being written included, as far as it has reached its file.
    pub segments: Vec<SegmentRow>,
    pub gaps: Vec<GapRow>,
    pub marks: Vec<MarkRow>,
}
