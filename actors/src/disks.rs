//! Disks: an actor each, which brings its volume up, watches it, and brings it back.
//!
//! The volume's own threads write and sync; [`life`] decides, this actor only carries it out.

#[cfg(test)]
mod fixture;
mod life;
mod outage;
mod placement;
mod refusals;
mod rescues;
mod service;
mod standing;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;
use vigie_config::{Disk, DiskId, EventKind, StreamId, Utc};
use vigie_storage::{Storage, StorageFact, Unsynced, Volume, VolumeError};

#[cfg(test)]
pub(crate) use fixture::plain_disk;
pub use life::{DiskState, state_of};
use life::{Happened, Life, Order, Trouble};
pub use placement::{Assignment, assignment, placement_child};
use refusals::Refusals;
use rescues::Rescues;
use service::Service;
pub use service::ServiceError;
pub use standing::DiskSnapshot;

use crate::{
    registry::{Event, Events},
    supervise::{ChildSpec, JobContext, JobError, worker_child},
};

/// A disk that came back is said to be back when it has been recorded on for so long.
const HELD: Duration = Duration::from_secs(10);
/// A full disk is used again when it has so much room (bytes), or its `keep_free` where that is less.
const LITTLE: u64 = 64 << 20;
/// How often a running disk publishes its figures.
const LOOK: Duration = Duration::from_secs(2);

/// What is known of all disks: who is in which group, and which failed.
pub struct Disks {
    storage: Arc<Storage>,
    configured: Mutex<BTreeMap<DiskId, Arc<Disk>>>,
    /// Which disk each camera's footage goes to.
    assigned: Mutex<Assignment>,
    /// Streams whose folder a disk has refused.
    refusals: Refusals,
    service: Service,
    /// Why a disk is not in use; one that was never looked at has no entry.
    troubles: Mutex<BTreeMap<DiskId, Trouble>>,
    /// Groups of which it was told that no disk takes footage.
    told_none: Mutex<BTreeSet<String>>,
    pub(crate) rescues: Arc<Rescues>,
    /// Grows with every failure of any volume.
    failures: watch::Sender<BTreeMap<DiskId, u64>>,
}

impl Disks {
    pub fn new(storage: Arc<Storage>, failures: watch::Sender<BTreeMap<DiskId, u64>>) -> Arc<Self> {
        Arc::new(Self {
            storage,
            configured: Mutex::default(),
            assigned: Mutex::default(),
            refusals: Refusals::default(),
            service: Service::default(),
            troubles: Mutex::default(),
            told_none: Mutex::default(),
            rescues: Arc::default(),
            failures,
        })
    }

    /// Adds a disk or changes its settings.
    pub fn configure(&self, disk: &Disk) {
        self.service.set_retired(&disk.id, self.storage.is_retired(&disk.id));
        let mut all = self.configured.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(disk.id.clone(), Arc::new(disk.clone()));
    }

    pub fn forget(&self, disk: &DiskId) {
        self.configured
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(disk);
        self.service.take_back(disk);
        self.unassign(disk);
        self.note(disk, None);
    }

    fn configured(&self, disk: &DiskId) -> Option<Arc<Disk>> {
        let all = self.configured.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(disk).cloned()
    }

    /// The volume where this stream's next segment goes: its camera's own one while that is there,
    /// so that a camera's footage stays together; the others of the group take over.
    pub fn place(&self, stream: &StreamId, group: &str) -> Option<Arc<Volume>> {
        self.places(stream, group).into_iter().next()
    }

    /// As [`Disks::place`], and who takes over, in order.
    pub fn places(&self, stream: &StreamId, group: &str) -> Vec<Arc<Volume>> {
        let group = self.group(group);
        let own = self.assigned(&stream.camera, &group);
        let others = in_order(&stream.camera, &group).filter(|disk| own.as_ref() != Some(disk));
        let disks = own.iter().chain(others);
        let in_service =
            disks.filter(|disk| self.refusals.get(disk, stream).is_none() && !self.service.is_retired(disk));
        let volumes = in_service.filter_map(|disk| self.storage.volume(disk));
        volumes
            .filter(|volume| !volume.has_failed() && !volume.is_full())
            .collect()
    }

    /// This stream's folder on that disk takes no files: others take them, until a look finds that
    /// it does again. True: that is news.
    pub fn refuse(&self, disk: &DiskId, stream: &StreamId, why: &str) -> bool {
        self.refusals.add(disk, stream, why)
    }

    /// What a failed volume had not synced, and no other took, is missing: that time and no more.
    pub fn tell_loss(&self, lost: &Unsynced) {
        if let Some((from, to)) = lost.missing() {
            self.storage.footage_lost(&lost.stream, from, to);
        }
    }

    /// Told once, until a disk of the group is there again.
    fn raise_no_disk(&self, group: &str, why: String, events: &Events) {
        let mut told = self.told_none.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(group.to_owned()) {
            drop(told);
            tracing::error!(group, why, "no disk takes footage");
            events.raise(Event::house(EventKind::NoDisk, why));
        }
    }

