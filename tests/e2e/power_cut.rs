//! A real cut: the file system under disks and state is shut down without flushing its log.
//!
//! `kill -9` keeps the page cache and so proves nothing about syncing; this does. It needs root
//! and a loop device; without them the test says that it was left out.

#![allow(unsafe_code)] // one ioctl that no library wraps

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    house::{House, PATIENCE, Setup, ffprobe_is_content, now_us, pick, shown, wait_for},
    recording::cameras,
};

/// `FS_IOC_SHUTDOWN` of `linux/fs.h`, and the flag "do not flush the log".
const FS_IOC_SHUTDOWN: rustix::ioctl::Opcode = rustix::ioctl::opcode::read::<u32>(b'X', 125);
const NO_LOG_FLUSH: u32 = 2;

/// An ext4 in a file, mounted.
struct Disk {
    image: PathBuf,
    mount: PathBuf,
}

fn ok(command: &mut Command) -> bool {
    command.output().is_ok_and(|o| o.status.success())
}

impl Disk {
    fn new(folder: &Path) -> Option<Self> {
        let (image, mount) = (folder.join("disk.img"), folder.join("mount"));
        fs::create_dir(&mount).unwrap();
        let file = fs::File::create(&image).unwrap();
        file.set_len(pick(1, 8) << 30).unwrap();
        let made = ok(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image));
        let disk = Self { image, mount };
        (made && disk.mount()).then_some(disk)
    }

    fn mount(&self) -> bool {
        ok(Command::new("mount")
            .args(["-o", "loop"])
            .arg(&self.image)
            .arg(&self.mount))
    }

    fn cut(&self) {
        let folder = fs::File::open(&self.mount).unwrap();
        // SAFETY: the call reads one u32, which the setter owns; it touches no memory of ours.
        unsafe {
            let order = rustix::ioctl::Setter::<FS_IOC_SHUTDOWN, u32>::new(NO_LOG_FLUSH);
            rustix::ioctl::ioctl(&folder, order).unwrap();
        }
    }

    fn mount_again(&self) {
        wait_for("umount", PATIENCE, || {
            ok(Command::new("umount").arg(&self.mount)).then_some(())
        });
        assert!(self.mount(), "the file system does not mount again");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The recorder may still be ending.
        for _ in 0..100 {
            if ok(Command::new("umount").arg(&self.mount)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Cuts so many times; gives the worst loss in microseconds.
fn cut_again_and_again(cuts: usize, count: usize, tick: &str) -> Option<(u64, bool)> {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(folder.path())?;
    let cameras = cameras(count);
    let setup = Setup {
        tick: Some(tick.to_owned()),
        ..Setup::of(&cameras)
    };
    let mut house = House::prepare(&setup, Some(&disk.mount));
    let mut rng = StdRng::seed_from_u64(20);
    let (mut worst, mut equal) = (0, true);
    house.run();
    for _ in 0..cuts {
        for name in cameras.names() {
            house.wait_recording(name, "main");
        }
        std::thread::sleep(Duration::from_millis(rng.random_range(3000..6000)));
        let moment = now_us();
        disk.cut();
        house.kill();
        disk.mount_again();
        house.run();
        for log in cameras.logs() {
            let footage = house.footage(&log.camera, "main");
            let kept = footage
                .units
                .iter()
                .map(|u| u.identity.sent_us)
                .filter(|s| *s < moment)
                .max();
            // Where nothing is left, everything since the first connection is lost.
            let kept = kept.unwrap_or_else(|| log.due_us(log.ranges[0].first));
            let lost = moment.saturating_sub(kept + log.interval_us);
            worst = worst.max(lost);
            ffprobe_is_content(&footage);
        }
    }
    house.terminate();
    let check = house.command(&["index", "check"]);
    if !check.status.success() {
        eprintln!("index check: {check:?}");
        equal = false;
    }
    drop(house);
    Some((worst, equal))
}

#[test]
fn a_power_cut_loses_two_seconds_at_most() {
    let (cuts, count) = (pick(2, 20), pick(2, 16));
    let Some((worst, equal)) = cut_again_and_again(cuts, count, "1s") else {
        eprintln!("left out: no root, no loop device or no mkfs.ext4");
        return;
    };
    shown(
        3,
        &format!(
            "{cuts} × power cut with {count} cameras: at most {:.2} s lost, every file opens, index equals footage",
            worst as f64 / 1e6
        ),
        worst <= 2_000_000 && equal,
    );
}

/// The same without syncing (once in 30 s) must lose more: otherwise the test above shows nothing.
#[test]
fn without_syncing_a_power_cut_loses_more() {
    let Some((worst, _)) = cut_again_and_again(1, 2, "30s") else {
        eprintln!("left out: no root, no loop device or no mkfs.ext4");
        return;
    };
    shown(
        3,
        &format!("without the sync a power cut loses {:.1} s", worst as f64 / 1e6),
        worst > 2_000_000,
    );
}
