//! Marks from the ledger to the answer: live, after a restart, a crash, a rebuild, damage.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use vigie_config::{Causes, StreamId, Utc};

use super::{
    tests::{House, LONG, all, at, begin, check, fragment, record, segment, stream, until},
    *,
};
use crate::{index::RowKind, rows::MarkRow};

const MOTION: Causes = Causes::MOTION;
const SENSOR: Causes = Causes::SENSOR;

type Mark = (Utc, Option<Utc>, Causes);

fn marks(storage: &Storage, stream: &StreamId) -> Vec<Mark> {
    told(all(storage, stream).marks)
}

fn told(rows: Vec<MarkRow>) -> Vec<Mark> {
    rows.iter().map(|row| (row.start, row.end, row.cause)).collect()
}

fn mark(start: &str, end: &str, cause: Causes) -> Mark {
    (at(start), Some(at(end)), cause)
}

fn checkpointed(storage: &Storage, volume: &Volume) {
    until("a new disk is counted", || volume.may_have_checkpoint());
    storage.checkpoint();
    assert!(storage.mark_of(volume.id()).is_some());
}

/// The index, a rebuild and an index made from nothing agree.
fn agrees(house: &House, storage: Arc<Storage>, stream: &StreamId) -> Arc<Storage> {
    check(&storage);
    let before = marks(&storage, stream);
    let report = storage.index_rebuild().unwrap();
    assert_eq!(marks(&storage, stream), before);
    assert_eq!(
        report.marks as usize,
        before.iter().filter(|row| row.1.is_some()).count()
    );
    drop(storage);
    std::fs::remove_dir_all(house.dir.path().join("state/index")).unwrap();
    let storage = house.open();
    storage.add_volume(&house.disk("d1")).unwrap();
    until("read back", || storage.index_state() == IndexState::Ok);
    storage
}

#[test]
fn reasons_overlap_reach_back_and_go_on() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    record(&volume, &gate, at("09:59:00"), 0, 5);
    let mut writer = begin(&volume, segment(&gate, at("10:00:00"), 1));
    writer.append(fragment(at("10:00:00"), 0, 1000)).unwrap();
    assert!(volume.settle(LONG));
    // Into the hour before, and a segment that is finished.
    storage.mark_opened(&gate, MOTION, at("10:00:03"));
    storage.mark_opened(&gate, MOTION, at("09:59:58"));
    storage.mark_opened(&gate, MOTION, at("10:00:04"));
    storage.mark_opened(&gate, SENSOR, at("10:00:00"));
    storage.mark_closed(&gate, Causes::MANUAL, at("10:00:09"));
    assert_eq!(
        marks(&storage, &gate),
        [(at("09:59:58"), None, MOTION), (at("10:00:00"), None, SENSOR)]
    );
    storage.mark_closed(&gate, MOTION, at("10:00:10"));
    storage.mark_closed(&gate, SENSOR, at("10:00:00"));
    let first = mark("09:59:58", "10:00:00", MOTION);
    let second = mark("10:00:00", "10:00:10", MOTION);
    assert_eq!(marks(&storage, &gate), [first, second]);
    // Nothing is clipped, and only what touches the range is there.
    let within = storage.recordings(&gate, at("10:00:01"), at("10:00:02"));
    assert_eq!(told(within.marks), [second]);
    assert!(
        storage
            .recordings(&gate, at("10:00:10"), at("11:00:00"))
            .marks
            .is_empty()
    );
    // Up to 2 s later, or earlier than its end: the same one.
    storage.mark_opened(&gate, MOTION, at("10:00:12"));
    assert_eq!(marks(&storage, &gate), [first, (at("10:00:00"), None, MOTION)]);
    storage.mark_closed(&gate, MOTION, at("10:00:20"));
    storage.mark_opened(&gate, MOTION, at("10:00:15"));
    storage.mark_closed(&gate, MOTION, at("10:00:30"));
    storage.mark_opened(&gate, MOTION, at("10:00:32.1"));
    storage.mark_closed(&gate, MOTION, at("10:00:40"));
    let third = mark("10:00:32.1", "10:00:40", MOTION);
    assert_eq!(
        marks(&storage, &gate),
        [first, mark("10:00:00", "10:00:30", MOTION), third]
    );
    // Back over several, with another cause in between.
    storage.mark_opened(&gate, SENSOR, at("10:00:31"));
    storage.mark_opened(&gate, MOTION, at("10:00:05"));
    storage.mark_closed(&gate, MOTION, at("10:00:50"));
    storage.mark_closed(&gate, SENSOR, at("10:00:36"));
    let rows = [
        first,
        mark("10:00:00", "10:00:50", MOTION),
        mark("10:00:31", "10:00:36", SENSOR),
    ];
    assert_eq!(marks(&storage, &gate), rows);
    writer.finish();
    let storage = agrees(&house, storage, &gate);
    assert_eq!(marks(&storage, &gate), rows);
}

