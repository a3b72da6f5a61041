//! Footage and pictures that people deleted, and who did it: kept for ever.
//!
//! In `<state_dir>/deletions.jsonl`, written before anything is deleted. Belongs here: the list.
//! Does not belong here: the deleting ([`crate::retention`]).

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use ulid::Ulid;
use vigie_config::{CameraId, DiskId, Utc};

use crate::{
    journal::{Journal, JournalError},
    retention::LONGEST_US,
};

/// One order to delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    pub id: Ulid,
    pub camera: CameraId,
    pub from: Utc,
    pub to: Utc,
    /// Why, in the words of who did it.
    pub note: String,
    /// Name of the user.
    pub by: String,
    pub at: Utc,
    /// Of one picture alone: its id. No footage went then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Of one disk that was erased alone. What others hold of that time is there still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskId>,
    /// Where that disk held footage, sorted; empty: not known, as good as all of the time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<(Utc, Utc)>,
    /// What went; `None`: it was interrupted, some of it may be there still.
    pub done: Option<Deleted>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    pub files: u64,
    pub bytes: u64,
    /// Where the first of them began and the last one ended, or what was asked for.
    pub first: Utc,
    pub last: Utc,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Entry {
    Ordered(Deletion),
    Done { id: Ulid, deleted: Deleted },
}

pub struct Deletions {
    inner: Mutex<Inner>,
}

struct Inner {
    journal: Result<Journal<Entry>, JournalError>,
    all: BTreeMap<Ulid, Deletion>,
}

impl Deletions {
    /// Nothing is created before the first deletion.
    pub fn open(state_dir: &Path) -> Deletions {
        let path = state_dir.join("deletions.jsonl");
        let mut all = BTreeMap::new();
        let journal = Journal::open(&path).map(|opened| {
            if opened.damaged_lines > 0 {
                tracing::error!(path = %path.display(), lines = opened.damaged_lines, "lines of what people deleted are damaged");
            }
            opened.entries.into_iter().for_each(|entry| apply(&mut all, entry));
            opened.journal
        });
        if let Err(error) = &journal {
            tracing::error!(%error, "nothing can be deleted by hand, because it could not be written down");
        }
        Deletions {
            inner: Mutex::new(Inner { journal, all }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Oldest first.
    pub fn list(&self) -> Vec<Deletion> {
        self.lock().all.values().cloned().collect()
    }

    /// Durable when it returns.
    pub(crate) fn order(&self, deletion: Deletion) -> Result<(), String> {
        self.lock().commit(Entry::Ordered(deletion))
    }

    /// Durable when it returns.
    pub(crate) fn done(&self, id: Ulid, deleted: Deleted) -> Result<(), String> {
        self.lock().commit(Entry::Done { id, deleted })
    }

    /// Spans of a camera of which people deleted the footage.
    pub(crate) fn spans(&self, camera: &CameraId) -> Vec<(Utc, Utc)> {
        let inner = self.lock();
        let of_footage = |deletion: &&Deletion| deletion.camera == *camera && deletion.snapshot.is_none();
        let mine = inner.all.values().filter(of_footage);
        let spans = |deletion: &Deletion| match deletion.done {
            _ if !deletion.parts.is_empty() => deletion.parts.clone(),
            Some(done) => vec![(done.first, done.last)],
            // Whole files went, nobody knows which.
            None => vec![(
                deletion.from.plus_micros(-LONGEST_US),
                deletion.to.plus_micros(LONGEST_US),
            )],
        };
        mine.flat_map(spans).collect()
    }
}

impl Inner {
    fn commit(&mut self, entry: Entry) -> Result<(), String> {
        match &mut self.journal {
            Ok(journal) => journal.append(&entry).map_err(|error| error.to_string())?,
            Err(error) => return Err(error.to_string()),
        }
        apply(&mut self.all, entry);
        Ok(())
    }
}

fn apply(all: &mut BTreeMap<Ulid, Deletion>, entry: Entry) {
    match entry {
        Entry::Ordered(deletion) => drop(all.insert(deletion.id, deletion)),
        Entry::Done { id, deleted } => {
            if let Some(deletion) = all.get_mut(&id) {
                deletion.done = Some(deleted);
            }
        }
    }
}
