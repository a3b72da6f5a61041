//! What the rest of the house may know about a volume.

use std::path::PathBuf;

use serde::Serialize;
use vigie_config::DiskId;

use crate::uuid::VolumeId;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeState {
    Online,
    /// A write or a sync has not returned for long: footage waits in memory.
    Slow,
    /// Nothing more is written there until it is added again.
    Failed,
}

/// Plain figures, read without touching the disk. What it is called and how it stands is for
/// whoever shows it to add.
#[derive(Debug, Clone, Serialize)]
pub struct VolumeSnapshot {
    #[serde(skip)]
    pub disk: DiskId,
    pub volume: VolumeId,
    #[serde(skip)]
    pub path: PathBuf,
    #[serde(skip)]
    pub state: VolumeState,
    #[serde(skip)]
    pub error: Option<String>,
    /// Of the file system, at the last look.
    pub total_bytes: u64,
    pub free_bytes: u64,
    /// Of footage.
    pub footage_bytes: u64,
    /// Of snapshots.
    pub snapshot_bytes: u64,
    pub open_segments: usize,
    pub written_bytes: u64,
    pub fragments: u64,
    /// Waiting to be written, and written but not yet synced.
    pub queued_bytes: u64,
    pub unsynced_bytes: u64,
    /// Fragments refused because the queue was full.
    pub refused: u64,
    /// Access units of fragments that made no sense, or came after one that did not, or whose file
    /// was deleted while it was written.
    pub dropped_units: u64,
    /// Milliseconds that its threads were inside writes and syncs, since it was opened.
    pub busy_ms: u64,
    pub syncs: u64,
    pub last_sync_ms: u64,
    pub slowest_sync_ms: u64,
}
