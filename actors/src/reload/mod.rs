//! Hot reload: on SIGHUP and when the file changes, the difference between the running and the
//! new configuration is carried out, and nothing else is touched.
//!
//! A bad file changes nothing and says why.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use inotify::{Inotify, WatchMask};
use tokio::{io::unix::AsyncFd, sync::Notify};
use vigie_config::{
    ActorChange, BranchChange, Camera, CameraChange, CameraChanges, CameraId, Changes, Config, DiskChange, EventKind,
    GapCause, Input, InputId, Output, OutputId, Source, StreamId, StreamName, Utc,
};

use crate::{
    camera::{CameraHandle, camera_child},
    inputs, outputs,
    recorder::{Recorder, Slot, actor_of},
    registry::Event,
    stream::StreamState,
    supervise::{ChildSpec, JobContext, JobError, SupervisorMsg, worker_child},
};

/// Editors write in several steps; the file is read when it has been quiet for this long.
const QUIET: Duration = Duration::from_millis(300);
const CHANGE_TIMEOUT_MS: u64 = 30_000;

/// Where a reload is asked for.
pub struct Reload {
    path: Option<PathBuf>,
    asked: Notify,
}

impl Reload {
    pub fn new(path: Option<PathBuf>) -> Self {
        Self {
            path,
            asked: Notify::new(),
        }
    }
    pub fn ask(&self) {
        self.asked.notify_one();
    }
}

/// The watcher of the configuration file as a child of the root.
pub fn reload_child(recorder: Arc<Recorder>, reload: Arc<Reload>) -> ChildSpec {
    worker_child("reload", "reload", move |context| {
        Box::pin(run(context, recorder.clone(), reload.clone()))
    })
}

async fn run(context: JobContext, recorder: Arc<Recorder>, reload: Arc<Reload>) -> Result<(), JobError> {
    let Some(path) = reload.path.as_deref() else {
        context.stopping().await;
        return Ok(());
    };
    let mut file = Watch::new(path)?;
    let mut applied = 0u64;
    loop {
        tokio::select! {
            () = reload.asked.notified() => {}
            changed = file.changed() => changed?,
            () = context.stopping() => return Ok(()),
        }
        tokio::time::sleep(QUIET).await;
        match Config::load(path) {
            Ok((new, warnings)) => {
                for warning in warnings {
                    tracing::warn!("configuration: {warning}");
                }
                let changes = vigie_config::diff(&recorder.config(), &new);
                if changes.is_empty() {
                    continue;
                }
                applied += 1;
                apply(&recorder, new, changes).await;
                context
                    .node
                    .publish(serde_json::json!({ "applied": applied, "at": Utc::now() }));
                recorder
                    .events()
                    .raise(Event::house(EventKind::ConfigurationChanged, "applied"));
            }
            Err(error) => {
                tracing::error!("the new configuration is refused, the old one stays: {error}");
                context.node.note_error(&error);
                recorder
                    .events()
                    .raise(Event::house(EventKind::ConfigurationRefused, error.to_string()));
            }
        }
    }
}

/// Carries out a difference.
async fn apply(recorder: &Arc<Recorder>, new: Config, changes: Changes) {
    for key in &changes.server.needs_restart {
        tracing::warn!("server.{key} changed: it takes effect when vigie is started again");
    }
    let order: Vec<CameraId> = new.cameras.iter().map(|c| c.id.clone()).collect();
    for change in changes.disks {
        change_disk(recorder, change).await;
    }
    for change in changes.cameras {
        match change {
            CameraChange::Added(camera) => add_camera(recorder, &camera).await,
            CameraChange::Removed(id) => remove_camera(recorder, &id).await,
            CameraChange::Changed(changes) => change_camera(recorder, changes).await,
        }
    }
    for change in changes.inputs {
        change_input(recorder, change).await;
    }
    for change in changes.outputs {
        change_output(recorder, change).await;
    }
    if changes.buzzer {
        tracing::info!("buzzer changed");
        recorder.buzzer.configure(new.buzzer.as_ref());
    }
    let mut all = recorder.cameras.all().to_vec();
    all.sort_by_key(|camera| order.iter().position(|id| *id == camera.id()));
    recorder.cameras.replace_all(all);
    // Last: whoever is interrupted before carries out the rest of the difference next time.
    recorder.set_config(new);
    let config = recorder.config();
    recorder.mqtt.configure(config.mqtt.as_ref());
    recorder.notify.update(&config, changes.email, changes.pushes);
}

async fn put(slot: &Slot, spec: ChildSpec) {
    let Some(supervisor) = actor_of(slot) else { return };
    let name = spec.name.clone();
    if let Err(error) = ractor::call_t!(
        supervisor,
        |reply| SupervisorMsg::Put(spec, Some(reply)),
        CHANGE_TIMEOUT_MS
    ) {
        tracing::error!(actor = name, %error, "cannot start");
    }
}

