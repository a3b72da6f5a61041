//! How it stands with one target.

use serde::Serialize;
use vigie_config::Utc;

/// Since the start, but for what is queued.
#[derive(Debug, Clone, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Status {
    /// Messages that wait or are being tried
    pub queued: usize,
    /// Events in them
    pub events: u64,
    /// Messages delivered
    pub sent: u64,
    /// Messages that were refused for good
    pub failed: u64,
    /// Messages that could not be delivered in time
    pub expired: u64,
    /// Attempts that failed
    pub failed_attempts: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_success: Option<Utc>,
    /// Why the last attempt failed; null: it did not
    pub error: Option<String>,
    /// When that was
    #[schema(value_type = Option<String>, format = DateTime)]
    pub error_at: Option<Utc>,
    /// When it is tried again
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_attempt: Option<Utc>,
}
