//! What is not there: disks that do not come, files that were deleted, hours of the index that
//! cannot be read.
#![allow(clippy::unwrap_used)]

use vigie_config::{GapCause, StreamId, Utc};

use super::{
    tests::{House, LONG, all, at, begin, check, files, fragment, record, segment, stream, until},
    *,
};
use crate::{
    Limits, SegmentRow,
    clip::ClipError,
    error::WriteError,
    fact::{StorageFact, Unsynced},
    index::RowKind,
};

fn gaps(storage: &Storage, stream: &StreamId) -> Vec<(Utc, Option<Utc>, GapCause)> {
    let rows = all(storage, stream).gaps;
    rows.iter().map(|row| (row.start, row.end, row.cause)).collect()
}

/// Segments of 2 s, one after the other, all of one run.
fn run(house: &House, storage: &Arc<Storage>, stream: &StreamId, numbers: std::ops::Range<u32>) -> Arc<Volume> {
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    for number in numbers {
        let start = at("09:00:00").plus_micros(i64::from(number) * 2_000_000);
        record(&volume, stream, start, number, 5);
    }
    assert!(volume.settle(LONG));
    volume
}

/// What a volume gives back of its one segment.
fn given_up(house: &House, volume: &Volume) -> Unsynced {
    volume.give_up();
    let facts = std::mem::take(&mut *house.facts.lock().unwrap());
    let mut handed = facts.into_iter().filter_map(|fact| match fact {
        StorageFact::VolumeFailed { unsynced, .. } => Some(unsynced[0].clone()),
        _ => None,
    });
    handed.next().unwrap()
}

fn taken_over(by: &Arc<Volume>, handed: &Unsynced) {
    let (mut writer, fragments) = by.start_rest(handed).unwrap();
    for fragment in fragments {
        writer.append(fragment).unwrap();
    }
    drop(writer);
    assert!(by.settle(LONG));
}

#[test]
fn a_file_deleted_while_it_is_written_ends_its_segment_and_is_a_gap() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = run(&house, &storage, &gate, 0..1);
    let mut writer = begin(&volume, segment(&gate, at("09:00:02"), 1));
    for index in 0..5 {
        writer.append(fragment(at("09:00:02"), index, 1000)).unwrap();
    }
    assert!(volume.settle(LONG));
    std::fs::remove_file(files(house.dir.path()).pop().unwrap()).unwrap();
    until("told", || {
        let facts = house.facts.lock().unwrap();
        facts
            .iter()
            .any(|fact| matches!(fact, StorageFact::SegmentDeleted { stream, .. } if *stream == gate))
    });
    assert!(matches!(
        writer.append(fragment(at("09:00:02"), 5, 1000)),
        Err(WriteError::SegmentDown { .. })
    ));
    drop(writer);
    assert_eq!(gaps(&storage, &gate), [(at("09:00:02"), None, GapCause::Disk)]);
    assert_eq!(all(&storage, &gate).segments.len(), 1);
    record(&volume, &gate, at("09:00:04.4"), 0, 5);
    assert!(volume.settle(LONG));
    let gap = (at("09:00:02"), Some(at("09:00:04.4")), GapCause::Disk);
    assert_eq!(gaps(&storage, &gate), [gap]);

    // The next one is there already, and the camera's own gap is open.
    let mut writer = begin(&volume, segment(&gate, at("09:00:06.4"), 1));
    for index in 0..5 {
        writer.append(fragment(at("09:00:06.4"), index, 1000)).unwrap();
    }
    assert!(volume.settle(LONG));
    storage.gap_opened(&gate, at("09:00:08.4"), GapCause::CameraOffline);
    std::fs::remove_file(files(house.dir.path()).pop().unwrap()).unwrap();
    // Before any tick can have seen it, or after: the end of the file is looked at too.
    writer.finish();
    assert!(volume.settle(LONG));
    let rows = [
        gap,
        (at("09:00:06.4"), Some(at("09:00:08.4")), GapCause::Disk),
        (at("09:00:08.4"), None, GapCause::CameraOffline),
    ];
    assert_eq!(gaps(&storage, &gate), rows);
    record(&volume, &gate, at("09:01:00"), 2, 5);
    assert!(volume.settle(LONG));
    let before = all(&storage, &gate);
    assert_eq!(before.gaps.last().unwrap().end, Some(at("09:01:00")));
    check(&storage);
    storage.index_rebuild().unwrap();
    assert_eq!(all(&storage, &gate), before);
}

