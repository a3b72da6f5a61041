//! Retention on real folders, against a model that sorts everything.
#![allow(clippy::unwrap_used)]

use std::{collections::HashMap, time::Duration};

use proptest::prelude::*;
use vigie_config::{CameraId, Disk, DiskId, StreamName, WhenFull};

use super::{
    tests::{House, LONG, all, at, check, counted, files, record, stream},
    *,
};
use crate::{
    layout,
    retention::{self, Candidate, Demand, Lock, Reason},
    shelf::What,
};

fn camera(n: usize) -> CameraId {
    CameraId::new(&format!("c{n}")).unwrap()
}

fn minute(n: i64) -> Utc {
    Utc::from_micros(1_763_600_400_000_000 + n * 60_000_000)
}

/// A file of so many blocks; nobody reads it.
#[derive(Debug, Clone)]
struct File {
    camera: usize,
    minute: i64,
    blocks: u64,
}

fn make(root: &Path, file: &File) {
    let stream = StreamId::new(camera(file.camera), StreamName::Main);
    let path = root.join(layout::segment_path(&stream, minute(file.minute)));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, vec![1u8; 4096 * file.blocks as usize]).unwrap();
}

/// As retention sees the files of one camera: each ends where the next begins, ten minutes on at
/// the latest.
fn candidates(root: &crate::file::Root, files: &[File], of: usize) -> Vec<Candidate> {
    let mut own: Vec<&File> = files.iter().filter(|file| file.camera == of).collect();
    own.sort_by_key(|file| file.minute);
    let stream = StreamId::new(camera(of), StreamName::Main);
    let end = |n: usize| {
        let longest = minute(own[n].minute + 10);
        own.get(n + 1).map_or(longest, |next| minute(next.minute).min(longest))
    };
    let one = |n: usize| Candidate {
        what: What::Segment(stream.clone(), minute(own[n].minute)),
        end: end(n),
        bytes: root
            .allocated(&layout::segment_path(&stream, minute(own[n].minute)))
            .unwrap(),
    };
    (0..own.len()).map(one).collect()
}

fn is_locked(candidate: &Candidate, locks: &[Lock]) -> bool {
    let over = |lock: &Lock| lock.from < candidate.end && lock.to > candidate.start();
    locks
        .iter()
        .any(|lock| lock.camera == *candidate.what.camera() && over(lock))
}

/// What is to go for want of `wanted` bytes.
fn model(all: &[Candidate], rules: &RetentionRules, now: Utc, wanted: u64) -> Vec<(Utc, CameraId, Reason)> {
    let guaranteed = |c: &Candidate| {
        let min_age = rules.min_age.get(c.what.camera());
        min_age.is_some_and(|min_age| c.end > now - *min_age)
    };
    let mut order: Vec<&Candidate> = all.iter().filter(|c| !is_locked(c, &rules.locked)).collect();
    order.sort_by_key(|c| (guaranteed(c), c.start(), c.what.clone()));
    let (mut gone, mut freed) = (Vec::new(), 0);
    for candidate in order {
        if freed >= wanted {
            break;
        }
        freed += candidate.bytes;
        let reason = if guaranteed(candidate) {
            Reason::LastResort
        } else {
            Reason::Space
        };
        gone.push((candidate.start(), candidate.what.camera().clone(), reason));
    }
    gone
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn want_of_room_takes_what_the_model_takes(
        files in proptest::collection::vec((0usize..3, 0i64..120, 1u64..4), 1..30),
        min_ages in proptest::collection::vec(proptest::option::of(0u64..130), 3),
        locks in proptest::collection::vec((0usize..3, 0i64..120, 1i64..20), 0..4),
        wanted in 0u64..120,
    ) {
        let house = House::new();
        let storage = house.open();
        let volume = counted(&storage, &house.disk("d1"));
        let mut by_name: std::collections::BTreeMap<(usize, i64), File> = Default::default();
        for (camera, minute, blocks) in files {
            by_name.insert((camera, minute), File { camera, minute, blocks });
        }
        let files: Vec<File> = by_name.into_values().collect();
        files.iter().for_each(|file| make(volume.path(), file));
        let now = minute(125);
        let minutes = |n: u64| Duration::from_secs(n * 60);
        let rules = RetentionRules {
            min_age: min_ages.iter().enumerate()
                .filter_map(|(n, age)| Some((camera(n), minutes((*age)?)))).collect(),
            locked: locks.iter().map(|(n, from, long)| Lock {
                camera: camera(*n), from: minute(*from), to: minute(from + long),
            }).collect(),
            ..RetentionRules::default()
        };
        let known: Vec<Candidate> = (0..3).flat_map(|n| candidates(volume.root(), &files, n)).collect();
        let expected = model(&known, &rules, now, wanted * 4096);
        let pass = retention::Pass { volume: &volume, rules: &rules, now, clock_trusted: true };
        let mut seen = Vec::new();
        let demand = Demand { over_size: 0, short_of_free: wanted * 4096 };
        pass.make_room(demand, |c, reason| {
            seen.push((c.start(), c.what.camera().clone(), reason));
            c.bytes
        }).unwrap();
        prop_assert_eq!(seen, expected);
    }
}

