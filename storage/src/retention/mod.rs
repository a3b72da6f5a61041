//! Which footage goes when there is too much of it.

mod rules;

pub use rules::{Lock, Reason, RetentionReport, RetentionRules};
