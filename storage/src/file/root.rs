//! The directory that a volume lives in.

use std::{
    fs::File,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::{self, AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, StatxAttributes, StatxFlags},
    io::Errno,
};

use super::{
    Footage, ReadAt, beneath,
    pending::{self, Pending},
};

/// Footage and state: readable by the owner and the group.
const FILE_MODE: u32 = 0o640;
const DIR_MODE: u32 = 0o750;
/// `statfs(2)`; ext2 and ext3 as well.
const EXT4: u64 = 0xEF53;

#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    dir: OwnedFd,
    device: (u64, u64),
    /// Where `syncfs` is not enough.
    pending: Option<Arc<Pending>>,
    /// Its `syncfs` may end well where its journal does not.
    is_ext4: bool,
    #[cfg(test)]
    trace: Option<std::sync::Arc<super::trace::Trace>>,
}

/// What has happened, for [`super::trace`].
macro_rules! told {
    ($root:expr, $trace:ident => $told:expr) => {
        #[cfg(test)]
        if let Some($trace) = &$root.trace {
            $told;
        }
    };
}

/// What a directory holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub name: String,
    pub is_dir: bool,
}

/// An error of this path alone, as it seems: the disk may take others.
pub fn is_of_path(error: &io::Error) -> bool {
    let of_path = [
        Errno::ACCESS,
        Errno::PERM,
        Errno::NOTDIR,
        Errno::ISDIR,
        Errno::NAMETOOLONG,
        Errno::LOOP,
    ];
    of_path.iter().any(|e| Some(e.raw_os_error()) == error.raw_os_error())
}

fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Room on the file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Space {
    pub total: u64,
    /// What this process may still use.
    pub free: u64,
}

