//! `state_dir`: who this recorder is, which disks it knows, and its lock.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use toml_edit::{Array, DocumentMut, Item, Table, value};
use vigie_config::DiskId;

use crate::{
    error::StorageError,
    uuid::{RecorderId, VolumeId},
};

const FILE: &str = "recorder.toml";

#[derive(Debug)]
pub struct State {
    dir: PathBuf,
    /// Held as long as the process lives.
    _lock: File,
    known: Known,
    /// The file that said who we are is lost, but this is no new recorder: the first disk that
    /// knows it decides.
    provisional: bool,
    /// Why the last write failed.
    fault: Option<String>,
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub recorder: RecorderId,
    pub disks: BTreeMap<DiskId, VolumeId>,
    /// Nothing new is to be recorded on these.
    pub retired: BTreeSet<DiskId>,
}

/// Who a recorder is and which disks it knows, without taking its lock; `None`: a new one.
pub fn peek(dir: &Path) -> Option<Known> {
    parse(&fs::read_to_string(dir.join(FILE)).ok()?)
}

impl State {
    pub fn open(dir: &Path) -> Result<State, StorageError> {
        let failed = |error| StorageError::StateDir {
            path: dir.to_owned(),
            error,
        };
        let is_new = !dir.exists();
        if is_new {
            create(dir).map_err(failed)?;
        } else if !dir.is_dir() {
            return Err(failed(io::ErrorKind::NotADirectory.into()));
        }
        // The folder itself is locked: that works in a full or read-only one too.
        let lock = File::open(dir).map_err(failed)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(StorageError::InUse { path: dir.to_owned() });
            }
            Err(error) => return Err(failed(error.into())),
        }
        let mut state = State {
            dir: dir.to_owned(),
            _lock: lock,
            known: Known {
                recorder: RecorderId(0),
                disks: BTreeMap::new(),
                retired: BTreeSet::new(),
            },
            provisional: false,
            fault: None,
        };
        match fs::read_to_string(dir.join(FILE)) {
            Ok(text) => match parse(&text) {
                Some(known) => {
                    state.known = known;
                    return Ok(state);
                }
                None => {
                    tracing::error!(path = %dir.join(FILE).display(), "cannot be understood; the disks will say whose they are");
                    state.provisional = true;
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Other files of ours: the folder is not new, only this file is gone.
                let ours = ["index", "accounts.jsonl", "secret.key"];
                state.provisional = ours.iter().any(|name| dir.join(name).exists());
            }
            Err(error) => {
                tracing::error!(path = %dir.join(FILE).display(), %error, "cannot be read; the disks will say whose they are");
                state.provisional = true;
            }
        }
        state.known.recorder = RecorderId::generate().map_err(StorageError::Random)?;
        if !state.provisional {
            state.save();
            if let Some(fault) = &state.fault {
                // A new recorder whose name is forgotten at the next start would make its disks foreign.
                return Err(failed(io::Error::other(format!("cannot write {FILE}: {fault}"))));
            }
        }
        Ok(state)
    }

    pub fn recorder(&self) -> RecorderId {
        self.known.recorder
    }
    pub fn is_provisional(&self) -> bool {
        self.provisional
    }
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }
    /// A disk that this recorder has recorded on.
    pub fn knows(&self, disk: &DiskId) -> bool {
        self.known.disks.contains_key(disk)
    }

    /// What lay there when it was last recorded on.
    pub fn volume_of(&self, disk: &DiskId) -> Option<VolumeId> {
        self.known.disks.get(disk).copied()
    }

    pub fn disk_of(&self, volume: VolumeId) -> Option<DiskId> {
        let mut disks = self.known.disks.iter();
        disks.find(|(_, known)| **known == volume).map(|(disk, _)| disk.clone())
    }

    pub fn is_retired(&self, disk: &DiskId) -> bool {
        self.known.retired.contains(disk)
    }

    /// True: that is a change.
    pub fn retire(&mut self, disk: &DiskId, retired: bool) -> bool {
        let changed = match retired {
            true => self.known.retired.insert(disk.clone()),
            false => self.known.retired.remove(disk),
        };
        if changed {
            self.save();
        }
        changed
    }

    /// Every volume that this recorder has recorded on.
    pub fn volumes(&self) -> Vec<VolumeId> {
        self.known.disks.values().copied().collect()
    }

    /// Who we are is settled: by the first disk's marker, or as generated.
    pub fn settle(&mut self, recorder: RecorderId) {
        if self.provisional {
            self.known.recorder = recorder;
            self.provisional = false;
            self.save();
        }
    }

    pub fn remember(&mut self, disk: &DiskId, volume: VolumeId) {
        if self.known.disks.insert(disk.clone(), volume) != Some(volume) {
            self.save();
        }
    }

    /// A folder that cannot be written is told, not fatal.
    fn save(&mut self) {
        if self.provisional {
            // Who we are is for a disk of ours to say.
            return;
        }
        let mut document = DocumentMut::new();
        document.insert("recorder", value(self.known.recorder.to_string()));
        if !self.known.retired.is_empty() {
            let retired: Array = self.known.retired.iter().map(DiskId::as_str).collect();
            document.insert("retired", value(retired));
        }
        let mut disks = Table::new();
        for (disk, volume) in &self.known.disks {
            disks.insert(disk.as_str(), value(volume.to_string()));
        }
        document.insert("disks", Item::Table(disks));
        let result = write_atomically(&self.dir, FILE, document.to_string().as_bytes());
        self.fault = result
            .err()
            .map(|error| format!("cannot write {}: {error}", self.dir.join(FILE).display()));
        if let Some(fault) = &self.fault {
            tracing::error!(fault, "the state folder cannot be written; recording goes on");
        }
    }
}

