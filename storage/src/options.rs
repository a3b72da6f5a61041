//! What whoever opens the storage decides.

use std::{fmt, sync::Arc, time::Duration};

use crate::fact::Facts;

#[derive(Clone)]
pub struct StorageOptions {
    pub facts: Facts,
    /// Bytes that one volume may hold in memory: queued, and written but not yet synced.
    pub queue_bytes: u64,
    /// A write or sync that takes longer is told as a fact; and where another disk of the group
    /// is there, footage goes to that one and the thread that hangs is left behind. Without
    /// another disk it is waited for: what does not fit into memory meanwhile is a gap.
    pub hung_after: Duration,
    /// The same for disks that rotate, or whose kind is not known.
    pub hung_after_rotating: Duration,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self {
            facts: Arc::new(|_| {}),
            queue_bytes: 256 << 20,
            hung_after: Duration::from_secs(2),
            hung_after_rotating: Duration::from_secs(8),
        }
    }
}

impl fmt::Debug for StorageOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorageOptions")
            .field("queue_bytes", &self.queue_bytes)
            .finish_non_exhaustive()
    }
}
