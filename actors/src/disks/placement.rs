//! Which disk of its group each camera's footage goes to: a camera stays with its disk, so that
//! what belongs together lies together, and the disks of a group fill evenly.
//!
//! Pure but for [`assignment`] and the actor, which gather the figures.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use vigie_config::{CameraId, Config, DiskId, StreamId, Utc};
use vigie_storage::{Storage, VolumeState};

use super::Disks;
use crate::{
    capacity,
    recorder::Recorder,
    supervise::{ChildSpec, worker_child},
};

pub type Assignment = BTreeMap<CameraId, DiskId>;

/// How often the disks are weighed against each other.
const EVERY: Duration = Duration::from_secs(600);
/// A disk may fill so much faster than the slowest of its group before a camera moves.
const TOLERANCE: f64 = 1.25;
/// A camera of which nothing is known yet weighs as much as one of these, bytes per second.
const UNKNOWN: f64 = 500_000.0;

/// A disk as placement sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Room {
    /// What footage may take there, bytes.
    pub usable: f64,
}

/// Assigns every camera (with its rate, bytes per second) of one group to one of its disks. One
/// that has a disk keeps it, unless the disks fill too unevenly. Pure.
pub fn assign(cameras: &BTreeMap<CameraId, f64>, disks: &BTreeMap<DiskId, Room>, before: &Assignment) -> Assignment {
    let mut found: Assignment = before
        .iter()
        .filter(|(camera, disk)| cameras.contains_key(*camera) && disks.contains_key(*disk))
        .map(|(camera, disk)| (camera.clone(), disk.clone()))
        .collect();
    let mut new: Vec<(&CameraId, f64)> = cameras
        .iter()
        .filter(|(camera, _)| !found.contains_key(*camera))
        .map(|(camera, rate)| (camera, *rate))
        .collect();
    new.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    for (camera, rate) in new {
        let loads = loads(cameras, disks, &found);
        let after =
            |disk: &DiskId, room: &Room| (loads.get(disk).copied().unwrap_or(0.0) * room.usable + rate) / room.usable;
        let best = disks.iter().min_by(|a, b| after(a.0, a.1).total_cmp(&after(b.0, b.1)));
        found.extend(best.map(|(disk, _)| (camera.clone(), disk.clone())));
    }
    // One move for each camera at most: it ends.
    for _ in 0..cameras.len() {
        match even_out(cameras, disks, &found) {
            Some((camera, disk)) => drop(found.insert(camera, disk)),
            None => break,
        }
    }
    found
}

/// Rate for each byte of room: what makes a disk turn over faster than another.
fn loads(cameras: &BTreeMap<CameraId, f64>, disks: &BTreeMap<DiskId, Room>, now: &Assignment) -> BTreeMap<DiskId, f64> {
    let mut all: BTreeMap<DiskId, f64> = disks.keys().map(|disk| (disk.clone(), 0.0)).collect();
    for (camera, disk) in now {
        let (rate, room) = (cameras.get(camera), disks.get(disk));
        if let (Some(load), Some(rate), Some(room)) = (all.get_mut(disk), rate, room) {
            *load += rate / room.usable;
        }
    }
    all
}

/// The move from the fullest disk that makes the fuller of both as empty as can be; none where
/// they are even enough, or no move makes it better.
fn even_out(
    cameras: &BTreeMap<CameraId, f64>,
    disks: &BTreeMap<DiskId, Room>,
    now: &Assignment,
) -> Option<(CameraId, DiskId)> {
    let loads = loads(cameras, disks, now);
    let by_load = |a: &(&DiskId, &f64), b: &(&DiskId, &f64)| a.1.total_cmp(b.1);
    let (fullest, most) = loads.iter().max_by(by_load)?;
    let (emptiest, least) = loads.iter().min_by(by_load)?;
    if *most <= *least * TOLERANCE {
        return None;
    }
    let (from, to) = (disks.get(fullest)?, disks.get(emptiest)?);
    let moved = now
        .iter()
        .filter(|(_, disk)| *disk == fullest)
        .filter_map(|(camera, _)| {
            let rate = cameras.get(camera)?;
            let after = (most - rate / from.usable).max(least + rate / to.usable);
            (after * 1.05 < *most).then_some((camera, after))
        });
    let (camera, _) = moved.min_by(|a, b| a.1.total_cmp(&b.1))?;
    Some((camera.clone(), emptiest.clone()))
}

