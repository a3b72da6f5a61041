//! `snapshot`: brings each picture from the queue to its file, and says what became of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::task::JoinSet;
use ulid::Ulid;
use vigie_config::{StreamId, Utc};
use vigie_media::decode::DecodeError;
use vigie_storage::{
    Volume,
    snapshots::{Caption, Query, SnapshotId},
};

use super::{
    Picture, Snapshots,
    queue::{For, Item, Made, Stage},
    stream_of,
};
use crate::supervise::{ChildSpec, JobContext, JobError, worker_child};

/// Pictures in hand at once; of these the decoder takes three.
const AT_ONCE: usize = 4;
/// How often is looked while any is on its way.
const LOOK: Duration = Duration::from_millis(50);
const LOST_BEFORE: &str = "the footage there cannot be decoded: it begins between two random access points";
/// Whether a disk's pictures are counted is looked at so often.
const COUNT: Duration = Duration::from_secs(30);
/// Footage of the moment is on its way for as long.
const LATE_FOOTAGE: Duration = Duration::from_secs(3);
/// A disk that is looked through for longer is not waited for.
const LONGEST_OPENING: Duration = Duration::from_secs(60);
/// A disk that takes longer to write a picture is left to itself.
const LONGEST_WRITE: Duration = Duration::from_secs(10);
/// The disk's tick syncs it; only where that is long somebody has to ask.
const PATIENCE: Duration = Duration::from_millis(2500);
const LONGEST_SYNC: Duration = Duration::from_secs(15);
/// What is on its way when Vigie ends may be finished within this.
const LONGEST_END: Duration = Duration::from_secs(5);

/// The actor as a child of the root.
pub fn snapshot_child(snapshots: Arc<Snapshots>) -> ChildSpec {
    worker_child("snapshot", "snapshot", move |context| {
        Box::pin(run(context, snapshots.clone()))
    })
}

/// A picture that is written, or why it is not.
type Finished = (u64, Result<Arc<Volume>, Failure>);

enum Failure {
    /// The machine was too busy: it may go better soon.
    Busy(String),
    Final(String),
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Failure::Final(why)
    }
}

async fn run(context: JobContext, snapshots: Arc<Snapshots>) -> Result<(), JobError> {
    for given_up in snapshots.begin_anew() {
        snapshots.settle(given_up, Err("taking it failed again and again".into()));
    }
    let mut in_hand: JoinSet<Finished> = JoinSet::new();
    let mut counted: Option<Instant> = None;
    let mut ending: Option<Instant> = None;
    loop {
        let now = Instant::now();
        if ending.is_none() && counted.is_none_or(|at| at.elapsed() >= COUNT) {
            counted = Some(now);
            let storage = snapshots.deps.storage.clone();
            // Nobody waits for it.
            drop(tokio::task::spawn_blocking(move || storage.count_snapshots()));
        }
        snapshots.look(now, ending.is_some());
        while in_hand.len() < AT_ONCE
            && let Some(job) = snapshots.next_job(now)
        {
            in_hand.spawn(job.run(snapshots.clone()));
        }
        let left = snapshots.queue().items.len();
        context.node.publish(serde_json::json!({
            "on_their_way": left,
            "counts": snapshots.counts(),
        }));
        if ending.is_some_and(|since| left == 0 || since.elapsed() >= LONGEST_END) {
            return Ok(());
        }
        let look = async {
            match left {
                0 => tokio::time::sleep(COUNT).await,
                _ => tokio::time::sleep(LOOK).await,
            }
        };
        tokio::select! {
            Some(finished) = in_hand.join_next() => match finished {
                Ok((key, result)) => snapshots.finished(key, result),
                // What else was in hand waits again, under the next actor.
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => {}
            },
            () = look => {}
            () = snapshots.changed.notified() => {}
            () = context.stopping(), if ending.is_none() => ending = Some(Instant::now()),
        }
    }
}

impl Snapshots {
    fn begin_anew(&self) -> Vec<Item> {
        self.queue().begin_anew()
    }

