//! The index: which segments, gaps and marks there are, found by stream and time.
//!
//! A cache of what is on the volumes: it may be lost, never lie. Belongs here: keys, packed
//! rows, sled. Does not belong here: reading volumes (the recovery and the rebuild hand rows in).
//!
//! Every change is in memory first and visible at once; [`Index::flush`] writes all of it,
//! checkpoints included, as one batch that is on the device when the call returns. So after a
//! crash the index is that of some flush, and the checkpoints in it say which. Where the folder
//! is full, read-only or broken, changes stay in memory until a flush succeeds.

mod base;
mod check;
#[cfg(test)]
mod crash;
mod damage;
mod days;
mod digest;
mod error;
mod key;
mod packed;
mod pending;
mod read;
mod spans;
#[cfg(test)]
mod tests;
mod trouble;
mod varint;
mod write;

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

pub use check::Differences;
pub use damage::{Damage, RowKind};
#[cfg(test)]
pub(crate) use days::MOST_BYTES as MOST_BYTES_OF_DAYS;
pub use error::IndexError;

use base::Base;
use pending::Pending;

/// What [`Index::open`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// As it was left by the last flush.
    Found,
    /// There was none.
    Fresh,
    /// It was broken; this is a new one. There are no checkpoints in it.
    SetAside { to: PathBuf, why: String },
    /// The folder cannot be used: everything is in memory.
    Memory { error: IndexError },
}

pub struct Index {
    /// `None`: never on disk.
    dir: Option<PathBuf>,
    /// One flush at a time; locked before `inner`.
    flushing: Mutex<()>,
    inner: Mutex<Inner>,
    damaged: Mutex<damage::Noted>,
    days: days::Days,
}

struct Inner {
    base: Option<Base>,
    /// Why there is no base, and whether to try again.
    down: Option<Down>,
    pending: Pending,
    /// Counts how often what had been flushed was lost.
    generation: u64,
}

struct Down {
    error: IndexError,
    for_good: bool,
}

impl Index {
    /// Never fails: see [`Opening`]. `dir` must be on a local file system.
    pub fn open(dir: &Path) -> (Index, Opening) {
        let index = Index {
            dir: Some(dir.to_owned()),
            flushing: Mutex::new(()),
            inner: Mutex::new(Inner {
                base: None,
                down: None,
                pending: Pending::default(),
                generation: 0,
            }),
            damaged: Mutex::default(),
            days: days::Days::default(),
        };
        let opening = match Base::open(dir) {
            Ok((base, fresh)) => {
                index.lock().base = Some(base);
                if fresh { Opening::Fresh } else { Opening::Found }
            }
            Err(fault) => match index.went_wrong(dir, None, fault) {
                IndexError::SetAside { to, why } => match index.lock().down.as_ref() {
                    Some(down) => Opening::Memory {
                        error: down.error.clone(),
                    },
                    None => Opening::SetAside { to, why },
                },
                error => Opening::Memory { error },
            },
        };
        (index, opening)
    }

    /// Only in memory: what an index is compared with.
    pub fn in_memory() -> Index {
        Index {
            dir: None,
            flushing: Mutex::new(()),
            inner: Mutex::new(Inner {
                base: None,
                down: None,
                pending: Pending::default(),
                generation: 0,
            }),
            damaged: Mutex::default(),
            days: days::Days::default(),
        }
    }

    /// Why changes stay in memory, if they do.
    pub fn degraded(&self) -> Option<IndexError> {
        self.lock().down.as_ref().map(|down| down.error.clone())
    }

    /// Another one: what had been flushed was lost, set aside or cleared. Whoever has read the
    /// volumes has to read them again before it sets a checkpoint.
    pub fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Bytes on disk.
    pub fn size(&self) -> u64 {
        let base = self.lock().base.clone();
        base.and_then(|base| base.size_on_disk().ok()).unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Index {
    /// Does not flush: whoever wants that says so.
    fn drop(&mut self) {
        if let Some(base) = self.lock().base.take() {
            base.close();
        }
    }
}
