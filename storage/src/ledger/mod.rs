//! The gap ledger: what the footage alone cannot say, kept beside it.
//!
//! One `ledger.jsonl` per stream and day. Gap lines go to every volume that is online (any one of
//! them can tell the whole story). Lines are appended by the volume's writer and made durable by
//! its next sync, like footage.
//!
//! Belongs here: the lines, their reading, and [`GapState`], which turns lines into gap rows both
//! while recording and when the index is rebuilt.

mod day;
mod gap;
mod line;

pub use day::{DayLedger, newest_gap_day, read_day, read_merged};
pub use gap::{GapState, OpenGap, SHORTEST_US};
pub use line::{Entry, Line};
