//! A volume's checkpoint: how far the index is known to be complete.

use serde::{Deserialize, Serialize};
use vigie_config::Utc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Every segment that starts earlier is finished, on the device and in the index.
    pub from: Utc,
    /// Bytes of those segments.
    pub footage_bytes: u64,
}

impl Mark {
    pub fn encode(&self) -> Vec<u8> {
        // Plain figures: serialising cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
    pub fn decode(bytes: &[u8]) -> Option<Mark> {
        serde_json::from_slice(bytes).ok()
    }
}