#[test]
fn files_that_vanished_become_a_gap_by_rebuild_and_by_check() {
    for rebuild in [true, false] {
        let house = House::new();
        let gate = stream("gate");
        let storage = house.open();
        let _volume = run(&house, &storage, &gate, 0..8);
        let all_files = files(house.dir.path());
        // The oldest goes as retention takes it: that is no hole.
        for number in [0, 3, 4] {
            std::fs::remove_file(&all_files[number]).unwrap();
        }
        if rebuild {
            assert_eq!(storage.index_rebuild().unwrap().gaps, 1);
        } else {
            let report = storage.index_check().unwrap();
            assert_eq!((report.holes, report.differences.surplus), (1, 3));
        }
        let gap = (at("09:00:06"), Some(at("09:00:10")), GapCause::Disk);
        assert_eq!(gaps(&storage, &gate), [gap]);
        let segments = all(&storage, &gate).segments;
        assert!(
            segments
                .iter()
                .all(|row| row.end <= gap.0 || row.start >= at("09:00:10"))
        );
        // Said once, and in the ledger.
        let report = storage.index_rebuild().unwrap();
        assert_eq!((report.segments, report.gaps), (5, 1));
        assert_eq!(gaps(&storage, &gate), [gap]);
        check(&storage);
    }
}

#[test]
fn nothing_is_called_gone_while_a_disk_is_not_there() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = run(&house, &storage, &gate, 0..2);
    let other = storage.add_volume(&house.disk("d2")).unwrap();
    record(&other, &gate, at("09:00:04"), 2, 5);
    record(&other, &gate, at("09:00:06"), 3, 5);
    assert!(other.settle(LONG));
    record(&volume, &gate, at("09:00:08"), 4, 5);
    assert!(volume.settle(LONG));
    assert_eq!(storage.index_check().unwrap().absent.len(), 0);
    drop(other);
    storage.remove_volume(&house.disk("d2").id);
    let away = house.dir.path().join("away");
    std::fs::rename(house.dir.path().join("d2"), &away).unwrap();
    storage.add_volume(&house.disk("d2")).unwrap_err();
    let report = storage.index_check().unwrap();
    assert_eq!((report.holes, report.differences.is_empty()), (0, true));
    let (disk, why) = report.absent.first_key_value().unwrap();
    assert!(disk.as_str() == "d2" && why.contains("does not exist"), "{why}");
    let report = storage.index_rebuild().unwrap();
    assert_eq!((report.segments, report.gaps, report.absent.len()), (3, 0, 1));
    std::fs::rename(&away, house.dir.path().join("d2")).unwrap();
    storage.add_volume(&house.disk("d2")).unwrap();
    until("read back", || storage.index_state() == IndexState::Ok);
    assert_eq!(all(&storage, &gate).segments.len(), 5);
    assert_eq!(gaps(&storage, &gate), []);
}

#[test]
fn check_and_rebuild_count_gaps_alike() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = run(&house, &storage, &gate, 0..1);
    for number in 1..5 {
        let start = at("09:00:00").plus_micros(i64::from(number) * 60_000_000);
        record(&volume, &gate, start, number, 5);
    }
    assert!(volume.settle(LONG));
    let report = storage.index_check().unwrap();
    assert!(report.differences.is_empty());
    assert_eq!((report.gaps, storage.index_rebuild().unwrap().gaps), (4, 4));
}

#[test]
fn a_clip_over_deleted_footage_has_what_is_left() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let _volume = run(&house, &storage, &gate, 0..4);
    let clip = |from: &str, to: &str| storage.clip(&gate, at(from), at(to));
    let whole = clip("09:00:00", "09:00:08").unwrap();
    assert_eq!(whole.resolved(), (at("09:00:00"), at("09:00:08")));
    let all_files = files(house.dir.path());
    std::fs::remove_file(&all_files[0]).unwrap();
    std::fs::remove_file(&all_files[2]).unwrap();
    assert!(matches!(clip("09:00:00", "09:00:02"), Err(ClipError::NoFootage { .. })));
    let left = clip("09:00:00", "09:00:08").unwrap();
    assert_eq!(left.resolved(), (at("09:00:02"), at("09:00:08")));
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut left.reader(0..left.len()), &mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, left.len());
    for file in [&all_files[1], &all_files[3]] {
        std::fs::remove_file(file).unwrap();
    }
    assert!(matches!(clip("09:00:00", "09:00:08"), Err(ClipError::NoFootage { .. })));
}

