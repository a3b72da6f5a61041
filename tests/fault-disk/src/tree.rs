//! Inodes: what the kernel knows by number, held open below, so that a file without a name is
//! still a file.

use std::{
    collections::HashMap,
    ffi::OsStr,
    io,
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fuser::{FileAttr, FileType, INodeNo};
use rustix::{
    fs::{self, Mode, OFlags},
    io::Errno,
};

#[derive(Debug)]
struct Node {
    /// `O_PATH`.
    fd: Arc<OwnedFd>,
    /// On the disk, relative to its root.
    path: PathBuf,
    lookups: u64,
    key: (u64, u64),
}

#[derive(Debug)]
struct State {
    nodes: HashMap<u64, Node>,
    by_key: HashMap<(u64, u64), u64>,
    next: u64,
}

#[derive(Debug)]
pub(crate) struct Tree(Mutex<State>);

/// What one inode leads to.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub fd: Arc<OwnedFd>,
    pub path: PathBuf,
}

impl Place {
    /// The same file, to be read or written.
    pub fn open(&self, flags: OFlags) -> Result<OwnedFd, Errno> {
        let link = format!("/proc/self/fd/{}", self.fd.as_raw_fd());
        fs::open(link, flags | OFlags::CLOEXEC, Mode::empty())
    }
}

fn path_only(at: impl std::os::fd::AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(at, name, flags, Mode::empty())
}

impl Tree {
    pub fn new(below: &Path) -> io::Result<Self> {
        let fd = path_only(fs::CWD, below.as_os_str())?;
        let stat = fs::fstat(&fd)?;
        let key = (stat.st_dev, stat.st_ino);
        let root = Node {
            fd: Arc::new(fd),
            path: PathBuf::new(),
            lookups: 1,
            key,
        };
        Ok(Self(Mutex::new(State {
            nodes: HashMap::from([(INodeNo::ROOT.0, root)]),
            by_key: HashMap::from([(key, INodeNo::ROOT.0)]),
            next: INodeNo::ROOT.0 + 1,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn place(&self, inode: INodeNo) -> Result<Place, Errno> {
        let state = self.lock();
        let node = state.nodes.get(&inode.0).ok_or(Errno::STALE)?;
        Ok(Place {
            fd: node.fd.clone(),
            path: node.path.clone(),
        })
    }

    /// The entry of a folder, known to the kernel from now on.
    pub fn look_up(&self, parent: INodeNo, name: &OsStr) -> Result<FileAttr, Errno> {
        let folder = self.place(parent)?;
        let fd = path_only(&*folder.fd, name)?;
        let stat = fs::fstat(&fd)?;
        let key = (stat.st_dev, stat.st_ino);
        let mut state = self.lock();
        let inode = match state.by_key.get(&key) {
            Some(inode) => *inode,
            None => {
                let inode = state.next;
                state.next += 1;
                state.by_key.insert(key, inode);
                let node = Node {
                    fd: Arc::new(fd),
                    path: folder.path.join(name),
                    lookups: 0,
                    key,
                };
                state.nodes.insert(inode, node);
                inode
            }
        };
        if let Some(node) = state.nodes.get_mut(&inode) {
            node.lookups += 1;
        }
        Ok(attributes(INodeNo(inode), &stat))
    }

    pub fn attributes(&self, inode: INodeNo) -> Result<FileAttr, Errno> {
        let place = self.place(inode)?;
        Ok(attributes(inode, &fs::fstat(&*place.fd)?))
    }

    pub fn forget(&self, inode: INodeNo, lookups: u64) {
        let mut state = self.lock();
        let Some(node) = state.nodes.get_mut(&inode.0) else {
            return;
        };
        node.lookups = node.lookups.saturating_sub(lookups);
        if node.lookups == 0 && inode != INodeNo::ROOT {
            let key = node.key;
            state.nodes.remove(&inode.0);
            state.by_key.remove(&key);
        }
    }

    pub fn renamed(&self, from: &Path, to: &Path) {
        for node in self.lock().nodes.values_mut() {
            if let Ok(rest) = node.path.strip_prefix(from) {
                node.path = if rest.as_os_str().is_empty() {
                    to.to_owned()
                } else {
                    to.join(rest)
                };
            }
        }
    }
}

fn attributes(inode: INodeNo, stat: &fs::Stat) -> FileAttr {
    let time = |seconds: i64| UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    let kind = kind(fs::FileType::from_raw_mode(stat.st_mode));
    let modified: SystemTime = time(stat.st_mtime);
    FileAttr {
        ino: inode,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        blocks: u64::try_from(stat.st_blocks).unwrap_or(0),
        atime: time(stat.st_atime),
        mtime: modified,
        ctime: time(stat.st_ctime),
        crtime: modified,
        kind,
        perm: u16::try_from(stat.st_mode & 0o7777).unwrap_or(0),
        nlink: u32::try_from(stat.st_nlink).unwrap_or(1),
        uid: stat.st_uid,
        gid: stat.st_gid,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

pub(crate) fn kind(of: fs::FileType) -> FileType {
    match of {
        fs::FileType::Directory => FileType::Directory,
        fs::FileType::Symlink => FileType::Symlink,
        _ => FileType::RegularFile,
    }
}
