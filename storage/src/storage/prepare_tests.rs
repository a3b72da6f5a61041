//! Disks that are foreign, blank, from before a reinstall, without their marker: each recognised,
//! nothing overwritten.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use super::{
    tests::{House, LONG, all, at, check, files, record, stream, until},
    *,
};
use vigie_config::{CameraId, Disk, ErrorKind, Kind as _};

use crate::{error::VolumeError, layout};

/// Some footage of one camera, settled.
fn footage(house: &House, storage: &Arc<Storage>, camera: &str) {
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    for number in 0..3u32 {
        let start = at("09:00:00").plus_micros(i64::from(number) * 2_000_000);
        record(&volume, &stream(camera), start, number, 5);
    }
    assert!(volume.settle(LONG));
}

/// As after a reinstall: the disks are there, who we are is not.
fn reinstalled(house: &House) -> Arc<Storage> {
    std::fs::remove_dir_all(house.dir.path().join("state")).unwrap();
    house.open()
}

fn erasure() -> Erasure {
    Erasure::new("ann", "sold").unwrap()
}

fn names(house: &House) -> Vec<std::path::PathBuf> {
    files(&house.dir.path().join("d1"))
}

#[test]
fn footage_from_before_a_reinstall_is_left_alone_and_then_taken_over() {
    let house = House::new();
    let storage = house.open();
    footage(&house, &storage, "gate");
    let before = all(&storage, &stream("gate")).segments;
    storage.close();
    drop(storage);
    let storage = reinstalled(&house);
    let (disk, there) = (house.disk("d1"), names(&house));
    let error = storage.add_volume(&disk).unwrap_err();
    assert!(matches!(error, VolumeError::Foreign { .. }));
    assert!(error.to_string().contains("vigie disk adopt --id d1"), "{error}");

    let refused = storage.prepare(&disk, None).unwrap_err();
    let text = refused.to_string();
    assert!(
        text.contains("3 files of footage") && text.contains("gate from 2026-11-20T09:00:00"),
        "{text}"
    );
    assert_eq!(names(&house), there);
    assert!(matches!(storage.add_volume(&disk), Err(VolumeError::Foreign { .. })));

    let Adopted::Done { holds, from } = storage.adopt(&disk).unwrap() else {
        panic!()
    };
    assert_eq!((holds.files(), from.len()), (3, 1));
    storage.add_volume(&disk).unwrap();
    until("read", || all(&storage, &stream("gate")).segments.len() == 3);
    let after = all(&storage, &stream("gate")).segments;
    assert_eq!(
        before.iter().map(|row| (row.start, row.end)).collect::<Vec<_>>(),
        after.iter().map(|row| (row.start, row.end)).collect::<Vec<_>>()
    );
    assert_eq!(names(&house), there);
    check(&storage);

    // Cut off in the middle and opened again, the files of before still count.
    record(
        &storage.volume(&disk.id).unwrap(),
        &stream("gate"),
        at("09:10:00"),
        0,
        5,
    );
    storage.close();
    drop(storage);
    std::fs::remove_dir_all(house.dir.path().join("state/index")).unwrap();
    let storage = house.open();
    storage.add_volume(&disk).unwrap();
    until("read", || all(&storage, &stream("gate")).segments.len() == 4);
}

#[test]
fn a_disk_that_lost_its_marker_is_taken_over_as_what_it_was() {
    let house = House::new();
    let storage = house.open();
    footage(&house, &storage, "gate");
    let disk = house.disk("d1");
    let volume = storage.volume(&disk.id).unwrap().id();
    storage.remove_volume(&disk.id);
    std::fs::remove_file(disk.path.join(layout::MARKER)).unwrap();
    assert!(matches!(storage.add_volume(&disk), Err(VolumeError::Unmarked { .. })));
    assert!(matches!(
        storage.prepare(&disk, None),
        Err(PrepareError::Holds {
            whose: Whose::Nobodys,
            ..
        })
    ));
    std::fs::write(disk.path.join(layout::MARKER), "not toml at all").unwrap();
    assert!(matches!(
        storage.prepare(&disk, None),
        Err(PrepareError::Holds {
            whose: Whose::Unreadable,
            ..
        })
    ));
    storage.adopt(&disk).unwrap();
    assert_eq!(storage.add_volume(&disk).unwrap().id(), volume);
    until("read", || storage.index_state() == IndexState::Ok);
    assert_eq!(all(&storage, &stream("gate")).segments.len(), 3);
    check(&storage);
    assert!(matches!(storage.adopt(&disk).unwrap(), Adopted::Already));
}

