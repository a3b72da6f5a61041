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

use jiff::tz::TimeZone;
use ulid::Ulid;
use vigie_config::{Utc, When};
use vigie_storage::{
    events::ActionState,
    outbox::{ActionRef, Address, Change, Message, Note, Waiting},
};

use super::{channel::ChannelCounts, pace::Pace, status::Status};

/// Messages whose outcome the log of events does not take; over it the oldest are forgotten.
const UNTOLD: usize = 256;
/// Of one target on their way at once: a server that keeps many waiting holds up no other.
pub(super) const OF_TARGET: usize = 4;
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
    fn parts(&self, target: &str, note: &Note) -> Result<Vec<String>, String>;
}

/// What every directory asks of a target: it is switched on, and its schedule was when the event
/// began. An error: why the note goes nowhere.
pub fn is_told(target: &str, enabled: bool, schedule: &When, at: Utc, zone: &TimeZone) -> Result<(), String> {
    is_enabled(target, enabled)?;
    match schedule.is_on(at, zone) {
        true => Ok(()),
        false => Err(format!("{target}: its schedule is {schedule}, which was not on")),
    }
}

/// Asked again when a message is sent: it may have waited for long.
pub fn is_enabled(target: &str, enabled: bool) -> Result<(), String> {
    match enabled {
        true => Ok(()),
        false => Err(format!("{target} is switched off")),
    }
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

#[derive(Debug, Clone)]
struct Fault {
    text: String,
    at: Utc,
    /// `None`: never again.
    next_attempt: Option<Utc>,
}

#[derive(Debug, Default)]
pub struct Machine {
    waiting: Waiting,
    lines: BTreeMap<Address, Pace>,
    status: BTreeMap<String, Status>,
    /// Addresses whose last attempt failed.
    faults: BTreeMap<Address, Fault>,
    in_flight: BTreeSet<Ulid>,
    /// Due, but enough others are on their way: they wait for one of those to end.
    crowded: BTreeSet<Ulid>,
    /// Their outcomes are on the way to the log of events.
    telling: BTreeSet<Ulid>,
    /// So many of the oldest merged actions are too.
    telling_merged: usize,
    /// In the log of events with their outcome: whoever read that before may yet want them again.
    settled: Recent,
    /// Until then a message is not given up.
    deadlines: BTreeMap<Ulid, Instant>,
    held: Option<Held>,
}

/// What all share (a server) failed: nobody is tried before.
#[derive(Debug)]
struct Held {
    failures: u32,
    until: Instant,
    fault: Fault,
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
        // Of several numbers or browsers: of the one that failed last.
        if let Some(fault) = self.faults_of(target).max_by_key(|fault| fault.at) {
            (status.error, status.error_at) = (Some(fault.text.clone()), Some(fault.at));
            status.next_attempt = fault.next_attempt;
        }
        if let Some(Held { fault, .. }) = self.held.as_ref().filter(|_| status.queued > 0) {
            (status.error, status.error_at) = (Some(fault.text.clone()), Some(fault.at));
            status.next_attempt = fault.next_attempt;
        }
        status
    }

    fn faults_of(&self, target: &str) -> impl Iterator<Item = &Fault> {
        let faults = self.faults.iter();
        faults
            .filter(move |(to, _)| to.target == target)
            .map(|(_, fault)| fault)
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
        self.faults.values_mut().for_each(|fault| fault.next_attempt = None);
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
            self.forget(message, todo);
        }
    }

    /// Its actions are not told under another key, whoever wants them yet.
    fn forget(&mut self, message: Ulid, todo: &mut Todo) {
        self.deadlines.remove(&message);
        let notes = self.waiting.messages.get(&message).map(|message| &message.notes);
        let actions = notes.into_iter().flatten().map(|note| note.action);
        actions.for_each(|action| self.settled.add(action));
        self.apply(todo, Change::Forgotten { message });
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
        let parallel = match &self.held {
            Some(held) if held.until > now.at => 0,
            // One finds out whether it works again.
            Some(_) => parallel.min(1),
            None => parallel,
        };
        let due = |message: &&Message| {
            let line = self.lines.get(&message.to);
            !self.in_flight.contains(&message.id) && line.is_none_or(|line| line.may_try(now.at))
        };
        let due: Vec<(&str, Ulid)> = self
            .under_way()
            .filter(due)
            .map(|message| (message.to.target.as_str(), message.id))
            .collect();
        let mut busy: BTreeMap<&str, usize> = BTreeMap::new();
        for message in self.in_flight.iter().filter_map(|id| self.waiting.messages.get(id)) {
            *busy.entry(&message.to.target).or_default() += 1;
        }
        let mut queues: BTreeMap<&str, VecDeque<Ulid>> = BTreeMap::new();
        for (target, message) in due {
            queues.entry(target).or_default().push_back(message);
        }
        let (mut send, mut in_flight) = (Vec::new(), self.in_flight.len());
        while in_flight < parallel {
            // The target with the fewest on their way; of those the one that waits longest.
            let free = queues.iter().filter_map(|(target, queue)| {
                let count = busy.get(target).copied().unwrap_or_default();
                (count < OF_TARGET).then_some((count, *queue.front()?, *target))
            });
            let Some((count, message, target)) = free.min() else {
                break;
            };
            queues.entry(target).or_default().pop_front();
            busy.insert(target, count + 1);
            send.push(message);
            in_flight += 1;
        }
        // Where none is on its way nobody's end would wake them.
        let left = queues.into_values().flatten();
        let crowded = left.filter(|_| in_flight > 0).collect();
        self.crowded = crowded;
        self.in_flight.extend(send.iter().copied());
        todo.send = send;
    }

    /// When time makes a difference.
    pub fn next(&self, now: Now) -> Option<Instant> {
        let on_its_way: BTreeSet<&Address> = self.under_way().map(|message| &message.to).collect();
        let held = self.held.as_ref().map(|held| held.until);
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
                    due.filter(|at| *at > now.at || !self.crowded.contains(&message.id))
                }
                false if on_its_way.contains(&message.to) => None,
                false => line.and_then(Pace::seal_at).or(Some(now.at)),
            };
            [deadline, attempt].into_iter().flatten().min()
        });
        times.min()
    }
}
