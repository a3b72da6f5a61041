//! Outputs without their actors.

#![allow(clippy::unwrap_used)]

use vigie_config::EventKind;
use vigie_storage::events::EventRecord;

use super::*;
use crate::registry::Event;

fn outputs(events: &Events) -> (Outputs, Output) {
    let text = "[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n[[output]]\nid = \"siren\"\nkind = \"http\"\n\
                on = \"http://192.0.2.1/on\"\nhold = \"0s\"\n";
    let config = vigie_config::Config::parse(text, &|_| None).unwrap().0;
    let means = Means {
        mqtt: crate::mqtt::Mqtt::new(None, events),
        gpio: Arc::new(crate::gpio::bench::Bench::new()),
    };
    (Outputs::new(&config.outputs, events, means), config.outputs[0].clone())
}

fn record() -> EventRecord {
    let event = Event::house(EventKind::Sensor, "");
    EventRecord {
        id: event.id,
        kind: event.kind,
        source: event.source,
        start: event.at,
        end: None,
        severity: event.kind.severity(),
        text: event.text,
        payload: None,
        actions: Vec::new(),
    }
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