    fn there_is_one(&self, group: &str) {
        let mut told = self.told_none.lock().unwrap_or_else(PoisonError::into_inner);
        told.remove(group);
    }

    fn failures_of(&self, disk: &DiskId) -> u64 {
        self.failures.borrow().get(disk).copied().unwrap_or(0)
    }
}

/// The disks of a group (by id) in the order in which they stand in for a camera's own one.
fn in_order<'a>(camera: &vigie_config::CameraId, group: &'a [DiskId]) -> impl Iterator<Item = &'a DiskId> + use<'a> {
    let hash = |h: usize, b: u8| h.wrapping_mul(31).wrapping_add(usize::from(b));
    let at = camera.as_str().bytes().fold(0usize, hash);
    (0..group.len()).filter_map(move |n| group.get((at.wrapping_add(n)) % group.len()))
}

/// Counts failures as storage tells them; the disk's actor sees the count grow.
pub fn note_failure(failures: &watch::Sender<BTreeMap<DiskId, u64>>, fact: &StorageFact) {
    if let StorageFact::VolumeFailed { disk, .. } = fact {
        failures.send_modify(|all| *all.entry(disk.clone()).or_default() += 1);
    }
}

/// A disk as a child of `disks`.
pub fn disk_child(disk: &Disk, disks: Arc<Disks>, events: Events) -> ChildSpec {
    let id = disk.id.clone();
    worker_child(format!("disk.{id}"), "disk", move |context| {
        let actor = Actor {
            life: Life::new(id.clone()),
            id: id.clone(),
            disks: disks.clone(),
            events: events.clone(),
            held: false,
            released_at: None,
        };
        Box::pin(actor.run(context))
    })
}

struct Actor {
    id: DiskId,
    disks: Arc<Disks>,
    events: Events,
    life: Life,
    /// It has been in use for [`HELD`].
    held: bool,
    /// What lay at the path when the disk was released.
    released_at: Option<(u64, u64)>,
}

impl Actor {
    async fn run(mut self, context: JobContext) -> Result<(), JobError> {
        let mut order = match self.disks.service.is_released(&self.id) {
            true => self.life.on(Happened::ToRelease).order,
            false => Order::Open,
        };
        loop {
            let Some(disk) = self.disks.configured(&self.id) else {
                return Ok(());
            };
            let step = match order {
                Order::Open => self.open(&disk).await?,
                Order::Watch => {
                    match watch_volume(&context, &self.id, &disk.group, &self.disks, &self.events, self.held).await {
                        Watched::Stopping => return Ok(()),
                        Watched::Released => self.life.on(Happened::ToRelease),
                        Watched::Held => {
                            self.held = true;
                            if self.disks.why_none_at_all(&disk.group).is_none() {
                                self.disks.there_is_one(&disk.group);
                            }
                            self.life.on(Happened::Held)
                        }
                        Watched::Failed => {
                            let volume = self.disks.storage.volume(&self.id);
                            let failure = volume.and_then(|volume| volume.failure().cloned());
                            self.life.on(Happened::Failed {
                                error: failure.as_ref(),
                                alone: self.disks.why_none_at_all(&disk.group).is_some(),
                            })
                        }
                    }
                }
                Order::Close => {
                    self.close(&disk).await?;
                    self.life.on(Happened::Closed)
                }
                Order::Rest(rest) => {
                    let mut releases = self.disks.service.releases();
                    releases.mark_unchanged();
                    if self.disks.service.is_released(&self.id) == self.life.is_released() {
                        tokio::select! {
                            () = tokio::time::sleep(rest) => {}
                            _ = releases.changed() => {}
                            () = context.stopping() => return Ok(()),
                        }
                    }
                    self.rested(&disk).await?
                }
            };
            if let Some(error) = step.error {
                match self.life.is_released() {
                    true => tracing::info!(disk = %self.id, why = error, "disk is not in use"),
                    false => tracing::error!(disk = %self.id, error, "disk is not in use"),
                }
                context.node.note_error(&error);
            }
            if let Some((kind, text)) = step.event {
                if kind == EventKind::DiskBack {
                    tracing::info!(disk = %self.id, "disk is back");
                }
                self.events.raise(Event::disk(kind, self.id.clone(), text));
            }
            if let Some(trouble) = self.life.trouble() {
                context
                    .node
                    .publish(serde_json::json!({ "state": trouble.state, "error": trouble.error }));
            }
            // A released disk is that when it is closed.
            if !(step.order == Order::Close && self.life.is_released()) {
                self.disks.note(&self.id, self.life.trouble().cloned());
            }
            if matches!(step.order, Order::Rest(_))
                && let Some(why) = self.disks.why_none_at_all(&disk.group)
            {
                self.disks.raise_no_disk(&disk.group, why, &self.events);
            }
            order = step.order;
        }
    }

    async fn open(&mut self, disk: &Arc<Disk>) -> Result<life::Step, JobError> {
        // A volume survives this actor: after a restart it is still there.
        let volume = match self.disks.storage.volume(&self.id) {
            Some(volume) => Ok(volume),
            None => {
                self.disks.rescues.over(&self.id).await;
                add(&self.disks.storage, disk.clone()).await?
            }
        };
        Ok(match volume {
            Ok(_) => {
                self.held = false;
                self.life.on(Happened::Opened)
            }
            Err(error) => self.life.on(Happened::NotOpened(&error)),
        })
    }

