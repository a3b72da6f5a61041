//! What an operator wants of a disk: that it is recorded on, that nothing new is begun on it
//! (retired), that it can be pulled (released).

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;
use vigie_config::{DiskId, ErrorKind, Kind};
use vigie_storage::{Adopted, Erasure, Holdings, PrepareError, Prepared};

use super::{DiskState, Disks};

/// Longest that closing a disk takes: what is queued is written, and synced.
const CLOSING: Duration = Duration::from_secs(40);
/// Recorders let go of a disk's files when they look next; players when they have read on.
const LETTING_GO: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);

/// Why an operator's wish was not granted.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("there is no disk {0} in the configuration")]
    Unknown(DiskId),
    #[error(
        "disk {0} was told to close and has not closed yet: it does not answer; it is not safe to pull it before its state is released"
    )]
    NotClosed(DiskId),
    #[error(
        "disk {0} is released, but a write from before has not returned: what it holds may be lost if it is pulled now"
    )]
    Hanging(DiskId),
    #[error(
        "disk {disk} is released, but {files} of its files are still being read (somebody plays them): unmounting has to wait for that"
    )]
    Read { disk: DiskId, files: usize },
    #[error(transparent)]
    Prepare(#[from] PrepareError),
}

impl Kind for ServiceError {
    fn kind(&self) -> ErrorKind {
        match self {
            ServiceError::Unknown(_) => ErrorKind::Misconfigured,
            ServiceError::NotClosed(_) | ServiceError::Hanging(_) => ErrorKind::Timeout,
            ServiceError::Read { .. } => ErrorKind::Unavailable,
            ServiceError::Prepare(error) => error.kind(),
        }
    }
}

/// One command at a time: others are sent away until it is dropped.
pub struct Turn {
    disk: DiskId,
    of: Arc<Mutex<BTreeSet<DiskId>>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut served = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        served.remove(&self.disk);
    }
}

/// Which disks are retired or released.
#[derive(Default)]
pub(super) struct Service {
    /// Those that a command is under way on.
    served: Arc<Mutex<BTreeSet<DiskId>>>,
    retired: Mutex<BTreeSet<DiskId>>,
    released: watch::Sender<BTreeSet<DiskId>>,
}

impl Service {
    fn retired(&self) -> MutexGuard<'_, BTreeSet<DiskId>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_retired(&self, disk: &DiskId) -> bool {
        self.retired().contains(disk)
    }

    pub fn set_retired(&self, disk: &DiskId, retired: bool) {
        match retired {
            true => self.retired().insert(disk.clone()),
            false => self.retired().remove(disk),
        };
    }

    fn turn(&self, disk: &DiskId) -> Option<Turn> {
        let of = self.served.clone();
        let mut served = of.lock().unwrap_or_else(PoisonError::into_inner);
        let first = served.insert(disk.clone());
        drop(served);
        first.then(|| Turn { disk: disk.clone(), of })
    }

    /// Wakes the disk's actor.
    fn release(&self, disk: &DiskId) {
        self.released.send_modify(|all| {
            all.insert(disk.clone());
        });
    }

    pub fn take_back(&self, disk: &DiskId) {
        self.released.send_if_modified(|all| all.remove(disk));
    }

    pub fn is_released(&self, disk: &DiskId) -> bool {
        self.released.borrow().contains(disk)
    }

    pub fn releases(&self) -> watch::Receiver<BTreeSet<DiskId>> {
        self.released.subscribe()
    }
}

fn wait(longest: Duration, done: impl Fn() -> bool) -> bool {
    let begin = Instant::now();
    while !done() {
        if begin.elapsed() > longest {
            return false;
        }
        std::thread::sleep(LOOK);
    }
    true
}

impl Disks {
    /// For one command on that disk. `None`: another one is under way, and a disk that hangs may keep
    /// it for ever.
    pub fn turn(&self, disk: &DiskId) -> Option<Turn> {
        self.service.turn(disk)
    }

