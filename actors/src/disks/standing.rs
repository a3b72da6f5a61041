//! How every configured disk stands, and why one is not in use.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError},
};

use rustix::io::Errno;
use serde::Serialize;
use vigie_config::{Config, Disk, DiskId, StreamId};
use vigie_storage::{VolumeError, VolumeSnapshot};

use super::Disks;
use crate::registry::EventKind;

/// Where a disk stands that is not in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskState {
    /// Being looked through for the first time.
    Opening,
    /// No folder, no mount, or a device that does not answer.
    Absent,
    /// Unmounted, or its folder replaced, while it was recorded on.
    Removed,
    /// Another recorder's.
    Foreign,
    /// Without the marker of a disk of ours, and not a new one.
    Unmarked,
    /// Of a newer vigie.
    NewerFormat,
    /// Its marker cannot be understood.
    Damaged,
    /// The same volume as another disk of the configuration.
    Duplicate,
    ReadOnly,
    /// This process may not write there.
    Denied,
    Full,
    /// Does not answer in time.
    Slow,
    /// Failed while it was recorded on; looked at again soon.
    Failed,
}

/// Why a disk is not in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub state: DiskState,
    pub error: String,
}

impl Trouble {
    pub fn failed(error: &str) -> Trouble {
        Trouble {
            state: DiskState::Failed,
            error: error.to_owned(),
        }
    }

    /// Why a disk failed that was recorded on.
    pub fn while_recording(error: &VolumeError) -> Trouble {
        let mut trouble = Trouble::of(error);
        if matches!(error, VolumeError::Io { .. }) && trouble.state == DiskState::Absent {
            trouble.state = DiskState::Failed;
        } else if matches!(error, VolumeError::Replaced { .. } | VolumeError::Unmarked { .. }) {
            trouble.state = DiskState::Removed;
        }
        trouble
    }

    pub fn event(&self) -> EventKind {
        match self.state {
            DiskState::Removed | DiskState::Absent => EventKind::DiskRemoved,
            DiskState::Full => EventKind::DiskFull,
            DiskState::Slow => EventKind::DiskSlow,
            _ => EventKind::DiskError,
        }
    }

    pub fn of(error: &VolumeError) -> Trouble {
        let is = |errno: Option<i32>, of: &[Errno]| of.iter().any(|e| Some(e.raw_os_error()) == errno);
        let state = match error {
            VolumeError::Missing { .. } | VolumeError::NotMounted { .. } => DiskState::Absent,
            VolumeError::Foreign { .. } => DiskState::Foreign,
            VolumeError::Unmarked { .. } => DiskState::Unmarked,
            VolumeError::NewerFormat { .. } => DiskState::NewerFormat,
            VolumeError::BadMarker { .. } => DiskState::Damaged,
            VolumeError::Duplicate { .. } => DiskState::Duplicate,
            VolumeError::Replaced { .. } => DiskState::Failed,
            VolumeError::SlowSync { .. } | VolumeError::Hanging { .. } => DiskState::Slow,
            VolumeError::Io { errno, .. } if is(*errno, &[Errno::ROFS]) => DiskState::ReadOnly,
            VolumeError::Io { errno, .. } if is(*errno, &[Errno::ACCESS, Errno::PERM]) => DiskState::Denied,
            VolumeError::Io { errno, .. } if is(*errno, &[Errno::NOSPC, Errno::DQUOT]) => DiskState::Full,
            VolumeError::Io { .. } => DiskState::Absent,
        };
        Trouble {
            state,
            error: error.to_string(),
        }
    }
}

/// One disk of the configuration.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum DiskSnapshot {
    InUse(VolumeSnapshot),
    NotInUse {
        disk: DiskId,
        path: PathBuf,
        state: DiskState,
        error: Option<String>,
    },
}