#[test]
fn a_mark_of_several_hours_is_split_as_footage_goes_on() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    storage.mark_opened(&gate, MOTION, at("08:30:00"));
    for (number, hour) in ["08", "09", "10", "11"].iter().enumerate() {
        record(&volume, &gate, at(&format!("{hour}:40:00")), number as u32, 3);
    }
    assert!(volume.settle(LONG));
    let whole = [
        mark("08:30:00", "09:00:00", MOTION),
        mark("09:00:00", "10:00:00", MOTION),
        mark("10:00:00", "11:00:00", MOTION),
    ];
    let open = (at("11:00:00"), None, MOTION);
    assert_eq!(marks(&storage, &gate), [&whole[..], &[open]].concat());
    let within = storage.recordings(&gate, at("10:10:00"), at("10:20:00"));
    assert_eq!(told(within.marks), [whole[2]]);
    let within = storage.recordings(&gate, at("11:50:00"), at("11:51:00"));
    assert_eq!(told(within.marks), [open]);
    check(&storage);
    // Silence: nothing to split it by, and over midnight.
    storage.mark_closed(&gate, MOTION, "2026-11-21T01:10:00Z".parse().unwrap());
    let rows = marks(&storage, &gate);
    assert_eq!(rows.len(), 3 + 13 + 2);
    assert!(rows.windows(2).all(|pair| pair[0].1 == Some(pair[1].0)));
    let storage = agrees(&house, storage, &gate);
    assert_eq!(marks(&storage, &gate), rows);
}

#[test]
fn an_orderly_end_closes_what_is_open() {
    let house = House::new();
    let (gate, yard) = (stream("gate"), stream("yard"));
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    for stream in [&gate, &yard] {
        storage.mark_opened(stream, Causes::SCHEDULE, at("09:00:00"));
        record(&volume, stream, at("09:00:00"), 0, 5);
    }
    assert!(volume.settle(LONG));
    storage.recording_ended(&gate, at("09:00:01.5"));
    assert_eq!(
        marks(&storage, &gate),
        [mark("09:00:00", "09:00:01.5", Causes::SCHEDULE)]
    );
    drop(volume);
    drop(storage);
    let storage = house.open();
    storage.add_volume(&house.disk("d1")).unwrap();
    assert_eq!(
        marks(&storage, &gate),
        [mark("09:00:00", "09:00:01.5", Causes::SCHEDULE)]
    );
    assert_eq!(marks(&storage, &yard), [mark("09:00:00", "09:00:02", Causes::SCHEDULE)]);
    check(&storage);
}

#[test]
fn a_crash_ends_a_mark_where_its_footage_ends() {
    for (indexed, at_once) in [(true, true), (true, false), (false, true)] {
        let house = House::new();
        let gate = stream("gate");
        let storage = house.open();
        let volume = storage.add_volume(&house.disk("d1")).unwrap();
        record(&volume, &gate, at("09:41:00"), 0, 5);
        storage.mark_opened(&gate, MOTION, at("09:40:58"));
        storage.mark_opened(&gate, SENSOR, at("09:41:30"));
        assert!(volume.settle(LONG));
        if indexed {
            checkpointed(&storage, &volume);
        }
        let after = house.snapshot();
        if !indexed {
            std::fs::remove_dir_all(after.dir.path().join("state/index")).unwrap();
        }
        let storage = after.open();
        // The same reason again, before any disk is there.
        if at_once {
            storage.mark_opened(&gate, MOTION, at("09:41:59"));
        }
        let volume = storage.add_volume(&after.disk("d1")).unwrap();
        until("read back", || storage.index_state() == IndexState::Ok);
        if at_once {
            record(&volume, &gate, at("09:42:00"), 0, 5);
            assert!(volume.settle(LONG));
            storage.mark_closed(&gate, MOTION, at("09:42:02"));
        } else {
            until("it is closed", || !marks(&storage, &gate).is_empty());
        }
        let mut rows = vec![mark("09:40:58", "09:41:02", MOTION)];
        rows.extend(at_once.then(|| mark("09:41:59", "09:42:02", MOTION)));
        assert_eq!(marks(&storage, &gate), rows, "{indexed} {at_once}");
        assert!(volume.settle(LONG));
        let storage = agrees(&after, storage, &gate);
        assert_eq!(marks(&storage, &gate), rows);
    }
}

