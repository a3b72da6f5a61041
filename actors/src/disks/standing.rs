//! How every configured disk stands, and why one is not in use.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError},
};

use serde::Serialize;
use vigie_config::{Config, Disk, DiskId, StreamId};
use vigie_storage::{Volume, VolumeSnapshot, VolumeState};

use super::{DiskState, Disks, life::Trouble};

/// One disk of the configuration.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct DiskSnapshot {
    #[schema(value_type = String)]
    pub disk: DiskId,
    #[schema(value_type = String)]
    pub path: PathBuf,
    pub group: String,
    pub state: DiskState,
    /// Why it is not in use, or not as it should be.
    pub error: Option<String>,
    /// Cameras whose footage goes there.
    pub cameras: usize,
    /// Only of a disk that is in use.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub volume: Option<VolumeSnapshot>,
}

impl Disks {
    pub(super) fn note(&self, disk: &DiskId, trouble: Option<Trouble>) {
        let mut all = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(trouble) => drop(all.insert(disk.clone(), trouble)),
            None => drop(all.remove(disk)),
        }
    }

    pub(super) fn trouble(&self, disk: &DiskId) -> Option<Trouble> {
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
        all.filter_map(|disk| self.snapshot(&disk.id)).collect()
    }

    pub fn snapshot(&self, disk: &DiskId) -> Option<DiskSnapshot> {
        let disk = self.configured(disk)?;
        let volume = self.storage.volume(&disk.id);
        let (state, error) = match &volume {
            Some(volume) => self.in_use(volume),
            None => self.not_in_use(&disk.id),
        };
        let assigned = self.assignments();
        Some(DiskSnapshot {
            cameras: assigned.values().filter(|assigned| **assigned == disk.id).count(),
            disk: disk.id.clone(),
            path: disk.path.clone(),
            group: disk.group.clone(),
            state,
            error,
            volume: volume.map(|volume| volume.snapshot()),
        })
    }

    fn in_use(&self, volume: &Volume) -> (DiskState, Option<String>) {
        let snapshot = volume.snapshot();
        let refused = self.refusals.of(volume.disk());
        match snapshot.state {
            VolumeState::Failed => (DiskState::Failed, snapshot.error),
            VolumeState::Slow => (DiskState::Slow, None),
            VolumeState::Online if volume.is_full() => (DiskState::Full, None),
            VolumeState::Online if self.service.is_retired(volume.disk()) => (DiskState::Retired, None),
            VolumeState::Online => match refused.first() {
                None => (DiskState::Online, None),
                Some(stream) => (DiskState::Degraded, self.refusals.get(volume.disk(), stream)),
            },
        }
    }

    fn not_in_use(&self, disk: &DiskId) -> (DiskState, Option<String>) {
        match self.trouble(disk) {
            None => (DiskState::Opening, None),
            Some(trouble) if self.storage.is_opening(disk) => (DiskState::Returning, Some(trouble.error)),
            Some(trouble) => (trouble.state, Some(trouble.error)),
        }
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
                None if self.service.is_retired(disk) => Some(format!("disk {disk} is retired")),
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
    use std::collections::BTreeMap;

    use tokio::sync::watch;
    use vigie_config::{CameraId, StreamName};
    use vigie_storage::{Storage, StorageOptions};

    use super::*;
    use crate::disks::plain_disk;

    fn gate() -> StreamId {
        StreamId::new(CameraId::new("gate").unwrap(), StreamName::Main)
    }

    #[test]
    fn a_group_without_a_disk_says_why_and_names_each() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(&folder.path().join("state"), StorageOptions::default()).unwrap();
        let disks = Disks::new(storage.clone(), watch::Sender::new(BTreeMap::new()));
        let (one, two) = (
            plain_disk("one", folder.path().join("one")),
            plain_disk("two", folder.path().join("two")),
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
}
