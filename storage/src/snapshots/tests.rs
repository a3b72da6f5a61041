#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use ulid::Ulid;
use vigie_config::{CameraId, Disk, Snapshots, StreamId, StreamName, Utc};

use super::*;
use crate::{
    Lock, Reason, RetentionRules, Storage, Volume, What,
    storage::tests::{LONG, at, disk, stream},
    uuid::RecorderId,
};

struct House {
    dir: tempfile::TempDir,
    storage: Arc<Storage>,
    volumes: Vec<Arc<Volume>>,
}

impl House {
    fn new(disks: &[&str]) -> House {
        let dir = tempfile::tempdir().unwrap();
        let storage = Storage::open(&dir.path().join("state"), crate::StorageOptions::default()).unwrap();
        let open = |id: &&str| {
            let path = dir.path().join(id);
            std::fs::create_dir(&path).unwrap();
            storage.add_volume(&disk(id, path)).unwrap()
        };
        let volumes = disks.iter().map(open).collect();
        House { storage, volumes, dir }
    }

    fn path(&self, disk: usize, id: &SnapshotId) -> std::path::PathBuf {
        self.volumes[disk].path().join(id.path())
    }

    fn ids(&self, query: &Query) -> Vec<SnapshotId> {
        let page = self.storage.snapshots(query, |_| true);
        page.into_iter().map(|stored| stored.id).collect()
    }
}

fn camera(name: &str) -> CameraId {
    CameraId::new(name).unwrap()
}

fn id(of: &str, time: &str, event: u128) -> SnapshotId {
    SnapshotId::new(camera(of), at(time), Some(Ulid::from(event)))
}

/// Of an event at the picture's own time.
fn of_event(of: &str, time: &str) -> SnapshotId {
    let millis = u64::try_from(at(time).as_micros() / 1000).unwrap();
    SnapshotId::new(camera(of), at(time), Some(Ulid::from_parts(millis, 7)))
}

fn caption(id: &SnapshotId) -> Caption {
    Caption {
        recorder: RecorderId(7),
        stream: StreamId::new(id.camera.clone(), StreamName::Main),
        at: id.at,
        event: id.event,
        by: Some("ann\nbob".into()),
    }
}

/// SOI, an APP0 of no content, some "picture", EOI, padding.
fn jpeg(id: &SnapshotId) -> Vec<u8> {
    let plain = [
        &[0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xda, 0, 2][..],
        &[9; 20_000],
        &[0xff, 0xd9, 0, 0, 0],
    ];
    caption(id).onto(&plain.concat()).unwrap()
}

fn all() -> Query {
    Query {
        cameras: Vec::new(),
        from: Utc::MIN,
        to: Utc::MAX,
        event: None,
        before: None,
        limit: 1000,
    }
}

#[test]
fn an_id_is_a_place_and_a_text() {
    let gate = id("gate-2_x", "09:41:00.123456", 5);
    assert_eq!(
        gate.path().to_str().unwrap(),
        "gate-2_x/snapshots/2026-11-20/09/20261120T094100.123Z-00000000000000000000000005.jpg"
    );
    let by_hand = SnapshotId::new(camera("gate"), at("09:41:00"), None);
    assert_eq!(by_hand.to_string(), "gate.20261120T094100.000Z-by-hand");
    for id in [gate, by_hand] {
        assert_eq!(id.to_string().parse::<SnapshotId>().unwrap(), id);
        let path = id.path();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(SnapshotId::of_name(&id.camera, name), Some(id));
    }
    for text in [
        "",
        "gate",
        "gate.x",
        "../gate.20261120T094100.000Z-by-hand",
        "gate.20261120T094100.000Z-by-hand/..",
        "gate.20261120T094100.000Z-",
        "gate.20261120T094100Z-by-hand",
        "gate.20261120T094100.000Z-0000000000000000000000000u",
        "gate.20261120T094100.000Z-0000000000000000000000000a",
    ] {
        assert!(text.parse::<SnapshotId>().is_err(), "{text}");
    }
}

