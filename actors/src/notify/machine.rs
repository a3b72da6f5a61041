//! Which events make one message, when it is sent, and when it is tried again. Pure: the clock and
//! the directory of targets are given.
//!
//! Of each address one message at most is sealed and on its way. What comes meanwhile joins the next
//! one, so a storm or an outage leaves two messages, not thousands.

mod outcome;
mod take;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    time::{Duration, Instant},
};

use ulid::Ulid;
use vigie_config::Utc;
use vigie_storage::{
    events::ActionState,
    outbox::{ActionRef, Address, Change, Message, Note, Waiting},
};

use super::{channel::ChannelCounts, pace::Pace, status::Status};

/// Messages whose outcome the log of events does not take; over it the oldest are forgotten.
const UNTOLD: usize = 256;
/// Settled actions that are remembered.
const SETTLED: usize = 65_536;

#[derive(Debug, Clone, Copy)]
pub struct Now {
    pub at: Instant,
    pub utc: Utc,
}

impl Now {
    pub fn read() -> Now {
        Now {
            at: Instant::now(),
            utc: Utc::now(),
        }
    }
}

/// What holds for one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Between one message and the next, at least; more while a storm goes on. Zero: none.
    pub merge: Duration,
    /// A message is tried for so long after its last event.
    pub expire: Duration,
}

/// Who may be told.
pub trait Directory {
    /// `None`: there is no such target any more.
    fn policy(&self, target: &str) -> Option<Policy>;
    /// Where a note for a target goes. An error: why it goes nowhere.
    fn parts(&self, target: &str, note: &Note, now: Utc) -> Result<Vec<String>, String>;
}

/// An action that wants a target told.
#[derive(Debug, Clone, PartialEq)]
pub struct Want {
    pub target: String,
    pub note: Note,
}

/// What became of an action.
pub type Told = (ActionRef, ActionState, Option<String>);

/// What is to be done once `changes` are written.
#[derive(Debug, Default, PartialEq)]
pub struct Todo {
    pub changes: Vec<Change>,
    /// Of actions that come to no message.
    pub refused: Vec<Told>,
    pub send: Vec<Ulid>,
}

/// The latest [`SETTLED`] actions.
#[derive(Debug, Default)]
struct Recent {
    order: VecDeque<ActionRef>,
    all: HashSet<ActionRef>,
}

impl Recent {
    fn add(&mut self, action: ActionRef) {
        if self.all.insert(action) {
            self.order.push_back(action);
        }
        if self.order.len() > SETTLED
            && let Some(oldest) = self.order.pop_front()
        {
            self.all.remove(&oldest);
        }
    }
}

#[derive(Debug, Default)]
pub struct Machine {
    waiting: Waiting,
    lines: BTreeMap<Address, Pace>,
    status: BTreeMap<String, Status>,
    in_flight: BTreeSet<Ulid>,
    /// No more may be on their way: what is due waits for one to end.
    full: bool,
    /// Their outcomes are on the way to the log of events.
    telling: BTreeSet<Ulid>,
    /// So many of the oldest merged actions are too.
    telling_merged: usize,
    /// In the log of events with their outcome: whoever read that before may yet want them again.
    settled: Recent,
    /// Until then a message is not given up.
    deadlines: BTreeMap<Ulid, Instant>,
    /// Nobody is tried before: what all share (a server) failed so often.
    held: Option<(u32, Instant)>,
}

impl Machine {
    pub fn new(waiting: Waiting) -> Machine {
        Machine {
            waiting,
            ..Machine::default()
        }
    }

    pub fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    pub fn message(&self, id: Ulid) -> Option<&Message> {
        self.waiting.messages.get(&id)
    }

    pub fn status(&self, target: &str) -> Status {
        let mut status = self.status.get(target).cloned().unwrap_or_default();
        let of_target = self.waiting.messages.values().filter(|m| m.to.target == target);
        for message in of_target.filter(|message| message.outcome.is_none()) {
            status.queued += 1;
            status.events += message.count();
        }
        status
    }

    pub fn counts(&self) -> ChannelCounts {
        let mut counts = ChannelCounts {
            queued: self.waiting.messages.values().filter(|m| m.outcome.is_none()).count() as u64,
            ..ChannelCounts::default()
        };
        for status in self.status.values() {
            counts.sent += status.sent;
            counts.failed += status.failed;
            counts.expired += status.expired;
            counts.failed_attempts += status.failed_attempts;
        }
        counts
    }

