//! Motion detection: when a camera's pictures are looked at, and what is told of them.
//!
//! ```text
//! hub ──units, 10 × a second──▶ motion ──▶ a thread of few: decoder, detector ──▶ begins, ends ──▶ registry
//! ```
//! Belongs here: who wants it, the event of a camera's motion, what happens when the machine is too
//! slow for it.
//! Does not belong here: decoding and arithmetic on pictures (`vigie_media::{decode, motion}`).

mod actor;
mod analysis;
mod queue;
mod sight;
mod state;
mod threads;
mod wanted;

pub use actor::motion_child;
pub use state::{MotionHandle, MotionSnapshot};
pub use wanted::MotionRules;
