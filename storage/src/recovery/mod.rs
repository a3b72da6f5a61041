//! What a crash or a power cut left on a volume, put right before anything is written there.
//!
//! Only what is newer than the volume's checkpoint is looked at, so the time it takes does not
//! grow with the footage. Belongs here: repairing files, bringing index and gaps up to date.
//! Does not belong here: reading all of a volume ([`crate::rebuild`]).

mod mark;
mod pass;
mod repair;

pub use mark::Mark;
pub use pass::{Pass, Recovered, hours_of, oldest_start, streams_on};
pub use repair::{Outcome, read_row, repair};
