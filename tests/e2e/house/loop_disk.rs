//! A real ext4 on a loop device, and what can go wrong with it. Needs root.

#![allow(unsafe_code)] // one ioctl that no library wraps

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{PATIENCE, wait_for};

/// `FS_IOC_SHUTDOWN` of `linux/fs.h`, and the flag "do not flush the log".
const FS_IOC_SHUTDOWN: rustix::ioctl::Opcode = rustix::ioctl::opcode::read::<u32>(b'X', 125);
const NO_LOG_FLUSH: u32 = 2;

pub struct LoopDisk {
    /// `/dev/loop7`: mounting the same device again gives the same file system, also while someone
    /// still holds files of the mount before.
    device: String,
    image: PathBuf,
    mount: PathBuf,
}

/// A file system in memory, of so many bytes; taken away when dropped.
pub struct Memory(PathBuf);

impl Memory {
    pub fn new(at: &Path, bytes: u64) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        ok(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
            .arg(at))
        .then(|| Self(at.to_owned()))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        ok(Command::new("umount").arg("-l").arg(&self.0));
    }
}

fn ok(command: &mut Command) -> bool {
    command.output().is_ok_and(|o| o.status.success())
}

impl LoopDisk {
    /// `None`: no root, no loop device or no mkfs.ext4.
    pub fn new(image: &Path, mount: &Path, bytes: u64) -> Option<Self> {
        fs::create_dir_all(mount).unwrap();
        fs::File::create(image).unwrap().set_len(bytes).unwrap();
        if !ok(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(image)) {
            return None;
        }
        let made = Command::new("losetup")
            .args(["-f", "--show"])
            .arg(image)
            .output()
            .ok()?;
        let disk = Self {
            device: String::from_utf8(made.stdout).ok()?.trim().to_owned(),
            image: image.to_owned(),
            mount: mount.to_owned(),
        };
        (made.status.success() && disk.mount()).then_some(disk)
    }

    pub fn mount(&self) -> bool {
        ok(Command::new("mount")
            .args(["-o", "errors=remount-ro", &self.device])
            .arg(&self.mount))
    }

    /// Waits until nobody holds it any more.
    pub fn unmount(&self) {
        wait_for("umount", PATIENCE, || self.try_unmount().then_some(()));
    }

    pub fn try_unmount(&self) -> bool {
        ok(Command::new("umount").arg(&self.mount))
    }

    /// The folder below appears, whoever holds files goes on writing.
    pub fn detach(&self) {
        assert!(ok(Command::new("umount").arg("-l").arg(&self.mount)));
    }

    pub fn mount_again(&self) {
        self.unmount();
        assert!(self.mount(), "the file system does not mount again");
    }

    /// As after an error of the file system: read-only from now on.
    pub fn break_file_system(&self) {
        let name = self.device.trim_start_matches("/dev/");
        fs::write(format!("/sys/fs/ext4/{name}/trigger_fs_error"), "1").unwrap();
    }

    pub fn check(&self) {
        // 1: errors were corrected.
        let done = Command::new("e2fsck").args(["-fy", &self.device]).output().unwrap();
        assert!(matches!(done.status.code(), Some(0 | 1)), "{done:?}");
    }

    /// As if the device was gone from this moment on, with what was not on it.
    pub fn shut_down(&self) {
        let folder = fs::File::open(&self.mount).unwrap();
        // SAFETY: the call reads one u32, which the setter owns; it touches no memory of ours.
        unsafe {
            let order = rustix::ioctl::Setter::<FS_IOC_SHUTDOWN, u32>::new(NO_LOG_FLUSH);
            rustix::ioctl::ioctl(&folder, order).unwrap();
        }
    }

    /// The room behind the device runs out: writes seem to succeed, and the sync reports an error.
    pub fn starve(&self) {
        let ballast = fs::File::create(self.ballast()).unwrap();
        // Down to the last page.
        for step in [1u64 << 26, 1 << 20, 1 << 12] {
            let mut at = ballast.metadata().unwrap().len();
            while rustix::fs::fallocate(&ballast, rustix::fs::FallocateFlags::empty(), at, step).is_ok() {
                at += step;
            }
        }
    }

    pub fn feed(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.image.with_extension("ballast")
    }

    /// Writes hang until [`LoopDisk::thaw`].
    pub fn freeze(&self) {
        assert!(ok(Command::new("fsfreeze").arg("-f").arg(&self.mount)));
    }

    pub fn thaw(&self) {
        assert!(ok(Command::new("fsfreeze").arg("-u").arg(&self.mount)));
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        ok(Command::new("fsfreeze").arg("-u").arg(&self.mount));
        // The recorder may still be ending.
        for _ in 0..100 {
            if ok(Command::new("umount").arg(&self.mount)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        ok(Command::new("losetup").args(["-d", &self.device]));
    }
}