#[test]
fn the_file_alone_says_where_it_comes_from() {
    let id = id("gate", "09:41:00.5", 5);
    let made = jpeg(&id);
    let read = Caption::read(&made).unwrap();
    assert_eq!(
        read,
        Caption {
            by: Some("ann bob".into()),
            ..caption(&id)
        }
    );
    assert!(is_whole(&made) && made.starts_with(&[0xff, 0xd8, 0xff, 0xe0]));
    assert!(made.ends_with(&[9, 0xff, 0xd9]), "padding of the camera is left out");
    assert_eq!(Caption::read(&made[..made.len() / 1000]), None);
    assert_eq!(caption(&id).onto(b"GIF89a"), None);
    // Without an end, without a first segment.
    let bare = caption(&id).onto(&[0xff, 0xd8, 0xff, 0xda, 0, 2, 5]).unwrap();
    assert!(is_whole(&bare) && Caption::read(&bare).is_some());
}

#[test]
fn pages_go_back_over_cameras_and_disks_and_leave_out_what_is_torn() {
    let house = House::new(&["d1", "d2"]);
    let mut ids = Vec::new();
    for (n, time) in ["09:59:59.9", "10:00:00", "10:00:01", "11:00:00"]
        .into_iter()
        .enumerate()
    {
        for name in ["gate", "yard"] {
            let id = of_event(name, time);
            house.volumes[n % 2].put_snapshot(&id, &jpeg(&id)).unwrap();
            ids.push(id);
        }
    }
    // On both, as after a disk that failed.
    house.volumes[1].put_snapshot(&ids[0], &jpeg(&ids[0])).unwrap();
    ids.sort();
    ids.reverse();
    assert_eq!(house.ids(&all()), ids);
    let mut seen = Vec::new();
    let mut query = Query { limit: 3, ..all() };
    loop {
        let page = house.ids(&query);
        query.before = page.last().cloned();
        seen.extend(page.iter().cloned());
        if page.len() < 3 {
            break;
        }
    }
    assert_eq!(seen, ids);
    let hour = Query {
        from: at("10:00:00"),
        to: at("11:00:00"),
        cameras: vec![camera("yard")],
        ..all()
    };
    assert_eq!(
        house.ids(&hour),
        [of_event("yard", "10:00:01"), of_event("yard", "10:00:00")]
    );
    let event = of_event("gate", "10:00:01").event;
    assert_eq!(house.ids(&Query { event, ..all() }).len(), 2);
    assert_eq!(house.storage.snapshots_of(event.unwrap()).len(), 2);
    let sees = |camera: &CameraId| camera.as_str() == "gate";
    assert_eq!(house.storage.snapshots(&all(), sees).len(), 4);

    // What a power cut leaves: a name, and no bytes, or not all.
    let torn = of_event("gate", "11:00:00");
    let path = house.path(1, &torn);
    let whole = std::fs::read(&path).unwrap();
    for left in [0, 1, 1000, whole.len() - 1] {
        std::fs::write(&path, &whole[..left]).unwrap();
        assert!(!house.ids(&all()).contains(&torn), "{left} bytes");
        assert_eq!(house.storage.snapshot(&torn), None);
    }
    house.volumes[1].put_snapshot(&torn, &jpeg(&torn)).unwrap();
    assert_eq!(house.storage.snapshot(&torn), Some(whole));
}

#[test]
fn it_is_safe_only_when_a_sync_that_began_later_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::open(&dir.path().join("state"), crate::StorageOptions::default()).unwrap();
    let path = dir.path().join("d1");
    std::fs::create_dir(&path).unwrap();
    let slow = Disk {
        tick: Duration::from_secs(3600),
        ..disk("d1", path)
    };
    let volume = storage.add_volume(&slow).unwrap();
    assert!(volume.settle(LONG));
    let id = of_event("gate", "10:00:00");
    volume.put_snapshot(&id, &jpeg(&id)).unwrap();
    let ticket = volume.sync_ticket();
    assert!(!volume.is_synced(ticket));
    volume.sync_once();
    assert!(!volume.is_synced(ticket), "it may have begun before");
    volume.sync_once();
    assert!(volume.is_synced(ticket));
}

