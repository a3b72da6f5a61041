//! The picture that a rule stores is that of its event's moment: each picture of these cameras
//! shows its own number, and footage, read by a foreign demuxer, says which number was shown when.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use vigie_fake_camera::{CameraSpec, FakeCameras, Recipe, SentLog, books::Stored, number_shown};

use crate::{
    house::{Cam, House, Memory, PATIENCE, Setup, USER, now_us, pick, shown, wait_for},
    recording::{near_end, settle, settle_of},
};

/// Of the numbered recipe: pictures of one round, and from one to the next.
const ROUND: i64 = 200;
const PICTURE_US: i64 = 40_000;
const WIDTH: usize = 640;

const RULE: &str = "\n[[rule]]\nid = \"pictures\"\non = [\"external\"]\nsnapshot = [\"*\"]\n";

/// `cam0`, `cam1`, … whose pictures are numbered.
pub fn numbered(count: usize) -> FakeCameras {
    let clip = Recipe::numbered().clip().unwrap();
    let specs = (0..count).map(|i| CameraSpec::new(format!("cam{i}")).stream("main", clip.clone()));
    FakeCameras::start(specs.collect()).unwrap()
}

fn with_rule(cams: impl IntoIterator<Item = Cam>) -> Setup {
    Setup {
        more: RULE.into(),
        ..Setup::new(cams)
    }
}

pub fn micros(time: &Value) -> i64 {
    vigie_fake_camera::books::unix_us(time.as_str().unwrap()).unwrap()
}

/// Raises an event; it is in the log.
fn event(house: &House, text: &str) -> String {
    let told = house.post_json_as(USER, "/api/v1/events", &json!({ "kind": "external", "text": text }));
    assert_eq!(told.status, 201, "{}", told.text());
    told.json()["id"].as_str().unwrap().to_owned()
}

/// All external events, newest first, once none of their snapshots is planned any more.
fn settled(house: &House) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    wait_for("the outcome of every snapshot", PATIENCE, || {
        events.clear();
        let mut next = String::new();
        loop {
            let page = house.event_page(&format!("limit=1000&kind=external{next}"));
            events.extend(page["events"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(before) => next = format!("&before={before}"),
                None => break,
            }
        }
        let planned = |event: &Value| actions(event).any(|action| action["state"] == "planned");
        (!events.iter().any(planned)).then_some(())
    });
    events
}

fn actions(event: &Value) -> impl Iterator<Item = &Value> {
    let all = event["actions"].as_array().unwrap().iter();
    all.filter(|action| action["what"] == "snapshot")
}

/// By camera: what the list says of an event's pictures.
pub fn pictures(house: &House, event: &str) -> BTreeMap<String, Value> {
    let list = house.get(&format!("/api/v1/snapshots?event={event}")).json();
    let all = list["snapshots"].as_array().unwrap_or_else(|| panic!("{list}"));
    let name = |picture: &Value| picture["camera"].as_str().unwrap().to_owned();
    all.iter().map(|picture| (name(picture), picture.clone())).collect()
}

pub fn jpeg(house: &House, picture: &Value) -> Vec<u8> {
    let answer = house.get(&format!("/api/v1/snapshots/{}.jpg", picture["id"].as_str().unwrap()));
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "image/jpeg"),
        "{picture}"
    );
    answer.body
}

