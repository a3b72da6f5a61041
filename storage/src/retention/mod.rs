//! Which footage goes when there is too much of it.
//!
//! Belongs here: the plan (pure), the walk over the files that feeds it, the deletion. Works from
//! the folders alone: neither a full disk nor a lost index stops it.

mod execute;
mod plan;
mod rules;
mod walk;

pub use plan::{Candidate, Demand};
pub use rules::{Deleted, Lock, Reason, RetentionReport, RetentionRules};

pub(crate) use execute::{Pass, between, delete_asked, expired, forget_ledgers, make_room, pass, plan, tidy};
pub(crate) use walk::{LONGEST_US, Walk};