/// What the cameras and disks of the configuration come to; `before`: where they are now, or the
/// disk that has their newest footage. Reads the index.
pub fn assignment(config: &Config, storage: &Storage, before: &Assignment, now: Utc) -> Assignment {
    let volumes = storage.volumes();
    let groups: BTreeSet<&str> = config.disks.iter().map(|disk| disk.group.as_str()).collect();
    let mut all = Assignment::new();
    for group in groups {
        let in_group = config.disks.iter().filter(|disk| disk.group == group);
        let usable = in_group
            .filter(|disk| !storage.is_retired(&disk.id))
            .filter_map(|disk| {
                let volume = volumes.iter().find(|volume| volume.disk == disk.id)?;
                (volume.state != VolumeState::Failed).then(|| (disk.id.clone(), capacity::usable(disk, volume)))
            });
        let mut disks: BTreeMap<DiskId, Room> = usable
            .map(|(disk, bytes)| {
                let usable = (bytes as f64).max(1.0);
                (disk, Room { usable })
            })
            .collect();
        // One that is not there for a while keeps its cameras.
        let average = disks.values().map(|room| room.usable).sum::<f64>() / disks.len().max(1) as f64;
        for disk in config.disks.iter().filter(|disk| disk.group == group) {
            if !disks.contains_key(&disk.id) && !storage.is_retired(&disk.id) {
                let usable = average.max(1.0);
                disks.insert(disk.id.clone(), Room { usable });
            }
        }
        let recorded = config.cameras.iter().filter(|camera| camera.disk_group == group);
        let recorded = recorded.filter(|camera| camera.enabled && camera.record.is_ever());
        let cameras: BTreeMap<CameraId, f64> = recorded
            .map(|camera| {
                let streams = camera.record.streams();
                let ids = streams.map(|stream| StreamId::new(camera.id.clone(), stream));
                let rates: Vec<f64> = ids.filter_map(|id| capacity::rate(storage, &id, now)).collect();
                let rate = if rates.is_empty() { UNKNOWN } else { rates.iter().sum() };
                (camera.id.clone(), rate)
            })
            .collect();
        let mut known = before.clone();
        for camera in cameras.keys() {
            if !known.contains_key(camera) {
                let newest = storage.newest_footage_on(camera);
                known.extend(newest.map(|disk| (camera.clone(), disk)));
            }
        }
        all.extend(assign(&cameras, &disks, &known));
    }
    all
}

impl Disks {
    fn assignment(&self) -> MutexGuard<'_, Assignment> {
        self.assigned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The camera's own disk. One that has none yet (it was added a moment ago) gets the one with
    /// the fewest cameras.
    pub(super) fn assigned(&self, camera: &CameraId, group: &[DiskId]) -> Option<DiskId> {
        let known = self.assignment().get(camera).cloned();
        if let Some(disk) = known.filter(|disk| group.contains(disk)) {
            return Some(disk);
        }
        if group.iter().all(|disk| self.service.is_retired(disk)) {
            return None;
        }
        let newest = self
            .storage
            .newest_footage_on(camera)
            .filter(|disk| group.contains(disk));
        let mut all = self.assignment();
        let cameras = |disk: &&DiskId| all.values().filter(|assigned| assigned == disk).count();
        let in_service = group.iter().filter(|disk| !self.service.is_retired(disk));
        let disk = newest
            .filter(|disk| !self.service.is_retired(disk))
            .or_else(|| in_service.min_by_key(cameras).cloned())?;
        all.insert(camera.clone(), disk.clone());
        Some(disk)
    }

    /// Its cameras go elsewhere from their next segment on.
    pub(super) fn unassign(&self, disk: &DiskId) {
        self.assignment().retain(|_, assigned| assigned != disk);
    }

