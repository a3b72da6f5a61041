//! Single pictures, one JPEG file each: of events, and taken by hand.
//!
//! ```text
//! <disk>/<camera>/snapshots/2026-11-20/09/20261120T094100.123Z-01KAGQ….jpg      of an event
//! <disk>/<camera>/snapshots/2026-11-20/09/20261120T094100.123Z-by-hand.jpg
//! ```
//! The files are all there is: no index knows of them. The name says when the picture was shown and
//! of which event it is; the JPEG's comment ([`Caption`]) says it again.
//!
//! Belongs here: names, captions, the walk that lists them, their place on one volume. Does not
//! belong here: where a picture comes from (`vigie-actors`), what goes when ([`crate::retention`]).

mod caption;
mod id;
mod list;
#[cfg(test)]
mod tests;

pub use caption::Caption;
pub use id::{NotAnId, SnapshotId};
pub use list::{Query, Stored};

pub(crate) use caption::is_whole;
pub(crate) use list::newest_first;