    /// Takes in what hubs have brought, and what disks have synced.
    fn look(&self, now: Instant, hurry: bool) {
        let mut done = Vec::new();
        let mut queue = self.queue();
        for item in &mut queue.items {
            if let Some(held) = &mut item.held {
                held.look(now);
            }
            let Stage::Written { volume, ticket, since } = &item.stage else {
                continue;
            };
            let waited = now.saturating_duration_since(*since);
            if volume.is_synced(*ticket) {
                done.push(item.key);
            } else if volume.has_failed() || waited > LONGEST_SYNC {
                let why = format!("not synced within {} s", waited.as_secs());
                item.refused.push((volume.disk().clone(), why));
                item.stage = Stage::Waiting;
            } else if hurry || waited > PATIENCE {
                volume.sync_soon();
            }
        }
        let done: Vec<Item> = done.into_iter().filter_map(|key| queue.remove(key)).collect();
        drop(queue);
        for item in done {
            let id = item.made.as_ref().map(|made| made.id.clone());
            self.settle(item, id.ok_or_else(|| "it was never made".into()));
        }
    }

    /// The oldest for which everything is there that will be.
    fn next_job(&self, now: Instant) -> Option<Job> {
        let mut queue = self.queue();
        let item = queue.next(|item| self.is_ready(item, now))?;
        // Kept until the picture is made: an actor that panics takes it again.
        let held = item.held.as_ref().and_then(super::held::Held::picture);
        let (event, by) = match &item.wanted {
            For::Event { id, .. } => (Some(*id), None),
            For::Hand { by, .. } => (None, Some(by.clone())),
        };
        Some(Job {
            key: item.key,
            stream: stream_of(&item.camera),
            at: item.at,
            live: held.and_then(|(units, shown)| Picture::live(units, shown)),
            made: item.made.clone(),
            refused: item.refused.clone(),
            event,
            by,
        })
    }

    fn is_ready(&self, item: &Item, now: Instant) -> bool {
        if self.is_disk_to_come(item, now) {
            return false;
        }
        if item.made.is_some() {
            return true;
        }
        match &item.held {
            Some(held) if !held.is_done() => return false,
            Some(held) if held.picture().is_some() => return true,
            _ => {}
        }
        let stream = stream_of(&item.camera);
        let recorded = self
            .deps
            .storage
            .last_recorded(&stream)
            .is_some_and(|end| end > item.at);
        let is_recorded = || {
            let camera = self.cameras.get(&item.camera);
            camera.is_some_and(|camera| camera.is_recording(stream.stream))
        };
        recorded || now.saturating_duration_since(item.since) >= LATE_FOOTAGE || !is_recorded()
    }

    /// After a start: until the disks are there nothing can be stored, and what an earlier process
    /// stored or recorded is not found.
    fn is_disk_to_come(&self, item: &Item, now: Instant) -> bool {
        let Some(camera) = self.cameras.get(&item.camera) else {
            return false;
        };
        let (disks, config) = (&self.deps.disks, camera.config());
        let group = &config.disk_group;
        let lacks = || item.at < self.since || disks.why_none(&stream_of(&item.camera), group).is_some();
        now.saturating_duration_since(item.since) < LONGEST_OPENING && disks.is_opening(group) && lacks()
    }

    /// A job ended.
    fn finished(&self, key: u64, result: Result<Arc<Volume>, Failure>) {
        let mut queue = self.queue();
        let (given_up, why) = match result {
            Ok(volume) => {
                if let Some(item) = queue.get(key) {
                    item.stage = Stage::Written {
                        ticket: volume.sync_ticket(),
                        volume,
                        since: Instant::now(),
                    };
                }
                return;
            }
            Err(Failure::Busy(why)) => (queue.again(key), why),
            Err(Failure::Final(why)) => (queue.remove(key), why),
        };
        drop(queue);
        if let Some(item) = given_up {
            self.settle(item, Err(why));
        }
    }

    /// Why there is no picture, in the words of whoever looks after cameras.
    fn why_none(&self, stream: &StreamId, at: Utc, error: &dyn std::fmt::Display) -> String {
        match self.cameras.stream(stream).map(|handle| handle.status()) {
            Some(status) if status.state != crate::stream::StreamState::Live => {
                let state = serde_json::to_value(status.state).unwrap_or_default();
                let state = state.as_str().unwrap_or_default().to_owned();
                let why = status.error.map_or(String::new(), |error| format!(" ({error})"));
                format!("no picture of {at}: {stream} is {state} since {}{why}", status.since)
            }
            _ => format!("no picture of {at}: not in memory any more, and {error}"),
        }
    }
}

/// One picture in hand.
struct Job {
    key: u64,
    stream: StreamId,
    at: Utc,
    live: Option<Picture>,
    made: Option<Made>,
    refused: Vec<(vigie_config::DiskId, String)>,
    event: Option<Ulid>,
    by: Option<String>,
}

