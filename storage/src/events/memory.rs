//! What is known without reading: the events that are not settled, and the newest that are.
//!
//! Belongs here: what an entry changes. Does not belong here: which entries count as written.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use ulid::Ulid;
use vigie_config::Utc;

use super::record::{Entry, EventRecord};

/// An event that is over and has planned actions is carried on so many days: what was planned a week
/// ago is not done any more.
const CARRIED: u8 = 7;

struct Held {
    event: Arc<EventRecord>,
    /// On how many days it was carried since it was over.
    times: u8,
    /// Among the newest.
    recent: bool,
}

pub(super) struct Memory {
    events: HashMap<Ulid, Held>,
    /// In the order in which they were written.
    recent: VecDeque<Ulid>,
    most_recent: usize,
    /// The latest start or end of any event that is not here.
    forgotten: Utc,
}

impl Memory {
    /// `forgotten`: the latest time in what is not read.
    pub fn new(most_recent: usize, forgotten: Utc) -> Memory {
        Memory {
            events: HashMap::new(),
            recent: VecDeque::new(),
            most_recent,
            forgotten,
        }
    }

    pub fn get(&self, id: Ulid) -> Option<&Arc<EventRecord>> {
        self.events.get(&id).map(|held| &held.event)
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<EventRecord>> {
        self.events.values().map(|held| &held.event)
    }

    pub fn forgotten(&self) -> Utc {
        self.forgotten
    }

    /// An event that is on disk alone from now on.
    pub fn apply(&mut self, entry: Entry) -> Option<Arc<EventRecord>> {
        match entry {
            Entry::Begun(event) => self.begin(event),
            Entry::Ended { id, at } => self.change(id, |event| event.end_at(at)),
            Entry::Outcome {
                id,
                number,
                state,
                at,
                detail,
            } => self.change(id, |event| event.outcome(number, state, at, detail)),
        }
    }

    fn begin(&mut self, event: EventRecord) -> Option<Arc<EventRecord>> {
        let id = event.id;
        if self.events.contains_key(&id) {
            return None;
        }
        let held = Held {
            event: Arc::new(event),
            times: 0,
            recent: true,
        };
        self.events.insert(id, held);
        self.recent.push_back(id);
        if self.recent.len() <= self.most_recent {
            return None;
        }
        let old = self.recent.pop_front()?;
        if let Some(held) = self.events.get_mut(&old) {
            held.recent = false;
        }
        self.forget_settled(old)
    }

    fn change(&mut self, id: Ulid, change: impl FnOnce(&mut EventRecord)) -> Option<Arc<EventRecord>> {
        change(Arc::make_mut(&mut self.events.get_mut(&id)?.event));
        self.forget_settled(id)
    }

    /// Settled and not among the newest: it is on disk alone from now on.
    fn forget_settled(&mut self, id: Ulid) -> Option<Arc<EventRecord>> {
        let held = self.events.get(&id)?;
        if held.recent || !held.event.is_settled() {
            return None;
        }
        let end = held.event.end.unwrap_or(held.event.start);
        self.forgotten = self.forgotten.max(end);
        self.events.remove(&id).map(|held| held.event)
    }

    /// What the next file carries, and on how many days it was carried then.
    pub fn to_carry(&self, new_day: bool) -> Vec<(u8, Arc<EventRecord>)> {
        let open = self.events.values().filter(|held| !held.event.is_settled());
        let times = |held: &Held| held.times + u8::from(new_day && held.event.end.is_some());
        let mut all: Vec<_> = open
            .map(|held| (times(held), held.event.clone()))
            .filter(|(times, _)| *times <= CARRIED)
            .collect();
        all.sort_unstable_by_key(|(_, event)| event.key());
        all
    }

    /// A file was begun that carries these and no others.
    pub fn carried(&mut self, all: &[(u8, Arc<EventRecord>)], at: Utc) {
        let ids: HashSet<Ulid> = all.iter().map(|(_, event)| event.id).collect();
        let before = self.events.len();
        let mut forgotten = self.forgotten;
        // Those that nobody carries any more are known to the files before.
        self.events.retain(|id, held| {
            let stays = held.event.is_settled() || ids.contains(id);
            if !stays {
                forgotten = forgotten.max(held.event.end.unwrap_or(held.event.start).max(at));
            }
            stays
        });
        self.forgotten = forgotten;
        if self.events.len() < before {
            let (events, recent) = (&self.events, &mut self.recent);
            recent.retain(|id| events.contains_key(id));
        }
        for (times, event) in all {
            self.carry(*times, event);
        }
    }

    pub fn carry(&mut self, times: u8, event: &Arc<EventRecord>) {
        let held = self.events.entry(event.id).or_insert_with(|| Held {
            event: event.clone(),
            times,
            recent: false,
        });
        held.times = times;
    }
}
