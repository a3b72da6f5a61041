//! The recorder's branch: from a hub to segments on a volume.
//!
//! ```text
//! hub ──▶ tap ──▶ planner (cutter, fragments) ──▶ branch ──▶ volume
//!                                                  └▶ gaps ──▶ ledger
//! ```
//! Belongs here: when to cut and to rotate, what is told of gaps, what survives a restart.
//! Does not belong here: boxes (`vigie_media::fmp4`), files and syncing (`vigie_storage`).

mod branch;
mod cutter;
#[cfg(test)]
mod disk_tests;
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

use std::sync::Arc;

use vigie_config::StreamName;

pub use branch::RecordingSnapshot;
pub use rescue::rescue;
pub use tap::Tap;

use crate::{
    camera::CameraHandle,
    deps::Deps,
    supervise::{ChildSpec, worker_child},
};

/// A stream's recording as a child of its camera; `None` when the camera has no such stream.
pub fn recording_child(camera: &Arc<CameraHandle>, stream: StreamName, deps: &Deps) -> Option<ChildSpec> {
    let handle = camera.streams.get(&stream)?.clone();
    let (camera, deps) = (camera.clone(), deps.clone());
    Some(worker_child(run::name(&handle.id), "recording", move |context| {
        Box::pin(run::run(context, camera.clone(), handle.clone(), deps.clone()))
    }))
}
