//! What a start looks at.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use vigie_config::{Disk, GapCause};

use super::{
    tests::{House, LONG, all, at, record, stream, until},
    *,
};
use crate::{file::trace, layout};

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
