//! What a camera's motion detection leaves for others to see, and for its next generation.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Serialize;
use ulid::Ulid;

/// Who asked how it looks wants to know it for so long.
const LOOK: Duration = Duration::from_secs(10);

/// Of one camera, as long as it is configured.
#[derive(Debug, Default)]
pub struct MotionHandle {
    watching: AtomicBool,
    skipped: AtomicU64,
    error: Mutex<Option<String>>,
    /// The event that goes on.
    event: Mutex<Option<Ulid>>,
    looked_at: Mutex<Option<Instant>>,
}

/// Of `GET /api/v1/cameras`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MotionSnapshot {
    /// Pictures are decoded and looked at.
    pub watching: bool,
    /// Something moves, or did within the hold time.
    pub moving: bool,
    /// Pictures left out since the start because the machine was too slow.
    pub skipped: u64,
    /// Why it sees nothing although it is wanted and the stream is there.
    pub error: Option<String>,
}

impl MotionHandle {
    pub fn snapshot(&self) -> MotionSnapshot {
        MotionSnapshot {
            watching: self.watching.load(Ordering::Relaxed),
            moving: self.event().is_some(),
            skipped: self.skipped.load(Ordering::Relaxed),
            error: lock(&self.error).clone(),
        }
    }

    /// Somebody looks: it is wanted for the next seconds.
    pub fn look(&self) {
        *lock(&self.looked_at) = Some(Instant::now() + LOOK);
    }

    pub(super) fn looked_at(&self) -> Option<Instant> {
        *lock(&self.looked_at)
    }

    pub(super) fn set_watching(&self, watching: bool) {
        self.watching.store(watching, Ordering::Relaxed);
    }

    pub(super) fn add_skipped(&self, pictures: u64) {
        self.skipped.fetch_add(pictures, Ordering::Relaxed);
    }

    /// Says whether there was one before.
    pub(super) fn set_error(&self, error: Option<String>) -> bool {
        std::mem::replace(&mut *lock(&self.error), error).is_some()
    }

    /// The registry ended that event, whoever said so.
    pub(crate) fn ended(&self, id: Ulid) {
        let mut event = self.event();
        if *event == Some(id) {
            *event = None;
        }
    }

    /// The event that goes on.
    pub(super) fn event(&self) -> MutexGuard<'_, Option<Ulid>> {
        lock(&self.event)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_event_is_gone_when_one_ends() {
        let (handle, own) = (MotionHandle::default(), Ulid::from(2u128));
        *handle.event() = Some(own);
        handle.ended(Ulid::from(1u128));
        assert_eq!(*handle.event(), Some(own));
        handle.ended(own);
        assert_eq!(*handle.event(), None);
    }
}