#[test]
fn a_damaged_hour_of_the_index_is_read_again_by_itself() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = run(&house, &storage, &gate, 0..3);
    record(&volume, &gate, at("09:10:00"), 3, 5);
    record(&volume, &gate, at("10:30:00"), 4, 5);
    assert!(volume.settle(LONG));
    let before = all(&storage, &gate);
    assert_eq!((before.segments.len(), before.gaps.len()), (5, 2));
    let index = storage.catalog.index();
    index.damage(RowKind::Segments, &gate, at("09:00:00"));
    index.damage(RowKind::Gaps, &gate, at("09:00:00"));
    until("all rows are there again", || all(&storage, &gate) == before);
    // Whoever looks first notes it, the check too; then it is mended.
    until("the check finds nothing", || {
        let report = storage.index_check().unwrap();
        report.differences.is_empty() && report.unreadable.is_empty()
    });
    until("done", || storage.index_state() == IndexState::Ok);
}

/// As a start does that finds its disk missing: the camera sends, nobody takes it.
#[test]
fn a_gap_told_without_a_disk_reaches_its_ledger_when_it_comes() {
    let house = House::new();
    let (gate, yard) = (stream("gate"), stream("yard"));
    let storage = house.open();
    run(&house, &storage, &gate, 0..2);
    drop(storage);

    let storage = house.open();
    storage.gap_opened(&gate, at("09:00:04"), GapCause::Disk);
    let first = Utc::now();
    storage.gap_opened(&yard, first, GapCause::Disk);
    assert_eq!(gaps(&storage, &gate), [(at("09:00:04"), None, GapCause::Disk)]);
    assert_eq!(gaps(&storage, &yard), [(first, None, GapCause::Disk)]);
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    let (was, now) = match gaps(&storage, &gate)[..] {
        [was, now] => (was, now),
        ref other => panic!("{other:?}"),
    };
    // What the disk knows of the time before this process.
    assert_eq!((was.0, was.2), (at("09:00:04"), GapCause::Shutdown));
    assert_eq!((was.1, now.1, now.2), (Some(now.0), None, GapCause::Disk));
    let later = Utc::now().plus_micros(10_000_000);
    for stream in [&gate, &yard] {
        record(&volume, stream, later, 0, 5);
    }
    assert!(volume.settle(LONG));
    assert_eq!(gaps(&storage, &yard), [(first, Some(later), GapCause::Disk)]);
    assert_eq!(gaps(&storage, &gate).last().unwrap().1, Some(later));
    let rows = (all(&storage, &gate), all(&storage, &yard));
    storage.index_rebuild().unwrap();
    assert_eq!((all(&storage, &gate), all(&storage, &yard)), rows);
}

#[test]
fn after_a_crash_only_the_time_of_this_process_is_the_disks() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let _volume = run(&house, &storage, &gate, 0..2);
    storage.checkpoint();
    let after = house.snapshot();
    let storage = after.open();
    storage.gap_opened(&gate, at("09:00:04"), GapCause::Disk);
    let volume = storage.add_volume(&after.disk("d1")).unwrap();
    until("the crash is told", || gaps(&storage, &gate).len() == 2);
    let causes: Vec<_> = gaps(&storage, &gate).iter().map(|gap| gap.2).collect();
    assert_eq!(causes, [GapCause::Crash, GapCause::Disk]);
    record(&volume, &gate, Utc::now().plus_micros(10_000_000), 0, 5);
    assert!(volume.settle(LONG));
    let rows = all(&storage, &gate);
    storage.index_rebuild().unwrap();
    assert_eq!(all(&storage, &gate), rows);
}

