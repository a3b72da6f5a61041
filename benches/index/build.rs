//! Putting the rows: most of them an hour at a time, the newest as the recorder does.

use std::{path::Path, time::Instant};

use anyhow::Result;
use serde_json::json;
use vigie_config::Utc;
use vigie_storage::VolumeId;

use crate::{
    Options, house,
    rows::{self, MINUTE_US},
    store::{Kind, Store},
};

/// Builds it from nothing in `folder` and tells what that cost.
pub fn build(options: &Options, folder: &Path) -> Result<()> {
    let volume = match options.store {
        Kind::Vigie => house::prepare(folder)?,
        Kind::Rows => VolumeId(7),
    };
    let dir = house::index_dir(folder);
    std::fs::create_dir_all(&dir)?;
    let end = Utc::now().as_micros() / MINUTE_US - 1;
    let begin = end - options.hours * 60;
    let streams = rows::streams(options.cameras)?;
    let mut store = Store::open(options.store, &dir)?;
    let (mut put_s, mut rows_put) = (0.0, 0u64);
    let (mut product_put_s, mut product_rows, mut flushes) = (0.0, 0u64, Vec::new());
    let mut at = begin;
    while at < end {
        let product = at >= end - options.product_hours * 60;
        // Up to the next full hour.
        let to = if product {
            at + 1
        } else {
            ((at / 60 + 1) * 60).min(end - options.product_hours * 60)
        };
        let started = Instant::now();
        for stream in &streams {
            for minute in at..to {
                store.put(&rows::segment(stream, minute, volume))?;
                rows::gap(stream, minute).map_or(Ok(()), |gap| store.put_gap(&gap))?;
            }
        }
        let took = started.elapsed().as_secs_f64();
        let count = (to - at) as u64 * streams.len() as u64;
        rows_put += count;
        put_s += took;
        let started = Instant::now();
        store.flush(&dir, volume, &house::mark(&streams, begin, to))?;
        if product {
            product_rows += count;
            product_put_s += took;
            flushes.push(started.elapsed().as_secs_f64() * 1e3);
        }
        at = to;
    }
    let (resident, anonymous) = memory_mb()?;
    drop(store);
    if options.store == Kind::Vigie {
        house::tree(folder, &streams, begin, end)?;
    }
    flushes.sort_by(f64::total_cmp);
    let told = json!({
        "rows": rows_put,
        "put_us": put_s / rows_put as f64 * 1e6,
        "product_put_us": product_put_s / product_rows.max(1) as f64 * 1e6,
        "flush_p50_ms": quantile(&flushes, 0.5),
        "flush_p99_ms": quantile(&flushes, 0.99),
        "resident_mb": resident,
        "anonymous_mb": anonymous,
    });
    println!("ready {told}");
    Ok(())
}

/// Goes on where it was left, a flush after each minute without waiting for it, until it is killed.
pub fn write_on(options: &Options, folder: &Path) -> Result<()> {
    let dir = house::index_dir(folder);
    let volume = house::volume(folder)?;
    let mut store = Store::open(options.store, &dir)?;
    let streams = rows::streams(options.cameras)?;
    let now = Utc::now().as_micros() / MINUTE_US;
    for minute in now.. {
        for stream in &streams {
            store.put(&rows::segment(stream, minute, volume))?;
        }
        // The mark stays where it was: nothing of this is on the disk.
        store.flush(&dir, volume, &house::mark(&streams, now - options.hours * 60, now - 1))?;
        if minute == now + 1 {
            println!("ready null");
        }
    }
    Ok(())
}

/// Of ordered values.
pub fn quantile(ordered: &[f64], share: f64) -> f64 {
    let at = (ordered.len() as f64 * share) as usize;
    ordered
        .get(at.min(ordered.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
}

/// Resident memory of this process, and its anonymous part.
pub fn memory_mb() -> Result<(f64, f64)> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_default();
        line.split_whitespace()
            .next()
            .and_then(|n| n.parse::<f64>().ok())
            .unwrap_or(0.0)
            / 1024.0
    };
    Ok((field("VmRSS:"), field("RssAnon:")))
}
