//! The journal of one outbox.

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use super::waiting::{Change, Waiting};
use crate::journal::{Journal, JournalError};

/// A line of several changes: they count together.
type Line = Vec<Change>;

pub struct Store {
    path: PathBuf,
    /// `None`: it could not be read, and is left as it is.
    journal: Option<Journal<Line>>,
    /// The journal lacks some of what waits.
    behind: bool,
}

/// What was found at opening.
pub struct Opened {
    pub store: Store,
    pub waiting: Waiting,
    /// Lines that could not be read; what they told may be sent twice, or told by fewer mails.
    pub damaged_lines: usize,
    /// Why nothing could be read: what comes is kept in memory only.
    pub fault: Option<JournalError>,
}

impl Store {
    /// Nothing is created before the first change.
    pub fn open(path: &Path) -> Opened {
        let mut opened = Opened {
            store: Store {
                path: path.to_owned(),
                journal: None,
                behind: false,
            },
            waiting: Waiting::default(),
            damaged_lines: 0,
            fault: None,
        };
        match Journal::open(path) {
            Ok(found) => {
                opened.store.journal = Some(found.journal);
                opened.damaged_lines = found.damaged_lines;
                let changes = found.entries.into_iter().flatten();
                changes.for_each(|change| opened.waiting.apply(change));
            }
            Err(error) => opened.fault = Some(error),
        }
        opened
    }

    /// Returns once the changes are on the device. After an error the next write brings all of
    /// `waiting`, so nothing need be told again.
    pub fn write(&mut self, changes: Vec<Change>, waiting: impl FnOnce() -> Waiting) -> Result<(), JournalError> {
        let Some(journal) = &mut self.journal else {
            return Ok(());
        };
        if let Some(folder) = self.path.parent().filter(|folder| !folder.exists()) {
            let made = fs::DirBuilder::new().mode(0o750).recursive(true).create(folder);
            made.and_then(|()| crate::journal::sync_folder(folder))
                .map_err(|error| JournalError::Io {
                    what: "create",
                    path: folder.to_owned(),
                    error,
                })?;
        }
        let anew = |journal: &mut Journal<Line>, waiting: Waiting| {
            let lines = waiting.changes().into_iter().map(|change| vec![change]);
            journal.compact(lines)
        };
        let written = if self.behind {
            anew(journal, waiting())
        } else {
            journal.append(&changes).and_then(|()| {
                let living = |waiting: &Waiting| waiting.messages.len() + 1;
                // What waits is copied only where the journal has grown.
                if journal.wants_compaction(0) {
                    let waiting = waiting();
                    if journal.wants_compaction(living(&waiting)) {
                        return anew(journal, waiting);
                    }
                }
                Ok(())
            })
        };
        self.behind = written.is_err();
        written
    }

    /// A write was given up: what it held is written with the next one.
    pub fn fell_behind(&mut self) {
        self.behind = true;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use ulid::Ulid;
    use vigie_config::{EventKind, Source, Utc};

    use super::*;
    use crate::events::ActionState;
    use crate::outbox::{ActionRef, Address, Note, Outcome};

    fn taken(message: u8, event: u16) -> Change {
        let at = Utc::from_micros(i64::from(event) * 1_000_000);
        Change::Taken {
            message: Ulid::from(u128::from(message)),
            to: Address {
                target: "owner".into(),
                part: String::new(),
            },
            opened: at,
            notes: vec![Note {
                action: ActionRef(Ulid::from(u128::from(event)), 0),
                kind: EventKind::Sensor,
                source: Source::House,
                at,
                text: "x".repeat(usize::from(event % 40)),
            }],
            counts: BTreeMap::from([(EventKind::Sensor, 1)]),
            last: at,
        }
    }

    fn change(what: u8, message: u8, event: u16) -> Change {
        let id = Ulid::from(u128::from(message));
        match what {
            0..=3 => taken(message, event),
            4 => Change::Sealed { message: id },
            5 => Change::Finished {
                message: id,
                outcome: Outcome {
                    state: ActionState::Done,
                    detail: None,
                },
            },
            6 => Change::Forgotten { message: id },
            7 => Change::Merged {
                actions: vec![ActionRef(Ulid::from(u128::from(event)), 1)],
            },
            _ => Change::Told { count: 1 },
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// Whatever is written, with writes that fail in between, is there again.
        #[test]
        fn what_waits_is_there_again(
            steps in proptest::collection::vec((0u8..9, 0u8..6, any::<u16>(), 0u8..10), 1..400),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("outbox/email.jsonl");
            let Opened { mut store, mut waiting, .. } = Store::open(&path);
            for (what, message, event, fails) in steps {
                let change = change(what, message, event);
                waiting.apply(change.clone());
                if fails == 0 {
                    store.fell_behind();
                    continue;
                }
                store.write(vec![change], || waiting.clone()).unwrap();
                if fails == 1 {
                    let again = Store::open(&path);
                    prop_assert!(again.fault.is_none() && again.damaged_lines == 0);
                    prop_assert_eq!(&again.waiting, &waiting);
                    store = again.store;
                }
            }
        }
    }

    #[test]
    fn the_file_does_not_grow_with_what_was_sent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("email.jsonl");
        let Opened {
            mut store, mut waiting, ..
        } = Store::open(&path);
        for event in 0..400u16 {
            for change in [taken(1, event), change(4, 1, 0), change(5, 1, 0), change(6, 1, 0)] {
                waiting.apply(change.clone());
                store.write(vec![change], || waiting.clone()).unwrap();
            }
        }
        assert!(fs::metadata(&path).unwrap().len() < 128 << 10);
    }
}
