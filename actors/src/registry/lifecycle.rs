//! Which events go on, and what begins or ends with a fact. Pure.

use std::{collections::BTreeMap, sync::Arc};

use ulid::Ulid;
use vigie_config::{EventKind, Source, Utc};
use vigie_storage::events::{ActionState, Entry, EventRecord};

use super::event::Event;

/// What a fact changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Not logged yet, and without actions.
    Begun(EventRecord),
    /// As it was, with its end.
    Ended(EventRecord),
}

impl Change {
    pub fn event(&self) -> &EventRecord {
        match self {
            Change::Begun(event) | Change::Ended(event) => event,
        }
    }
}

type Key = (EventKind, Source);

/// Of each kind and source one event at most goes on.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    going: BTreeMap<Key, Going>,
    /// What an earlier process left is not known yet: what is over of it anyway, and since when.
    over_of_before: Option<BTreeMap<Key, Utc>>,
}

/// It goes on as long as somebody says so.
#[derive(Debug, Clone)]
struct Going {
    event: Arc<EventRecord>,
    /// We do, lately under this id.
    ours: Option<Ulid>,
    /// Other programs do.
    foreign: bool,
}

/// Goes on where the process before it ended: the word of a person, a contact or a cable still holds.
fn survives(kind: EventKind) -> bool {
    matches!(kind, EventKind::Sensor | EventKind::Manual | EventKind::NetworkDown)
}

/// Which of the same source are over when an event of this kind comes.
fn ends(kind: EventKind) -> &'static [EventKind] {
    use EventKind::{
        DiskBack, DiskError, DiskReleased, DiskRemoved, DiskSlow, Manual, StreamLive, StreamOffline, StreamRefused,
        StreamStalled,
    };
    match kind {
        StreamLive => &[StreamOffline, StreamStalled, StreamRefused],
        StreamOffline => &[StreamStalled, StreamRefused],
        StreamStalled => &[StreamOffline, StreamRefused],
        StreamRefused => &[StreamOffline, StreamStalled],
        // Who records by hand anew says anew for how long.
        Manual => &[Manual],
        DiskBack | DiskReleased => &[DiskError, DiskRemoved],
        DiskError => &[DiskRemoved],
        DiskRemoved => &[DiskError],
        DiskSlow => &[DiskError, DiskRemoved],
        _ => &[],
    }
}

impl Lifecycle {
    /// What an earlier process left is told by [`Lifecycle::learn`] later on.
    pub fn unknowing() -> Lifecycle {
        Lifecycle {
            over_of_before: Some(BTreeMap::new()),
            ..Lifecycle::default()
        }
    }

    /// What an earlier process left open, by the log. Says what of it is over. `gone`: such a source is
    /// not there any more.
    pub fn learn(&mut self, left: Vec<EventRecord>, now: Utc, gone: impl Fn(&Source) -> bool) -> Vec<Entry> {
        let over = self.over_of_before.take().unwrap_or_default();
        let mut ended = Vec::new();
        for event in left {
            let key = (event.kind, event.source.clone());
            let lost = !survives(event.kind) || gone(&event.source);
            match over.get(&key).copied().or(lost.then_some(now)) {
                Some(at) => ended.push(Entry::Ended { id: event.id, at }),
                None => drop(self.going.insert(key, Going::new(event, false))),
            }
        }
        ended
    }

    /// What became of an action of an event that goes on.
    pub fn outcome(&mut self, event: Ulid, number: u16, state: ActionState, at: Utc, detail: Option<&str>) {
        let Some(going) = self.going.values_mut().find(|going| going.event.id == event) else {
            return;
        };
        let mut actions = Arc::make_mut(&mut going.event).actions.iter_mut();
        if let Some(action) = actions.find(|a| a.number == number && a.state == ActionState::Planned) {
            (action.state, action.at, action.detail) = (state, Some(at), detail.map(str::to_owned));
        }
    }

    pub fn open(&self) -> impl Iterator<Item = &Arc<EventRecord>> {
        self.going.values().map(|going| &going.event)
    }

    /// The event that goes on, of this kind and source.
    pub fn of(&self, kind: EventKind, source: &Source) -> Option<&Arc<EventRecord>> {
        Some(&self.going.get(&(kind, source.clone()))?.event)
    }

    /// It is known with its actions now.
    pub fn update(&mut self, event: &EventRecord) {
        if let Some(going) = self.going.get_mut(&(event.kind, event.source.clone()))
            && going.event.id == event.id
        {
            going.event = Arc::new(event.clone());
        }
    }

    /// What changes with this fact, in order.
    pub fn take(&mut self, event: &Event) -> Vec<Change> {
        let key = (event.kind, event.source.clone());
        if event.over {
            return self.take_over(key, event).into_iter().collect();
        }
        if self.going.get(&key).is_some_and(|going| going.event.id == event.id) {
            return Vec::new();
        }
        let others = ends(event.kind).iter();
        let mut changes: Vec<Change> = others
            .filter_map(|kind| self.end((*kind, event.source.clone()), event.at))
            .collect();
        if let Some(going) = self.going.get_mut(&key) {
            going.tell(event.id, event.foreign);
            return changes;
        }
        let lasting = event.kind.is_lasting();
        let record = event.begun();
        if lasting {
            self.note_over(&key, event.at);
            self.going.insert(key, Going::new(record.clone(), event.foreign));
        }
        changes.push(Change::Begun(record));
        changes
    }

    fn take_over(&mut self, key: Key, over: &Event) -> Option<Change> {
        if let Some(going) = self.going.get_mut(&key) {
            match over.of {
                Some(of) if going.ours == Some(of) => going.ours = None,
                Some(_) => return None,
                None if over.foreign => going.foreign = false,
                None => (going.ours, going.foreign) = (None, false),
            }
            if going.ours.is_some() || going.foreign {
                return None;
            }
        } else if over.of.is_some() {
            return None;
        }
        self.end(key, over.at)
    }

    fn end(&mut self, key: Key, at: Utc) -> Option<Change> {
        self.note_over(&key, at);
        let going = self.going.remove(&key)?;
        let mut event = Arc::unwrap_or_clone(going.event);
        event.end = Some(at.max(event.start));
        Some(Change::Ended(event))
    }

    /// One that an earlier process may have left open is over.
    fn note_over(&mut self, key: &Key, at: Utc) {
        if let Some(over) = &mut self.over_of_before {
            over.entry(key.clone()).or_insert(at);
        }
    }
}

impl Going {
    fn new(event: EventRecord, foreign: bool) -> Going {
        Going {
            ours: (!foreign).then_some(event.id),
            foreign,
            event: Arc::new(event),
        }
    }

    /// Somebody says that it goes on.
    fn tell(&mut self, id: Ulid, foreign: bool) {
        match foreign {
            true => self.foreign = true,
            false => self.ours = Some(id),
        }
    }
}

#[cfg(test)]
mod tests;
