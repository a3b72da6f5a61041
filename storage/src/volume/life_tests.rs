//! A volume that hangs, is given up, fails: nothing it holds is forgotten, nothing is told twice.
#![allow(clippy::unwrap_used)]

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use bytes::Bytes;
use vigie_config::Utc;

use super::*;
use crate::{
    Storage,
    error::WriteError,
    fact::{StorageFact, Unsynced},
    mp4::sample,
    segment::Fragment,
    storage::tests::{at, disk, fragment, segment, stream, until},
};

type Told = Arc<Mutex<Vec<StorageFact>>>;

/// A volume whose writer waits inside the first segment until `release` is dropped.
struct Stuck {
    volume: Arc<Volume>,
    told: Told,
    writer: SegmentWriter,
    release: mpsc::Sender<()>,
    storage: Arc<Storage>,
    folder: tempfile::TempDir,
}

fn start() -> Utc {
    at("09:00:00")
}

fn piece(index: u64) -> Fragment {
    fragment(start(), index, 1000)
}

fn stuck(hung_after: Duration) -> Stuck {
    let folder = tempfile::tempdir().unwrap();
    let (told, path) = (Told::default(), folder.path().join("d1"));
    std::fs::create_dir(&path).unwrap();
    let facts = told.clone();
    let options = StorageOptions {
        facts: Arc::new(move |fact| facts.lock().unwrap().push(fact)),
        hung_after,
        hung_after_rotating: hung_after,
        ..StorageOptions::default()
    };
    let storage = Storage::open(&folder.path().join("state"), options).unwrap();
    let volume = storage.add_volume(&disk("d1", path)).unwrap();
    let (release, wait) = mpsc::channel::<()>();
    let (inside, entered) = mpsc::channel();
    let (wait, inside) = (Mutex::new(wait), Mutex::new(inside));
    let init = move |tags: &[(String, String)]| -> Bytes {
        // Nobody may be there to be told.
        let _ = inside.lock().unwrap().send(());
        let _ = wait.lock().unwrap().recv();
        sample::init(tags, false)
    };
    let mut writer = volume
        .start_segment(segment(&stream("gate"), start(), 0), init)
        .unwrap();
    writer.append(piece(0)).unwrap();
    entered.recv().unwrap();
    Stuck {
        volume,
        told,
        writer,
        release,
        storage,
        folder,
    }
}

impl Stuck {
    fn count(&self, what: impl Fn(&StorageFact) -> bool) -> usize {
        self.told.lock().unwrap().iter().filter(|fact| what(fact)).count()
    }

    /// What the failure gave back, by the starts of its fragments; once.
    fn given_back(&self) -> (VolumeError, Vec<Utc>) {
        let told = self.told.lock().unwrap();
        let failures: Vec<_> = told
            .iter()
            .filter_map(|fact| match fact {
                StorageFact::VolumeFailed { error, unsynced, .. } => Some((error.clone(), unsynced.clone())),
                _ => None,
            })
            .collect();
        let [(error, unsynced)] = failures.as_slice() else {
            panic!("{told:?}")
        };
        let starts = |one: &Unsynced| one.fragments.iter().map(|f| f.start).collect::<Vec<_>>();
        (error.clone(), unsynced.iter().flat_map(starts).collect())
    }
}

fn starts(indexes: std::ops::Range<i64>) -> Vec<Utc> {
    indexes.map(|n| start().plus_micros(n * 400_000)).collect()
}

#[test]
fn a_slow_disk_without_another_is_told_once_and_waited_for() {
    let it = stuck(Duration::from_millis(50));
    until("lag", || !it.volume.is_prompt());
    for _ in 0..3 {
        it.volume.watch(false);
    }
    let slow = |fact: &StorageFact| matches!(fact, StorageFact::VolumeSlow { millis, .. } if *millis >= 50);
    assert_eq!(it.count(slow), 1);
    assert!(!it.volume.has_failed());
    assert_eq!(it.volume.snapshot().state, VolumeState::Slow);
    drop(it.release);
    assert!(it.volume.settle(Duration::from_secs(60)));
    assert!(it.volume.is_prompt());
    assert_eq!(it.volume.snapshot().unsynced_bytes, 0, "all of it is on the disk");
}

