//! Disks: an actor each, which brings its volume up, watches it, and brings it back.
//!
//! The volume's own threads write and sync; this actor only decides when to try again.

mod outage;
mod refusals;
mod standing;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;
use vigie_config::{CameraId, Disk, DiskId, ErrorKind, Kind, StreamId, Utc};
use vigie_storage::{Storage, StorageFact, Unsynced, Volume, VolumeError};

use outage::Outage;
use refusals::Refusals;
use standing::Trouble;
pub use standing::{DiskSnapshot, DiskState};

use crate::{
    registry::{Event, EventKind, Events},
    supervise::{ChildSpec, JobContext, JobError, worker_child},
};

/// A disk that came back is said to be back when it has been recorded on for so long.
const HELD: Duration = Duration::from_secs(10);
/// How often a running disk publishes its figures.
const LOOK: Duration = Duration::from_secs(2);

/// What is known of all disks: who is in which group, and which failed.
pub struct Disks {
    storage: Arc<Storage>,
    configured: Mutex<BTreeMap<DiskId, Arc<Disk>>>,
    /// Streams whose folder a disk has refused.
    refusals: Refusals,
    /// Why a disk is not in use; one that was never looked at has no entry.
    troubles: Mutex<BTreeMap<DiskId, Trouble>>,
    /// Groups of which it was told that no disk takes footage.
    told_none: Mutex<BTreeSet<String>>,
    /// Grows with every failure of any volume.
    failures: watch::Sender<BTreeMap<DiskId, u64>>,
}

impl Disks {
    pub fn new(storage: Arc<Storage>, failures: watch::Sender<BTreeMap<DiskId, u64>>) -> Arc<Self> {
        Arc::new(Self {
            storage,
            configured: Mutex::default(),
            refusals: Refusals::default(),
            troubles: Mutex::default(),
            told_none: Mutex::default(),
            failures,
        })
    }

    /// Adds a disk or changes its settings.
    pub fn configure(&self, disk: &Disk) {
        let mut all = self.configured.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(disk.id.clone(), Arc::new(disk.clone()));
    }

    pub fn forget(&self, disk: &DiskId) {
        self.configured
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(disk);
        self.note(disk, None);
    }

    /// The volume where this stream's next segment goes: always the same one of its camera's group
    /// while that is there, so that a camera's footage stays together; the others take over.
    pub fn place(&self, stream: &StreamId, group: &str) -> Option<Arc<Volume>> {
        let group = self.group(group);
        in_order(&stream.camera, &group)
            .filter(|disk| self.refusals.get(disk, stream).is_none())
            .find_map(|disk| {
                let volume = self.storage.volume(disk);
                volume.filter(|volume| !volume.has_failed() && !volume.is_full())
            })
    }

    /// This stream's folder on that disk takes no files: others take them, until a look finds that
    /// it does again. True: that is news.
    pub fn refuse(&self, disk: &DiskId, stream: &StreamId, why: &str) -> bool {
        self.refusals.add(disk, stream, why)
    }

    /// What a failed volume had not synced, and no other took, is missing: that time and no more.
    pub fn tell_loss(&self, lost: &Unsynced) {
        if let (Some(first), Some(last)) = (lost.fragments.first(), lost.fragments.last()) {
            self.storage.footage_lost(&lost.stream, first.start, last.end);
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

    fn failures_of(&self, disk: &DiskId) -> u64 {
        self.failures.borrow().get(disk).copied().unwrap_or(0)
    }
}

/// The disks of a group (by id) as a camera prefers them.
pub(crate) fn in_order<'a>(camera: &CameraId, group: &'a [DiskId]) -> impl Iterator<Item = &'a DiskId> + use<'a> {
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
        Box::pin(run(context, id.clone(), disks.clone(), events.clone()))
    })
}

