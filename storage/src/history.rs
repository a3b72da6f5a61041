//! Configurations that the recorder ran with, so that one can go back.
//!
//! Which ones is in `<state_dir>/config_history.jsonl`, each text in a file of its own in
//! `<state_dir>/config_history/`, readable by its owner alone: a text holds what the configuration
//! file itself held, secrets too. Does not belong here: what a text means.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use ulid::Ulid;
use vigie_config::{ErrorKind, Kind, Utc};

use crate::{
    kept::{Change, Kept, KeptError, Thing},
    state::write_atomically,
};

/// The oldest go.
pub const MOST: usize = 200;
const FOLDER: &str = "config_history";

/// One configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub id: Ulid,
    /// Since when the recorder ran with it.
    pub at: Utc,
    /// Name of the user; `None`: somebody who changed the file.
    pub by: Option<String>,
    /// What became another with it, in words.
    pub changes: Vec<String>,
}

impl Thing for Version {
    type Key = Ulid;
    const FILE: &'static str = "config_history.jsonl";
    fn key(&self) -> Ulid {
        self.id
    }
}

#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("there is no configuration {0}")]
    Unknown(Ulid),
    #[error("cannot {what} {}: {error}", path.display())]
    File {
        what: &'static str,
        path: PathBuf,
        error: io::Error,
    },
    #[error(transparent)]
    Kept(#[from] KeptError),
}

impl Kind for HistoryError {
    fn kind(&self) -> ErrorKind {
        match self {
            HistoryError::Unknown(_) => ErrorKind::Refused,
            HistoryError::File { .. } => ErrorKind::Unavailable,
            HistoryError::Kept(error) => error.kind(),
        }
    }
}

pub struct History {
    folder: PathBuf,
    versions: Kept<Version>,
    /// One is put down at a time.
    turn: Mutex<()>,
}

impl History {
    /// Nothing is created before the first one is put down.
    pub fn open(state_dir: &Path) -> History {
        History {
            folder: state_dir.join(FOLDER),
            versions: Kept::open(state_dir),
            turn: Mutex::default(),
        }
    }

    /// Newest first.
    pub fn list(&self) -> Vec<Version> {
        self.versions.read().values().rev().cloned().collect()
    }

    pub fn newest(&self) -> Option<Version> {
        self.versions.read().values().next_back().cloned()
    }

    pub fn get(&self, id: Ulid) -> Result<Version, HistoryError> {
        self.versions.get(&id).ok_or(HistoryError::Unknown(id))
    }

    /// As it stood in the file.
    pub fn text(&self, id: Ulid) -> Result<String, HistoryError> {
        self.get(id)?;
        let path = self.path(id);
        fs::read_to_string(&path).map_err(|error| HistoryError::File {
            what: "read",
            path,
            error,
        })
    }

    /// The recorder runs with `text` now. Nothing happens when that is what it ran with before.
    /// Durable when it returns.
    pub fn put(&self, text: &str, by: Option<&str>, changes: Vec<String>) -> Result<(), HistoryError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.put_now(text, by, changes)
    }

    /// The recorder runs with `text` now, and what it ran with before is forgotten.
    pub fn begin_anew(&self, text: &str, by: Option<&str>) -> Result<(), HistoryError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let removed = fs::remove_dir_all(&self.folder);
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let (what, path) = ("remove", self.folder.clone());
                return Err(HistoryError::File { what, path, error });
            }
            _ => self.versions.forget()?,
        }
        self.put_now(text, by, Vec::new())
    }

    fn put_now(&self, text: &str, by: Option<&str>, changes: Vec<String>) -> Result<(), HistoryError> {
        let newest = self.newest().map(|version| version.id);
        if newest.is_some_and(|id| self.text(id).is_ok_and(|known| known == text)) {
            return Ok(());
        }
        // Above the newest, whatever the clock says: ids are their order.
        let next = newest.and_then(|newest| newest.increment().ok());
        let id = Ulid::generate().max(next.unwrap_or_default());
        let folder = &self.folder;
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        let written = made.and_then(|()| write_atomically(folder, &name(id), text.as_bytes()));
        written.map_err(|error| HistoryError::File {
            what: "write",
            path: self.path(id),
            error,
        })?;
        let version = Version {
            id,
            at: Utc::now(),
            by: by.map(str::to_owned),
            changes,
        };
        let gone = self.versions.change(|all| {
            let over = (all.len() + 1).saturating_sub(MOST);
            let gone: Vec<Ulid> = all.keys().take(over).copied().collect();
            let removed = gone.iter().copied().map(Change::Remove);
            Ok::<_, KeptError>(([Change::Put(version)].into_iter().chain(removed).collect(), gone))
        })?;
        for id in gone {
            // One that stays is of no harm, and nothing names it.
            drop(fs::remove_file(self.path(id)));
        }
        Ok(())
    }

    fn path(&self, id: Ulid) -> PathBuf {
        self.folder.join(name(id))
    }
}

fn name(id: Ulid) -> String {
    format!("{id}.toml")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn versions_are_kept_in_order_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::open(folder.path());
        history.put("a = 1", None, Vec::new()).unwrap();
        history.put("a = 2", Some("ann"), vec!["a".into()]).unwrap();
        history.put("a = 2", Some("ben"), vec!["a".into()]).unwrap();
        history.put("a = 1", None, vec!["a".into()]).unwrap();
        let again = History::open(folder.path());
        let list = again.list();
        let who: Vec<_> = list.iter().map(|version| version.by.as_deref()).collect();
        assert_eq!(who, [None, Some("ann"), None]);
        let texts: Vec<_> = list.iter().map(|version| again.text(version.id).unwrap()).collect();
        assert_eq!(texts, ["a = 1", "a = 2", "a = 1"]);
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(again.path(list[0].id)), 0o600);
        assert_eq!(mode(folder.path().join(FOLDER)), 0o700);
        assert!(matches!(again.text(Ulid::nil()), Err(HistoryError::Unknown(_))));
    }

    #[test]
    fn nothing_of_before_is_left_when_it_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::open(folder.path());
        history.begin_anew("a = 0", None).unwrap();
        history.put("a = 1", Some("ann"), vec!["gate: added".into()]).unwrap();
        history.begin_anew("a = 2", Some("ben")).unwrap();
        for history in [&history, &History::open(folder.path())] {
            let list = history.list();
            assert_eq!((list.len(), list[0].by.as_deref()), (1, Some("ben")));
            assert_eq!(history.text(list[0].id).unwrap(), "a = 2");
        }
        assert_eq!(fs::read_dir(folder.path().join(FOLDER)).unwrap().count(), 1);
        let journal = fs::read_to_string(folder.path().join(Version::FILE)).unwrap();
        assert!(!journal.contains("gate"), "{journal}");
    }

    #[test]
    fn the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::open(folder.path());
        for n in 0..MOST + 5 {
            history.put(&format!("a = {n}"), None, Vec::new()).unwrap();
        }
        let list = history.list();
        assert_eq!(list.len(), MOST);
        assert_eq!(history.text(list[0].id).unwrap(), format!("a = {}", MOST + 4));
        assert_eq!(history.text(list[MOST - 1].id).unwrap(), "a = 5");
        assert_eq!(fs::read_dir(folder.path().join(FOLDER)).unwrap().count(), MOST);
    }
}
