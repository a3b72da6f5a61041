//! The timeline over any length of time tells what the recordings are.

use serde_json::Value;
use vigie_fake_camera::books::unix_us;

use crate::{
    house::{House, PATIENCE, Setup, now_us, rfc3339, wait_for},
    recording::cameras,
};

const HOUR_US: u64 = 3_600_000_000;

fn timeline(house: &House, cameras: &str, from_us: u64, to_us: u64, step: &str) -> Value {
    let (from, to) = (rfc3339(from_us), rfc3339(to_us));
    let answer = house.get(&format!("/api/v1/timeline?cameras={cameras}&from={from}&to={to}{step}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn footage_of_now_is_in_it_whatever_the_step() {
    let cameras = cameras(2);
    let house = House::start(&Setup::of(&cameras));
    house.wait_recording("cam0", "main");
    house.wait_recording("cam1", "main");
    let now = now_us();
    for (length_us, step) in [
        (HOUR_US, ""),
        (HOUR_US, "&step=2"),
        (90 * 24 * HOUR_US, ""),
        (90 * 24 * HOUR_US, "&step=86400"),
    ] {
        let seen = timeline(&house, "cam0,cam1", now - length_us, now + HOUR_US, step);
        assert_eq!(seen["cameras"].as_array().unwrap().len(), 2, "{seen}");
        for (n, name) in ["cam0", "cam1"].iter().enumerate() {
            let camera = &seen["cameras"][n];
            assert_eq!(camera["camera"], *name);
            let span = |value: &Value| (value[0].as_u64().unwrap(), value[1].as_u64().unwrap());
            let footage: Vec<_> = camera["footage"].as_array().unwrap().iter().map(span).collect();
            assert_eq!(footage.len(), 1, "{camera}");
            let recorded = house.recordings(name, "main").segments;
            let (start, end) = (recorded[0].0 / 1000, recorded.last().unwrap().1 / 1000);
            assert_eq!(footage[0].0, start, "{camera}");
            // What was recorded between the two questions.
            assert!(
                footage[0].1 <= end + 1 && end.abs_diff(footage[0].1) < 10_000,
                "{footage:?} {end}"
            );
            assert!(footage[0].1 * 1000 > now - 10_000_000, "{footage:?} at {now}");
            let schedule: Vec<_> = camera["causes"]["schedule"]
                .as_array()
                .unwrap()
                .iter()
                .map(span)
                .collect();
            assert_eq!(schedule, footage, "{camera}");
            assert_eq!(camera["causes"]["motion"].as_array().unwrap().len(), 0, "{camera}");
        }
    }
    // A camera that falls silent.
    cameras.die("cam0", std::time::Duration::from_secs(600));
    wait_for("a gap", PATIENCE, || {
        let seen = timeline(&house, "cam0", now - 90 * 24 * HOUR_US, now + HOUR_US, "");
        let gaps = seen["cameras"][0]["gaps"].as_array().unwrap().clone();
        gaps.first().map(|gap| {
            assert!(
                ["camera_offline", "network"].contains(&gap[2].as_str().unwrap()),
                "{seen}"
            )
        })
    });
    assert_eq!(
        timeline(&house, "", now - HOUR_US, now, "")["cameras"],
        serde_json::json!([])
    );
    let of_all = house.get(&format!(
        "/api/v1/timeline?from={}&to={}",
        rfc3339(now - HOUR_US),
        rfc3339(now)
    ));
    assert_eq!(of_all.json()["cameras"].as_array().unwrap().len(), 2);
    assert_eq!(unix_us(of_all.json()["to"].as_str().unwrap()), Some(now as i64));
    for (query, status) in [
        ("from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&step=1", 400),
        ("from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", 400),
        ("from=x&to=2026-01-01T00:00:00Z", 400),
        ("cameras=nope&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z", 404),
        ("cameras=cam0&from=0001-01-01T00:00:00Z&to=9999-01-01T00:00:00Z", 200),
    ] {
        let answer = house.get(&format!("/api/v1/timeline?{query}"));
        assert_eq!(answer.status, status, "{query}: {}", answer.text());
    }
}
