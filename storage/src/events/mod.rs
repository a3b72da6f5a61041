//! The log of events: what happened and what was done about it, durable before it is answered for.
//!
//! `<state_dir>/events/` holds files of lines with checksums, one a day or more, and in the order of writing
//! ([`day`] says which file tells of which time). Each begins with the events that were not
//! settled when it was begun, so every file can be understood by itself, and old ones are deleted
//! without looking at others. A file that is damaged, torn or changed by someone else is left as
//! it is and the log goes on in a new one.
//!
//! Belongs here: appending, reading, deleting for age and space. Does not belong here: who raises
//! an event and what follows it (`vigie-actors`), gaps of footage ([`crate::ledger`]).

mod append;
mod bounds;
mod current;
mod day;
mod error;
mod expire;
mod filter;
mod lines;
mod load;
mod log;
mod memory;
mod query;
mod record;
mod scan;
mod stored;
#[cfg(test)]
mod tests;
mod view;

pub use error::EventLogError;
pub use expire::{ExpiredEvents, WhyExpired};
pub use filter::{Page, Query};
pub use load::Damage;
pub use log::{EventLog, EventLogLimits, EventLogState, OpenReport};
pub use record::{Action, ActionState, Entry, EventRecord, Position};
