//! Hot reload: on SIGHUP and when the file changes, the difference between the running and the
//! new configuration is carried out, and nothing else is touched.
//!
//! A bad file changes nothing and says why.

mod cameras;
mod watch;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::sync::Notify;
use vigie_config::{
    ActorChange, CameraId, Changes, Config, DiskChange, EventKind, Input, InputId, LoadError, Output, OutputId, Utc,
    Warning,
};

use self::watch::Watch;
use crate::{
    inputs, outputs,
    recorder::{Recorder, Slot, actor_of},
    registry::Event,
    supervise::{ChildSpec, JobContext, JobError, SupervisorMsg, worker_child},
};

/// Editors write in several steps; the file is read when it has been quiet for this long.
const QUIET: Duration = Duration::from_millis(300);
const CHANGE_TIMEOUT_MS: u64 = 30_000;
const KEPT_WITHIN: Duration = Duration::from_secs(5);
const READ_WITHIN: Duration = Duration::from_secs(20);

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
    // What changed since the file was read, or was left undone by a generation that panicked.
    carry_out(&context, &recorder, path, &mut applied, false).await;
    tell_unknown_secrets(&recorder);
    loop {
        tokio::select! {
            () = reload.asked.notified() => {}
            changed = file.changed() => changed?,
            () = context.stopping() => return Ok(()),
        }
        tokio::time::sleep(QUIET).await;
        carry_out(&context, &recorder, path, &mut applied, true).await;
    }
}

/// Nobody reads the log of a start.
fn tell_unknown_secrets(recorder: &Recorder) {
    let unknown = &recorder.config().unknown_secrets;
    if !unknown.is_empty() {
        let names: Vec<&str> = unknown.iter().map(String::as_str).collect();
        let text = format!(
            "secrets that are not known: {}; what needs them goes without",
            names.join(", ")
        );
        recorder
            .events()
            .raise(Event::house(EventKind::ConfigurationRefused, text));
    }
}

/// The file as it is now. `asked`: somebody waits to hear what is wrong with it.
async fn carry_out(context: &JobContext, recorder: &Arc<Recorder>, path: &Path, applied: &mut u64, asked: bool) {
    let (new, warnings, text) = match read(recorder, path).await {
        Ok(loaded) => loaded,
        Err(error) => {
            tracing::error!("the new configuration is refused, the old one stays: {error}");
            context.node.note_error(&error);
            let text = error.to_string();
            recorder
                .events()
                .raise(Event::house(EventKind::ConfigurationRefused, text));
            return;
        }
    };
    let changes = vigie_config::diff(&recorder.config(), &new);
    if asked || !changes.is_empty() {
        for warning in warnings {
            tracing::warn!("configuration: {warning}");
        }
    }
    if changes.is_empty() {
        keep(recorder, text).await;
        return;
    }
    *applied += 1;
    apply(recorder, new, changes).await;
    keep(recorder, text).await;
    context
        .node
        .publish(serde_json::json!({ "applied": *applied, "at": Utc::now() }));
    recorder
        .events()
        .raise(Event::house(EventKind::ConfigurationChanged, "applied"));
}

/// Off the actors' threads: what is read stands on disks. Secrets that the recorder goes without already may
/// be unknown still.
async fn read(recorder: &Recorder, path: &Path) -> Result<(Config, Vec<Warning>, String), LoadError> {
    let (known, of) = (recorder.config().unknown_secrets.clone(), path.to_owned());
    let read = tokio::task::spawn_blocking(move || Config::load_sparing(&of, &|name| known.contains(name)));
    let failed = |source| LoadError::Unreadable {
        path: path.to_owned(),
        source,
    };
    match tokio::time::timeout(READ_WITHIN, read).await {
        Ok(Ok(loaded)) => loaded,
        Ok(Err(error)) => Err(failed(io::Error::other(error))),
        Err(_) => Err(failed(io::ErrorKind::TimedOut.into())),
    }
}

/// In the history. A disk that hangs below it must not hold up the next reload.
async fn keep(recorder: &Arc<Recorder>, text: String) {
    let recorder = recorder.clone();
    let kept = tokio::task::spawn_blocking(move || {
        let config = recorder.config();
        recorder.settings().runs(&recorder, &text, &config);
    });
    if tokio::time::timeout(KEPT_WITHIN, kept).await.is_err() {
        tracing::warn!("the history of the configuration is not written within {KEPT_WITHIN:?}");
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
        cameras::change(recorder, change).await;
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
    // Last: after an interruption before it the next generation finds the rest of the difference.
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
