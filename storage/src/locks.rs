//! Footage that must stay: spans of a camera's time that people protect.
//!
//! Kept in `<state_dir>/locks.jsonl`, beside the index and not in it: a broken index must not let
//! protected footage go. Belongs here: who protected what. Does not belong here: what retention
//! makes of it ([`crate::retention`]).

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use ulid::Ulid;
use vigie_config::{CameraId, ErrorKind, Kind, Utc};

use crate::{
    journal::{Journal, JournalError},
    note::{self, NoteError},
    retention::Lock,
};

/// One protected span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    pub id: Ulid,
    pub camera: CameraId,
    pub from: Utc,
    pub to: Utc,
    /// Why, in the words of who did it.
    pub note: String,
    /// Name of the user.
    pub by: String,
    pub since: Utc,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Entry {
    Protected(Protection),
    Released { id: Ulid, by: String, at: Utc },
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("from {from} is not before to {to}")]
    Empty { from: Utc, to: Utc },
    #[error("note: {0}")]
    Note(#[from] NoteError),
    #[error("{LIMIT} spans are protected already: release some first")]
    Many,
    #[error("nothing is protected under {0}: `vigie lock list` shows what is")]
    Unknown(Ulid),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("what is protected could not be read at the start, so nothing is added: {0}")]
    Unreadable(String),
}

impl Kind for LockError {
    fn kind(&self) -> ErrorKind {
        match self {
            LockError::Empty { .. } | LockError::Note(_) => ErrorKind::Misconfigured,
            LockError::Many => ErrorKind::Full,
            LockError::Unknown(_) => ErrorKind::Refused,
            LockError::Journal(error) => error.kind(),
            LockError::Unreadable(_) => ErrorKind::Unavailable,
        }
    }
}

/// Retention compares every file with every span.
const LIMIT: usize = 10_000;

pub struct Locks {
    inner: Mutex<Inner>,
}

struct Inner {
    /// `None`: could not be read, so it is not written to either.
    journal: Option<Journal<Entry>>,
    all: BTreeMap<Ulid, Protection>,
    fault: Option<String>,
}

impl Locks {
    /// Nothing is created before the first change.
    pub fn open(state_dir: &Path) -> Locks {
        let path = state_dir.join("locks.jsonl");
        let mut inner = Inner {
            journal: None,
            all: BTreeMap::new(),
            fault: None,
        };
        match Journal::open(&path) {
            Ok(opened) => {
                opened.entries.into_iter().for_each(|entry| inner.apply(entry));
                inner.journal = Some(opened.journal);
                if opened.damaged_lines > 0 {
                    let lines = opened.damaged_lines;
                    let fault = format!(
                        "{lines} lines of {} are damaged: what they protected is not known",
                        path.display()
                    );
                    tracing::error!(
                        fault,
                        "nothing is deleted for its age until `vigie lock list` was looked through and the file mended"
                    );
                    inner.fault = Some(fault);
                }
            }
            Err(error) => {
                tracing::error!(%error, "what is protected is not known: nothing is deleted for its age");
                inner.fault = Some(error.to_string());
            }
        }
        Locks {
            inner: Mutex::new(inner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why it is not known what is protected.
    pub fn fault(&self) -> Option<String> {
        self.lock().fault.clone()
    }

    /// By time of their making.
    pub fn list(&self) -> Vec<Protection> {
        self.lock().all.values().cloned().collect()
    }

    /// Durable when it returns.
    pub fn protect(&self, camera: CameraId, from: Utc, to: Utc, note: &str, by: &str) -> Result<Protection, LockError> {
        if from >= to {
            return Err(LockError::Empty { from, to });
        }
        note::check(note)?;
        let protection = Protection {
            id: Ulid::generate(),
            camera,
            from,
            to,
            note: note.to_owned(),
            by: by.to_owned(),
            since: Utc::now(),
        };
        let mut inner = self.lock();
        if inner.all.len() >= LIMIT {
            return Err(LockError::Many);
        }
        inner.commit(Entry::Protected(protection.clone()))?;
        Ok(protection)
    }

    /// Durable when it returns.
    pub fn release(&self, id: Ulid, by: &str) -> Result<(), LockError> {
        let mut inner = self.lock();
        if !inner.all.contains_key(&id) {
            return Err(LockError::Unknown(id));
        }
        inner.commit(Entry::Released {
            id,
            by: by.to_owned(),
            at: Utc::now(),
        })
    }

    /// As retention wants them.
    pub(crate) fn spans(&self) -> Vec<Lock> {
        let inner = self.lock();
        let spans = inner.all.values().map(|protection| Lock {
            camera: protection.camera.clone(),
            from: protection.from,
            to: protection.to,
        });
        spans.collect()
    }
}

impl Inner {
    fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Protected(protection) => drop(self.all.insert(protection.id, protection)),
            Entry::Released { id, .. } => drop(self.all.remove(&id)),
        }
    }

    fn commit(&mut self, entry: Entry) -> Result<(), LockError> {
        let Some(journal) = &mut self.journal else {
            return Err(LockError::Unreadable(self.fault.clone().unwrap_or_default()));
        };
        journal.append(&entry)?;
        self.apply(entry);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(s: i64) -> Utc {
        Utc::from_micros(1_700_000_000_000_000 + s * 1_000_000)
    }

    #[test]
    fn what_is_protected_is_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let gate = CameraId::new("gate").unwrap();
        let locks = Locks::open(folder.path());
        let first = locks.protect(gate.clone(), at(0), at(60), "theft", "anna").unwrap();
        let second = locks.protect(gate.clone(), at(90), at(120), "", "anna").unwrap();
        locks.release(first.id, "bert").unwrap();
        assert!(matches!(locks.release(first.id, "bert"), Err(LockError::Unknown(_))));
        assert!(matches!(
            locks.protect(gate.clone(), at(9), at(9), "", "anna"),
            Err(LockError::Empty { .. })
        ));
        let again = Locks::open(folder.path());
        assert_eq!(again.list(), [second]);
        assert_eq!(again.spans().len(), 1);
        assert_eq!(again.fault(), None);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_fault_and_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks.jsonl");
        std::fs::create_dir(&path).unwrap();
        let locks = Locks::open(folder.path());
        assert!(locks.fault().is_some());
        let gate = CameraId::new("gate").unwrap();
        assert!(matches!(
            locks.protect(gate, at(0), at(1), "", "anna"),
            Err(LockError::Unreadable(_))
        ));
    }
}
