//! The MQTT broker: alarm inputs and outputs over it, events, and Home Assistant.
//!
//! ```text
//! house, events ─▶ outbox ─▶ link ─▶ broker ─▶ link ─▶ inputs, commands
//! ```
//! The protocol is our own ([`packet`]): 3.1.1, QoS 0 and 1. The `rumqttc` crate neither says which
//! publication was acknowledged, nor can its TLS be had without libraries with known faults.
//!
//! Belongs here: one connection to one broker, and what is told there. Does not belong here: what a
//! contact's position means ([`crate::inputs`]), when an output is on ([`crate::outputs`]).

mod backlog;
mod bridge;
mod connection;
mod discovery;
mod house;
mod link;
mod marks;
mod outbox;
mod packet;
mod progress;
mod pulse;
mod states;
mod topics;
mod trust;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use serde::Serialize;
use tokio::sync::{Notify, oneshot, watch};
use vigie_config::{Mqtt as Configured, Utc};
use vigie_storage::events::EventLog;

use self::{
    bridge::Heard,
    outbox::{Call, Outbox},
    progress::Progress,
};
use crate::{
    recorder::Recorder,
    registry::Events,
    supervise::{ChildSpec, worker_child},
};

/// A broker that takes longer to acknowledge counts as not there.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What outlives the actor: what is to be told, and how the connection stands.
pub struct Mqtt {
    config: ArcSwapOption<Configured>,
    outbox: Mutex<Outbox>,
    /// Something is to be told.
    ready: Notify,
    /// The configuration changed: of the broker, or of what is told and heard.
    changed: watch::Sender<u64>,
    status: Mutex<Status>,
    heard: tokio::sync::Mutex<Heard>,
    progress: Arc<Progress>,
}

/// What is known of the broker: the actor's detail in the tree.
#[derive(Debug, Clone, Serialize)]
pub struct MqttSnapshot {
    pub connection: Status,
    /// Events that wait for the broker.
    pub waiting: usize,
    /// Events that it is not told any more, since the start.
    pub dropped: u64,
}

/// How the connection stands.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// `None`: none is configured.
    pub broker: Option<String>,
    pub connected: bool,
    pub since: Utc,
    /// Why it is not connected; `None`: it is, or is being connected for the first time.
    pub error: Option<String>,
    /// Since the start.
    pub connections: u64,
}

impl Mqtt {
    pub(crate) fn new(config: Option<&Configured>, events: &Events) -> Arc<Mqtt> {
        Arc::new(Mqtt {
            config: ArcSwapOption::from_pointee(config.cloned()),
            outbox: Mutex::default(),
            ready: Notify::new(),
            changed: watch::Sender::new(0),
            status: Mutex::new(Status {
                broker: config.map(|config| config.broker.to_string()),
                connected: false,
                since: Utc::now(),
                error: None,
                connections: 0,
            }),
            heard: tokio::sync::Mutex::new(Heard::new(events)),
            progress: Arc::default(),
        })
    }

    /// Before the first event of this process is written down.
    pub(crate) async fn goes_on(&self, state_dir: &Path, log: &EventLog) {
        let position = self.progress.begin(state_dir, log);
        let position = position.filter(|_| self.config().is_some());
        self.heard.lock().await.goes_on(position, log);
    }

    fn config(&self) -> Option<Arc<Configured>> {
        self.config.load_full()
    }

    /// The recorder's configuration is this one now.
    pub(crate) fn configure(&self, config: Option<&Configured>) {
        if self.config().as_deref() != config {
            self.config.store(config.cloned().map(Arc::new));
            let mut status = self.status();
            status.broker = config.map(|config| config.broker.to_string());
            status.error = None;
        }
        self.changed.send_modify(|count| *count += 1);
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn snapshot(&self) -> MqttSnapshot {
        let connection = self.status().clone();
        let outbox = self.outbox();
        MqttSnapshot {
            connection,
            waiting: outbox.waiting(),
            dropped: outbox.dropped(),
        }
    }

    /// Publishes now: resolves when the broker has acknowledged it. Says what failed, which, and why.
    pub(crate) async fn publish(&self, topic: &str, payload: &str, retain: bool) -> Result<(), String> {
        let Some(config) = self.config() else {
            return Err("no broker is configured".into());
        };
        let broker = &config.broker;
        if let Some(error) = &self.status().error {
            return Err(format!("{broker} is not connected: {error}"));
        }
        let (answer, answered) = oneshot::channel();
        self.outbox().call(Call {
            topic: topic.to_owned(),
            payload: payload.to_owned(),
            retain,
            answer,
        });
        self.ready.notify_one();
        match tokio::time::timeout(TIMEOUT, answered).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) => Err(format!("{broker}, topic {topic}: {error}")),
            Ok(Err(_)) => Err(format!("{broker}, topic {topic}: given up")),
            Err(_) if !self.status().connected => Err(format!("{broker} is not connected yet")),
            Err(_) => {
                let seconds = TIMEOUT.as_secs();
                Err(format!("{broker}, topic {topic}: not acknowledged within {seconds} s"))
            }
        }
    }
}

/// The connection as a child of the root.
pub(crate) fn mqtt_child(recorder: Arc<Recorder>) -> ChildSpec {
    worker_child("mqtt", "mqtt", move |context| {
        let recorder = recorder.clone();
        Box::pin(async move {
            tokio::select! {
                () = link::run(&context, &recorder) => {}
                () = bridge::run(&context, &recorder) => {}
            }
            bridge::note_at_last(&recorder).await;
            Ok(())
        })
    })
}