impl Disks {
    pub(super) fn note(&self, disk: &DiskId, trouble: Option<Trouble>) {
        let mut all = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(trouble) => drop(all.insert(disk.clone(), trouble)),
            None => drop(all.remove(disk)),
        }
    }

    fn trouble(&self, disk: &DiskId) -> Option<Trouble> {
        let all = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(disk).cloned()
    }

    pub(super) fn group(&self, group: &str) -> Vec<DiskId> {
        let all = self.configured.lock().unwrap_or_else(PoisonError::into_inner);
        all.values()
            .filter(|d| d.group == group)
            .map(|d| d.id.clone())
            .collect()
    }

    /// Every disk of the configuration; `true`: in use.
    pub(crate) fn all(&self) -> Vec<(Arc<Disk>, bool)> {
        let all = self.configured.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let in_use = |disk: &Disk| self.storage.volume(&disk.id).is_some_and(|volume| !volume.has_failed());
        all.into_values().map(|disk| (disk.clone(), in_use(&disk))).collect()
    }

    /// Every disk of the configuration, in its order.
    pub fn snapshots(&self, config: &Config) -> Vec<DiskSnapshot> {
        let all = config.disks.iter();
        all.map(|disk| match self.storage.volume(&disk.id) {
            Some(volume) => DiskSnapshot::InUse(volume.snapshot()),
            None => {
                let trouble = self.trouble(&disk.id);
                DiskSnapshot::NotInUse {
                    disk: disk.id.clone(),
                    path: disk.path.clone(),
                    state: trouble.as_ref().map_or(DiskState::Opening, |trouble| trouble.state),
                    error: trouble.map(|trouble| trouble.error),
                }
            }
        })
        .collect()
    }

    /// A disk of the group is being looked through for the first time.
    pub fn is_opening(&self, group: &str) -> bool {
        let group = self.group(group);
        group
            .iter()
            .any(|disk| self.storage.volume(disk).is_none() && self.trouble(disk).is_none())
    }

    /// Why no disk of the group takes footage of any stream; `None`: one does.
    pub(super) fn why_none_at_all(&self, group: &str) -> Option<String> {
        self.why(group, |_| None)
    }

    /// Why no disk of the group takes this stream's footage; `None`: one does.
    pub fn why_none(&self, stream: &StreamId, group: &str) -> Option<String> {
        self.why(group, |disk| self.refusals.get(disk, stream))
    }

    fn why(&self, group: &str, refusal: impl Fn(&DiskId) -> Option<String>) -> Option<String> {
        let disks = self.group(group);
        let why = |disk: &DiskId| match self.storage.volume(disk) {
            Some(volume) => match volume.failure() {
                Some(error) => Some(error.to_string()),
                None if volume.is_full() => Some(format!("disk {disk} is full, and when_full is stop")),
                None => refusal(disk),
            },
            None => Some(match self.trouble(disk) {
                Some(trouble) => trouble.error,
                None => format!("disk {disk} is being looked through"),
            }),
        };
        let all: Vec<String> = disks.iter().map(why).collect::<Option<_>>()?;
        Some(format!("no disk of group {group} takes footage: {}", all.join("; ")))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use tokio::sync::watch;
    use vigie_config::{CameraId, StreamName};
    use vigie_storage::{Storage, StorageOptions};

    use super::*;

    fn disk(id: &str, path: PathBuf) -> Disk {
        Disk {
            id: DiskId::new(id).unwrap(),
            path,
            group: "default".into(),
            keep_free_bytes: 0,
            max_size_bytes: None,
            require_mount: false,
            when_full: Default::default(),
            tick: Duration::from_millis(50),
        }
    }

    fn gate() -> StreamId {
        StreamId::new(CameraId::new("gate").unwrap(), StreamName::Main)
    }

    #[test]
    fn a_group_without_a_disk_says_why_and_names_each() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(&folder.path().join("state"), StorageOptions::default()).unwrap();
        let disks = Disks::new(storage.clone(), watch::Sender::new(BTreeMap::new()));
        let (one, two) = (
            disk("one", folder.path().join("one")),
            disk("two", folder.path().join("two")),
        );
        disks.configure(&one);
        disks.configure(&two);
        assert!(disks.is_opening("default"));
        assert!(
            disks
                .why_none(&gate(), "default")
                .unwrap()
                .contains("disk one is being looked through")
        );
        for disk in [&one, &two] {
            let error = storage.add_volume(disk).unwrap_err();
            disks.note(&disk.id, Some(Trouble::of(&error)));
        }
        assert!(!disks.is_opening("default"));
        let why = disks.why_none(&gate(), "default").unwrap();
        assert!(
            why.contains("disk one: ") && why.contains("disk two: ") && why.contains("does not exist"),
            "{why}"
        );
        std::fs::create_dir(&two.path).unwrap();
        storage.add_volume(&two).unwrap();
        disks.note(&two.id, None);
        assert_eq!(disks.why_none(&gate(), "default"), None);
        assert_eq!(disks.place(&gate(), "default").unwrap().disk(), &two.id);
        assert!(disks.refuse(&two.id, &gate(), "its folder is a file"));
        assert!(!disks.refuse(&two.id, &gate(), "its folder is a file"), "no news");
        assert!(disks.place(&gate(), "default").is_none());
        let why = disks.why_none(&gate(), "default").unwrap();
        assert!(why.contains("its folder is a file"), "{why}");
        assert_eq!(disks.why_none_at_all("default"), None);
    }

    #[test]
    fn a_read_only_disk_is_called_that() {
        let disk = DiskId::new("one").unwrap();
        let error = std::io::Error::from_raw_os_error(Errno::ROFS.raw_os_error());
        let trouble = Trouble::of(&VolumeError::io(&disk, "cannot write to", "/srv", &error));
        assert_eq!(trouble.state, DiskState::ReadOnly);
        assert!(trouble.error.contains("Read-only file system"), "{}", trouble.error);
    }
}
