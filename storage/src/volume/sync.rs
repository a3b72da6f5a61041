//! The sync thread: makes everything written durable once per tick, and looks after the volume.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::Volume;
use crate::error::VolumeError;

/// How often free space is looked at.
const SPACE_EVERY: Duration = Duration::from_secs(5);

/// Wakes the sync thread before its tick.
#[derive(Debug, Default)]
pub(super) struct Tick {
    state: Mutex<TickState>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct TickState {
    stop: bool,
    now: bool,
    /// Syncs begun and done.
    done: u64,
}

impl Tick {
    pub fn stop(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stop = true;
        self.wake.notify_all();
    }
    /// A sync that begins after this call.
    pub fn sync_now(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).now = true;
        self.wake.notify_all();
    }
    pub fn done(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).done
    }
    /// False: stop.
    fn wait(&self, tick: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = self
            .wake
            .wait_timeout_while(state, tick, |s| !s.stop && !s.now)
            .unwrap_or_else(PoisonError::into_inner);
        state.now = false;
        !state.stop
    }
    fn finished_one(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).done += 1;
        self.wake.notify_all();
    }
    /// Until a sync that began after this call is done, or the time is over, or no more come.
    pub fn wait_for_sync(&self, longest: Duration) -> bool {
        // The one in progress does not count.
        let target = self.done() + 2;
        let until = Instant::now() + longest;
        while Instant::now() < until {
            self.sync_now();
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.done >= target || state.stop {
                return state.done >= target;
            }
            let _ = self
                .wake
                .wait_timeout(state, Duration::from_millis(20))
                .unwrap_or_else(PoisonError::into_inner);
        }
        self.done() >= target
    }
}

pub(super) fn run(volume: Arc<Volume>) {
    let mut space_at: Option<Instant> = None;
    loop {
        let go_on = volume.tick_wake.wait(volume.tick());
        if volume.has_failed() {
            return;
        }
        if let Err(error) = one(&volume) {
            volume.fail(error);
            return;
        }
        volume.tick_wake.finished_one();
        if !go_on {
            return;
        }
        if space_at.is_none_or(|at| at.elapsed() >= SPACE_EVERY) {
            space_at = Some(Instant::now());
            volume.syncing.begin();
            volume.look_at_space();
            volume.syncing.end();
        }
    }
}

fn one(volume: &Volume) -> Result<(), VolumeError> {
    // A dead network or USB disk may hang here already.
    volume.syncing.begin();
    let in_place = volume.check_in_place();
    volume.syncing.end();
    in_place?;
    volume.look_at_names();
    let Some(covered) = volume.held.covered() else {
        volume.held.nothing_new();
        return Ok(());
    };
    let begin = Instant::now();
    volume.syncing.begin();
    let synced = sync(volume);
    volume.syncing.end();
    synced.map_err(|error| VolumeError::io(&volume.disk, "cannot sync", volume.root.path(), &error))?;
    volume.held.release(covered);
    let millis = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    volume.stats.synced(millis);
    Ok(())
}

#[cfg(not(feature = "fault-hooks"))]
fn sync(volume: &Volume) -> std::io::Result<()> {
    volume.root.sync()
}

/// With `VIGIE_TEST_NO_SYNC` in the environment nothing is synced: the proof that the sync is
/// what makes footage survive a power cut.
#[cfg(feature = "fault-hooks")]
fn sync(volume: &Volume) -> std::io::Result<()> {
    static OFF: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    if *OFF.get_or_init(|| std::env::var_os("VIGIE_TEST_NO_SYNC").is_some()) {
        return Ok(());
    }
    volume.root.sync()
}
