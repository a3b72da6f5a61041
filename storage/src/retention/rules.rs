//! What retention is told.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use vigie_config::{CameraId, DiskId, Snapshots, StreamId, Utc};

use super::plan::Candidate;
use crate::shelf::What;

/// The limits of all cameras; those of the disks come with the disks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RetentionRules {
    /// Footage of these cameras older than this goes. Others keep theirs until space is needed.
    pub max_age: HashMap<CameraId, Duration>,
    /// Footage of these cameras younger than this goes only when nothing else is left to go.
    pub min_age: HashMap<CameraId, Duration>,
    /// What pictures may take, and how old they may get. Their cameras' `max_age` is not theirs.
    pub snapshots: Snapshots,
    /// Footage that overlaps one of these stays, whatever the limits. Storage adds what people
    /// have protected ([`crate::locks`]).
    pub locked: Vec<Lock>,
}

impl RetentionRules {
    /// Younger than its camera's `min_age`.
    pub(super) fn is_guaranteed(&self, candidate: &Candidate, now: Utc) -> bool {
        let min_age = self.min_age.get(candidate.what.camera());
        min_age.is_some_and(|min_age| candidate.end > now - *min_age)
    }
}

/// Footage that must stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    pub camera: CameraId,
    pub from: Utc,
    pub to: Utc,
}

/// Why a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Older than the camera's `max_age`, or that of snapshots.
    Age,
    /// The volume holds more than `max_size`, of snapshots or in all.
    Size,
    /// The disk has less free than `keep_free`.
    Space,
    /// As [`Reason::Size`] or [`Reason::Space`], and nothing older than its camera's `min_age` was
    /// left.
    LastResort,
    /// A person said so.
    Asked,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Reason::Age => "older than max_age",
            Reason::Size => "more than max_size",
            Reason::Space => "less free than keep_free",
            Reason::LastResort => "nothing older than min_age is left to go",
            Reason::Asked => "deleted by hand",
        })
    }
}

/// One file that went, or would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    pub disk: DiskId,
    pub what: What,
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
    /// Up to when the limits took footage of a stream on a disk.
    pub(crate) expired: BTreeMap<(DiskId, StreamId), Utc>,
}
