//! How long the disks last: by the rates at which footage was recorded during the last day.
//! Pure but for [`capacity`], which gathers the figures.

pub mod meter;
pub mod room;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Serialize;
use vigie_config::{Config, Disk, DiskId, StreamId, Utc, When};
use vigie_storage::{Storage, VolumeSnapshot, VolumeState};

use crate::disks::Assignment;

/// Over so much time rates are measured.
const WINDOW: Duration = Duration::from_secs(24 * 3600);
/// A stream with less footage than this has no rate yet.
const ENOUGH: Duration = Duration::from_secs(10);
const DAY_SECONDS: f64 = 86_400.0;

/// `GET /api/v1/system/capacity`, one for each disk group.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct GroupCapacity {
    pub group: String,
    /// Disks in use.
    pub disks: Vec<String>,
    /// Disks of the configuration that are not: what they hold does not count.
    pub absent: Vec<String>,
    /// What footage may take: what there is, and what is free beyond `keep_free`, within `max_size`.
    pub usable_bytes: u64,
    pub footage_bytes: u64,
    /// Sum over the recorded streams that have a rate, bits per second while recorded.
    pub bitrate_bps: u64,
    /// Streams in that sum.
    pub streams: usize,
    /// Streams that are to be recorded and have no rate yet (`camera/stream`).
    pub unmeasured: Vec<String>,
    /// Days of footage that there is room for, on the disk that lasts shortest; null without a rate.
    pub days: Option<f64>,
    /// When the oldest footage begins to go for want of room; null without a rate.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub full_at: Option<Utc>,
    /// Room that `wanted_days` take; null unless asked for.
    pub needed_bytes: Option<u64>,
}

/// Room on one disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Room {
    footage: u64,
    free: u64,
    keep_free: u64,
    max_size: Option<u64>,
}

impl Room {
    fn usable(self) -> u64 {
        let all = self.footage.saturating_add(self.free.saturating_sub(self.keep_free));
        self.max_size.map_or(all, |max| all.min(max))
    }
}

impl Room {
    fn of(disk: &Disk, volume: &VolumeSnapshot) -> Room {
        Room {
            footage: volume.footage_bytes,
            free: volume.free_bytes,
            keep_free: disk.keep_free_bytes,
            max_size: disk.max_size_bytes,
        }
    }
}

/// What footage may take on a disk, bytes.
pub fn usable(disk: &Disk, volume: &VolumeSnapshot) -> u64 {
    Room::of(disk, volume).usable()
}

/// Bytes per second.
type Rate = f64;

/// `disks`: the room on each, and what its cameras write; `streams`: how many those are.
fn reckon(disks: &[(Room, Rate)], streams: usize, wanted_days: Option<f64>, now: Utc) -> GroupCapacity {
    let usable: u64 = disks.iter().map(|(room, _)| room.usable()).sum();
    let footage: u64 = disks.iter().map(|(room, _)| room.footage).sum();
    let rate: Rate = disks.iter().map(|(_, rate)| rate).sum();
    // The disk that lasts shortest counts: a camera stays with its disk.
    let written = || disks.iter().filter(|(_, rate)| *rate > 0.0);
    let shortest = |seconds: fn(&Room) -> u64| {
        written()
            .map(|(room, rate)| seconds(room) as f64 / rate)
            .min_by(f64::total_cmp)
    };
    let days = shortest(|room| room.usable()).map(|seconds| seconds / DAY_SECONDS);
    let left = shortest(|room| room.usable().saturating_sub(room.footage));
    GroupCapacity {
        group: String::new(),
        disks: Vec::new(),
        absent: Vec::new(),
        usable_bytes: usable,
        footage_bytes: footage,
        bitrate_bps: (rate * 8.0) as u64,
        streams,
        unmeasured: Vec::new(),
        days,
        full_at: left.map(|seconds| now.plus_micros((seconds * 1e6) as i64)),
        needed_bytes: wanted_days
            .filter(|_| rate > 0.0)
            .map(|days| (rate * days * DAY_SECONDS) as u64),
    }
}

/// Every group of the configuration, by name; `assigned`: the disk of each camera. Reads the index.
pub fn capacity(
    config: &Config,
    storage: &Storage,
    assigned: &Assignment,
    wanted_days: Option<f64>,
    now: Utc,
) -> Vec<GroupCapacity> {
    let groups: BTreeSet<&str> = config
        .disks
        .iter()
        .map(|disk| disk.group.as_str())
        .chain(config.cameras.iter().map(|camera| camera.disk_group.as_str()))
        .collect();
    let volumes = storage.volumes();
    let of_group = |group: &str| {
        let (mut rooms, mut absent) = (BTreeMap::new(), Vec::new());
        for disk in config.disks.iter().filter(|disk| disk.group == group) {
            let volume = volumes.iter().find(|volume| volume.disk == disk.id);
            match volume.filter(|volume| volume.state != VolumeState::Failed) {
                Some(volume) => {
                    rooms.insert(disk.id.clone(), (Room::of(disk, volume), 0.0));
                }
                None => absent.push(disk.id.to_string()),
            }
        }
        let (mut streams, mut unmeasured) = (0, Vec::new());
        let cameras = config.cameras.iter().filter(|camera| camera.disk_group == group);
        for camera in cameras.filter(|camera| camera.enabled) {
            // Others stand in for a disk that is not there.
            let own = assigned.get(&camera.id).filter(|disk| rooms.contains_key(*disk));
            let place = own.or(rooms.keys().next()).cloned();
            for stream in camera.record.streams() {
                let id = StreamId::new(camera.id.clone(), stream);
                let always =
                    camera.record.continuous == When::Always && camera.record.continuous_streams.contains(&stream);
                let measured = if always {
                    rate(storage, &id, now)
                } else {
                    average(storage, &id, now)
                };
                let Some(rate) = measured else {
                    unmeasured.push(id.to_string());
                    continue;
                };
                if let Some((_, sum)) = place.as_ref().and_then(|disk| rooms.get_mut(disk)) {
                    *sum += rate;
                    streams += 1;
                }
            }
        }
        let disks = rooms.keys().map(DiskId::to_string).collect();
        let rooms: Vec<(Room, Rate)> = rooms.into_values().collect();
        GroupCapacity {
            group: group.to_owned(),
            disks,
            absent,
            unmeasured,
            ..reckon(&rooms, streams, wanted_days, now)
        }
    };
    groups.into_iter().map(of_group).collect()
}

