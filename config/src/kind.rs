//! The one classification of failures: it alone decides restart policy and HTTP status.

use serde::{Deserialize, Serialize};

/// Why something failed, in terms of what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Not there now; trying again may help (host down, disk gone).
    Unavailable,
    /// The peer said no (401, 404); trying again soon will not help.
    Refused,
    /// Only a change of configuration helps.
    Misconfigured,
    /// Bytes that are not what they claim to be.
    Corrupt,
    /// No room left (disk, queue).
    Full,
    /// The peer or the device took too long.
    Timeout,
    /// We were asked to stop.
    Cancelled,
    /// A fault of ours.
    Bug,
}

/// Every error type of every crate answers this.
pub trait Kind {
    fn kind(&self) -> ErrorKind;
}
