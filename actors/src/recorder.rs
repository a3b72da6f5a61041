//! The façade: starts the house, hands out what web and command line may see, ends it in order.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use ractor::{ActorRef, call_t};
use tokio::sync::{Notify, watch};
use vigie_config::{CameraId, Config, DiskId, EventKind, InputId, Kind, OutputId, StreamId, Utc};
use vigie_media::{hub::Hub, restream::Restream, source::Ingest};
use vigie_storage::{
    Storage, StorageFact, StorageOptions, Unsynced,
    device::Host,
    events::{EventLog, EventLogLimits},
};

use crate::{
    buzzer::{Buzzer, buzzer_child},
    camera::{CameraHandle, CameraSnapshot, camera_child},
    cameras::Cameras,
    capacity::{
        meter::{Meter, meter_child},
        room::Room,
    },
    clock::ClockWatch,
    control::control_child,
    deps::Deps,
    devices::{DeviceSnapshot, Devices, Pace, devices_child},
    disks::{Disks, disk_child, note_failure, placement_child},
    gpio::{Gpio, Kernel},
    health::{Feed, health_child},
    info::{self, SystemInfo},
    inputs::{Inputs, input_child},
    motion::{MotionRules, MotionSnapshot},
    mqtt::{Mqtt, mqtt_child},
    network::{ArpListener, addresses_child, links_child},
    notifiers::Notifiers,
    notify::channel_child,
    outputs::{Means, Outputs, output_child},
    recording,
    registry::{Event, Events, Registry, registry_child},
    reload::{Reload, reload_child},
    restream::{restream_child, start_restream},
    retention::retention_child,
    sign_ins::{FailedSignIns, sign_ins_child},
    site::Site,
    snapshots::{Snapshots, snapshot_child},
    stream::StreamHandle,
    supervise::{
        ChildSpec, Ending, Job, JobContext, Node, SupervisorMsg, TreeNode, spawn_root, supervisor_child, worker_child,
    },
    unrecorded::unrecorded_child,
};

/// How long an orderly end may take before the process ends anyway.
const SHUTDOWN_TIMEOUT_MS: u64 = 20_000;

/// What `src` brings to the tree.
pub struct Hooks {
    /// Runs the web server until it is asked to stop.
    pub web: Arc<dyn Fn(Arc<Recorder>, JobContext) -> Job + Send + Sync>,
    /// Feeds the watchdog of whoever started us.
    pub feed: Feed,
    /// Hears who uses this machine's addresses; or why nobody does.
    pub arp: std::io::Result<ArpListener>,
    /// The configuration file, watched for changes; `None`: fixed.
    pub config_path: Option<PathBuf>,
}

/// Why the house did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Storage(#[from] vigie_storage::StorageError),
    #[error("cannot serve RTSP on {address}: {error}")]
    Rtsp {
        address: SocketAddr,
        error: vigie_media::restream::RestreamError,
    },
    #[error("cannot start the ingest threads: {0}")]
    Ingest(std::io::Error),
    #[error("cannot start the supervision tree: {0}")]
    Tree(String),
}

impl Kind for StartError {
    fn kind(&self) -> vigie_config::ErrorKind {
        match self {
            StartError::Storage(e) => e.kind(),
            StartError::Rtsp { .. } | StartError::Ingest(_) => vigie_config::ErrorKind::Unavailable,
            StartError::Tree(_) => vigie_config::ErrorKind::Bug,
        }
    }
}

/// A running recorder.
pub struct Recorder {
    config: ArcSwap<Config>,
    started: Utc,
    pub(crate) cameras: Arc<Cameras>,
    pub(crate) deps: Deps,
    pub(crate) meter: Meter,
    pub(crate) slots: Slots,
    pub(crate) registry: Arc<Registry>,
    pub(crate) inputs: Arc<Inputs>,
    pub(crate) outputs: Arc<Outputs>,
    pub(crate) snapshots: Arc<Snapshots>,
    pub(crate) buzzer: Arc<Buzzer>,
    pub(crate) notify: Notifiers,
    pub(crate) mqtt: Arc<Mqtt>,
    gpio: Arc<dyn Gpio>,
    sign_ins: Arc<FailedSignIns>,
    pub(crate) restream: Arc<Restream>,
    clock: Arc<ClockWatch>,
    devices: Arc<Devices>,
    root_node: Arc<Node>,
    root: Mutex<Option<ActorRef<SupervisorMsg>>>,
    reload: Arc<Reload>,
}

