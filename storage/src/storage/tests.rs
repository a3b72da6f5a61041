#![allow(clippy::unwrap_used)]

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use ulid::Ulid;
use vigie_config::{CameraId, Causes, Disk, DiskId, GapCause, StreamId, StreamName, Utc};

use super::*;
use crate::{
    error::{VolumeError, WriteError},
    fact::StorageFact,
    mp4::{sample, scan_segment},
    retention::Reason,
    segment::{Fragment, SegmentStart},
    volume::{Limits, SegmentWriter, Volume},
};

pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A recorder's folders, and what it was told.
pub(super) struct House {
    pub dir: tempfile::TempDir,
    pub facts: Arc<Mutex<Vec<StorageFact>>>,
}

impl House {
    pub(super) fn new() -> House {
        let dir = tempfile::tempdir().unwrap();
        for disk in ["d1", "d2"] {
            std::fs::create_dir(dir.path().join(disk)).unwrap();
        }
        House {
            dir,
            facts: Arc::default(),
        }
    }
    pub(super) fn disk(&self, id: &str) -> Disk {
        disk(id, self.dir.path().join(id))
    }
    pub(super) fn open(&self) -> Arc<Storage> {
        self.open_with(StorageOptions::default())
    }
    pub(super) fn open_with(&self, options: StorageOptions) -> Arc<Storage> {
        let facts = self.facts.clone();
        let options = StorageOptions {
            facts: Arc::new(move |fact| facts.lock().unwrap().push(fact)),
            ..options
        };
        // A thread of the storage that was dropped before may still hold it for a moment.
        let begin = std::time::Instant::now();
        loop {
            match Storage::open(&self.dir.path().join("state"), options.clone()) {
                Err(StorageError::InUse { .. }) if begin.elapsed() < LONG => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                opened => return opened.unwrap(),
            }
        }
    }
    /// Without folders.
    pub(super) fn empty() -> House {
        House {
            dir: tempfile::tempdir().unwrap(),
            facts: Arc::default(),
        }
    }
    /// The state folder as it is at this moment.
    pub(super) fn snapshot_of_state(&self) -> House {
        let house = House::empty();
        let to = house.dir.path().join("state");
        std::fs::create_dir(&to).unwrap();
        copy(&self.dir.path().join("state"), &to);
        house
    }
    /// The folders as they are at this moment, as a crash would leave them.
    pub(super) fn snapshot(&self) -> House {
        let house = House {
            dir: tempfile::tempdir().unwrap(),
            facts: Arc::default(),
        };
        copy(self.dir.path(), house.dir.path());
        house
    }
}

/// Without limits.
pub(crate) fn disk(id: &str, path: PathBuf) -> Disk {
    Disk {
        id: DiskId::new(id).unwrap(),
        path,
        group: "default".into(),
        keep_free_bytes: 0,
        max_size_bytes: None,
        require_mount: false,
        when_full: Default::default(),
        tick: Duration::from_millis(20),
    }
}

pub(super) fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            // A dot file may get its name meanwhile.
            let _ = std::fs::copy(entry.path(), to);
        }
    }
}

pub(crate) fn stream(name: &str) -> StreamId {
    StreamId::new(CameraId::new(name).unwrap(), StreamName::Main)
}
pub(crate) fn at(text: &str) -> Utc {
    format!("2026-11-20T{text}Z").parse().unwrap()
}

pub(crate) fn segment(stream: &StreamId, start: Utc, number: u32) -> SegmentStart {
    SegmentStart {
        stream: stream.clone(),
        run: Ulid::from_parts(1, 1),
        number,
        start,
        causes: Causes::SCHEDULE,
        continued: false,
        synchronised: true,
        codec: "avc1.640028".into(),
    }
}

/// 400 ms, 10 pictures.
pub(crate) fn fragment(start: Utc, index: u64, size: u32) -> Fragment {
    let (header, media) = sample::fragment(index * 36_000, 3600, &[size; 10], index == 0);
    let begin = start.plus_micros(index as i64 * 400_000);
    Fragment {
        header,
        media,
        start: begin,
        end: begin.plus_micros(400_000),
        units: 10,
        rap: index == 0,
    }
}

pub(super) fn begin(volume: &Arc<Volume>, segment: SegmentStart) -> SegmentWriter {
    volume.start_segment(segment, |tags| sample::init(tags, false)).unwrap()
}

