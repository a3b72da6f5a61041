//! The cached GOP: all units since the newest video RAP, appended by the publisher and read by
//! whoever subscribes, without a lock.

use std::sync::{
    Arc, OnceLock,
    atomic::{Ordering, fence},
};

use arc_swap::ArcSwapOption;

use crate::access_unit::{AccessUnit, Track};

const CHUNK_UNITS: usize = 32;
/// What a cached unit weighs beside its data: itself, its counts, its slot.
const UNIT_OVERHEAD: usize = 160;

/// Units in the order of their `seq`; each slot is written once, then never again.
struct Chunk {
    slots: [OnceLock<Arc<AccessUnit>>; CHUNK_UNITS],
    next: OnceLock<Arc<Chunk>>,
}

impl Chunk {
    fn new() -> Arc<Chunk> {
        Arc::new(Chunk {
            slots: [const { OnceLock::new() }; CHUNK_UNITS],
            next: OnceLock::new(),
        })
    }
}

impl Drop for Chunk {
    /// In a loop: a GOP of minutes would make the recursion deep.
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(chunk) = next {
            next = Arc::into_inner(chunk).and_then(|mut chunk| chunk.next.take());
        }
    }
}

/// The readers' side.
#[derive(Default)]
pub(super) struct GopCache {
    first: ArcSwapOption<Chunk>,
}

impl GopCache {
    /// All cached units, from the RAP on; empty when no GOP is cached.
    ///
    /// Pairs with the fence in [`GopWriter::add`]: a ring registered before this call holds every
    /// unit that this call does not see.
    pub fn read(&self) -> Vec<Arc<AccessUnit>> {
        fence(Ordering::SeqCst);
        let mut units = Vec::new();
        let mut chunk = self.first.load_full();
        while let Some(current) = chunk {
            for slot in &current.slots {
                match slot.get() {
                    Some(unit) => units.push(unit.clone()),
                    None => return units,
                }
            }
            chunk = current.next.get().cloned();
        }
        units
    }
}

/// The publisher's side.
pub(super) struct GopWriter {
    limit: usize,
    bytes: usize,
    epoch: u32,
    tail: Option<Arc<Chunk>>,
    used: usize,
}

impl GopWriter {
    pub fn new(limit: usize) -> GopWriter {
        GopWriter {
            limit,
            bytes: 0,
            epoch: 0,
            tail: None,
            used: 0,
        }
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends, or begins anew at a video RAP, or gives up until the next one when the GOP is
    /// over the limit or of an epoch that has ended.
    pub fn add(&mut self, cache: &GopCache, unit: &Arc<AccessUnit>) {
        let weight = unit.data.len() + UNIT_OVERHEAD;
        if unit.rap && unit.track == Track::Video && weight <= self.limit {
            let chunk = Chunk::new();
            let _ = chunk.slots[0].set(unit.clone());
            cache.first.store(Some(chunk.clone()));
            *self = GopWriter {
                limit: self.limit,
                bytes: weight,
                epoch: unit.epoch,
                tail: Some(chunk),
                used: 1,
            };
        } else if self.bytes + weight > self.limit || self.epoch != unit.epoch {
            if self.tail.take().is_some() {
                cache.first.store(None);
                self.bytes = 0;
            }
        } else if let Some(tail) = &self.tail {
            self.bytes += weight;
            match tail.slots.get(self.used) {
                Some(slot) => {
                    let _ = slot.set(unit.clone());
                    self.used += 1;
                }
                None => {
                    let chunk = Chunk::new();
                    let _ = chunk.slots[0].set(unit.clone());
                    let _ = tail.next.set(chunk.clone());
                    self.tail = Some(chunk);
                    self.used = 1;
                }
            }
        }
        fence(Ordering::SeqCst);
    }
}