#[test]
fn nothing_is_written_where_the_disk_is_not_or_a_link_leads_away() {
    let house = House::new(&["d1"]);
    let (volume, root) = (&house.volumes[0], house.dir.path().join("d1"));
    let id = of_event("gate", "10:00:00");
    let elsewhere = house.dir.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::create_dir(root.join("gate")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, root.join("gate/snapshots")).unwrap();
    assert!(volume.put_snapshot(&id, &jpeg(&id)).is_err());
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
    std::fs::remove_file(root.join("gate/snapshots")).unwrap();
    // As after `umount -l`: another folder is there.
    std::fs::rename(&root, house.dir.path().join("away")).unwrap();
    std::fs::create_dir(&root).unwrap();
    let error = volume.put_snapshot(&id, &jpeg(&id)).unwrap_err();
    assert!(error.to_string().contains("d1"), "{error}");
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0);
}

fn limits(max_age_s: Option<u64>, max_size_bytes: Option<u64>) -> RetentionRules {
    RetentionRules {
        snapshots: Snapshots {
            max_age: max_age_s.map(Duration::from_secs),
            max_size_bytes,
        },
        ..RetentionRules::default()
    }
}

fn put(house: &House, of: &str, times: &[&str]) {
    for time in times {
        let id = of_event(of, time);
        house.volumes[0].put_snapshot(&id, &jpeg(&id)).unwrap();
    }
}

#[test]
fn the_oldest_go_by_age_and_by_size_and_empty_folders_with_them() {
    let house = House::new(&["d1"]);
    put(&house, "gate", &["08:00:00", "08:30:00", "09:30:00"]);
    put(&house, "yard", &["08:10:00", "09:10:00"]);
    // Files of the past: they are counted, not added.
    house.storage.count_snapshots();
    let volume = &house.volumes[0];
    let one = volume.root().allocated(&of_event("gate", "08:00:00").path()).unwrap();
    assert_eq!(volume.snapshot_bytes(), Some(5 * one));
    let now = at("10:00:00");
    assert!(
        house
            .storage
            .retention_pass(&limits(Some(6000), None), now, false)
            .age_paused
    );
    assert_eq!(house.ids(&all()).len(), 5);
    let plan = house.storage.retention_plan(&limits(Some(6000), None), now).unwrap();
    let report = house.storage.retention_pass(&limits(Some(6000), None), now, true);
    assert_eq!(report.deleted, plan);
    let gone = |report: &crate::RetentionReport| -> Vec<(What, Reason)> {
        let files = report.deleted.iter();
        files.map(|file| (file.what.clone(), file.reason)).collect()
    };
    let expected = [("gate", "08:00:00"), ("yard", "08:10:00")];
    assert_eq!(
        gone(&report),
        expected.map(|(of, time)| (What::Snapshot(of_event(of, time)), Reason::Age))
    );
    assert_eq!(volume.snapshot_bytes(), Some(3 * one));
    let hour = |of: &str, hour: &str| house.dir.path().join(format!("d1/{of}/snapshots/2026-11-20/{hour}"));
    assert!(!hour("yard", "08").exists() && hour("gate", "08").exists());

    let report = house.storage.retention_pass(&limits(None, Some(2 * one)), now, true);
    assert_eq!(
        gone(&report),
        [(What::Snapshot(of_event("gate", "08:30:00")), Reason::Size)]
    );
    house.storage.retention_pass(&limits(None, Some(0)), now, true);
    assert_eq!(volume.snapshot_bytes(), Some(0));
    assert!(!house.dir.path().join("d1/gate/snapshots/2026-11-20").exists());
}

