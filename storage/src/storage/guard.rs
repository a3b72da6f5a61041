//! The thread that looks after everyone else: hanging disks, checkpoints, gaps of a crash.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError, Weak, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{Storage, list, lock};
use crate::fact::StorageFact;

const LOOK_EVERY: Duration = Duration::from_millis(250);
const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);
/// How often what cannot be read in the index is tried to be mended.
const MEND_EVERY: Duration = Duration::from_secs(1);
/// After the last volume was added, the others have had their chance.
const CRASH_GAPS_AFTER: Duration = Duration::from_secs(3);

/// Ends the thread when dropped.
pub(super) struct Guard {
    stop: Arc<(Mutex<bool>, Condvar)>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
    }
}

impl Guard {
    pub fn start(storage: &Arc<Storage>) -> Option<Guard> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let (own, seen) = (Arc::downgrade(storage), stop.clone());
        let thread = thread::Builder::new()
            .name("storage".into())
            .spawn(move || run(&own, &seen));
        match thread {
            Ok(_) => Some(Guard { stop }),
            Err(error) => {
                tracing::error!(%error, "cannot start the thread that watches the disks");
                None
            }
        }
    }
}

fn run(storage: &Weak<Storage>, stop: &(Mutex<bool>, Condvar)) {
    let mut checkpoint_at = Instant::now() + CHECKPOINT_EVERY;
    let mut mend_at = Instant::now();
    let mut degraded = false;
    loop {
        let held = stop.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (held, _) = stop
            .1
            .wait_timeout_while(held, LOOK_EVERY, |stop| !*stop)
            .unwrap_or_else(PoisonError::into_inner);
        if *held {
            return;
        }
        drop(held);
        let Some(storage) = storage.upgrade() else { return };
        let volumes = list(&storage.volumes);
        let prompt: Vec<bool> = volumes.iter().map(|volume| volume.is_prompt()).collect();
        for (at, volume) in volumes.iter().enumerate() {
            let group = volume.limits().group;
            let mut others = volumes.iter().zip(&prompt).enumerate();
            volume.watch(others.any(|(n, (other, prompt))| n != at && *prompt && other.limits().group == group));
        }
        storage.open_due_crash_gaps(CRASH_GAPS_AFTER);
        let behind = list(&storage.volumes)
            .iter()
            .any(|volume| volume.is_behind_checkpoint());
        if behind || Instant::now() >= checkpoint_at {
            checkpoint_at = Instant::now() + CHECKPOINT_EVERY;
            storage.checkpoint();
        }
        storage.look_at_generation();
        if storage.rebuild_due.swap(false, Ordering::SeqCst) {
            for volume in list(&storage.volumes) {
                storage.read_behind(&volume);
            }
        }
        if mend_at <= Instant::now() {
            mend_at = Instant::now() + MEND_EVERY;
            storage.mend_behind();
        }
        let now_degraded = storage.catalog.index().degraded();
        if now_degraded.is_some() != degraded {
            degraded = now_degraded.is_some();
            (storage.options.facts)(match now_degraded {
                Some(error) => StorageFact::IndexDegraded {
                    detail: error.to_string(),
                },
                None => StorageFact::IndexBack,
            });
        }
    }
}

impl Storage {
    pub(super) fn open_due_crash_gaps(&self, after: Duration) {
        let mut due = lock(&self.crash_gaps_due);
        if due.is_none_or(|since| since.elapsed() < after) {
            return;
        }
        *due = None;
        drop(due);
        for stream in self.catalog.known_streams() {
            self.catalog.open_crash_gap(&stream);
        }
    }
}
