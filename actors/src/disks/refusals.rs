//! Which stream's folder on which disk takes no files, and why.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use vigie_config::{DiskId, StreamId};

type ByPlace = BTreeMap<(DiskId, StreamId), String>;

#[derive(Debug, Default)]
pub(super) struct Refusals {
    all: Mutex<ByPlace>,
    /// Asked several times a second for every stream: nearly always 0.
    count: AtomicUsize,
}

impl Refusals {
    fn lock(&self) -> MutexGuard<'_, ByPlace> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counted(&self, all: &ByPlace) {
        self.count.store(all.len(), Ordering::Release);
    }

    /// True: it was not known.
    pub fn add(&self, disk: &DiskId, stream: &StreamId, why: &str) -> bool {
        let mut all = self.lock();
        let known = all.insert((disk.clone(), stream.clone()), why.to_owned()).is_some();
        self.counted(&all);
        !known
    }

    pub fn remove(&self, disk: &DiskId, stream: &StreamId) {
        let mut all = self.lock();
        all.remove(&(disk.clone(), stream.clone()));
        self.counted(&all);
    }

    pub fn get(&self, disk: &DiskId, stream: &StreamId) -> Option<String> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.lock().get(&(disk.clone(), stream.clone())).cloned()
    }

    pub fn of(&self, disk: &DiskId) -> Vec<StreamId> {
        let all = self.lock();
        let mine = all.keys().filter(|(of, _)| of == disk);
        mine.map(|(_, stream)| stream.clone()).collect()
    }
}
