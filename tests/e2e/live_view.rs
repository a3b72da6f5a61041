//! Live pictures: what the recorder adds to their way, and a wall of them in a real browser. Each
//! picture shows its own number, and says in its bytes when the camera sent it.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest, http::header::AUTHORIZATION};
use vigie_fake_camera::{FakeCameras, Identity};

use crate::{
    house::{Cam, House, PASSWORD, Setup, USER, now_us, pick, shown, visit},
    snapshots::numbered,
};

/// Of the numbered recipe: pictures of one round, and from one to the next.
const ROUND: u64 = 200;
const PICTURE_US: u64 = 40_000;

fn started(count: usize) -> (FakeCameras, House) {
    let cameras = numbered(count);
    let cams: Vec<Cam> = cameras.names().map(|name| Cam::of(&cameras, name)).collect();
    let house = House::start(&Setup::new(cams));
    for name in cameras.names() {
        house.wait_recording(name, "main");
    }
    (cameras, house)
}

/// The value that a hundredth of them is above.
fn p99(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) * 99 / 100]
}

/// How long after the camera sent it each picture was here, in ms.
async fn delays(house: &House, for_: Duration) -> Vec<f64> {
    let url = format!(
        "{}/api/v1/cameras/cam0/live?stream=main",
        house.http().replace("http", "ws")
    );
    let mut request = url.into_client_request().unwrap();
    let signed = house.ask("get", "/").basic_auth(USER, Some(PASSWORD)).build().unwrap();
    request
        .headers_mut()
        .insert(AUTHORIZATION, signed.headers()["authorization"].clone());
    let (mut line, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let (mut delays, mut last) = (Vec::new(), 0);
    let begin = now_us();
    while now_us() - begin < for_.as_micros() as u64 {
        let message = line.next().await.unwrap().unwrap();
        let now = now_us();
        let Message::Binary(bytes) = message else { continue };
        let found = bytes.windows(16).position(|w| w == vigie_fake_camera::UUID);
        let Some(identity) = found.and_then(|at| Identity::read(&bytes[at + 16..])) else {
            continue;
        };
        assert!(identity.number > last, "{} after {last}", identity.number);
        // What was in the group of pictures before is older for a reason.
        if identity.sent_us > begin && last != 0 {
            delays.push((now - identity.sent_us) as f64 / 1000.0);
        }
        last = identity.number;
    }
    delays
}

#[test]
fn what_the_recorder_adds_to_a_live_picture() {
    let (_cameras, house) = started(1);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut delays = runtime.block_on(delays(&house, Duration::from_secs(pick(5, 60))));
    let (count, p99) = (delays.len(), p99(&mut delays));
    let middle = delays[count / 2];
    shown(
        2,
        &format!(
            "the recorder's part of a live picture's delay: {count} pictures, median {middle:.1} ms, p99 {p99:.1} ms"
        ),
        count > 50 && p99 <= pick(2_000.0, 100.0),
    );
}

/// By how much the number that is seen is late, in ms. Numbers come round every 8 s.
fn late(cameras: &FakeCameras, sample: &Value) -> f64 {
    let log = cameras.log(sample["camera"].as_str().unwrap(), "main").unwrap();
    let at_us = (sample["at"].as_f64().unwrap() * 1000.0) as u64;
    let due = (at_us - log.epoch_us) / PICTURE_US;
    let number = sample["number"].as_u64().unwrap();
    let first = log.ranges.last().unwrap();
    let place = |unit: u64| (first.first_unit as u64 + unit - first.first) % ROUND;
    let behind = (place(due) + ROUND - number) % ROUND;
    (at_us - log.due_us(due - behind)) as f64 / 1000.0
}

#[test]
fn sixteen_windows_in_chromium() {
    let (windows, seconds) = (pick(4, 16), pick(10, 1800));
    let (cameras, house) = started(windows);
    let (memory, _) = house.memory();
    let more = [
        ("VIGIE_WINDOWS", windows.to_string()),
        ("VIGIE_SECONDS", seconds.to_string()),
    ];
    let (seen, content) = visit("live.mjs", house.http(), USER, PASSWORD, &more);
    assert!(content);
    let seen: Value = serde_json::from_str(seen.lines().last().unwrap()).unwrap();
    let first: Vec<f64> = seen["first_ms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|ms| ms.as_f64().unwrap())
        .collect();
    let first = first.iter().copied().fold(f64::INFINITY, f64::min);
    shown(
        2,
        &format!("first picture of {windows} windows {first:.0} ms after the page was opened"),
        first <= pick(20_000.0, 1_000.0),
    );

    let samples = seen["samples"].as_array().unwrap();
    let mut late: Vec<f64> = samples.iter().map(|sample| late(&cameras, sample)).collect();
    let (count, worst) = (late.len(), p99(&mut late));
    let middle = late[count / 2];
    shown(
        2,
        &format!("from camera to screen, {count} numbers read back: median {middle:.0} ms, p99 {worst:.0} ms"),
        count >= windows && worst < 7_000.0,
    );

    let sum = |when: &str, what: &str| -> u64 {
        let pictures = seen[when]["pictures"].as_array().unwrap().iter();
        pictures.map(|picture| picture[what].as_u64().unwrap()).sum()
    };
    let total = sum("after", "total") - sum("before", "total");
    let dropped = sum("after", "dropped") - sum("before", "dropped");
    let expected = windows as u64 * seconds as u64 * 1_000_000 / PICTURE_US;
    let share = 100.0 * dropped as f64 / total.max(1) as f64;
    let work =
        (seen["after"]["work_s"].as_f64().unwrap() - seen["before"]["work_s"].as_f64().unwrap()) / seconds as f64;
    shown(
        2,
        &format!(
            "{windows} windows for {seconds} s: {total} pictures of {expected} due, {dropped} dropped ({share:.2} %), \
             the page's main thread {:.0} % busy",
            100.0 * work
        ),
        total * 100 >= expected * pick(50, 98) && share <= pick(50.0, 1.0),
    );

    let heap = |when: &str| seen[when]["heap"].as_f64().unwrap() / f64::from(1 << 20);
    let (before, middle, after) = (heap("before"), heap("middle"), heap("after"));
    let (now, _) = house.memory();
    shown(
        2,
        &format!(
            "memory of the page: {before:.1} MiB, half way {middle:.1}, at the end {after:.1}; \
             of the recorder: {memory} and {now} MiB"
        ),
        after <= 1.25 * before.max(middle) + 4.0 && now <= memory + memory / 4 + 32,
    );
}
