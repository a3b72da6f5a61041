//! One camera: its handle, which outlives its actors, and its branch of the tree.
//!
//! `camera.<id>` only supervises: `recording.<stream>`, `source.<stream>` and `motion` restart one
//! by one, and a camera's trouble never leaves its branch.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use jiff::tz::TimeZone;
use ractor::{ActorRef, call_t};
use serde::Serialize;
use ulid::Ulid;
use vigie_config::{Camera, CameraId, Causes, StreamId, StreamName, Utc, When};
use vigie_media::hub::Hub;

use crate::{
    deps::Deps,
    disks::Disks,
    motion::{MotionHandle, MotionSnapshot, motion_child},
    recording::{Keep, LATE_EVENT, Triggers, Wish, recording_child},
    site::Site,
    source::{SourceArguments, source_child},
    stream::{StreamHandle, StreamState},
    supervise::{ChildSpec, Ending, SupervisorMsg, supervisor_child},
};

/// The newest GOP of a stream is kept for new subscribers up to this many bytes.
const GOP_CACHE_BYTES: usize = 16 << 20;

/// How long a change of a camera's branch may take.
const CHANGE_TIMEOUT_MS: u64 = 20_000;

/// One camera, as long as it is configured.
pub struct CameraHandle {
    config: ArcSwap<Camera>,
    pub streams: BTreeMap<StreamName, Arc<StreamHandle>>,
    pub motion: MotionHandle,
    /// Shared with the handle that takes its place: an event begins at one and ends at the other.
    triggers: Arc<Mutex<Triggers>>,
    /// The running generation of `camera.<id>`.
    supervisor: Mutex<Option<ActorRef<SupervisorMsg>>>,
}

impl CameraHandle {
    pub fn new(camera: &Camera) -> Arc<Self> {
        Self::with(camera, Arc::default())
    }

    /// The same camera with other streams: what asks for recording goes on asking.
    pub fn replaced(&self, camera: &Camera) -> Arc<Self> {
        Self::with(camera, self.triggers.clone())
    }

    fn with(camera: &Camera, triggers: Arc<Mutex<Triggers>>) -> Arc<Self> {
        let state = if camera.enabled {
            StreamState::Connecting
        } else {
            StreamState::Disabled
        };
        let streams = camera
            .streams
            .keys()
            .map(|name| {
                let id = StreamId::new(camera.id.clone(), *name);
                (*name, StreamHandle::new(id, GOP_CACHE_BYTES, state))
            })
            .collect();
        Arc::new(Self {
            config: ArcSwap::from_pointee(camera.clone()),
            streams,
            motion: MotionHandle::default(),
            triggers,
            supervisor: Mutex::new(None),
        })
    }

    pub fn config(&self) -> Arc<Camera> {
        self.config.load_full()
    }

    pub fn id(&self) -> CameraId {
        self.config.load().id.clone()
    }

    pub fn hub(&self, stream: StreamName) -> Option<Arc<Hub>> {
        self.streams.get(&stream).map(|s| s.hub.clone())
    }

    /// Is this stream recorded at some time, or asked for by hand now?
    pub fn records(&self, stream: StreamName) -> bool {
        let camera = self.config.load();
        let by_hand = || self.is_asked(Causes::MANUAL) && camera.record.event_streams.contains(&stream);
        camera.enabled && (camera.record.has(stream) || by_hand())
    }

    /// An actor records this stream, or waits for an event.
    pub fn is_recording(&self, stream: StreamName) -> bool {
        self.streams.get(&stream).is_some_and(|s| s.recording.is_held())
    }

    fn triggers(&self) -> MutexGuard<'_, Triggers> {
        self.triggers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event at `at` asks for recording, from the pre-alarm time on: from then.
    pub fn trigger(&self, cause: Causes, event: Ulid, at: Utc) -> Utc {
        // A person means now.
        let before = match cause {
            Causes::MANUAL => Duration::ZERO,
            _ => self.config.load().record.pre_alarm,
        };
        let from = at - before;
        self.triggers().begin(cause, event, from, Instant::now());
        from
    }

    /// An event of this cause goes on, or the time after it.
    pub fn is_asked(&self, cause: Causes) -> bool {
        let asked = self.triggers().asked(Instant::now());
        asked.iter().any(|asked| asked.cause == cause)
    }

    /// The event is over; recording goes on for the post-alarm time.
    pub fn trigger_over(&self, cause: Causes, event: Ulid) {
        let after = match cause {
            Causes::MANUAL => Duration::ZERO,
            _ => self.config.load().record.post_alarm,
        };
        self.triggers().end(cause, event, Instant::now() + after);
    }

