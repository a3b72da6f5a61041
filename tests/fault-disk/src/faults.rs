//! What is to go wrong, with which request, how often.

use std::{
    path::Path,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::io::Errno;

/// Nothing hangs for longer, so that a test which has failed ends.
const LONGEST: Duration = Duration::from_secs(100);

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// A new file or folder.
    Create,
    Write,
    Rename,
    /// `fsync` and `fdatasync`, of files and folders.
    Sync,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Fail(Errno),
    /// Writes take only so many bytes.
    Short(usize),
    /// First so long nothing, then as usual.
    Delay(Duration),
    /// Nothing until [`crate::FaultDisk::heal`].
    Hang,
}

#[derive(Debug, Clone)]
pub struct Fault {
    op: Op,
    effect: Effect,
    path: Option<String>,
    left: Option<u32>,
}

impl Fault {
    pub fn new(op: Op, effect: Effect) -> Self {
        Self {
            op,
            effect,
            path: None,
            left: None,
        }
    }

    /// Strikes so many times, and then no more.
    pub fn times(mut self, times: u32) -> Self {
        self.left = Some(times);
        self
    }

    /// Strikes only where this is part of the path on the disk.
    pub fn at(mut self, part: impl Into<String>) -> Self {
        self.path = Some(part.into());
        self
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    Short(usize),
}

#[derive(Debug, Default)]
struct State {
    all: Vec<Fault>,
    struck: u64,
    /// Grows when all is healed.
    healed: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    state: Mutex<State>,
    changed: Condvar,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn add(&self, fault: Fault) {
        self.lock().all.push(fault);
    }

    pub fn clear(&self) {
        let mut state = self.lock();
        state.all.clear();
        state.healed += 1;
        drop(state);
        self.changed.notify_all();
    }

    pub fn struck(&self) -> u64 {
        self.lock().struck
    }

    /// Returns when the request may go on.
    pub fn strike(&self, op: Op, path: &Path) -> Result<Verdict, Errno> {
        let mut state = self.lock();
        let path = path.to_string_lossy();
        let fits = |fault: &&mut Fault| {
            fault.op == op && fault.left != Some(0) && fault.path.as_ref().is_none_or(|part| path.contains(part))
        };
        let Some(fault) = state.all.iter_mut().find(fits) else {
            return Ok(Verdict::Pass);
        };
        fault.left = fault.left.map(|left| left - 1);
        let effect = fault.effect;
        state.struck += 1;
        let wait = match effect {
            Effect::Fail(errno) => return Err(errno),
            Effect::Short(bytes) => return Ok(Verdict::Short(bytes)),
            Effect::Delay(time) => time,
            Effect::Hang => LONGEST,
        };
        let healed = state.healed;
        let waited = self
            .changed
            .wait_timeout_while(state, wait, |state| state.healed == healed);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        Ok(Verdict::Pass)
    }
}
