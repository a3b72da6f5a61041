//! Every request of the kernel, passed on to the folder below.

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
    time::{Duration, SystemTime},
};

use fuser::{
    BsdFileFlags, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner, OpenFlags,
    ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen, ReplyStatfs,
    ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use rustix::{
    fs::{self, AtFlags, FallocateFlags, Mode, OFlags, SeekFrom},
    io::Errno,
};

use crate::{
    books::Books,
    faults::{Faults, Op, Verdict},
    tree::{Place, Tree, kind},
};

/// The kernel asks every time: what lies below may change.
const TTL: Duration = Duration::ZERO;
const GENERATION: Generation = Generation(0);

type Listing = Vec<(u64, FileType, OsString)>;

#[derive(Debug, Clone)]
enum Open {
    File(Arc<OwnedFd>),
    Folder(Arc<Listing>),
}

#[derive(Debug)]
pub(crate) struct PassThrough {
    tree: Tree,
    open: Mutex<HashMap<u64, Open>>,
    next: AtomicU64,
    faults: Arc<Faults>,
    books: Arc<Books>,
}

fn error(errno: Errno) -> fuser::Errno {
    fuser::Errno::from_i32(errno.raw_os_error())
}

fn errno(error: io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}

/// Positions are the kernel's, buffers are ours.
fn flags_of(flags: i32) -> OFlags {
    let all = OFlags::from_bits_retain(u32::from_ne_bytes(flags.to_ne_bytes()));
    all - OFlags::APPEND - OFlags::DIRECT - OFlags::NOFOLLOW - OFlags::CREATE - OFlags::EXCL
}

macro_rules! answer {
    ($reply:ident, $result:expr, $value:pat => $done:expr) => {
        match $result {
            Ok($value) => $done,
            Err(errno) => $reply.error(error(errno)),
        }
    };
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

    fn make_file(&self, parent: INodeNo, name: &OsStr, mode: u32, flags: i32) -> Result<(FileAttr, FileHandle), Errno> {
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

    fn make_folder(&self, parent: INodeNo, name: &OsStr, mode: u32) -> Result<FileAttr, Errno> {
        let (folder, path) = self.entry(parent, name)?;
        self.faults.strike(Op::Create, &path)?;
        fs::mkdirat(&*folder.fd, name, Mode::from_raw_mode(mode & 0o7777))?;
        self.books.made_folder(&path);
        self.tree.look_up(parent, name)
    }

    fn remove(&self, parent: INodeNo, name: &OsStr, flags: AtFlags) -> Result<(), Errno> {
        let (folder, path) = self.entry(parent, name)?;
        fs::unlinkat(&*folder.fd, name, flags)?;
        self.books.removed(&path);
        Ok(())
    }

    fn move_name(&self, from: (INodeNo, &OsStr), to: (INodeNo, &OsStr), flags: u32) -> Result<(), Errno> {
        let (old_folder, old) = self.entry(from.0, from.1)?;
        let (new_folder, new) = self.entry(to.0, to.1)?;
        self.faults.strike(Op::Rename, &new)?;
        let flags = fs::RenameFlags::from_bits_retain(flags);
        fs::renameat_with(&*old_folder.fd, from.1, &*new_folder.fd, to.1, flags)?;
        self.books.renamed(&old, &new);
        self.tree.renamed(&old, &new);
        Ok(())
    }

    fn write(&self, inode: INodeNo, handle: FileHandle, offset: u64, data: &[u8]) -> Result<usize, Errno> {
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

    fn read(&self, handle: FileHandle, offset: u64, size: u32) -> Result<Vec<u8>, Errno> {
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

    fn truncate(&self, inode: INodeNo, handle: Option<FileHandle>, size: u64) -> Result<(), Errno> {
        let file = match handle {
            Some(handle) => self.file(handle)?,
            None => Arc::new(self.tree.place(inode)?.open(OFlags::RDWR)?),
        };
        fs::ftruncate(&*file, size)
    }

    /// Nothing below is synced: the books say what a power cut leaves.
    fn sync(&self, inode: INodeNo, folder: bool) -> Result<(), Errno> {
        let path = self.tree.place(inode)?.path;
        self.faults.strike(Op::Sync, &path)?;
        if folder {
            self.books.synced_folder(&path);
        } else {
            self.books.synced_file(inode.0);
        }
        Ok(())
    }

    fn list(&self, inode: INodeNo) -> Result<FileHandle, Errno> {
        let folder = self.tree.place(inode)?.open(OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut all = Listing::new();
        for entry in fs::Dir::new(folder)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
            all.push((entry.ino(), kind(entry.file_type()), name));
        }
        Ok(self.keep(Open::Folder(Arc::new(all))))
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

impl Filesystem for PassThrough {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        answer!(reply, self.tree.look_up(parent, name), attr => reply.entry(&TTL, &attr, GENERATION));
    }

    fn forget(&self, _: &Request, inode: INodeNo, lookups: u64) {
        self.tree.forget(inode, lookups);
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        answer!(reply, self.tree.attributes(inode), attr => reply.attr(&TTL, &attr));
    }

    /// Lengths alone; owners, modes and times are not what tests look at.
    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        handle: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let done = size.map_or(Ok(()), |size| self.truncate(inode, handle, size));
        let attributes = done.and_then(|()| self.tree.attributes(inode));
        answer!(reply, attributes, attr => reply.attr(&TTL, &attr));
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        let made = self.make_folder(parent, name, mode & !umask);
        answer!(reply, made, attr => reply.entry(&TTL, &attr, GENERATION));
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer!(reply, self.remove(parent, name, AtFlags::empty()), () => reply.ok());
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer!(reply, self.remove(parent, name, AtFlags::REMOVEDIR), () => reply.ok());
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: fuser::RenameFlags,
        reply: ReplyEmpty,
    ) {
        let moved = self.move_name((parent, name), (new_parent, new_name), flags.bits());
        answer!(reply, moved, () => reply.ok());
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let made = self.make_file(parent, name, mode & !umask, flags);
        answer!(reply, made, (attr, handle) => reply.created(&TTL, &attr, GENERATION, handle, FopenFlags::empty()));
    }

    fn open(&self, _: &Request, inode: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        // The kernel reads for itself when part of a page is written.
        let mut flags = flags_of(flags.0);
        if flags & OFlags::ACCMODE == OFlags::WRONLY {
            flags = (flags - OFlags::ACCMODE) | OFlags::RDWR;
        }
        let opened = self.tree.place(inode).and_then(|place| place.open(flags));
        answer!(reply, opened, file => reply.opened(self.keep(Open::File(Arc::new(file))), FopenFlags::empty()));
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        answer!(reply, self.read(handle, offset, size), bytes => reply.data(&bytes));
    }

    fn write(
        &self,
        _: &Request,
        inode: INodeNo,
        handle: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = self.write(inode, handle, offset, data);
        answer!(reply, written, n => reply.written(u32::try_from(n).unwrap_or(0)));
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        let closed = self.lock().remove(&handle.0);
        drop(closed);
        reply.ok();
    }

    fn fsync(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer!(reply, self.sync(inode, false), () => reply.ok());
    }

    fn opendir(&self, _: &Request, inode: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        answer!(reply, self.list(inode), handle => reply.opened(handle, FopenFlags::empty()));
    }

    fn readdir(&self, _: &Request, _: INodeNo, handle: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let Some(Open::Folder(all)) = self.lock().get(&handle.0).cloned() else {
            return reply.error(error(Errno::BADF));
        };
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        for (at, (inode, kind, name)) in all.iter().enumerate().skip(from) {
            if reply.add(INodeNo(*inode), at as u64 + 1, *kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(&self, _: &Request, _: INodeNo, handle: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        self.lock().remove(&handle.0);
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer!(reply, self.sync(inode, true), () => reply.ok());
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let stat = self.tree.place(INodeNo::ROOT).and_then(|root| fs::fstatvfs(&*root.fd));
        let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        answer!(reply, stat, s => reply.statfs(
            s.f_blocks, s.f_bfree, s.f_bavail, s.f_files, s.f_ffree, small(s.f_bsize), small(s.f_namemax), small(s.f_frsize),
        ));
    }

    fn fallocate(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        len: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let mode = FallocateFlags::from_bits_retain(u32::from_ne_bytes(mode.to_ne_bytes()));
        let done = self
            .file(handle)
            .and_then(|file| fs::fallocate(&*file, mode, offset, len));
        answer!(reply, done, () => reply.ok());
    }

    fn lseek(&self, _: &Request, _: INodeNo, handle: FileHandle, offset: i64, whence: i32, reply: ReplyLseek) {
        let at = u64::try_from(offset).unwrap_or(0);
        // `SEEK_DATA` and `SEEK_HOLE` of Linux: the kernel asks for nothing else.
        let from = if whence == 3 {
            SeekFrom::Data(at)
        } else {
            SeekFrom::Hole(at)
        };
        let found = self.file(handle).and_then(|file| fs::seek(&*file, from));
        answer!(reply, found, at => reply.offset(i64::try_from(at).unwrap_or(i64::MAX)));
    }
}