async fn run(context: JobContext, id: DiskId, disks: Arc<Disks>, events: Events) -> Result<(), JobError> {
    let mut outage = Outage::default();
    loop {
        let disk = disks
            .configured
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned();
        let Some(disk) = disk else { return Ok(()) };
        let failures = disks.failures_of(&id);
        // A volume survives this actor: after a restart it is still there.
        let volume = match disks.storage.volume(&id) {
            Some(volume) => Ok(volume),
            None => add(&disks.storage, disk.clone()).await?,
        };
        let pause = match volume {
            Ok(_) => {
                disks.note(&id, None);
                let held = || {
                    let mut told_none = disks.told_none.lock().unwrap_or_else(PoisonError::into_inner);
                    told_none.remove(&disk.group);
                    drop(told_none);
                    if outage.held() {
                        tracing::info!(disk = %id, "disk is back");
                        events.raise(Event::disk(EventKind::DiskBack, id.clone(), "in use again"));
                    }
                };
                if watch_volume(&context, &id, &disks, failures, held).await {
                    // The volume stays: at shutdown it takes the last words of all streams first.
                    return Ok(());
                }
                let failure = disks.storage.volume(&id).and_then(|volume| volume.failure().cloned());
                let (trouble, slow) = match &failure {
                    Some(error) => (Trouble::while_recording(error), error.kind() == ErrorKind::Timeout),
                    None => (
                        Trouble::failed(&format!("disk {id}: the volume failed while recording")),
                        false,
                    ),
                };
                let alone = disks.why_none_at_all(&disk.group).is_some();
                let pause = outage.failed(slow, alone);
                tell(&mut outage, &id, &events, &trouble, &context);
                disks.note(&id, Some(trouble));
                // Takes its threads down (abandons hung ones) so that it can be added again.
                stop(&disks.storage, &id).await;
                pause
            }
            Err(error) => {
                let trouble = Trouble::of(&error);
                context.node.publish(serde_json::json!({
                    "state": trouble.state, "error": trouble.error, "kind": error.kind(),
                }));
                tell(&mut outage, &id, &events, &trouble, &context);
                disks.note(&id, Some(trouble));
                outage.absent()
            }
        };
        if let Some(why) = disks.why_none_at_all(&disk.group) {
            disks.raise_no_disk(&disk.group, why, &events);
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = context.stopping() => return Ok(()),
        }
    }
}

/// Repeats are told once.
fn tell(outage: &mut Outage, id: &DiskId, events: &Events, trouble: &Trouble, context: &JobContext) {
    let text = &trouble.error;
    if !outage.is_told(text) {
        tracing::error!(disk = %id, error = text, "disk is not in use");
        context.node.note_error(text);
    }
    if outage.note(trouble) {
        events.raise(Event::disk(trouble.event(), id.clone(), text.clone()));
    }
}

async fn add(storage: &Arc<Storage>, disk: Arc<Disk>) -> Result<Result<Arc<Volume>, VolumeError>, JobError> {
    let storage = storage.clone();
    Ok(tokio::task::spawn_blocking(move || storage.add_volume(&disk)).await?)
}

async fn stop(storage: &Arc<Storage>, id: &DiskId) {
    let (storage, id) = (storage.clone(), id.clone());
    if tokio::task::spawn_blocking(move || storage.remove_volume(&id))
        .await
        .is_err()
    {
        tracing::error!("removing a volume panicked");
    }
}

/// Publishes figures until the volume fails (`false`) or this actor is asked to stop (`true`);
/// from [`HELD`] on calls `held` with each look.
async fn watch_volume(
    context: &JobContext,
    id: &DiskId,
    disks: &Arc<Disks>,
    failures: u64,
    mut held: impl FnMut(),
) -> bool {
    let mut failed = disks.failures.subscribe();
    let begin = Instant::now();
    loop {
        if begin.elapsed() >= HELD {
            held();
        }
        if let Some(snapshot) = disks.storage.volumes().into_iter().find(|v| v.disk == *id) {
            context.node.publish(&snapshot);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = context.stopping() => return true,
            gone = failed.wait_for(|all| all.get(id).copied().unwrap_or(0) > failures) => {
                return gone.is_err();
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
