//! Opening it and asking for timelines, in a process that has just started.

use std::{
    fs::{self, File},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use rustix::fs::Advice;
use serde_json::json;
use vigie_config::Utc;

use crate::{
    Options,
    build::{memory_mb, quantile},
    house,
    rows::{self, DAY_US, HOUR_US},
    store::Store,
};

/// How many cameras a timeline shows.
const SHOWN: usize = 16;

pub fn ask(options: &Options, folder: &Path) -> Result<()> {
    let dir = house::index_dir(folder);
    let size = size(&dir)?;
    let (before, _) = memory_mb()?;
    forget_pages(&dir)?;
    let begun = Instant::now();
    let store = Store::open(options.store, &dir)?;
    let open_ms = begun.elapsed().as_secs_f64() * 1e3;
    let (opened, _) = memory_mb()?;

    let streams = rows::streams(options.cameras)?;
    let mut rng = StdRng::seed_from_u64(4);
    let now = Utc::now().as_micros();
    let days = (options.hours / 24 - 1).max(1);
    let queries: Vec<_> = (0..options.queries)
        .map(|_| {
            let mut shown: Vec<usize> = (0..streams.len()).collect();
            shown.shuffle(&mut rng);
            shown.truncate(SHOWN);
            let from = now - options.hours * HOUR_US + rng.random_range(0..days) * DAY_US;
            (shown, Utc::from_micros(from))
        })
        .collect();
    let run = |cold: bool| -> Result<Vec<f64>> {
        let mut times = Vec::new();
        for (shown, from) in &queries {
            if cold {
                forget_pages(&dir)?;
            }
            let begun = Instant::now();
            let mut found = 0;
            for stream in shown.iter().filter_map(|n| streams.get(*n)) {
                found += store.count(stream, *from, *from + Duration::from_secs(86_400))?;
            }
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            ensure!(
                found > SHOWN * 1400 || options.hours < 48,
                "{found} rows in a day of {SHOWN} cameras"
            );
        }
        times.sort_by(f64::total_cmp);
        Ok(times)
    };
    let (cold, warm) = (run(true)?, run(false)?);
    let (asked, _) = memory_mb()?;
    let told = json!({
        "bytes": size,
        "open_ms": open_ms,
        "open_mb": opened - before,
        "asked_mb": asked - before,
        "cold_p50_ms": quantile(&cold, 0.5),
        "cold_p99_ms": quantile(&cold, 0.99),
        "warm_p50_ms": quantile(&warm, 0.5),
        "warm_p99_ms": quantile(&warm, 0.99),
    });
    println!("ready {told}");
    Ok(())
}

/// What the folder takes on the device.
fn size(dir: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        bytes += match entry.file_type()?.is_dir() {
            true => size(&entry.path())?,
            false => entry.metadata()?.blocks() * 512,
        };
    }
    Ok(bytes)
}

/// As after a restart of the machine: nothing of it is in the page cache.
pub fn forget_pages(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let file = File::open(entry.path())?;
            rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)?;
        }
    }
    Ok(())
}
