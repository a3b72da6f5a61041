//! The façade: starts the house, hands out what web and command line may see, ends it in order.

mod open;
mod start;
mod tree;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use ractor::{ActorRef, call_t};
use tokio::sync::Notify;
use vigie_config::{CameraId, Config, DiskId, EventKind, StreamId, Utc};
use vigie_media::{hub::Hub, restream::Restream};
use vigie_storage::{Storage, events::EventLog};

use crate::{
    buzzer::Buzzer,
    camera::CameraSnapshot,
    cameras::Cameras,
    capacity::{meter::Meter, room::Room},
    certificate::Certificates,
    clock::ClockWatch,
    deps::Deps,
    devices::{DeviceSnapshot, Devices},
    disks::Disks,
    gate::Gate,
    gpio::Gpio,
    health::Feed,
    info::{self, SystemInfo},
    inputs::Inputs,
    log::Log,
    motion::MotionSnapshot,
    mqtt::Mqtt,
    network::{ArpListener, shown_links},
    notifiers::Notifiers,
    outputs::Outputs,
    probe::Probes,
    registry::{Event, Events, Registry},
    reload::Reload,
    settings::Settings,
    sign_ins::FailedSignIns,
    snapshots::Snapshots,
    stream::StreamHandle,
    supervise::{Job, JobContext, Node, SupervisorMsg, TreeNode},
};

pub use start::StartError;
pub(crate) use tree::{Slot, Slots, actor_of};

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
    /// The newest lines of this process.
    pub log: Arc<Log>,
    /// The pages show first steps.
    pub demo: bool,
}

/// A running recorder.
pub struct Recorder {
    config: ArcSwap<Config>,
    started: Utc,
    demo: bool,
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
    pub(crate) certificates: Arc<Certificates>,
    gpio: Arc<dyn Gpio>,
    sign_ins: Arc<FailedSignIns>,
    gate: Arc<Gate>,
    pub(crate) restream: Arc<Restream>,
    clock: Arc<ClockWatch>,
    devices: Arc<Devices>,
    root_node: Arc<Node>,
    root: Mutex<Option<ActorRef<SupervisorMsg>>>,
    reload: Arc<Reload>,
    settings: Settings,
    log: Arc<Log>,
    pub(crate) probes: Probes,
    /// Wakes who waits for a change of `config`.
    configured: Notify,
}

impl Recorder {
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    pub(crate) fn set_config(&self, config: Config) {
        self.deps.site.update(&config.server);
        self.certificates.configure(&config.server);
        self.gate.configure(&config.server.access);
        self.deps.motion_rules.update(&config);
        self.config.store(Arc::new(config));
        self.configured.notify_waiters();
    }

    /// The configuration file, to be read and changed.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Has the file read and waits until the recorder runs with what stands in it, if that is `config`.
    pub(crate) async fn runs_with(&self, config: &Config) {
        self.reload.ask();
        loop {
            let mut changed = pin!(self.configured.notified());
            changed.as_mut().enable();
            if *self.config() == *config {
                return;
            }
            changed.await;
        }
    }

    /// The newest lines of the log.
    pub fn log(&self) -> &Log {
        &self.log
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

    /// Of the encrypted addresses.
    pub fn certificates(&self) -> &Arc<Certificates> {
        &self.certificates
    }

    pub fn sign_ins(&self) -> &FailedSignIns {
        &self.sign_ins
    }

    /// Who may ask anything, by where they are.
    pub fn gate(&self) -> &Gate {
        &self.gate
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

    /// Panics the actor at a path such as `cameras/camera.gate/source.main`: now, or when it next
    /// comes to a place in its work.
    #[cfg(feature = "fault-hooks")]
    pub fn panic_actor(&self, path: &str, place: Option<&str>) -> bool {
        let path: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
        let Some(node) = self.root_node.find(&path) else {
            return false;
        };
        match place {
            Some(place) => {
                node.panic_at(place);
                true
            }
            None => node.panic_now(),
        }
    }

    pub fn info(&self) -> SystemInfo {
        let (config, now) = (self.config(), Utc::now());
        SystemInfo {
            name: config.server.name.clone(),
            version: env!("CARGO_PKG_VERSION"),
            recorder: self.storage().recorder().to_string(),
            started: self.started,
            now,
            uptime_s: now.since(self.started).as_secs(),
            time_zone: config.server.zone().iana_name().map(str::to_owned),
            links: shown_links(),
            clock_synchronised: self.clock.is_synchronised(),
            cameras: config.cameras.len(),
            rtsp: self.restream.local_addr().to_string(),
            index: self.storage().index_state(),
            room: self.meter.room(),
            demo: self.demo,
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
