//! Faults that only a disk of our own can have (`tests/fault-disk`): single writes that fail, slow
//! and short ones, syncs that report an error. One disk of two is faulty; the other one's cameras
//! never notice. They need root and FUSE; without them a test says that it was left out.

use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use vigie_fake_camera::FakeCameras;
use vigie_fault_disk::{Effect, Errno, Fault, FaultDisk, Op};

use crate::{
    house::{Cam, House, PATIENCE, Setup, now_us, pick, shown, wait_for},
    losses::{self, LOST_US},
    recording::{cameras, settle},
};

/// `disk1` in this folder. `None`: said why.
fn faulty(folder: &Path) -> Option<FaultDisk> {
    match FaultDisk::mount(&folder.join("below"), &folder.join("disk1")) {
        Ok(disk) => Some(disk),
        Err(error) => {
            eprintln!("left out: no root or no FUSE ({error})");
            None
        }
    }
}

/// What happens to a disk, and what must follow.
struct Case {
    name: &'static str,
    /// With a camera that is recorded there.
    begin: fn(&FaultDisk, camera: &str),
    /// How long it lasts once the disk is out of use, or once it has struck, in milliseconds.
    lasts: std::ops::Range<u64>,
    /// The disk is given up, and taken back when the fault is over.
    given_up: bool,
}

const ONE_WRITE: Case = Case {
    name: "of which one write of one camera fails",
    begin: |disk, _| disk.inject(Fault::new(Op::Write, Effect::Fail(Errno::IO)).at(".mp4").times(1)),
    lasts: 0..1,
    given_up: true,
};

const ALL_WRITES: Case = Case {
    name: "whose writes all fail for a while",
    begin: |disk, _| disk.inject(Fault::new(Op::Write, Effect::Fail(Errno::IO))),
    lasts: 3_000..9_000,
    given_up: true,
};

const ONE_CAMERA: Case = Case {
    name: "on which one camera's writes fail for a while",
    begin: |disk, camera| disk.inject(Fault::new(Op::Write, Effect::Fail(Errno::IO)).at(format!("{camera}/"))),
    lasts: 3_000..9_000,
    given_up: true,
};

const NO_ROOM: Case = Case {
    name: "without room and without anything that may go",
    begin: |disk, _| disk.inject(Fault::new(Op::Write, Effect::Fail(Errno::NOSPC))),
    lasts: 3_000..9_000,
    given_up: true,
};

const SHORT: Case = Case {
    name: "that takes 5000 bytes at a time",
    begin: |disk, _| disk.inject(Fault::new(Op::Write, Effect::Short(5_000))),
    lasts: 2_000..4_000,
    given_up: false,
};

const SLOW: Case = Case {
    name: "that falls behind",
    begin: |disk, _| {
        disk.inject(Fault::new(
            Op::Write,
            Effect::Delay(Duration::from_millis(pick(600, 120))),
        ))
    },
    lasts: 0..3_000,
    given_up: true,
};

const ONE_SECOND: Case = Case {
    name: "of which one write takes 1 s",
    begin: |disk, _| disk.inject(Fault::new(Op::Write, Effect::Delay(Duration::from_secs(1))).times(1)),
    lasts: 1_500..2_000,
    given_up: false,
};

const HANGING_WRITE: Case = Case {
    name: "of which one write hangs",
    begin: |disk, _| disk.inject(Fault::new(Op::Write, Effect::Hang).times(1)),
    lasts: 0..3_000,
    given_up: true,
};

const NO_NEW_FILE: Case = Case {
    name: "on which a file cannot be created",
    begin: |disk, _| disk.inject(Fault::new(Op::Create, Effect::Fail(Errno::IO)).at(".mp4").times(1)),
    lasts: 0..1,
    given_up: true,
};

const NO_NEW_NAME: Case = Case {
    name: "on which a file cannot be named",
    begin: |disk, _| disk.inject(Fault::new(Op::Rename, Effect::Fail(Errno::IO)).times(1)),
    lasts: 0..1,
    given_up: true,
};

const LATE: Case = Case {
    name: "of which one sync fails",
    begin: |disk, _| disk.inject(Fault::new(Op::Sync, Effect::Fail(Errno::IO)).times(1)),
    lasts: 0..1,
    given_up: true,
};

/// Cameras whose newest file lies on the first disk.
fn on_first(folder: &Path, cameras: &FakeCameras) -> BTreeSet<String> {
    let newest = |disk: &str, camera: &str| {
        let mut folders = vec![folder.join(disk).join(camera)];
        let mut names = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    true => folders.push(entry.path()),
                    false => names.push(entry.file_name().to_string_lossy().into_owned()),
                }
            }
        }
        names.into_iter().filter(|name| name.ends_with(".mp4")).max()
    };
    let is_first = |name: &&str| newest("below", name) > newest("disk2", name);
    cameras.names().filter(is_first).map(str::to_owned).collect()
}

/// Events of a disk that goes out of use.
fn alarms(house: &House) -> u64 {
    let kinds = ["disk_error", "disk_removed", "disk_slow", "disk_full"];
    kinds.iter().map(|kind| house.events(kind)).sum()
}

