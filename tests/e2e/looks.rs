//! What people look at while they set a recorder up: an address tried before it is saved, and the log.

use std::time::Instant;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use vigie_fake_camera::{CameraSpec, FakeCameras};

use crate::{
    house::{Answer, House, Setup, USER},
    recording::{cameras, clip},
};

fn probe(house: &House, body: &Value) -> Answer {
    house.send(house.ask_as(USER, "post", "/api/v1/probe", body))
}

#[test]
fn an_address_is_tried_before_it_is_saved() {
    let cameras = cameras(1);
    let house = House::start(&Setup::default());
    let url = cameras.url("cam0", "main");
    let seen = probe(&house, &json!({ "url": url }));
    assert_eq!(seen.status, 200, "{}", seen.text());
    let seen = seen.json();
    assert_eq!(seen["ok"], true, "{seen}");
    let video = &seen["streams"]["video"];
    assert_eq!(video["codec"], "h264", "{seen}");
    assert!(
        video["fps"].as_f64().unwrap() > 1.0 && video["bitrate_bps"].as_u64().unwrap() > 1000,
        "{seen}"
    );
    assert_eq!(
        (&seen["plays_in_browsers"], &seen["streams"]["audio"]),
        (&json!(true), &json!(null))
    );
    let picture = BASE64_STANDARD.decode(seen["picture"].as_str().unwrap()).unwrap();
    assert!(picture.starts_with(&[0xff, 0xd8]));
    let ahead_ms = |seen: &Value| seen["clock_offset_ms"].as_i64();
    assert!(ahead_ms(&seen).is_some_and(|ms| ms.abs() < 1000), "{seen}");
    assert_eq!(cameras.connections("cam0"), 1);
    cameras.lie("cam0", |lies| lies.clock_ahead_s = -7200);
    let behind = probe(&house, &json!({ "url": url })).json();
    assert!(
        ahead_ms(&behind).is_some_and(|ms| (ms + 7_200_000).abs() < 1000),
        "{behind}"
    );
    cameras.lie("cam0", |lies| lies.no_sender_reports = true);
    let untold = probe(&house, &json!({ "url": url })).json();
    assert_eq!(
        (&untold["ok"], &untold["clock_offset_ms"]),
        (&json!(true), &json!(null)),
        "{untold}"
    );
    // Nothing of it is kept.
    assert_eq!(house.get("/api/v1/cameras").json(), json!([]));
    // What is no address, nobody there, and who is not let in.
    assert_eq!(probe(&house, &json!({ "url": "gopher://x" })).status, 422);
    let nobody = probe(
        &house,
        &json!({ "url": "rtsp://127.0.0.1:1/x", "username": "a", "password": "hunter2" }),
    )
    .json();
    assert_eq!(
        (&nobody["ok"], &nobody["kind"]),
        (&json!(false), &json!("unavailable")),
        "{nobody}"
    );
    cameras.lie("cam0", |lies| lies.always_401 = true);
    let refused = probe(&house, &json!({ "url": url, "username": "a", "password": "hunter2" })).json();
    assert_eq!(
        (&refused["ok"], &refused["kind"]),
        (&json!(false), &json!("refused")),
        "{refused}"
    );
    assert!(!house.log().contains("hunter2") && !refused.to_string().contains("hunter2"));
}

#[test]
fn before_signing_in_only_cameras_that_say_so_are_seen() {
    let cameras = cameras(2);
    let house = House::start(&Setup::of(&cameras));
    house.wait_recording("cam0", "main");
    let nobody = |path: &str| house.get_signed_in(None, &format!("/api/v1{path}"));
    assert_eq!(nobody("/previews").json(), json!([]));
    assert_eq!(nobody("/previews/cam0.jpg").status, 404);
    let camera = house.get("/api/v1/config/camera/cam0").json();
    let mut shown = camera.clone();
    shown["preview"] = true.into();
    let changed = house.send(house.ask_as(USER, "put", "/api/v1/config/camera/cam0", &shown));
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(nobody("/previews").json()[0]["id"], "cam0");
    let picture = nobody("/previews/cam0.jpg");
    assert_eq!(picture.status, 200, "{}", picture.text());
    assert!(picture.body.starts_with(&[0xff, 0xd8]));
    assert_eq!(nobody("/previews/cam1.jpg").status, 404);
    assert_eq!(nobody("/cameras/cam0/snapshot.jpg").status, 401);
    // However many ask, it is made once.
    let same = (0..5).filter(|_| nobody("/previews/cam0.jpg").body == picture.body);
    assert!(same.count() >= 1);
    let hidden = house.send(house.ask_as(USER, "put", "/api/v1/config/camera/cam0", &camera));
    assert_eq!(hidden.status, 200, "{}", hidden.text());
    assert_eq!(nobody("/previews/cam0.jpg").status, 404);
    assert_eq!(house.recordings("cam0", "main").gaps, []);
}

#[test]
fn a_camera_that_answers_nothing_costs_no_more_than_fifteen_seconds() {
    let silent = FakeCameras::start(vec![CameraSpec::new("cam0").stream("main", clip())]).unwrap();
    silent.lie("cam0", |lies| lies.accept_silent = true);
    let house = House::start(&Setup::default());
    let begun = Instant::now();
    let answer = probe(&house, &json!({ "url": silent.url("cam0", "main") })).json();
    assert_eq!(answer["ok"], false, "{answer}");
    assert!(
        ["timeout", "unavailable"].contains(&answer["kind"].as_str().unwrap()),
        "{answer}"
    );
    assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
}

#[test]
fn the_log_is_searched_and_saved() {
    let cameras = cameras(1);
    let house = House::start(&Setup::of(&cameras));
    house.add_user("guard", "ordinary");
    house.wait_recording("cam0", "main");
    let log = |query: &str| {
        let answer = house.get(&format!("/api/v1/log?{query}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let live = log("text=camera%3Dcam0");
    let line = &live["lines"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&line["fields"]["camera"], &line["level"]),
        (&json!("cam0"), &json!("info")),
        "{live}"
    );
    let page = log("limit=1");
    let next = page["next"].as_u64().unwrap();
    assert!(
        log(&format!("limit=1&before={next}"))["lines"][0]["id"]
            .as_u64()
            .unwrap()
            < next
    );
    assert_eq!(log("level=error&text=nowhere")["lines"], json!([]));
    let text = house.get_with("/api/v1/log", &[("accept", "text/plain")]);
    assert!(
        text.header("content-disposition").contains("vigie-"),
        "{:?}",
        text.headers
    );
    assert!(
        text.text().lines().any(|line| line.contains("camera=cam0")),
        "{}",
        text.text()
    );
    assert_eq!(house.get("/api/v1/log?level=loud").status, 400);
    assert_eq!(house.get_as("guard", "/api/v1/log").status, 403);
}
