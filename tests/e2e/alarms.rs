//! From an alarm input to footage: what was acknowledged is in the log, what came before an event
//! is in its clip, and every second says why it was recorded.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    house::{Cam, House, PATIENCE, Setup, ffprobe_is_content, now_us, pick, shown, wait_for},
    recording::{cameras, settle},
};

const TOKEN: &str = "0123456789abcdef";
/// Of the fake cameras: a RAP every second.
const GOP_US: i64 = 1_000_000;
const PRE_US: i64 = 5_000_000;

/// An input and a rule for each camera; recorded on sensors only.
fn on_sensors(cameras: &vigie_fake_camera::FakeCameras, record: &'static str) -> Setup {
    let cams = cameras.names().map(|name| Cam::of(cameras, name).record(record));
    let mut setup = Setup::new(cams);
    for name in cameras.names() {
        write!(
            setup.more,
            "\n[[input]]\nid = \"in-{name}\"\nkind = \"http\"\ntoken = \"{TOKEN}\"\nhold = \"1s\"\n\
             [[rule]]\nid = \"rule-{name}\"\non = [\"sensor\"]\nfrom = [\"in-{name}\"]\nrecord = [\"{name}\"]\n"
        )
        .unwrap();
    }
    setup
}

fn report(house: &House, camera: &str, state: &str) -> Value {
    let body = json!({ "state": state }).to_string();
    let answer = house.post_with_token(&format!("/api/v1/inputs/in-{camera}"), TOKEN, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn micros(time: &Value) -> i64 {
    vigie_fake_camera::books::unix_us(time.as_str().unwrap()).unwrap()
}

fn recording_of(house: &House, event: &str) -> Value {
    let page = house.event_page("kind=sensor");
    let events = page["events"].as_array().unwrap();
    events.iter().find(|e| e["id"] == event).unwrap()["actions"][0].clone()
}

#[test]
fn a_recording_is_done_when_something_is_stored() {
    let cameras = cameras(1);
    let record = "mode = \"events\"\nmotion = \"off\"\nanalytics = \"off\"\npre_alarm = \"1s\"\npost_alarm = \"1s\"";
    let mut setup = on_sensors(&cameras, record);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    setup
        .cameras
        .push(Cam::new("cut", format!("rtsp://{nobody}/main")).record(record));
    setup.more += &on_sensors(&cameras, record).more.replace("cam0", "cut");
    let mut house = House::start(&setup);
    house.wait_state("cam0", "main", "live", PATIENCE);
    house.wait_state("cut", "main", "offline", PATIENCE);
    let [there, cut] = ["cam0", "cut"].map(|name| report(&house, name, "pulse")["event"].as_str().unwrap().to_owned());
    wait_for("what is stored", PATIENCE, || {
        (recording_of(&house, &there)["state"] == "done").then_some(())
    });
    let last = house.recordings("cam0", "main").segments;
    assert!(!last.is_empty(), "done, and nothing is there");
    let failed = wait_for("what is not", PATIENCE, || {
        let action = recording_of(&house, &cut);
        assert_ne!(action["state"], "done", "{action}");
        (action["state"] == "failed").then_some(action)
    });
    let why = failed["detail"].as_str().unwrap();
    assert!(why.starts_with("cut/main is offline: "), "{why}");
    house.terminate();
}

#[test]
fn clips_begin_before_their_events() {
    let (count, rounds) = (pick(2, 10), pick(2, 10));
    let cameras = cameras(count);
    let mut house = House::start(&on_sensors(
        &cameras,
        "mode = \"events\"\nmotion = \"off\"\nanalytics = \"off\"\npost_alarm = \"1s\"",
    ));
    for name in cameras.names() {
        house.wait_state(name, "main", "live", PATIENCE);
    }
    let mut rng = StdRng::seed_from_u64(4);
    let mut events: Vec<(String, i64)> = Vec::new();
    // The pre-alarm time of the first event must have come.
    std::thread::sleep(Duration::from_secs(8));
    for _ in 0..rounds {
        for name in cameras.names() {
            let told = report(&house, name, "pulse");
            let id = told["event"].as_str().unwrap().to_owned();
            let page = house.event_page(&format!("kind=sensor&source=input:in-{name}"));
            let event = page["events"]
                .as_array()
                .unwrap()
                .iter()
                .find(|e| e["id"] == id)
                .unwrap()
                .clone();
            events.push((name.to_owned(), micros(&event["start"])));
            std::thread::sleep(Duration::from_millis(rng.random_range(0..300)));
        }
        std::thread::sleep(Duration::from_millis(rng.random_range(9_000..11_000)));
    }
    settle_clips(&house, &cameras);
    let mut all_hold = true;
    let (mut least, mut most) = (i64::MAX, 0);
    for name in cameras.names() {
        let gaps = house.recordings(name, "main").gaps_before(now_us());
        let footage = house.footage(name, "main");
        let numbers: Vec<u64> = footage.units.iter().map(|u| u.identity.number).collect();
        let clips = clips_of(&numbers);
        let of_camera = events.iter().filter(|(camera, _)| camera == name);
        for (_, at) in of_camera {
            let number_at = |us: i64| footage.units.iter().position(|u| u.utc_us >= us);
            // The clip that holds the event.
            let held = number_at(*at).map(|unit| numbers[unit]);
            let clip = held.and_then(|held| clips.iter().find(|clip| clip.contains(&held)));
            let begin = clip.map(|clip| {
                let first = footage
                    .units
                    .iter()
                    .find(|u| u.identity.number == *clip.start())
                    .unwrap();
                (first.utc_us, first.sync)
            });
            let Some((begin, sync)) = begin else {
                eprintln!("{name}: no clip of the event at {at}");
                all_hold = false;
                continue;
            };
            let before = at - begin;
            least = least.min(before);
            most = most.max(before);
            // A clip that follows another one begins where that ends.
            let joined = clips.iter().any(|c| *c.end() + 1 == *clip.unwrap().start());
            let holds = sync && (before >= PRE_US || joined) && before <= PRE_US + GOP_US + 100_000;
            if !holds {
                eprintln!("{name}: the clip of the event at {at} begins {before} µs before it, sync {sync}");
            }
            all_hold &= holds;
        }
        if !gaps.is_empty() || clips.len() != rounds {
            eprintln!("{name}: {} clips, gaps {gaps:?}", clips.len());
            all_hold = false;
        }
        ffprobe_is_content(&footage);
    }
    house.terminate();
    let figure = format!(
        "{} events of {count} cameras: each clip begins {:.2} to {:.2} s before its event with a RAP, without a hole, no gap row",
        events.len(),
        least as f64 / 1e6,
        most as f64 / 1e6
    );
    shown(2, &figure, all_hold);
}

/// Waits until no clip is being recorded.
pub fn settle_clips(house: &House, cameras: &vigie_fake_camera::FakeCameras) {
    for name in cameras.names() {
        wait_for(&format!("the end of the clip of {name}"), PATIENCE, || {
            house.camera(name)["recording"].as_array()?.is_empty().then_some(())
        });
    }
    // The clip goes on to the end of its GOP.
    std::thread::sleep(Duration::from_secs(3));
}

/// Runs of numbers that follow each other.
pub fn clips_of(numbers: &[u64]) -> Vec<std::ops::RangeInclusive<u64>> {
    let sorted: BTreeSet<u64> = numbers.iter().copied().collect();
    assert_eq!(sorted.len(), numbers.len(), "a unit is there twice");
    let mut clips: Vec<std::ops::RangeInclusive<u64>> = Vec::new();
    for number in sorted {
        match clips.last_mut() {
            Some(clip) if *clip.end() + 1 == number => *clip = *clip.start()..=number,
            _ => clips.push(number..=number),
        }
    }
    clips
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let rounds = pick(4, 200);
    let cameras = cameras(1);
    let mut house = House::start(&on_sensors(&cameras, "mode = \"always\"\nsensor = \"always\""));
    let mut rng = StdRng::seed_from_u64(7);
    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    for round in 0..rounds {
        for step in 0..rng.random_range(1..6) {
            let state = if step % 2 == 0 { "active" } else { "inactive" };
            let body = json!({ "state": state }).to_string();
            let answer = house.post_with_token("/api/v1/inputs/in-cam0", TOKEN, &body);
            assert_eq!(answer.status, 200, "{}", answer.text());
            acknowledged.extend(answer.json()["event"].as_str().map(str::to_owned));
            let external = json!({ "kind": "external", "text": format!("round {round}") });
            let answer = house.post_json_as(crate::house::USER, "/api/v1/events", &external);
            assert_eq!(answer.status, 201, "{}", answer.text());
            acknowledged.insert(answer.json()["id"].as_str().unwrap().to_owned());
        }
        std::thread::sleep(Duration::from_millis(rng.random_range(0..50)));
        house.kill();
        house.run();
    }
    let mut found: BTreeSet<String> = BTreeSet::new();
    let mut next = String::new();
    loop {
        let page = house.event_page(&format!("limit=1000&kind=sensor,external{next}"));
        for event in page["events"].as_array().unwrap() {
            assert!(
                found.insert(event["id"].as_str().unwrap().to_owned()),
                "an event is there twice"
            );
        }
        match page["next"].as_str() {
            Some(before) => next = format!("&before={before}"),
            None => break,
        }
    }
    let missing = acknowledged.difference(&found).count();
    house.terminate();
    let figure = format!(
        "{rounds} × kill -9: of {} events that were acknowledged {missing} are not in the log",
        acknowledged.len()
    );
    shown(3, &figure, missing == 0);
}

#[test]
fn continuous_footage_says_which_seconds_an_event_wanted() {
    let cameras = cameras(1);
    let mut house = House::start(&on_sensors(
        &cameras,
        "mode = \"always\"\nsensor = \"always\"\npre_alarm = \"2s\"\npost_alarm = \"2s\"",
    ));
    house.wait_recording("cam0", "main");
    std::thread::sleep(Duration::from_secs(4));
    let begin = now_us() as i64;
    report(&house, "cam0", "active");
    wait_for("the cause", PATIENCE, || {
        let causes = house.camera("cam0")["recording"].clone();
        (causes == json!(["schedule", "sensor"])).then_some(())
    });
    std::thread::sleep(Duration::from_secs(3));
    let end = now_us() as i64;
    report(&house, "cam0", "inactive");
    wait_for("the end of the cause", PATIENCE, || {
        (house.camera("cam0")["recording"] == json!(["schedule"])).then_some(())
    });
    settle(&house, &cameras);
    let body = house.get("/api/v1/recordings?camera=cam0").json();
    let marks: Vec<&Value> = body["marks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|m| m["cause"] == "sensor")
        .collect();
    let [mark] = marks[..] else { panic!("{body}") };
    let (from, to) = (micros(&mark["start"]), micros(&mark["end"]));
    assert!((begin - 2_000_000 - from).abs() < 1_000_000, "{from} {begin}");
    assert!((end + 2_000_000 - to).abs() < 1_000_000, "{to} {end}");
    assert_eq!(body["gaps"], json!([]));
    house.terminate();
}

#[test]
fn recording_by_hand_begins_and_ends() {
    let cameras = cameras(1);
    let cam = Cam::of(&cameras, "cam0").record("mode = \"off\"");
    let mut house = House::start(&Setup::new([cam]));
    house.wait_state("cam0", "main", "live", PATIENCE);
    let by_hand = "/api/v1/cameras/cam0/manual";
    let answer = house.post_json_as(crate::house::USER, by_hand, &json!({ "seconds": 300 }));
    assert_eq!(answer.status, 201, "{}", answer.text());
    house.wait_recording("cam0", "main");
    assert_eq!(house.camera("cam0")["recording"], json!(["manual"]));
    // Asked for again it goes on for as long as is said then.
    let again = house.post_json_as(crate::house::USER, by_hand, &json!({ "seconds": 200 }));
    assert_eq!(again.status, 201, "{}", again.text());
    assert_ne!(again.json()["id"], answer.json()["id"]);
    let events = house.event_page("kind=manual");
    let ends: Vec<bool> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["end"].is_string())
        .collect();
    assert_eq!(ends, [false, true], "{events}");
    // What cannot be read asks for nothing, above all not for ever.
    let bad = house.post_json_as(crate::house::USER, by_hand, &json!({ "second": 3 }));
    assert_eq!(bad.status, 400, "{}", bad.text());
    let short = house.post_json_as(crate::house::USER, by_hand, &json!({ "seconds": 1 }));
    assert_eq!(short.status, 201, "{}", short.text());
    wait_for("its end", PATIENCE, || {
        house.camera("cam0")["recording"].as_array()?.is_empty().then_some(())
    });
    assert_eq!(
        house.delete_as(crate::house::USER, by_hand).status,
        204,
        "it has ended by itself"
    );
    wait_for("its outcome", PATIENCE, || {
        let event = &house.event_page("kind=manual")["events"][0];
        let done = event["actions"][0]["state"] == "done";
        (done && event["end"].is_string()).then_some(())
    });
    house.terminate();
}

#[test]
fn whoever_has_no_token_is_refused_and_bad_reports_are_explained() {
    let cameras = cameras(1);
    let mut house = House::start(&on_sensors(&cameras, "mode = \"always\"\nsensor = \"always\""));
    let post = |token: &str, input: &str, body: &str| {
        let answer = house.post_with_token(&format!("/api/v1/inputs/{input}"), token, body);
        (answer.status, answer.text())
    };
    assert_eq!(post("wrong", "in-cam0", "").0, 401);
    assert_eq!(post(TOKEN, "nobody", "").0, 401, "which inputs there are is not told");
    let (status, text) = post(TOKEN, "in-cam0", "{\"state\":\"aktiv\"}");
    assert_eq!(status, 400);
    assert!(text.contains("active") && text.contains("pulse"), "{text}");
    assert_eq!(post(TOKEN, "in-cam0", &"x".repeat(5000)).0, 400);
    assert_eq!(post(TOKEN, "in-cam0", "").0, 200);
    let bad = house.post_json_as(crate::house::USER, "/api/v1/events", &json!({ "kind": "disk_error" }));
    assert_eq!(bad.status, 400, "{}", bad.text());
    let bad = house.post_json_as(
        crate::house::USER,
        "/api/v1/events",
        &json!({ "kind": "external", "over": true }),
    );
    assert_eq!(bad.status, 400, "a moment has no end: {}", bad.text());
    house.terminate();
}

#[test]
fn a_pulse_that_a_kill_interrupts_is_over_after_its_hold() {
    let cameras = cameras(1);
    let mut house = House::start(&on_sensors(&cameras, "mode = \"always\"\nsensor = \"always\""));
    let told = report(&house, "cam0", "pulse");
    house.kill();
    house.run();
    let events = wait_for("the end of the pulse", PATIENCE, || {
        let page = house.event_page("kind=sensor");
        page["events"][0]["end"].is_string().then_some(page)
    });
    assert_eq!(events["events"].as_array().unwrap().len(), 1, "{events}");
    assert_eq!(events["events"][0]["id"], told["event"], "{events}");
    assert_eq!(house.get("/api/v1/inputs").json()[0]["active"], json!(false));
    house.terminate();
}

/// A device with two addresses: keeps what was asked for, and answers as it is told.
struct Relay {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    broken: Arc<AtomicBool>,
    /// It switches on, and says that it did not.
    unsure: Arc<AtomicBool>,
}

impl Relay {
    fn start() -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, broken) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let unsure = Arc::<AtomicBool>::default();
        let (seen, fails, lies) = (asked.clone(), broken.clone(), unsure.clone());
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut line = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                reader.read_line(&mut line).unwrap();
                let mut header = String::new();
                while reader.read_line(&mut header).is_ok_and(|read| read > 2) {
                    header.clear();
                }
                let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
                let lie = path == "/on" && lies.load(Ordering::SeqCst);
                let status = if lie || fails.load(Ordering::SeqCst) {
                    "500 Broken"
                } else {
                    "200 OK"
                };
                if !fails.load(Ordering::SeqCst) {
                    seen.lock().unwrap().push(path);
                }
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).ok();
            }
        });
        Relay {
            url,
            asked,
            broken,
            unsure,
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[test]
fn an_output_that_may_be_on_is_switched_off() {
    let (cameras, relay) = (cameras(1), Relay::start());
    relay.unsure.store(true, Ordering::SeqCst);
    let mut setup = on_sensors(&cameras, "mode = \"always\"");
    write!(
        setup.more,
        "outputs = [\"siren\"]\n[[output]]\nid = \"siren\"\nkind = \"http\"\non = \"{0}/on\"\noff = \"{0}/off\"\nhold = \"0s\"\n",
        relay.url
    )
    .unwrap();
    let mut house = House::start(&setup);
    let last = |path: &str| {
        wait_for(&format!("{path} to be asked for last"), PATIENCE, || {
            (relay.asked().last()? == path).then_some(())
        });
    };
    last("/off");
    report(&house, "cam0", "active");
    last("/on");
    report(&house, "cam0", "inactive");
    last("/off");
    house.terminate();
}

#[test]
fn an_output_follows_its_events_and_is_off_at_the_end() {
    let (cameras, relay) = (cameras(1), Relay::start());
    let mut setup = on_sensors(&cameras, "mode = \"always\"");
    write!(
        setup.more,
        "outputs = [\"siren\"]\n[[output]]\nid = \"siren\"\nkind = \"http\"\non = \"{0}/on\"\noff = \"{0}/off\"\nhold = \"0s\"\n",
        relay.url
    )
    .unwrap();
    let mut house = House::start(&setup);
    let wait = |what: &[&str]| {
        wait_for(&format!("the relay to be asked for {what:?}"), PATIENCE, || {
            (relay.asked() == what).then_some(())
        });
    };
    wait(&["/off"]);
    report(&house, "cam0", "active");
    wait(&["/off", "/on"]);
    let outcome = |house: &House, state: &str| {
        wait_for(&format!("the outcome {state}"), PATIENCE, || {
            let event = house.event_page("kind=sensor&limit=1")["events"][0].clone();
            let actions = event["actions"].as_array().unwrap();
            let siren = actions.iter().find(|action| action["target"] == "siren")?.clone();
            (siren["state"] == state).then_some(siren)
        })
    };
    outcome(&house, "done");
    report(&house, "cam0", "inactive");
    wait(&["/off", "/on", "/off"]);
    // A camera whose `sensor` is off is not recorded on it, and the event says so.
    let event = &house.event_page("kind=sensor&limit=1")["events"][0];
    let refused = &event["actions"][0];
    assert_eq!(refused["state"], "failed", "{event}");
    assert!(
        refused["detail"].as_str().unwrap().contains("record.sensor is off"),
        "{event}"
    );

    relay.broken.store(true, Ordering::SeqCst);
    let test = house.post("/api/v1/outputs/siren/test").json();
    let text = test["error"].as_str().unwrap_or_default();
    assert!(
        text.contains("/on: answered 500") && text.contains("expected 2xx"),
        "{test}"
    );
    report(&house, "cam0", "active");
    let failed = outcome(&house, "failed");
    assert!(failed["detail"].as_str().unwrap().contains("answered 500"), "{failed}");
    // It is tried on as long as it is wanted.
    relay.broken.store(false, Ordering::SeqCst);
    wait(&["/off", "/on", "/off", "/on"]);
    house.terminate();
    wait(&["/off", "/on", "/off", "/on", "/off"]);
}
