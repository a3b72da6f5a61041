//! Events join messages, and messages grow too old.

use std::collections::BTreeMap;

use ulid::Ulid;
use vigie_config::{EventKind, Utc};
use vigie_storage::{
    events::ActionState,
    outbox::{Address, Change, Message, NOTES, Note, Outcome},
};

use super::{Directory, Machine, Now, Todo, Want};

impl Machine {
    pub(super) fn take(&mut self, wants: Vec<Want>, directory: &dyn Directory, now: Now, todo: &mut Todo) {
        if wants.is_empty() {
            return;
        }
        let mut known = self.waiting.known();
        let mut open: BTreeMap<Address, Joining> = BTreeMap::new();
        let messages = self.waiting.messages.values();
        for message in messages.filter(|message| !message.sealed && message.outcome.is_none()) {
            open.insert(message.to.clone(), Joining::of(message));
        }
        let mut merged = Vec::new();
        for Want { target, note } in wants {
            if self.settled.all.contains(&note.action) || !known.insert(note.action) {
                continue;
            }
            let refuse = |state, why: String| (note.action, state, Some(why));
            let Some(policy) = directory.policy(&target) else {
                let why = format!("there is no {target} any more");
                todo.refused.push(refuse(ActionState::Failed, why));
                continue;
            };
            if now.utc.since(note.at) > policy.expire {
                let why = format!(
                    "it was not begun within {}",
                    vigie_config::format_duration(policy.expire)
                );
                todo.refused.push(refuse(ActionState::Expired, why));
                continue;
            }
            let parts = match directory.parts(&target, &note) {
                Ok(parts) => parts,
                Err(why) => {
                    todo.refused.push(refuse(ActionState::Failed, why));
                    continue;
                }
            };
            let waits = |to: &Address| self.waiting.messages.values().any(|message| message.to == *to);
            // Browsers that are gone, and numbers that are not called any more.
            self.faults
                .retain(|to, _| to.target != target || parts.contains(&to.part) || waits(to));
            let mut noted = false;
            for part in parts {
                let address = Address {
                    target: target.clone(),
                    part,
                };
                let line = self.lines.entry(address.clone()).or_default();
                let joining = open.entry(address).or_insert_with(|| {
                    line.opened(now.at, policy.merge);
                    Joining::new(now.utc)
                });
                noted |= joining.join(&note);
                self.deadlines.insert(joining.message, now.at + policy.expire);
            }
            if !noted {
                merged.push(note.action);
            }
        }
        for (to, joining) in open.into_iter().filter(|(_, joining)| !joining.counts.is_empty()) {
            let change = Change::Taken {
                message: joining.message,
                to,
                opened: joining.opened,
                notes: joining.notes,
                counts: joining.counts,
                last: joining.last,
            };
            self.apply(todo, change);
        }
        if !merged.is_empty() {
            self.apply(todo, Change::Merged { actions: merged });
        }
    }

    /// Ends what is too old, or for whom nobody is there any more.
    pub(super) fn expire(&mut self, directory: &dyn Directory, now: Now, todo: &mut Todo) {
        let mut over = Vec::new();
        for message in self.waiting.messages.values() {
            if message.outcome.is_some() || self.in_flight.contains(&message.id) {
                continue;
            }
            let target = &message.to.target;
            let Some(policy) = directory.policy(target) else {
                let detail = Some(format!("there is no {target} any more"));
                over.push((message.id, ActionState::Failed, detail));
                continue;
            };
            // Of an earlier process: its age is known by the clock alone.
            let left = policy.expire.saturating_sub(now.utc.since(message.last));
            let deadline = *self.deadlines.entry(message.id).or_insert(now.at + left);
            if now.at >= deadline {
                let error = self.faults.get(&message.to).map(|fault| &fault.text);
                let within = vigie_config::format_duration(policy.expire);
                let detail = match error {
                    Some(error) => format!("not delivered within {within}: {error}"),
                    None => format!("not delivered within {within}"),
                };
                over.push((message.id, ActionState::Expired, Some(detail)));
            }
        }
        for (message, state, detail) in over {
            if let Some(target) = self.message(message).map(|message| message.to.target.clone()) {
                let status = self.status.entry(target).or_default();
                status.expired += u64::from(state == ActionState::Expired);
                status.failed += u64::from(state == ActionState::Failed);
            }
            let outcome = Outcome { state, detail };
            self.apply(todo, Change::Finished { message, outcome });
        }
    }
}

/// What joins one message.
struct Joining {
    message: Ulid,
    opened: Utc,
    there: usize,
    notes: Vec<Note>,
    counts: BTreeMap<EventKind, u64>,
    last: Utc,
}

impl Joining {
    fn of(message: &Message) -> Joining {
        Joining {
            message: message.id,
            opened: message.opened,
            there: message.notes.len(),
            notes: Vec::new(),
            counts: BTreeMap::new(),
            last: message.last,
        }
    }

    fn new(now: Utc) -> Joining {
        Joining {
            message: Ulid::generate(),
            opened: now,
            there: 0,
            notes: Vec::new(),
            counts: BTreeMap::new(),
            last: Utc::MIN,
        }
    }

    /// False: it is only counted.
    fn join(&mut self, note: &Note) -> bool {
        *self.counts.entry(note.kind).or_default() += 1;
        self.last = self.last.max(note.at);
        let room = self.there + self.notes.len() < NOTES;
        if room {
            self.notes.push(note.clone());
        }
        room
    }
}
