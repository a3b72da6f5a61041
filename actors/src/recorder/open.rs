//! Storage and the log of events at the start, and what storage tells from then on.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use tokio::sync::{Notify, watch};
use vigie_config::{Config, DiskId, EventKind};
use vigie_storage::{
    Storage, StorageError, StorageFact, StorageOptions, Unsynced,
    events::{EventLog, EventLogLimits},
};

use crate::{
    cameras::Cameras,
    disks::{Disks, note_failure},
    recording,
    registry::{Event, Events},
};

pub(super) fn open_log(config: &Config) -> EventLog {
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
pub(super) type Rescue = Arc<OnceLock<(Arc<Disks>, Arc<Cameras>)>>;

pub(super) fn open_storage(
    config: &Config,
    failures: &watch::Sender<BTreeMap<DiskId, u64>>,
    low: &Arc<Notify>,
    rescue: &Rescue,
    events: &Events,
) -> Result<Arc<Storage>, StorageError> {
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
            StorageFact::VolumeFull { disk, oldest_goes } => {
                let follows = match oldest_goes {
                    true => "its oldest footage goes, as far as it may",
                    false => "nothing new is recorded there",
                };
                let text = format!("disk {disk} is full: {follows}");
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
    Storage::open(
        &config.server.state_dir,
        StorageOptions {
            facts,
            ..StorageOptions::default()
        },
    )
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