/// Retention went on after the last checkpoint, and then the machine died.
#[test]
fn rows_of_footage_deleted_before_a_crash_go_and_no_others_are_read() {
    let house = House::new();
    let (gate, yard) = (stream("gate"), stream("yard"));
    let storage = house.open();
    let volume = run(&house, &storage, &gate, 0..4);
    record(&volume, &yard, at("08:00:00"), 0, 5);
    record(&volume, &yard, at("10:00:00"), 1, 5);
    assert!(volume.settle(LONG));
    until("counted", || volume.may_have_checkpoint());
    storage.checkpoint();
    let after = house.snapshot();
    let all_files = files(&after.dir.path().join("d1/gate"));
    for file in &all_files[..2] {
        std::fs::remove_file(file).unwrap();
    }

    let storage = after.open();
    // Nothing of these can be affected: an hour that cannot be read is not even noticed.
    let index = storage.catalog.index();
    index.damage(RowKind::Segments, &yard, at("08:00:00"));
    storage.add_volume(&after.disk("d1")).unwrap();
    assert_eq!(index.damaged(), []);
    let starts: Vec<_> = all(&storage, &gate).segments.iter().map(|row| row.start).collect();
    assert_eq!(starts, [at("09:00:04"), at("09:00:06")]);
    storage.add_volume(&after.disk("d2")).unwrap();
    assert_eq!(index.damaged(), []);
}

/// A plain file where a camera's folder should be.
#[test]
fn a_folder_that_takes_no_files_stops_its_stream_alone() {
    let house = House::new();
    let (gate, yard) = (stream("gate"), stream("yard"));
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    let folder = house.dir.path().join("d1/gate");
    std::fs::write(&folder, "a file").unwrap();
    let mut refused = begin(&volume, segment(&gate, at("09:00:00"), 0));
    let mut taken = begin(&volume, segment(&yard, at("09:00:00"), 0));
    let mut accepted = 0;
    for index in 0..3 {
        // The third may come after the first was refused.
        accepted += usize::from(refused.append(fragment(at("09:00:00"), index, 1000)).is_ok());
        taken.append(fragment(at("09:00:00"), index, 1000)).unwrap();
    }
    storage.gap_opened(&gate, at("09:00:00"), GapCause::Disk);
    assert!(volume.settle(LONG));
    drop((refused, taken));
    assert!(volume.settle(LONG));
    assert!(!volume.has_failed());
    assert_eq!(all(&storage, &yard).segments.len(), 1);
    assert!(all(&storage, &gate).segments.is_empty());
    let passed_on: Vec<(bool, usize)> = {
        let facts = house.facts.lock().unwrap();
        let down = facts.iter().filter_map(|fact| match fact {
            StorageFact::SegmentDown { folder, unsynced, .. } => Some((*folder, unsynced[0].fragments.len())),
            _ => None,
        });
        down.collect()
    };
    assert!(
        passed_on[0].0 && passed_on[1..].iter().all(|(folder, _)| !folder),
        "{passed_on:?}"
    );
    assert_eq!(passed_on.iter().map(|(_, n)| n).sum::<usize>(), accepted);
    assert!(volume.try_stream(&gate, at("09:00:00")).is_err());
    std::fs::remove_file(&folder).unwrap();
    assert!(volume.try_stream(&gate, at("09:00:00")).is_ok());
    record(&volume, &gate, at("09:00:02"), 1, 3);
    assert!(volume.settle(LONG));
    assert_eq!(all(&storage, &gate).segments.len(), 1);
}

/// What one disk had not synced, in the middle of a segment, is a segment of its own on another.
#[test]
fn what_is_passed_on_begins_where_it_begins() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let one = storage.add_volume(&house.disk("d1")).unwrap();
    let two = storage.add_volume(&house.disk("d2")).unwrap();
    let mut writer = begin(&one, segment(&gate, at("09:00:00"), 0));
    // No tick comes any more.
    one.set_limits(Limits {
        tick: std::time::Duration::from_secs(3600),
        ..one.limits()
    });
    assert!(one.settle(LONG));
    for synced in [0..2, 2..4] {
        let written = synced.end;
        for index in synced {
            writer.append(fragment(at("09:00:00"), index, 1000)).unwrap();
        }
        until("written", || one.snapshot().fragments == written);
        one.sync_once();
    }
    for index in 4..6 {
        writer.append(fragment(at("09:00:00"), index, 1000)).unwrap();
    }
    until("written", || one.snapshot().fragments == 6);
    // The camera goes silent before the disk does.
    storage.gap_opened(&gate, at("09:00:02.4"), GapCause::CameraOffline);
    let handed = given_up(&house, &one);
    // With what the last sync covered, which some file systems lose after all.
    assert_eq!((handed.fragments.len(), handed.confirmed()), (4, 2));
    assert_eq!(handed.missing(), Some((at("09:00:01.6"), at("09:00:02.4"))));
    taken_over(&two, &handed);
    let rows = all(&storage, &gate).segments;
    let moved = rows.iter().find(|row| row.volume == two.id()).unwrap();
    assert_eq!((moved.start, moved.end), (at("09:00:00.8"), handed.fragments[3].end));
    assert!(moved.continued);
    let silent = (at("09:00:02.4"), None, GapCause::CameraOffline);
    assert_eq!(gaps(&storage, &gate), [silent], "a gap that began later stays open");

    // The first disk comes back with what it had taken after all: one copy stands.
    let units = |rows: &[SegmentRow]| rows.iter().map(|row| row.units).sum::<u32>();
    let end = moved.start;
    assert_eq!(units(&rows), 100, "two copies while nobody has looked");
    let one = storage.add_volume(&house.disk("d1")).unwrap();
    let rows = all(&storage, &gate).segments;
    assert_eq!(units(&rows), 60);
    let first = rows.iter().find(|row| row.volume == one.id()).unwrap();
    assert_eq!((first.start, first.end), (at("09:00:00"), end));
    check(&storage);
}

