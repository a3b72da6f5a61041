//! One MP4 for any range of a stream: `video.mp4`.
//!
//! ```text
//! ftyp moov sidx │ mdat: from the RAP to the end of the first shown picture's fragment │
//! fragments of the files, moved in time │ the last fragment, cut at the last shown picture
//! ```
//! The length is known before anything is read but the tables of the first and the last segment.
//! Pictures before the first shown one are skipped by the edit list, so they stand in the sample
//! tables of `moov`: players apply edit lists there, and hardly any does in fragments.
//! Media time is wall-clock time: in a gap the last picture holds.
//!
//! Belongs here: which bytes of which file make a clip. Does not belong here: which segments
//! there are (the index), HTTP (`vigie-web`).

mod body;
mod boxes;
mod error;
mod formats;
mod head;
mod moof;
mod place;
mod plan;
mod reader;
mod search;
mod source;
mod still;
#[cfg(test)]
mod tests;

use std::{fmt, ops::Range, sync::Arc};

use vigie_config::Utc;

pub use error::ClipError;
pub use formats::{Formats, formats};
pub use reader::ClipReader;
pub use source::OpenSegment;
pub use still::{Still, StillUnit};

use crate::rows::SegmentRow;
use plan::{Piece, Plan};

/// How long before a range the rows should begin that are handed to [`Clip::new`]: the RAP of a
/// continued segment lies in an earlier one.
pub const LOOK_BACK: std::time::Duration = std::time::Duration::from_secs(1800);

/// What a range resolves to. Cheap to copy; holds no file open.
#[derive(Clone)]
pub struct Clip {
    plan: Arc<Plan>,
    len: u64,
}

impl Clip {
    /// The pictures shown in [`from`, `to`). `rows`: the segments of one stream from
    /// [`LOOK_BACK`] before `from` up to `to`. Reads the tables of the first and last segment.
    pub fn new(rows: Vec<SegmentRow>, from: Utc, to: Utc, open: OpenSegment) -> Result<Clip, ClipError> {
        let plan = plan::plan(rows, from, to, open)?;
        let len = plan.pieces.iter().map(Piece::len).sum();
        Ok(Clip {
            plan: Arc::new(plan),
            len,
        })
    }

    /// Bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Strong (RFC 9110 §8.8.3), quotes included: equal for equal bytes, also when more was
    /// recorded meanwhile.
    pub fn etag(&self) -> &str {
        &self.plan.etag
    }

    /// When the first picture begins and the last one ends: asking for exactly this gives the
    /// same clip.
    pub fn resolved(&self) -> (Utc, Utc) {
        self.plan.resolved
    }

    /// The bytes in `range`, cut to what there is. Blocks on the disk.
    pub fn reader(&self, range: Range<u64>) -> ClipReader {
        ClipReader::new(self.plan.clone(), range.start.min(self.len)..range.end.min(self.len))
    }
}

impl fmt::Debug for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clip")
            .field("len", &self.len)
            .field("resolved", &self.plan.resolved)
            .finish_non_exhaustive()
    }
}
