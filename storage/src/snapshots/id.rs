//! A picture's id, which is its place on a disk.

use std::{fmt, path::PathBuf, str::FromStr};

use ulid::Ulid;
use vigie_config::{CameraId, Utc};

use crate::layout;

const BY_HAND: &str = "by-hand";

/// As text `gate.20261120T094100.123Z-01KAGQ…`, or `gate.20261120T094100.123Z-by-hand`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SnapshotId {
    pub camera: CameraId,
    /// The millisecond at which the picture began to be shown.
    pub at: Utc,
    /// `None`: taken by hand.
    pub event: Option<Ulid>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{seen:?} is no snapshot, expected CAMERA.20261120T094100.123Z-EVENT")]
pub struct NotAnId {
    pub seen: String,
}

impl SnapshotId {
    /// `at` is cut to the millisecond.
    pub fn new(camera: CameraId, at: Utc, event: Option<Ulid>) -> Self {
        let at = Utc::from_micros(at.as_micros().div_euclid(1000) * 1000);
        Self { camera, at, event }
    }

    fn stem(&self) -> String {
        let time = layout::millisecond(self.at);
        match self.event {
            Some(event) => format!("{time}-{event}"),
            None => format!("{time}-{BY_HAND}"),
        }
    }

    fn of_stem(camera: &CameraId, stem: &str) -> Option<Self> {
        let (time, rest) = stem.split_once('-')?;
        let event = match rest {
            BY_HAND => None,
            event => Some(event.parse::<Ulid>().ok()?),
        };
        let id = Self::new(camera.clone(), layout::parse_millisecond(time)?, event);
        // A file has one name only.
        (id.stem() == stem).then_some(id)
    }

    /// By the name of its file.
    pub fn of_name(camera: &CameraId, name: &str) -> Option<Self> {
        Self::of_stem(camera, name.strip_suffix(".jpg")?)
    }

    /// Below a volume's root.
    pub fn path(&self) -> PathBuf {
        layout::snapshots_hour_dir(&self.camera, self.at).join(self.stem() + ".jpg")
    }

    /// Of two the later one sorts last.
    pub(super) fn order(&self) -> (Utc, &CameraId, Option<Ulid>) {
        (self.at, &self.camera, self.event)
    }
}

impl PartialOrd for SnapshotId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SnapshotId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.camera, self.stem())
    }
}

impl FromStr for SnapshotId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        // Ids of cameras have no full stop.
        let parts = text.split_once('.');
        let found = parts.and_then(|(camera, stem)| Self::of_stem(&CameraId::new(camera).ok()?, stem));
        found.ok_or_else(|| NotAnId {
            seen: text.chars().take(120).collect(),
        })
    }
}