/// A segment begins with a picture that waited in memory: a checkpoint of that time must not pass
/// it, or nobody sees that the disk which failed right after has a copy of it.
#[test]
fn a_checkpoint_does_not_pass_what_is_still_on_its_way() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let one = storage.add_volume(&house.disk("d1")).unwrap();
    let two = storage.add_volume(&house.disk("d2")).unwrap();
    until("looked through", || one.may_have_checkpoint());
    let start = Utc::now() - std::time::Duration::from_millis(500);
    storage.checkpoint();
    let mut writer = begin(&one, segment(&gate, start, 0));
    writer.append(fragment(start, 0, 1000)).unwrap();
    until("written", || one.snapshot().fragments == 1);
    taken_over(&two, &given_up(&house, &one));
    storage.add_volume(&house.disk("d1")).unwrap();
    let rows = all(&storage, &gate).segments;
    assert!(rows.len() == 1 && rows[0].volume == two.id(), "{rows:?}");
    check(&storage);
}

/// The disk had confirmed it, failed, and came back without it.
#[test]
fn what_a_failed_disk_confirmed_and_does_not_hold_is_a_gap() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    record(&volume, &gate, at("09:00:00"), 0, 10);
    assert!(volume.settle(LONG));
    volume.give_up();
    drop(volume);
    storage.remove_volume(&house.disk("d1").id);
    let path = files(house.dir.path()).pop().unwrap();
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    storage.add_volume(&house.disk("d1")).unwrap();
    let rows = all(&storage, &gate).segments;
    assert!(rows.len() == 1 && rows[0].end < at("09:00:02.5"), "{rows:?}");
    assert_eq!(
        gaps(&storage, &gate),
        [(rows[0].end, Some(at("09:00:04")), GapCause::Disk)]
    );
    check(&storage);
}

/// A loss is told whatever else is missing at the same time, and no further than it goes.
#[test]
fn lost_footage_is_a_gap_beside_one_that_is_open() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let _volume = run(&house, &storage, &gate, 0..2);
    storage.gap_opened(&gate, at("09:00:04"), GapCause::CameraOffline);
    storage.footage_lost(&gate, at("09:00:02"), at("09:00:04"));
    let rows = [
        (at("09:00:02"), Some(at("09:00:04")), GapCause::Disk),
        (at("09:00:04"), None, GapCause::CameraOffline),
    ];
    assert_eq!(gaps(&storage, &gate), rows);
}

#[test]
fn a_row_whose_file_is_gone_goes_without_a_checkpoint_too() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = run(&house, &storage, &gate, 0..4);
    let (disk, id) = (volume.disk().clone(), volume.id());
    drop(volume);
    storage.remove_volume(&disk);
    // As in the first minute of a disk.
    storage.catalog.index().forget_checkpoint(id);
    std::fs::remove_file(files(house.dir.path()).pop().unwrap()).unwrap();
    storage.add_volume(&house.disk("d1")).unwrap();
    until("read", || storage.index_state() == IndexState::Ok);
    assert_eq!(all(&storage, &gate).segments.len(), 3);
    check(&storage);
}