    /// Takes the volume's threads down (abandons hung ones) so that it can be added again.
    async fn close(&mut self, disk: &Arc<Disk>) -> Result<(), JobError> {
        let (storage, disk) = (self.disks.storage.clone(), disk.clone());
        let why = self
            .life
            .trouble()
            .map(|trouble| trouble.error.clone())
            .unwrap_or_default();
        let released = self.life.is_released();
        let closed = tokio::task::spawn_blocking(move || {
            storage.close_volume(&disk.id, why);
            // One that hangs would hang here too.
            let answers = released && !storage.is_hanging(&disk.path);
            answers.then(|| service::place_of(&disk.path)).flatten()
        });
        self.released_at = closed.await?;
        Ok(())
    }

    async fn rested(&mut self, disk: &Arc<Disk>) -> Result<life::Step, JobError> {
        let wanted = self.disks.service.is_released(&self.id);
        if !self.life.is_released() {
            return Ok(match wanted {
                true => self.life.on(Happened::ToRelease),
                false => {
                    let room = !self.life.is_full() || self.has_room(disk).await?;
                    self.life.on(Happened::Rested { room })
                }
            });
        }
        let (storage, path) = (self.disks.storage.clone(), disk.path.clone());
        let look = move || (!storage.is_hanging(&path)).then(|| service::place_of(&path));
        let seen = tokio::task::spawn_blocking(look).await?;
        let pulled = seen.is_some_and(|place| place != self.released_at);
        if pulled {
            self.disks.service.take_back(&self.id);
        }
        Ok(self.life.on(match pulled || !wanted {
            true => Happened::NotReleased,
            false => Happened::Rested { room: true },
        }))
    }

    /// Opening a disk without any would only end in another failure.
    async fn has_room(&self, disk: &Arc<Disk>) -> Result<bool, JobError> {
        let (storage, disk) = (self.disks.storage.clone(), disk.clone());
        let enough = LITTLE.min(disk.keep_free_bytes);
        // What cannot be looked at says why when it is opened.
        let look =
            move || storage.is_hanging(&disk.path) || service::free_at(&disk.path).is_none_or(|free| free >= enough);
        Ok(tokio::task::spawn_blocking(look).await?)
    }
}

async fn add(storage: &Arc<Storage>, disk: Arc<Disk>) -> Result<Result<Arc<Volume>, VolumeError>, JobError> {
    let storage = storage.clone();
    Ok(tokio::task::spawn_blocking(move || storage.add_volume(&disk)).await?)
}

/// What came of watching a disk.
enum Watched {
    /// It has been in use for [`HELD`].
    Held,
    Failed,
    Released,
    /// The volume stays: at shutdown it takes the last words of all streams first.
    Stopping,
}

/// Publishes figures meanwhile.
async fn watch_volume(
    context: &JobContext,
    id: &DiskId,
    group: &str,
    disks: &Arc<Disks>,
    events: &Events,
    held: bool,
) -> Watched {
    let begin = Instant::now();
    let mut failed = disks.failures.subscribe();
    let mut releases = disks.service.releases();
    let failures = disks.failures_of(id);
    loop {
        if disks.storage.volume(id).is_none_or(|volume| volume.has_failed()) {
            return Watched::Failed;
        }
        if let Some(why) = disks.why_none_at_all(group) {
            disks.raise_no_disk(group, why, events);
        }
        if !held && begin.elapsed() >= HELD {
            return Watched::Held;
        }
        if let Some(snapshot) = disks.snapshot(id) {
            context.node.publish(&snapshot);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = context.stopping() => return Watched::Stopping,
            released = releases.wait_for(|all| all.contains(id)) => {
                return match released {
                    Ok(_) => Watched::Released,
                    Err(_) => Watched::Stopping,
                };
            }
            gone = failed.wait_for(|all| all.get(id).copied().unwrap_or(0) > failures) => {
                return match gone {
                    Ok(_) => Watched::Failed,
                    Err(_) => Watched::Stopping,
                };
            }
        }
        try_refused(disks, id).await;
    }
}

/// Looks whether the folders that refused files take them again.
async fn try_refused(disks: &Arc<Disks>, id: &DiskId) {
    let refused = disks.refusals.of(id);
    let Some(volume) = disks
        .storage
        .volume(id)
        .filter(|volume| !refused.is_empty() && volume.is_prompt())
    else {
        return;
    };
    let disks = disks.clone();
    let look = move || {
        for stream in refused {
            if volume.try_stream(&stream, Utc::now()).is_ok() {
                tracing::info!(%stream, disk = %volume.disk(), "this stream's folder takes footage again");
                disks.refusals.remove(volume.disk(), &stream);
            }
        }
    };
    if tokio::task::spawn_blocking(look).await.is_err() {
        tracing::error!(disk = %id, "looking at folders panicked");
    }
}
