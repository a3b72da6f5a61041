//! Faults of one disk of two, injected for real while cameras are recorded on both. They need root
//! and loop devices; without them a test says that it was left out.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use vigie_fake_camera::FakeCameras;

use crate::{
    house::{
        House, LoopDisk, Memory, PATIENCE, Setup, USER, ffprobe_is_content, now_us, pick, rfc3339, shown, wait_for,
    },
    losses::{self, LOST_US},
    recording::{cameras, near_end, settle},
};

const LEFT_OUT: &str = "left out: no root, no loop device or no mkfs.ext4";

struct TwoDisks {
    /// Unmounted when the recorder has ended: fields are dropped in order.
    house: House,
    disks: [LoopDisk; 2],
    cameras: FakeCameras,
    _memory: [Memory; 2],
    folder: tempfile::TempDir,
}

impl TwoDisks {
    fn start(count: usize) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let memory = |name: &str| Memory::new(&folder.path().join(name), 3 << 30);
        let memories = [memory("memory1")?, memory("memory2")?];
        let disk = |number: usize| {
            let image = folder.path().join(format!("memory{number}/disk.img"));
            LoopDisk::new(&image, &folder.path().join(format!("disk{number}")), 2 << 30)
        };
        let disks = [disk(1)?, disk(2)?];
        let cameras = cameras(count);
        let setup = Setup {
            two_disks: true,
            ..Setup::of(&cameras)
        };
        let mut house = House::prepare(&setup, Some(folder.path()));
        house.run();
        Some(Self {
            house,
            disks,
            cameras,
            _memory: memories,
            folder,
        })
    }

    fn all_recorded(&self) {
        for name in self.cameras.names() {
            self.house.wait_recording(name, "main");
        }
    }
}

/// The bare folder under a mount point.
fn is_bare(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

/// How a fault begins and ends; `mount`: where the disk is.
struct Fault {
    name: &'static str,
    begin: fn(&LoopDisk),
    /// Also checks what only shows while it lasts.
    end: fn(&LoopDisk, mount: &Path),
}

const UNMOUNTED: Fault = Fault {
    name: "unmounted",
    begin: LoopDisk::detach,
    end: |disk, mount| {
        assert!(is_bare(mount), "something was written under the mount point");
        assert!(disk.mount());
    },
};

const READ_ONLY: Fault = Fault {
    name: "read-only",
    begin: LoopDisk::break_file_system,
    end: |disk, _| {
        disk.unmount();
        disk.check();
        assert!(disk.mount());
    },
};

const GONE: Fault = Fault {
    name: "gone",
    begin: LoopDisk::shut_down,
    end: |disk, _| disk.mount_again(),
};

const HANGING: Fault = Fault {
    name: "hanging",
    begin: LoopDisk::freeze,
    end: |disk, _| disk.thaw(),
};

/// The room behind the device runs out, which only a sync reports.
const LATE_ERROR: Fault = Fault {
    name: "whose writes fail late",
    begin: LoopDisk::starve,
    end: |disk, mount| {
        disk.feed();
        // Some errors leave the file system writable: then the recorder uses it again by itself.
        let probe = mount.join(".probe");
        wait_for("a disk that can be written", PATIENCE, || {
            if std::fs::write(&probe, b"").is_ok() {
                return std::fs::remove_file(&probe).ok();
            }
            disk.try_unmount().then(|| {
                disk.check();
                assert!(disk.mount());
            })
        });
    },
};

fn inject(fault: &Fault, rounds: usize) {
    let count = pick(4, 16);
    let Some(two) = TwoDisks::start(count) else {
        eprintln!("{LEFT_OUT}");
        return;
    };
    let (house, cameras) = (&two.house, &two.cameras);
    let mut rng = StdRng::seed_from_u64(3);
    let mut moments = Vec::new();
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        let (disk, id) = (&two.disks[round % 2], format!("d{}", round % 2 + 1));
        two.all_recorded();
        std::thread::sleep(Duration::from_millis(rng.random_range(200..2500)));
        let (moment, begin) = (now_us(), Instant::now());
        moments.push(moment);
        (fault.begin)(disk);
        house.wait_disk(&id, "out of use", |state| state != "online" && state != "slow");
        two.all_recorded();
        slowest = slowest.max(begin.elapsed());
        std::thread::sleep(Duration::from_millis(rng.random_range(0..2000)));
        (fault.end)(disk, &two.folder.path().join(format!("disk{}", round % 2 + 1)));
        wait_for("the disk's return", 2 * PATIENCE, || {
            (house.disk(&id)["state"] == "online").then_some(())
        });
    }
    two.all_recorded();
    settle(house, cameras);
    let losses = losses::count(house, cameras, &moments);
    shown(
        1,
        &format!(
            "{rounds} × a disk {} with {count} cameras on two: at most {:.2} s lost, {} units in all, \
             recorded elsewhere within {:.1} s, gap rows to the second",
            fault.name,
            losses.worst_us as f64 / 1e6,
            losses.units,
            slowest.as_secs_f64()
        ),
        losses.honest && losses.worst_us <= LOST_US,
    );
}

