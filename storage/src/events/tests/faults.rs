//! A folder that is not there, is no folder, is full, or fails.

use std::fs;

use vigie_config::{ErrorKind, Kind};
use vigie_fault_disk::{Effect, Errno, Fault, FaultDisk, Op};

use super::*;

fn entry(number: u64) -> Entry {
    Entry::Begun(moment(time("09:00:00").plus_micros(number as i64), number))
}

fn append(log: &EventLog, number: u64) -> Result<(), EventLogError> {
    log.append_at(time("09:00:00"), &[entry(number)]).map(drop)
}

#[test]
fn a_file_in_place_of_the_folder_is_a_state_of_the_log() {
    let house = House::new();
    fs::write(house.folder(), "not a folder").unwrap();
    let (log, report) = house.open_with_report(time("09:00:00"));
    assert_eq!(report.fault.unwrap().kind(), ErrorKind::Unavailable);
    assert!(append(&log, 1).is_err() && log.query(&all()).is_err());
    assert!(log.state().fault.unwrap().contains("events"));
    assert!(log.open_events().is_err() && log.planned().is_err(), "nobody knows");
    assert_eq!(log.position(), Position(0));
    fs::remove_file(house.folder()).unwrap();
    append(&log, 1).unwrap();
    assert_eq!(log.state().fault, None);
    assert_eq!(texts(&house.open(time("09:00:00")), &all()), ["motion 1"]);
}

#[test]
fn a_folder_that_is_removed_is_made_again_with_what_is_open() {
    let house = House::new();
    let log = house.open(time("09:00:00"));
    let open = motion(time("08:00:00"), 7);
    log.append_at(time("09:00:00"), &[Entry::Begun(open.clone())]).unwrap();
    fs::remove_dir_all(house.folder()).unwrap();
    fs::write(house.folder(), "not a folder").unwrap();
    for _ in 0..3 {
        let error = append(&log, 1).unwrap_err();
        assert!(error.to_string().starts_with("cannot write to"), "{error}");
    }
    fs::remove_file(house.folder()).unwrap();
    append(&log, 2).unwrap();
    assert_eq!(texts(&log, &all()), ["motion 2", "motion 7"]);
    let again = house.open(time("09:00:00"));
    assert_eq!(texts(&again, &all()), ["motion 2", "motion 7"]);
    assert_eq!(again.open_events().unwrap(), [open]);
}

#[test]
fn a_file_that_someone_changed_is_not_written_to() {
    let house = House::new();
    let log = house.open(time("09:00:00"));
    append(&log, 1).unwrap();
    let path = house.files().remove(0);
    let text = fs::read_to_string(&path).unwrap();
    for changed in [format!("{text}a note\n"), text[..text.len() / 2].to_owned()] {
        fs::write(&path, &changed).unwrap();
        append(&log, house.files().len() as u64 + 1).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), changed);
        // Another name for what is open still.
        fs::remove_file(&path).unwrap();
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(house.files().len(), 2);
    let log = house.open(time("09:00:00"));
    assert_eq!(texts(&log, &all()), ["motion 3", "motion 2", "motion 1"]);
}

/// `None`: no root or no FUSE here.
fn faulty(house: &House) -> Option<FaultDisk> {
    let mounted = FaultDisk::mount(&house.dir.path().join("below"), &house.folder());
    if let Err(error) = &mounted {
        eprintln!("left out: no root or no FUSE ({error})");
    }
    mounted.ok()
}

#[test]
fn a_full_disk_and_a_failed_sync_cost_what_was_not_acknowledged() {
    let house = House::new();
    let Some(disk) = faulty(&house) else { return };
    let log = house.open(time("09:00:00"));
    // While the file is made, then while it is appended to.
    for round in 0..2 {
        for (op, errno, kind) in [
            (Op::Write, Errno::NOSPC, ErrorKind::Full),
            (Op::Sync, Errno::IO, ErrorKind::Unavailable),
        ] {
            disk.inject(Fault::new(op, Effect::Fail(errno)));
            let error = append(&log, 100).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(log.state().fault.is_some());
            assert_eq!(texts(&log, &all()).len(), round);
            disk.heal();
        }
        append(&log, round as u64).unwrap();
        assert_eq!(log.state().fault, None);
        assert_eq!(texts(&house.open(time("09:00:00")), &all()).len(), round + 1);
    }
    assert_eq!(texts(&log, &all()), ["motion 1", "motion 0"]);
    drop(log);
    disk.cut_power().unwrap();
    assert_eq!(texts(&house.open(time("09:00:00")), &all()), ["motion 1", "motion 0"]);
}

/// Half of a batch is on the disk when there is no more room.
#[test]
fn a_batch_that_was_written_by_half_does_not_count() {
    let house = House::new();
    let Some(disk) = faulty(&house) else { return };
    let log = house.open(time("09:00:00"));
    append(&log, 0).unwrap();
    // Larger than one request of the kernel.
    let batch: Vec<Entry> = (1..10_000).map(entry).collect();
    disk.inject(Fault::new(Op::Sync, Effect::Fail(Errno::IO)).times(2));
    assert!(log.append_at(time("09:00:00"), &batch).is_err());
    assert_eq!(texts(&log, &all()), ["motion 0"]);
    let (again, _) = house.open_with_report(time("09:00:00"));
    assert_eq!(texts(&again, &all()), ["motion 0"]);
    append(&log, 1).unwrap();
    drop(log);
    disk.cut_power().unwrap();
    assert_eq!(texts(&house.open(time("09:00:00")), &all()), ["motion 1", "motion 0"]);
}

#[test]
fn a_power_cut_leaves_every_acknowledged_entry() {
    let house = House::new();
    let Some(disk) = faulty(&house) else { return };
    let mut acknowledged = 0;
    for cut in 0..20 {
        let now = time("09:00:00").plus_micros(cut * 40_000_000_000);
        let (log, _) = house.open_with_report(now);
        assert_eq!(log.since(Position(0)).unwrap().len() as u64, acknowledged, "cut {cut}");
        for _ in 0..cut % 4 + 1 {
            log.append_at(now, &[entry(acknowledged), entry(acknowledged + 1)])
                .unwrap();
            acknowledged += 2;
        }
        drop(log);
        disk.cut_power().unwrap();
    }
}