async fn remove(slot: &Slot, name: String) {
    let Some(supervisor) = actor_of(slot) else { return };
    let shown = name.clone();
    if let Err(error) = ractor::call_t!(
        supervisor,
        |reply| SupervisorMsg::Remove(name, reply),
        CHANGE_TIMEOUT_MS
    ) {
        tracing::error!(actor = shown, %error, "cannot stop");
    }
}

async fn change_disk(recorder: &Arc<Recorder>, change: DiskChange) {
    let disks = &recorder.deps.disks;
    match change {
        DiskChange::Added(disk) => {
            tracing::info!(disk = %disk.id, "disk added");
            disks.configure(&disk);
            put(&recorder.slots.disks, recorder.disk_spec(&disk)).await;
        }
        DiskChange::Removed(id) => {
            tracing::info!(disk = %id, "disk removed");
            disks.forget(&id);
            remove(&recorder.slots.disks, format!("disk.{id}")).await;
            close_volume(recorder, id).await;
        }
        DiskChange::Changed { disk, reopen, .. } => {
            tracing::info!(disk = %disk.id, ?reopen, "disk changed");
            disks.configure(&disk);
            if !reopen.is_empty() {
                remove(&recorder.slots.disks, format!("disk.{}", disk.id)).await;
                close_volume(recorder, disk.id.clone()).await;
                put(&recorder.slots.disks, recorder.disk_spec(&disk)).await;
            } else if recorder.storage().volume(&disk.id).is_some() {
                // One that records takes its new limits and goes on.
                let storage = recorder.storage().clone();
                let taken = tokio::task::spawn_blocking(move || storage.add_volume(&disk).map(drop)).await;
                if let Ok(Err(error)) = taken {
                    tracing::error!(%error, "the new limits of a disk were not taken");
                }
            }
        }
    }
}

async fn change_input(recorder: &Arc<Recorder>, change: ActorChange<InputId, Input>) {
    let (slot, events) = (&recorder.slots.inputs, recorder.events());
    match change {
        ActorChange::Removed(id) => {
            tracing::info!(input = %id, "alarm input removed");
            remove(slot, inputs::name(&id)).await;
            recorder.inputs.remove(&id, events);
        }
        ActorChange::Put(input) => {
            tracing::info!(input = %input.id, "alarm input added or changed");
            // The old one has told what it had to tell.
            remove(slot, inputs::name(&input.id)).await;
            let handle = recorder.inputs.put(input, events);
            put(slot, recorder.input_spec(&handle.config.id)).await;
        }
    }
}

async fn change_output(recorder: &Arc<Recorder>, change: ActorChange<OutputId, Output>) {
    let slot = &recorder.slots.outputs;
    let id = match &change {
        ActorChange::Removed(id) => id.clone(),
        ActorChange::Put(output) => output.id.clone(),
    };
    tracing::info!(output = %id, "alarm output changed");
    // The old one switches itself off.
    remove(slot, outputs::name(&id)).await;
    match change {
        ActorChange::Removed(id) => recorder.outputs.remove(&id),
        ActorChange::Put(output) => {
            recorder.outputs.put(output, recorder.events());
            put(slot, recorder.output_spec(&id)).await;
        }
    }
}

async fn close_volume(recorder: &Arc<Recorder>, disk: vigie_config::DiskId) {
    let storage = recorder.storage().clone();
    if tokio::task::spawn_blocking(move || storage.remove_volume(&disk))
        .await
        .is_err()
    {
        tracing::error!("closing a volume panicked");
    }
}

async fn add_camera(recorder: &Arc<Recorder>, camera: &Camera) {
    tracing::info!(camera = %camera.id, "camera added");
    let handle = CameraHandle::new(camera);
    let mut all = recorder.cameras.all().to_vec();
    all.retain(|c| c.id() != camera.id);
    all.push(handle.clone());
    recorder.cameras.replace_all(all);
    put(&recorder.slots.cameras, camera_child(handle, recorder.deps.clone())).await;
}

async fn remove_camera(recorder: &Arc<Recorder>, id: &CameraId) {
    tracing::info!(camera = %id, "camera removed");
    let Some(handle) = recorder.cameras.get(id) else { return };
    end_streams(&handle);
    remove(&recorder.slots.cameras, format!("camera.{id}")).await;
    let mut all = recorder.cameras.all().to_vec();
    all.retain(|c| c.id() != *id);
    recorder.cameras.replace_all(all);
    for stream in handle.streams.values() {
        stream.hub.close();
        recorder.storage().recording_ended(&stream.id, Utc::now());
        end_events(recorder, &Source::Stream(stream.id.clone()), &OF_STREAMS);
    }
    end_events(recorder, &Source::Camera(id.clone()), &OF_CAMERAS);
}

