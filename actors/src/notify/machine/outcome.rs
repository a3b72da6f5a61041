//! What came of attempts, and who has to know.

use ulid::Ulid;
use vigie_storage::{
    events::ActionState,
    outbox::{ActionRef, Change, Outcome},
};

use super::{Fault, Held, Machine, Now, Todo, Told};
use crate::notify::pace::{Failure, How, pause_after};

impl Machine {
    /// What came of an attempt.
    pub fn sent(&mut self, message: Ulid, result: Result<(), Failure>, now: Now) -> Vec<Change> {
        self.in_flight.remove(&message);
        let Some(found) = self.waiting.messages.get(&message) else {
            return Vec::new();
        };
        let (to, count) = (found.to.clone(), found.count());
        let status = self.status.entry(to.target.clone()).or_default();
        let line = self.lines.entry(to.clone()).or_default();
        let outcome = match result {
            Ok(()) => {
                status.sent += 1;
                status.last_success = Some(now.utc);
                self.faults.remove(&to);
                line.succeeded();
                self.held = None;
                Outcome {
                    state: ActionState::Done,
                    detail: (count > 1).then(|| format!("in one message of {count} events")),
                }
            }
            Err(Failure { text, how, everyone }) => {
                status.failed_attempts += 1;
                let fault = Fault {
                    text: text.clone(),
                    at: now.utc,
                    next_attempt: None,
                };
                let fault = self.faults.entry(to).insert_entry(fault).into_mut();
                if !everyone {
                    self.held = None;
                }
                if how == How::Never {
                    status.failed += 1;
                    line.succeeded();
                    Outcome {
                        state: ActionState::Failed,
                        detail: Some(text),
                    }
                } else {
                    let failures = if everyone {
                        self.held.as_ref().map_or(0, |held| held.failures) + 1
                    } else {
                        line.failed()
                    };
                    let pause = pause_after(failures, how, message);
                    let micros = i64::try_from(pause.as_micros()).unwrap_or(i64::MAX);
                    fault.next_attempt = Some(now.utc.plus_micros(micros));
                    let until = now.at + pause;
                    if everyone {
                        let fault = fault.clone();
                        self.held = Some(Held { failures, until, fault });
                    } else {
                        line.wait_until(until);
                    }
                    return Vec::new();
                }
            }
        };
        let mut todo = Todo::default();
        self.apply(&mut todo, Change::Finished { message, outcome });
        todo.changes
    }

    /// Outcomes of finished messages that nobody tells yet: to be told until the log of events holds
    /// them, then [`Machine::told`]. So many messages at most.
    pub fn untold(&mut self, most: usize) -> Vec<(Ulid, Vec<Told>)> {
        let mut untold = Vec::new();
        for message in self.waiting.messages.values() {
            if untold.len() < most
                && let Some(outcome) = &message.outcome
                && !self.telling.contains(&message.id)
            {
                let notes = message.notes.iter().map(|note| note.action);
                let told = notes.filter(|action| outcome.state == ActionState::Done || !self.may_succeed(*action));
                let told = told.map(|action| (action, outcome.state, outcome.detail.clone()));
                untold.push((message.id, told.collect()));
            }
        }
        self.telling.extend(untold.iter().map(|(id, _)| *id));
        untold
    }

    /// Another message told of it, or may yet.
    fn may_succeed(&self, action: ActionRef) -> bool {
        let succeeds = |outcome: &Outcome| outcome.state == ActionState::Done;
        let mut others = self.waiting.messages.values();
        others.any(|message| message.outcome.as_ref().is_none_or(succeeds) && message.holds(action))
    }

    /// The log of events holds the outcomes of a message, or does not.
    pub fn told(&mut self, message: Ulid, durable: bool) -> Vec<Change> {
        self.telling.remove(&message);
        let mut todo = Todo::default();
        if durable {
            self.forget(message, &mut todo);
        }
        todo.changes
    }

    /// Actions that are only counted, and that nobody tells yet; so many at most.
    pub fn untold_merged(&mut self, most: usize) -> Vec<ActionRef> {
        if self.telling_merged > 0 {
            return Vec::new();
        }
        self.telling_merged = self.waiting.merged.len().min(most);
        self.waiting.merged.iter().take(most).copied().collect()
    }

    pub fn told_merged(&mut self, durable: bool) -> Vec<Change> {
        let count = std::mem::take(&mut self.telling_merged);
        let mut todo = Todo::default();
        if durable {
            let told = self.waiting.merged.iter().take(count);
            told.for_each(|action| self.settled.add(*action));
            self.apply(&mut todo, Change::Told { count });
        }
        todo.changes
    }
}
