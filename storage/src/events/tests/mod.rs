//! The log of events as its users see it.
#![allow(clippy::unwrap_used)]

mod costs;
mod damage;
mod days;
mod faults;
mod kill;
mod model;
mod pages;

use std::path::PathBuf;

use tempfile::TempDir;
use ulid::Ulid;
use vigie_config::{CameraId, EventKind, Severity, Source, Utc};

use super::*;

/// The counts of the acceptance list, and not those of every day.
fn shown() -> bool {
    std::env::var_os("VIGIE_SHOWN").is_some_and(|v| v == "1")
}

fn at(text: &str) -> Utc {
    text.parse().unwrap()
}

/// 2026-11-20 at some time of the day.
fn time(text: &str) -> Utc {
    at(&format!("2026-11-20T{text}Z"))
}

fn camera(id: &str) -> CameraId {
    CameraId::new(id).unwrap()
}

fn id(at: Utc, number: u64) -> Ulid {
    Ulid::from_parts(at.as_micros() as u64 / 1000, u128::from(number))
}

/// Motion at the gate, not over.
fn motion(start: Utc, number: u64) -> EventRecord {
    EventRecord {
        id: id(start, number),
        kind: EventKind::Motion,
        source: Source::Camera(camera("gate")),
        start,
        end: None,
        severity: Severity::Info,
        text: format!("motion {number}"),
        payload: None,
        actions: Vec::new(),
    }
}

fn moment(start: Utc, number: u64) -> EventRecord {
    EventRecord {
        end: Some(start),
        ..motion(start, number)
    }
}

fn planned(number: u16) -> Action {
    Action {
        number,
        rule: Some("night".parse().unwrap()),
        what: "email".into(),
        target: Some("guard".into()),
        state: ActionState::Planned,
        at: None,
        detail: None,
    }
}

fn outcome(id: Ulid, number: u16, state: ActionState, at: Utc) -> Entry {
    Entry::Outcome {
        id,
        number,
        state,
        at,
        detail: Some("said".into()),
    }
}

fn ended(id: Ulid, at: Utc) -> Entry {
    Entry::Ended { id, at }
}

/// A folder whose log is opened at some time.
struct House {
    dir: TempDir,
}