#[test]
fn a_disk_that_is_unmounted() {
    inject(&UNMOUNTED, pick(2, 20));
}

#[test]
fn a_disk_that_turns_read_only() {
    inject(&READ_ONLY, pick(2, 20));
}

#[test]
fn a_disk_that_is_gone() {
    inject(&GONE, pick(2, 20));
}

#[test]
fn a_disk_that_hangs() {
    inject(&HANGING, pick(1, 20));
}

/// `disk1` in this folder; the state lies beside it. `None`: said why.
fn only_disk(folder: &Path, bytes: u64) -> Option<LoopDisk> {
    let disk = LoopDisk::new(&folder.join("disk.img"), &folder.join("disk1"), bytes);
    if disk.is_none() {
        eprintln!("{LEFT_OUT}");
    }
    disk
}

/// Where there is no other disk, one that hangs is waited for.
#[test]
fn the_only_disk_hangs_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = only_disk(folder.path(), 1 << 30) else {
        return;
    };
    let cameras = cameras(pick(2, 16));
    let mut house = House::prepare(&Setup::of(&cameras), Some(folder.path()));
    house.run();
    for name in cameras.names() {
        house.wait_recording(name, "main");
    }
    disk.freeze();
    house.wait_disk("d1", "slow", |state| state == "slow");
    wait_for("the event", PATIENCE, || (house.events("disk_slow") > 0).then_some(()));
    disk.thaw();
    house.wait_disk("d1", "prompt", |state| state == "online");
    settle(&house, &cameras);
    let mut holds = house.events("disk_slow") == 1;
    for log in cameras.logs() {
        let balance = house.footage(&log.camera, "main").balance(&log, &[], 0);
        let gaps = house.recordings(&log.camera, "main").gaps_before(near_end(&log));
        if !balance.holds() || gaps.iter().any(|gap| gap.end_us.is_none()) {
            eprintln!("{}: {balance:?} {gaps:?}", log.camera);
            holds = false;
        }
    }
    house.terminate();
    drop(disk);
    shown(
        1,
        &format!(
            "the only disk hangs, with {} cameras: nothing lost",
            cameras.names().count()
        ),
        holds,
    );
}

#[test]
fn a_disk_whose_errors_come_late() {
    inject(&LATE_ERROR, pick(2, 20));
}

