//! The ledger: what the footage alone cannot say, kept beside it.
//!
//! One `ledger.jsonl` per stream and day. Lines go to every volume that is online (any one of them
//! can tell the whole story); they are appended by the volume's writer and made durable by its
//! next sync, like footage.
//!
//! Belongs here: the lines, their reading, [`GapState`] and [`MarkState`], which turn lines into
//! rows both while recording and when the index is rebuilt. Does not belong here: who says when a
//! gap or a mark begins.

mod day;
mod gap;
mod line;
mod mark;
mod pieces;

pub use day::{DayLedger, newest_gap_day, read_day, read_merged};
pub use gap::{GapState, OpenGap, SHORTEST_US};
pub use line::{Entry, Line};
pub use mark::{MarkState, OpenMark};
pub use pieces::{SEAM_US, closed, join, joined};