    /// The actor begins anew: what was on its way is not known to have arrived.
    pub fn restart(&mut self) {
        self.in_flight.clear();
        self.telling.clear();
        self.telling_merged = 0;
    }

    /// Somebody changed something: nothing waits for its next attempt.
    pub fn retry_now(&mut self) {
        self.held = None;
        self.lines.values_mut().for_each(Pace::retry_now);
        self.status.values_mut().for_each(|status| status.next_attempt = None);
    }

    fn apply(&mut self, todo: &mut Todo, change: Change) {
        self.waiting.apply(change.clone());
        todo.changes.push(change);
    }

    /// Takes what is wanted, seals, expires, and says what is to be sent. At most `parallel` messages
    /// are on their way.
    pub fn advance(&mut self, wants: Vec<Want>, parallel: usize, directory: &dyn Directory, now: Now) -> Todo {
        let mut todo = Todo::default();
        self.take(wants, directory, now, &mut todo);
        self.expire(directory, now, &mut todo);
        self.forget_untold(&mut todo);
        self.seal(directory, now, &mut todo);
        self.choose(parallel, now, &mut todo);
        let busy: HashSet<&Address> = self.waiting.messages.values().map(|message| &message.to).collect();
        self.lines
            .retain(|address, line| busy.contains(address) || !line.is_idle(now.at));
        todo
    }

    /// What the log of events does not take is not kept for ever.
    fn forget_untold(&mut self, todo: &mut Todo) {
        let finished = self.waiting.messages.values().filter(|m| m.outcome.is_some());
        let finished: Vec<Ulid> = finished.map(|message| message.id).collect();
        let over = finished.len().saturating_sub(UNTOLD);
        for message in finished.into_iter().take(over) {
            self.apply(todo, Change::Forgotten { message });
        }
    }

    fn seal(&mut self, directory: &dyn Directory, now: Now, todo: &mut Todo) {
        let on_its_way: BTreeSet<Address> = self.under_way().map(|message| message.to.clone()).collect();
        let open = self.waiting.messages.values();
        let open = open.filter(|message| !message.sealed && message.outcome.is_none());
        let mut due = Vec::new();
        for message in open.filter(|message| !on_its_way.contains(&message.to)) {
            let line = self.lines.entry(message.to.clone()).or_default();
            if line.seal_at().is_none_or(|at| at <= now.at) {
                let merge = directory.policy(&message.to.target).map_or(Duration::ZERO, |p| p.merge);
                line.sealed(now.at, merge);
                due.push(message.id);
            }
        }
        for message in due {
            self.apply(todo, Change::Sealed { message });
        }
    }

    /// Sealed, and not finished.
    fn under_way(&self) -> impl Iterator<Item = &Message> {
        let messages = self.waiting.messages.values();
        messages.filter(|message| message.sealed && message.outcome.is_none())
    }

    fn choose(&mut self, parallel: usize, now: Now, todo: &mut Todo) {
        let parallel = match self.held {
            Some((_, until)) if until > now.at => 0,
            // One finds out whether it works again.
            Some(_) => parallel.min(1),
            None => parallel,
        };
        let room = parallel.saturating_sub(self.in_flight.len());
        let due = |message: &&Message| {
            let line = self.lines.get(&message.to);
            !self.in_flight.contains(&message.id) && line.is_none_or(|line| line.may_try(now.at))
        };
        todo.send = self
            .under_way()
            .filter(due)
            .map(|message| message.id)
            .take(room)
            .collect();
        self.in_flight.extend(todo.send.iter().copied());
        self.full = self.in_flight.len() >= parallel;
    }

    /// When time makes a difference.
    pub fn next(&self, now: Now) -> Option<Instant> {
        let on_its_way: BTreeSet<&Address> = self.under_way().map(|message| &message.to).collect();
        let held = self.held.map(|(_, until)| until);
        let times = self.waiting.messages.values().filter(|m| m.outcome.is_none());
        let times = times.filter_map(|message| {
            if self.in_flight.contains(&message.id) {
                return None;
            }
            let line = self.lines.get(&message.to);
            let deadline = self.deadlines.get(&message.id).copied();
            let attempt = match message.sealed {
                true => {
                    let due = line.and_then(Pace::next_try).max(held).or(Some(now.at));
                    due.filter(|at| *at > now.at || !self.full)
                }
                false if on_its_way.contains(&message.to) => None,
                false => line.and_then(Pace::seal_at).or(Some(now.at)),
            };
            [deadline, attempt].into_iter().flatten().min()
        });
        times.min()
    }
}