    /// Where every camera's footage goes.
    pub fn assignments(&self) -> Assignment {
        self.assignment().clone()
    }

    fn weigh(&self, config: &Config) {
        let before = self.assignments();
        let after = assignment(config, &self.storage, &before, Utc::now());
        for (camera, disk) in &after {
            if let Some(from) = before.get(camera).filter(|from| *from != disk) {
                tracing::info!(%camera, %from, to = %disk, "this camera is recorded on another disk from its next segment on: so the disks fill evenly");
            }
        }
        *self.assignment() = after;
    }
}

/// Weighs the disks now and then, as a child of the root.
pub fn placement_child(recorder: Arc<Recorder>) -> ChildSpec {
    worker_child("placement", "placement", move |context| {
        let recorder = recorder.clone();
        Box::pin(async move {
            loop {
                if !context.pause(EVERY).await {
                    return Ok(());
                }
                let own = recorder.clone();
                tokio::task::spawn_blocking(move || own.deps.disks.weigh(&own.config())).await?;
                context
                    .node
                    .publish(serde_json::json!({ "cameras": recorder.deps.disks.assignments().len() }));
            }
        })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cameras(rates: &[f64]) -> BTreeMap<CameraId, f64> {
        let named = rates.iter().enumerate();
        named
            .map(|(n, rate)| (CameraId::new(&format!("c{n:02}")).unwrap(), *rate))
            .collect()
    }

    fn disks(rooms: &[f64]) -> BTreeMap<DiskId, Room> {
        let named = rooms.iter().enumerate();
        named
            .map(|(n, usable)| (DiskId::new(&format!("d{n}")).unwrap(), Room { usable: *usable }))
            .collect()
    }

    fn disk(n: usize) -> DiskId {
        DiskId::new(&format!("d{n}")).unwrap()
    }

    #[test]
    fn a_disk_twice_as_large_takes_twice_as_much() {
        let found = assign(&cameras(&[1.0; 9]), &disks(&[100.0, 200.0]), &Assignment::new());
        assert_eq!(found.values().filter(|d| **d == disk(0)).count(), 3);
        assert_eq!(found.len(), 9);
    }

    #[test]
    fn a_new_disk_takes_over_its_share_and_no_more_cameras_move_than_must() {
        let (all, one) = (cameras(&[1.0; 8]), disks(&[100.0]));
        let before = assign(&all, &one, &Assignment::new());
        let after = assign(&all, &disks(&[100.0, 100.0]), &before);
        let moved = after.iter().filter(|(camera, disk)| before.get(*camera) != Some(disk));
        assert_eq!(moved.count(), 4);
    }

    #[test]
    fn a_small_difference_moves_nobody() {
        let all = cameras(&[1.0, 1.0, 1.0, 1.1]);
        let before: Assignment = all.keys().cloned().zip([0, 0, 1, 1].map(disk)).collect();
        assert_eq!(assign(&all, &disks(&[100.0, 100.0]), &before), before);
    }

    #[test]
    fn without_a_disk_nobody_has_one() {
        assert!(assign(&cameras(&[1.0]), &disks(&[]), &Assignment::new()).is_empty());
    }

    proptest! {
        /// Everyone has a disk that is there; doing it again changes nothing; no disk carries more
        /// than the tolerance, unless one camera alone is that large.
        #[test]
        fn even_and_settled(
            rates in prop::collection::vec(1.0f64..100.0, 1..40),
            rooms in prop::collection::vec(10.0f64..1000.0, 1..6),
            earlier in prop::collection::vec(0usize..8, 40),
        ) {
            let (cameras, disks) = (cameras(&rates), disks(&rooms));
            let before: Assignment = cameras.keys().cloned().zip(earlier.into_iter().map(disk)).collect();
            let found = assign(&cameras, &disks, &before);
            prop_assert_eq!(found.len(), cameras.len());
            prop_assert!(found.values().all(|disk| disks.contains_key(disk)));
            let settled = assign(&cameras, &disks, &found);
            let better = even_out(&cameras, &disks, &found);
            prop_assert!(better.is_some() || settled == found);
        }
    }
}
