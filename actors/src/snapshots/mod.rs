//! Snapshots: the picture of an event's moment, stored as a file on the camera's disk.
//!
//! ```text
//! event ──▶ held (references out of the hub, at once) ──▶ queue ──▶ JPEG ──▶ file ──▶ synced ──▶ outcome
//!                        └── not there any more: footage ──┘
//! ```
//! Belongs here: which moment is taken from where, the order, what becomes of each. Does not belong
//! here: which event wants it ([`crate::registry`]), names and places of files
//! (`vigie_storage::snapshots`), decoding (`vigie_media::decode`).

mod actor;
mod held;
mod picture;
mod queue;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot, watch};
use ulid::Ulid;
use vigie_config::{CameraId, StreamId, StreamName, Utc};
use vigie_storage::{
    events::{ActionState, EventRecord},
    snapshots::SnapshotId,
};

pub(crate) use actor::snapshot_child;
pub use picture::Picture;
pub use queue::Counts;

use crate::{cameras::Cameras, deps::Deps};
use held::Held;
use queue::{For, Item, Queue};

/// A person is answered after this long.
const LONGEST_ANSWER: Duration = Duration::from_secs(20);

/// The stream that pictures are taken of.
fn stream_of(camera: &CameraId) -> StreamId {
    StreamId::new(camera.clone(), StreamName::Main)
}

/// A picture of an event.
#[derive(Debug, Clone)]
pub struct EventPicture {
    pub id: SnapshotId,
    pub jpeg: Bytes,
}

/// So many pictures more, of so many bytes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    pub pictures: usize,
    pub bytes: u64,
}

impl Room {
    pub fn takes(&self, bytes: u64) -> bool {
        self.pictures > 0 && bytes <= self.bytes
    }

    /// One picture is there.
    pub fn take(&mut self, bytes: u64) {
        self.pictures = self.pictures.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// What outlives the actor: the queue, and what was held on to.
pub struct Snapshots {
    cameras: Arc<Cameras>,
    deps: Deps,
    /// Events of before are an earlier process's.
    since: Utc,
    queue: Mutex<Queue>,
    changed: Notify,
    /// Grows with every picture that is stored or failed.
    settled: watch::Sender<u64>,
}

impl Snapshots {
    pub fn new(cameras: Arc<Cameras>, deps: Deps) -> Self {
        Self {
            cameras,
            deps,
            since: Utc::now(),
            queue: Mutex::default(),
            changed: Notify::new(),
            settled: watch::Sender::default(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Action `number` of an event wants a camera's picture of the event's beginning; once, however
    /// often it is told. The outcome is told to the registry.
    pub(crate) fn of_event(&self, camera: &CameraId, event: &EventRecord, number: u16) {
        if !self.queue().is_news(event.id, number) {
            return;
        }
        let wanted = For::Event { id: event.id, number };
        if let Err(why) = self.ask(camera, event.start, wanted) {
            self.deps
                .events
                .outcome(event.id, number, ActionState::Failed, Some(why));
        }
    }

    /// Takes a camera's picture of now, because a person says so; resolves when it is stored.
    pub async fn by_hand(&self, camera: &CameraId, by: &str) -> Result<SnapshotId, String> {
        let (answer, answered) = oneshot::channel();
        let by = by.to_owned();
        self.ask(camera, Utc::now(), For::Hand { by, answer })?;
        match tokio::time::timeout(LONGEST_ANSWER, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err("the recorder is stopping".into()),
            Err(_) => Err(format!("not stored within {} s", LONGEST_ANSWER.as_secs())),
        }
    }

    fn ask(&self, camera: &CameraId, at: Utc, wanted: For) -> Result<(), String> {
        let Some(handle) = self.cameras.get(camera) else {
            return Err(format!("there is no camera {camera} any more"));
        };
        if !handle.config().enabled {
            return Err(format!("{camera} is switched off"));
        }
        let (hub, now) = (handle.hub(StreamName::Main), Instant::now());
        let hold = || hub.map(|hub| Held::new(&hub, at, now));
        let put = self.queue().put(camera, at, wanted, now, hold);
        put.map_err(|refused| refused.to_string())?;
        self.changed.notify_one();
        Ok(())
    }

    /// The pictures of an event, for whoever sends them on: waits until all that its rules want are
    /// stored or failed, at most so long. Those that are there then and have room.
    pub async fn pictures_of(&self, event: Ulid, longest: Duration, mut room: Room) -> Vec<EventPicture> {
        let mut settled = self.settled.subscribe();
        let all = async {
            while self.queue().has(event) {
                if settled.changed().await.is_err() {
                    return;
                }
            }
        };
        // Those that are there by then.
        drop(tokio::time::timeout(longest, all).await);
        let storage = self.deps.storage.clone();
        let read = tokio::task::spawn_blocking(move || {
            let stored = storage.snapshots_of(event).into_iter();
            let mut pictures = Vec::new();
            for stored in stored {
                if room.takes(stored.bytes)
                    && let Some(jpeg) = storage.snapshot(&stored.id)
                {
                    room.take(jpeg.len() as u64);
                    let jpeg = jpeg.into();
                    pictures.push(EventPicture { id: stored.id, jpeg });
                }
            }
            pictures
        });
        read.await.unwrap_or_default()
    }

    pub fn counts(&self) -> Counts {
        self.queue().counts
    }

    /// Tells whoever wanted it what became of it.
    fn settle(&self, item: Item, result: Result<SnapshotId, String>) {
        let (state, detail) = match &result {
            Ok(_) => (ActionState::Done, None),
            Err(why) => (ActionState::Failed, Some(why.clone())),
        };
        match &result {
            Ok(_) => self.queue().counts.stored += 1,
            Err(why) => {
                self.queue().counts.failed += 1;
                tracing::debug!(camera = %item.camera, at = %item.at, why, "no snapshot");
            }
        }
        match item.wanted {
            For::Event { id, number } => self.deps.events.outcome(id, number, state, detail),
            // Whoever asked may have hung up.
            For::Hand { answer, .. } => drop(answer.send(result)),
        }
        self.settled.send_modify(|count| *count += 1);
    }
}