#[test]
fn what_the_index_alone_knew_goes_after_a_power_cut() {
    let house = House::new();
    let streams = ["gate", "shed", "yard"].map(stream);
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    // Of today: a checkpoint vouches for what is older.
    let hour = 3_600_000_000;
    let start = Utc::from_micros(Utc::now().as_micros() / hour * hour - hour / 2);
    let after = |seconds: i64| start.plus_micros(seconds * 1_000_000);
    for stream in &streams {
        record(&volume, stream, start, 0, 5);
        storage.mark_opened(stream, MOTION, start);
        storage.mark_closed(stream, MOTION, after(1));
        storage.gap_opened(stream, after(2), GapCause::Network);
        storage.gap_closed(stream, after(12));
    }
    assert!(volume.settle(LONG));
    checkpointed(&storage, &volume);
    let left = house.snapshot();
    let [_, shed, _] = &streams;
    let ledger = crate::layout::ledger_path(shed, start);
    std::fs::remove_file(left.dir.path().join("d1").join(ledger)).unwrap();
    let storage = left.open();
    storage.add_volume(&left.disk("d1")).unwrap();
    let rows = streams.each_ref().map(|stream| {
        let all = all(&storage, stream);
        (all.marks.len(), all.gaps.len())
    });
    assert_eq!(rows, [(1, 1), (0, 0), (1, 1)]);
    check(&storage);
}

#[test]
fn marks_go_with_the_ledger_of_their_day() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    let day = |day: u32, time: &str| -> Utc { format!("2026-11-{day}T{time}Z").parse().unwrap() };
    for (number, start) in [day(18, "09:00:00"), day(19, "09:00:00"), day(20, "09:00:00")]
        .iter()
        .enumerate()
    {
        record(&volume, &gate, *start, number as u32, 5);
    }
    storage.mark_opened(&gate, MOTION, day(18, "09:00:00"));
    storage.mark_closed(&gate, MOTION, day(18, "09:00:01"));
    storage.mark_opened(&gate, MOTION, day(18, "23:59:50"));
    storage.mark_closed(&gate, MOTION, day(19, "00:00:10"));
    assert!(volume.settle(LONG));
    // By hand: the marks stay, as gaps do, up to the end of the day.
    storage
        .delete(&gate.camera, day(18, "09:00:00"), day(18, "09:00:02"), "", "a test")
        .unwrap();
    assert_eq!(marks(&storage, &gate).len(), 3);
    let rules = RetentionRules {
        max_age: HashMap::from([(gate.camera.clone(), Duration::from_secs(24 * 3600))]),
        ..RetentionRules::default()
    };
    let report = storage.retention_pass(&rules, day(20, "08:00:00"), true);
    assert_eq!(report.deleted.len(), 0);
    record(&volume, &gate, day(18, "10:00:00"), 3, 5);
    assert!(volume.settle(LONG));
    let report = storage.retention_pass(&rules, day(20, "08:00:00"), true);
    assert_eq!(report.deleted.len(), 1);
    assert_eq!(
        marks(&storage, &gate),
        [(day(19, "00:00:00"), Some(day(19, "00:00:10")), MOTION)]
    );
    agrees(&house, storage, &gate);
}

#[test]
fn an_hour_of_marks_that_cannot_be_read_is_made_anew() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    record(&volume, &gate, at("09:00:00"), 0, 5);
    for second in ["09:00:00", "09:00:10", "10:00:00"] {
        storage.mark_opened(&gate, MOTION, at(second));
        storage.mark_closed(&gate, MOTION, at(second).plus_micros(1_000_000));
    }
    assert!(volume.settle(LONG));
    let rows = marks(&storage, &gate);
    assert_eq!(rows.len(), 3);
    storage.catalog.index().damage(RowKind::Marks, &gate, at("09:00:00"));
    assert_eq!(marks(&storage, &gate).len(), 1);
    // Marks in memory are right before the row that is mended is written.
    let clean = || storage.index_check().unwrap().differences.is_empty();
    until("mended", || marks(&storage, &gate) == rows && clean());
    check(&storage);
}
