//! What a start looks at, and an index that turns out not to be what it was.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use vigie_config::{Disk, GapCause, Utc};

use super::{
    tests::{House, LONG, all, at, check, record, stream, until},
    *,
};
use crate::{file::trace, index::RowKind, layout};

const DAY_US: i64 = 86_400_000_000;

/// Two segments and a gap so many days ago, and empty days since.
fn looks_at_start(days: i64) -> usize {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    let first = at("09:00:00").plus_micros(-days * DAY_US);
    record(&volume, &gate, first, 0, 5);
    storage.gap_opened(&gate, first.plus_micros(2_000_000), GapCause::Network);
    storage.gap_closed(&gate, first.plus_micros(9_000_000));
    record(&volume, &gate, first.plus_micros(9_000_000), 1, 5);
    assert!(volume.settle(LONG));
    for day in 1..days {
        let hour = layout::hour_dir(&gate, first.plus_micros(day * DAY_US));
        std::fs::create_dir_all(volume.path().join(hour)).unwrap();
    }
    until("read", || volume.may_have_checkpoint());
    storage.checkpoint();
    let before = all(&storage, &gate);
    let after = house.snapshot();
    let trace = trace::watch(&after.dir.path().join("d1"));
    let storage = after.open();
    // So that no tick looks at the disk meanwhile.
    let disk = Disk {
        tick: Duration::from_secs(600),
        ..after.disk("d1")
    };
    storage.add_volume(&disk).unwrap();
    let looks = trace.looks();
    assert_eq!(all(&storage, &gate), before);
    looks
}

#[test]
fn a_start_looks_at_no_more_where_there_are_more_days() {
    let (few, many) = (looks_at_start(5), looks_at_start(60));
    // The first tick may come before or after.
    assert!(many <= few + 4, "{few} looks at the disk for 5 days, {many} for 60");
}

#[test]
fn an_index_that_lost_a_part_is_noticed_after_the_start_and_made_anew() {
    let house = House::new();
    let (gate, yard) = (stream("gate"), stream("yard"));
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    for (number, stream) in [&gate, &yard, &gate, &yard].into_iter().enumerate() {
        let start = at("09:00:00").plus_micros(number as i64 / 2 * 2_000_000);
        record(&volume, stream, start, number as u32 / 2, 5);
    }
    assert!(volume.settle(LONG));
    until("read", || volume.may_have_checkpoint());
    // Not before the tick after the sync that covers the last segment.
    until("a mark behind all of it", || {
        storage.checkpoint();
        storage
            .mark_of(volume.id())
            .is_some_and(|mark| mark.from > at("09:01:00"))
    });
    let before = (all(&storage, &gate), all(&storage, &yard));
    assert_eq!((before.0.segments.len(), before.1.segments.len()), (2, 2));
    storage.catalog.index().lose(RowKind::Segments, &gate, at("09:00:00"));
    let after = house.snapshot();

    let storage = after.open();
    storage.add_volume(&after.disk("d1")).unwrap();
    until("all rows are there again", || {
        (all(&storage, &gate), all(&storage, &yard)) == before
    });
    until("done", || storage.index_state() == IndexState::Ok);
    check(&storage);
    let broken = std::fs::read_dir(after.dir.path().join("state")).unwrap().flatten();
    let broken = broken.filter(|entry| entry.file_name().to_string_lossy().starts_with("index.broken-"));
    assert_eq!(broken.count(), 1);
}

#[test]
fn no_checkpoint_is_set_before_a_lost_index_is_whole_again() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    record(&volume, &gate, at("09:00:00"), 0, 5);
    assert!(volume.settle(LONG));
    until("read", || volume.may_have_checkpoint());
    storage.checkpoint();
    assert!(storage.mark_of(volume.id()).is_some());
    let before = all(&storage, &gate);
    // Nobody reads the volume yet.
    let upkeep = lock(&storage.upkeep);
    storage.catalog.index().clear().unwrap();
    for _ in 0..2 {
        storage.checkpoint();
        assert_eq!(storage.mark_of(volume.id()), None);
    }
    drop(upkeep);
    until("read again", || volume.may_have_checkpoint());
    storage.checkpoint();
    assert!(storage.mark_of(volume.id()).is_some_and(|mark| mark.from <= Utc::now()));
    assert_eq!(all(&storage, &gate), before);
}