pub(super) fn record(volume: &Arc<Volume>, stream: &StreamId, start: Utc, number: u32, fragments: u64) {
    let mut writer = begin(volume, segment(stream, start, number));
    for index in 0..fragments {
        writer.append(fragment(start, index, 1000)).unwrap();
    }
    writer.finish();
}

pub(super) fn all(storage: &Storage, stream: &StreamId) -> Recordings {
    storage.recordings(stream, Utc::MIN, Utc::MAX)
}

pub(super) fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else if entry.path().extension().is_some_and(|e| e == "mp4") {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + LONG;
    while !done() {
        assert!(std::time::Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A disk that was counted: before, what begins at times long past may be left out of the count.
pub(super) fn counted(storage: &Arc<Storage>, disk: &Disk) -> Arc<Volume> {
    let volume = storage.add_volume(disk).unwrap();
    until("counted", || volume.may_have_checkpoint());
    volume
}

pub(super) fn check(storage: &Storage) {
    let report = storage.index_check().unwrap();
    assert!(
        report.differences.is_empty() && report.unreadable.is_empty(),
        "{report:#?}"
    );
}

#[test]
fn recorded_listed_and_there_after_a_restart() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    assert!(storage.last_recorded(&gate).is_none());
    record(&volume, &gate, at("09:41:00.123456"), 0, 5);
    let mut writer = begin(&volume, segment(&gate, at("09:41:02.123456"), 1));
    writer.append(fragment(at("09:41:02.123456"), 0, 1000)).unwrap();
    writer.append(fragment(at("09:41:02.123456"), 1, 1000)).unwrap();
    assert!(volume.settle(LONG));

    let seen = all(&storage, &gate);
    assert_eq!(seen.segments.len(), 2, "the open one is listed");
    assert_eq!((seen.segments[0].units, seen.segments[1].units), (50, 20));
    assert_eq!(seen.segments[0].end, seen.segments[1].start);
    assert_eq!(storage.last_recorded(&gate), Some(at("09:41:02.923456")));
    assert!(seen.gaps.is_empty());
    assert_eq!(volume.snapshot().unsynced_bytes, 0);
    check(&storage);
    writer.finish();
    drop(storage);

    assert_eq!(files(house.dir.path()).len(), 2);
    for (path, row) in files(house.dir.path()).iter().zip(&seen.segments) {
        assert!(path.ends_with(row.relative_path()));
        assert_eq!(std::fs::metadata(path).unwrap().len(), row.bytes);
    }
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    let again = all(&storage, &gate);
    assert_eq!(again.segments, seen.segments);
    assert_eq!(again.gaps.len(), 1);
    assert_eq!((again.gaps[0].cause, again.gaps[0].end), (GapCause::Shutdown, None));
    assert_eq!(again.gaps[0].start, at("09:41:02.923456"));
    // The first recorded unit ends it.
    record(&volume, &gate, at("09:50:00"), 0, 1);
    assert!(volume.settle(LONG));
    assert_eq!(all(&storage, &gate).gaps[0].end, Some(at("09:50:00")));
    check(&storage);
}

#[test]
fn a_crash_costs_nothing_that_was_written_and_leaves_its_gap() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    record(&volume, &gate, at("09:41:00"), 0, 5);
    let mut writer = begin(&volume, segment(&gate, at("09:41:02"), 1));
    writer.append(fragment(at("09:41:02"), 0, 1000)).unwrap();
    writer.append(fragment(at("09:41:02"), 1, 1000)).unwrap();
    assert!(volume.settle(LONG));
    let seen = all(&storage, &gate);

    // As kill -9 leaves it, and with a torn tail.
    for torn in [0, 700] {
        let after = house.snapshot();
        let open = files(after.dir.path()).pop().unwrap();
        let whole = std::fs::metadata(&open).unwrap().len();
        let file = std::fs::OpenOptions::new().append(true).open(&open).unwrap();
        let (header, _) = sample::fragment(72_000, 3600, &[1000; 10], false);
        std::io::Write::write_all(&mut &file, &[header.as_ref(), &vec![7; torn]].concat()).unwrap();
        // A file without one whole fragment, and one that is not ours.
        std::fs::write(open.with_file_name("20261120T094159.000Z.mp4"), vec![0; 5000]).unwrap();
        std::fs::write(open.with_file_name(".20261120T094158.000Z.mp4"), []).unwrap();
        std::fs::write(
            open.with_file_name("20261120T094157.000Z.mp4"),
            b"a letter to my mother",
        )
        .unwrap();

        let storage = after.open();
        let volume = storage.add_volume(&after.disk("d1")).unwrap();
        assert_eq!(std::fs::metadata(&open).unwrap().len(), whole);
        assert_eq!(files(after.dir.path()).len(), 2);
        assert!(open.with_file_name("20261120T094157.000Z.mp4.broken").exists());
        let again = all(&storage, &gate);
        assert_eq!(again.segments, seen.segments);
        until("the gap of the crash", || !all(&storage, &gate).gaps.is_empty());
        let gap = all(&storage, &gate).gaps.remove(0);
        assert_eq!(
            (gap.start, gap.end, gap.cause),
            (at("09:41:02.8"), None, GapCause::Crash)
        );
        record(&volume, &gate, at("09:41:10"), 0, 1);
        assert!(volume.settle(LONG));
        assert_eq!(all(&storage, &gate).gaps[0].end, Some(at("09:41:10")));
        check(&storage);
        let rows = all(&storage, &gate);
        storage.index_rebuild().unwrap();
        assert_eq!(all(&storage, &gate), rows);
    }
}

#[test]
fn footage_that_comes_back_at_once_still_closes_the_gap_of_a_crash() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    record(&volume, &gate, at("09:41:00"), 0, 5);
    assert!(volume.settle(LONG));
    let after = house.snapshot();
    let storage = after.open();
    let volume = storage.add_volume(&after.disk("d1")).unwrap();
    record(&volume, &gate, at("09:41:05"), 0, 5);
    assert!(volume.settle(LONG));
    let gaps = all(&storage, &gate).gaps;
    assert_eq!(gaps.len(), 1);
    assert_eq!(
        (gaps[0].start, gaps[0].end, gaps[0].cause),
        (at("09:41:02"), Some(at("09:41:05")), GapCause::Crash)
    );
    check(&storage);
}

