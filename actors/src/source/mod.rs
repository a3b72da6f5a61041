//! Keeping one stream connected: the pure [`machine`] decides, the thin [`actor`] does.
//!
//! Belongs here: when to connect, when a stream counts as live, stalled or lost.
//! Does not belong here: protocols (`vigie-media`), recording.

mod actor;
mod machine;

pub use actor::{SourceArguments, source_child};