/// The running supervisors whose children come and go with the configuration.
#[derive(Clone, Default)]
pub(crate) struct Slots {
    pub cameras: Slot,
    pub disks: Slot,
    pub inputs: Slot,
    pub outputs: Slot,
}

/// A supervisor that can be asked, by whatever generation of it runs.
pub(crate) type Slot = Arc<Mutex<Option<ActorRef<SupervisorMsg>>>>;

pub(crate) fn actor_of(slot: &Slot) -> Option<ActorRef<SupervisorMsg>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn fill(slot: &Slot) -> impl Fn(ActorRef<SupervisorMsg>) + Send + Sync + 'static {
    let slot = slot.clone();
    move |actor| *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(actor)
}

impl Recorder {
    /// Starts everything; what may be missing (cameras, disks) is a state, not an error.
    pub async fn start(config: Config, hooks: Hooks) -> Result<Arc<Recorder>, StartError> {
        let events = Events::default();
        // It listens from the first event on.
        let mqtt = Mqtt::new(config.mqtt.as_ref(), &events);
        let gpio: Arc<dyn Gpio> = Arc::new(Kernel);
        let means = Means {
            mqtt: mqtt.clone(),
            gpio: gpio.clone(),
        };
        let failures = watch::Sender::default();
        let low = Arc::new(Notify::new());
        let cameras = Arc::new(Cameras::default());
        let rescue = Rescue::default();
        let storage = open_storage(&config, &failures, &low, &rescue, &events)?;
        let disks = Disks::new(storage.clone(), failures);
        // Storage tells facts from its first moment on; who acts on them comes to be here.
        drop(rescue.set((disks.clone(), cameras.clone())));
        for disk in &config.disks {
            disks.configure(disk);
        }
        let log = open_log(&config);
        let inputs = Arc::new(Inputs::new(&config.inputs, &events, &log.open_events()));
        let clock = Arc::new(ClockWatch::default());
        let deps = Deps {
            events: events.clone(),
            ingest: Arc::new(Ingest::new(ingest_threads()).map_err(StartError::Ingest)?),
            storage: storage.clone(),
            disks,
            clock: clock.clone(),
            site: Arc::new(Site::new(&config.server)),
            motion_rules: Arc::new(MotionRules::new(&config)),
        };
        let host = Host::default();
        let devices = Devices::new(Arc::new(move |folder| host.inspect(folder)), Pace::default());
        let sign_ins = FailedSignIns::new(&events);
        let restream = start_restream(config.server.rtsp, &storage, &sign_ins).map_err(|error| StartError::Rtsp {
            address: config.server.rtsp,
            error,
        })?;
        let snapshots = Arc::new(Snapshots::new(cameras.clone(), deps.clone()));
        let registry = Arc::new(Registry::new(events.clone(), log));
        let notify = Notifiers::new(&config, &events, &registry.log, &storage, &deps.site, snapshots.clone());
        let recorder = Arc::new(Recorder {
            snapshots,
            buzzer: Arc::new(Buzzer::new(config.buzzer.as_ref(), events.clone())),
            started: Utc::now(),
            cameras,
            deps,
            meter: Meter::default(),
            slots: Slots::default(),
            registry,
            notify,
            inputs,
            outputs: Arc::new(Outputs::new(&config.outputs, &events, means)),
            mqtt,
            gpio,
            sign_ins,
            restream,
            clock,
            devices,
            root_node: Node::new("root", "root"),
            root: Mutex::new(None),
            reload: Arc::new(Reload::new(hooks.config_path.clone())),
            config: ArcSwap::from_pointee(config),
        });
        let handles = recorder.config().cameras.iter().map(CameraHandle::new).collect();
        recorder.cameras.replace_all(handles);
        let root = spawn_root(recorder.root_node.clone(), recorder.children(hooks, low))
            .await
            .map_err(|e| StartError::Tree(e.to_string()))?;
        *recorder.root.lock().unwrap_or_else(PoisonError::into_inner) = Some(root);
        events.raise(Event::house(EventKind::Started, env!("CARGO_PKG_VERSION")));
        Ok(recorder)
    }

