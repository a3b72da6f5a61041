//! A real cut: the file system under disks and state is shut down without flushing its log.
//!
//! `kill -9` keeps the page cache and so proves nothing about syncing; this does. It needs root
//! and a loop device; without them the test says that it was left out.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    house::{House, LoopDisk, Setup, now_us, pick, shown},
    losses,
    recording::cameras,
};

/// Cuts so many times; gives the worst loss in microseconds.
fn cut_again_and_again(cuts: usize, count: usize, tick: &str) -> Option<(u64, bool)> {
    let folder = tempfile::tempdir().unwrap();
    let mount = folder.path().join("mount");
    let disk = LoopDisk::new(&folder.path().join("disk.img"), &mount, pick(1, 8) << 30)?;
    let cameras = cameras(count);
    let setup = Setup {
        tick: Some(tick.to_owned()),
        ..Setup::of(&cameras)
    };
    let mut house = House::prepare(&setup, Some(&mount));
    let mut rng = StdRng::seed_from_u64(20);
    let (mut worst, mut equal) = (0, true);
    house.run();
    for _ in 0..cuts {
        for name in cameras.names() {
            house.wait_recording(name, "main");
        }
        std::thread::sleep(Duration::from_millis(rng.random_range(3000..6000)));
        let moment = now_us();
        disk.shut_down();
        house.kill();
        disk.mount_again();
        house.run();
        worst = worst.max(losses::since_cut(&house, &cameras, moment));
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