/// Another program takes all that is left. What is protected stays, the oldest of the rest goes.
#[test]
fn a_disk_that_is_filled_to_the_brim() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = only_disk(folder.path(), 256 << 20) else {
        return;
    };
    let cameras = cameras(pick(4, 16));
    let setup = Setup::new(
        cameras
            .names()
            .map(|name| crate::house::Cam::of(&cameras, name).segment("2s")),
    );
    let mut house = House::prepare(&setup, Some(folder.path()));
    house.run();
    for name in cameras.names() {
        wait_for("some segments", PATIENCE, || {
            (house.recordings(name, "main").segments.len() > pick(5, 25)).then_some(())
        });
    }
    let protected = house.recordings("cam0", "main").segments[0].clone();
    let lock = serde_json::json!({
        "camera": "cam0", "from": rfc3339(protected.0), "to": rfc3339((protected.0 + protected.1) / 2),
    });
    assert_eq!(house.post_json_as(USER, "/api/v1/locks", &lock).status, 201);
    let film = folder.path().join("disk1/film.mkv");
    let other = std::fs::File::create(&film).unwrap();
    let mut taken = 0;
    for step in [1u64 << 22, 1 << 12] {
        while rustix::fs::fallocate(&other, rustix::fs::FallocateFlags::empty(), taken, step).is_ok() {
            taken += step;
        }
    }
    let seconds = pick(5, 60);
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        for name in cameras.names() {
            house.wait_recording(name, "main");
        }
    }
    wait_for(
        "older footage than the protected one's neighbour gone",
        PATIENCE,
        || {
            let left = house.recordings("cam0", "main").segments;
            (left[0] == protected && left[1].0 > protected.1 + 1_000_000).then_some(())
        },
    );
    let told = house.events("disk_full");
    drop(other);
    // From here on nothing more is deleted under the hands of those who look.
    std::fs::remove_file(&film).unwrap();
    let short = 10 << 20;
    wait_for("room", PATIENCE, || {
        (house.disk("d1")["free_bytes"].as_u64() > Some(short)).then_some(())
    });
    settle(&house, &cameras);
    let (mut lost, mut holds) = (0, true);
    for log in cameras.logs() {
        let recordings = house.recordings(&log.camera, "main");
        let footage = house.footage(&log.camera, "main");
        ffprobe_is_content(&footage);
        // What the oldest footage held is gone, and no gap; before it only what is protected.
        let mut numbers: Vec<u64> = footage.units.iter().map(|unit| unit.identity.number).collect();
        numbers.sort_unstable();
        let behind_hole = numbers
            .windows(2)
            .find(|pair| pair[1] != pair[0] + 1)
            .map(|pair| pair[1]);
        let oldest = match log.camera == "cam0" {
            true => behind_hole.unwrap(),
            false => numbers.first().copied().unwrap_or(0),
        };
        let still = recordings.segments.first().map(|segment| segment.0);
        holds &= log.camera != "cam0" || still == Some(protected.0);
        let missing = footage
            .balance(&log, &recordings.gaps_before(near_end(&log)), 250_000)
            .missing;
        let missing = missing.iter().filter(|n| **n > oldest).count() as u64 * log.interval_us;
        lost = lost.max(missing);
        holds &= footage.units.len() > 25 && house.disk("d1")["state"] == "online";
    }
    house.terminate();
    drop(disk);
    shown(
        2,
        &format!(
            "filled to the brim by another program for {seconds} s with {} cameras: recording goes on, \
             what is protected stays, {:.2} s unexplained at most, {told} event(s) of a full disk",
            cameras.names().count(),
            lost as f64 / 1e6
        ),
        holds && lost == 0 && told == 1,
    );
}

/// Another program takes all there is and whatever comes free: one outage, told once. (It was told anew
/// every two seconds, with a gap each, because the disk was opened again each time.)
#[test]
fn the_only_disk_stays_full() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Memory::new(&folder.path().join("disk1"), 48 << 20) else {
        eprintln!("{LEFT_OUT}");
        return;
    };
    let cameras = cameras(2);
    let short = |name| crate::house::Cam::of(&cameras, name).segment("2s");
    let mut house = House::prepare(&Setup::new(cameras.names().map(short)), Some(folder.path()));
    house.run();
    for name in cameras.names() {
        house.wait_recording(name, "main");
    }
    let film = folder.path().join("disk1/film.mkv");
    let other = std::fs::File::create(&film).unwrap();
    let (mut taken, mut full_since) = (0, None::<Instant>);
    wait_for("ten seconds without room", PATIENCE, || {
        for step in [1u64 << 20, 1 << 12] {
            while rustix::fs::fallocate(&other, rustix::fs::FallocateFlags::empty(), taken, step).is_ok() {
                taken += step;
            }
        }
        if full_since.is_none() && house.disk("d1")["state"] == "full" {
            full_since = Some(Instant::now());
        }
        full_since
            .is_some_and(|since| since.elapsed() > Duration::from_secs(10))
            .then_some(())
    });
    drop(other);
    std::fs::remove_file(&film).unwrap();
    wait_for("the disk's return", PATIENCE, || {
        (house.events("disk_back") == 1).then_some(())
    });
    settle(&house, &cameras);
    for log in cameras.logs() {
        // What came meanwhile waited in memory, or is one gap; what takes up to a second is none.
        let gaps = house.recordings(&log.camera, "main").gaps_before(near_end(&log));
        let footage = house.footage(&log.camera, "main");
        let first = footage.units.iter().map(|unit| unit.identity.number).min().unwrap();
        let mut missing = footage.balance(&log, &gaps, 250_000).missing;
        missing.retain(|number| *number > first);
        let untold = missing.len() as u64 * log.interval_us;
        assert!(
            gaps.len() <= 1 && untold <= 1_000_000,
            "{}: {gaps:?} {missing:?}",
            log.camera
        );
    }
    // There is less than `keep_free`; no write finds room.
    assert!(house.events("disk_full") <= 2, "{}", house.events("disk_full"));
    assert_eq!(house.events("no_disk"), 1);
    house.terminate();
    drop(disk);
}

