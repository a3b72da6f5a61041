//! A probe of scale, run by hand:
//! `cargo test -p vigie-storage index::scale -- --ignored --nocapture`
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use ulid::Ulid;
use vigie_config::{CameraId, Causes, StreamId, StreamName, Utc};

use super::*;
use crate::{rows::SegmentRow, uuid::VolumeId};

const STREAMS: usize = 256;
const HOURS: i64 = 66;
const MINUTE: i64 = 60_000_000;

fn row(stream: &StreamId, minute: i64) -> SegmentRow {
    // Spread as real sizes and times are, or the packing would look better than it is.
    let noise = (minute * 2_654_435_761).rem_euclid(1_000_003);
    SegmentRow {
        stream: stream.clone(),
        start: Utc::from_micros(minute * MINUTE + (minute * 7919).rem_euclid(40_000)),
        end: Utc::from_micros((minute + 1) * MINUTE + ((minute + 1) * 7919).rem_euclid(40_000)),
        bytes: 30_000_000 + noise as u64,
        causes: Causes::SCHEDULE,
        volume: VolumeId(7),
        run: Ulid::from(99u128),
        number: minute as u32,
        continued: false,
        synchronised: true,
        codec: "avc1.640028,mp4a.40.2".into(),
        units: 4300 + (noise % 3) as u32,
        init_bytes: 1400,
        format: 0xabcd,
        audio_format: 0x1234,
    }
}

fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
#[ignore = "a measurement of a minute or more"]
fn a_million_rows() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("index");
    let (index, _) = Index::open(&dir);
    let name = |n: usize| StreamId::new(CameraId::new(&format!("camera-{n:03}")).unwrap(), StreamName::Main);
    let streams: Vec<_> = (0..STREAMS).map(name).collect();
    let before = resident_mb();
    let begun = Instant::now();
    let (mut rows, mut flushes, mut flushing, mut slowest) = (0u64, 0u32, 0.0, 0.0f64);
    for minute in 0..HOURS * 60 {
        for stream in &streams {
            index.put_segment(&row(stream, minute)).unwrap();
            rows += 1;
        }
        if minute % 5 == 4 {
            let started = Instant::now();
            index.flush().unwrap();
            let took = started.elapsed().as_secs_f64();
            (flushes, flushing, slowest) = (flushes + 1, flushing + took, slowest.max(took));
        }
    }
    let total = begun.elapsed().as_secs_f64();
    println!(
        "{rows} rows in {total:.1} s, of which {flushes} flushes {flushing:.1} s (slowest {:.0} ms)",
        slowest * 1e3
    );
    println!("{:.1} µs a row without flushes", (total - flushing) / rows as f64 * 1e6);
    println!(
        "size on disk {:.1} MB, {:.1} bytes a row",
        index.size() as f64 / 1e6,
        index.size() as f64 / rows as f64
    );
    println!("memory {} MB, {} MB before", resident_mb(), before);
    let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
    println!("{threads} threads");
    drop(index);
    let started = Instant::now();
    let (index, opening) = Index::open(&dir);
    println!(
        "opened ({opening:?}) in {:.0} ms, size {:.1} MB",
        started.elapsed().as_secs_f64() * 1e3,
        index.size() as f64 / 1e6
    );
    println!("memory {} MB", resident_mb());
    let mut times: Vec<f64> = (0..200i64)
        .map(|n| {
            let from = Utc::from_micros((n * 97 % (HOURS - 24)) * 60 * MINUTE);
            let started = Instant::now();
            let mut found = 0;
            for stream in streams.iter().cycle().skip(n as usize * 16).take(16) {
                found += index
                    .segments(stream, from, from + std::time::Duration::from_secs(86_400))
                    .unwrap()
                    .len();
            }
            assert!(found >= 16 * 1440);
            started.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!(
        "a day of 16 cameras: median {:.1} ms, p99 {:.1} ms",
        times[100], times[197]
    );
    println!("memory {} MB", resident_mb());
}