    /// The children of the root, in starting order; they stop in the opposite one.
    fn children(self: &Arc<Self>, hooks: Hooks, low: Arc<Notify>) -> Vec<ChildSpec> {
        let deps = self.deps.clone();
        let (for_disks, for_cameras, for_web) = (self.clone(), self.clone(), self.clone());
        let (for_inputs, for_outputs) = (self.clone(), self.clone());
        vec![
            registry_child(self.clone()),
            supervisor_child(
                "disks".into(),
                "disks",
                false,
                Ending::Together,
                move || {
                    for_disks
                        .config()
                        .disks
                        .iter()
                        .map(|d| for_disks.disk_spec(d))
                        .collect()
                },
                fill(&self.slots.disks),
            ),
            supervisor_child(
                "cameras".into(),
                "cameras",
                false,
                Ending::Together,
                move || {
                    let all = for_cameras.cameras.all();
                    all.iter()
                        .map(|c| camera_child(c.clone(), for_cameras.deps.clone()))
                        .collect()
                },
                fill(&self.slots.cameras),
            ),
            // Before the outputs: at the end they switch themselves off by it.
            mqtt_child(self.clone()),
            supervisor_child(
                "inputs".into(),
                "inputs",
                false,
                Ending::Together,
                move || {
                    let all = for_inputs.inputs.all();
                    all.iter()
                        .map(|input| for_inputs.input_spec(&input.config.id))
                        .collect()
                },
                fill(&self.slots.inputs),
            ),
            supervisor_child(
                "outputs".into(),
                "outputs",
                false,
                Ending::Together,
                move || {
                    let all = for_outputs.outputs.all();
                    all.iter()
                        .map(|output| for_outputs.output_spec(&output.config.id))
                        .collect()
                },
                fill(&self.slots.outputs),
            ),
            snapshot_child(self.snapshots.clone()),
            buzzer_child(self.buzzer.clone()),
            channel_child(self.notify.email.clone()),
            channel_child(self.notify.push.clone()),
            retention_child(self.clone(), low),
            placement_child(self.clone()),
            unrecorded_child(self.clone()),
            meter_child(self.clone()),
            devices_child(self.devices.clone(), deps.disks.clone(), deps.events.clone()),
            links_child(self.event_log(), deps.events.clone()),
            addresses_child(hooks.arp, deps.events.clone()),
            sign_ins_child(self.sign_ins.clone()),
            restream_child(self.restream.clone(), self.cameras.clone()),
            control_child(self.clone()),
            health_child(
                hooks.feed,
                self.slots.cameras.clone(),
                self.clock.clone(),
                deps.events.clone(),
            ),
            reload_child(self.clone(), self.reload.clone()),
            worker_child("web", "web", move |context| (hooks.web)(for_web.clone(), context)),
        ]
    }

    pub(crate) fn disk_spec(&self, disk: &vigie_config::Disk) -> ChildSpec {
        disk_child(disk, self.deps.disks.clone(), self.deps.events.clone())
    }

    pub(crate) fn input_spec(&self, id: &InputId) -> ChildSpec {
        input_child(id.clone(), self.inputs.clone(), self.gpio.clone())
    }

    pub(crate) fn output_spec(&self, id: &OutputId) -> ChildSpec {
        output_child(id.clone(), self.outputs.clone())
    }

    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    pub(crate) fn set_config(&self, config: Config) {
        self.deps.site.update(&config.server);
        self.deps.motion_rules.update(&config);
        self.config.store(Arc::new(config));
    }

    pub fn storage(&self) -> &Arc<Storage> {
        &self.deps.storage
    }

