//! Outputs without their actors.

#![allow(clippy::unwrap_used)]

use vigie_config::EventKind;
use vigie_storage::events::{Entry, EventLogLimits, EventRecord};

use super::*;
use crate::registry::Event;

fn outputs_with(more: &str, events: &Events) -> (Outputs, Output) {
    let text = format!(
        "[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n[[output]]\nid = \"siren\"\nkind = \"http\"\n\
         on = \"http://192.0.2.1/on\"\nhold = \"0s\"\n{more}"
    );
    let config = vigie_config::Config::parse(&text, &|_| None).unwrap().0;
    let means = Means {
        mqtt: crate::mqtt::Mqtt::new(None, events),
        gpio: Arc::new(crate::gpio::bench::Bench::new()),
    };
    (Outputs::new(&config.outputs, events, means), config.outputs[0].clone())
}

fn outputs(events: &Events) -> (Outputs, Output) {
    outputs_with("", events)
}

fn record() -> EventRecord {
    Event::house(EventKind::Sensor, "").begun()
}

#[test]
fn an_action_is_fired_once() {
    let (all, siren) = outputs(&Events::default());
    let (handle, record) = (all.get(&siren.id).unwrap(), record());
    handle.fire(&record, 0);
    assert!(handle.snapshot().wanted);
    handle.switch_off();
    handle.fire(&record, 0);
    assert!(!handle.snapshot().wanted, "a person has the last word");
    handle.fire(&record, 1);
    assert!(handle.snapshot().wanted, "another action");
}

#[test]
fn an_output_that_changes_or_goes_says_what_became_of_its_actions() {
    let events = Events::default();
    let (all, siren) = outputs(&events);
    let record = record();
    all.get(&siren.id).unwrap().fire(&record, 0);
    all.put(siren.clone(), &events).fire(&record, 1);
    all.remove(&siren.id);
    let failed = |number| (record.id, number, ActionState::Failed);
    assert_eq!(events.outcomes(), [failed(0), failed(1)]);
}

#[test]
fn a_persons_off_outlasts_the_process() {
    let events = Events::default();
    let (before, siren) = outputs(&events);
    let (going, later) = (record(), record());
    let handle = before.get(&siren.id).unwrap();
    assert!(handle.switch_off().is_none(), "nothing wanted it");
    handle.fire(&going, 0);
    assert!(handle.switch_off().is_some());
    let hand = events.raised().remove(0);
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = EventLog::open(folder.path(), EventLogLimits::default());
    let hand = EventRecord {
        id: hand.id,
        kind: hand.kind,
        source: hand.source,
        start: hand.at,
        end: Some(hand.at),
        ..record()
    };
    let after = |event: EventRecord, micros| EventRecord {
        start: hand.start.plus_micros(micros),
        ..event
    };
    let (going, later) = (after(going, -1), after(later, 1));
    let entries = [&going, &hand, &later].map(|event| Entry::Begun(event.clone()));
    log.append(&entries).unwrap();
    let (again, _) = outputs(&events);
    again.heed(&log, &log.open_events().unwrap());
    let handle = again.get(&siren.id).unwrap();
    handle.fire(&going, 0);
    assert!(!handle.snapshot().wanted, "the hand has the last word");
    handle.fire(&later, 0);
    assert!(handle.snapshot().wanted, "what came after it counts");
}

#[tokio::test]
async fn one_that_is_switched_off_is_not_tried_out() {
    let (all, siren) = outputs_with("enabled = false", &Events::default());
    let error = all.get(&siren.id).unwrap().test().await.unwrap_err();
    assert_eq!(error, "siren is switched off in the configuration");
}
