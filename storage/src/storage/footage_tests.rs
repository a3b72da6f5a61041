//! Deleting by hand: what goes, what stays, what is written down; and that nobody takes it for a
//! loss.
#![allow(clippy::unwrap_used)]

use super::{
    tests::{House, LONG, all, at, begin, check, files, fragment, record, segment, stream, until},
    *,
};
use vigie_config::CameraId;

fn camera() -> CameraId {
    CameraId::new("gate").unwrap()
}

/// Ten segments of 2 s from 09:00:00 on, of one run.
fn ten(house: &House, storage: &Arc<Storage>) -> Arc<Volume> {
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    // Times that are long past would be counted twice, or not at all, while a new disk is counted.
    until("counted", || volume.may_have_checkpoint());
    for number in 0..10u32 {
        let start = at("09:00:00").plus_micros(i64::from(number) * 2_000_000);
        record(&volume, &stream("gate"), start, number, 5);
    }
    assert!(volume.settle(LONG));
    volume
}

#[test]
fn what_touches_the_interval_goes_and_is_written_down() {
    let house = House::new();
    let storage = house.open();
    let volume = ten(&house, &storage);
    let mut writer = begin(&volume, segment(&stream("gate"), at("09:00:20"), 10));
    writer.append(fragment(at("09:00:20"), 0, 1000)).unwrap();
    assert!(volume.settle(LONG));
    let before = volume.snapshot().footage_bytes;
    // Segments 2 (to 09:00:06), 3, 4 (from 09:00:08).
    let deletion = storage
        .delete(&camera(), at("09:00:05"), at("09:00:09"), "asked for", "me")
        .unwrap();
    let done = deletion.done.unwrap();
    assert_eq!((done.files, files(house.dir.path()).len()), (3, 8));
    assert!(volume.snapshot().footage_bytes < before);
    let starts: Vec<_> = all(&storage, &stream("gate"))
        .segments
        .iter()
        .map(|row| row.number)
        .collect();
    assert_eq!(starts, [0, 1, 5, 6, 7, 8, 9, 10]);
    // No loss, and no gap: nothing was to be recorded that was not.
    check(&storage);
    assert_eq!(storage.index_check().unwrap().holes, 0);
    assert!(all(&storage, &stream("gate")).gaps.is_empty());
    // What is being written stays.
    let again = storage
        .delete(&camera(), at("09:00:20"), at("09:10:00"), "", "me")
        .unwrap();
    assert_eq!(again.done.unwrap().files, 0);
    drop(writer);
    storage.close();
    drop(storage);
    let storage = house.open();
    let list = storage.deletions();
    assert_eq!(list.len(), 2);
    assert_eq!(
        (list[0].by.as_str(), list[0].note.as_str(), list[0].done),
        ("me", "asked for", Some(done))
    );
}

#[test]
fn protected_footage_and_absent_disks_are_refused() {
    let house = House::new();
    let storage = house.open();
    ten(&house, &storage);
    storage
        .locks()
        .protect(camera(), at("09:00:07"), at("09:00:08"), "", "me")
        .unwrap();
    let refused = storage
        .delete(&camera(), at("09:00:00"), at("09:00:09"), "", "me")
        .unwrap_err();
    assert!(matches!(refused, DeleteError::Protected { .. }), "{refused}");
    assert!(
        storage
            .delete(&camera(), at("09:00:09"), at("09:00:09"), "", "me")
            .is_err()
    );
    assert_eq!((files(house.dir.path()).len(), storage.deletions().len()), (10, 0));
    std::fs::remove_dir(house.dir.path().join("d2")).unwrap();
    assert!(storage.add_volume(&house.disk("d2")).is_err());
    let refused = storage
        .delete(&camera(), at("09:00:00"), at("09:00:02"), "", "me")
        .unwrap_err();
    assert!(refused.to_string().contains("disk d2 is not in use"), "{refused}");
}

#[test]
fn what_retention_passed_over_or_took_from_another_disk_is_no_loss() {
    let house = House::new();
    let storage = house.open();
    let volume = ten(&house, &storage);
    let two = storage.add_volume(&house.disk("d2")).unwrap();
    until("counted", || two.may_have_checkpoint());
    for number in 10..20u32 {
        let start = at("09:00:00").plus_micros(i64::from(number) * 2_000_000);
        record(&two, &stream("gate"), start, number, 5);
    }
    assert!(two.settle(LONG));
    storage
        .locks()
        .protect(camera(), at("09:00:02"), at("09:00:03"), "", "me")
        .unwrap();
    // The first disk gives all but what is protected, the second its older half.
    for (volume, size) in [(&volume, 1), (&two, two.snapshot().footage_bytes / 2)] {
        volume.set_limits(crate::Limits {
            max_size_bytes: Some(size),
            ..volume.limits()
        });
    }
    storage.retention_pass(&crate::RetentionRules::default(), at("10:00:00"), true);
    let left: Vec<_> = all(&storage, &stream("gate"))
        .segments
        .iter()
        .map(|row| row.number)
        .collect();
    assert!(left.starts_with(&[1, 15]), "{left:?}");
    assert_eq!(storage.index_check().unwrap().holes, 0);
    // What somebody deletes behind our back is one.
    let victim = all(&storage, &stream("gate")).segments[3].clone();
    std::fs::remove_file(two.path().join(victim.relative_path())).unwrap();
    assert_eq!(storage.index_check().unwrap().holes, 1);
}

#[test]
fn extents_tell_of_every_stream_with_footage() {
    let house = House::new();
    let storage = house.open();
    ten(&house, &storage);
    let extents = storage.extents();
    assert_eq!(extents.len(), 1);
    assert_eq!((extents[0].first, extents[0].last), (at("09:00:00"), at("09:00:20")));
}

#[test]
fn a_file_that_holds_protected_footage_stays_even_if_the_time_asked_for_does_not() {
    let house = House::new();
    let storage = house.open();
    ten(&house, &storage);
    // In the same file as what is protected: 09:00:04 to 09:00:06.
    storage
        .locks()
        .protect(camera(), at("09:00:04.1"), at("09:00:04.2"), "", "me")
        .unwrap();
    let refused = storage
        .delete(&camera(), at("09:00:05"), at("09:00:09"), "", "me")
        .unwrap_err();
    assert!(matches!(refused, DeleteError::Protected { .. }), "{refused}");
    assert_eq!((files(house.dir.path()).len(), storage.deletions().len()), (10, 0));
}

#[test]
fn what_lies_before_a_pause_does_not_touch_what_comes_after() {
    let house = House::new();
    let storage = house.open();
    let volume = ten(&house, &storage);
    record(&volume, &stream("gate"), at("09:08:00"), 0, 5);
    assert!(volume.settle(LONG));
    let deletion = storage
        .delete(&camera(), at("09:05:00"), at("09:06:00"), "", "me")
        .unwrap();
    assert_eq!(deletion.done.unwrap().files, 0);
}