#[test]
fn preparing_erases_only_when_told_to_and_only_footage() {
    let house = House::new();
    let storage = house.open();
    footage(&house, &storage, "gate");
    let disk = house.disk("d1");
    assert!(matches!(
        storage.prepare(&disk, Some(&erasure())),
        Err(PrepareError::InUse { .. })
    ));
    storage.remove_volume(&disk.id);
    std::fs::write(disk.path.join("letter.odt"), "dear").unwrap();
    assert!(matches!(
        storage.prepare(&disk, None),
        Err(PrepareError::Holds { whose: Whose::Ours, .. })
    ));
    let camera = CameraId::new("gate").unwrap();
    let lock = storage
        .locks()
        .protect(camera, at("09:00:03"), at("09:00:04"), "", "me")
        .unwrap();
    let refused = storage.prepare(&disk, Some(&erasure())).unwrap_err();
    assert!(matches!(refused, PrepareError::Protected { .. }), "{refused}");
    assert_eq!(all(&storage, &stream("gate")).segments.len(), 3);
    storage.locks().release(lock.id, "me").unwrap();

    let Prepared::Done { erased } = storage.prepare(&disk, Some(&erasure())).unwrap() else {
        panic!()
    };
    assert_eq!(erased.files(), 3);
    let told = storage.deletions();
    let told: Vec<_> = told
        .iter()
        .map(|one| {
            (
                one.camera.as_str(),
                &*one.by,
                &*one.note,
                one.disk.as_ref(),
                one.done.unwrap().files,
            )
        })
        .collect();
    assert_eq!(told, [("gate", "ann", "sold", Some(&disk.id), 3)]);
    assert!(disk.path.join("letter.odt").exists() && !disk.path.join("gate").exists());
    assert!(
        all(&storage, &stream("gate")).segments.is_empty(),
        "no rows of what is gone"
    );
    storage.add_volume(&disk).unwrap();
    until("read", || storage.index_state() == IndexState::Ok);
    check(&storage);
}

#[test]
fn what_another_disk_lost_of_the_time_of_an_erased_one_is_a_gap() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let [one, other] = ["d1", "d2"].map(|disk| storage.add_volume(&house.disk(disk)).unwrap());
    // 0 and 1 on the one, 2 and 3 on the other, 4 and 5 on the one, 6 on the other.
    for number in 0..7 {
        let start = at("09:00:00").plus_micros(i64::from(number) * 2_000_000);
        let volume = if number % 4 < 2 { &one } else { &other };
        record(volume, &gate, start, number, 5);
        assert!(volume.settle(LONG));
    }
    let disk = house.disk("d1");
    drop(one);
    storage.remove_volume(&disk.id);
    storage.prepare(&disk, Some(&erasure())).unwrap();
    storage.add_volume(&disk).unwrap();
    let told = &storage.deletions()[0];
    let parts = [(at("09:00:00"), at("09:00:04")), (at("09:00:08"), at("09:00:12"))];
    assert_eq!(told.parts, parts);
    assert_eq!(storage.index_rebuild().unwrap().gaps, 0, "who erased it is known");

    let mut left = files(&house.dir.path().join("d2"));
    left.sort();
    std::fs::remove_file(&left[1]).unwrap();
    assert_eq!(storage.index_rebuild().unwrap().gaps, 1);
    let gaps = all(&storage, &gate).gaps;
    assert_eq!((gaps[0].start, gaps[0].end), (at("09:00:06"), Some(at("09:00:08"))));
}

#[test]
fn erasing_that_ends_halfway_leaves_no_rows_of_what_is_gone() {
    let house = House::new();
    let storage = house.open();
    footage(&house, &storage, "gate");
    let disk = house.disk("d1");
    storage.remove_volume(&disk.id);
    let mut segments = names(&house);
    segments.retain(|path| path.extension().is_some_and(|kind| kind == "mp4"));
    segments.sort();
    let last = std::fs::File::open(disk.path.join(segments.last().unwrap())).unwrap();
    let flags = rustix::fs::ioctl_getflags(&last).unwrap();
    if let Err(error) = rustix::fs::ioctl_setflags(&last, flags | rustix::fs::IFlags::IMMUTABLE) {
        eprintln!("left out: a file cannot be made immutable here ({error})");
        return;
    }
    let refused = storage.prepare(&disk, Some(&erasure())).unwrap_err();
    rustix::fs::ioctl_setflags(&last, flags).unwrap();
    let text = refused.to_string();
    assert!(text.contains("cannot erase") && text.contains("2 of 3 files"), "{text}");
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    let told = storage.deletions();
    assert!(told.len() == 1 && told[0].done.is_none(), "{told:?}");
    storage.add_volume(&disk).unwrap();
    until("read", || storage.index_state() == IndexState::Ok);
    assert_eq!(all(&storage, &stream("gate")).segments.len(), 1);
    let held = storage.volume(&disk.id).unwrap().snapshot().footage_bytes;
    assert_eq!(held, last.metadata().unwrap().len());
    check(&storage);
}