fn identity(stat: &fs::Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

impl Root {
    pub fn open(path: &Path) -> io::Result<Root> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = fs::open(path, flags, Mode::empty())?;
        let device = identity(&fs::fstat(&dir)?);
        let pending = pending::is_needed(&dir)?.then(Arc::default);
        let is_ext4 = fs::fstatfs(&dir)?.f_type as u64 == EXT4;
        Ok(Root {
            path: path.to_owned(),
            dir,
            device,
            pending,
            is_ext4,
            #[cfg(test)]
            trace: super::trace::of(path),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path still leads to the directory that is held open.
    pub fn is_in_place(&self) -> bool {
        fs::stat(&self.path).is_ok_and(|now| identity(&now) == self.device)
    }

    /// The device below rotates; `None`: nobody knows (network, several devices).
    pub fn is_rotating(&self) -> Option<bool> {
        let (major, minor) = (fs::major(self.device.0), fs::minor(self.device.0));
        let device = PathBuf::from(format!("/sys/dev/block/{major}:{minor}"));
        // A partition's queue is its disk's.
        let queue = ["queue/rotational", "../queue/rotational"];
        let text = queue
            .iter()
            .find_map(|name| std::fs::read_to_string(device.join(name)).ok())?;
        Some(text.trim() != "0")
    }

    /// Something is mounted at the path.
    pub fn is_mount_point(&self) -> io::Result<bool> {
        if let Ok(seen) = fs::statx(&self.dir, "", AtFlags::EMPTY_PATH, StatxFlags::empty())
            && seen.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT)
        {
            return Ok(seen.stx_attributes.contains(StatxAttributes::MOUNT_ROOT));
        }
        // Before Linux 5.8: another device than the parent folder's.
        let parent = fs::statat(&self.dir, "..", AtFlags::empty())?;
        Ok(parent.st_dev != self.device.0 || parent.st_ino == self.device.1)
    }

    pub fn create_new(&self, path: &Path) -> io::Result<Footage> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        self.open_file(path, flags)
    }

    fn name_appeared(&self, path: &Path) {
        if let Some(pending) = &self.pending {
            pending.folder_of(path);
        }
    }

    fn open_file(&self, path: &Path, flags: OFlags) -> io::Result<Footage> {
        let file = beneath::open(&self.dir, path, flags, Mode::from_raw_mode(FILE_MODE))?;
        let footage = Footage::new(File::from(file)).noted_in(self.pending.as_ref());
        if flags.contains(OFlags::CREATE) {
            self.name_appeared(path);
        }
        #[cfg(test)]
        let footage = footage.traced(self.trace.as_ref().map(|trace| (trace.clone(), trace.opened(path))));
        Ok(footage)
    }

    /// Existing or new; every write goes to the end.
    pub fn open_append(&self, path: &Path) -> io::Result<Footage> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
        self.open_file(path, flags)
    }

    /// A pipe in place of a file is not waited for.
    pub fn open_read(&self, path: &Path) -> io::Result<Footage> {
        told!(self, trace => trace.looked());
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let file = beneath::open(&self.dir, path, flags, Mode::empty())?;
        Ok(Footage::new(File::from(file)))
    }

    pub fn open_write(&self, path: &Path) -> io::Result<Footage> {
        self.open_file(path, OFlags::RDWR)
    }

    /// Whole small files (marker, ledger); an error when larger than `limit`.
    pub fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let file = self.open_read(path)?;
        let len = file.len()?;
        if len > limit {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} has {len} bytes, at most {limit} are expected", path.display()),
            ));
        }
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let read = file.read_full_at(&mut bytes, 0)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    pub fn exists(&self, path: &Path) -> io::Result<bool> {
        told!(self, trace => trace.looked());
        match self.stat(path) {
            Ok(_) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn stat(&self, path: &Path) -> io::Result<fs::Stat> {
        let (folder, name) = beneath::parent(&self.dir, path)?;
        Ok(fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Bytes a file takes on the device.
    pub fn allocated(&self, path: &Path) -> io::Result<u64> {
        let stat = self.stat(path)?;
        Ok(u64::try_from(stat.st_blocks).unwrap_or(0) * 512)
    }

    /// Never over an existing file.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let ((old, from_name), (new, to_name)) = (beneath::parent(&self.dir, from)?, beneath::parent(&self.dir, to)?);
        match fs::renameat_with(&old, from_name, &new, to_name, RenameFlags::NOREPLACE) {
            // Not every file system knows the flag (NFS, FUSE): the caller has checked `to`.
            Err(Errno::INVAL | Errno::NOSYS) => fs::renameat(&old, from_name, &new, to_name)?,
            other => other?,
        }
        self.name_appeared(to);
        told!(self, trace => trace.renamed(from, to));
        Ok(())
    }

    /// In place of what is there, in one step.
    pub fn replace(&self, from: &Path, to: &Path) -> io::Result<()> {
        let ((old, from_name), (new, to_name)) = (beneath::parent(&self.dir, from)?, beneath::parent(&self.dir, to)?);
        fs::renameat(old, from_name, new, to_name)?;
        told!(self, trace => trace.renamed(from, to));
        Ok(())
    }

    pub fn remove(&self, path: &Path) -> io::Result<()> {
        let (folder, name) = beneath::parent(&self.dir, path)?;
        fs::unlinkat(folder, name, AtFlags::empty())?;
        told!(self, trace => trace.removed(path));
        Ok(())
    }

    /// Only when empty.
    pub fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let (folder, name) = beneath::parent(&self.dir, path)?;
        fs::unlinkat(folder, name, AtFlags::REMOVEDIR)?;
        told!(self, trace => trace.noted(super::trace::Op::RemoveDir(path.to_owned())));
        Ok(())
    }

    pub fn create_dirs(&self, path: &Path) -> io::Result<()> {
        match self.create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
                self.create_dirs(parent.ok_or(io::ErrorKind::NotFound)?)?;
                self.create_dir(path)
            }
            other => other,
        }
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let (folder, name) = beneath::parent(&self.dir, path)?;
        match fs::mkdirat(folder, name, Mode::from_raw_mode(DIR_MODE)) {
            Ok(()) => {
                self.name_appeared(path);
                told!(self, trace => trace.noted(super::trace::Op::MakeDir(path.to_owned())));
                Ok(())
            }
            Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Sorted by name; names that are not UTF-8 are not ours and are left out. A missing
    /// directory is an empty one, and so is a symbolic link.
    pub fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        told!(self, trace => trace.looked());
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let dir = match beneath::open(&self.dir, path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()) {
            Ok(dir) => dir,
            Err(error) if is_absent(&error) || is_link(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut entries = Vec::new();
        for entry in Dir::new(dir)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name == "." || name == ".." {
                continue;
            }
            let is_dir = match entry.file_type() {
                FileType::Directory => true,
                FileType::Unknown => {
                    let stat = self.stat(&path.join(name))?;
                    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
                }
                _ => false,
            };
            entries.push(Entry {
                name: name.to_owned(),
                is_dir,
            });
        }
        entries.sort();
        Ok(entries)
    }

    /// Makes a file with something in it and takes it away: on a disk that is read-only, or takes
    /// names and no bytes, or that this process may not write to, footage would fail only later. A
    /// full disk is no error: room can be made. Waits for the device.
    pub fn try_writing(&self) -> io::Result<()> {
        let probe = Path::new(".vigie-probe");
        if self.exists(probe)? {
            self.remove(probe)?;
        }
        let written = self.create_new(probe).map(|file| {
            file.write_at(&[&[0; 512]], 0)?;
            file.sync_data()
        });
        if written.is_ok() {
            self.remove(probe)?;
        }
        match written.flatten() {
            Ok(()) => Ok(()),
            Err(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub fn space(&self) -> io::Result<Space> {
        let s = fs::fstatvfs(&self.dir)?;
        Ok(Space {
            total: s.f_blocks.saturating_mul(s.f_frsize),
            free: s.f_bavail.saturating_mul(s.f_frsize),
        })
    }

    /// `syncfs` of ext4 ends without an error when its journal ends amid the call, and the data is
    /// not there then (seen with 6.18: every fifth time that the room behind a device ran out).
    /// Whatever needs the journal fails from then on. Taking away what is not there needs it and
    /// changes nothing.
    fn has_journal(&self) -> io::Result<()> {
        match fs::fremovexattr(&self.dir, "user.vigie.probe") {
            Err(error @ (Errno::ROFS | Errno::IO | Errno::UCLEAN | Errno::NODEV | Errno::NXIO)) => Err(error.into()),
            // Not there, switched off, not allowed.
            _ => Ok(()),
        }
    }

    /// Everything written to this file system so far, data and names, is on the device when this
    /// returns.
    pub fn sync(&self) -> io::Result<()> {
        told!(self, trace => trace.noted(super::trace::Op::SyncBegin));
        fs::syncfs(&self.dir)?;
        if let Some(pending) = &self.pending {
            pending.sync(&self.dir)?;
        }
        if self.is_ext4 {
            self.has_journal()?;
        }
        told!(self, trace => trace.noted(super::trace::Op::SyncEnd));
        Ok(())
    }
}
