//! What the pages ask for while somebody zooms: the timeline of 16 cameras over months of one segment a
//! minute, with marks and gaps as busy places leave them.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use vigie_config::{Causes, StreamId, Utc};
use vigie_storage::{
    MarkRow, Storage, StorageOptions, VolumeId,
    index::Index,
    timeline::{Lane, Lanes},
};

use crate::{
    Options,
    ask::forget_pages,
    build::{memory_mb, quantile},
    house,
    rows::{self, HOUR_US, MINUTE_US},
    table::Line,
};

const CAMERAS: usize = 16;
/// Pixels of a page's timeline.
const STEPS: u32 = 1500;
/// Motion of half a minute, so many times an hour.
const MOTIONS: i64 = 12;

pub fn measure(options: &Options) -> Result<Vec<Line>> {
    let folder = options.work.join("timeline");
    let end = Utc::now().as_micros() / MINUTE_US - 1;
    let streams = rows::streams(CAMERAS)?;
    if !(options.keep && folder.exists()) {
        std::fs::remove_dir_all(&folder).ok();
        build(&folder, &streams, end - options.hours * 60, end)?;
    }
    let open = || -> Result<_> {
        forget_pages(&house::index_dir(&folder))?;
        Ok(Storage::open(&house::state_dir(&folder), StorageOptions::default())?)
    };
    let to = Utc::from_micros(end * MINUTE_US);
    let ask = |storage: &Storage, from: Utc, to: Utc| -> Result<f64> {
        let step = to.since(from) / STEPS;
        let begun = Instant::now();
        let lanes: Vec<Lanes> = streams
            .iter()
            .map(|stream| storage.timeline(stream, from, to, step, Utc::now()))
            .collect();
        let took = begun.elapsed().as_secs_f64() * 1e3;
        for lanes in lanes {
            let footage = lanes
                .iter()
                .any(|(lane, spans)| lane == Lane::Footage && !spans.is_empty());
            let most = lanes.iter().map(|(_, spans)| spans.len()).max().unwrap_or(0);
            ensure!(footage && most <= STEPS as usize + 1, "{most} spans");
        }
        Ok(took)
    };
    let all = Duration::from_micros((options.hours * HOUR_US) as u64);
    // Whoever asks at once reads the days themselves.
    let storage = open()?;
    let first = ask(&storage, to - all, to)?;
    storage.close();
    drop(storage);
    let storage = open()?;
    let (before, _) = memory_mb()?;
    let begun = Instant::now();
    let reading = storage.warm_days_behind().context("no thread reads ahead")?;
    ensure!(reading.join().is_ok(), "reading ahead panicked");
    let warm = begun.elapsed().as_secs_f64();
    let later = ask(&storage, to - all, to)?;
    let again = ask(&storage, to - all, to)?;
    let (after, _) = memory_mb()?;
    // The wheel: from all of it down to a minute around a moment, and out again.
    let middle = to - all / 3;
    let mut widths = vec![all];
    while widths.last().is_some_and(|width| *width > Duration::from_secs(60)) {
        widths.push(widths[widths.len() - 1].mul_f64(0.8));
    }
    let mut steps = Vec::new();
    for width in widths.iter().chain(widths.iter().rev()) {
        steps.push(ask(&storage, middle - *width / 2, (middle + *width / 2).min(to))?);
    }
    steps.sort_by(f64::total_cmp);
    let section = format!(
        "timeline of {CAMERAS} cameras over {} days, {STEPS} steps",
        options.hours / 24
    );
    let line = |name: &str, unit, value| Line::new(&section, name, unit, value, None);
    Ok(vec![
        line(
            "the first question over all of it, right after a start, cold",
            "ms",
            first,
        ),
        line("reading the days ahead after a start", "s", warm),
        line("the first question once they are read", "ms", later).bar(100.0),
        line("the same again", "ms", again).bar(100.0),
        line("a step of the wheel, p50", "ms", quantile(&steps, 0.5)),
        line("a step of the wheel, worst", "ms", quantile(&steps, 1.0)).bar(100.0),
        line("memory that the days take", "MB", after - before),
    ])
}

fn build(folder: &Path, streams: &[StreamId], begin: i64, end: i64) -> Result<()> {
    let dir = house::index_dir(folder);
    std::fs::create_dir_all(&dir)?;
    let (index, _) = Index::open(&dir);
    let mut hour = begin / 60 * 60;
    while hour < end {
        for (n, stream) in streams.iter().enumerate() {
            for minute in hour..(hour + 60).min(end) {
                index.put_segment(&rows::segment(stream, minute, VolumeId(7)))?;
                rows::gap(stream, minute).map_or(Ok(()), |gap| index.put_gap(&gap))?;
            }
            let at = |micros: i64| Utc::from_micros(hour * MINUTE_US + micros);
            let mark = |from: i64, to: i64, cause| {
                index.put_mark(&MarkRow {
                    stream: stream.clone(),
                    start: at(from),
                    end: Some(at(to)),
                    cause,
                })
            };
            mark(0, HOUR_US, Causes::SCHEDULE)?;
            for motion in 0..MOTIONS {
                let from = motion * HOUR_US / MOTIONS + n as i64 * 7_919_000 % (2 * MINUTE_US);
                mark(from, from + MINUTE_US / 2, Causes::MOTION)?;
            }
        }
        if hour % 1440 == 0 {
            index.flush()?;
        }
        hour += 60;
    }
    index.flush()?;
    Ok(())
}
