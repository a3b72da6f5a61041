//! Which events go on, and what begins or ends with a fact. Pure.

use std::{collections::BTreeMap, sync::Arc};

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

/// Of each kind and source one event at most goes on.
#[derive(Debug, Default)]
pub struct Lifecycle(BTreeMap<(EventKind, Source), Arc<EventRecord>>);

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
    pub fn restore(open: Vec<EventRecord>) -> Lifecycle {
        let key = |event: &EventRecord| (event.kind, event.source.clone());
        Lifecycle(open.into_iter().map(|event| (key(&event), Arc::new(event))).collect())
    }

    /// An entry that the log it was restored from may not hold.
    pub fn replay(&mut self, entry: &Entry) {
        match entry {
            Entry::Begun(event) if event.end.is_none() => {
                let key = (event.kind, event.source.clone());
                let known = self.0.get(&key).is_some_and(|open| open.id == event.id);
                if !known {
                    self.0.insert(key, Arc::new(event.clone()));
                }
            }
            Entry::Begun(_) => {}
            Entry::Ended { id, .. } => self.0.retain(|_, open| open.id != *id),
            Entry::Outcome {
                id,
                number,
                state,
                at,
                detail,
            } => {
                let Some(open) = self.0.values_mut().find(|open| open.id == *id) else {
                    return;
                };
                let mut event = EventRecord::clone(open);
                let mut actions = event.actions.iter_mut();
                if let Some(action) = actions.find(|a| a.number == *number && a.state == ActionState::Planned) {
                    (action.state, action.at, action.detail) = (*state, Some(*at), detail.clone());
                    *open = Arc::new(event);
                }
            }
        }
    }

    pub fn open(&self) -> impl Iterator<Item = &Arc<EventRecord>> {
        self.0.values()
    }

    /// The event that goes on, of this kind and source.
    pub fn of(&self, kind: EventKind, source: &Source) -> Option<&Arc<EventRecord>> {
        self.0.get(&(kind, source.clone()))
    }

    /// It is known with its actions now.
    pub fn update(&mut self, event: &EventRecord) {
        if let Some(open) = self.0.get_mut(&(event.kind, event.source.clone()))
            && open.id == event.id
        {
            *open = Arc::new(event.clone());
        }
    }

    /// What changes with this fact, in order.
    pub fn take(&mut self, event: &Event) -> Vec<Change> {
        let open = self.of(event.kind, &event.source).map(|open| open.id);
        if event.over && event.of.is_some_and(|of| open != Some(of)) || !event.over && open == Some(event.id) {
            return Vec::new();
        }
        if event.over {
            return self.end(event.kind, &event.source, event.at).into_iter().collect();
        }
        let others = ends(event.kind).iter();
        let mut changes: Vec<Change> = others
            .filter_map(|kind| self.end(*kind, &event.source, event.at))
            .collect();
        let key = (event.kind, event.source.clone());
        if self.0.contains_key(&key) {
            return changes;
        }
        let lasting = event.kind.is_lasting();
        let record = EventRecord {
            id: event.id,
            kind: event.kind,
            source: event.source.clone(),
            start: event.at,
            end: (!lasting).then_some(event.at),
            severity: event.kind.severity(),
            text: event.text.clone(),
            payload: event.payload.clone(),
            actions: Vec::new(),
        };
        if lasting {
            self.0.insert(key, Arc::new(record.clone()));
        }
        changes.push(Change::Begun(record));
        changes
    }

    /// Ends one that goes on.
    pub fn end(&mut self, kind: EventKind, source: &Source, at: Utc) -> Option<Change> {
        let open = self.0.remove(&(kind, source.clone()))?;
        Some(Change::Ended(EventRecord {
            end: Some(at.max(open.start)),
            ..EventRecord::clone(&open)
        }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(kind: EventKind, source: &str, second: i64) -> Event {
        let at = Utc::from_micros(1_700_000_000_000_000 + second * 1_000_000);
        Event::new(kind, source.parse().unwrap(), "").at(at)
    }

    fn shown(changes: &[Change]) -> Vec<String> {
        let show = |change: &Change| match change {
            Change::Begun(event) => format!("{} begins", event.kind),
            Change::Ended(event) => format!("{} ends", event.kind),
        };
        changes.iter().map(show).collect()
    }

    #[test]
    fn a_stream_is_in_one_state_at_a_time() {
        let mut events = Lifecycle::default();
        let mut step = |kind, second| shown(&events.take(&event(kind, "stream:gate/main", second)));
        assert_eq!(step(EventKind::StreamOffline, 0), ["stream_offline begins"]);
        assert!(step(EventKind::StreamOffline, 1).is_empty(), "it goes on");
        assert_eq!(
            step(EventKind::StreamRefused, 2),
            ["stream_offline ends", "stream_refused begins"]
        );
        assert_eq!(
            step(EventKind::StreamLive, 3),
            ["stream_refused ends", "stream_live begins"]
        );
        assert_eq!(step(EventKind::StreamLive, 4), ["stream_live begins"], "a moment");
    }

    #[test]
    fn recording_by_hand_is_taken_over_by_whoever_asks_last() {
        let mut events = Lifecycle::default();
        let (first, second) = (
            event(EventKind::Manual, "camera:gate", 0),
            event(EventKind::Manual, "camera:gate", 5),
        );
        assert_eq!(shown(&events.take(&first)), ["manual begins"]);
        assert!(events.take(&first).is_empty(), "the same fact again");
        assert_eq!(shown(&events.take(&second)), ["manual ends", "manual begins"]);
        let late = Event::over_of(EventKind::Manual, first.source.clone(), first.id);
        assert!(events.take(&late).is_empty(), "its time is not the second one's");
        let over = Event::over_of(EventKind::Manual, first.source.clone(), second.id);
        assert_eq!(shown(&events.take(&over)), ["manual ends"]);
    }

    #[test]
    fn what_the_log_does_not_hold_yet_counts() {
        let record = |kind, source| match Lifecycle::default().take(&event(kind, source, 0)).remove(0) {
            Change::Begun(record) => record,
            other => panic!("{other:?}"),
        };
        let (door, bell) = (
            record(EventKind::Sensor, "input:door"),
            record(EventKind::Sensor, "input:bell"),
        );
        let mut events = Lifecycle::restore(vec![door.clone()]);
        let at = door.start;
        events.replay(&Entry::Begun(bell.clone()));
        events.replay(&Entry::Ended { id: door.id, at });
        let open: Vec<_> = events.open().map(|open| open.id).collect();
        assert_eq!(open, [bell.id]);
    }

    #[test]
    fn one_source_does_not_end_anothers() {
        let mut events = Lifecycle::default();
        events.take(&event(EventKind::StreamOffline, "stream:gate/main", 0));
        let sub = events.take(&event(EventKind::StreamLive, "stream:gate/sub", 1));
        assert_eq!(shown(&sub), ["stream_live begins"]);
        let over = Event::over(EventKind::StreamOffline, "stream:gate/sub".parse().unwrap());
        assert!(events.take(&over).is_empty());
    }

    #[test]
    fn an_event_does_not_end_before_it_begins() {
        let mut events = Lifecycle::default();
        events.take(&event(EventKind::Sensor, "input:door", 10));
        let over = Event::over(EventKind::Sensor, "input:door".parse().unwrap());
        let changes = events.take(&over.at(Utc::from_micros(0)));
        let [Change::Ended(ended)] = &changes[..] else {
            panic!("{changes:?}")
        };
        assert_eq!(ended.end, Some(ended.start));
    }

    proptest! {
        /// Beginnings and ends of each kind and source take turns, and what goes on is what began
        /// and did not end.
        #[test]
        fn beginnings_and_ends_take_turns(steps in proptest::collection::vec((0usize..30, 0usize..3, any::<bool>()), 0..80)) {
            let mut events = Lifecycle::default();
            let mut going = std::collections::BTreeMap::new();
            for (second, (kind, source, over)) in steps.into_iter().enumerate() {
                let kind = EventKind::ALL[kind % EventKind::ALL.len()];
                let source = ["input:door", "stream:gate/main", "disk:d1"][source];
                let mut fact = event(kind, source, second as i64);
                fact.over = over;
                for change in events.take(&fact) {
                    match change {
                        Change::Begun(begun) => {
                            prop_assert_eq!(begun.end.is_none(), begun.kind.is_lasting());
                            if begun.end.is_none() {
                                prop_assert!(going.insert((begun.kind, begun.source), begun.id).is_none());
                            }
                        }
                        Change::Ended(ended) => {
                            prop_assert_eq!(going.remove(&(ended.kind, ended.source.clone())), Some(ended.id));
                        }
                    }
                }
            }
            let open: std::collections::BTreeMap<_, _> =
                events.open().map(|e| ((e.kind, e.source.clone()), e.id)).collect();
            prop_assert_eq!(open, going);
        }
    }
}
