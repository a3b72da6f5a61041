//! The messages that wait, and what changes them. Pure.

use std::collections::{BTreeMap, HashSet, VecDeque};

use serde::{Deserialize, Serialize};
use ulid::Ulid;
use vigie_config::{EventKind, Source, Utc};

use crate::events::ActionState;

/// Events that a message tells one by one; of further ones it tells how many there were.
pub const NOTES: usize = 50;

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// Id of a recipient or a push target.
    pub target: String,
    /// Which of several under that id: a telephone number, a browser's subscription; else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub part: String,
}

/// An action of an event in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActionRef(pub Ulid, pub u16);

/// What a message tells of one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    pub action: ActionRef,
    pub kind: EventKind,
    pub source: Source,
    pub at: Utc,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its idempotency key.
    pub id: Ulid,
    pub to: Address,
    pub opened: Utc,
    /// No event joins it any more.
    #[serde(default)]
    pub sealed: bool,
    /// The first [`NOTES`] events.
    pub notes: Vec<Note>,
    /// All events, with those that have no note.
    pub counts: BTreeMap<EventKind, u64>,
    /// Of the latest event.
    pub last: Utc,
    /// What became of it; it waits for the log of events to hold that.
    #[serde(default)]
    pub outcome: Option<Outcome>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub state: ActionState,
    pub detail: Option<String>,
}

impl Message {
    /// About no event: for who wants to see whether it arrives.
    pub fn test(to: Address, now: Utc) -> Message {
        Message {
            id: Ulid::generate(),
            to,
            opened: now,
            sealed: true,
            notes: Vec::new(),
            counts: BTreeMap::new(),
            last: now,
            outcome: None,
        }
    }

    /// Events in it.
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    pub fn holds(&self, action: ActionRef) -> bool {
        self.notes.iter().any(|note| note.action == action)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Change {
    /// Events join a message, or begin it.
    Taken {
        message: Ulid,
        to: Address,
        opened: Utc,
        notes: Vec<Note>,
        /// Of all that join.
        counts: BTreeMap<EventKind, u64>,
        last: Utc,
    },
    /// Actions of events that have no note in any message: known until they are told.
    Merged {
        actions: Vec<ActionRef>,
    },
    /// The oldest `count` of those are in the log of events.
    Told {
        count: usize,
    },
    Sealed {
        message: Ulid,
    },
    Finished {
        message: Ulid,
        outcome: Outcome,
    },
    /// Its outcome is in the log of events.
    Forgotten {
        message: Ulid,
    },
    /// As it was when the journal was written anew.
    Kept {
        message: Message,
    },
}

/// What the changes come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Waiting {
    pub messages: BTreeMap<Ulid, Message>,
    /// Oldest first.
    pub merged: VecDeque<ActionRef>,
}

impl Waiting {
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Taken {
                message,
                to,
                opened,
                notes,
                counts,
                last,
            } => {
                let message = self.messages.entry(message).or_insert_with(|| Message {
                    id: message,
                    to,
                    opened,
                    sealed: false,
                    notes: Vec::new(),
                    counts: BTreeMap::new(),
                    last,
                    outcome: None,
                });
                message.notes.extend(notes);
                message.last = message.last.max(last);
                for (kind, count) in counts {
                    *message.counts.entry(kind).or_default() += count;
                }
            }
            Change::Merged { actions } => self.merged.extend(actions),
            Change::Told { count } => drop(self.merged.drain(..count.min(self.merged.len()))),
            Change::Sealed { message } => self.change(message, |message| message.sealed = true),
            Change::Finished { message, outcome } => self.change(message, |message| message.outcome = Some(outcome)),
            Change::Forgotten { message } => drop(self.messages.remove(&message)),
            Change::Kept { message } => drop(self.messages.insert(message.id, message)),
        }
    }

    fn change(&mut self, message: Ulid, change: impl FnOnce(&mut Message)) {
        if let Some(message) = self.messages.get_mut(&message) {
            change(message);
        }
    }

    /// All actions that were taken and may not be settled in the log of events.
    pub fn known(&self) -> HashSet<ActionRef> {
        let notes = self.messages.values().flat_map(|message| &message.notes);
        notes
            .map(|note| note.action)
            .chain(self.merged.iter().copied())
            .collect()
    }

    /// Changes that lead to what is here.
    pub fn changes(&self) -> Vec<Change> {
        let messages = self.messages.values().cloned();
        let mut changes: Vec<Change> = messages.map(|message| Change::Kept { message }).collect();
        if !self.merged.is_empty() {
            changes.push(Change::Merged {
                actions: self.merged.iter().copied().collect(),
            });
        }
        changes
    }
}
