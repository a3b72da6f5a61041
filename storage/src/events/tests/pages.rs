//! Pages and filters.

use super::*;

fn gather(log: &EventLog, query: &Query) -> Vec<EventRecord> {
    let (mut query, mut found) = (query.clone(), Vec::new());
    loop {
        let page = log.query(&query).unwrap();
        assert!(page.events.len() <= query.limit);
        assert!(page.next.is_none() || page.next == page.events.last().map(|event| event.id));
        found.extend(page.events);
        match page.next {
            Some(next) => query.before = Some(next),
            None => return found,
        }
    }
}

#[test]
fn paging_over_10_000_events_returns_each_once() {
    let house = House::new();
    let log = house.open(time("00:00:00"));
    let mut expected = Vec::new();
    for batch in 0..100 {
        // Over four days, several with the same start.
        let now = time("00:00:00").plus_micros(batch * 3_400_000_000);
        let events: Vec<EventRecord> = (0..100)
            .map(|n| {
                let start = now.plus_micros(n / 3 * 1_000_000);
                let number = (batch * 100 + n) as u64;
                match n % 10 {
                    0 => motion(start, number),
                    _ => moment(start, number),
                }
            })
            .collect();
        let entries: Vec<Entry> = events.iter().cloned().map(Entry::Begun).collect();
        log.append_at(now, &entries).unwrap();
        let over: Vec<Entry> = events
            .iter()
            .map(|event| ended(event.id, event.start.plus_micros(90_000_000_000)))
            .collect();
        log.append_at(now, &over[..if batch % 2 == 0 { 100 } else { 1 }])
            .unwrap();
        expected.extend(events);
    }
    expected.sort_by_key(|event| std::cmp::Reverse((event.start, event.id)));
    let ids: Vec<Ulid> = expected.iter().map(|event| event.id).collect();
    for log in [log, house.open(time("00:00:00").plus_micros(350_000_000_000))] {
        for limit in [97, 1000, 10_000] {
            let found = gather(&log, &Query { limit, ..all() });
            assert!(found.iter().map(|event| event.id).eq(ids.iter().copied()), "by {limit}");
        }
        let (from, to) = (at("2026-11-21T03:00:00Z"), at("2026-11-21T20:00:00Z"));
        let found = gather(
            &log,
            &Query {
                limit: 130,
                ..between(from, to)
            },
        );
        let touching = found.iter().filter(|event| event.start < from).count();
        assert!(touching > 0 && found.iter().all(|event| event.start < to));
        let inside = |event: &&EventRecord| (from..to).contains(&event.start);
        assert_eq!(found.len() - touching, expected.iter().filter(inside).count());
    }
}

#[test]
fn filters_are_and() {
    let house = House::new();
    let log = house.open(time("09:00:00"));
    let mut events: Vec<EventRecord> = (0..6)
        .map(|n| moment(time("09:00:00").plus_micros(n), n as u64))
        .collect();
    events[1].source = "stream:gate/sub".parse().unwrap();
    events[2].source = "input:door".parse().unwrap();
    events[2].kind = EventKind::Sensor;
    events[2].severity = Severity::Alarm;
    events[2].payload = Some(serde_json::json!({"cameras": ["hall", "gate"]}));
    events[3].source = "camera:hall".parse().unwrap();
    events[3].payload = Some(serde_json::json!(["cameras", "gate"]));
    events[4].source = Source::House;
    events[4].severity = Severity::Warning;
    events[5].source = "disk:gate".parse().unwrap();
    events[5].kind = EventKind::DiskFull;
    let entries: Vec<Entry> = events.into_iter().map(Entry::Begun).collect();
    log.append_at(time("09:00:00"), &entries).unwrap();
    // Enough that memory does not hold them any more.
    let later: Vec<Entry> = (0..2500)
        .map(|n| Entry::Begun(moment(time("12:00:00"), 1000 + n)))
        .collect();
    log.append_at(time("12:00:00"), &later).unwrap();
    let query = between(time("09:00:00"), time("10:00:00"));
    let found = |query: Query| -> Vec<u64> {
        let numbers = texts(&log, &query).into_iter();
        numbers
            .map(|text| text.strip_prefix("motion ").unwrap().parse().unwrap())
            .collect()
    };
    let asked = |change: fn(&mut Query)| {
        let mut query = query.clone();
        change(&mut query);
        found(query)
    };
    assert_eq!(asked(|_| {}), [5, 4, 3, 2, 1, 0]);
    assert_eq!(
        asked(|query| query.kinds = vec![EventKind::Sensor, EventKind::DiskFull]),
        [5, 2]
    );
    assert_eq!(
        asked(|query| query.sources = vec![Source::House, "disk:gate".parse().unwrap()]),
        [5, 4]
    );
    assert_eq!(asked(|query| query.cameras = vec![camera("gate")]), [2, 1, 0]);
    assert_eq!(asked(|query| query.cameras = vec![camera("hall")]), [3, 2]);
    assert_eq!(asked(|query| query.min_severity = Some(Severity::Warning)), [4, 2]);
    let both = |query: &mut Query| {
        query.cameras = vec![camera("gate")];
        query.min_severity = Some(Severity::Alarm);
    };
    assert_eq!(asked(both), [2]);
    assert_eq!(asked(|query| query.limit = 0), [0; 0]);
    assert_eq!(asked(|query| query.to = query.from), [0; 0]);
    // It is not kept, or never was: its id says where to go on.
    assert_eq!(
        asked(|query| query.before = Some(id(time("09:30:00"), 0))),
        [5, 4, 3, 2, 1, 0]
    );
    assert_eq!(asked(|query| query.before = Some(id(time("08:30:00"), 0))), [0; 0]);
}
