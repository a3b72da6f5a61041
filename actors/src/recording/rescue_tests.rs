//! What a failed volume had not synced: where it goes, and who hears of what goes nowhere.

#![allow(clippy::unwrap_used)]

use std::{
    cell::{Cell, RefCell},
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use ulid::Ulid;
use vigie_config::{CameraId, Causes, Disk, StreamId, StreamName, Utc};
use vigie_media::{
    AccessUnit, StreamFormat, Track,
    fmp4::{self, FragmentBuilder, Last},
};
use vigie_storage::{Fragment, SegmentStart, Storage, StorageFact, StorageOptions, Unsynced, Volume};

use super::{disk_tests::mjpeg, footage::storable, rescue};
use crate::disks::plain_disk;

const LONG: Duration = Duration::from_secs(60);

fn start() -> Utc {
    Utc::from_micros(1_763_632_860_000_000)
}

fn disk(folder: &Path, id: &str, tick: Duration) -> Disk {
    let path = folder.join(id);
    std::fs::create_dir_all(&path).unwrap();
    Disk {
        tick,
        ..plain_disk(id, path)
    }
}

fn format() -> Arc<StreamFormat> {
    Arc::new(StreamFormat {
        video: Some(mjpeg()),
        audio: None,
    })
}

/// 10 pictures, 400 ms each, of one time line.
fn fragments(count: i64) -> Vec<Fragment> {
    let format = format();
    let unit = |n: i64| AccessUnit {
        track: Track::Video,
        data: vec![7; 1000].into(),
        dts: n * 3600,
        pts: n * 3600,
        utc: start().plus_micros(n * 40_000),
        rap: true,
        epoch: 0,
        format: format.clone(),
        seq: 0,
    };
    let mut builder = FragmentBuilder::new(&unit(0));
    let one = |at: i64| {
        (at * 10..(at + 1) * 10).for_each(|n| builder.push(Arc::new(unit(n))));
        storable(&builder.cut(Last::Assume).unwrap())
    };
    (0..count).map(one).collect()
}

fn append(volume: &Arc<Volume>, camera: &str, fragments: Vec<Fragment>) {
    let segment = SegmentStart {
        stream: StreamId::new(CameraId::new(camera).unwrap(), StreamName::Main),
        run: Ulid::from_parts(1, 1),
        number: 0,
        start: start(),
        causes: Causes::SCHEDULE,
        continued: false,
        synchronised: true,
        codec: "mp4v.6c".into(),
    };
    let format = format();
    let init = move |tags: &[(String, String)]| fmp4::init_segment(&format, tags).unwrap();
    let mut writer = volume.start_segment(segment, init).unwrap();
    for fragment in fragments {
        writer.append(fragment).unwrap();
    }
}

fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(begin.elapsed() < LONG, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A disk that was taken away before its first sync, with 5 fragments of `gate` and one of `yard`.
struct Failed {
    folder: tempfile::TempDir,
    _storage: Arc<Storage>,
    volume: Arc<Volume>,
    unsynced: Arc<Vec<Unsynced>>,
}

fn failed() -> Failed {
    let folder = tempfile::tempdir().unwrap();
    let found = Arc::new(Mutex::new(None));
    let told = found.clone();
    let options = StorageOptions {
        facts: Arc::new(move |fact| {
            if let StorageFact::VolumeFailed { unsynced, .. } = fact {
                *told.lock().unwrap() = Some(unsynced);
            }
        }),
        ..StorageOptions::default()
    };
    let storage = Storage::open(&folder.path().join("state"), options).unwrap();
    let volume = storage
        .add_volume(&disk(folder.path(), "one", Duration::from_secs(3600)))
        .unwrap();
    append(&volume, "gate", fragments(5));
    until("what is written", || (volume.snapshot().fragments == 5).then_some(()));
    std::fs::rename(folder.path().join("one"), folder.path().join("away")).unwrap();
    append(&volume, "yard", fragments(1));
    let unsynced = until("the failure", || found.lock().unwrap().take());
    Failed {
        folder,
        _storage: storage,
        volume,
        unsynced,
    }
}

/// Another recorder's disk, so that all on it came from the rescue.
fn other(failed: &Failed, queue_bytes: u64) -> (Arc<Storage>, Arc<Volume>) {
    let options = StorageOptions {
        queue_bytes,
        ..StorageOptions::default()
    };
    let storage = Storage::open(&failed.folder.path().join("other-state"), options).unwrap();
    let volume = storage
        .add_volume(&disk(failed.folder.path(), "two", Duration::from_millis(20)))
        .unwrap();
    (storage, volume)
}

/// Units of a camera, and what time they cover: from the start on, without a hole.
fn stored(storage: &Storage, camera: &str) -> (u32, i64) {
    let stream = StreamId::new(CameraId::new(camera).unwrap(), StreamName::Main);
    let rows = storage.recordings(&stream, Utc::MIN, Utc::MAX).segments;
    let mut end = start();
    for row in &rows {
        assert_eq!(row.start, end, "{rows:?}");
        end = row.end;
    }
    (rows.iter().map(|row| row.units).sum(), end.micros_since(start()))
}

#[test]
fn all_of_it_goes_to_another_disk() {
    let failed = failed();
    let (storage, two) = other(&failed, 256 << 20);
    rescue(&failed.unsynced, |_| Some(two.clone()), |lost| panic!("{lost:?}"));
    assert!(two.settle(LONG));
    assert_eq!(stored(&storage, "gate"), (50, 2_000_000));
    assert_eq!(stored(&storage, "yard"), (10, 400_000));
}

/// A disk that comes back asks what of its own is a copy: then the copies must be in their files.
#[test]
fn when_it_returns_all_of_it_is_in_files() {
    let failed = failed();
    let (storage, two) = other(&failed, 256 << 20);
    rescue(&failed.unsynced, |_| Some(two.clone()), |lost| panic!("{lost:?}"));
    assert_eq!(stored(&storage, "gate"), (50, 2_000_000));
    assert_eq!(stored(&storage, "yard"), (10, 400_000));
}

#[test]
fn what_finds_no_disk_is_told_and_nothing_else_is() {
    let failed = failed();
    let (storage, two) = other(&failed, 256 << 20);
    let gone = RefCell::new(Vec::new());
    let place = |lost: &Unsynced| (lost.stream.camera.as_str() == "yard").then(|| two.clone());
    let note = |lost: &Unsynced| gone.borrow_mut().push((lost.stream.to_string(), lost.fragments.len()));
    rescue(&failed.unsynced, place, note);
    assert!(two.settle(LONG));
    assert_eq!(gone.into_inner(), [("gate/main".to_owned(), 5)]);
    assert_eq!(stored(&storage, "gate").0, 0);
    assert_eq!(stored(&storage, "yard").0, 10);
}

/// Room in memory for two fragments: the rest waits for the sync.
#[test]
fn a_disk_without_room_in_memory_is_waited_for() {
    let failed = failed();
    let fragment = failed.unsynced[0].fragments[0].len();
    let (storage, two) = other(&failed, 2 * fragment + 100);
    rescue(&failed.unsynced, |_| Some(two.clone()), |lost| panic!("{lost:?}"));
    assert!(two.settle(LONG));
    assert!(two.snapshot().refused > 0);
    assert_eq!(stored(&storage, "gate"), (50, 2_000_000));
    assert_eq!(stored(&storage, "yard"), (10, 400_000));
}

#[test]
fn a_disk_that_is_gone_too_is_passed_over() {
    let failed = failed();
    let (storage, two) = other(&failed, 256 << 20);
    let asked = Cell::new(0);
    let place = |_: &Unsynced| {
        asked.set(asked.get() + 1);
        Some(if asked.get() == 1 {
            failed.volume.clone()
        } else {
            two.clone()
        })
    };
    rescue(&failed.unsynced, place, |lost| panic!("{lost:?}"));
    assert!(two.settle(LONG));
    assert_eq!(asked.get(), 3);
    assert_eq!(stored(&storage, "gate"), (50, 2_000_000));
}