    /// Of all events only these go on.
    pub fn triggers_over_but(&self, going: &BTreeSet<Ulid>) {
        let after = self.config.load().record.post_alarm;
        self.triggers().keep_only(going, Instant::now() + after);
    }

    /// What is to be recorded of a stream now.
    pub fn wish(&self, stream: StreamName, now: Utc, zone: &TimeZone) -> Wish {
        let camera = self.config.load();
        let record = &camera.record;
        if !camera.enabled {
            return Wish::default();
        }
        let on_events = record.event_streams.contains(&stream);
        let kinds = record.event_kinds().into_iter().filter(|_| on_events);
        let kinds: Vec<(Causes, &When)> = kinds.filter(|(_, when)| when.is_on(now, zone)).collect();
        let mut asked = self.triggers().asked(Instant::now());
        asked.retain(|asked| match asked.cause {
            Causes::MANUAL => on_events,
            cause => kinds.iter().any(|(kind, _)| *kind == cause),
        });
        // An event that began long before its schedule did is not recorded from before that.
        let earliest = now - record.pre_alarm - LATE_EVENT;
        asked.iter_mut().for_each(|asked| asked.from = asked.from.max(earliest));
        Wish {
            continuous: record.continuous_streams.contains(&stream) && record.continuous.is_on(now, zone),
            asked,
            keep: (!kinds.is_empty()).then_some(Keep {
                time: record.pre_alarm,
                most_bytes: record.pre_alarm_memory_bytes,
            }),
        }
    }

    /// Why anything of this camera is to be recorded now.
    pub fn causes(&self, now: Utc, zone: &TimeZone) -> Causes {
        let wishes = self.streams.keys().map(|stream| self.wish(*stream, now, zone));
        wishes.fold(Causes::NONE, |all, wish| all.union(wish.causes()))
    }

    /// Takes a configuration whose changes need no restart.
    pub fn update(&self, camera: &Camera) {
        self.config.store(Arc::new(camera.clone()));
    }

    /// Starts one actor of this camera anew, with the configuration as it is now.
    async fn put(&self, spec: ChildSpec) {
        let supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(supervisor) = supervisor else { return };
        if let Err(error) = call_t!(
            supervisor,
            |reply| SupervisorMsg::Put(spec, Some(reply)),
            CHANGE_TIMEOUT_MS
        ) {
            tracing::error!(camera = %self.id(), %error, "cannot restart a part of this camera");
        }
    }

    async fn remove(&self, name: String) {
        let supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(supervisor) = supervisor else { return };
        if let Err(error) = call_t!(
            supervisor,
            |reply| SupervisorMsg::Remove(name, reply),
            CHANGE_TIMEOUT_MS
        ) {
            tracing::error!(camera = %self.id(), %error, "cannot stop a part of this camera");
        }
    }

    pub async fn restart_source(self: &Arc<Self>, stream: StreamName, deps: &Deps) {
        if let Some(spec) = self.source(stream, deps) {
            self.put(spec).await;
        }
    }

    pub async fn stop_source(&self, stream: StreamName) {
        self.remove(format!("source.{stream}")).await;
    }

    pub async fn restart_recording(self: &Arc<Self>, stream: StreamName, deps: &Deps) {
        if let Some(spec) = self.recording(stream, deps) {
            self.put(spec).await;
        }
    }

    pub async fn stop_recording(&self, stream: StreamName) {
        self.remove(format!("recording.{stream}")).await;
    }

    fn source(self: &Arc<Self>, stream: StreamName, deps: &Deps) -> Option<ChildSpec> {
        let camera = self.config.load();
        let args = SourceArguments {
            camera: self.clone(),
            handle: self.streams.get(&stream)?.clone(),
            stream: camera.streams.get(&stream)?.clone(),
            ingest: deps.ingest.clone(),
            events: deps.events.clone(),
        };
        Some(source_child(Arc::new(args)))
    }

    fn recording(self: &Arc<Self>, stream: StreamName, deps: &Deps) -> Option<ChildSpec> {
        self.records(stream)
            .then(|| recording_child(self, stream, deps))
            .flatten()
    }

    /// Recordings first: they must be there when the first unit comes.
    fn children(self: &Arc<Self>, deps: &Deps) -> Vec<ChildSpec> {
        // It rests while the camera is switched off.
        let motion = motion_child(self, deps);
        if !self.config.load().enabled {
            return vec![motion];
        }
        let streams: Vec<StreamName> = self.streams.keys().copied().collect();
        let recordings = streams.iter().filter_map(|s| self.recording(*s, deps));
        let sources = streams.iter().filter_map(|s| self.source(*s, deps));
        recordings.chain(sources).chain([motion]).collect()
    }
}

