//! File systems whose `syncfs` ends before the device: there each file and folder that was changed
//! since the last sync is synced by itself.

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::{
    fs::{self, Mode, OFlags},
    io::Errno,
};

/// `statfs(2)`. FUSE passes `fsync` on, and `syncfs` only for virtiofs and block devices; CIFS
/// writes its cache back without asking the server to sync; 9P likewise. NFS commits.
const SHORT_OF_THE_DEVICE: [u64; 5] = [0x6573_5546, 0xFF53_4D42, 0xFE53_4D42, 0x517B, 0x0102_1997];

/// `syncfs` on this file system is not enough.
pub(super) fn is_needed(dir: impl AsFd) -> io::Result<bool> {
    // Signed, and on some machines 32 bits wide.
    let kind = fs::fstatfs(dir)?.f_type as u64 & 0xFFFF_FFFF;
    Ok(SHORT_OF_THE_DEVICE.contains(&kind))
}

#[derive(Debug, Default)]
struct State {
    files: Vec<Changed>,
    folders: BTreeSet<PathBuf>,
}

/// What no sync has covered yet.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<State>);

/// One open file.
#[derive(Debug, Clone)]
pub(super) struct Changed {
    file: Arc<File>,
    /// It is among the pending ones.
    noted: Arc<AtomicBool>,
}

impl Changed {
    pub fn new(file: Arc<File>) -> Self {
        Self {
            file,
            noted: Arc::default(),
        }
    }
}

impl Pending {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A write to it has returned.
    pub fn file(&self, changed: &Changed) {
        if !changed.noted.swap(true, Ordering::SeqCst) {
            self.lock().files.push(changed.clone());
        }
    }

    /// A name appeared in this folder.
    pub fn folder_of(&self, path: &Path) {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        self.lock().folders.insert(folder);
    }

    /// All that returned before this call is on the device when it returns: files first, so that
    /// no name leads to less than it should.
    pub fn sync(&self, dir: impl AsFd) -> io::Result<()> {
        let State { files, folders } = std::mem::take(&mut *self.lock());
        for changed in files {
            // Before: a write that returns from now on notes it again.
            changed.noted.store(false, Ordering::SeqCst);
            fs::fdatasync(&changed.file)?;
        }
        for folder in folders {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            match fs::openat(&dir, &folder, flags, Mode::empty()) {
                Ok(folder) => match fs::fsync(folder) {
                    // Not every one of these file systems syncs folders.
                    Ok(()) | Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
                    Err(error) => return Err(error.into()),
                },
                // Removed meanwhile.
                Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