/// A plain file, or a link to another place, where a camera's folder should be: the other cameras never notice, and this one
/// is recorded on the other disk; with both disks so, the gap says why.
#[test]
fn a_camera_whose_folder_cannot_be_written() {
    let cameras = cameras(3);
    let setup = Setup {
        two_disks: true,
        ..Setup::of(&cameras)
    };
    let mut house = House::prepare(&setup, None);
    house.run();
    for name in cameras.names() {
        house.wait_recording(name, "main");
    }
    house.terminate();
    let root = house.root.clone();
    let folder = |disk: &str| root.join(disk).join("cam0");
    for disk in ["disk1", "disk2"] {
        if folder(disk).is_dir() {
            std::fs::rename(folder(disk), root.join(format!("{disk}-cam0"))).unwrap();
        }
    }
    let elsewhere = root.join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::write(folder("disk1"), "a file").unwrap();
    std::os::unix::fs::symlink(&elsewhere, folder("disk2")).unwrap();
    house.run();
    for name in ["cam1", "cam2"] {
        house.wait_recording(name, "main");
    }
    let why = wait_for("cam0 says why", PATIENCE, || {
        house.camera("cam0")["not_recording"].as_str().map(str::to_owned)
    });
    assert!(why.contains("cam0"), "{why}");
    for disk in ["d1", "d2"] {
        house.wait_disk(disk, "without one camera", |state| state == "degraded");
    }
    wait_for("cam0's open gap", PATIENCE, || {
        let gaps = house.recordings("cam0", "main").gaps;
        gaps.last()
            .is_some_and(|gap| gap.end_us.is_none() && gap.cause == "disk")
            .then_some(())
    });
    assert!(is_bare(&elsewhere), "footage was led away from its disk");
    std::fs::remove_file(folder("disk2")).unwrap();
    house.wait_recording("cam0", "main");
    assert!(folder("disk2").is_dir(), "recorded on the disk that takes it");
    assert_eq!(house.camera("cam0")["not_recording"], serde_json::Value::Null);
    settle(&house, &cameras);
    for name in ["cam1", "cam2"] {
        let log = cameras.log(name, "main").unwrap();
        let balance = house.footage_of_two(name, "main").balance(&log, &[], 0);
        let since_start = log.ranges.last().unwrap().first;
        assert!(
            balance.missing.iter().all(|n| *n < since_start) && balance.doubled.is_empty(),
            "{name}: {balance:?}"
        );
    }
}

#[test]
fn how_long_the_disks_last_is_said_alike_by_http_and_by_the_command_line() {
    let cameras = cameras(2);
    let house = House::start(&Setup::of(&cameras));
    let group = wait_for("a rate", PATIENCE, || {
        let answer = house.get("/api/v1/system/capacity?days=30");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let group = answer.json()[0].clone();
        (group["streams"] == 2).then_some(group)
    });
    assert_eq!((&group["group"], &group["disks"][0]), (&"default".into(), &"d1".into()));
    let number = |key: &str| group[key].as_f64().unwrap_or_else(|| panic!("{key} in {group}"));
    let per_day = number("bitrate_bps") / 8.0 * 86_400.0;
    assert!((number("days") - number("usable_bytes") / per_day).abs() < 0.01 * number("days"));
    assert!((number("needed_bytes") - 30.0 * per_day).abs() < 0.01 * number("needed_bytes"));
    // Two streams of 600 kbit/s, roughly.
    assert!((600_000.0..2_400_000.0).contains(&number("bitrate_bps")), "{group}");
    let said = house.command(&["capacity", "--days", "30"]);
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(
        said.status.success() && text.starts_with("group default: 1 disk(s)"),
        "{said:?}"
    );
    assert_eq!(house.get("/api/v1/system/capacity?days=-1").status, 400);
}