/// With what lies in it, it is nobody else's. What lies above it is made as usual.
fn create(dir: &Path) -> io::Result<()> {
    if let Some(above) = dir.parent() {
        fs::create_dir_all(above)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Whole or not at all, and durable when it returns; only its owner may read it. One writer of a `name` at
/// a time.
pub fn write_atomically(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let temporary = dir.join(format!(".{name}.new"));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, dir.join(name))?;
    File::open(dir)?.sync_all()
}

fn parse(text: &str) -> Option<Known> {
    let document: DocumentMut = text.parse().ok()?;
    let recorder = document.get("recorder")?.as_str()?.parse().ok()?;
    let disks = document.get("disks").and_then(|item| item.as_table());
    let disks = disks.map(|table| {
        table
            .iter()
            .filter_map(|(disk, volume)| Some((DiskId::new(disk).ok()?, volume.as_str()?.parse().ok()?)))
    });
    let retired = document.get("retired").and_then(|item| item.as_array());
    let retired = retired.into_iter().flatten();
    Some(Known {
        recorder,
        disks: disks.into_iter().flatten().collect(),
        retired: retired.filter_map(|disk| DiskId::new(disk.as_str()?).ok()).collect(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_no_state_folder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        std::fs::write(&path, "not a folder").unwrap();
        assert!(matches!(State::open(&path), Err(StorageError::StateDir { .. })));
    }

    #[test]
    fn one_process_at_a_time_and_the_same_recorder_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("var/state");
        let mut state = State::open(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{mode:o}");
        let recorder = state.recorder();
        state.remember(&DiskId::new("d1").unwrap(), VolumeId(7));
        assert!(state.retire(&DiskId::new("d2").unwrap(), true));
        assert!(matches!(State::open(&path), Err(StorageError::InUse { .. })));
        drop(state);
        let state = State::open(&path).unwrap();
        assert_eq!(state.recorder(), recorder);
        assert!(state.knows(&DiskId::new("d1").unwrap()) && !state.is_provisional());
        assert!(state.is_retired(&DiskId::new("d2").unwrap()) && !state.is_retired(&DiskId::new("d1").unwrap()));
        drop(state);
        std::fs::write(path.join(FILE), [0u8; 90]).unwrap();
        let mut state = State::open(&path).unwrap();
        assert!(state.is_provisional());
        state.settle(recorder);
        drop(state);
        assert_eq!(State::open(&path).unwrap().recorder(), recorder);
    }
}
