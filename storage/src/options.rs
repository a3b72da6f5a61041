//! What whoever opens the storage decides.

use std::{fmt, sync::Arc, time::Duration};

use crate::fact::Facts;

#[derive(Clone)]
pub struct StorageOptions {
    pub facts: Facts,
    /// Bytes that one volume may hold in memory: queued, and written but not yet synced.
    pub queue_bytes: u64,
    /// A write or sync that takes longer is told as a fact. (Rotating disks: 8 s.)
    pub slow_sync: Duration,
    /// After this long the volume has failed and its threads are left behind.
    pub hung_after: Duration,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self {
            facts: Arc::new(|_| {}),
            queue_bytes: 256 << 20,
            slow_sync: Duration::from_secs(2),
            hung_after: Duration::from_secs(15),
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