/// A camera's branch as a child of `cameras`.
pub fn camera_child(handle: Arc<CameraHandle>, deps: Deps) -> ChildSpec {
    let name = format!("camera.{}", handle.id());
    let started = handle.clone();
    supervisor_child(
        name,
        "camera",
        true,
        Ending::InReverse,
        move || handle.children(&deps),
        move |actor| {
            *started.supervisor.lock().unwrap_or_else(PoisonError::into_inner) = Some(actor);
        },
    )
}

/// One entry of `GET /api/v1/cameras`.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct CameraSnapshot {
    #[schema(value_type = String)]
    pub id: CameraId,
    pub name: String,
    /// The main stream's.
    pub state: StreamState,
    pub error: Option<String>,
    /// By `main`, `sub`.
    #[schema(value_type = std::collections::HashMap<String, StreamSnapshot>)]
    pub streams: BTreeMap<StreamName, StreamSnapshot>,
    /// Why it is recorded now: `schedule`, …; empty: it is not.
    #[schema(value_type = Vec<String>)]
    pub recording: Causes,
    /// Why it is not recorded although it should be; null otherwise.
    pub not_recording: Option<String>,
    pub motion: MotionSnapshot,
}

#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct StreamSnapshot {
    pub state: StreamState,
    pub error: Option<String>,
    /// `h264`, `h265`, `mjpeg`; null before the first format.
    pub codec: Option<String>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// Measured over the last seconds.
    pub fps: Option<f32>,
    /// Measured over the last seconds, bits per second.
    pub bitrate_bps: Option<u64>,
    /// `aac`, `opus`, `pcmu`, `pcma`; null without sound.
    pub audio: Option<String>,
}

impl CameraHandle {
    pub fn snapshot(&self, disks: &Disks, site: &Site) -> CameraSnapshot {
        let camera = self.config.load();
        let streams: BTreeMap<StreamName, StreamSnapshot> =
            self.streams.iter().map(|(name, s)| (*name, s.snapshot())).collect();
        let main = streams.get(&StreamName::Main);
        let causes = self.causes(Utc::now(), &site.zone());
        let why_none = |name: &StreamName| {
            let stream = StreamId::new(camera.id.clone(), *name);
            disks.why_none(&stream, &camera.disk_group)
        };
        let not_recording = camera.record.streams().find_map(|name| why_none(&name));
        CameraSnapshot {
            id: camera.id.clone(),
            name: camera.name.clone(),
            state: main.map_or(StreamState::Disabled, |m| m.state),
            error: main.and_then(|m| m.error.clone()),
            recording: if not_recording.is_none() { causes } else { Causes::NONE },
            not_recording,
            motion: self.motion.snapshot(),
            streams,
        }
    }
}

impl StreamHandle {
    pub fn snapshot(&self) -> StreamSnapshot {
        let status = self.status();
        let format = self.hub.format();
        let stats = self.hub.stats();
        let live = status.state == StreamState::Live;
        let video = format.as_ref().and_then(|f| f.video.as_ref());
        let audio = format.as_ref().and_then(|f| f.audio.as_ref());
        StreamSnapshot {
            state: status.state,
            error: status.error,
            codec: video.map(|v| name_of(&v.codec)),
            width: video.map(|v| v.width),
            height: video.map(|v| v.height),
            fps: live.then_some(stats.fps),
            bitrate_bps: live.then_some(stats.bitrate_bps),
            audio: audio.map(|a| name_of(&a.codec)),
        }
    }
}

/// The name that a codec has in JSON.
fn name_of(codec: &impl Serialize) -> String {
    match serde_json::to_value(codec) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::recording::a_camera;

    #[test]
    fn an_event_goes_on_where_the_handle_is_another_one() {
        let mut camera = a_camera();
        camera.record.sensor = When::Always;
        let old = CameraHandle::new(&camera);
        let (before, between) = (Ulid::from(1u128), Ulid::from(2u128));
        let now = Utc::now();
        let causes = |handle: &CameraHandle| handle.wish(StreamName::Main, now, &TimeZone::UTC).causes();
        old.trigger(Causes::SENSOR, before, now);
        let new = old.replaced(&camera);
        assert!(causes(&new).contains(Causes::SENSOR), "what began before");
        // While the branch of the new one is being put in place.
        new.trigger_over(Causes::SENSOR, before);
        new.trigger(Causes::SENSOR, between, now);
        assert!(causes(&new).contains(Causes::SENSOR), "what began in between");
        // Who still had the old one.
        old.trigger_over(Causes::SENSOR, between);
        assert!(!causes(&new).contains(Causes::SENSOR), "all of it is over");
    }
}
