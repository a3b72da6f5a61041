//! Torn tails, damaged lines, files of a newer format.

use std::fs;

use super::*;
use crate::line;

/// Nine o'clock and so many seconds.
fn second(number: u64) -> Utc {
    time("09:00:00").plus_micros(number as i64 * 1_000_000)
}

fn append(log: &EventLog, number: u64) {
    let entry = Entry::Begun(moment(second(number), number));
    log.append_at(second(number), &[entry]).unwrap();
}

fn numbers(log: &EventLog) -> Vec<u64> {
    let since = log.since(Position(0)).unwrap();
    let events = since.into_iter().filter_map(|(_, entry)| match entry {
        Entry::Begun(event) => Some(event.id.random() as u64),
        _ => None,
    });
    events.collect()
}

#[test]
fn a_torn_tail_does_not_count_and_the_log_goes_on() {
    let house = House::new();
    let log = house.open(second(0));
    let open = motion(second(0), 9);
    log.append_at(second(0), &[Entry::Begun(open.clone())]).unwrap();
    append(&log, 1);
    append(&log, 2);
    let path = house.files().remove(0);
    let whole = fs::read(&path).unwrap();
    let third = whole[..whole.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    for cut in third + 1..whole.len() {
        for old in house.files() {
            fs::remove_file(old).unwrap();
        }
        fs::write(&path, &whole[..cut]).unwrap();
        let (log, report) = house.open_with_report(second(10));
        assert_eq!(report.damage.len(), 1);
        assert_eq!(
            (report.damage[0].lines, report.damage[0].torn),
            (0, (cut - third) as u64)
        );
        assert_eq!(numbers(&log), [9, 1]);
        let before = log.position();
        assert!(before >= Position(3), "numbers are not used again");
        append(&log, 3);
        assert!(log.position() > before);
        assert_eq!(numbers(&log), [9, 1, 3]);
        assert_eq!(log.open_events().unwrap(), std::slice::from_ref(&open));
        // What was found is kept as it was.
        assert_eq!(fs::read(&path).unwrap(), &whole[..cut]);
        // It is read again, for the one that is appended to is young.
        let (log, report) = house.open_with_report(second(11));
        assert_eq!(report.damage.len(), 1);
        assert_eq!(numbers(&log), [9, 1, 3]);
        assert_eq!(log.open_events().unwrap(), std::slice::from_ref(&open));
    }
}

#[test]
fn a_damaged_line_costs_that_line() {
    let house = House::new();
    let log = house.open(second(0));
    let open = motion(second(0), 9);
    log.append_at(second(0), &[Entry::Begun(open.clone())]).unwrap();
    for number in 1..5 {
        append(&log, number);
    }
    let path = house.files().remove(0);
    let damaged = fs::read_to_string(&path).unwrap().replace("motion 2", "motion 7");
    fs::write(&path, &damaged).unwrap();
    let (log, report) = house.open_with_report(second(10));
    assert_eq!(
        report.damage,
        [Damage {
            path: path.clone(),
            lines: 1,
            torn: 0
        }]
    );
    assert_eq!((log.state().damaged_lines, log.state().fault), (1, None));
    append(&log, 5);
    let (log, _) = house.open_with_report(second(11));
    assert_eq!(numbers(&log), [9, 1, 3, 4, 5]);
    assert_eq!(
        texts(&log, &all()),
        ["motion 5", "motion 4", "motion 3", "motion 1", "motion 9"]
    );
    assert_eq!(log.open_events().unwrap(), [open]);
    assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
}

/// The file of today is of no use: what is open is known from the one before.
#[test]
fn a_file_without_its_head_or_what_it_carried_is_mended_by_the_one_before() {
    let tomorrow = |number| second(number).plus_micros(86_400_000_000);
    for what in ["\"log\"", "\"carried\"", "\"ended\""] {
        let house = House::new();
        let log = house.open(second(0));
        let (open, over) = (motion(second(0), 1), motion(second(1), 2));
        log.append_at(second(0), &[Entry::Begun(open.clone()), Entry::Begun(over.clone())])
            .unwrap();
        let stray = moment(second(0).plus_micros(-20 * 86_400_000_000), 5);
        log.append_at(tomorrow(0), &[Entry::Begun(stray.clone())]).unwrap();
        log.append_at(tomorrow(1), &[ended(over.id, tomorrow(1))]).unwrap();
        let day = 86_400_000_000;
        log.append_at(
            tomorrow(1).plus_micros(day),
            &[Entry::Begun(moment(tomorrow(1).plus_micros(day), 3))],
        )
        .unwrap();
        let damage = |path: &PathBuf| {
            let text = fs::read_to_string(path).unwrap();
            fs::write(path, text.replacen(what, "\"?\"", 1)).unwrap();
        };
        house.files()[1..].iter().for_each(damage);
        let (log, _) = house.open_with_report(tomorrow(20_000).plus_micros(day));
        let expected = match what {
            // Nothing says that it is over, and it was not carried any more.
            "\"ended\"" => {
                assert_eq!(log.open_events().unwrap(), [open]);
                tomorrow(1).plus_micros(day)
            }
            _ => {
                assert_eq!(log.open_events().unwrap(), [open]);
                tomorrow(1)
            }
        };
        assert_eq!(log.get(over.id).unwrap().unwrap().end, Some(expected), "{what}");
        let asked = between(stray.start, stray.start.plus_micros(1));
        assert_eq!(texts(&log, &asked), ["motion 5"], "{what}");
        assert_eq!(
            texts(&log, &asked),
            ["motion 5"],
            "{what}, now that its times are known"
        );
    }
}

#[test]
fn an_empty_file_and_files_of_others_do_no_harm() {
    let house = House::new();
    append(&house.open(second(0)), 1);
    for name in ["2026-11-20.0000000002.jsonl", "notes.txt", "2026-11-20.jsonl"] {
        fs::write(house.folder().join(name), "").unwrap();
    }
    let (log, _) = house.open_with_report(second(1));
    append(&log, 2);
    assert_eq!(numbers(&house.open(second(2))), [1, 2]);
    assert_eq!(house.files().len(), 5);
}

#[test]
fn a_newer_format_is_refused_and_left_untouched() {
    let house = House::new();
    append(&house.open(second(0)), 1);
    let newer = house.folder().join("2026-11-20.0000000002.jsonl");
    let text = line::encode(&serde_json::json!({"log": {"format": 2, "of": "tomorrow"}})).unwrap();
    fs::write(&newer, &text).unwrap();
    let (log, report) = house.open_with_report(second(1));
    let fault = report.fault.unwrap();
    assert!(matches!(fault, EventLogError::Newer { seen: 2, .. }));
    assert_eq!(vigie_config::Kind::kind(&fault), vigie_config::ErrorKind::Misconfigured);
    assert!(log.state().fault.unwrap().contains("has format 2, newer than 1"));
    for _ in 0..2 {
        let entry = Entry::Begun(moment(second(2), 2));
        assert!(matches!(
            log.append_at(second(2), &[entry]),
            Err(EventLogError::Newer { .. })
        ));
        assert!(log.query(&all()).is_err());
    }
    assert_eq!(fs::read(&newer).unwrap(), text);
    assert_eq!(house.files().len(), 2);
}

#[test]
fn a_line_without_end_is_damage_of_one_line() {
    let house = House::new();
    let log = house.open(second(0));
    append(&log, 1);
    let path = house.files().remove(0);
    let mut text = fs::read(&path).unwrap();
    let behind = text.clone();
    text.extend(vec![b'x'; 700_000]);
    text.push(b'\n');
    text.extend(behind);
    fs::write(&path, &text).unwrap();
    let (log, report) = house.open_with_report(second(1));
    assert_eq!(report.damage[0].lines, 1);
    assert_eq!(texts(&log, &all()), ["motion 1"]);
    append(&log, 2);
    assert_eq!(texts(&log, &all()), ["motion 2", "motion 1"]);
}