    pub fn disks(&self) -> &Arc<Disks> {
        &self.deps.disks
    }

    /// All events, of this process and those before.
    pub fn event_log(&self) -> &Arc<EventLog> {
        &self.registry.log
    }

    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    pub fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    pub fn buzzer(&self) -> &Buzzer {
        &self.buzzer
    }

    pub fn notifiers(&self) -> &Notifiers {
        &self.notify
    }

    pub fn mqtt(&self) -> &Mqtt {
        &self.mqtt
    }

    pub fn sign_ins(&self) -> &FailedSignIns {
        &self.sign_ins
    }

    pub fn events(&self) -> &Events {
        &self.deps.events
    }

    pub fn cameras(&self) -> Vec<CameraSnapshot> {
        self.cameras
            .all()
            .iter()
            .map(|c| c.snapshot(&self.deps.disks, &self.deps.site))
            .collect()
    }

    /// Says whether something moves in a configured camera's picture, and has it looked for during the
    /// next seconds.
    pub fn look_at_motion(&self, camera: &CameraId) -> Option<MotionSnapshot> {
        let camera = self.cameras.get(camera)?;
        camera.motion.look();
        Some(camera.motion.snapshot())
    }

    pub fn hub(&self, stream: &StreamId) -> Option<Arc<Hub>> {
        self.cameras.hub(stream)
    }

    /// A configured stream.
    pub fn stream(&self, stream: &StreamId) -> Option<Arc<StreamHandle>> {
        self.cameras.stream(stream)
    }

    /// Hubs of all configured streams, for metrics.
    pub fn hubs(&self) -> Vec<Arc<Hub>> {
        self.cameras
            .all()
            .iter()
            .flat_map(|c| c.streams.values().map(|s| s.hub.clone()))
            .collect()
    }

    pub fn tree(&self) -> TreeNode {
        self.root_node.tree()
    }

    /// Panics the actor at a path such as `cameras/camera.gate/source.main`.
    #[cfg(feature = "fault-hooks")]
    pub fn panic_actor(&self, path: &str) -> bool {
        let path: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
        self.root_node.find(&path).is_some_and(|node| node.panic_now())
    }

    pub fn info(&self) -> SystemInfo {
        let config = self.config();
        SystemInfo {
            name: config.server.name.clone(),
            version: env!("CARGO_PKG_VERSION"),
            recorder: self.storage().recorder().to_string(),
            started: self.started,
            now: Utc::now(),
            clock_synchronised: self.clock.is_synchronised(),
            cameras: config.cameras.len(),
            rtsp: self.restream.local_addr().to_string(),
            index: self.storage().index_state(),
            room: self.meter.room(),
            disks: info::disks(&self.deps.disks, &self.devices, &config),
        }
    }

    /// Room for how many more cameras, as last measured.
    pub fn room(&self) -> Option<Room> {
        self.meter.room()
    }

    /// What the device under each disk said of itself at the last look.
    pub fn devices(&self) -> BTreeMap<DiskId, DeviceSnapshot> {
        self.devices.snapshots()
    }

    pub fn rtsp_addr(&self) -> SocketAddr {
        self.restream.local_addr()
    }

    /// Reads the configuration file again, as SIGHUP asks for.
    pub fn reload(&self) {
        self.reload.ask();
    }

    /// Ends in order: recordings finish their last fragment, every stream gets its `shutdown`
    /// gap, everything is synced.
    pub async fn shutdown(&self) {
        self.events().raise(Event::house(EventKind::Stopping, "asked to stop"));
        let root = self.root.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(root) = root
            && call_t!(root, SupervisorMsg::Shutdown, SHUTDOWN_TIMEOUT_MS).is_err()
        {
            tracing::error!("the tree did not stop in {SHUTDOWN_TIMEOUT_MS} ms; closing storage anyway");
        }
        let storage = self.storage().clone();
        let closed = tokio::task::spawn_blocking(move || storage.close());
        if tokio::time::timeout(Duration::from_secs(10), closed).await.is_err() {
            tracing::error!("storage did not close in 10 s: a disk hangs");
        }
    }
}

