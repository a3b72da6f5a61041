//! The registry: every fact worth telling goes through here, in order.
//!
//! Actors raise events; the registry logs and counts them and hands them to whoever acts on
//! them. The queue outlives the actor, so an event raised while it restarts is not lost.
//! (A durable log, rules and actions come with alarms.)

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;
use tokio::sync::Notify;
use vigie_config::{DiskId, StreamId, Utc};

use crate::supervise::{ChildSpec, worker_child};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    Started,
    Stopping,
    ConfigurationChanged,
    ConfigurationRefused,
    StreamLive,
    StreamStalled,
    StreamOffline,
    StreamRefused,
    DiskError,
    /// No room was left: the oldest footage goes at once.
    DiskFull,
    /// Unmounted, pulled, or its folder replaced.
    DiskRemoved,
    /// It does not answer in time.
    DiskSlow,
    DiskBack,
    /// Closed by an operator, so that it can be pulled.
    DiskReleased,
    /// The device under it says that it fails, or is part of an array or pool that lost members.
    DiskFailing,
    /// No disk of a group takes footage.
    NoDisk,
    /// One stream's folder on a disk takes no files.
    FolderRefused,
    /// A stream that is to be recorded was not, for longer than its `alarm_after`.
    NothingRecorded,
    /// A file was deleted while it was written.
    FootageDeleted,
    /// Access units were lost because this machine was too slow.
    Overload,
    ClockStepped,
}

#[derive(Debug, Clone, Serialize)]
pub struct Event {
    pub at: Utc,
    pub kind: EventKind,
    pub stream: Option<StreamId>,
    pub disk: Option<DiskId>,
    pub text: String,
}

impl Event {
    pub fn house(kind: EventKind, text: impl Into<String>) -> Self {
        Self {
            at: Utc::now(),
            kind,
            stream: None,
            disk: None,
            text: text.into(),
        }
    }
    pub fn stream(kind: EventKind, stream: StreamId, text: impl Into<String>) -> Self {
        Self {
            stream: Some(stream),
            ..Self::house(kind, text)
        }
    }
    pub fn disk(kind: EventKind, disk: DiskId, text: impl Into<String>) -> Self {
        Self {
            disk: Some(disk),
            ..Self::house(kind, text)
        }
    }
}

/// Events waiting for the registry, at most. Over it the oldest go, and are counted.
const QUEUE: usize = 65_536;

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Event>,
    dropped: u64,
    counts: BTreeMap<EventKind, u64>,
}

/// Where events are raised. Cheap to clone; never blocks for long, never fails.
#[derive(Clone, Default)]
pub struct Events {
    queue: Arc<Mutex<Queue>>,
    ready: Arc<Notify>,
}

impl Events {
    pub fn raise(&self, event: Event) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.waiting.len() >= QUEUE {
            queue.waiting.pop_front();
            queue.dropped += 1;
        }
        *queue.counts.entry(event.kind).or_default() += 1;
        queue.waiting.push_back(event);
        drop(queue);
        self.ready.notify_one();
    }

    /// How often each kind was raised since the start.
    pub fn counts(&self) -> BTreeMap<EventKind, u64> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).counts.clone()
    }

    fn take(&self) -> Option<Event> {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .waiting
            .pop_front()
    }
}

/// The registry as a child of the root.
pub fn registry_child(events: Events) -> ChildSpec {
    worker_child("registry", "registry", move |context| {
        let events = events.clone();
        Box::pin(async move {
            let mut routed = 0u64;
            loop {
                while let Some(event) = events.take() {
                    routed += 1;
                    tracing::debug!(kind = ?event.kind, stream = ?event.stream, disk = ?event.disk, text = event.text, "event");
                }
                context
                    .node
                    .publish(serde_json::json!({ "routed": routed, "counts": events.counts() }));
                tokio::select! {
                    () = events.ready.notified() => {}
                    () = context.stopping() => return Ok(()),
                }
            }
        })
    })
}
