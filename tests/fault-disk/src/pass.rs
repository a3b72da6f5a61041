//! What the requests of the kernel do to the folder below.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    io,
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt, fs::FileExt},
    },
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use fuser::{FileAttr, FileHandle, FileType, INodeNo};
use rustix::{
    fs::{self, AtFlags, FallocateFlags, Mode, OFlags, SeekFrom},
    io::Errno,
};

use crate::{
    books::Books,
    faults::{Faults, Op, Verdict},
    tree::{Place, Tree, kind},
};

pub(crate) type Listing = Vec<(u64, FileType, OsString)>;

#[derive(Debug, Clone)]
pub(crate) enum Open {
    File(Arc<OwnedFd>),
    Folder(Arc<Listing>),
}

#[derive(Debug)]
pub(crate) struct PassThrough {
    pub tree: Tree,
    open: Mutex<HashMap<u64, Open>>,
    next: AtomicU64,
    faults: Arc<Faults>,
    books: Arc<Books>,
}

fn errno(error: io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}

/// Positions are the kernel's, buffers are ours.
fn flags_of(flags: i32) -> OFlags {
    let all = OFlags::from_bits_retain(u32::from_ne_bytes(flags.to_ne_bytes()));
    all - OFlags::APPEND - OFlags::DIRECT - OFlags::NOFOLLOW - OFlags::CREATE - OFlags::EXCL
}

