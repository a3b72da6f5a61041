//! The loop around a [`Branch`]: a few looks a second, all recordings at the same moments.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use vigie_config::{Causes, GapCause, StreamId, Utc};

use super::{
    branch::{Branch, Look},
    footage::DiskGroup,
};
use crate::{
    camera::CameraHandle,
    clock::ClockWatch,
    deps::Deps,
    stream::StreamHandle,
    supervise::{JobContext, JobError},
};

/// How often a recording looks for units. With it a unit waits at most twice as long in memory.
const LOOK: Duration = Duration::from_millis(300);
/// Looks between two published snapshots.
const LOOKS_TO_PUBLISH: u32 = 10;

/// Looks fall on a grid that all recordings share, so that one timer wakes them all.
fn next_look() -> tokio::time::Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let origin = *ORIGIN.get_or_init(Instant::now);
    let looks = origin.elapsed().as_millis() / LOOK.as_millis() + 1;
    (origin + LOOK * u32::try_from(looks).unwrap_or(u32::MAX)).into()
}

pub async fn run(
    context: JobContext,
    camera: Arc<CameraHandle>,
    handle: Arc<StreamHandle>,
    deps: Deps,
) -> Result<(), JobError> {
    // Held as long as the run lasts: there is one run of a stream at a time.
    let mut tap = handle.recording.hold().await;
    tap.begin(&handle.hub);
    let footage = DiskGroup {
        storage: deps.storage.clone(),
        disks: deps.disks.clone(),
        camera: camera.clone(),
        stream: handle.id.clone(),
    };
    let segment = camera.config().record.segment;
    let mut branch = Branch::new(handle.id.clone(), footage, segment, Utc::now());
    let eyes = Eyes {
        handle: &handle,
        clock: &deps.clock,
        begin: Instant::now(),
    };
    let stopping = context.stopping();
    tokio::pin!(stopping);
    let mut looks = 0u32;
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(next_look()) => {}
            () = tap.crowded() => {}
            () = &mut stopping => break,
        }
        branch.look(&mut tap, &eyes.look());
        if looks.is_multiple_of(LOOKS_TO_PUBLISH) {
            context.node.publish(branch.snapshot(&tap));
        }
        looks = looks.wrapping_add(1);
    }
    let wanted = camera.records(handle.id.stream);
    let cause = if wanted { GapCause::Shutdown } else { GapCause::Disabled };
    branch.finish(&mut tap, &eyes.look(), cause);
    context.node.publish(branch.snapshot(&tap));
    if !wanted {
        tap.end();
    }
    Ok(())
}

/// What a look sees of the world.
struct Eyes<'a> {
    handle: &'a StreamHandle,
    clock: &'a ClockWatch,
    begin: Instant,
}

impl Eyes<'_> {
    fn look(&self) -> Look {
        let since_begin = self.begin.elapsed();
        let idle = self
            .handle
            .hub
            .stats()
            .idle_ms
            .map_or(since_begin, Duration::from_millis);
        Look {
            now: Utc::now(),
            // What was missed before this run is not this run's to tell.
            idle: idle.min(since_begin),
            cause: self.handle.cause.get(),
            causes: Causes::SCHEDULE,
            synchronised: self.clock.is_synchronised(),
        }
    }
}

/// The name of a stream's recording among its camera's actors.
pub fn name(stream: &StreamId) -> String {
    format!("recording.{}", stream.stream)
}
