//! The loop around a [`Branch`]: a few looks a second, all recordings at the same moments.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use vigie_config::{EventKind, GapCause, StreamId, Utc};

use super::{branch::Branch, footage::DiskGroup, wish::Look};
use crate::{
    camera::CameraHandle,
    clock::ClockWatch,
    deps::Deps,
    registry::Event,
    site::Site,
    stream::StreamHandle,
    supervise::{JobContext, JobError},
};

/// How often a recording looks for units. With it a unit waits at most twice as long in memory.
const LOOK: Duration = Duration::from_millis(300);
/// Storage tells what a crash left at most 3 s after a disk came: until then a silent camera's gap
/// is not this run's to open.
const SETTLE: Duration = Duration::from_secs(4);
/// While disks are looked through a gap is told all the same after this long.
const NO_DISK: Duration = Duration::from_secs(30);
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
    tap.rewind();
    let footage = DiskGroup {
        storage: deps.storage.clone(),
        disks: deps.disks.clone(),
        camera: camera.clone(),
        stream: handle.id.clone(),
    };
    let segment = camera.config().record.segment;
    let mut branch = Branch::new(handle.id.clone(), footage, segment, Utc::now());
    let mut eyes = Eyes {
        handle: &handle,
        clock: &deps.clock,
        site: &deps.site,
        camera: &camera,
        begin: Instant::now(),
        disk_since: None,
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
        let config = camera.config();
        branch.set_segment(config.record.segment);
        let takes = deps.disks.place(&handle.id, &config.disk_group).is_some();
        let group = Group {
            takes,
            opening: !takes && deps.disks.is_opening(&config.disk_group),
        };
        let look = eyes.look(group);
        if !look.wish.is_empty() || look.wish.keep.is_some() {
            tap.begin(&handle.hub);
        }
        branch.look(&mut tap, &look);
        let overloaded = branch.take_overload();
        if overloaded > 0 {
            let text = format!("{overloaded} access units were lost before they could be stored");
            deps.events
                .raise(Event::stream(EventKind::Overload, handle.id.clone(), text));
        }
        if looks.is_multiple_of(LOOKS_TO_PUBLISH) {
            context.node.publish(branch.snapshot(&tap));
        }
        looks = looks.wrapping_add(1);
    }
    let wanted = camera.records(handle.id.stream);
    let cause = if wanted { GapCause::Shutdown } else { GapCause::Disabled };
    let group = Group {
        takes: true,
        opening: false,
    };
    branch.finish(&mut tap, &eyes.look(group), cause);
    context.node.publish(branch.snapshot(&tap));
    if !wanted {
        tap.end();
    }
    Ok(())
}

/// The camera's disks.
#[derive(Clone, Copy)]
struct Group {
    takes: bool,
    opening: bool,
}

/// What a look sees of the world.
struct Eyes<'a> {
    handle: &'a StreamHandle,
    clock: &'a ClockWatch,
    site: &'a Site,
    camera: &'a CameraHandle,
    begin: Instant,
    /// A disk of the camera's group has been there since.
    disk_since: Option<Instant>,
}

impl Eyes<'_> {
    fn look(&mut self, group: Group) -> Look {
        if group.takes {
            self.disk_since.get_or_insert_with(Instant::now);
        }
        let since_begin = self.begin.elapsed();
        let nothing_comes = self.disk_since.is_none() && !group.opening && since_begin > SETTLE;
        let idle = self
            .handle
            .hub
            .stats()
            .idle_ms
            .map_or(since_begin, Duration::from_millis);
        let now = Utc::now();
        Look {
            now,
            // What was missed before this run is not this run's to tell.
            idle: idle.min(since_begin),
            cause: self.handle.cause.get(),
            wish: self.camera.wish(self.handle.id.stream, now, &self.site.zone()),
            synchronised: self.clock.is_synchronised(),
            settled: self.disk_since.is_some_and(|since| since.elapsed() > SETTLE)
                || nothing_comes
                || since_begin > NO_DISK,
        }
    }
}

/// The name of a stream's recording among its camera's actors.
pub fn name(stream: &StreamId) -> String {
    format!("recording.{}", stream.stream)
}
