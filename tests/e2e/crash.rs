//! `kill -9` at random moments.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    house::{House, Setup, ffprobe_is_content, now_us, pick, shown},
    recording::cameras,
};

/// What is lost at an end that nobody asked for, at most.
const LOST_US: u64 = 2_000_000;

#[test]
fn kill_9_loses_little_and_breaks_nothing() {
    let (kills, count) = (pick(3, 50), pick(3, 16));
    let cameras = cameras(count);
    let mut house = House::start(&Setup::of(&cameras));
    let mut rng = StdRng::seed_from_u64(9);
    let mut worst_us = 0;
    for kill in 0..kills {
        for name in cameras.names() {
            house.wait_recording(name, "main");
        }
        std::thread::sleep(Duration::from_millis(rng.random_range(0..3000)));
        let moment = now_us();
        house.kill();
        for log in cameras.logs() {
            let footage = vigie_fake_camera::books::Footage::read(&house.stream_folder(&log.camera, "main"));
            // A torn tail is allowed here; what counts is what recovery leaves.
            assert!(footage.is_ok());
        }
        house.run();
        for log in cameras.logs() {
            // Of what was sent before the moment, the last on disk.
            let footage = house.footage(&log.camera, "main");
            let before = |sent: u64| sent < moment;
            let last = footage
                .units
                .iter()
                .map(|u| u.identity.sent_us)
                .filter(|s| before(*s))
                .max();
            let last = last.expect("something from before the kill") + log.interval_us;
            worst_us = worst_us.max(moment.saturating_sub(last));
            assert!(
                moment.saturating_sub(last) <= LOST_US,
                "kill {kill}, {}: {worst_us} µs lost",
                log.camera
            );
        }
    }
    for name in cameras.names() {
        house.wait_recording(name, "main");
    }
    house.terminate();
    let check = house.command(&["index", "check"]);
    let index_equals = check.status.success();
    if !index_equals {
        eprintln!("index check: {check:?}");
    }
    house.run();
    let before: Vec<_> = cameras.names().map(|n| closed(&house, n)).collect();
    house.terminate();
    assert!(house.command(&["index", "rebuild"]).status.success());
    house.run();
    let after: Vec<_> = cameras.names().map(|n| closed(&house, n)).collect();
    for (before, after) in before.iter().zip(&after) {
        assert!(after.starts_with(before), "rebuilt:\n{after:?}\nbefore:\n{before:?}");
    }
    let mut all_hold = true;
    let mut files = 0;
    house.terminate();
    house.run();
    for name in cameras.names() {
        let footage = house.footage(name, "main");
        let log = cameras.log(name, "main").unwrap();
        files += footage.files.len();
        ffprobe_is_content(&footage);
        let gaps = house.recordings(&log.camera, "main").gaps;
        let mut balance = footage.balance(&log, &gaps, 250_000);
        // Footage was read before the rows: what came since is not missing.
        let last = footage.units.iter().map(|u| u.identity.number).max().unwrap_or(0);
        balance.missing.retain(|n| *n < last);
        // A hole of under a second needs no row.
        let holes = balance
            .missing
            .chunk_by(|a, b| a + 1 == *b)
            .all(|h| h.len() as u64 * log.interval_us < 1_000_000);
        if !(holes && balance.doubled.is_empty() && balance.unknown.is_empty()) {
            eprintln!("{}: {balance:?}\n{gaps:?}", log.camera);
            all_hold = false;
        }
    }
    shown(
        3,
        &format!(
            "{kills} × kill -9 with {count} cameras: at most {:.2} s lost, {files} files open in ffprobe, books balance, index = rebuild",
            worst_us as f64 / 1e6
        ),
        all_hold && index_equals,
    );
}

/// Rows of what is over: segments without the newest, gaps that have an end.
fn closed(house: &House, camera: &str) -> Vec<String> {
    let rows = house.recordings(camera, "main");
    let newest = rows.segments.last().map_or(0, |s| s.0);
    let mut all: Vec<(u64, String)> = rows
        .segments
        .iter()
        .filter(|s| s.0 < newest)
        .map(|s| (s.0, format!("{s:?}")))
        .collect();
    all.extend(
        rows.gaps
            .iter()
            .filter(|g| g.end_us.is_some_and(|e| e <= newest))
            .map(|g| (g.start_us, format!("{g:?}"))),
    );
    all.sort();
    all.into_iter().map(|(_, text)| text).collect()
}
