//! Pipelines on their way to `NULL`: each on a thread of its own, as closing a socket or a device
//! may take seconds, and all of them waited for before the process ends, as libraries below
//! (libsrt) take away at exit what those threads still use.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use gstreamer::{self as gst, prelude::*};

static STOPPING: Mutex<usize> = Mutex::new(0);
static STOPPED: Condvar = Condvar::new();

/// Counted as long as a pipeline is being stopped.
struct Stopping;

impl Stopping {
    fn begin() -> Stopping {
        *STOPPING.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Stopping
    }
}

impl Drop for Stopping {
    fn drop(&mut self) {
        *STOPPING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        STOPPED.notify_all();
    }
}

/// Returns at once.
pub(crate) fn stop(pipeline: gst::Pipeline) {
    let stopping = Stopping::begin();
    let stop = move || {
        if let Some(bus) = pipeline.bus() {
            bus.unset_sync_handler();
        }
        let _ = pipeline.set_state(gst::State::Null);
        drop(pipeline);
        drop(stopping);
    };
    if let Err(error) = std::thread::Builder::new().name("gst-stop".into()).spawn(stop) {
        tracing::error!(%error, "a pipeline could not be stopped: no thread");
    }
}

/// Whether all that were dropped before have stopped within `patience`.
pub fn wait_for_stopped(patience: Duration) -> bool {
    let stopping = STOPPING.lock().unwrap_or_else(PoisonError::into_inner);
    let (stopping, _) = STOPPED
        .wait_timeout_while(stopping, patience, |stopping| *stopping > 0)
        .unwrap_or_else(PoisonError::into_inner);
    *stopping == 0
}
