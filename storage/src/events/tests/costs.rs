//! What appending and asking cost: printed, for whoever wants to know.

use std::time::{Duration, Instant};

use super::*;

const LINES: u64 = 100_000;

fn timed(what: &str, times: u32, mut run: impl FnMut()) -> Duration {
    let all: Vec<Duration> = (0..times)
        .map(|_| {
            let begin = Instant::now();
            run();
            begin.elapsed()
        })
        .collect();
    let (mut sorted, sum) = (all.clone(), all.iter().sum::<Duration>());
    sorted.sort();
    let median = sorted[sorted.len() / 2];
    println!(
        "{what}: median {median:?}, mean {:?}, least {:?}",
        sum / times,
        sorted[0]
    );
    median
}

#[test]
#[ignore = "prints figures: run it alone, in a release build"]
fn costs() {
    let house = House::new();
    let log = house.open(time("00:00:00"));
    let mut number = 0;
    let mut event = |state| {
        number += 1;
        let mut event = motion(time("00:00:00").plus_micros(number as i64 * 800_000), number);
        event.actions = vec![planned(0)];
        event.actions[0].state = state;
        event
    };
    for (size, times) in [(1, 200), (100, 100)] {
        let mut over = Vec::new();
        timed(&format!("append {size}"), times, || {
            let events: Vec<EventRecord> = (0..size).map(|_| event(ActionState::Done)).collect();
            over.extend(
                events
                    .iter()
                    .map(|event| ended(event.id, event.start.plus_micros(5_000_000))),
            );
            let batch: Vec<Entry> = events.into_iter().map(Entry::Begun).collect();
            log.append_at(time("00:00:00"), &batch).unwrap();
        });
        log.append_at(time("00:00:00"), &over).unwrap();
    }
    while log.position().0 < LINES {
        let events: Vec<EventRecord> = (0..500).map(|_| event(ActionState::Done)).collect();
        let over: Vec<Entry> = events
            .iter()
            .map(|event| ended(event.id, event.start.plus_micros(5_000_000)))
            .collect();
        let begun: Vec<Entry> = events.into_iter().map(Entry::Begun).collect();
        log.append_at(time("00:00:00"), &begun).unwrap();
        log.append_at(time("00:00:00"), &over).unwrap();
    }
    let next = at("2026-11-21T09:00:00Z");
    log.append_at(next, &[Entry::Begun(moment(next, 1))]).unwrap();
    let bytes = std::fs::metadata(&house.files()[0]).unwrap().len();
    println!("a day of {} lines, {bytes} bytes", log.position().0);
    let day = Query {
        limit: 100,
        ..between(time("00:00:00"), at("2026-11-21T00:00:00Z"))
    };
    timed("newest 100, from memory", 100, || {
        drop(log.query(&Query { limit: 100, ..all() }).unwrap())
    });
    // Before the events that are in memory.
    let early = Query {
        to: Some(time("06:00:00")),
        ..day.clone()
    };
    let first = log.query(&early).unwrap().events[99].clone();
    assert!(first.start < time("06:00:00"));
    timed("a page of the day", 20, || {
        assert_eq!(log.query(&early).unwrap().events.len(), 100)
    });
    let filtered = Query {
        kinds: vec![EventKind::Sensor],
        ..day
    };
    timed("nothing of that kind", 20, || {
        assert!(log.query(&filtered).unwrap().events.is_empty())
    });
    timed("get", 20, || assert!(log.get(first.id).unwrap().is_some()));
    timed("open in the morning after", 20, || {
        drop(house.open(next.plus_micros(7_200_000_000)))
    });
    timed("open with that day", 5, || drop(house.open(next)));
}