#[test]
fn a_stream_taken_out_and_back_has_its_gap_after_a_crash() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    record(&volume, &gate, at("09:41:00"), 0, 5);
    assert!(volume.settle(LONG));
    storage.recording_ended(&gate, at("09:41:02"));
    record(&volume, &gate, at("09:42:00"), 1, 5);
    assert!(volume.settle(LONG));
    assert!(all(&storage, &gate).gaps.is_empty(), "it was not to be recorded");
    let after = house.snapshot();
    let storage = after.open();
    let volume = storage.add_volume(&after.disk("d1")).unwrap();
    record(&volume, &gate, at("09:42:05"), 0, 5);
    assert!(volume.settle(LONG));
    let gaps: Vec<_> = all(&storage, &gate)
        .gaps
        .iter()
        .map(|g| (g.start, g.end, g.cause))
        .collect();
    assert_eq!(gaps, [(at("09:42:02"), Some(at("09:42:05")), GapCause::Crash)]);
    check(&storage);
}

#[test]
fn a_segment_from_before_a_stream_was_taken_out_does_not_bring_it_back() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    record(&volume, &gate, at("09:41:00"), 0, 5);
    assert!(volume.settle(LONG));
    let mut late = begin(&volume, segment(&gate, at("09:41:30"), 1));
    storage.recording_ended(&gate, at("09:41:32"));
    late.append(fragment(at("09:41:30"), 0, 1000)).unwrap();
    late.finish();
    assert!(volume.settle(LONG));
    assert!(storage.is_ended(&gate));
    assert!(all(&storage, &gate).gaps.is_empty(), "nobody missed anything");
    record(&volume, &gate, at("09:43:00"), 2, 5);
    assert!(volume.settle(LONG));
    assert!(!storage.is_ended(&gate), "it is wanted again");
    assert!(all(&storage, &gate).gaps.is_empty());
    check(&storage);
}

