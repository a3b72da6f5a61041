//! Disks that are put into service and out of it, by an operator at the command line, while
//! cameras are recorded.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use vigie_fake_camera::FakeCameras;

use crate::{
    house::{Cam, House, PATIENCE, Setup, pick, shown, wait_for},
    recording::{cameras, near_end, settle},
};

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).trim().to_owned()
}

fn disk(house: &House, args: &[&str]) -> Output {
    house.command(&[&["disk"], args].concat())
}

fn succeeds(house: &House, args: &[&str]) -> String {
    let output = disk(house, args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    said(&output)
}

fn refused(house: &House, args: &[&str]) -> String {
    let output = disk(house, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
    said(&output)
}

/// Nothing lost, nothing doubled, no gap, over both disks.
fn whole(house: &House, cameras: &FakeCameras) -> bool {
    settle(house, cameras);
    let mut all = true;
    for log in cameras.logs() {
        let balance = house.footage_of_two(&log.camera, "main").balance(&log, &[], 0);
        let gaps = house.recordings(&log.camera, "main").gaps_before(near_end(&log));
        let once = balance.doubled.is_empty() && balance.out_of_order == 0;
        if balance.on_disk != balance.sent || !once || !gaps.is_empty() || log.ranges.len() != 1 {
            eprintln!("{}: {balance:?} {gaps:?} {:?}", log.camera, log.ranges);
            all = false;
        }
    }
    let check = house.command(&["index", "check"]);
    if !check.status.success() {
        eprintln!("{}", said(&check));
    }
    all && check.status.success()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found.sort();
    found
}

/// Files that are being written: they have grown since.
fn sizes(folder: &Path) -> Vec<(PathBuf, u64)> {
    let all = files(folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "mp4"));
    all.map(|path| (path.clone(), fs::metadata(&path).map_or(0, |m| m.len())))
        .collect()
}

/// Waits until nothing grows there any more: every camera has begun its next segment elsewhere.
fn wait_still(folder: &Path) {
    let mut before = sizes(folder);
    wait_for("no footage growing", PATIENCE, || {
        std::thread::sleep(Duration::from_secs(2));
        let now = sizes(folder);
        (std::mem::replace(&mut before, now.clone()) == now).then_some(())
    });
}

fn wait_all(house: &House, cameras: &FakeCameras) {
    for name in cameras.names() {
        house.wait_recording(name, "main");
    }
}

fn two_disks(cameras: &FakeCameras) -> Setup {
    Setup {
        two_disks: true,
        ..Setup::new(cameras.names().map(|name| Cam::of(cameras, name).segment("2s")))
    }
}

#[test]
fn a_disk_is_released_pulled_and_put_back_without_losing_a_picture() {
    let cameras = cameras(pick(4, 16));
    let house = House::start(&two_disks(&cameras));
    let mut held = true;
    for round in 0..pick(1, 20) {
        let (id, folder) = (["d1", "d2"][round % 2], house.root.join(["disk1", "disk2"][round % 2]));
        wait_all(&house, &cameras);
        let text = succeeds(&house, &["release", "--id", id]);
        assert!(text.contains("is closed: unmount and pull it"), "{text}");
        assert_eq!(house.disk(id)["state"], "released");
        assert!(succeeds(&house, &["list"]).contains(&format!("{id}\tdefault\treleased")));
        held &= house.open_files(&folder).is_empty();
        wait_all(&house, &cameras);
        // Nothing happens while it lies there.
        assert_eq!(house.disk(id)["state"], "released");
        let pulled = folder.with_extension("pulled");
        fs::rename(&folder, &pulled).unwrap();
        house.wait_disk(id, "gone", |state| state == "absent");
        fs::rename(&pulled, &folder).unwrap();
        house.wait_disk(id, "back", |state| state == "online");
    }
    // One that was released by mistake.
    succeeds(&house, &["release", "--id", "d1"]);
    let text = succeeds(&house, &["adopt", "--id", "d1"]);
    assert!(text.contains("in service again"), "{text}");
    house.wait_disk("d1", "back", |state| state == "online");
    wait_all(&house, &cameras);
    let whole = whole(&house, &cameras);
    shown(
        6,
        &format!(
            "{} × a disk released with {} cameras on two, pulled and put back: no file of it open, nothing lost",
            pick(1, 20),
            cameras.names().count()
        ),
        held && whole,
    );
}

/// Nothing comes that its recorder could write elsewhere.
#[test]
fn a_silent_camera_does_not_hold_the_only_disk() {
    let cameras = cameras(1);
    let house = House::start(&Setup::of(&cameras));
    wait_all(&house, &cameras);
    settle(&house, &cameras);
    let text = succeeds(&house, &["release", "--id", "d1"]);
    assert!(text.contains("is closed: unmount and pull it"), "{text}");
    assert!(house.open_files(&house.root.join("disk1")).is_empty());
}

#[test]
fn a_retired_disk_gets_nothing_new_and_keeps_what_it_has() {
    let cameras = cameras(4);
    let mut house = House::start(&two_disks(&cameras));
    wait_all(&house, &cameras);
    let retired = house.root.join("disk1");
    let assigned = |house: &House| house.disk("d1")["cameras"].as_u64().unwrap();
    assert_eq!(assigned(&house), 2, "both disks are used alike");
    succeeds(&house, &["retire", "--id", "d1"]);
    assert_eq!(house.disk("d1")["state"], "retired");
    wait_still(&retired);
    let there = sizes(&retired);
    assert!(!there.is_empty());
    // It stays so over a restart.
    house.terminate();
    house.run();
    wait_all(&house, &cameras);
    assert_eq!(house.disk("d1")["state"], "retired");
    assert_eq!((sizes(&retired), assigned(&house)), (there, 0));
    succeeds(&house, &["adopt", "--id", "d1"]);
    house.wait_disk("d1", "in service", |state| state == "online");
}

/// A folder as it is, to see that nothing of it changes: names and bytes.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files(folder)
        .into_iter()
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn foreign_blank_and_former_disks_are_recognised_and_nothing_is_overwritten() {
    let cameras = cameras(2);
    let mut house = House::start(&two_disks(&cameras));
    wait_all(&house, &cameras);
    house.terminate();
    let disk1 = house.root.join("disk1");
    let footage = sizes(&disk1).len() + sizes(&house.root.join("disk2")).len();
    assert!(footage >= 2);

    // A reinstall: the state folder is gone, so who we were is not known.
    let (before, state) = (content(&disk1), house.root.join("state"));
    fs::remove_dir_all(&state).unwrap();
    house.add_user("tester", "administrator");
    house.run();
    for id in ["d1", "d2"] {
        house.wait_disk(id, "foreign", |state| state == "foreign");
    }
    house.wait_camera_says("cam0", "not_recording", "vigie disk adopt");
    let text = refused(&house, &["prepare", "--id", "d1"]);
    assert!(
        text.contains("files of footage") && text.contains("with erase"),
        "{text}"
    );
    assert_eq!(content(&disk1), before, "something was written to a foreign disk");
    for id in ["d1", "d2"] {
        let text = succeeds(&house, &["adopt", "--id", id]);
        assert!(text.contains("is this recorder's now"), "{text}");
        house.wait_disk(id, "taken over", |state| state == "online");
    }
    wait_for("the footage of before", PATIENCE, || {
        let of = |name: &str| house.recordings(name, "main").segments.len();
        (of("cam0") + of("cam1") >= footage).then_some(())
    });
    wait_all(&house, &cameras);
    for (path, bytes) in before
        .iter()
        .filter(|(path, _)| path.extension().is_some_and(|e| e == "mp4"))
    {
        assert!(fs::read(path).unwrap() == *bytes, "{} was changed", path.display());
    }
    let check = house.command(&["index", "check"]);
    assert!(check.status.success(), "{}", said(&check));

    // A blank disk where one with footage was.
    succeeds(&house, &["release", "--id", "d1"]);
    let pulled = disk1.with_extension("pulled");
    fs::rename(&disk1, &pulled).unwrap();
    fs::create_dir(&disk1).unwrap();
    house.wait_disk("d1", "blank", |state| state == "blank");
    wait_all(&house, &cameras);
    assert!(files(&disk1).is_empty(), "something was written to a blank disk");
    let text = refused(&house, &["adopt", "--id", "d1"]);
    assert!(text.contains("no footage") && text.contains("preparing it"), "{text}");
    succeeds(&house, &["prepare", "--id", "d1"]);
    house.wait_disk("d1", "in use", |state| state == "online");

    // Somebody's files, and no marker.
    succeeds(&house, &["release", "--id", "d1"]);
    fs::rename(&disk1, disk1.with_extension("second")).unwrap();
    fs::create_dir(&disk1).unwrap();
    fs::write(disk1.join("letter.odt"), "dear").unwrap();
    house.wait_disk("d1", "unmarked", |state| state == "unmarked");
    succeeds(&house, &["prepare", "--id", "d1"]);
    house.wait_disk("d1", "in use", |state| state == "online");
    assert_eq!(fs::read_to_string(disk1.join("letter.odt")).unwrap(), "dear");

    // A newer vigie's.
    succeeds(&house, &["release", "--id", "d1"]);
    fs::rename(&disk1, disk1.with_extension("third")).unwrap();
    fs::create_dir(&disk1).unwrap();
    fs::write(disk1.join("vigie-volume.toml"), "format = 9\n").unwrap();
    house.wait_disk("d1", "newer", |state| state == "newer_format");
    for args in [&["prepare", "--id", "d1", "--erase"][..], &["adopt", "--id", "d1"]] {
        assert!(refused(&house, args).contains("format 9"));
    }
    assert_eq!(content(&disk1)[0].1, b"format = 9\n");
    assert!(refused(&house, &["retire", "--id", "nosuch"]).contains("no disk nosuch"));
    shown(
        6,
        "disks from before a reinstall, blank, with somebody's files, of a newer format: each recognised, \
         not one byte changed before an operator said so; the footage of before is listed and plays",
        true,
    );
}

#[test]
fn cameras_and_disks_move_between_groups_without_losing_a_picture() {
    let cameras = cameras(2);
    let setup = |groups: [&'static str; 2], of: [&'static str; 2]| Setup {
        disk_groups: groups,
        ..Setup {
            cameras: cameras
                .names()
                .zip(of)
                .map(|(name, group)| Cam::of(&cameras, name).segment("2s").group(group))
                .collect(),
            two_disks: true,
            ..Setup::default()
        }
    };
    let house = House::start(&setup(["left", "right"], ["left", "right"]));
    wait_all(&house, &cameras);
    let on = |disk: &str, camera: &str| files(&house.root.join(disk).join(camera)).len();
    assert_eq!((on("disk1", "cam1"), on("disk2", "cam0")), (0, 0));
    // Both cameras change sides.
    house.reconfigure(&setup(["left", "right"], ["right", "left"]));
    wait_for("footage on the other disks", PATIENCE, || {
        (on("disk1", "cam1") > 0 && on("disk2", "cam0") > 0).then_some(())
    });
    wait_all(&house, &cameras);
    // The disks do.
    house.reconfigure(&setup(["right", "left"], ["right", "left"]));
    let before = [on("disk1", "cam0"), on("disk2", "cam1")];
    wait_for("footage where it was first", PATIENCE, || {
        (on("disk1", "cam0") > before[0] && on("disk2", "cam1") > before[1]).then_some(())
    });
    wait_all(&house, &cameras);
    assert!(whole(&house, &cameras), "something was lost on the way");
}
