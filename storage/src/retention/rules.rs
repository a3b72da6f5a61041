//! What retention is told.

use std::{collections::HashMap, time::Duration};

use vigie_config::{CameraId, DiskId, StreamId, Utc};

/// The limits of all cameras; those of the disks come with the disks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RetentionRules {
    /// Footage of these cameras older than this goes. Others keep theirs until space is needed.
    pub max_age: HashMap<CameraId, Duration>,
    /// Footage that overlaps one of these stays, whatever the limits.
    pub locked: Vec<Lock>,
}

/// Footage that must stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    pub camera: CameraId,
    pub from: Utc,
    pub to: Utc,
}

/// Why a segment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Older than the camera's `max_age`.
    Age,
    /// The volume holds more than `max_size`.
    Size,
    /// The disk has less free than `keep_free`.
    Space,
}

/// One file that went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    pub disk: DiskId,
    pub stream: StreamId,
    /// To the millisecond, as its name says.
    pub start: Utc,
    pub bytes: u64,
    pub reason: Reason,
}

/// What a pass did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RetentionReport {
    /// In the order of deletion.
    pub deleted: Vec<Deleted>,
    pub freed_bytes: u64,
    /// Deletion by age stood still: the clock is not synchronised or has stepped.
    pub age_paused: bool,
    /// Files that could not be deleted, tried again next time.
    pub failed: u64,
}
