//! A file system for tests that passes everything on to a folder, and fails on demand: single
//! writes with any error, short or slow writes, writes and syncs that hang, a power cut.
//!
//! It is a FUSE file system, served by threads of the test's own process. It needs root and
//! `/dev/fuse`; nothing has to be installed.
//!
//! Belongs here: what a disk may do to whoever writes to it. Does not belong here: what a test
//! expects of that.

mod books;
mod faults;
mod pass;
mod requests;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod tree;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

pub use faults::{Effect, Fault, Op};
pub use rustix::io::Errno;

use books::Books;
use faults::Faults;
use pass::PassThrough;

/// More than any test lets hang at once: a request that hangs keeps a thread.
const THREADS: usize = 12;

/// A mounted disk. Dropping it ends all faults and unmounts it.
pub struct FaultDisk {
    faults: Arc<Faults>,
    books: Arc<Books>,
    below: PathBuf,
    mount: PathBuf,
    session: Option<fuser::BackgroundSession>,
}

impl FaultDisk {
    /// Mounts `below` at `mount`; makes both folders. An error: no root or no FUSE here.
    pub fn mount(below: &Path, mount: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(below)?;
        std::fs::create_dir_all(mount)?;
        let (faults, books) = (Arc::<Faults>::default(), Arc::<Books>::default());
        let files = PassThrough::new(below, faults.clone(), books.clone())?;
        let mut config = fuser::Config::default();
        config.mount_options = vec![fuser::MountOption::FSName("vigie-fault-disk".into())];
        config.acl = fuser::SessionACL::All;
        config.n_threads = Some(THREADS);
        let session = fuser::spawn_mount(files, mount, &config)?;
        Ok(Self {
            faults,
            books,
            below: below.to_owned(),
            mount: mount.to_owned(),
            session: Some(session),
        })
    }

    pub fn path(&self) -> &Path {
        &self.mount
    }

    /// From now on, beside what was injected before; the first that fits a request strikes.
    pub fn inject(&self, fault: Fault) {
        self.faults.add(fault);
    }

    /// All faults are over; what hangs goes on.
    pub fn heal(&self) {
        self.faults.clear();
    }

    /// How often a fault has struck, ever.
    pub fn struck(&self) -> u64 {
        self.faults.struck()
    }

    /// Takes away what no sync has covered: ends of files, and names. To be called when nobody
    /// writes any more.
    pub fn cut_power(&self) -> io::Result<()> {
        self.books.cut(&self.below)
    }

    /// Unmounts it as an operator would who pulls the disk: open files stay open.
    pub fn detach(&self) -> io::Result<()> {
        Ok(rustix::mount::unmount(
            &self.mount,
            rustix::mount::UnmountFlags::DETACH,
        )?)
    }
}

impl Drop for FaultDisk {
    fn drop(&mut self) {
        self.heal();
        // Whoever used it may still be ending.
        for _ in 0..100 {
            match rustix::mount::unmount(&self.mount, rustix::mount::UnmountFlags::empty()) {
                Err(Errno::BUSY) => std::thread::sleep(Duration::from_millis(50)),
                _ => break,
            }
        }
        // Whoever still holds a file after a failed test keeps no mount alive; gone already is fine.
        let _ = self.detach();
        if let Some(session) = self.session.take() {
            // Gone already is fine.
            let _ = session.umount_and_join();
        }
    }
}
