//! Faults of a disk, one operation at a time. They need root and FUSE; without them a test says
//! that it was left out.
#![allow(clippy::unwrap_used)]

use vigie_config::Disk;
use vigie_fault_disk::{Effect, Errno, Fault, FaultDisk, Op};

use super::{
    tests::{House, LONG, all, at, begin, check, files, fragment, record, segment, stream, until},
    *,
};
use crate::{error::VolumeError, fact::StorageFact};

/// `d1` of the house.
struct Faulty {
    /// Unmounted before its folder is removed: fields are dropped in order.
    faults: FaultDisk,
    disk: Disk,
    house: House,
}

/// `None`: said why.
fn faulty() -> Option<Faulty> {
    let house = House::new();
    let disk = house.disk("d1");
    match FaultDisk::mount(&house.dir.path().join("below"), &disk.path) {
        Ok(faults) => Some(Faulty { house, disk, faults }),
        Err(error) => {
            eprintln!("left out: no root or no FUSE ({error})");
            None
        }
    }
}

impl Faulty {
    fn told(&self, what: impl Fn(&StorageFact) -> bool) -> usize {
        self.house
            .facts
            .lock()
            .unwrap()
            .iter()
            .filter(|fact| what(fact))
            .count()
    }
}

/// A file system whose `syncfs` ends in the kernel: what was called synced survives a cut.
#[test]
fn a_power_cut_of_a_fuse_disk_leaves_what_was_synced() {
    let Some(it) = faulty() else { return };
    let gate = stream("gate");
    let storage = it.house.open();
    let volume = storage.add_volume(&it.disk).unwrap();
    record(&volume, &gate, at("09:41:00"), 0, 5);
    let mut writer = begin(&volume, segment(&gate, at("09:41:02"), 1));
    writer.append(fragment(at("09:41:02"), 0, 1000)).unwrap();
    assert!(volume.settle(LONG));
    // An open file, and lines of its ledger.
    writer.append(fragment(at("09:41:02"), 1, 1000)).unwrap();
    storage.gap_opened(&gate, at("09:41:02.8"), GapCause::Network);
    assert!(volume.settle(LONG));
    let seen = all(&storage, &gate);
    drop(writer);
    drop(volume);
    drop(storage);
    it.faults.cut_power().unwrap();
    assert_eq!(files(&it.disk.path).len(), 2);
    let storage = it.house.open();
    let _volume = storage.add_volume(&it.disk).unwrap();
    let again = all(&storage, &gate);
    assert_eq!(again.segments, seen.segments);
    storage.index_rebuild().unwrap();
    let rebuilt = all(&storage, &gate);
    assert_eq!(
        (rebuilt.segments, rebuilt.gaps[0].start),
        (seen.segments, at("09:41:02.8"))
    );
    check(&storage);
}

/// Its errors come with the sync alone.
#[test]
fn a_sync_that_fails_on_a_fuse_disk_is_a_failure() {
    let Some(it) = faulty() else { return };
    let gate = stream("gate");
    let storage = it.house.open();
    let volume = storage.add_volume(&it.disk).unwrap();
    it.faults
        .inject(Fault::new(Op::Sync, Effect::Fail(Errno::IO)).at("gate").times(1));
    let mut writer = begin(&volume, segment(&gate, at("09:41:00"), 0));
    writer.append(fragment(at("09:41:00"), 0, 1000)).unwrap();
    until("the failure", || volume.has_failed());
    let given_back = |fact: &StorageFact| match fact {
        StorageFact::VolumeFailed { unsynced, .. } => unsynced.iter().map(|u| u.fragments.len()).sum::<usize>() == 1,
        _ => false,
    };
    until("what it held", || it.told(given_back) == 1);
}

/// A disk that takes names and no bytes would fail with the first picture.
#[test]
fn a_disk_that_takes_no_bytes_is_not_brought_up() {
    let Some(it) = faulty() else { return };
    let storage = it.house.open();
    storage.add_volume(&it.disk).unwrap();
    storage.remove_volume(&it.disk.id);
    it.faults.inject(Fault::new(Op::Write, Effect::Fail(Errno::IO)));
    let error = storage.add_volume(&it.disk).unwrap_err();
    assert!(matches!(error, VolumeError::Io { .. }), "{error}");
    it.faults.heal();
    // One that is full is: room can be made.
    it.faults.inject(Fault::new(Op::Write, Effect::Fail(Errno::NOSPC)));
    storage.add_volume(&it.disk).unwrap();
    it.faults.heal();
    let left: Vec<_> = std::fs::read_dir(&it.disk.path)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["vigie-volume.toml"]);
}