impl House {
    fn new() -> House {
        House {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("events")
    }

    fn open(&self, now: Utc) -> EventLog {
        let (log, report) = self.open_with_report(now);
        assert!(report.damage.is_empty(), "{report:?}");
        log
    }

    fn open_with_report(&self, now: Utc) -> (EventLog, OpenReport) {
        EventLog::open_at(&self.folder(), EventLogLimits::default(), now)
    }

    /// In the order of their names.
    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder()).unwrap();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

fn all() -> Query {
    Query {
        limit: 1000,
        ..Query::default()
    }
}

fn between(from: Utc, to: Utc) -> Query {
    Query {
        from: Some(from),
        to: Some(to),
        ..all()
    }
}

fn texts(log: &EventLog, query: &Query) -> Vec<String> {
    let page = log.query(query).unwrap();
    page.events.into_iter().map(|event| event.text).collect()
}

#[test]
fn an_event_its_end_and_its_outcomes_are_one_record() {
    let house = House::new();
    let log = house.open(time("09:00:00"));
    assert!(!house.folder().exists(), "nothing is made before the first entry");
    assert_eq!(log.query(&all()).unwrap().events, []);
    let mut event = motion(time("09:41:00"), 1);
    event.actions = vec![planned(0), planned(1)];
    let begun = Entry::Begun(event.clone());
    log.append_at(time("09:41:00"), std::slice::from_ref(&begun)).unwrap();
    assert_eq!(log.open_events().unwrap(), std::slice::from_ref(&event));
    let entries = [
        outcome(event.id, 0, ActionState::Done, time("09:41:01")),
        // Settled: it stays as it is.
        outcome(event.id, 0, ActionState::Failed, time("09:41:02")),
        // No action of it.
        outcome(event.id, 7, ActionState::Failed, time("09:41:02")),
        ended(event.id, time("09:42:00")),
        ended(event.id, time("09:43:00")),
        ended(id(time("09:00:00"), 9), time("09:43:00")),
    ];
    log.append_at(time("09:42:00"), &entries).unwrap();
    event.end = Some(time("09:42:00"));
    event.actions[0].state = ActionState::Done;
    event.actions[0].at = Some(time("09:41:01"));
    event.actions[0].detail = Some("said".into());
    // Known already.
    log.append_at(time("09:44:00"), std::slice::from_ref(&begun)).unwrap();
    for log in [
        log,
        house.open(time("10:00:00")),
        house.open(at("2026-12-20T00:00:00Z")),
    ] {
        assert_eq!(log.open_events().unwrap(), []);
        assert_eq!(log.planned().unwrap(), [event.clone()]);
        assert_eq!(log.get(event.id).unwrap().unwrap(), event);
        assert_eq!(log.query(&all()).unwrap().events, [event.clone()]);
        assert_eq!(log.position(), Position(7));
        let since = log.since(Position(0)).unwrap();
        let entries: Vec<Entry> = [begun.clone()].into_iter().chain(entries.clone()).collect();
        let numbered: Vec<_> = (1..).map(Position).zip(entries).collect();
        assert_eq!(since, numbered);
        assert_eq!(log.since(Position(5)).unwrap(), numbered[5..]);
        assert_eq!(log.since(Position(7)).unwrap(), []);
    }
    assert_eq!(house.files().len(), 1);
}

#[test]
fn json_of_a_record_is_for_the_api() {
    let mut event = moment(time("09:41:00"), 1);
    event.actions = vec![planned(3)];
    event.payload = Some(serde_json::json!({"cameras": ["gate"]}));
    assert_eq!(
        serde_json::to_value(&event).unwrap(),
        serde_json::json!({
            "id": event.id.to_string(),
            "kind": "motion",
            "source": "camera:gate",
            "start": "2026-11-20T09:41:00Z",
            "end": "2026-11-20T09:41:00Z",
            "severity": "info",
            "text": "motion 1",
            "payload": {"cameras": ["gate"]},
            "actions": [{
                "number": 3, "rule": "night", "what": "email", "target": "guard",
                "state": "planned", "at": null, "detail": null,
            }],
        })
    );
    assert_eq!(serde_json::to_value(Position(7)).unwrap(), 7);
}

#[test]
fn what_people_read_is_cut_and_what_programs_read_is_refused() {
    let house = House::new();
    let log = house.open(time("09:00:00"));
    let mut event = moment(time("09:00:00"), 1);
    event.text = "é".repeat(3000);
    event.actions = vec![planned(0)];
    log.append_at(time("09:00:00"), &[Entry::Begun(event.clone())]).unwrap();
    let kept = log.get(event.id).unwrap().unwrap();
    assert!(kept.text.len() <= 4096 && kept.text.ends_with("é…"));
    let detail = Entry::Outcome {
        id: event.id,
        number: 0,
        state: ActionState::Failed,
        at: time("09:00:01"),
        detail: Some("x".repeat(5000)),
    };
    log.append_at(time("09:00:01"), &[detail]).unwrap();
    let kept = log.get(event.id).unwrap().unwrap();
    assert_eq!(kept.actions[0].detail.as_ref().unwrap().len(), 4096);
    let refused = |event: EventRecord| {
        let other = Entry::Begun(moment(time("09:00:02"), 5));
        let error = log
            .append_at(time("09:00:02"), &[other, Entry::Begun(event)])
            .unwrap_err();
        assert_eq!(vigie_config::Kind::kind(&error), vigie_config::ErrorKind::Refused);
        assert_eq!(log.position(), Position(2));
        error.to_string()
    };
    event.id = id(time("09:00:02"), 2);
    event.payload = Some(serde_json::json!("x".repeat(70_000)));
    let text = refused(event.clone());
    assert!(
        text.ends_with("its payload has 70002 bytes, at most 65536 are kept: shorten it"),
        "{text}"
    );
    event.payload = None;
    event.actions[0].target = Some("x".repeat(5000));
    assert!(refused(event.clone()).contains("the target of an action has 5000 bytes"));
    event.actions = (0..641).map(planned).collect();
    assert!(refused(event.clone()).contains("has 641 actions, at most 640"));
    let mut long = planned(0);
    long.detail = Some("\u{1}".repeat(4096));
    event.actions = vec![long; 20];
    assert!(refused(event).contains("all of it has"));
    assert_eq!(log.state().fault, None);
}

#[test]
fn several_threads_append_at_once() {
    let house = House::new();
    let log = house.open(time("09:00:00"));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = &log;
            scope.spawn(move || {
                for number in 0..25 {
                    let event = moment(time("09:00:00"), thread * 100 + number);
                    log.append_at(time("09:00:00"), &[Entry::Begun(event)]).unwrap();
                }
            });
        }
    });
    assert_eq!(log.position(), Position(100));
    assert_eq!(house.open(time("09:00:00")).query(&all()).unwrap().events.len(), 100);
}

/// Nothing is read for it: memory has it until then.
#[test]
fn whoever_appends_is_told_what_outcomes_changed() {
    let house = House::new();
    let limits = EventLogLimits {
        recent: 1,
        ..EventLogLimits::default()
    };
    let (log, _) = EventLog::open_at(&house.folder(), limits, time("09:00:00"));
    let mut old = moment(time("09:00:00"), 1);
    old.actions = vec![planned(0), planned(1)];
    let mut new = old.clone();
    new.id = id(time("09:00:00"), 2);
    let begun = [old.clone(), new.clone()].map(Entry::Begun);
    assert_eq!(log.append_at(time("09:00:00"), &begun).unwrap(), []);
    let (at, done) = (time("09:00:01"), ActionState::Done);
    let batch = [
        outcome(old.id, 0, done, at),
        outcome(new.id, 1, done, at),
        outcome(old.id, 1, done, at),
        outcome(id(at, 9), 0, done, at),
    ];
    // What is settled and not among the newest is forgotten with this.
    std::fs::remove_dir_all(house.folder()).unwrap();
    let mut changed = log.append_at(at, &batch).unwrap();
    changed.sort_by_key(|event| event.id);
    for event in [&mut old, &mut new] {
        event.outcome(1, done, at, Some("said".into()));
    }
    old.outcome(0, done, at, Some("said".into()));
    assert_eq!(changed, [old, new].map(std::sync::Arc::new));
}
