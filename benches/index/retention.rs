//! What retention costs for each segment that goes, while the stock grows: 44 cameras, empty
//! files in the product's folders, their rows in the index.
//!
//! Files that go for want of room have one byte, which is a block: retention counts blocks.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use vigie_config::{StreamId, Utc};
use vigie_storage::{
    Limits, RetentionReport, RetentionRules, Storage, StorageOptions, VolumeId, index::Index, layout, recovery::Mark,
};

use crate::{
    Options, house,
    rows::{self, MINUTE_US},
    table::Line,
};

const CAMERAS: usize = 44;
/// Minutes that go by age, and as many for want of room.
const EXPIRE: i64 = 60;
/// Of a file with one byte.
const BLOCK: u64 = 4096;

/// Microseconds for each segment that goes.
struct Cost {
    segments: u64,
    plan: f64,
    age: f64,
    size: f64,
    /// A pass that finds nothing to do, in all.
    idle_ms: f64,
}

pub fn measure(options: &Options) -> Result<Vec<Line>> {
    let mut costs = Vec::new();
    for stock in &options.stocks {
        let folder = tempfile::Builder::new()
            .prefix("retention-")
            .tempdir_in(&options.work)?;
        let cost = one(folder.path(), *stock).with_context(|| format!("{stock} segments"))?;
        eprintln!(
            "{} segments: plan {:.1} µs, by age {:.1} µs, by size {:.1} µs for each that goes; {:.1} ms when none does",
            cost.segments, cost.plan, cost.age, cost.size, cost.idle_ms
        );
        costs.push(cost);
    }
    let smallest = costs.first().context("no stock")?;
    let section = format!("retention, beside a stock of {} segments", smallest.segments);
    let line = |cost: &Cost, what: &str, unit: &'static str, value: fn(&Cost) -> f64| {
        let name = format!("{what}, {} segments", cost.segments);
        Line::new(&section, &name, unit, value(cost), Some(value(smallest)))
    };
    // Flat: the stock grows by hundreds, and what the machine does besides is in every figure.
    let each = |cost: &Cost, what: &str, value: fn(&Cost) -> f64| {
        line(cost, what, "µs", value).bar((3.0 * value(smallest)).ceil())
    };
    let lines = costs.iter().flat_map(|cost| {
        [
            each(cost, "plan, for each that goes", |cost| cost.plan),
            each(cost, "deletion by age, each", |cost| cost.age),
            each(cost, "deletion by size, each", |cost| cost.size),
            line(cost, "a pass with nothing to do", "ms", |cost| cost.idle_ms),
        ]
    });
    Ok(lines.collect())
}

fn one(folder: &Path, stock: u64) -> Result<Cost> {
    let volume = house::prepare(folder)?;
    let streams = rows::streams(CAMERAS)?;
    let minutes = (stock / CAMERAS as u64) as i64;
    ensure!(minutes > 3 * EXPIRE, "{stock} segments are too few");
    let now = Utc::now();
    let end = now.as_micros() / MINUTE_US - 1;
    let begin = end - minutes;
    fill(folder, volume, &streams, begin, end)?;

    let storage = Storage::open(&house::state_dir(folder), StorageOptions::default())?;
    let disk = house::disk(folder)?;
    let online = storage.add_volume(&disk)?;
    wait_until_verified()?;

    // A segment ends where the next begins.
    let age = now.micros_since(Utc::from_micros((begin + EXPIRE) * MINUTE_US + 30_000_000));
    let age = Duration::from_micros(age.unsigned_abs());
    let rules = RetentionRules {
        max_age: streams.iter().map(|stream| (stream.camera.clone(), age)).collect(),
        ..RetentionRules::default()
    };
    let (plan_s, planned) = timed(|| storage.retention_plan(&rules, now));
    let (age_s, by_age) = timed(|| storage.retention_pass(&rules, now, true));
    ensure!(planned?.len() == by_age.deleted.len(), "the plan was another");
    let (idle_s, idle) = timed(|| storage.retention_pass(&rules, now, true));
    ensure!(idle.deleted.is_empty(), "all was gone");

    let going = (EXPIRE as usize * CAMERAS) as u64;
    let held = storage.volumes().first().map_or(0, |volume| volume.footage_bytes);
    online.set_limits(Limits {
        max_size_bytes: Some(held - going * BLOCK),
        ..Limits::of(&disk)
    });
    let (size_s, by_size) = timed(|| storage.retention_pass(&RetentionRules::default(), now, true));
    let each = |seconds: f64, report: &RetentionReport| -> Result<f64> {
        let gone = report.deleted.len();
        ensure!(gone as u64 == going && report.failed == 0, "{gone} of {going} went");
        Ok(seconds * 1e6 / gone as f64)
    };
    let cost = Cost {
        segments: minutes as u64 * CAMERAS as u64,
        plan: each(plan_s, &by_age)?,
        age: each(age_s, &by_age)?,
        size: each(size_s, &by_size)?,
        idle_ms: idle_s * 1e3,
    };
    storage.close();
    Ok(cost)
}

/// The look through the whole index behind the start is over: it is not retention's cost.
fn wait_until_verified() -> Result<()> {
    let verifies = |task: std::io::Result<fs::DirEntry>| {
        let name = fs::read_to_string(task?.path().join("comm"));
        // A thread may end meanwhile.
        anyhow::Ok(name.is_ok_and(|name| name.trim() == "verify"))
    };
    while fs::read_dir("/proc/self/task")?
        .map(verifies)
        .collect::<Result<Vec<_>>>()?
        .contains(&true)
    {
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let begun = Instant::now();
    let done = work();
    (begun.elapsed().as_secs_f64(), done)
}

/// Files, rows and checkpoint as a recorder leaves them.
fn fill(folder: &Path, volume: VolumeId, streams: &[StreamId], begin: i64, end: i64) -> Result<()> {
    let (index, _) = Index::open(&house::index_dir(folder));
    let mut at = begin;
    while at < end {
        let to = ((at / 60 + 1) * 60).min(end);
        for stream in streams {
            let hour = Utc::from_micros(at * MINUTE_US);
            fs::create_dir_all(house::disk_dir(folder).join(layout::hour_dir(stream, hour)))?;
            for minute in at..to {
                let row = rows::segment(stream, minute, volume);
                let content: &[u8] = if minute < begin + 3 * EXPIRE { b"." } else { b"" };
                fs::write(house::disk_dir(folder).join(row.relative_path()), content)?;
                index.put_segment(&row)?;
            }
        }
        index.flush()?;
        at = to;
    }
    let mark = Mark {
        gap_days: Some(Vec::new()),
        ..house::mark(streams, begin, end)
    };
    index.set_checkpoint(volume, &mark.encode(), index.generation());
    index.flush()?;
    Ok(())
}