    /// Stops recording on it, syncs and closes it, so that it can be unmounted and pulled. It is
    /// used again when it was gone and is there again, or with [`Disks::adopt`]. Blocks.
    pub fn release(&self, disk: &DiskId) -> Result<(), ServiceError> {
        let path = self.known(disk)?.path.clone();
        self.service.release(disk);
        let released = || {
            let trouble = self.trouble(disk);
            trouble.is_some_and(|trouble| trouble.state == DiskState::Released) && self.storage.volume(disk).is_none()
        };
        if !wait(CLOSING, released) {
            return Err(ServiceError::NotClosed(disk.clone()));
        }
        if self.storage.is_hanging(&path) {
            return Err(ServiceError::Hanging(disk.clone()));
        }
        match wait(LETTING_GO, || open_below(&path) == 0) {
            true => Ok(()),
            false => Err(ServiceError::Read {
                disk: disk.clone(),
                files: open_below(&path),
            }),
        }
    }

    /// Nothing new is begun on it from now on.
    pub fn retire(&self, disk: &DiskId) -> Result<(), ServiceError> {
        self.known(disk)?;
        self.storage.retire(disk, true);
        self.service.set_retired(disk, true);
        self.unassign(disk);
        Ok(())
    }

    /// Makes the folder of a new disk. False: it is there.
    pub fn create_folder(&self, disk: &DiskId) -> Result<bool, ServiceError> {
        let created = self.storage.create_folder(&*self.known(disk)?)?;
        self.in_service(disk);
        Ok(created)
    }

    /// Takes a disk that holds nothing (or nothing that is to be kept) into use.
    pub fn prepare(&self, disk: &DiskId, erase: Option<&Erasure>) -> Result<Prepared, ServiceError> {
        let prepared = self.storage.prepare(&*self.known(disk)?, erase)?;
        self.in_service(disk);
        Ok(prepared)
    }

    /// Takes a disk into use with the footage that is on it, or one that was retired or released.
    pub fn adopt(&self, disk: &DiskId) -> Result<Adopted, ServiceError> {
        let known = self.known(disk)?;
        let was_released = self.service.is_released(disk);
        let adopted = self.storage.adopt(&known)?;
        self.in_service(disk);
        self.there_is_one(&known.group);
        Ok(match adopted {
            Adopted::Already if was_released => Adopted::Done {
                holds: Holdings::default(),
                from: Vec::new(),
            },
            adopted => adopted,
        })
    }

    fn in_service(&self, disk: &DiskId) {
        self.service.set_retired(disk, false);
        self.service.take_back(disk);
    }

    fn known(&self, disk: &DiskId) -> Result<Arc<vigie_config::Disk>, ServiceError> {
        let known = self.configured(disk);
        known.ok_or_else(|| ServiceError::Unknown(disk.clone()))
    }
}

/// How many files of a folder this process holds open. Touches no disk.
fn open_below(path: &Path) -> usize {
    let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let names = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    names.filter(|name| name.starts_with(path)).count()
}

/// Bytes that are free at a path; `None`: it cannot be looked at.
pub(super) fn free_at(path: &Path) -> Option<u64> {
    let seen = rustix::fs::statvfs(path).ok()?;
    Some(seen.f_bavail.saturating_mul(seen.f_frsize))
}

/// What lies at a path: another number after it was unmounted or replaced.
pub(super) fn place_of(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let seen = std::fs::metadata(path).ok()?;
    Some((seen.dev(), seen.ino()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_command_of_a_disk_at_a_time() {
        let service = Service::default();
        let (d1, d2) = (DiskId::new("d1").unwrap(), DiskId::new("d2").unwrap());
        let first = service.turn(&d1);
        assert!(first.is_some() && service.turn(&d1).is_none());
        assert!(service.turn(&d2).is_some(), "another disk does not wait for it");
        drop(first);
        assert!(service.turn(&d1).is_some());
    }
}
