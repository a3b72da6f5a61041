//! From many recorders to one writer thread: a bounded queue of jobs that wakes its reader rarely.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::Sender,
    },
    time::{Duration, Instant},
};

use super::{handle::SegmentHandle, held::Held};
use crate::segment::Fragment;

/// After the queue ran dry the writer lets this much time pass before it looks again: one wake-up
/// serves many cameras.
const GATHER: Duration = Duration::from_millis(40);
/// With this much waiting it is woken at once.
const URGENT_BYTES: u64 = 16 << 20;

#[derive(Debug)]
pub(super) enum Job {
    Fragment {
        segment: Arc<SegmentHandle>,
        fragment: Arc<Fragment>,
    },
    Finish {
        segment: Arc<SegmentHandle>,
    },
    /// A line for the ledger at this path.
    Ledger {
        path: std::path::PathBuf,
        text: String,
    },
    /// Are all open files still there?
    Names,
    /// Answered when everything before it is written.
    Barrier(Sender<()>),
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<(Instant, Job)>,
    /// The writer waits for any job; otherwise only for urgency.
    idle: bool,
    urgent: bool,
    closed: bool,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    /// Of fragments in it.
    bytes: AtomicU64,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How long its oldest job has waited.
    pub fn lag(&self) -> Duration {
        let state = self.lock();
        state.jobs.front().map_or(Duration::ZERO, |(since, _)| since.elapsed())
    }

    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// False: closed, the job is dropped.
    pub fn push(&self, job: Job) -> bool {
        let (bytes, urgent) = match &job {
            Job::Fragment { fragment, .. } => (fragment.len(), false),
            Job::Barrier(_) => (0, true),
            _ => (0, false),
        };
        let mut state = self.lock();
        if state.closed {
            return false;
        }
        state.jobs.push_back((Instant::now(), job));
        let waiting = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let wake = state.idle || ((urgent || waiting > URGENT_BYTES) && !state.urgent);
        state.urgent |= urgent || waiting > URGENT_BYTES;
        state.idle = false;
        drop(state);
        if wake {
            self.ready.notify_one();
        }
        true
    }

    /// The next job; waits. `None`: closed and empty. A fragment is in `held` before it is out of
    /// the queue: whoever empties both misses none.
    pub fn pop(&self, held: &Held) -> Option<Job> {
        let mut state = self.lock();
        if state.jobs.is_empty() && !state.closed {
            state.urgent = false;
            let gather = |s: &mut State| !s.urgent && !s.closed;
            state = self
                .ready
                .wait_timeout_while(state, GATHER, gather)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            while state.jobs.is_empty() && !state.closed {
                state.idle = true;
                state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.idle = false;
        }
        let (_, job) = state.jobs.pop_front()?;
        if let Job::Fragment { segment, fragment } = &job {
            held.hold(segment, fragment);
            self.bytes.fetch_sub(fragment.len(), Ordering::Relaxed);
        }
        Some(job)
    }

    /// Takes the fragments of one segment out of it.
    pub fn take_fragments(&self, token: u64) -> Vec<Arc<Fragment>> {
        let mut state = self.lock();
        let mut taken = Vec::new();
        state.jobs.retain(|(_, job)| match job {
            Job::Fragment { segment, fragment } if segment.token == token => {
                taken.push(fragment.clone());
                false
            }
            _ => true,
        });
        drop(state);
        let bytes: u64 = taken.iter().map(|fragment| fragment.len()).sum();
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        taken
    }

    /// What is in it is still written; nothing more is taken.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        drop(state);
        self.ready.notify_all();
    }

    /// Closes it and takes out what is in it.
    pub fn abandon(&self) -> VecDeque<Job> {
        let mut state = self.lock();
        state.closed = true;
        self.bytes.store(0, Ordering::Relaxed);
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        self.ready.notify_all();
        jobs.into_iter().map(|(_, job)| job).collect()
    }
}