fn inject(case: &Case, rounds: usize) {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = faulty(folder.path()) else { return };
    let count = pick(4, 16);
    let cameras = cameras(count);
    let setup = Setup {
        two_disks: true,
        when_full: Some("stop"),
        ..Setup::new(cameras.names().map(|name| Cam::of(&cameras, name).segment("4s")))
    };
    let mut house = House::prepare(&setup, Some(folder.path()));
    house.run();
    let all_recorded = |house: &House| {
        for name in cameras.names() {
            house.wait_recording(name, "main");
        }
    };
    all_recorded(&house);
    // A disk that came up a moment later has its cameras with their next segments.
    let mine = wait_for("each camera on its own disk", PATIENCE, || {
        let mine = on_first(folder.path(), &cameras);
        let due = house.disk("d1")["cameras"].as_u64()?;
        (mine.len() as u64 == due && 0 < due && due < count as u64).then_some(mine)
    });
    let mut rng = StdRng::seed_from_u64(4);
    let (mut moments, mut slowest) = (Vec::new(), Duration::ZERO);
    for _ in 0..rounds {
        wait_for("the cameras' return", PATIENCE, || {
            (on_first(folder.path(), &cameras) == mine).then_some(())
        });
        std::thread::sleep(Duration::from_millis(rng.random_range(200..2500)));
        let (moment, begin, struck) = (now_us(), Instant::now(), disk.struck());
        moments.push(moment);
        (case.begin)(&disk, mine.first().map_or("", String::as_str));
        wait_for("the fault", PATIENCE, || (disk.struck() > struck).then_some(()));
        if case.given_up {
            // It may be in use again before anyone looks: the alarm stays.
            wait_for("the alarm", PATIENCE, || {
                (alarms(&house) >= moments.len() as u64).then_some(())
            });
        }
        all_recorded(&house);
        slowest = slowest.max(begin.elapsed());
        std::thread::sleep(Duration::from_millis(rng.random_range(case.lasts.clone())));
        disk.heal();
        wait_for("the disk's return", 2 * PATIENCE, || {
            let back = if case.given_up { house.events("disk_back") } else { 0 };
            let online = house.disk("d1")["state"] == "online";
            (online && back >= if case.given_up { moments.len() as u64 } else { 0 }).then_some(())
        });
    }
    all_recorded(&house);
    settle(&house, &cameras);
    let due = if case.given_up { rounds as u64 } else { 0 };
    let (told, back) = (alarms(&house), house.events("disk_back"));
    let losses = losses::count(&house, &cameras, &moments);
    let disturbed: Vec<_> = losses.touched.iter().filter(|name| !mine.contains(*name)).collect();
    house.terminate();
    let check = house.command(&["index", "check"]);
    if !check.status.success() {
        eprintln!("index check: {check:?}");
    }
    drop(house);
    shown(
        1,
        &format!(
            "{rounds} × a disk {} with {count} cameras on two: at most {:.2} s lost, {} units in all, recorded \
             elsewhere or on within {:.1} s, gap rows to the second, {} of {} neighbours disturbed, \
             {told} alarm(s) and {back} return(s), index equals footage",
            case.name,
            losses.worst_us as f64 / 1e6,
            losses.units,
            slowest.as_secs_f64(),
            disturbed.len(),
            count - mine.len(),
        ),
        losses.honest
            && losses.worst_us <= LOST_US
            && disturbed.is_empty()
            && (told, back) == (due, due)
            && check.status.success(),
    );
}

#[test]
fn one_write_fails() {
    inject(&ONE_WRITE, pick(2, 20));
}

#[test]
fn all_writes_fail() {
    inject(&ALL_WRITES, pick(1, 20));
}

#[test]
fn one_cameras_writes_fail() {
    inject(&ONE_CAMERA, pick(1, 20));
}

#[test]
fn no_room_at_all() {
    inject(&NO_ROOM, pick(1, 20));
}

#[test]
fn short_writes() {
    inject(&SHORT, pick(1, 20));
}

#[test]
fn slow_writes() {
    inject(&SLOW, pick(1, 20));
}

#[test]
fn one_write_takes_a_second() {
    inject(&ONE_SECOND, pick(2, 20));
}

#[test]
fn one_write_hangs() {
    inject(&HANGING_WRITE, pick(1, 20));
}

#[test]
fn a_file_cannot_be_created() {
    inject(&NO_NEW_FILE, pick(1, 20));
}

#[test]
fn a_file_cannot_be_named() {
    inject(&NO_NEW_NAME, pick(1, 20));
}

#[test]
fn a_sync_fails() {
    inject(&LATE, pick(2, 20));
}

/// A power cut of a disk whose `syncfs` ends in the kernel (ntfs-3g, mergerfs, sshfs).
#[test]
fn a_power_cut_of_a_fuse_disk() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = faulty(folder.path()) else { return };
    let (cuts, count) = (pick(2, 20), pick(2, 16));
    let cameras = cameras(count);
    let mut house = House::prepare(&Setup::of(&cameras), Some(folder.path()));
    let mut rng = StdRng::seed_from_u64(21);
    let mut worst = 0;
    house.run();
    for _ in 0..cuts {
        for name in cameras.names() {
            house.wait_recording(name, "main");
        }
        std::thread::sleep(Duration::from_millis(rng.random_range(3000..6000)));
        let moment = now_us();
        house.kill();
        disk.cut_power().unwrap();
        house.run();
        worst = worst.max(losses::since_cut(&house, &cameras, moment));
    }
    house.terminate();
    let check = house.command(&["index", "check"]);
    if !check.status.success() {
        eprintln!("index check: {check:?}");
    }
    drop(house);
    shown(
        3,
        &format!(
            "{cuts} × power cut of a FUSE disk with {count} cameras: at most {:.2} s lost, every file opens, \
             index equals footage",
            worst as f64 / 1e6
        ),
        worst <= LOST_US && check.status.success(),
    );
}