#[test]
fn gaps_of_many_causes_and_a_rebuild() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volumes: Vec<_> = ["d1", "d2"]
        .iter()
        .map(|d| storage.add_volume(&house.disk(d)).unwrap())
        .collect();
    record(&volumes[0], &gate, at("09:00:00"), 0, 5);
    assert!(volumes[0].settle(LONG));
    storage.gap_opened(&gate, at("09:00:02"), GapCause::Stalled);
    storage.gap_cause(&gate, at("09:00:12"), GapCause::CameraOffline);
    storage.gap_cause(&gate, at("09:00:12"), GapCause::CameraOffline);
    assert_eq!(all(&storage, &gate).gaps.len(), 2);
    record(&volumes[1], &gate, at("09:00:20"), 1, 5);
    assert!(volumes[1].settle(LONG));
    let rows = all(&storage, &gate);
    let gaps: Vec<_> = rows.gaps.iter().map(|g| (g.cause, g.end)).collect();
    assert_eq!(
        gaps,
        [
            (GapCause::Stalled, Some(at("09:00:12"))),
            (GapCause::CameraOffline, Some(at("09:00:20")))
        ]
    );
    // Half a second is none.
    storage.gap_opened(&gate, at("09:00:22"), GapCause::Network);
    storage.gap_closed(&gate, at("09:00:22.5"));
    // Nobody said why: never silent.
    record(&volumes[1], &gate, at("09:00:30"), 2, 5);
    assert!(volumes[1].settle(LONG));
    let last = all(&storage, &gate).gaps.pop().unwrap();
    assert_eq!(
        (last.start, last.end, last.cause),
        (at("09:00:22"), Some(at("09:00:30")), GapCause::Overload)
    );
    check(&storage);
    let rows = all(&storage, &gate);
    let report = storage.index_rebuild().unwrap();
    assert_eq!((report.segments, report.gaps), (3, 3));
    assert_eq!(all(&storage, &gate), rows);

    // Either disk alone tells all gaps; the index is lost.
    drop(storage);
    std::fs::remove_dir_all(house.dir.path().join("state/index")).unwrap();
    let storage = house.open();
    storage.add_volume(&house.disk("d2")).unwrap();
    until("read back", || storage.index_state() == IndexState::Ok);
    assert_eq!(all(&storage, &gate).gaps[..3], rows.gaps[..]);
    assert_eq!(all(&storage, &gate).segments[..], rows.segments[1..]);
    storage.add_volume(&house.disk("d1")).unwrap();
    until("read back", || storage.index_state() == IndexState::Ok);
    assert_eq!(all(&storage, &gate).segments, rows.segments);
}

#[test]
fn a_broken_state_folder_does_not_stop_recording() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    record(&volume, &gate, at("09:00:00"), 0, 5);
    drop(volume);
    drop(storage);
    let state = house.dir.path().join("state");
    std::fs::write(state.join("recorder.toml"), [0xff; 64]).unwrap();
    std::fs::remove_dir_all(state.join("index")).unwrap();
    std::fs::write(state.join("index"), "nothing like an index").unwrap();

    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    record(&volume, &gate, at("09:01:00"), 0, 5);
    assert!(volume.settle(LONG));
    until("older footage is read back", || {
        all(&storage, &gate).segments.len() == 2
    });
    assert_eq!(all(&storage, &gate).gaps.len(), 1);
}

#[test]
fn foreign_missing_and_replaced_disks() {
    let house = House::new();
    let other = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    let foreign = other.open();
    let path = house.dir.path().join("d1");
    assert!(matches!(
        foreign.add_volume(&Disk {
            path: path.clone(),
            ..other.disk("d1")
        }),
        Err(VolumeError::Foreign { .. })
    ));
    assert!(matches!(
        storage.add_volume(&Disk {
            path: path.clone(),
            ..house.disk("d9")
        }),
        Err(VolumeError::Duplicate { .. })
    ));
    assert!(matches!(
        storage.add_volume(&Disk {
            path: house.dir.path().join("no"),
            ..house.disk("d9")
        }),
        Err(VolumeError::Missing { .. })
    ));
    assert!(matches!(
        storage.add_volume(&Disk {
            require_mount: true,
            ..house.disk("d2")
        }),
        Err(VolumeError::NotMounted { .. })
    ));

    // The folder is replaced under our feet: not one byte goes to the new one.
    let mut writer = begin(&volume, segment(&gate, at("09:00:00"), 0));
    writer.append(fragment(at("09:00:00"), 0, 1000)).unwrap();
    assert!(volume.settle(LONG));
    std::fs::rename(&path, house.dir.path().join("moved")).unwrap();
    std::fs::create_dir(&path).unwrap();
    until("noticed", || volume.has_failed());
    assert!(matches!(
        writer.append(fragment(at("09:00:00"), 1, 1000)),
        Err(WriteError::VolumeDown { .. })
    ));
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
    assert!(matches!(
        storage.add_volume(&house.disk("d1")),
        Err(VolumeError::Blank { .. })
    ));
    std::fs::remove_dir(&path).unwrap();
    std::fs::rename(house.dir.path().join("moved"), &path).unwrap();
    drop(writer);
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    record(&volume, &gate, at("09:00:10"), 1, 1);
    assert!(volume.settle(LONG));
    assert_eq!(all(&storage, &gate).segments.len(), 2);
    check(&storage);
}

