//! Devices: asks now and then what the device under each disk says of itself, and tells when one
//! turns bad.
//!
//! A look may take as long as a device hangs. So each runs on a thread of its own, one at a time
//! is waited for, and none for long: neither the other disks nor recording notice.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::sync::oneshot;
use vigie_config::{Disk, DiskId, EventKind, Utc};
use vigie_storage::device::{DeviceReport, Health};

use crate::{
    disks::Disks,
    registry::{Event, Events},
    supervise::{ChildSpec, JobContext, worker_child},
};

/// Looks at what is under a folder; may hang.
pub type Probe = Arc<dyn Fn(&Path) -> DeviceReport + Send + Sync>;

/// How gently devices are asked.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// From one look at a disk to the next one.
    pub every: Duration,
    /// Between looks at different disks.
    pub between: Duration,
    /// So long a look is waited for.
    pub patience: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(30 * 60),
            between: Duration::from_secs(5),
            patience: Duration::from_secs(60),
        }
    }
}

/// What the device under a disk said, and when.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceSnapshot {
    pub looked_at: Utc,
    #[serde(flatten)]
    pub report: DeviceReport,
}

#[derive(Default)]
struct Known {
    device: Option<DeviceSnapshot>,
    /// `None`: the disk is not in use; it is looked at as soon as it is.
    due: Option<Instant>,
    /// A look has not returned yet.
    looking: bool,
    /// Its failing was told, and it has not been good since.
    told: bool,
}

/// What is known of all devices; outlives the actor that asks them.
pub struct Devices {
    probe: Probe,
    pace: Pace,
    known: Mutex<BTreeMap<DiskId, Known>>,
}

impl Devices {
    pub fn new(probe: Probe, pace: Pace) -> Arc<Self> {
        Arc::new(Self {
            probe,
            pace,
            known: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<DiskId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every disk that was looked at.
    pub fn snapshots(&self) -> BTreeMap<DiskId, DeviceSnapshot> {
        let known = self.lock();
        let seen = known
            .iter()
            .filter_map(|(id, one)| Some((id.clone(), one.device.clone()?)));
        seen.collect()
    }

    /// Takes over which disks there are (`true`: in use), and begins a look at the one that has
    /// waited longest.
    fn next(
        self: &Arc<Self>,
        disks: &[(Arc<Disk>, bool)],
        now: Instant,
    ) -> Option<(Arc<Disk>, Look, oneshot::Receiver<()>)> {
        let mut known = self.lock();
        known.retain(|id, one| one.looking || disks.iter().any(|(disk, _)| disk.id == *id));
        for (disk, in_use) in disks {
            let one = known.entry(disk.id.clone()).or_default();
            one.due = in_use.then(|| one.due.unwrap_or(now));
        }
        let waiting = disks.iter().filter_map(|(disk, _)| {
            let one = known.get(&disk.id)?;
            let due = one.due.filter(|due| *due <= now && !one.looking)?;
            Some((due, disk))
        });
        let (_, disk) = waiting.min_by_key(|(due, _)| *due)?;
        let one = known.entry(disk.id.clone()).or_default();
        one.looking = true;
        one.due = Some(now + self.pace.every);
        let (done, ended) = oneshot::channel();
        let look = Look {
            devices: self.clone(),
            disk: disk.id.clone(),
            _done: done,
        };
        Some((disk.clone(), look, ended))
    }

    fn learn(&self, disk: &DiskId, report: DeviceReport, events: &Events) {
        let mut known = self.lock();
        let Some(one) = known.get_mut(disk) else { return };
        let before = one.device.take();
        let report = match &before {
            Some(before) => report.with_sleepers_of(&before.report),
            None => report,
        };
        let (state, reasons) = (report.state, report.reasons.join("; "));
        one.device = Some(DeviceSnapshot {
            looked_at: Utc::now(),
            report,
        });
        let changed = before.is_none_or(|before| before.report.state != state);
        match state {
            Health::Failing if !one.told => {
                one.told = true;
                drop(known);
                tracing::error!(%disk, reasons, "the device under this disk fails");
                events.raise(Event::disk(EventKind::DiskFailing, disk.clone(), reasons));
            }
            Health::Good if one.told => {
                one.told = false;
                tracing::info!(%disk, "the device under this disk is well again");
            }
            Health::Warning if changed => {
                tracing::warn!(%disk, reasons, "the device under this disk is not as it should be")
            }
            Health::Unknown if changed => {
                tracing::info!(%disk, reasons, "the device under this disk does not say how it is")
            }
            _ => {}
        }
    }

    fn is_looking(&self, disk: &DiskId) -> bool {
        self.lock().get(disk).is_some_and(|one| one.looking)
    }
}

/// A look that goes on; ends when it is dropped, whatever happens to its thread.
struct Look {
    devices: Arc<Devices>,
    disk: DiskId,
    _done: oneshot::Sender<()>,
}

impl Drop for Look {
    fn drop(&mut self) {
        if let Some(one) = self.devices.lock().get_mut(&self.disk) {
            one.looking = false;
        }
    }
}

/// The devices as a child of the root.
pub(crate) fn devices_child(devices: Arc<Devices>, disks: Arc<Disks>, events: Events) -> ChildSpec {
    worker_child("devices", "devices", move |context| {
        let (devices, disks, events) = (devices.clone(), disks.clone(), events.clone());
        Box::pin(async move {
            loop {
                if let Some((disk, look, ended)) = devices.next(&disks.all(), Instant::now()) {
                    wait(&context, &disk, look, ended, &events).await;
                    context.node.publish(devices.snapshots());
                }
                if !context.pause(devices.pace.between).await {
                    return Ok(());
                }
            }
        })
    })
}

async fn wait(context: &JobContext, disk: &Arc<Disk>, look: Look, ended: oneshot::Receiver<()>, events: &Events) {
    let devices = look.devices.clone();
    let patience = devices.pace.patience;
    let (folder, told) = (disk.path.clone(), events.clone());
    // Not of the runtime's threads: those are waited for when it ends.
    let job = move || {
        let report = (look.devices.probe)(&folder);
        look.devices.learn(&look.disk, report, &told);
    };
    if let Err(error) = std::thread::Builder::new().name("device".into()).spawn(job) {
        tracing::error!(disk = %disk.id, %error, "no thread to look at the device under this disk");
        return;
    }
    tokio::select! {
        _ = ended => {}
        () = tokio::time::sleep(patience) => {
            if devices.is_looking(&disk.id) {
                let why = format!("it has not answered for {} s: look at its cables and the kernel's log", patience.as_secs());
                devices.learn(&disk.id, DeviceReport::unknown(why), events);
            }
        }
        () = context.stopping() => {}
    }
}