/// A quota: the file system as a whole has room.
#[test]
fn a_disk_at_its_quota_is_told_once() {
    let Some(it) = faulty() else { return };
    let gate = stream("gate");
    let storage = it.house.open();
    let volume = storage.add_volume(&it.disk).unwrap();
    for number in 0..6 {
        let start = at("09:00:00").plus_micros(i64::from(number) * 2_000_000);
        record(&volume, &gate, start, number, 5);
        assert!(volume.settle(LONG));
        if number > 1 {
            // So much has to go that it is all that there is.
            it.faults
                .inject(Fault::new(Op::Write, Effect::Fail(Errno::DQUOT)).at(".mp4").times(1));
        }
        volume.look_at_space();
    }
    assert!(
        it.faults.struck() >= 3 && !volume.has_failed(),
        "{:?}",
        volume.failure()
    );
    assert_eq!(it.told(|fact| matches!(fact, StorageFact::VolumeFull { .. })), 1);
}

#[test]
fn short_writes_and_one_that_takes_long_cost_nothing() {
    let Some(it) = faulty() else { return };
    let gate = stream("gate");
    let storage = it.house.open();
    let volume = storage.add_volume(&it.disk).unwrap();
    it.faults
        .inject(Fault::new(Op::Write, Effect::Delay(std::time::Duration::from_secs(1))).times(1));
    it.faults.inject(Fault::new(Op::Write, Effect::Short(777)));
    record(&volume, &gate, at("09:00:00"), 0, 5);
    assert!(volume.settle(LONG));
    assert!(it.faults.struck() > 5);
    assert_eq!(all(&storage, &gate).segments[0].units, 50);
    storage.index_rebuild().unwrap();
    assert_eq!(all(&storage, &gate).segments[0].units, 50);
}

/// What was rescued, as a whole or in pieces, is not there twice when the disk is back.
#[test]
fn a_disk_that_comes_back_leaves_rescued_footage_to_the_other() {
    for pieces in [1, 3] {
        for kept in [0, 2] {
            let Some(it) = faulty() else { return };
            let gate = stream("gate");
            let storage = it.house.open();
            let disk = Disk {
                tick: std::time::Duration::from_secs(3600),
                ..it.disk.clone()
            };
            let volume = storage.add_volume(&disk).unwrap();
            let other = storage.add_volume(&it.house.disk("d2")).unwrap();
            let mut writer = begin(&volume, segment(&gate, at("09:00:00"), 0));
            // The last sync's are given back too.
            for synced in [0..kept, kept..kept + 1] {
                let written = synced.end;
                for index in synced {
                    writer.append(fragment(at("09:00:00"), index, 1000)).unwrap();
                }
                until("what is written", || volume.snapshot().fragments == written);
                volume.sync_once();
            }
            for index in kept + 1..kept + 3 {
                writer.append(fragment(at("09:00:00"), index, 1000)).unwrap();
            }
            until("what is written", || volume.snapshot().fragments == kept + 3);
            it.faults
                .inject(Fault::new(Op::Write, Effect::Fail(Errno::IO)).at("yard").times(1));
            record(&volume, &stream("yard"), at("09:00:01"), 0, 1);
            let mut given = None;
            until("the failure", || {
                let facts = it.house.facts.lock().unwrap();
                given = facts.iter().find_map(|fact| match fact {
                    StorageFact::VolumeFailed { unsynced, .. } => Some(unsynced.clone()),
                    _ => None,
                });
                given.is_some()
            });
            let mut rest = given.unwrap().iter().find(|lost| lost.stream == gate).unwrap().clone();
            assert_eq!((rest.fragments.len(), rest.confirmed()), (3, 1));
            for _ in 0..pieces {
                let (mut segment, fragments) = other.start_rest(&rest).unwrap();
                for fragment in fragments.into_iter().take(3 / pieces) {
                    segment.append(fragment).unwrap();
                    rest.fragments.remove(0);
                }
            }
            assert!(rest.fragments.is_empty() && other.settle(LONG));
            drop((writer, volume));
            storage.remove_volume(&disk.id);
            let _volume = storage.add_volume(&disk).unwrap();
            let units = |storage: &Storage| all(storage, &gate).segments.iter().map(|row| row.units).sum::<u32>();
            assert_eq!(units(&storage), 10 * (kept as u32 + 3), "{pieces} pieces, {kept} kept");
            storage.index_rebuild().unwrap();
            assert_eq!(units(&storage), 10 * (kept as u32 + 3), "{pieces} pieces, {kept} kept");
            check(&storage);
        }
    }
}