/// The number that a picture shows, by a foreign decoder.
pub fn number(jpeg: &[u8]) -> i64 {
    let mut child = Command::new("ffmpeg")
        .args([
            "-v", "error", "-f", "mjpeg", "-i", "-", "-f", "rawvideo", "-pix_fmt", "gray", "-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(jpeg).unwrap();
    let gray = child.wait_with_output().unwrap().stdout;
    assert_eq!(gray.len(), WIDTH * 360, "a whole picture");
    number_shown(&gray, WIDTH).expect("a numbered picture") as i64
}

/// Pictures that lie between two numbers, the shorter way round.
pub fn apart(one: i64, other: i64) -> i64 {
    let distance = (one - other).rem_euclid(ROUND);
    distance.min(ROUND - distance)
}

/// The number that was shown at a moment, by the footage; none in a hole of it.
pub fn recorded_number(units: &[Stored], log: &SentLog, at_us: i64) -> Option<i64> {
    let next = units.partition_point(|unit| unit.utc_us <= at_us);
    let unit = units.get(next.checked_sub(1)?)?;
    // Footage goes on behind it: it is no last picture before a hole.
    (units.get(next)?.utc_us - unit.utc_us < 2 * PICTURE_US).then_some(())?;
    number_in(unit.identity.number, log)
}

/// The last number before a moment, by the footage.
fn last_number(units: &[Stored], log: &SentLog, at_us: i64) -> Option<i64> {
    let next = units.partition_point(|unit| unit.utc_us <= at_us);
    number_in(units.get(next.checked_sub(1)?)?.identity.number, log)
}

/// The number that the camera was to show at a moment, by its own clock.
fn sent_number(log: &SentLog, at_us: i64) -> i64 {
    let due = (at_us - log.epoch_us as i64).div_euclid(PICTURE_US) as u64;
    number_in(due, log).unwrap()
}

fn number_in(unit: u64, log: &SentLog) -> Option<i64> {
    Some(log.unit_of(unit, &[ROUND as usize])?.1 as i64)
}

#[test]
fn the_picture_is_that_of_the_events_moment() {
    let (count, rounds) = (pick(4, 16), pick(6, 40));
    let cameras = numbered(count);
    let off = |name: &str| name.trim_start_matches("cam").parse::<usize>().unwrap() % 2 == 1;
    let cams = cameras.names().map(|name| {
        let cam = Cam::of(&cameras, name);
        if off(name) { cam.record("mode = \"off\"") } else { cam }
    });
    let mut house = House::start(&with_rule(cams));
    for name in cameras.names() {
        house.wait_state(name, "main", "live", PATIENCE);
        if !off(name) {
            house.wait_recording(name, "main");
        }
    }
    let mut rng = StdRng::seed_from_u64(5);
    for round in 0..rounds {
        std::thread::sleep(Duration::from_millis(rng.random_range(1_050..1_400)));
        event(&house, &format!("round {round}"));
    }
    let events = settled(&house);
    settle_of(&house, &cameras, |name| !off(name));
    let (mut all_hold, mut worst, mut worst_clock, mut latest, mut seen) = (true, 0, 0, 0, 0);
    let footage: BTreeMap<String, Vec<Stored>> = cameras
        .names()
        .filter(|name| !off(name))
        .map(|name| (name.to_owned(), house.footage(name, "main").units))
        .collect();
    for event in &events {
        let at = micros(&event["start"]);
        let taken = pictures(&house, event["id"].as_str().unwrap());
        for action in actions(event) {
            all_hold &= action["state"] == "done";
            latest = latest.max(micros(&action["at"]) - at);
        }
        for name in cameras.names() {
            let Some(picture) = taken.get(name) else {
                eprintln!("{name}: no picture of {event}");
                all_hold = false;
                continue;
            };
            seen += 1;
            let log = cameras.log(name, "main").unwrap();
            let number = number(&jpeg(&house, picture));
            // By the clock of the recorder, and for what is recorded by the footage itself.
            let before = at - micros(&picture["time"]);
            let holds = (0..PICTURE_US + 5_000).contains(&before);
            let distance = match footage.get(name) {
                Some(units) => apart(number, recorded_number(units, &log, at).unwrap()),
                None => {
                    worst_clock = worst_clock.max(apart(number, sent_number(&log, at)));
                    0
                }
            };
            worst = worst.max(distance);
            if !holds || distance > 1 {
                eprintln!("{name}: the picture began {before} µs before the event, {distance} pictures from footage");
                all_hold = false;
            }
        }
    }
    // What is on its way from the camera to the recorder's clock is not the picture's fault.
    all_hold &= worst_clock <= 5;
    for name in footage.keys() {
        let log = cameras.log(name, "main").unwrap();
        let gaps = house.recordings(name, "main").gaps_before(near_end(&log));
        let balance = house.footage(name, "main").balance(&log, &[], 0);
        if !(balance.holds() && gaps.is_empty()) {
            eprintln!("{name}: {balance:?} {gaps:?}");
            all_hold = false;
        }
    }
    house.terminate();
    let figure = format!(
        "{seen} snapshots of {} events at {count} cameras: at most {worst} pictures from what footage shows at that \
         moment ({worst_clock} from what the cameras that are not recorded sent then), stored {:.1} s after it at the latest",
        events.len(),
        latest as f64 / 1e6
    );
    shown(1, &figure, all_hold && seen == rounds * count);
}

#[test]
fn a_kill_between_event_and_picture_costs_neither() {
    let rounds = pick(4, 200);
    let cameras = numbered(1);
    let mut house = House::start(&with_rule([Cam::of(&cameras, "cam0")]));
    let mut rng = StdRng::seed_from_u64(9);
    let mut told = Vec::new();
    for round in 0..rounds {
        house.wait_recording("cam0", "main");
        std::thread::sleep(Duration::from_millis(1_100));
        told.push(event(&house, &format!("round {round}")));
        std::thread::sleep(Duration::from_millis(rng.random_range(0..2_500)));
        house.kill();
        house.run();
    }
    let events = settled(&house);
    settle(&house, &cameras);
    let log = cameras.log("cam0", "main").unwrap();
    let units = house.footage("cam0", "main").units;
    let (mut done, mut lost, mut all_hold) = (0, 0, true);
    for id in &told {
        let event = events.iter().find(|event| event["id"] == *id).unwrap();
        let at = micros(&event["start"]);
        let [action] = actions(event).collect::<Vec<_>>()[..] else {
            panic!("{event}")
        };
        let taken = pictures(&house, id);
        match (action["state"].as_str().unwrap(), taken.get("cam0")) {
            ("done", Some(picture)) => {
                done += 1;
                let before = at - micros(&picture["time"]);
                let shown = number(&jpeg(&house, picture));
                let recorded = recorded_number(&units, &log, at);
                let of_the_moment = (0..PICTURE_US + 5_000).contains(&before);
                let holds = match recorded {
                    Some(recorded) => of_the_moment && apart(shown, recorded) <= 1,
                    // The newest pictures went with the process: it was stored before that, or
                    // afterwards, from the last that are left.
                    None if of_the_moment => apart(shown, sent_number(&log, at)) <= 5,
                    None => (0..1_000_000).contains(&before) && last_number(&units, &log, at) == Some(shown),
                };
                if !holds {
                    eprintln!("{event}: {picture} shows {shown}, footage {recorded:?}");
                    all_hold = false;
                }
            }
            // What had not reached a file within the last second went with the process.
            ("failed", None) => {
                lost += 1;
                all_hold &= action["detail"].as_str().unwrap().contains("no picture of");
            }
            other => {
                eprintln!("{event}: {other:?}");
                all_hold = false;
            }
        }
        assert!(taken.len() < 2, "{taken:?}");
    }
    let list = house.get("/api/v1/snapshots?limit=1000").json();
    all_hold &= list["snapshots"].as_array().unwrap().len() == done && done > 0;
    house.terminate();
    let figure = format!(
        "{rounds} × kill -9 within 2.5 s of an event: {done} snapshots stored once and of their moment, {lost} said to be lost with the last second"
    );
    shown(3, &figure, all_hold);
}

#[test]
fn a_storm_of_events_is_bounded_and_each_says_what_became_of_it() {
    let storm = pick(400, 10_000);
    let cameras = numbered(2);
    let mut house = House::start(&with_rule(cameras.names().map(|name| Cam::of(&cameras, name))));
    for name in cameras.names() {
        house.wait_recording(name, "main");
    }
    let begin = now_us();
    for round in 0..storm {
        event(&house, &format!("round {round}"));
    }
    let seconds = (now_us() - begin) / 1_000_000;
    let events = settled(&house);
    settle(&house, &cameras);
    let mut counts = BTreeMap::<String, usize>::new();
    for action in events.iter().flat_map(actions) {
        let state = action["state"].as_str().unwrap().to_owned();
        if state == "failed" {
            let detail = action["detail"].as_str().unwrap();
            assert!(detail.contains("one for each 1 s at most"), "{detail}");
        }
        *counts.entry(state).or_default() += 1;
    }
    let done = counts.get("done").copied().unwrap_or(0) as u64;
    let mut all_hold = events.len() == storm && done >= 2 * seconds.max(1) * 8 / 10;
    for log in cameras.logs() {
        let gaps = house.recordings(&log.camera, "main").gaps_before(near_end(&log));
        let balance = house.footage(&log.camera, "main").balance(&log, &[], 0);
        if !(balance.holds() && gaps.is_empty()) {
            eprintln!("{}: {balance:?} {gaps:?}", log.camera);
            all_hold = false;
        }
    }
    house.terminate();
    let figure = format!("{storm} events in {seconds} s at 2 cameras: {counts:?}; recording lost nothing");
    shown(4, &figure, all_hold);
}

#[test]
fn a_camera_that_is_not_there_has_no_picture_and_the_event_says_why() {
    let cameras = numbered(1);
    let mut house = House::start(&with_rule([Cam::of(&cameras, "cam0")]));
    house.wait_recording("cam0", "main");
    cameras.die("cam0", Duration::from_secs(3600));
    house.wait_state("cam0", "main", "offline", PATIENCE);
    std::thread::sleep(Duration::from_secs(2));
    event(&house, "at night");
    let events = settled(&house);
    let action = actions(&events[0]).next().unwrap();
    assert_eq!(action["state"], "failed", "{action}");
    let detail = action["detail"].as_str().unwrap();
    assert!(detail.contains("cam0/main is offline since"), "{detail}");
    let by_hand = house.post("/api/v1/cameras/cam0/snapshots");
    assert_eq!(by_hand.status, 503, "{}", by_hand.text());
    assert!(by_hand.text().contains("is offline since"), "{}", by_hand.text());
    house.terminate();
}

#[test]
fn by_hand_listed_shown_and_deleted_by_those_who_may() {
    let cameras = numbered(1);
    let mut house = House::start(&with_rule([Cam::of(&cameras, "cam0").record("mode = \"off\"")]));
    house.add_user("guard", "ordinary");
    house.wait_state("cam0", "main", "live", PATIENCE);
    let take = "/api/v1/cameras/cam0/snapshots";
    assert_eq!(house.post_json_as("guard", take, &json!({})).status, 403);
    assert_eq!(house.post("/api/v1/cameras/nowhere/snapshots").status, 404);
    let before = now_us() as i64;
    let taken = house.post(take);
    assert_eq!(taken.status, 201, "{}", taken.text());
    let id = taken.json()["id"].as_str().unwrap().to_owned();
    let list = house.get_as("guard", "/api/v1/snapshots?camera=cam0").json();
    let [picture] = &list["snapshots"].as_array().unwrap()[..] else {
        panic!("{list}")
    };
    assert_eq!(
        (&picture["id"], &picture["event"]),
        (&json!(id), &Value::Null),
        "{list}"
    );
    assert!((micros(&picture["time"]) - before).abs() < 2_000_000, "{list}");
    let path = format!("/api/v1/snapshots/{id}.jpg");
    let shown = house.get_as("guard", &path);
    number(&shown.body);
    let caption = String::from_utf8_lossy(&shown.body[..400]).into_owned();
    assert!(
        caption.contains("stream=cam0/main") && caption.contains(&format!("by={USER}")),
        "{caption}"
    );
    // The same file, beside where footage would be.
    let file = walk(&house.root.join("disk1/cam0/snapshots"));
    assert_eq!(fs::read(&file[0]).unwrap(), shown.body);
    for bad in ["event=x", "before=x", "from=x", "camera=A"] {
        assert_eq!(house.get(&format!("/api/v1/snapshots?{bad}")).status, 400, "{bad}");
    }
    for missing in ["x", "cam0.20200101T000000.000Z-by-hand", "..%2f..%2fx"] {
        assert_eq!(
            house.get(&format!("/api/v1/snapshots/{missing}.jpg")).status,
            404,
            "{missing}"
        );
    }
    assert_eq!(house.delete_as("guard", &path).status, 403);
    let deleted = house.delete_as(USER, &format!("{path}?note=request%2017"));
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    assert_eq!(house.delete_as(USER, &path).status, 404);
    let told = house.get("/api/v1/footage/deletions").json();
    assert_eq!(
        (&told[0]["snapshot"], &told[0]["by"]),
        (&json!(id), &json!(USER)),
        "{told}"
    );
    assert_eq!(house.get("/api/v1/snapshots").json()["snapshots"], json!([]));
    house.terminate();
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(walk(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

#[test]
fn a_disk_without_room_hands_over_to_the_next_and_without_any_the_event_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mounts = ["disk1", "disk2"].map(|disk| Memory::new(&folder.path().join(disk), 32 << 20));
    if mounts.iter().any(Option::is_none) {
        eprintln!("left out: no root");
        return;
    }
    let cameras = numbered(1);
    let setup = Setup {
        two_disks: true,
        ..with_rule([Cam::of(&cameras, "cam0").record("mode = \"off\"")])
    };
    let mut house = House::prepare(&setup, Some(folder.path()));
    house.run();
    house.wait_state("cam0", "main", "live", PATIENCE);
    let fill = |disk: &str| {
        let ballast = fs::File::create(folder.path().join(disk.replace('d', "disk")).join("film.mkv")).unwrap();
        let mut taken = 0;
        for step in [1u64 << 20, 1 << 12] {
            while rustix::fs::fallocate(&ballast, rustix::fs::FallocateFlags::empty(), taken, step).is_ok() {
                taken += step;
            }
        }
    };
    let disk_of = |text: &str| {
        std::thread::sleep(Duration::from_millis(1_100));
        let id = event(&house, text);
        settled(&house);
        let taken = pictures(&house, &id);
        taken
            .get("cam0")
            .map(|picture| picture["disk"].as_str().unwrap().to_owned())
    };
    let first = disk_of("first").unwrap();
    // The oldest goes on a disk that is full: its own pictures, then nothing is left to go.
    let own = walk(&folder.path().join(first.replace('d', "disk")).join("cam0/snapshots"));
    own.iter().for_each(|file| fs::remove_file(file).unwrap());
    fill(&first);
    let second = disk_of("second").unwrap();
    assert_ne!(first, second);
    let own = walk(&folder.path().join(second.replace('d', "disk")).join("cam0/snapshots"));
    own.iter().for_each(|file| fs::remove_file(file).unwrap());
    fill(&second);
    assert_eq!(disk_of("third"), None);
    let page = house.event_page("kind=external&limit=1");
    let action = actions(&page["events"][0]).next().unwrap();
    let detail = action["detail"].as_str().unwrap();
    assert!(
        action["state"] == "failed" && detail.contains("disk d1:") && detail.contains("disk d2:"),
        "{action}"
    );
    house.terminate();
    drop(house);
}

#[test]
fn the_oldest_pictures_go_when_they_take_more_than_they_may() {
    let cameras = numbered(1);
    let mut setup = with_rule([Cam::of(&cameras, "cam0").record("mode = \"off\"")]);
    setup.more += "[snapshots]\nmax_size = \"100 MiB\"\n";
    let mut house = House::start(&setup);
    house.wait_state("cam0", "main", "live", PATIENCE);
    assert_eq!(house.post("/api/v1/cameras/cam0/snapshots").status, 201);
    house.terminate();
    // Files are all there is: these could come from a copy of the disk.
    let day = house.root.join("disk1/cam0/snapshots/2026-01-01/00");
    fs::create_dir_all(&day).unwrap();
    for minute in 0..3 {
        let mut bytes = vec![0; 40 << 20];
        bytes[..2].copy_from_slice(&[0xff, 0xd8]);
        bytes.extend([0xff, 0xd9]);
        let mut name = String::new();
        write!(name, "20260101T000{minute}00.000Z-by-hand.jpg").unwrap();
        fs::write(day.join(name), bytes).unwrap();
    }
    house.run();
    let left = || {
        house.get("/api/v1/snapshots").json()["snapshots"]
            .as_array()
            .unwrap()
            .len()
    };
    wait_for("the oldest to go", PATIENCE, || (left() == 3).then_some(()));
    assert!(!day.join("20260101T000000.000Z-by-hand.jpg").exists());
    wait_for("the disk to say so", PATIENCE, || {
        let bytes = house.disk("d1")["snapshot_bytes"].as_u64()?;
        (80 << 20..100 << 20).contains(&bytes).then_some(())
    });
    house.terminate();
}

#[cfg(feature = "fault-hooks")]
#[test]
fn an_actor_that_panics_loses_no_picture() {
    let cameras = numbered(2);
    let cams = cameras
        .names()
        .map(|name| Cam::of(&cameras, name).record("mode = \"off\""));
    let mut house = House::start(&with_rule(cams));
    for name in cameras.names() {
        house.wait_state(name, "main", "live", PATIENCE);
    }
    for round in 0..3 {
        std::thread::sleep(Duration::from_millis(1_100));
        event(&house, &format!("round {round}"));
        for actor in ["snapshot", "registry"] {
            house.post(&format!("/api/v1/test/panic?actor={actor}"));
        }
    }
    let events = settled(&house);
    assert_eq!(events.len(), 3);
    for action in events.iter().flat_map(actions) {
        assert_eq!(action["state"], "done", "{action}");
    }
    let list = house.get("/api/v1/snapshots").json();
    assert_eq!(list["snapshots"].as_array().unwrap().len(), 6, "each once: {list}");
    house.terminate();
}