impl PassThrough {
    pub fn new(below: &Path, faults: Arc<Faults>, books: Arc<Books>) -> io::Result<Self> {
        more_files()?;
        Ok(Self {
            tree: Tree::new(below)?,
            open: Mutex::default(),
            next: AtomicU64::new(1),
            faults,
            books,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, open: Open) -> FileHandle {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, open);
        FileHandle(number)
    }

    fn file(&self, handle: FileHandle) -> Result<Arc<OwnedFd>, Errno> {
        match self.lock().get(&handle.0) {
            Some(Open::File(file)) => Ok(file.clone()),
            _ => Err(Errno::BADF),
        }
    }

    fn entry(&self, parent: INodeNo, name: &OsStr) -> Result<(Place, PathBuf), Errno> {
        let folder = self.tree.place(parent)?;
        let path = folder.path.join(name);
        Ok((folder, path))
    }

    pub fn make_file(
        &self,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        flags: i32,
    ) -> Result<(FileAttr, FileHandle), Errno> {
        let (folder, path) = self.entry(parent, name)?;
        self.faults.strike(Op::Create, &path)?;
        let flags = (flags_of(flags) - OFlags::ACCMODE) | OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
        let fresh = fs::statat(&*folder.fd, name, AtFlags::SYMLINK_NOFOLLOW).is_err();
        let file = fs::openat(&*folder.fd, name, flags, Mode::from_raw_mode(mode & 0o7777))?;
        if fresh {
            self.books.created(&path);
        }
        let attributes = self.tree.look_up(parent, name)?;
        Ok((attributes, self.keep(Open::File(Arc::new(file)))))
    }

    pub fn make_folder(&self, parent: INodeNo, name: &OsStr, mode: u32) -> Result<FileAttr, Errno> {
        let (folder, path) = self.entry(parent, name)?;
        self.faults.strike(Op::Create, &path)?;
        fs::mkdirat(&*folder.fd, name, Mode::from_raw_mode(mode & 0o7777))?;
        self.books.made_folder(&path);
        self.tree.look_up(parent, name)
    }

    pub fn remove(&self, parent: INodeNo, name: &OsStr, flags: AtFlags) -> Result<(), Errno> {
        let (folder, path) = self.entry(parent, name)?;
        fs::unlinkat(&*folder.fd, name, flags)?;
        self.books.removed(&path);
        Ok(())
    }

    pub fn move_name(&self, from: (INodeNo, &OsStr), to: (INodeNo, &OsStr), flags: u32) -> Result<(), Errno> {
        let (old_folder, old) = self.entry(from.0, from.1)?;
        let (new_folder, new) = self.entry(to.0, to.1)?;
        self.faults.strike(Op::Rename, &new)?;
        let flags = fs::RenameFlags::from_bits_retain(flags);
        fs::renameat_with(&*old_folder.fd, from.1, &*new_folder.fd, to.1, flags)?;
        self.books.renamed(&old, &new);
        self.tree.renamed(&old, &new);
        Ok(())
    }

    pub fn write(&self, inode: INodeNo, handle: FileHandle, offset: u64, data: &[u8]) -> Result<usize, Errno> {
        let file = self.file(handle)?;
        let verdict = self.faults.strike(Op::Write, &self.tree.place(inode)?.path)?;
        let len = u64::try_from(fs::fstat(&*file)?.st_size).unwrap_or(0);
        self.books.writes(inode.0, &file, len);
        let data = match verdict {
            Verdict::Short(bytes) => data.get(..bytes.min(data.len())).unwrap_or_default(),
            Verdict::Pass => data,
        };
        std::fs::File::from(file.try_clone().map_err(errno)?)
            .write_at(data, offset)
            .map_err(errno)
    }

    pub fn read(&self, handle: FileHandle, offset: u64, size: u32) -> Result<Vec<u8>, Errno> {
        let file = std::fs::File::from(self.file(handle)?.try_clone().map_err(errno)?);
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, offset + done as u64).map_err(errno)? {
                0 => break,
                n => done += n,
            }
        }
        bytes.truncate(done);
        Ok(bytes)
    }

    pub fn truncate(&self, inode: INodeNo, handle: Option<FileHandle>, size: u64) -> Result<(), Errno> {
        let file = match handle {
            Some(handle) => self.file(handle)?,
            None => Arc::new(self.tree.place(inode)?.open(OFlags::RDWR)?),
        };
        fs::ftruncate(&*file, size)
    }

    /// Nothing below is synced: the books say what a power cut leaves.
    pub fn sync(&self, inode: INodeNo, folder: bool) -> Result<(), Errno> {
        let path = self.tree.place(inode)?.path;
        self.faults.strike(Op::Sync, &path)?;
        if folder {
            self.books.synced_folder(&path);
        } else {
            self.books.synced_file(inode.0);
        }
        Ok(())
    }

    pub fn list(&self, inode: INodeNo) -> Result<FileHandle, Errno> {
        let folder = self.tree.place(inode)?.open(OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut all = Listing::new();
        for entry in fs::Dir::new(folder)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
            all.push((entry.ino(), kind(entry.file_type()), name));
        }
        Ok(self.keep(Open::Folder(Arc::new(all))))
    }

    pub fn open(&self, inode: INodeNo, flags: i32) -> Result<FileHandle, Errno> {
        // The kernel reads for itself when part of a page is written.
        let mut flags = flags_of(flags);
        if flags & OFlags::ACCMODE == OFlags::WRONLY {
            flags = (flags - OFlags::ACCMODE) | OFlags::RDWR;
        }
        let file = self.tree.place(inode)?.open(flags)?;
        Ok(self.keep(Open::File(Arc::new(file))))
    }

    pub fn close(&self, handle: FileHandle) {
        let closed = self.lock().remove(&handle.0);
        drop(closed);
    }

    pub fn listing(&self, handle: FileHandle) -> Result<Arc<Listing>, Errno> {
        match self.lock().get(&handle.0) {
            Some(Open::Folder(all)) => Ok(all.clone()),
            _ => Err(Errno::BADF),
        }
    }

    pub fn allocate(&self, handle: FileHandle, offset: u64, len: u64, mode: i32) -> Result<(), Errno> {
        let mode = FallocateFlags::from_bits_retain(u32::from_ne_bytes(mode.to_ne_bytes()));
        fs::fallocate(&*self.file(handle)?, mode, offset, len)
    }

    /// Data (3, as in Linux) or hole.
    pub fn seek(&self, handle: FileHandle, offset: i64, whence: i32) -> Result<u64, Errno> {
        let at = u64::try_from(offset).unwrap_or(0);
        let from = if whence == 3 {
            SeekFrom::Data(at)
        } else {
            SeekFrom::Hole(at)
        };
        fs::seek(&*self.file(handle)?, from)
    }
}

/// Every inode that the kernel knows is a file held open.
fn more_files() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let most = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: most,
        maximum: most,
    };
    Ok(setrlimit(Resource::Nofile, limit)?)
}
