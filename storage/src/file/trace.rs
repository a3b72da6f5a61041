//! For tests: the order in which operations reach the file system, so that a power cut can be
//! played at every moment. What is written down here has returned; a sync is written down at its
//! begin and at its end.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

/// A file, whatever its name.
pub type FileId = u64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    Create {
        file: FileId,
        path: PathBuf,
    },
    Write {
        file: FileId,
        offset: u64,
        bytes: Vec<u8>,
    },
    Truncate {
        file: FileId,
        len: u64,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Remove(PathBuf),
    MakeDir(PathBuf),
    RemoveDir(PathBuf),
    /// Of the whole file system.
    SyncBegin,
    SyncEnd,
    /// Of one file.
    SyncedData(FileId),
}

#[derive(Debug, Default)]
struct State {
    ops: Vec<Op>,
    names: HashMap<PathBuf, FileId>,
    lengths: HashMap<FileId, u64>,
    looks: usize,
}

#[derive(Debug, Default)]
pub struct Trace(Mutex<State>);

fn all() -> MutexGuard<'static, HashMap<PathBuf, Arc<Trace>>> {
    static ALL: OnceLock<Mutex<HashMap<PathBuf, Arc<Trace>>>> = OnceLock::new();
    ALL.get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// From now on whoever opens this root is watched.
pub fn watch(root: &Path) -> Arc<Trace> {
    all().entry(root.to_owned()).or_default().clone()
}

pub(super) fn of(root: &Path) -> Option<Arc<Trace>> {
    all().get(root).cloned()
}

impl Trace {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn ops(&self) -> Vec<Op> {
        self.lock().ops.clone()
    }

    pub fn len(&self) -> usize {
        self.lock().ops.len()
    }

    /// How often a folder was listed, a file opened for reading or a name looked for.
    pub fn looks(&self) -> usize {
        self.lock().looks
    }

    pub(super) fn looked(&self) {
        self.lock().looks += 1;
    }

    /// The file of this name; made if there is none.
    pub(super) fn opened(&self, path: &Path) -> FileId {
        let mut state = self.lock();
        if let Some(file) = state.names.get(path) {
            return *file;
        }
        let file = state.lengths.len() as FileId;
        state.names.insert(path.to_owned(), file);
        state.lengths.insert(file, 0);
        let path = path.to_owned();
        state.ops.push(Op::Create { file, path });
        file
    }

    /// `offset`: `None` at the end.
    pub(super) fn wrote(&self, file: FileId, offset: Option<u64>, bytes: Vec<u8>) {
        let mut state = self.lock();
        let len = state.lengths.entry(file).or_default();
        let offset = offset.unwrap_or(*len);
        *len = (*len).max(offset + bytes.len() as u64);
        state.ops.push(Op::Write { file, offset, bytes });
    }

    pub(super) fn truncated(&self, file: FileId, len: u64) {
        let mut state = self.lock();
        state.lengths.insert(file, len);
        state.ops.push(Op::Truncate { file, len });
    }

    pub(super) fn renamed(&self, from: &Path, to: &Path) {
        let mut state = self.lock();
        if let Some(file) = state.names.remove(from) {
            state.names.insert(to.to_owned(), file);
        }
        let (from, to) = (from.to_owned(), to.to_owned());
        state.ops.push(Op::Rename { from, to });
    }

    pub(super) fn removed(&self, path: &Path) {
        let mut state = self.lock();
        state.names.remove(path);
        state.ops.push(Op::Remove(path.to_owned()));
    }

    pub(super) fn noted(&self, op: Op) {
        self.lock().ops.push(op);
    }
}