#[test]
fn the_queue_is_bounded_and_a_bad_fragment_costs_its_segment_only() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open_with(StorageOptions {
        queue_bytes: 50_000,
        ..StorageOptions::default()
    });
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    let mut writer = begin(&volume, segment(&gate, at("09:00:00"), 0));
    writer.append(fragment(at("09:00:00"), 0, 1000)).unwrap();
    assert!(matches!(
        writer.append(fragment(at("09:00:00"), 1, 9000)),
        Err(WriteError::QueueFull { .. })
    ));
    let mut bad = fragment(at("09:00:00"), 1, 1000);
    bad.media.pop();
    writer.append(bad).unwrap();
    assert!(volume.settle(LONG));
    assert!(matches!(
        writer.append(fragment(at("09:00:00"), 1, 1000)),
        Err(WriteError::SegmentDown { .. })
    ));
    drop(writer);
    record(&volume, &gate, at("09:00:00.4"), 1, 2);
    assert!(volume.settle(LONG));
    assert_eq!(all(&storage, &gate).segments.len(), 2);
    assert_eq!(volume.snapshot().dropped_units, 10);
    check(&storage);
}

#[test]
fn sub_streams_wait_first() {
    let house = House::new();
    let storage = house.open_with(StorageOptions {
        queue_bytes: 50_000,
        ..StorageOptions::default()
    });
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    let sub = StreamId::new(CameraId::new("gate").unwrap(), StreamName::Sub);
    let mut of_sub = begin(&volume, segment(&sub, at("09:00:00"), 0));
    let mut of_main = begin(&volume, segment(&stream("gate"), at("09:00:00"), 0));
    assert!(matches!(
        of_sub.append(fragment(at("09:00:00"), 0, 3000)),
        Err(WriteError::QueueFull { limit: 25_000, .. })
    ));
    of_main.append(fragment(at("09:00:00"), 0, 3000)).unwrap();
}

#[test]
fn a_clock_that_went_back_overwrites_nothing() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    for number in 0..3 {
        record(&volume, &gate, at("09:00:00.0005"), number, 2);
    }
    assert!(volume.settle(LONG));
    let starts: Vec<_> = all(&storage, &gate).segments.iter().map(|row| row.start).collect();
    assert_eq!(starts, [at("09:00:00.0005"), at("09:00:00.0015"), at("09:00:00.0025")]);
    storage.checkpoint();
    record(&volume, &gate, at("08:00:00"), 4, 2);
    assert!(volume.settle(LONG));
    until("the checkpoint follows", || !volume.is_behind_checkpoint());
    let after = house.snapshot();
    let storage = after.open();
    storage.add_volume(&after.disk("d1")).unwrap();
    check(&storage);
}

