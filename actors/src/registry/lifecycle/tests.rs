//! What begins, goes on and ends.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

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

fn record(kind: EventKind, source: &str, second: i64) -> EventRecord {
    match Lifecycle::default().take(&event(kind, source, second)).remove(0) {
        Change::Begun(record) => record,
        other => panic!("{other:?}"),
    }
}

/// Motion told by us and by a program, in any order: it goes on while one of them says so.
#[test]
fn what_two_tell_is_over_when_both_say_so() {
    let (ours, theirs) = (
        event(EventKind::Motion, "camera:gate", 0),
        event(EventKind::Motion, "camera:gate", 1).of_a_program(),
    );
    let source = || ours.source.clone();
    let our_end = Event::over_of(EventKind::Motion, source(), ours.id);
    let their_end = Event::over(EventKind::Motion, source()).of_a_program();
    for (begins, ends) in [
        ([&theirs, &ours], [&their_end, &our_end]),
        ([&theirs, &ours], [&our_end, &their_end]),
        ([&ours, &theirs], [&their_end, &our_end]),
        ([&ours, &theirs], [&our_end, &their_end]),
    ] {
        let mut events = Lifecycle::default();
        let shown: Vec<_> = begins
            .iter()
            .chain(&ends)
            .map(|fact| shown(&events.take(fact)))
            .collect();
        assert_eq!(shown, [vec!["motion begins"], vec![], vec![], vec!["motion ends"]]);
    }
    // A program's word alone; and a camera that is removed ends it, whoever told it.
    let mut events = Lifecycle::default();
    events.take(&ours);
    assert!(events.take(&their_end).is_empty());
    events.take(&theirs);
    let gone = Event::over(EventKind::Motion, source());
    assert_eq!(shown(&events.take(&gone)), ["motion ends"]);
}

#[test]
fn what_an_earlier_process_left_goes_on_where_it_can() {
    let (door, net, moves) = (
        record(EventKind::Sensor, "input:door", 0),
        record(EventKind::NetworkDown, "house", 0),
        record(EventKind::Motion, "camera:gate", 0),
    );
    let by_hand = |camera: &str| record(EventKind::Manual, &format!("camera:{camera}"), 0);
    let (stays, removed) = (by_hand("gate"), by_hand("gone"));
    let left = vec![door.clone(), net.clone(), moves.clone(), stays.clone(), removed.clone()];
    let now = Utc::from_micros(1_800_000_000_000_000);
    let mut events = Lifecycle::unknowing();
    let gone = |source: &Source| source.camera().is_some_and(|camera| camera.as_str() == "gone");
    let ended = events.learn(left, now, gone);
    let over = |id| Entry::Ended { id, at: now };
    assert_eq!(ended, [over(moves.id), over(removed.id)]);
    let open: Vec<_> = events.open().map(|open| open.id).collect();
    assert_eq!(BTreeSet::from_iter(open), BTreeSet::from([door.id, net.id, stays.id]));
    let over = Event::over(EventKind::NetworkDown, Source::House);
    assert_eq!(shown(&events.take(&over)), ["network_down ends"]);
}

/// The log answers late: what was told meanwhile counts.
#[test]
fn what_is_over_before_it_is_known_to_go_on_is_over() {
    let (door, bell) = (
        record(EventKind::Sensor, "input:door", 0),
        record(EventKind::Sensor, "input:bell", 0),
    );
    let mut events = Lifecycle::unknowing();
    let over = Event::over(EventKind::Sensor, door.source.clone()).at(door.start.plus_micros(5));
    assert!(events.take(&over).is_empty());
    let again = event(EventKind::Sensor, "input:bell", 9);
    assert_eq!(shown(&events.take(&again)), ["sensor begins"]);
    let ended = events.learn(vec![door.clone(), bell.clone()], again.at, |_| false);
    let expected = [(door.id, over.at), (bell.id, again.at)].map(|(id, at)| Entry::Ended { id, at });
    assert_eq!(ended, expected);
    let open: Vec<_> = events.open().map(|open| open.id).collect();
    assert_eq!(open, [again.id]);
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
