//! How the house is put together.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};
use vigie_config::{Config, EventKind, Kind, Utc};
use vigie_media::source::Ingest;
use vigie_storage::device::Host;

use super::{
    Hooks, Recorder, Slots,
    open::{Rescue, open_log, open_storage},
};
use crate::{
    buzzer::Buzzer,
    camera::CameraHandle,
    cameras::Cameras,
    capacity::meter::Meter,
    certificate::Certificates,
    clock::ClockWatch,
    deps::Deps,
    devices::{Devices, Pace},
    disks::Disks,
    gate::Gate,
    gpio::{Gpio, Kernel},
    inputs::Inputs,
    motion::MotionRules,
    mqtt::Mqtt,
    notifiers::Notifiers,
    outputs::{Means, Outputs},
    probe::Probes,
    registry::{Event, Events, Registry},
    reload::Reload,
    restream::start_restream,
    settings::Settings,
    sign_ins::FailedSignIns,
    site::Site,
    snapshots::Snapshots,
    supervise::{Node, spawn_root},
};

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
        storage.warm_days_behind();
        let disks = Disks::new(storage.clone(), failures);
        // Storage tells facts from its first moment on; who acts on them comes to be here.
        drop(rescue.set((disks.clone(), cameras.clone())));
        for disk in &config.disks {
            disks.configure(disk);
        }
        let log = open_log(&config);
        mqtt.goes_on(&config.server.state_dir, &log).await;
        // A log that cannot be read now is asked again by the registry.
        let open = log.open_events().unwrap_or_default();
        let inputs = Arc::new(Inputs::new(&config.inputs, &events, &open));
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
        let sign_ins = FailedSignIns::new(&events, &storage);
        let gate = Gate::new(&config.server.access, &storage);
        let restream =
            start_restream(config.server.rtsp, &storage, &sign_ins, &gate).map_err(|error| StartError::Rtsp {
                address: config.server.rtsp,
                error,
            })?;
        let snapshots = Arc::new(Snapshots::new(cameras.clone(), deps.clone()));
        let outputs = Arc::new(Outputs::new(&config.outputs, &events, means));
        outputs.heed(&log, &open);
        let registry = Arc::new(Registry::new(events.clone(), log));
        let notify = Notifiers::new(&config, &events, &registry.log, &storage, &deps.site, snapshots.clone());
        let recorder = Arc::new(Recorder {
            snapshots,
            buzzer: Arc::new(Buzzer::new(config.buzzer.as_ref(), events.clone(), gpio.clone())),
            started: Utc::now(),
            cameras,
            deps,
            meter: Meter::default(),
            slots: Slots::default(),
            registry,
            notify,
            inputs,
            outputs,
            mqtt,
            gpio,
            certificates: Certificates::open(&config.server),
            sign_ins,
            gate,
            restream,
            clock,
            devices,
            root_node: Node::new("root", "root"),
            root: Mutex::new(None),
            reload: Arc::new(Reload::new(hooks.config_path.clone())),
            settings: Settings::new(hooks.config_path.clone()),
            log: hooks.log.clone(),
            demo: hooks.demo,
            probes: Probes::default(),
            configured: Notify::new(),
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
}

/// One thread takes about 200 cameras of 4 Mbit/s; a second one leaves room for a busy moment.
fn ingest_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get().clamp(1, 2))
}
