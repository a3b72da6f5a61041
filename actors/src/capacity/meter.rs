//! Takes the figures for [`super::room`]: a sample every few seconds, the difference over a minute.

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use vigie_config::DiskId;

use super::room::{Figures, Room, reckon};
use crate::{
    recorder::Recorder,
    stream::StreamState,
    supervise::{ChildSpec, worker_child},
};

const EVERY: Duration = Duration::from_secs(5);
/// Over so many samples.
const SAMPLES: usize = 13;

/// What counts up.
#[derive(Debug, Clone)]
struct Sample {
    at: Instant,
    cameras: usize,
    idle_ticks: u64,
    all_ticks: u64,
    own_ticks: u64,
    /// Milliseconds inside writes and syncs, and cameras, by disk.
    disks: BTreeMap<DiskId, (u64, usize)>,
    /// Bytes received and bytes a second that it takes, by network card.
    cards: BTreeMap<String, (u64, f64)>,
}

/// The meter's last word.
#[derive(Debug, Default)]
pub struct Meter {
    room: Mutex<Option<Room>>,
}

impl Meter {
    /// `None`: not measured yet, or no camera is recorded.
    pub fn room(&self) -> Option<Room> {
        *self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Between two samples. Pure.
fn between(before: &Sample, now: &Sample) -> Option<Figures> {
    let seconds = now.at.duration_since(before.at).as_secs_f64();
    let all = now.all_ticks.checked_sub(before.all_ticks).filter(|ticks| *ticks > 0)? as f64;
    let cores = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
    let share = |now: u64, before: u64| now.saturating_sub(before) as f64 / all * cores;
    let disks = now.disks.iter().filter_map(|(disk, (busy, cameras))| {
        let (earlier, _) = before.disks.get(disk)?;
        let busy = busy.saturating_sub(*earlier) as f64 / 1000.0 / seconds;
        Some((busy.min(1.0), *cameras as f64))
    });
    let cards = now.cards.iter().filter_map(|(card, (bytes, speed))| {
        let (earlier, _) = before.cards.get(card)?;
        Some((bytes.saturating_sub(*earlier) as f64 / seconds, *speed))
    });
    Some(Figures {
        cameras: now.cameras.min(before.cameras) as f64,
        cores,
        idle_cores: share(now.idle_ticks, before.idle_ticks),
        own_cores: share(now.own_ticks, before.own_ticks),
        disks: disks.collect(),
        network: cards.max_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1))),
    })
}

fn sample(recorder: &Recorder) -> Sample {
    let (idle_ticks, all_ticks) = cpu_ticks(&read("/proc/stat"));
    let snapshots = recorder.disks().snapshots(&recorder.config());
    let disks = snapshots.into_iter().filter_map(|disk| {
        let volume = disk.volume?;
        Some((disk.disk, (volume.busy_ms, disk.cameras)))
    });
    let live = recorder.cameras().into_iter();
    Sample {
        at: Instant::now(),
        cameras: live
            .filter(|camera| camera.state == StreamState::Live && !camera.recording.is_empty())
            .count(),
        idle_ticks,
        all_ticks,
        own_ticks: own_ticks(&read("/proc/self/stat")),
        disks: disks.collect(),
        cards: cards(),
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Idle (and waiting for disks), and all, of the line `cpu` in `/proc/stat` (proc(5)).
fn cpu_ticks(text: &str) -> (u64, u64) {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "));
    // The last two are part of the first.
    let ticks: Vec<u64> = line
        .into_iter()
        .flat_map(str::split_whitespace)
        .take(8)
        .filter_map(|t| t.parse().ok())
        .collect();
    let idle = ticks.iter().skip(3).take(2).sum();
    (idle, ticks.iter().sum())
}

/// `utime` and `stime` of `/proc/self/stat` (proc(5)); the name before them may hold anything.
fn own_ticks(text: &str) -> u64 {
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse::<u64>().ok())
        .sum()
}

/// Network cards that say how fast they are.
fn cards() -> BTreeMap<String, (u64, f64)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/sys/class/net").into_iter().flatten().flatten() {
        let number = |file: &str| {
            fs::read_to_string(entry.path().join(file))
                .ok()?
                .trim()
                .parse::<i64>()
                .ok()
        };
        // Mbit/s; -1: does not know.
        let (Some(speed), Some(bytes)) = (number("speed"), number("statistics/rx_bytes")) else {
            continue;
        };
        if speed > 0 {
            let name = entry.file_name().to_string_lossy().into_owned();
            found.insert(name, (bytes.unsigned_abs(), speed as f64 * 125_000.0));
        }
    }
    found
}

/// The meter as a child of the root.
pub fn meter_child(recorder: Arc<Recorder>) -> ChildSpec {
    worker_child("meter", "meter", move |context| {
        let recorder = recorder.clone();
        Box::pin(async move {
            let mut samples = VecDeque::new();
            loop {
                let own = recorder.clone();
                let now = tokio::task::spawn_blocking(move || sample(&own)).await?;
                let figures = samples.front().and_then(|before| between(before, &now));
                samples.push_back(now);
                if samples.len() > SAMPLES {
                    samples.pop_front();
                }
                let room = figures.as_ref().and_then(reckon);
                context.node.publish(room);
                *recorder.meter.room.lock().unwrap_or_else(PoisonError::into_inner) = room;
                if !context.pause(EVERY).await {
                    return Ok(());
                }
            }
        })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_read_as_proc_5_has_them() {
        assert_eq!(cpu_ticks("cpu  10 2 3 100 5 1 1 4 0 0\ncpu0 1 1 1 1\n"), (105, 126));
        assert_eq!(cpu_ticks(""), (0, 0));
        let stat = "42 (a) b) S 1 2 3 4 5 6 7 8 9 10 700 80 0 0 20 0 9 0";
        assert_eq!(own_ticks(stat), 780);
        assert_eq!(own_ticks("nonsense"), 0);
    }

    #[test]
    fn figures_are_those_between_two_samples() {
        let begin = Instant::now();
        let disk = DiskId::new("d1").unwrap();
        let at = |s: u64, ticks: u64, busy: u64, bytes: u64| Sample {
            at: begin + Duration::from_secs(s),
            cameras: 4,
            idle_ticks: ticks / 2,
            all_ticks: ticks,
            own_ticks: ticks / 4,
            disks: [(disk.clone(), (busy, 4))].into(),
            cards: [("eth0".to_owned(), (bytes, 125e6))].into(),
        };
        let figures = between(&at(0, 1000, 100, 0), &at(10, 3000, 600, 5_000_000)).unwrap();
        assert_eq!(figures.disks, [(0.05, 4.0)]);
        assert_eq!(figures.network, Some((500_000.0, 125e6)));
        assert!((figures.idle_cores / figures.cores - 0.5).abs() < 1e-9);
        assert!((figures.own_cores / figures.cores - 0.25).abs() < 1e-9);
        assert_eq!(between(&at(0, 1000, 0, 0), &at(5, 1000, 0, 0)), None);
    }
}
