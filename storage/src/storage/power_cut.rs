//! Real cuts on real file systems: ext4 on a loop device, shut down without flushing its log
//! (`FS_IOC_SHUTDOWN`), and a file system that runs full. Needs root; says so where it cannot run.
#![allow(clippy::unwrap_used)]

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use vigie_config::{Disk, GapCause, StreamId, Utc};

use super::{
    tests::{House, LONG, all, begin, check, files, fragment, record, segment, stream, until},
    *,
};
use crate::{
    fact::StorageFact,
    mp4::{sample, scan_segment},
};

/// Taken away when dropped.
struct Mount(PathBuf);

impl Drop for Mount {
    fn drop(&mut self) {
        let end = Instant::now() + LONG;
        while !ran(Command::new("umount").arg(&self.0)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn ran(command: &mut Command) -> bool {
    command.output().is_ok_and(|out| out.status.success())
}

fn mount(args: &[&str], at: &Path) -> Option<Mount> {
    std::fs::create_dir_all(at).unwrap();
    let out = Command::new("mount").args(args).arg(at).output().ok()?;
    if !out.status.success() {
        println!("skipped: cannot mount: {}", String::from_utf8_lossy(&out.stderr).trim());
        return None;
    }
    Some(Mount(at.to_owned()))
}

/// ext4 of 512 MiB in a file.
fn image(dir: &Path) -> Option<PathBuf> {
    let image = dir.join("disk.img");
    std::fs::File::create(&image).unwrap().set_len(512 << 20).unwrap();
    let made = ran(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image));
    if !made {
        println!("skipped: mkfs.ext4 does not run");
    }
    made.then_some(image)
}

/// `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`.
fn cut(mount: &Mount) -> bool {
    let script = "import fcntl,os,struct,sys\n\
        fd=os.open(sys.argv[1],os.O_RDONLY)\n\
        fcntl.ioctl(fd,0x8004587d,struct.pack('I',2))";
    ran(Command::new("python3").args(["-c", script]).arg(&mount.0))
}

fn disk(mount: &Mount) -> Disk {
    let path = mount.0.join("video");
    std::fs::create_dir_all(&path).unwrap();
    Disk {
        path,
        tick: Duration::from_secs(1),
        ..House::new().disk("d1")
    }
}

/// Records live until told to stop; segments of 2 s.
fn camera(volume: &Arc<Volume>, stream: &StreamId, stop: &AtomicBool) {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let start = Utc::now();
        let Ok(mut writer) = volume.start_segment(segment(stream, start, number), |tags| sample::init(tags, false))
        else {
            return;
        };
        for index in 0..5 {
            let due = start.plus_micros((index as i64 + 1) * 400_000);
            std::thread::sleep(due.since(Utc::now()));
            if stop.load(Ordering::Relaxed) || writer.append(fragment(start, index, 20_000)).is_err() {
                return;
            }
        }
        writer.finish();
        number += 1;
    }
}

/// One cut with 16 cameras: the most that one of them lost, in ms; `None`: not possible here.
fn cut_once(after: Duration) -> Option<i64> {
    let dir = tempfile::tempdir().unwrap();
    let image = image(dir.path())?;
    let args = ["-o", "loop", image.to_str().unwrap()];
    let at = dir.path().join("mnt");
    let mounted = mount(&args, &at)?;
    let streams: Vec<_> = (0..16).map(|n| stream(&format!("c{n}"))).collect();
    let cut_at = {
        // The index goes down with the same power.
        let storage = Storage::open(&mounted.0.join("state"), StorageOptions::default()).unwrap();
        let volume = storage.add_volume(&disk(&mounted)).unwrap();
        let stop = AtomicBool::new(false);
        let cut_at = std::thread::scope(|scope| {
            for stream in &streams {
                let (volume, stop) = (&volume, &stop);
                scope.spawn(move || camera(volume, stream, stop));
            }
            std::thread::sleep(after);
            storage.checkpoint();
            std::thread::sleep(Duration::from_millis(300));
            assert!(cut(&mounted), "the ioctl");
            let cut_at = Utc::now();
            stop.store(true, Ordering::Relaxed);
            cut_at
        });
        // Nothing may have been left to fail on.
        until("the volume is done", || {
            let seen = volume.snapshot();
            volume.has_failed() || (seen.queued_bytes, seen.unsynced_bytes) == (0, 0)
        });
        cut_at
    };
    drop(mounted);

    let mounted = mount(&args, &at).unwrap();
    let storage = Storage::open(&mounted.0.join("state"), StorageOptions::default()).unwrap();
    let begin = Instant::now();
    let volume = storage.add_volume(&disk(&mounted)).unwrap();
    println!("recovered in {:?}", begin.elapsed());
    let ends = streams.iter().map(|stream| storage.last_recorded(stream));
    let worst = ends
        .map(|end| end.map_or(i64::MAX, |end| cut_at.micros_since(end) / 1000))
        .max()
        .unwrap();
    let found = files(&disk(&mounted).path);
    for path in &found {
        let scan = scan_segment(&std::fs::File::open(path).unwrap()).unwrap();
        assert!(
            !scan.fragments.is_empty() && scan.valid_len == scan.file_len,
            "{}",
            path.display()
        );
        let media = std::fs::read(path).unwrap();
        let lost = media.chunks(4096).position(|block| block.iter().all(|byte| *byte == 0));
        assert_eq!(lost, None, "a lost block in {}", path.display());
    }
    if worst < i64::MAX {
        until("the gaps of the cut", || {
            streams.iter().all(|s| !all(&storage, s).gaps.is_empty())
        });
        for stream in &streams {
            let gap = all(&storage, stream).gaps.pop().unwrap();
            assert_eq!(
                (Some(gap.start), gap.end, gap.cause),
                (storage.last_recorded(stream), None, GapCause::Crash)
            );
        }
    }
    assert!(volume.settle(LONG));
    check(&storage);
    println!("{} files, at most {worst} ms lost", found.len());
    Some(worst)
}

fn rounds() -> u32 {
    std::env::var("VIGIE_TEST_CUTS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(2)
}

fn without_sync() -> bool {
    cfg!(feature = "fault-hooks") && std::env::var_os("VIGIE_TEST_NO_SYNC").is_some()
}

#[test]
fn a_power_cut_costs_two_seconds_at_most() {
    if without_sync() {
        println!("skipped: the sync is taken out");
        return;
    }
    for round in 0..rounds() {
        let after = Duration::from_millis(1500 + u64::from(round) * 437 % 2000);
        let Some(worst) = cut_once(after) else { return };
        assert!(worst <= 2000, "round {round}: {worst} ms");
    }
}

/// Run with the feature `fault-hooks` and `VIGIE_TEST_NO_SYNC=1`: shows that it is the sync that
/// makes the other test pass.
#[test]
fn without_the_sync_a_power_cut_costs_more() {
    if !without_sync() {
        println!("skipped: the sync is not taken out");
        return;
    }
    for round in 0..rounds() {
        let Some(worst) = cut_once(Duration::from_millis(2500)) else {
            return;
        };
        assert!(worst > 2000, "round {round}: {worst} ms");
    }
}

#[test]
fn a_full_disk_loses_the_oldest_and_goes_on() {
    let house = House::new();
    let Some(mounted) = mount(
        &["-t", "tmpfs", "-o", "size=12m", "tmpfs"],
        &house.dir.path().join("small"),
    ) else {
        return;
    };
    let gate = stream("gate");
    {
        let storage = house.open();
        let volume = storage.add_volume(&disk(&mounted)).unwrap();
        let start: Utc = "2026-11-20T09:00:00Z".parse().unwrap();
        for number in 0..40 {
            let start = start.plus_micros(i64::from(number) * 2_000_000);
            let mut writer = begin(&volume, segment(&gate, start, number));
            for index in 0..5 {
                writer.append(fragment(start, index, 20_000)).unwrap();
            }
            writer.finish();
            assert!(volume.settle(LONG));
        }
        assert!(!volume.has_failed());
        let rows = all(&storage, &gate);
        let newest = rows.segments.last().unwrap();
        assert_eq!((newest.number, newest.units), (39, 50), "the newest is whole");
        assert!(rows.segments.len() < 40);
        check(&storage);
        assert!(
            !house
                .facts
                .lock()
                .unwrap()
                .iter()
                .any(|f| matches!(f, StorageFact::VolumeFailed { .. }))
        );
    }
}

#[test]
fn require_mount_takes_a_mount_point() {
    let house = House::new();
    let Some(mounted) = mount(&["-t", "tmpfs", "tmpfs"], &house.dir.path().join("mnt")) else {
        return;
    };
    let disk = Disk {
        path: mounted.0.clone(),
        require_mount: true,
        ..house.disk("d1")
    };
    let storage = house.open();
    let volume = storage.add_volume(&disk).unwrap();
    record(&volume, &stream("gate"), Utc::now(), 0, 2);
    assert!(volume.settle(LONG));
    // Lazily unmounted: noticed, and nothing under the bare mount point.
    assert!(ran(Command::new("umount").arg("-l").arg(&mounted.0)));
    until("noticed", || volume.has_failed());
    assert!(matches!(
        storage.add_volume(&disk),
        Err(crate::VolumeError::NotMounted { .. })
    ));
    assert_eq!(std::fs::read_dir(&mounted.0).unwrap().count(), 0);
    std::mem::forget(mounted);
}

/// `cargo nextest run --run-ignored all measure_cost --no-capture`: CPU of writing and syncing.
#[test]
#[ignore = "a measurement"]
fn measure_cost() {
    let cameras = 64;
    let house = House::new();
    let storage = house.open();
    let volume = storage
        .add_volume(&Disk {
            tick: Duration::from_secs(1),
            ..house.disk("d1")
        })
        .unwrap();
    let cpu = || {
        let text = std::fs::read_to_string("/proc/self/task").err();
        assert!(text.is_some());
        let mut ticks = 0u64;
        for task in std::fs::read_dir("/proc/self/task").unwrap().map(Result::unwrap) {
            let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else {
                continue;
            };
            let name = stat.split(['(', ')']).nth(1).unwrap_or_default().to_owned();
            let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
            if name.starts_with("write.") || name.starts_with("sync.") {
                ticks += fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
            }
        }
        ticks
    };
    let streams: Vec<_> = (0..cameras).map(|n| stream(&format!("c{n}"))).collect();
    let start = Utc::now();
    let mut writers: Vec<_> = streams.iter().map(|s| begin(&volume, segment(s, start, 0))).collect();
    let units: Vec<_> = (0..50).map(|index| fragment(start, index, 20_000)).collect();
    let (before, begin) = (cpu(), Instant::now());
    for (index, unit) in units.iter().enumerate() {
        // Cameras are not in step.
        for (n, writer) in writers.iter_mut().enumerate() {
            let due = start.plus_micros((index * 400_000 + n * 400_000 / cameras) as i64);
            std::thread::sleep(due.since(Utc::now()));
            writer.append(unit.clone()).unwrap();
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let used = (cpu() - before) as f64 / 100.0;
    println!(
        "{cameras} cameras at 4 Mbit/s, {seconds:.1} s: {used:.2} s of CPU, {:.4} % of a core each",
        used / seconds / cameras as f64 * 100.0
    );
    println!("{:#?}", volume.snapshot());
}

#[test]
fn a_read_only_disk_is_refused_before_anything_is_recorded() {
    let house = House::new();
    let gate = stream("gate");
    let storage = house.open();
    let volume = storage.add_volume(&house.disk("d1")).unwrap();
    record(&volume, &gate, Utc::now(), 0, 5);
    assert!(volume.settle(LONG));
    drop(volume);
    let disk = house.disk("d1");
    storage.remove_volume(&disk.id);
    let path = disk.path.to_str().unwrap().to_owned();
    let Some(mount) = mount(&["--bind", "-o", "ro", &path], &disk.path) else {
        return;
    };
    let error = storage.add_volume(&disk).unwrap_err();
    assert!(error.to_string().contains("Read-only file system"), "{error}");
    assert!(storage.absent().contains_key(&disk.id));
    drop(mount);
    let volume = storage.add_volume(&disk).unwrap();
    assert!(storage.absent().is_empty());
    assert!(!files(volume.path()).is_empty());
}
