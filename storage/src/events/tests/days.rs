//! Days, nights, clocks that step, and what is deleted.

use std::time::Duration;

use super::*;

fn day(number: i64, text: &str) -> Utc {
    time(text).plus_micros((number - 20) * 86_400_000_000)
}

#[test]
fn each_day_tells_what_was_open_when_it_began() {
    let house = House::new();
    let log = house.open(day(20, "09:00:00"));
    let mut event = motion(day(20, "23:00:00"), 1);
    event.actions = vec![planned(0)];
    log.append_at(day(20, "23:00:00"), &[Entry::Begun(event.clone())])
        .unwrap();
    for number in 21..25 {
        let other = moment(day(number, "10:00:00"), number as u64);
        log.append_at(day(number, "10:00:00"), &[Entry::Begun(other)]).unwrap();
    }
    log.append_at(day(25, "08:00:00"), &[ended(event.id, day(25, "08:00:00"))])
        .unwrap();
    log.append_at(
        day(26, "08:00:00"),
        &[outcome(event.id, 0, ActionState::Done, day(26, "08:00:00"))],
    )
    .unwrap();
    log.append_at(day(27, "08:00:00"), &[Entry::Begun(moment(day(27, "08:00:00"), 27))])
        .unwrap();
    let names: Vec<String> = house
        .files()
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().into())
        .collect();
    assert_eq!(names.len(), 8);
    assert_eq!(names[5], "2026-11-25.0000000006.jsonl");
    event.end = Some(day(25, "08:00:00"));
    event.actions[0].state = ActionState::Done;
    event.actions[0].at = Some(day(26, "08:00:00"));
    event.actions[0].detail = Some("said".into());
    let lately = day(27, "12:00:00");
    for log in [log, house.open(lately)] {
        assert_eq!(log.get(event.id).unwrap().unwrap(), event);
        for number in 20..=24 {
            let asked = between(day(number, "23:10:00"), day(number, "23:20:00"));
            assert_eq!(log.query(&asked).unwrap().events, [event.clone()], "day {number}");
        }
        assert_eq!(
            texts(&log, &between(day(25, "07:00:00"), day(25, "09:00:00"))),
            ["motion 1"]
        );
        assert_eq!(texts(&log, &between(day(25, "08:00:00"), day(25, "09:00:00"))), [""; 0]);
        assert_eq!(
            texts(&log, &between(day(22, "00:00:00"), day(23, "00:00:00"))),
            ["motion 22", "motion 1"]
        );
    }
    // A day by itself.
    let ended = std::fs::read_to_string(&house.files()[5]).unwrap();
    assert!(ended.contains(r#""start":"2026-11-20T23:00:00Z","kind":"motion","source":"camera:gate""#));
    for old in &house.files()[..3] {
        std::fs::remove_file(old).unwrap();
    }
    let log = house.open(lately);
    let asked = between(day(24, "09:00:00"), day(24, "11:00:00"));
    assert_eq!(texts(&log, &asked), ["motion 24", "motion 1"]);
}

#[test]
fn a_clock_that_steps_reorders_nothing() {
    let house = House::new();
    let mut clock = Vec::new();
    let log = house.open(day(20, "09:00:00"));
    let open = motion(day(20, "09:00:00"), 100);
    log.append_at(day(20, "09:00:00"), &[Entry::Begun(open.clone())])
        .unwrap();
    for (number, now) in (1..).zip([
        day(20, "10:00:00"),
        at("2099-01-01T00:00:00Z"),
        day(20, "10:01:00"),
        at("1970-01-01T00:00:10Z"),
        day(21, "10:00:00"),
        day(20, "23:59:59"),
    ]) {
        log.append_at(now, &[Entry::Begun(moment(now, number))]).unwrap();
        clock.push(now);
    }
    log.append_at(day(20, "23:59:59"), &[ended(open.id, day(20, "12:00:00"))])
        .unwrap();
    log.append_at(day(22, "10:00:00"), &[Entry::Begun(moment(day(22, "10:00:00"), 7))])
        .unwrap();
    for log in [log, house.open(day(22, "12:00:00"))] {
        let since = log.since(Position(0)).unwrap();
        assert!(since.iter().map(|(position, _)| position.0).eq(1..=9));
        for (number, now) in (1..).zip(&clock) {
            let asked = between(*now, now.plus_micros(1));
            assert!(texts(&log, &asked).contains(&format!("motion {number}")), "{now}");
            assert!(log.get(id(*now, number)).unwrap().is_some(), "{now}");
        }
        assert_eq!(
            texts(&log, &between(day(20, "11:00:00"), day(20, "11:01:00"))),
            ["motion 100"]
        );
        assert_eq!(
            texts(&log, &between(day(21, "00:00:00"), day(21, "23:00:00"))),
            ["motion 5"]
        );
        assert_eq!(
            texts(&log, &all()),
            ["2", "7", "5", "6", "3", "1", "100", "4"].map(|number| format!("motion {number}"))
        );
    }
}

/// Told after midnight, or of another day altogether.
#[test]
fn an_event_of_another_day_than_it_was_written_is_found() {
    let house = House::new();
    let log = house.open(day(20, "09:00:00"));
    let late = moment(day(20, "23:59:59.9"), 1);
    let long_ago = moment(day(10, "12:00:00"), 2);
    log.append_at(day(20, "09:00:00"), &[Entry::Begun(moment(day(20, "09:00:00"), 3))])
        .unwrap();
    log.append_at(day(21, "00:00:00.1"), &[Entry::Begun(late), Entry::Begun(long_ago)])
        .unwrap();
    for number in 22..26 {
        let now = day(number, "09:00:00");
        log.append_at(now, &[Entry::Begun(moment(now, number as u64))]).unwrap();
    }
    for log in [log, house.open(day(26, "09:00:00"))] {
        assert_eq!(
            texts(&log, &between(day(20, "00:00:00"), day(21, "00:00:00"))),
            ["motion 1", "motion 3"]
        );
        assert_eq!(
            texts(&log, &between(day(10, "00:00:00"), day(11, "00:00:00"))),
            ["motion 2"]
        );
        assert_eq!(texts(&log, &between(day(11, "00:00:00"), day(12, "00:00:00"))), [""; 0]);
    }
}

#[test]
fn what_was_planned_a_week_ago_is_not_carried_for_ever() {
    let house = House::new();
    let log = house.open(day(1, "09:00:00"));
    let mut event = moment(day(1, "09:00:00"), 1);
    event.actions = vec![planned(0)];
    let open = motion(day(1, "09:00:01"), 2);
    log.append_at(
        day(1, "09:00:00"),
        &[Entry::Begun(event.clone()), Entry::Begun(open.clone())],
    )
    .unwrap();
    for number in 2..=20 {
        let now = day(number, "09:00:00");
        log.append_at(now, &[ended(id(now, 0), now)]).unwrap();
        if number == 5 {
            drop(house.open(now));
        }
    }
    let carried = |day: usize| {
        std::fs::read_to_string(&house.files()[day - 1])
            .unwrap()
            .contains(&event.id.to_string())
    };
    assert!(carried(8) && !carried(9) && !carried(20));
    for log in [log, house.open(day(20, "10:00:00"))] {
        assert_eq!(log.planned().unwrap(), []);
        assert_eq!(log.open_events().unwrap(), std::slice::from_ref(&open));
        assert_eq!(log.get(event.id).unwrap().unwrap(), event);
    }
}

#[test]
fn old_days_go_whole_and_the_newest_two_stay() {
    let house = House::new();
    let limits = EventLogLimits {
        keep: Duration::from_secs(10 * 86_400),
        ..EventLogLimits::default()
    };
    let (log, _) = EventLog::open_at(&house.folder(), limits, day(1, "09:00:00"));
    let open = motion(day(1, "09:00:00"), 100);
    log.append_at(day(1, "09:00:00"), &[Entry::Begun(open.clone())])
        .unwrap();
    for number in 2..=20 {
        let now = day(number, "09:00:00");
        log.append_at(now, &[Entry::Begun(moment(now, number as u64))]).unwrap();
    }
    assert_eq!(log.expire(day(20, "10:00:00"), false).unwrap(), []);
    let gone = log.expire(day(20, "10:00:00"), true).unwrap();
    let days: Vec<Utc> = gone.iter().map(|gone| gone.day).collect();
    assert_eq!(days, (1..=9).map(|number| day(number, "00:00:00")).collect::<Vec<_>>());
    assert!(gone.iter().all(|gone| gone.why == WhyExpired::Age && gone.bytes > 300));
    assert_eq!(log.expire(day(20, "10:00:00"), true).unwrap(), []);
    assert_eq!(house.files().len(), 11);
    assert_eq!(log.open_events().unwrap(), std::slice::from_ref(&open));
    assert_eq!(texts(&log, &all()).len(), 20, "what memory holds is not forgotten");
    let (log, _) = EventLog::open_at(
        &house.folder(),
        EventLogLimits { max_bytes: 1, ..limits },
        day(20, "09:00:00"),
    );
    assert_eq!(log.query(&all()).unwrap().events.last(), Some(&open));
    assert_eq!(texts(&log, &all()).len(), 12);
    let gone = log.expire(day(20, "10:00:00"), false).unwrap();
    assert_eq!((gone.len(), gone[0].why), (9, WhyExpired::Space));
    assert_eq!(house.files().len(), 2);
    let log = house.open(day(20, "10:00:00"));
    assert_eq!(texts(&log, &all()), ["motion 20", "motion 19", "motion 100"]);
    assert_eq!(log.expire(at("2050-01-01T00:00:00Z"), true).unwrap(), []);
}

/// A contact that chatters all day.
#[test]
fn a_day_with_very_many_events_keeps_within_the_space_too() {
    let house = House::new();
    let limits = EventLogLimits {
        max_bytes: 20_000,
        file_bytes: 4000,
        ..EventLogLimits::default()
    };
    let (log, _) = EventLog::open_at(&house.folder(), limits, day(20, "09:00:00"));
    let mut waits = moment(day(20, "09:00:00"), 1);
    waits.actions = vec![planned(0)];
    log.append_at(day(20, "09:00:00"), &[Entry::Begun(waits.clone())])
        .unwrap();
    for number in 2..600 {
        let now = day(20, "09:00:00").plus_micros(number as i64 * 1000);
        log.append_at(now, &[Entry::Begun(moment(now, number))]).unwrap();
    }
    let sizes = || -> Vec<u64> {
        let files = house.files();
        files
            .iter()
            .map(|path| std::fs::metadata(path).unwrap().len())
            .collect()
    };
    assert!(
        sizes().len() > 20 && sizes().iter().all(|size| *size < 6000),
        "{:?}",
        sizes()
    );
    let gone = log.expire(day(20, "10:00:00"), true).unwrap();
    assert!(gone.iter().all(|gone| gone.why == WhyExpired::Space));
    assert!(sizes().iter().sum::<u64>() <= 20_000, "{:?}", sizes());
    // Carried along all the same: the day is still the same.
    let (log, report) = EventLog::open_at(&house.folder(), limits, day(20, "10:00:00"));
    assert!(report.damage.is_empty());
    assert_eq!(log.planned().unwrap(), [waits]);
    let count = house.files().len();
    for number in 600..605 {
        let now = day(20, "10:00:00").plus_micros(number as i64);
        log.append_at(now, &[Entry::Begun(moment(now, number))]).unwrap();
    }
    assert!(house.files().len() <= count + 1, "a file that has room is gone on with");
    assert_eq!(texts(&log, &all())[4..6], ["motion 600", "motion 599"]);
}