#[test]
fn for_want_of_room_pictures_go_with_the_footage_of_their_time() {
    let house = House::new(&["d1"]);
    let (volume, gate) = (&house.volumes[0], stream("gate"));
    put(&house, "gate", &["08:00:00", "09:00:00", "10:00:00"]);
    put(&house, "yard", &["08:20:00"]);
    let file = |time: &str| {
        let path = house
            .dir
            .path()
            .join("d1")
            .join(crate::layout::segment_path(&gate, at(time)));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, vec![1; 8192]).unwrap();
    };
    ["08:10:00", "08:30:00", "09:30:00"].iter().for_each(|time| file(time));
    let mut seen = Vec::new();
    let rules = RetentionRules {
        locked: vec![Lock {
            camera: camera("yard"),
            from: at("08:00:00"),
            to: at("09:00:00"),
        }],
        ..RetentionRules::default()
    };
    let pass = crate::retention::Pass {
        volume,
        rules: &rules,
        now: at("12:00:00"),
        clock_trusted: true,
    };
    let demand = crate::retention::Demand {
        over_size: 0,
        short_of_free: u64::MAX,
    };
    let take = |candidate: &crate::retention::Candidate, _| {
        seen.push(candidate.start());
        candidate.bytes
    };
    pass.make_room(demand, take).unwrap();
    let order = ["08:00:00", "08:10:00", "08:30:00", "09:00:00", "09:30:00", "10:00:00"];
    assert_eq!(seen, order.map(at), "what is protected stays");
}

#[test]
fn who_deletes_one_is_written_down_and_no_footage_is_missing_for_it() {
    let house = House::new(&["d1", "d2"]);
    put(&house, "gate", &["08:00:00", "09:00:00", "10:00:00"]);
    let gone = of_event("gate", "09:00:00");
    house.volumes[1].put_snapshot(&gone, &jpeg(&gone)).unwrap();
    let lock = house
        .storage
        .locks()
        .protect(camera("gate"), at("08:59:00"), at("09:01:00"), "", "anna")
        .unwrap();
    assert!(house.storage.delete_snapshot(&gone, "", "ann").is_err());
    house.storage.locks().release(lock.id, "anna").unwrap();
    assert!(house.storage.delete_snapshot(&gone, "two\nlines", "ann").is_err());
    let deletion = house
        .storage
        .delete_snapshot(&gone, "asked for", "ann")
        .unwrap()
        .unwrap();
    assert_eq!(deletion.done.unwrap().files, 2);
    assert!(house.storage.delete_snapshot(&gone, "", "ann").unwrap().is_none());
    let [told] = &house.storage.deletions()[..] else {
        panic!()
    };
    assert_eq!(
        (told.snapshot.as_deref(), told.by.as_str()),
        (Some(gone.to_string().as_str()), "ann")
    );
    assert_eq!(house.ids(&all()).len(), 2);
    // Footage of a time is deleted with its pictures.

    let deletion = house
        .storage
        .delete(&camera("gate"), at("07:00:00"), at("08:30:00"), "", "ann")
        .unwrap();
    assert_eq!(deletion.done.unwrap().files, 1);
    assert_eq!(house.ids(&all()), [of_event("gate", "10:00:00")]);

    let journal = std::fs::read_to_string(house.dir.path().join("state/deletions.jsonl")).unwrap();
    assert_eq!(journal.matches("\"snapshot\"").count(), 1, "{journal}");
}

#[test]
fn pictures_are_no_footage_to_whoever_looks_for_footage() {
    let house = House::new(&["d1"]);
    put(&house, "gate", &["08:00:00"]);
    let report = house.storage.index_rebuild().unwrap();
    assert_eq!((report.segments, report.unreadable.len()), (0, 0));
    assert!(house.storage.streams().is_empty() && house.storage.extents().is_empty());
    assert!(house.storage.index_check().unwrap().unreadable.is_empty());
    // A disk that is taken out and comes back.
    let disk = disk("d1", house.dir.path().join("d1"));
    house.storage.remove_volume(&disk.id);
    house.storage.add_volume(&disk).unwrap();
    assert_eq!(house.ids(&all()).len(), 1);
}