fn open_log(config: &Config) -> EventLog {
    let folder = config.server.state_dir.join("events");
    let (log, report) = EventLog::open(&folder, EventLogLimits::default());
    for damage in &report.damage {
        tracing::error!(?damage, "a part of the log of events cannot be read");
    }
    if let Some(error) = &report.fault {
        tracing::error!(%error, "the log of events cannot be read; events are acted on all the same");
    }
    log
}

/// Who takes what a failed volume had not synced.
type Rescue = Arc<OnceLock<(Arc<Disks>, Arc<Cameras>)>>;

fn open_storage(
    config: &Config,
    failures: &watch::Sender<BTreeMap<DiskId, u64>>,
    low: &Arc<Notify>,
    rescue: &Rescue,
    events: &Events,
) -> Result<Arc<Storage>, StartError> {
    let (failures, low, rescue, events) = (failures.clone(), low.clone(), rescue.clone(), events.clone());
    let facts = Arc::new(move |fact: StorageFact| {
        note_failure(&failures, &fact);
        match fact {
            StorageFact::SpaceLow { .. } => low.notify_one(),
            StorageFact::VolumeFailed { disk, error, unsynced } => {
                tracing::error!(%disk, %error, "a volume failed");
                if let Some((disks, cameras)) = rescue.get().cloned() {
                    rescue_behind(&disk, unsynced, disks, cameras);
                }
            }
            StorageFact::SegmentDown {
                disk,
                detail,
                folder,
                unsynced,
            } => {
                let Some((disks, cameras)) = rescue.get().cloned() else {
                    return;
                };
                for lost in unsynced.iter().filter(|_| folder) {
                    if disks.refuse(&disk, &lost.stream, &detail) {
                        let stream = lost.stream.clone();
                        events.raise(Event::stream(EventKind::FolderRefused, stream, detail.clone()));
                    }
                }
                rescue_behind(&disk, unsynced, disks, cameras);
            }
            StorageFact::VolumeSlow { disk, millis } => {
                let text = format!("disk {disk}: a write or a sync has not returned for {millis} ms");
                events.raise(Event::disk(EventKind::DiskSlow, disk, text));
            }
            StorageFact::VolumeFull { disk } => {
                let text = format!("disk {disk} is full: the oldest footage goes");
                events.raise(Event::disk(EventKind::DiskFull, disk, text));
            }
            StorageFact::IndexDegraded { detail } => {
                tracing::error!(
                    detail,
                    "the index cannot be written; recording goes on, it is rebuilt later"
                );
            }
            StorageFact::IndexBack => tracing::info!("the index is written again"),
            StorageFact::SegmentDeleted { disk, stream, start } => {
                let text = format!("disk {disk}: the segment of {start} was deleted while it was written");
                events.raise(Event::stream(EventKind::FootageDeleted, stream, text));
            }
        }
    });
    Ok(Storage::open(
        &config.server.state_dir,
        StorageOptions {
            facts,
            ..StorageOptions::default()
        },
    )?)
}

/// On a thread of its own: the fact comes from a volume's thread, which may hold what this needs.
fn rescue_behind(failed: &DiskId, unsynced: Arc<Vec<Unsynced>>, disks: Arc<Disks>, cameras: Arc<Cameras>) {
    let (lost, told) = (unsynced.clone(), disks.clone());
    let going = disks.rescues.begin(failed);
    let job = move || {
        let _going = going;
        let place = |lost: &Unsynced| {
            let camera = cameras.get(&lost.stream.camera)?;
            disks.place(&lost.stream, &camera.config().disk_group)
        };
        recording::rescue(&unsynced, place, |lost| disks.tell_loss(lost));
    };
    if let Err(error) = std::thread::Builder::new().name("rescue".into()).spawn(job) {
        tracing::error!(%error, "no thread to take unsynced footage to another disk: it is lost");
        lost.iter().for_each(|lost| told.tell_loss(lost));
    }
}

/// One thread takes about 200 cameras of 4 Mbit/s; a second one leaves room for a busy moment.
fn ingest_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get().clamp(1, 2))
}