/// While it was recorded during the last day.
pub fn rate(storage: &Storage, stream: &StreamId, now: Utc) -> Option<Rate> {
    let rows = storage.recordings(stream, now - WINDOW, now).segments;
    let (mut bytes, mut time) = (0u64, Duration::ZERO);
    for row in rows {
        bytes += row.bytes;
        time += row.end.since(row.start);
    }
    (time >= ENOUGH).then(|| bytes as f64 / time.as_secs_f64())
}

/// Over all the time since the first of the last day's footage: what is recorded on events or by a
/// schedule does not come all the time.
fn average(storage: &Storage, stream: &StreamId, now: Utc) -> Option<Rate> {
    let rows = storage.recordings(stream, now - WINDOW, now).segments;
    let time = now.since(rows.first()?.start);
    let bytes: u64 = rows.iter().map(|row| row.bytes).sum();
    (time >= ENOUGH).then(|| bytes as f64 / time.as_secs_f64())
}

impl std::fmt::Display for GroupCapacity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gib = |bytes: u64| bytes as f64 / (1u64 << 30) as f64;
        write!(
            f,
            "group {}: {} disk(s), room for {:.1} GiB of footage, {:.1} GiB taken; ",
            self.group,
            self.disks.len(),
            gib(self.usable_bytes),
            gib(self.footage_bytes)
        )?;
        match (self.days, self.full_at) {
            (Some(days), Some(full_at)) => write!(
                f,
                "{} stream(s) at {:.2} Mbit/s: {days:.1} days, full on {}",
                self.streams,
                self.bitrate_bps as f64 / 1e6,
                full_at.strftime("%Y-%m-%dT%H:%MZ")
            )?,
            _ => write!(f, "nothing was recorded long enough to say how many days that is")?,
        }
        if let Some(needed) = self.needed_bytes {
            write!(f, "; {:.1} GiB are needed", gib(needed))?;
        }
        for disk in &self.absent {
            write!(f, "\n  not counted: disk {disk} is not in use")?;
        }
        for stream in &self.unmeasured {
            write!(f, "\n  not counted: {stream} has no rate yet")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn days_and_the_moment_the_disks_are_full() {
        let room = |footage, free, max_size| Room {
            footage,
            free,
            keep_free: 5 * GIB,
            max_size,
        };
        // 100 + 95 at a quarter and, within its size, 50 at three quarters of 1 MiB/s.
        let (one, two) = (
            room(100 * GIB, 100 * GIB, None),
            room(10 * GIB, 100 * GIB, Some(50 * GIB)),
        );
        let rate = (1u64 << 20) as f64;
        let now = Utc::from_micros(0);
        let found = reckon(&[(one, rate / 4.0), (two, rate * 3.0 / 4.0)], 2, Some(10.0), now);
        assert_eq!((found.usable_bytes, found.footage_bytes), (245 * GIB, 110 * GIB));
        assert_eq!((found.bitrate_bps, found.streams), (8 << 20, 2));
        // The second disk lasts shortest.
        assert!((found.days.unwrap() - 50.0 * 1024.0 / 0.75 / 86_400.0).abs() < 1e-9);
        let seconds = 40.0 * 1024.0 / 0.75;
        assert_eq!(found.full_at.unwrap().as_micros(), (seconds * 1e6) as i64);
        assert_eq!(found.needed_bytes, Some(864_000 << 20));
    }

    #[test]
    fn without_a_rate_nothing_is_promised() {
        let room = Room {
            footage: 0,
            free: 3 * GIB,
            keep_free: 5 * GIB,
            max_size: None,
        };
        let found = reckon(&[(room, 0.0)], 0, Some(3.0), Utc::from_micros(0));
        assert_eq!(
            (found.usable_bytes, found.days, found.full_at, found.needed_bytes),
            (0, None, None, None)
        );
        assert!(found.to_string().contains("nothing was recorded long enough"));
    }

    #[test]
    fn a_full_disk_is_full_now() {
        let room = Room {
            footage: 10 * GIB,
            free: 5 * GIB,
            keep_free: 5 * GIB,
            max_size: None,
        };
        let now = Utc::from_micros(7);
        assert_eq!(reckon(&[(room, 1.0)], 1, None, now).full_at, Some(now));
    }
}
