//! Fragments that a sync has not covered yet: they stay in memory. So do those of the last sync, as
//! far as there is room: ext4 may lose them with the next one that fails (6.18: where the room
//! behind a device ran out, each second time the second before was gone too).

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use vigie_config::Utc;

use super::handle::SegmentHandle;
use crate::{fact::Unsynced, segment::Fragment};

/// At most so much of what the last sync covered.
const COVERED_BYTES: u64 = 32 << 20;

type Piece = (Arc<SegmentHandle>, Arc<Fragment>);

#[derive(Debug, Default)]
struct State {
    /// Of the last sync, the newest of it.
    synced: VecDeque<Piece>,
    fragments: VecDeque<Piece>,
    /// How many of them, from the front, are in their files.
    written: usize,
    /// Segments finished since the last sync that covered them, by start.
    closed: Vec<Utc>,
    /// Those that the last sync covered: they may be torn yet.
    closed_synced: Vec<Utc>,
    /// Something else was written (ledger, names, lengths).
    dirty: bool,
}

#[derive(Debug, Default)]
pub(super) struct Held {
    state: Mutex<State>,
    bytes: AtomicU64,
}

/// What a sync that begins now will cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Covered {
    fragments: usize,
    closed: usize,
}

impl Held {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Taken from the queue to be written.
    pub fn hold(&self, segment: &Arc<SegmentHandle>, fragment: &Arc<Fragment>) {
        self.bytes.fetch_add(fragment.len(), Ordering::Relaxed);
        self.lock().fragments.push_back((segment.clone(), fragment.clone()));
    }
    /// The oldest that was not written yet now is.
    pub fn written(&self) {
        let mut state = self.lock();
        state.written = (state.written + 1).min(state.fragments.len());
    }
    /// The newest will not be written. False: it has been given back by [`Held::abandon`].
    pub fn drop_newest(&self) -> bool {
        let newest = self.lock().fragments.pop_back();
        if let Some((_, fragment)) = &newest {
            self.bytes.fetch_sub(fragment.len(), Ordering::Relaxed);
        }
        newest.is_some()
    }
    pub fn closed(&self, start: Utc) {
        self.lock().closed.push(start);
    }
    pub fn dirty(&self) {
        self.lock().dirty = true;
    }

    /// `None`: nothing was written since the last sync.
    pub fn covered(&self) -> Option<Covered> {
        let mut state = self.lock();
        let any = state.written > 0 || !state.closed.is_empty() || state.dirty;
        state.dirty = false;
        any.then_some(Covered {
            fragments: state.written,
            closed: state.closed.len(),
        })
    }

    /// That sync returned.
    pub fn release(&self, covered: Covered) {
        let mut state = self.lock();
        let n = covered.fragments.min(state.fragments.len());
        let mut released: VecDeque<Piece> = state.fragments.drain(..n).collect();
        state.written = state.written.saturating_sub(n);
        let closed = covered.closed.min(state.closed.len());
        state.closed_synced = state.closed.drain(..closed).collect();
        let bytes: u64 = released.iter().map(|(_, fragment)| fragment.len()).sum();
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        let kept = released.split_off(too_old(&released));
        let before = std::mem::replace(&mut state.synced, kept);
        drop(state);
        // Freed here, outside the lock.
        drop((before, released));
    }

    /// A tick without anything to sync: what the last one covered stays where it is.
    pub fn nothing_new(&self) {
        let mut state = self.lock();
        state.closed_synced.clear();
        let before = std::mem::take(&mut state.synced);
        drop(state);
        drop(before);
    }

    /// The earliest start of a segment that is finished but may not be on the device.
    pub fn earliest_closed(&self) -> Option<Utc> {
        let state = self.lock();
        state.closed.iter().chain(&state.closed_synced).copied().min()
    }

    /// Empties it. What was in it by segment and in order; `more`: what was not even taken from
    /// the queue.
    pub fn abandon(&self, more: impl IntoIterator<Item = Piece>) -> Vec<Unsynced> {
        let mut state = self.lock();
        let held = std::mem::take(&mut *state);
        self.bytes.store(0, Ordering::Relaxed);
        drop(state);
        let covered = held.synced.len();
        let mut all: Vec<(u64, Unsynced)> = Vec::new();
        let pieces = held.synced.into_iter().chain(held.fragments).chain(more);
        for (number, (segment, fragment)) in pieces.enumerate() {
            let at = all.iter().position(|(token, _)| *token == segment.token);
            let entry = match at.and_then(|at| all.get_mut(at)) {
                Some((_, entry)) => entry,
                None => {
                    all.push((segment.token, segment.unsynced(Vec::new())));
                    match all.last_mut() {
                        Some((_, entry)) => entry,
                        None => continue,
                    }
                }
            };
            if number < covered {
                entry.confirmed_until = entry.confirmed_until.max(Some(fragment.end));
            }
            entry.fragments.push(fragment.as_ref().clone());
        }
        all.into_iter().map(|(_, entry)| entry).collect()
    }
}

/// How many, from the front, go so that the rest is not too much to keep.
fn too_old(pieces: &VecDeque<Piece>) -> usize {
    let mut bytes = 0;
    let fits = |(_, fragment): &&Piece| {
        bytes += fragment.len();
        bytes <= COVERED_BYTES
    };
    pieces.len() - pieces.iter().rev().take_while(fits).count()
}
