//! The walk over stored pictures from the newest back: reads folder by folder only as far as a page
//! asks.

use std::{
    collections::BinaryHeap,
    path::{Path, PathBuf},
};

use ulid::Ulid;
use vigie_config::{CameraId, DiskId, Utc};

use super::{SnapshotId, is_whole};
use crate::{
    file::{ReadAt, Root},
    layout,
    shelf::{Shelf, shelves_on},
    volume::Volume,
};

const DAY_US: i64 = 86_400_000_000;
const HOUR_US: i64 = 3_600_000_000;

/// Which pictures; all of these must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Empty: of any camera.
    pub cameras: Vec<CameraId>,
    /// Shown in [`from`, `to`).
    pub from: Utc,
    pub to: Utc,
    pub event: Option<Ulid>,
    /// Older than this one: the last of the page before.
    pub before: Option<SnapshotId>,
    pub limit: usize,
}

/// A picture that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub id: SnapshotId,
    pub disk: DiskId,
    pub bytes: u64,
}

impl Query {
    fn wants(&self, id: &SnapshotId) -> bool {
        let event = self.event.is_none() || id.event == self.event;
        let before = self.before.as_ref().is_none_or(|before| id < before);
        event && before && (self.from..self.to).contains(&id.at)
    }

    /// Does [`begin`, `begin` + `length_us`) hold any?
    fn touches(&self, begin: Utc, length_us: i64) -> bool {
        let newest = self.before.as_ref().map_or(Utc::MAX, |before| before.at);
        begin < self.to && begin <= newest && begin.plus_micros(length_us) > self.from
    }
}

/// One camera on one volume, newest first.
struct Walk<'a> {
    volume: &'a Volume,
    query: &'a Query,
    camera: CameraId,
    /// The newest is the last.
    days: Vec<(Utc, PathBuf)>,
    hours: Vec<PathBuf>,
    ids: Vec<SnapshotId>,
}

impl<'a> Walk<'a> {
    fn new(volume: &'a Volume, camera: CameraId, query: &'a Query) -> Self {
        let dir = layout::snapshots_dir(&camera);
        let days = folders(volume.root(), &dir).into_iter().filter_map(|name| {
            let day = layout::parse_day(&name)?;
            query.touches(day, DAY_US).then(|| (day, dir.join(&name)))
        });
        Walk {
            days: days.collect(),
            volume,
            query,
            camera,
            hours: Vec::new(),
            ids: Vec::new(),
        }
    }

    fn read_hour(&mut self, hour: &Path) {
        let names = match self.volume.root().list(hour) {
            Ok(names) => names,
            Err(error) => return unreadable(hour, &error),
        };
        let ids = names
            .iter()
            .filter_map(|entry| SnapshotId::of_name(&self.camera, &entry.name));
        self.ids = ids.filter(|id| self.query.wants(id)).collect();
        self.ids.sort();
    }

    fn next(&mut self) -> Option<SnapshotId> {
        loop {
            if let Some(id) = self.ids.pop() {
                return Some(id);
            }
            if let Some(hour) = self.hours.pop() {
                self.read_hour(&hour);
                continue;
            }
            let (day, dir) = self.days.pop()?;
            let hours = folders(self.volume.root(), &dir).into_iter().filter_map(|name| {
                let begin = day.plus_micros(i64::from(layout::parse_hour(&name)?) * HOUR_US);
                self.query.touches(begin, HOUR_US).then(|| dir.join(&name))
            });
            self.hours = hours.collect();
        }
    }
}

fn folders(root: &Root, dir: &Path) -> Vec<String> {
    match root.list(dir) {
        Ok(entries) => entries.into_iter().filter(|e| e.is_dir).map(|e| e.name).collect(),
        Err(error) => {
            unreadable(dir, &error);
            Vec::new()
        }
    }
}

fn unreadable(dir: &Path, error: &std::io::Error) {
    tracing::warn!(path = %dir.display(), %error, "a folder of snapshots cannot be read");
}

/// Its length; `None`: a power cut left only a part of it.
fn length(volume: &Volume, id: &SnapshotId) -> Option<u64> {
    let file = volume.root().open_read(&id.path()).ok()?;
    let length = file.len().ok()?;
    let mut ends = [0; 4];
    let (first, last) = ends.split_at_mut(2);
    file.read_full_at(first, 0).ok()?;
    file.read_full_at(last, length.checked_sub(2)?).ok()?;
    is_whole(&ends).then_some(length)
}

/// A page, newest first; what two volumes have is there once.
pub(crate) fn newest_first(volumes: &[&Volume], query: &Query, sees: impl Fn(&CameraId) -> bool) -> Vec<Stored> {
    let mut walks = Vec::new();
    for volume in volumes {
        let shelves = shelves_on(volume.root()).unwrap_or_else(|error| {
            unreadable(volume.path(), &error);
            Vec::new()
        });
        for shelf in shelves {
            if let Shelf::Snapshots(camera) = shelf
                && (query.cameras.is_empty() || query.cameras.contains(&camera))
                && sees(&camera)
            {
                walks.push(Walk::new(volume, camera, query));
            }
        }
    }
    let mut heads: BinaryHeap<(SnapshotId, usize)> = BinaryHeap::new();
    for (number, walk) in walks.iter_mut().enumerate() {
        heads.extend(walk.next().map(|id| (id, number)));
    }
    let mut page: Vec<Stored> = Vec::new();
    while page.len() < query.limit
        && let Some((id, number)) = heads.pop()
    {
        let Some(walk) = walks.get_mut(number) else { continue };
        heads.extend(walk.next().map(|next| (next, number)));
        if page.last().is_some_and(|last| last.id == id) {
            continue;
        }
        if let Some(bytes) = length(walk.volume, &id) {
            let disk = walk.volume.disk().clone();
            page.push(Stored { id, disk, bytes });
        }
    }
    page
}