/// Nobody will say any more that it is over.
fn end_events(recorder: &Recorder, source: &Source, kinds: &[EventKind]) {
    for kind in kinds {
        recorder.events().raise(Event::over(*kind, source.clone()));
    }
}

const OF_CAMERAS: [EventKind; 3] = [EventKind::Motion, EventKind::Analytics, EventKind::Manual];
const OF_STREAMS: [EventKind; 3] = [
    EventKind::StreamOffline,
    EventKind::StreamStalled,
    EventKind::StreamRefused,
];

fn end_streams(handle: &CameraHandle) {
    for stream in handle.streams.values() {
        stream.cause.set(Some(GapCause::Disabled));
    }
}

async fn change_camera(recorder: &Arc<Recorder>, changes: CameraChanges) {
    let camera = &changes.camera;
    let Some(handle) = recorder.cameras.get(&camera.id) else {
        return;
    };
    tracing::info!(camera = %camera.id, "camera changed");
    let same_streams = handle.streams.keys().eq(camera.streams.keys());
    if !same_streams {
        // A stream came or went: the branch is made anew, from new handles.
        let gone = handle
            .streams
            .keys()
            .copied()
            .filter(|s| !camera.streams.contains_key(s));
        let gone: Vec<StreamName> = gone.collect();
        end_streams(&handle);
        remove(&recorder.slots.cameras, format!("camera.{}", camera.id)).await;
        handle.streams.values().for_each(|s| s.hub.close());
        for stream in gone {
            let stream = StreamId::new(camera.id.clone(), stream);
            recorder.storage().recording_ended(&stream, Utc::now());
            end_events(recorder, &Source::Stream(stream), &OF_STREAMS);
        }
        add_camera(recorder, camera).await;
        if let Some(new) = recorder.cameras.get(&camera.id) {
            new.take_triggers(&handle);
        }
        return;
    }
    handle.update(camera);
    for (stream, change) in changes.streams {
        change_stream(recorder, &handle, stream, &change.recording, &change.source).await;
    }
}

async fn change_stream(
    recorder: &Arc<Recorder>,
    handle: &Arc<CameraHandle>,
    stream: StreamName,
    recording: &BranchChange,
    source: &BranchChange,
) {
    let Some(shared) = handle.streams.get(&stream).cloned() else {
        return;
    };
    match source {
        BranchChange::Stop => {
            handle.stop_source(stream).await;
            shared.set_status(StreamState::Disabled, None);
            shared.cause.set(Some(GapCause::Disabled));
            end_events(recorder, &Source::Stream(shared.id.clone()), &OF_STREAMS);
        }
        BranchChange::Keep | BranchChange::Start | BranchChange::Restart(_) => {}
    }
    match recording {
        BranchChange::Keep => {}
        BranchChange::Start | BranchChange::Restart(_) => handle.restart_recording(stream, &recorder.deps).await,
        BranchChange::Stop => {
            handle.stop_recording(stream).await;
            let storage = recorder.storage();
            // One that waited for an event leaves nothing out.
            if let Some(end) = storage
                .last_recorded(&shared.id)
                .filter(|_| !storage.is_ended(&shared.id))
            {
                storage.gap_opened(&shared.id, end, GapCause::Disabled);
            }
        }
    }
    match source {
        BranchChange::Keep | BranchChange::Stop => {}
        BranchChange::Start | BranchChange::Restart(_) => {
            shared.set_status(StreamState::Connecting, None);
            handle.restart_source(stream, &recorder.deps).await;
        }
    }
}

/// Tells when a file may have changed: its folder is watched, for editors replace files.
struct Watch {
    inotify: AsyncFd<Inotify>,
    name: std::ffi::OsString,
}

impl Watch {
    fn new(path: &Path) -> std::io::Result<Self> {
        let folder = path
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let inotify = Inotify::init()?;
        let mask = WatchMask::CLOSE_WRITE | WatchMask::MOVED_TO | WatchMask::CREATE;
        inotify.watches().add(folder, mask)?;
        let name = path.file_name().unwrap_or_default().to_os_string();
        // Deprecated for descriptors that are closed behind its back; this one it owns.
        #[allow(deprecated)]
        let inotify = AsyncFd::new(inotify)?;
        Ok(Self { inotify, name })
    }

    async fn changed(&mut self) -> std::io::Result<()> {
        let mut buffer = [0u8; 4096];
        loop {
            let mut guard = self.inotify.readable_mut().await?;
            let ours = match guard.get_inner_mut().read_events(&mut buffer) {
                Ok(events) => events.filter_map(|e| e.name).any(|n| n == self.name),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
                    guard.clear_ready();
                    continue;
                }
                Err(e) => return Err(e),
            };
            if ours {
                return Ok(());
            }
        }
    }
}
