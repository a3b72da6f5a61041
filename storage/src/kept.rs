//! Things with a name that people keep in `state_dir`, one journal for each kind of them.
//!
//! Belongs here: that a change is on the device before it is answered for, and that who only asks
//! never waits for a disk. Does not belong here: what a thing is and who may change it
//! ([`crate::tags`], [`crate::layouts`], [`crate::preferences`], [`crate::history`]).

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use vigie_config::{ErrorKind, Kind};

use crate::journal::{Journal, JournalError};

pub trait Thing: Clone + Serialize + DeserializeOwned {
    type Key: Ord + Clone + Serialize + DeserializeOwned;
    /// In `state_dir`.
    const FILE: &'static str;
    fn key(&self) -> Self::Key;
}

#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("{file} could not be read at the start, so it is not written to: {why}")]
    Unreadable { file: &'static str, why: String },
}

impl Kind for KeptError {
    fn kind(&self) -> ErrorKind {
        match self {
            KeptError::Journal(error) => error.kind(),
            KeptError::Unreadable { .. } => ErrorKind::Unavailable,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(
    tag = "op",
    rename_all = "snake_case",
    bound(serialize = "T: Thing", deserialize = "T: Thing")
)]
enum Entry<T: Thing> {
    Put { thing: T },
    Gone { key: T::Key },
}

/// What is to become of the things.
pub enum Change<T: Thing> {
    Put(T),
    Remove(T::Key),
}

impl<T: Thing> From<Change<T>> for Entry<T> {
    fn from(change: Change<T>) -> Self {
        match change {
            Change::Put(thing) => Entry::Put { thing },
            Change::Remove(key) => Entry::Gone { key },
        }
    }
}

/// Changes that are written one after the other, each waiting for the device; more are written as a
/// whole, all or none.
const MOST_LINES: usize = 64;

type All<T> = BTreeMap<<T as Thing>::Key, T>;

pub struct Kept<T: Thing> {
    /// An error: it could not be read, so it is not written to either.
    journal: Mutex<Result<Journal<Entry<T>>, String>>,
    /// Locked after `journal`, never before, and never while the disk is waited for.
    all: RwLock<All<T>>,
}

impl<T: Thing> Kept<T> {
    /// Nothing is created before the first change.
    pub fn open(state_dir: &Path) -> Kept<T> {
        let mut all = BTreeMap::new();
        let path = state_dir.join(T::FILE);
        let journal = match Journal::open(&path) {
            Ok(opened) => {
                opened.entries.into_iter().for_each(|entry| apply(&mut all, entry));
                if opened.damaged_lines > 0 {
                    let (path, lines) = (path.display(), opened.damaged_lines);
                    tracing::error!(%path, lines, "a part of what people keep is damaged: what those lines say is lost");
                }
                Ok(opened.journal)
            }
            Err(error) => {
                tracing::error!(%error, "what people keep cannot be read");
                Err(error.to_string())
            }
        };
        Kept {
            journal: Mutex::new(journal),
            all: RwLock::new(all),
        }
    }

    /// By key.
    pub fn read(&self) -> RwLockReadGuard<'_, All<T>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn get(&self, key: &T::Key) -> Option<T> {
        self.read().get(key).cloned()
    }

    /// First the device, then memory: what a caller sees is what a restart finds. `decide` sees all
    /// that there is, and nobody changes it meanwhile.
    pub fn change<A, E: From<KeptError>>(
        &self,
        decide: impl FnOnce(&All<T>) -> Result<(Vec<Change<T>>, A), E>,
    ) -> Result<A, E> {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let journal = readable(&mut journal)?;
        let (changes, answer) = decide(&self.read())?;
        if changes.len() > MOST_LINES {
            let mut next = self.read().clone();
            changes.into_iter().for_each(|change| apply(&mut next, change.into()));
            self.replace(journal, next)?;
            return Ok(answer);
        }
        for change in changes {
            let entry = change.into();
            journal.append(&entry).map_err(KeptError::from)?;
            apply(&mut self.all.write().unwrap_or_else(PoisonError::into_inner), entry);
        }
        let living = self.read();
        if journal.wants_compaction(living.len()) {
            let all: Vec<T> = living.values().cloned().collect();
            drop(living);
            let entries = all.into_iter().map(|thing| Entry::Put { thing });
            if let Err(error) = journal.compact(entries) {
                tracing::warn!(%error, "a journal was not compacted");
            }
        }
        Ok(answer)
    }

    /// Everything is forgotten; nothing of it is left in the file.
    pub fn forget(&self) -> Result<(), KeptError> {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        self.replace(readable(&mut journal)?, All::<T>::new())
    }

    /// The old file goes, and what stood in it.
    fn replace(&self, journal: &mut Journal<Entry<T>>, next: All<T>) -> Result<(), KeptError> {
        journal.compact(next.values().cloned().map(|thing| Entry::Put { thing }))?;
        *self.all.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }
}

fn readable<T: Thing>(journal: &mut Result<Journal<Entry<T>>, String>) -> Result<&mut Journal<Entry<T>>, KeptError> {
    journal.as_mut().map_err(|why| KeptError::Unreadable {
        file: T::FILE,
        why: why.clone(),
    })
}

fn apply<T: Thing>(all: &mut All<T>, entry: Entry<T>) {
    match entry {
        Entry::Put { thing } => drop(all.insert(thing.key(), thing)),
        Entry::Gone { key } => drop(all.remove(&key)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Word {
        name: String,
        text: String,
    }

    impl Thing for Word {
        type Key = String;
        const FILE: &'static str = "words.jsonl";
        fn key(&self) -> String {
            self.name.clone()
        }
    }

    fn put(words: &Kept<Word>, name: &str, text: &str) {
        let word = Word {
            name: name.into(),
            text: text.into(),
        };
        words
            .change(|_| Ok::<_, KeptError>((vec![Change::Put(word)], ())))
            .unwrap();
    }

    fn remove(words: &Kept<Word>, name: &str) {
        words
            .change(|_| Ok::<_, KeptError>((vec![Change::Remove(name.to_owned())], ())))
            .unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        /// Over many changes, compactions among them, a restart finds what was there.
        #[test]
        fn a_restart_finds_what_was_answered_for(changes in proptest::collection::vec(("[a-e]", "[a-z]{0,9}", any::<bool>()), 0..400)) {
            let folder = tempfile::tempdir().unwrap();
            let words = Kept::<Word>::open(folder.path());
            let mut model = BTreeMap::new();
            for (name, text, kept) in &changes {
                match kept {
                    true => { put(&words, name, text); model.insert(name.clone(), text.clone()); }
                    false => { remove(&words, name); model.remove(name); }
                }
            }
            let again = Kept::<Word>::open(folder.path());
            let found: BTreeMap<String, String> = again.read().values().map(|w| (w.name.clone(), w.text.clone())).collect();
            prop_assert_eq!(found, model);
            let lines = std::fs::read_to_string(folder.path().join(Word::FILE)).map(|text| text.lines().count());
            prop_assert!(lines.unwrap_or(0) < 300);
        }
    }

    #[test]
    fn a_refusal_changes_nothing_and_a_file_that_cannot_be_read_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let words = Kept::<Word>::open(folder.path());
        put(&words, "a", "1");
        let refused = words.change(|all| match all.contains_key("a") {
            true => Err(KeptError::Unreadable {
                file: Word::FILE,
                why: "as a test wants it".into(),
            }),
            false => Ok((vec![Change::Remove("a".to_owned())], ())),
        });
        assert!(refused.is_err() && words.get(&"a".to_owned()).is_some());
        let broken = tempfile::tempdir().unwrap();
        std::fs::create_dir(broken.path().join(Word::FILE)).unwrap();
        let words = Kept::<Word>::open(broken.path());
        let refused = words.change(|_| Ok((vec![Change::Remove("a".to_owned())], ())));
        assert!(matches!(refused, Err(KeptError::Unreadable { .. })));
    }
}
