//! What a sync has covered: the rest is lost when the power is cut.
//!
//! As strict as POSIX: a file's `fsync` covers its bytes, its folder's covers its name. A write
//! over bytes that were synced is not undone.

use std::{
    collections::HashMap,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustix::fs::{self, AtFlags, CWD};

#[derive(Debug)]
enum NameOp {
    File(PathBuf),
    Folder(PathBuf),
    Renamed { from: PathBuf, to: PathBuf },
}

#[derive(Debug)]
struct Written {
    file: Arc<OwnedFd>,
    synced: u64,
}

#[derive(Debug, Default)]
struct State {
    /// By inode: what was written to since its last sync.
    written: HashMap<u64, Written>,
    /// By folder, in order.
    names: HashMap<PathBuf, Vec<NameOp>>,
}

#[derive(Debug, Default)]
pub(crate) struct Books(Mutex<State>);

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).to_owned()
}

impl Books {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// About to be written to; `len`: as it is now.
    pub fn writes(&self, inode: u64, file: &Arc<OwnedFd>, len: u64) {
        self.lock().written.entry(inode).or_insert_with(|| Written {
            file: file.clone(),
            synced: len,
        });
    }

    pub fn synced_file(&self, inode: u64) {
        self.lock().written.remove(&inode);
    }

    fn name(&self, folder: PathBuf, op: NameOp) {
        self.lock().names.entry(folder).or_default().push(op);
    }

    pub fn created(&self, path: &Path) {
        self.name(parent(path), NameOp::File(path.to_owned()));
    }

    pub fn made_folder(&self, path: &Path) {
        self.name(parent(path), NameOp::Folder(path.to_owned()));
    }

    pub fn renamed(&self, from: &Path, to: &Path) {
        let op = NameOp::Renamed {
            from: from.to_owned(),
            to: to.to_owned(),
        };
        self.name(parent(to), op);
    }

    /// It is on the device that this name is none any more.
    pub fn removed(&self, path: &Path) {
        let mut state = self.lock();
        if let Some(ops) = state.names.get_mut(&parent(path)) {
            ops.retain(|op| match op {
                NameOp::File(at) | NameOp::Folder(at) => at != path,
                NameOp::Renamed { to, .. } => to != path,
            });
        }
    }

    pub fn synced_folder(&self, path: &Path) {
        self.lock().names.remove(path);
    }

    /// `root`: the folder that all paths are relative to.
    pub fn cut(&self, root: &Path) -> io::Result<()> {
        let State { written, names } = std::mem::take(&mut *self.lock());
        for Written { file, synced } in written.into_values() {
            fs::ftruncate(&file, synced)?;
        }
        // The deepest folders first.
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort_by_key(|(folder, _)| std::cmp::Reverse(folder.components().count()));
        for op in names.into_iter().flat_map(|(_, ops)| ops.into_iter().rev()) {
            // What was removed meanwhile is gone all the same.
            let _ = match op {
                NameOp::File(path) => fs::unlinkat(CWD, root.join(path), AtFlags::empty()),
                NameOp::Folder(path) => fs::unlinkat(CWD, root.join(path), AtFlags::REMOVEDIR),
                NameOp::Renamed { from, to } => fs::rename(root.join(to), root.join(from)),
            };
        }
        Ok(())
    }
}
