//! What can fail, and what to do about it.

use std::{io, path::PathBuf};

use vigie_config::{DiskId, ErrorKind, Kind};

use crate::uuid::RecorderId;

/// Why storage cannot start at all.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("cannot create the state folder {}: {error}", path.display())]
    StateDir { path: PathBuf, error: io::Error },
    #[error("the state folder {} is in use by another vigie (its lock is held): stop it first", path.display())]
    InUse { path: PathBuf },
    #[error("no random numbers from the system: {0}")]
    Random(getrandom::Error),
}

impl Kind for StorageError {
    fn kind(&self) -> ErrorKind {
        match self {
            StorageError::StateDir { .. } | StorageError::Random(_) => ErrorKind::Unavailable,
            StorageError::InUse { .. } => ErrorKind::Unavailable,
        }
    }
}

/// Why a disk is not recorded on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VolumeError {
    #[error("disk {disk}: {} does not exist: mount the disk or create the folder", path.display())]
    Missing { disk: DiskId, path: PathBuf },
    #[error("disk {disk}: {} is not a mount point and require_mount is on: mount the disk", path.display())]
    NotMounted { disk: DiskId, path: PathBuf },
    #[error("disk {disk}: {} is empty, and {disk} is no new disk: mount the right one, or take this one into use with \"vigie disk prepare --id {disk}\"", path.display())]
    Blank { disk: DiskId, path: PathBuf },
    #[error("disk {disk}: {} is not empty and has no vigie-volume.toml: mount the right disk, or take this one into use with \"vigie disk prepare --id {disk}\" (a new one) or \"vigie disk adopt --id {disk}\" (one with footage)", path.display())]
    Unmarked { disk: DiskId, path: PathBuf },
    #[error("disk {disk}: {} belongs to recorder {seen}, this is {own}: nothing is written there; \"vigie disk adopt --id {disk}\" takes it over with its footage", path.display())]
    Foreign {
        disk: DiskId,
        path: PathBuf,
        seen: RecorderId,
        own: RecorderId,
    },
    #[error("disk {disk}: {} has format {seen}, this build knows up to {known}: use a newer vigie", path.display())]
    NewerFormat {
        disk: DiskId,
        path: PathBuf,
        seen: i64,
        known: i64,
    },
    #[error("disk {disk}: cannot read {}: {detail}", path.display())]
    BadMarker {
        disk: DiskId,
        path: PathBuf,
        detail: String,
    },
    #[error("disk {disk}: {} is already used by disk {other}", path.display())]
    Duplicate { disk: DiskId, path: PathBuf, other: DiskId },
    #[error("disk {disk}: the folder {} was replaced or unmounted while recording", path.display())]
    Replaced { disk: DiskId, path: PathBuf },
    #[error("disk {disk}: {what} {}: {}", path.display(), errno_text(*errno))]
    Io {
        disk: DiskId,
        what: &'static str,
        path: PathBuf,
        errno: Option<i32>,
    },
    #[error("disk {disk}: a write or sync has not returned for {millis} ms, allowed are {allowed} ms")]
    SlowSync { disk: DiskId, millis: u64, allowed: u64 },
    #[error("disk {disk}: a write to {} from before has not returned yet: it is used again when it has", path.display())]
    Hanging { disk: DiskId, path: PathBuf },
}

fn errno_text(errno: Option<i32>) -> String {
    match errno {
        Some(code) => io::Error::from_raw_os_error(code).to_string(),
        None => "unknown error".into(),
    }
}

impl VolumeError {
    pub fn io(disk: &DiskId, what: &'static str, path: impl Into<PathBuf>, error: &io::Error) -> Self {
        VolumeError::Io {
            disk: disk.clone(),
            what,
            path: path.into(),
            errno: error.raw_os_error(),
        }
    }
}

impl Kind for VolumeError {
    fn kind(&self) -> ErrorKind {
        match self {
            VolumeError::Missing { .. } | VolumeError::NotMounted { .. } | VolumeError::Replaced { .. } => {
                ErrorKind::Unavailable
            }
            // Whoever mounts another disk there ends these: worth looking again, slowly.
            VolumeError::Blank { .. }
            | VolumeError::Unmarked { .. }
            | VolumeError::Foreign { .. }
            | VolumeError::NewerFormat { .. } => ErrorKind::Refused,
            VolumeError::Duplicate { .. } => ErrorKind::Misconfigured,
            VolumeError::BadMarker { .. } => ErrorKind::Corrupt,
            VolumeError::SlowSync { .. } | VolumeError::Hanging { .. } => ErrorKind::Timeout,
            VolumeError::Io { errno, .. } => {
                let full = [rustix::io::Errno::NOSPC, rustix::io::Errno::DQUOT];
                if full.iter().any(|e| Some(e.raw_os_error()) == *errno) {
                    ErrorKind::Full
                } else {
                    ErrorKind::Unavailable
                }
            }
        }
    }
}

/// Why a fragment was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Nothing of this fragment was queued; the disk is slower than the cameras.
    #[error("disk {disk}: the queue holds {queued} bytes, {limit} are allowed: the disk is too slow")]
    QueueFull { disk: DiskId, queued: u64, limit: u64 },
    /// The volume failed: start a segment on another one.
    #[error("disk {disk} does not take footage: {detail}")]
    VolumeDown { disk: DiskId, detail: String },
    /// This file ended with an error: start another segment.
    #[error("disk {disk}: this segment was given up: {detail}")]
    SegmentDown { disk: DiskId, detail: String },
    /// The bytes are not a fragment of this segment.
    #[error("a fragment that cannot be stored: {detail}")]
    BadFragment { detail: String },
}

impl Kind for WriteError {
    fn kind(&self) -> ErrorKind {
        match self {
            WriteError::QueueFull { .. } => ErrorKind::Full,
            WriteError::VolumeDown { .. } | WriteError::SegmentDown { .. } => ErrorKind::Unavailable,
            WriteError::BadFragment { .. } => ErrorKind::Bug,
        }
    }
}