impl Job {
    async fn run(mut self, snapshots: Arc<Snapshots>) -> Finished {
        let result = self.make(&snapshots).await;
        let result = match result {
            Ok(made) => self.store(&snapshots, made).await.map_err(Failure::Final),
            Err(failure) => Err(failure),
        };
        (self.key, result)
    }

    async fn make(&mut self, snapshots: &Arc<Snapshots>) -> Result<Made, Failure> {
        if let Some(made) = self.made.take() {
            return Ok(made);
        }
        let made = match self.stored_before(snapshots).await {
            Some(made) => made,
            None => self.take(snapshots).await?,
        };
        // A disk that fails later must not cost the moment.
        if let Some(item) = snapshots.queue().get(self.key) {
            item.made = Some(made.clone());
            item.held = None;
        }
        Ok(made)
    }

    async fn take(&mut self, snapshots: &Arc<Snapshots>) -> Result<Made, Failure> {
        let storage = &snapshots.deps.storage;
        let picture = match self.live.take() {
            Some(picture) => picture,
            None => Picture::soon_recorded(storage, &self.stream, self.at)
                .await
                .map_err(|error| snapshots.why_none(&self.stream, self.at, &error))?,
        };
        let id = SnapshotId::new(self.stream.camera.clone(), picture.shown, self.event);
        let caption = Caption {
            recorder: storage.recorder(),
            stream: self.stream.clone(),
            at: picture.shown,
            event: self.event,
            by: self.by.take(),
        };
        let jpeg = picture.jpeg().await.map_err(|error| match error {
            DecodeError::Timeout => Failure::Busy(error.to_string()),
            // What the first pictures of the footage there refer to was lost with whoever recorded it.
            DecodeError::NoRap { .. } => Failure::Final(snapshots.why_none(&self.stream, self.at, &LOST_BEFORE)),
            error => Failure::Final(error.to_string()),
        })?;
        let jpeg = caption.onto(&jpeg);
        let jpeg = jpeg.ok_or_else(|| "what the decoder made is no JPEG".to_owned())?;
        Ok(Made { id, jpeg: jpeg.into() })
    }

    /// An earlier process stored it and could not say so any more.
    async fn stored_before(&self, snapshots: &Arc<Snapshots>) -> Option<Made> {
        let event = self.event.filter(|_| self.at < snapshots.since)?;
        let storage = snapshots.deps.storage.clone();
        let query = Query {
            cameras: vec![self.stream.camera.clone()],
            from: Utc::MIN,
            to: Utc::MAX,
            event: Some(event),
            before: None,
            limit: 1,
        };
        let look = move || {
            let id = storage.snapshots(&query, |_| true).pop()?.id;
            let jpeg = Bytes::from(storage.snapshot(&id)?);
            Some(Made { id, jpeg })
        };
        tokio::task::spawn_blocking(look).await.ok()?
    }

    /// On the camera's own disk, or the next of its group.
    async fn store(&mut self, snapshots: &Arc<Snapshots>, made: Made) -> Result<Arc<Volume>, String> {
        let camera = snapshots.cameras.get(&self.stream.camera);
        let camera = camera.ok_or_else(|| format!("there is no camera {} any more", self.stream.camera))?;
        let group = camera.config().disk_group.clone();
        let (disks, stream, of_group) = (snapshots.deps.disks.clone(), self.stream.clone(), group.clone());
        let places = tokio::task::spawn_blocking(move || disks.places(&stream, &of_group));
        for volume in places.await.map_err(|error| error.to_string())? {
            let disk = volume.disk().clone();
            if !volume.is_prompt() || self.refused.iter().any(|(refused, _)| *refused == disk) {
                continue;
            }
            let (own, made) = (volume.clone(), made.clone());
            let put = tokio::task::spawn_blocking(move || own.put_snapshot(&made.id, &made.jpeg));
            let why = match tokio::time::timeout(LONGEST_WRITE, put).await {
                Ok(Ok(Ok(()))) => return Ok(volume),
                Ok(Ok(Err(error))) => error.to_string(),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("not written within {} s", LONGEST_WRITE.as_secs()),
            };
            self.refused.push((disk, why));
        }
        let refused = self.refused.iter().map(|(disk, why)| format!("disk {disk}: {why}"));
        let refused: Vec<String> = refused.collect();
        let why = match refused.is_empty() {
            true => snapshots.deps.disks.why_none(&self.stream, &group),
            false => Some(refused.join("; ")),
        };
        let why = why.unwrap_or_else(|| "none answers in time".into());
        Err(format!("no disk of group {group} took the picture: {why}"))
    }
}