#[test]
fn a_slow_disk_beside_another_is_given_up_with_all_it_holds() {
    let mut it = stuck(Duration::from_millis(50));
    it.writer.append(piece(1)).unwrap();
    it.writer.append(piece(2)).unwrap();
    until("lag", || !it.volume.is_prompt());
    it.volume.watch(true);
    let (error, given) = it.given_back();
    assert!(
        matches!(error, VolumeError::SlowSync { millis, allowed: 50, .. } if millis >= 50),
        "{error}"
    );
    assert_eq!(given, starts(0..3));
    assert!(matches!(it.writer.append(piece(3)), Err(WriteError::VolumeDown { .. })));
    let seen = it.volume.snapshot();
    assert_eq!(
        (seen.state, seen.queued_bytes, seen.unsynced_bytes),
        (VolumeState::Failed, 0, 0)
    );
    assert!(!it.volume.is_prompt());
    // Neither again, nor by the writer that comes back.
    it.volume.watch(true);
    it.volume.watch(false);
    it.volume.give_up();
    drop(it.release);
    assert!(it.volume.stop().is_empty());
    assert_eq!(
        it.told
            .lock()
            .unwrap()
            .iter()
            .filter(|f| matches!(f, StorageFact::VolumeFailed { .. }))
            .count(),
        1
    );
    assert_eq!(it.volume.snapshot().unsynced_bytes, 0);
}

#[test]
fn a_prompt_disk_is_left_alone() {
    let it = stuck(Duration::from_secs(600));
    it.volume.watch(true);
    it.volume.watch(false);
    assert!(!it.volume.has_failed() && it.count(|_| true) == 0);
    drop(it.release);
}

/// The writer has taken a job out of the queue and done nothing with it yet.
#[test]
fn a_fragment_between_queue_and_file_is_given_back() {
    let mut it = stuck(Duration::from_secs(600));
    it.writer.append(piece(1)).unwrap();
    it.writer.append(piece(2)).unwrap();
    // As the writer does, which waits in fragment 0.
    assert!(matches!(
        it.volume.queue.pop(&it.volume.held),
        Some(Job::Fragment { .. })
    ));
    it.volume.give_up();
    assert_eq!(it.given_back().1, starts(0..3));
    drop(it.release);
}

/// The next segment is on the other disk before what this one held is.
#[test]
fn what_is_on_its_way_to_another_disk_is_no_gap() {
    let mut it = stuck(Duration::from_millis(50));
    let gate = stream("gate");
    let path = it.folder.path().join("d2");
    std::fs::create_dir(&path).unwrap();
    let other = it.storage.add_volume(&disk("d2", path)).unwrap();
    let store = |start: Utc, number: u32| {
        let init = |tags: &[(String, String)]| sample::init(tags, false);
        let mut writer = other.start_segment(segment(&gate, start, number), init).unwrap();
        writer.append(fragment(start, 0, 1000)).unwrap();
        drop(writer);
        assert!(other.settle(Duration::from_secs(60)));
    };
    store(start().plus_micros(-400_000), 7);
    for n in 1..20 {
        it.writer.append(piece(n)).unwrap();
    }
    until("lag", || !it.volume.is_prompt());
    it.volume.watch(true);
    assert_eq!(it.given_back().1, starts(0..20));
    store(start().plus_micros(20 * 400_000), 8);
    let listed = it.storage.recordings(&gate, Utc::MIN, Utc::MAX);
    assert_eq!((listed.segments.len(), listed.gaps), (2, vec![]));
    drop(it.release);
}