#[test]
fn retention_by_age_size_and_space() {
    let house = House::new();
    let (gate, yard) = (stream("gate"), stream("yard"));
    let storage = house.open();
    let disk = house.disk("d1");
    let volume = storage.add_volume(&disk).unwrap();
    until("a new disk is counted", || volume.knows_footage_bytes());
    for minute in 0..20 {
        let start = at("08:00:00").plus_micros(minute * 400_000_000);
        record(&volume, &gate, start, 0, 2);
        record(&volume, &yard, start.plus_micros(1_000_000), 0, 2);
    }
    assert!(volume.settle(LONG));
    let now = at("10:13:20");
    let mut rules = RetentionRules::default();
    rules.max_age.insert(gate.camera.clone(), Duration::from_secs(3600));
    assert!(storage.retention_pass(&rules, now, false).age_paused);
    assert_eq!(all(&storage, &gate).segments.len(), 20);
    let report = storage.retention_pass(&rules, now, true);
    assert!(
        !report.deleted.is_empty()
            && report
                .deleted
                .iter()
                .all(|d| d.reason == Reason::Age && *d.what.camera() == gate.camera)
    );
    let limit = at("09:13:20");
    let left = all(&storage, &gate).segments;
    assert!(left.iter().all(|row| row.end.plus_micros(400_000_000) > limit));
    assert_eq!(left.len(), 20 - report.deleted.len());
    assert_eq!(all(&storage, &yard).segments.len(), 20);
    check(&storage);

    // By size, in order of writing over all cameras, also without the index.
    storage.catalog.index().clear().unwrap();
    let before = files(house.dir.path()).len();
    let max = volume.footage_bytes() - 1;
    volume.set_limits(Limits {
        max_size_bytes: Some(max),
        ..Limits::of(&disk)
    });
    let report = storage.retention_pass(&RetentionRules::default(), now, true);
    assert_eq!(report.deleted.len(), 1);
    assert_eq!(
        (report.deleted[0].what.start(), report.deleted[0].reason),
        (at("08:00:01"), Reason::Size)
    );
    assert_eq!(files(house.dir.path()).len(), before - 1);

    // The one that is being written stays, whatever is asked for.
    let mut writer = begin(&volume, segment(&gate, at("08:00:00"), 0));
    writer.append(fragment(at("08:00:00"), 0, 1000)).unwrap();
    assert!(volume.settle(LONG));
    volume.set_limits(Limits {
        keep_free_bytes: u64::MAX,
        ..Limits::of(&disk)
    });
    let report = storage.retention_pass(&RetentionRules::default(), now, true);
    assert!(report.deleted.iter().all(|d| d.reason == Reason::Space));
    assert_eq!(files(house.dir.path()).len(), 1);
    drop(writer);
}

#[test]
fn what_a_failed_volume_held_is_given_back() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    // A tick that does not come.
    let disk = Disk {
        tick: Duration::from_secs(3600),
        ..house.disk("d1")
    };
    let volume = storage.add_volume(&disk).unwrap();
    let mut writer = begin(&volume, segment(&gate, at("09:00:00"), 0));
    for index in 0..3 {
        writer.append(fragment(at("09:00:00"), index, 1000)).unwrap();
    }
    until("written", || volume.snapshot().fragments == 3);
    assert!(volume.snapshot().unsynced_bytes > 30_000);
    std::fs::remove_file(house.dir.path().join("d1/vigie-volume.toml")).unwrap();
    drop(writer);
    let mut writer = begin(&volume, segment(&gate, at("09:00:01.2"), 1));
    writer.append(fragment(at("09:00:01.2"), 0, 1000)).unwrap();
    until("told", || {
        house
            .facts
            .lock()
            .unwrap()
            .iter()
            .any(|f| matches!(f, StorageFact::VolumeFailed { .. }))
    });
    let facts = house.facts.lock().unwrap();
    let Some(StorageFact::VolumeFailed { error, unsynced, .. }) =
        facts.iter().find(|f| matches!(f, StorageFact::VolumeFailed { .. }))
    else {
        panic!()
    };
    assert!(matches!(error, VolumeError::Unmarked { .. }));
    assert_eq!(unsynced.iter().map(|u| u.fragments.len()).collect::<Vec<_>>(), [3, 1]);
}

#[test]
fn many_writers_at_once() {
    let house = House::new();
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let volume = &volume;
            scope.spawn(move || {
                let stream = stream(&format!("c{n}"));
                for number in 0..10 {
                    record(
                        volume,
                        &stream,
                        at("09:00:00").plus_micros(i64::from(number) * 2_000_000),
                        number,
                        5,
                    );
                }
            });
        }
    });
    assert!(volume.settle(LONG));
    for n in 0..8 {
        let rows = all(&storage, &stream(&format!("c{n}")));
        assert_eq!(rows.segments.len(), 10);
        assert!(rows.gaps.is_empty());
    }
    for path in files(house.dir.path()) {
        let scan = scan_segment(&std::fs::File::open(path).unwrap()).unwrap();
        assert_eq!((scan.fragments.len(), scan.valid_len), (5, scan.file_len));
    }
    check(&storage);
}
