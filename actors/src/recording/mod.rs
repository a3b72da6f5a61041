//! The recorder's branch: from a hub to segments on a volume.
//!
//! ```text
//! hub ──▶ tap ──▶ planner (cutter, fragments) ──▶ branch ──▶ volume
//!                                                  └▶ gaps ──▶ ledger
//! ```
//! While nothing is wanted units wait in the tap for the pre-alarm time, and go.
//!
//! Belongs here: when recording begins and ends, when to cut and to rotate, what is told of gaps,
//! what survives a restart.
//! Does not belong here: boxes (`vigie_media::fmp4`), files and syncing (`vigie_storage`).

mod branch;
mod cutter;
#[cfg(test)]
mod disk_tests;
#[cfg(test)]
mod event_tests;
mod footage;
mod gaps;
mod planner;
mod rescue;
#[cfg(test)]
mod rescue_tests;
mod run;
mod tap;
#[cfg(test)]
mod tests;
mod triggers;
mod wish;

use std::sync::Arc;

use vigie_config::StreamName;

pub use branch::{LATE_EVENT, RecordingSnapshot};
pub use rescue::rescue;
pub use tap::Tap;
pub use triggers::{Asked, Triggers};
pub use wish::{Keep, Wish};

#[cfg(test)]
pub(crate) use disk_tests::camera as a_camera;

use crate::{
    camera::CameraHandle,
    deps::Deps,
    supervise::{ChildSpec, worker_child},
};

/// Starts recordings that a camera has no need of but now, as somebody records it by hand.
pub async fn wake(camera: &Arc<CameraHandle>, deps: &Deps) {
    let config = camera.config();
    for stream in config
        .record
        .event_streams
        .iter()
        .filter(|stream| !config.record.has(**stream))
    {
        if camera.streams.contains_key(stream) && !camera.is_recording(*stream) {
            camera.restart_recording(*stream, deps).await;
        }
    }
}

/// A stream's recording as a child of its camera; `None` when the camera has no such stream.
pub fn recording_child(camera: &Arc<CameraHandle>, stream: StreamName, deps: &Deps) -> Option<ChildSpec> {
    let handle = camera.streams.get(&stream)?.clone();
    let (camera, deps) = (camera.clone(), deps.clone());
    Some(worker_child(run::name(&handle.id), "recording", move |context| {
        Box::pin(run::run(context, camera.clone(), handle.clone(), deps.clone()))
    }))
}