#[test]
fn a_blank_disk_where_another_was_is_used_when_it_is_prepared() {
    let house = House::new();
    let storage = house.open();
    footage(&house, &storage, "gate");
    let disk = house.disk("d1");
    storage.remove_volume(&disk.id);
    let old = house.dir.path().join("pulled");
    std::fs::rename(&disk.path, &old).unwrap();
    std::fs::create_dir(&disk.path).unwrap();
    let error = storage.add_volume(&disk).unwrap_err();
    assert!(matches!(error, VolumeError::Blank { .. }), "{error}");
    assert!(matches!(storage.adopt(&disk), Err(PrepareError::NothingToAdopt { .. })));
    assert!(is_empty(&disk.path));
    storage.prepare(&disk, None).unwrap();
    storage.add_volume(&disk).unwrap();
    assert!(all(&storage, &stream("gate")).segments.is_empty());

    // The old disk comes back under another id: its footage with it.
    let other = vigie_config::Disk {
        path: old,
        ..house.disk("d9")
    };
    storage.add_volume(&other).unwrap();
    until("read", || all(&storage, &stream("gate")).segments.len() == 3);
}

#[test]
fn a_newer_format_is_never_touched() {
    let house = House::new();
    let storage = house.open();
    let disk = house.disk("d1");
    let marker = disk.path.join(layout::MARKER);
    std::fs::write(&marker, "format = 2\n").unwrap();
    for refused in [
        storage.prepare(&disk, Some(&erasure())).unwrap_err(),
        storage.adopt(&disk).unwrap_err(),
    ] {
        assert!(
            matches!(refused, PrepareError::Volume(VolumeError::NewerFormat { .. })),
            "{refused}"
        );
    }
    assert_eq!(std::fs::read_to_string(marker).unwrap(), "format = 2\n");
}

#[test]
fn a_pipe_in_place_of_the_marker_is_not_waited_for() {
    let house = House::new();
    let storage = house.open();
    let disk = house.disk("d1");
    let marker = disk.path.join(layout::MARKER);
    let made = std::process::Command::new("mkfifo").arg(&marker).status().unwrap();
    assert!(made.success());
    assert!(matches!(storage.add_volume(&disk), Err(VolumeError::BadMarker { .. })));
    assert!(storage.prepare(&disk, None).is_err());
}

#[test]
fn a_retired_disk_stays_retired_until_it_is_taken_back() {
    let house = House::new();
    let storage = house.open();
    let disk = house.disk("d1");
    storage.add_volume(&disk).unwrap();
    assert!(storage.retire(&disk.id, true) && !storage.retire(&disk.id, true));
    storage.close();
    drop(storage);
    let storage = house.open();
    storage.add_volume(&disk).unwrap();
    assert!(storage.is_retired(&disk.id));
    assert!(matches!(storage.adopt(&disk).unwrap(), Adopted::Done { .. }));
    assert!(!storage.is_retired(&disk.id));
}

fn is_empty(path: &Path) -> bool {
    std::fs::read_dir(path).unwrap().next().is_none()
}

#[test]
fn the_folder_of_a_new_disk_is_made_and_of_a_known_one_is_not() {
    let house = House::new();
    let storage = house.open();
    let (d1, mut new) = (house.disk("d1"), house.disk("d9"));
    new.path = house.dir.path().join("not/there/yet");
    let refused = storage
        .create_folder(&Disk {
            require_mount: true,
            ..new.clone()
        })
        .unwrap_err();
    assert!(refused.to_string().contains("require_mount"), "{refused}");
    assert!(storage.create_folder(&new).unwrap() && new.path.is_dir());
    assert!(!storage.create_folder(&new).unwrap());
    storage.add_volume(&new).unwrap();
    // It was recorded on; now it is missing.
    footage(&house, &storage, "gate");
    storage.close();
    drop(storage);
    std::fs::rename(&d1.path, d1.path.with_extension("pulled")).unwrap();
    let storage = house.open();
    let refused = storage.create_folder(&d1).unwrap_err();
    assert!(
        matches!(refused, PrepareError::NotNew { .. }) && !d1.path.exists(),
        "{refused}"
    );
    assert_eq!(refused.kind(), ErrorKind::Refused);
}