#[test]
fn a_plan_names_what_the_pass_then_deletes_and_protected_footage_stays() {
    let house = House::new();
    let (gate, yard) = (stream("gate"), stream("yard"));
    let storage = house.open();
    let volume = counted(&storage, &house.disk("d1"));
    for n in 0..6u32 {
        let start = at("08:00:00").plus_micros(i64::from(n) * 2_000_000);
        record(&volume, &gate, start, n, 5);
        record(&volume, &yard, start, n, 5);
    }
    assert!(volume.settle(LONG));
    let lock = storage
        .locks()
        .protect(gate.camera.clone(), at("08:00:00"), at("08:00:01"), "", "anna")
        .unwrap();
    let disk = Disk {
        max_size_bytes: Some(1),
        ..house.disk("d1")
    };
    volume.set_limits(crate::Limits::of(&disk));
    let rules = RetentionRules {
        max_age: HashMap::from([(yard.camera.clone(), Duration::from_secs(3600))]),
        min_age: HashMap::from([(gate.camera.clone(), Duration::from_secs(7200))]),
        ..RetentionRules::default()
    };
    let now = at("09:00:05");
    let plan = storage.retention_plan(&rules, now).unwrap();
    assert_eq!(files(house.dir.path()).len(), 12, "a plan deletes nothing");
    let report = storage.retention_pass(&rules, now, true);
    assert_eq!(report.deleted, plan);
    let count = |reason| plan.iter().filter(|file| file.reason == reason).count();
    // Two of yard's are older than an hour; its other four go first for want of room, then gate's.
    assert_eq!(
        (count(Reason::Age), count(Reason::Size), count(Reason::LastResort)),
        (2, 4, 5)
    );
    let left = all(&storage, &gate).segments;
    assert_eq!(left.iter().map(|row| row.start).collect::<Vec<_>>(), [at("08:00:00")]);
    check(&storage);
    storage.locks().release(lock.id, "anna").unwrap();
    assert_eq!(storage.retention_pass(&rules, now, true).deleted.len(), 1);
}

#[test]
fn a_disk_that_is_to_stop_when_full_deletes_nothing_and_says_that_it_is_full() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let disk = Disk {
        id: DiskId::new("d1").unwrap(),
        when_full: WhenFull::Stop,
        max_size_bytes: Some(20_000),
        ..house.disk("d1")
    };
    let volume = counted(&storage, &disk);
    assert!(!volume.is_full());
    record(&volume, &gate, at("08:00:00"), 0, 5);
    assert!(volume.settle(LONG));
    assert!(volume.is_full());
    let report = storage.retention_pass(&RetentionRules::default(), at("09:00:00"), true);
    assert!(report.deleted.is_empty());
    // Only age takes it.
    let rules = RetentionRules {
        max_age: HashMap::from([(gate.camera.clone(), Duration::from_secs(60))]),
        ..RetentionRules::default()
    };
    assert_eq!(storage.retention_pass(&rules, at("09:00:00"), true).deleted.len(), 1);
    assert!(!volume.is_full());
}
