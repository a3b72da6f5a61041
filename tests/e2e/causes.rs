//! For each automatic mode of recording, and mixes of them: what is on disk, and which seconds of it
//! the timeline marks with which cause.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use vigie_fake_camera::{CameraSpec, FakeCameras, Recipe};

use crate::{
    house::{Cam, House, PATIENCE, Setup, now_us, shown, wait_for},
    recording::near_end,
};

const TOKEN: &str = "0123456789abcdef";
const PRE_US: i64 = 2_000_000;
const POST_US: i64 = 1_000_000;
/// From one RAP to the next: of the sub stream, the longer one.
const GOP_US: i64 = 2_000_000;
/// A recording may begin so long after its camera: two GOPs and a look, as the disk is opened meanwhile,
/// on a machine that does much else.
const BEGINS_WITHIN_US: u64 = 10_000_000;
/// How late a recording may look.
const LOOK_US: i64 = 1_000_000;

/// What is told sooner is told in time: nothing may be missing of its pre-alarm time, and nothing follows.
const TOLD_WITHIN_US: i64 = 1_000_000;

/// Name, keys of `[camera.record]`, and which causes are to be found in `main` and in `sub`.
type Mode = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const MODES: [Mode; 8] = [
    ("always", "mode = \"always\"", &["schedule"], &["schedule"]),
    (
        "motion",
        "mode = \"schedule\"\nmotion = \"always\"",
        &["motion"],
        &["motion"],
    ),
    (
        "sensor",
        "mode = \"schedule\"\nsensor = \"always\"",
        &["sensor"],
        &["sensor"],
    ),
    (
        "analytics",
        "mode = \"schedule\"\nanalytics = \"always\"",
        &["analytics"],
        &["analytics"],
    ),
    (
        "events",
        "mode = \"events\"",
        &["analytics", "motion", "sensor"],
        &["analytics", "motion", "sensor"],
    ),
    (
        "mixed",
        "mode = \"always\"\nmotion = \"always\"\nsensor = \"always\"\nanalytics = \"always\"",
        &["analytics", "motion", "schedule", "sensor"],
        &["analytics", "motion", "schedule", "sensor"],
    ),
    (
        "split",
        "mode = \"always\"\nsensor = \"always\"\ncontinuous_streams = [\"sub\"]\nevent_streams = [\"main\"]",
        &["sensor"],
        &["schedule"],
    ),
    (
        "another-day",
        "mode = \"schedule\"\ncontinuous = \"later\"\nmotion = \"later\"\nsensor = \"later\"\nanalytics = \"later\"",
        &[],
        &[],
    ),
];

fn micros(time: &Value) -> i64 {
    vigie_fake_camera::books::unix_us(time.as_str().unwrap()).unwrap()
}

fn record(mode: &Mode) -> &'static str {
    format!("{}\npre_alarm = \"2s\"\npost_alarm = \"1s\"", mode.1).leak()
}

/// A schedule that is on in three days.
fn later() -> String {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    // 1970-01-01 was a Thursday.
    let day = (now_us() / 86_400_000_000 + 3 + 3) % 7;
    format!(
        "[[schedule]]\nid = \"later\"\n{} = [\"00:00-24:00\"]\n",
        DAYS[day as usize]
    )
}

fn tell(house: &House, kind: &str, camera: &str, over: bool) {
    let event = json!({ "kind": kind, "camera": camera, "over": over });
    assert_eq!(house.tell(&event).status, 201);
}

fn press(house: &House, state: &str) {
    let answer = house.post_with_token("/api/v1/inputs/bell", TOKEN, &json!({ "state": state }).to_string());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// What a camera is recorded for, times in µs. A detector on a busy machine tells a beginning and an
/// end after they were: nobody can act on them before.
struct Wanted {
    start: i64,
    end: i64,
    /// At most this long after they were.
    start_told_after: i64,
    end_told_after: i64,
}

/// By id: when a beginning and an end were first seen in the log.
type Told = BTreeMap<String, (i64, Option<i64>)>;

/// Looks into the log until told to stop, and once more then.
fn listen(house: &House, stop: &AtomicBool) -> Told {
    let mut told = Told::new();
    loop {
        let last = stop.load(Ordering::Relaxed);
        let page = house.event_page("kind=motion&limit=1000");
        for event in page["events"].as_array().unwrap() {
            let id = event["id"].as_str().unwrap().to_owned();
            let (_, end) = told.entry(id).or_insert((now_us() as i64, None));
            if end.is_none() && event["end"].is_string() {
                *end = Some(now_us() as i64);
            }
        }
        if last {
            return told;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn wanted(house: &House, told: &Told, camera: &str, cause: &str) -> Vec<Wanted> {
    let source = match cause {
        "sensor" => "input:bell".to_owned(),
        _ => format!("camera:{camera}"),
    };
    let page = house.event_page(&format!("kind={cause}&source={source}&limit=1000"));
    let events = page["events"].as_array().unwrap().iter();
    events
        .map(|event| {
            let (start, end) = (micros(&event["start"]), micros(&event["end"]));
            let (seen, over) = told
                .get(event["id"].as_str().unwrap())
                .map_or((start, end), |(seen, over)| (*seen, over.expect("all were over")));
            Wanted {
                start,
                end,
                start_told_after: seen - start,
                end_told_after: over - end,
            }
        })
        .collect()
}

/// As [`crate::recording::settle`] for streams that are recorded all the time; others have no last unit to wait for.
fn settle_continuous(house: &House, cameras: &FakeCameras) {
    for name in cameras.names() {
        cameras.lie(name, |lies| lies.silent_after_play = true);
    }
    let last = |camera: &str, stream: &str| {
        let log = cameras.log(camera, stream).unwrap();
        log.due_us(log.ranges.last().unwrap().last) - 6 * log.interval_us
    };
    for (name, _, main, sub) in MODES {
        for (stream, causes) in [("main", main), ("sub", sub)] {
            wait_for(&format!("the last unit of {name}/{stream}"), PATIENCE, || {
                let whole = !causes.contains(&"schedule") || house.recorded_until(name, stream) >= last(name, stream);
                whole.then_some(())
            });
        }
    }
    // The last fragment may still be on its way to the file.
    std::thread::sleep(Duration::from_secs(1));
}

/// All that the modes record, and the end of it.
fn happens(house: &House, cameras: &FakeCameras) {
    // The pre-alarm time, and two GOPs.
    std::thread::sleep(Duration::from_secs(6));
    for (active, begin) in [("active", true), ("inactive", false)] {
        press(house, active);
        for name in cameras.names() {
            tell(house, "analytics", name, !begin);
        }
        std::thread::sleep(Duration::from_secs(2));
    }
    // Vigie looks where motion is recorded; of this camera another program says it.
    tell(house, "motion", "another-day", false);
    let looked_at = MODES.iter().filter(|mode| mode.2.contains(&"motion"));
    for (name, ..) in looked_at {
        wait_for(&format!("motion at {name}"), PATIENCE, || {
            let page = house.event_page(&format!("kind=motion&source=camera:{name}"));
            let events = page["events"].as_array()?;
            events.iter().any(|event| event["end"].is_string()).then_some(())
        });
    }
    tell(house, "motion", "another-day", true);
    // The block is gone for some seconds: no clip goes on.
    wait_for("the end of all clips", PATIENCE, || {
        let all = house.get("/api/v1/cameras").json();
        let mut all = all.as_array()?.iter();
        all.all(|camera| {
            let causes = camera["recording"].as_array().unwrap();
            causes.iter().all(|cause| cause == "schedule")
        })
        .then_some(())
    });
    // They go on to the end of their GOP.
    std::thread::sleep(Duration::from_micros(GOP_US as u64));
    settle_continuous(house, cameras);
    // Where nothing comes any more nothing moves, and no clip goes on.
    wait_for("the end of all motion and of all its marks", PATIENCE, || {
        let over = |spans: &Value| spans.as_array().unwrap().iter().all(|span| span["end"].is_string());
        let marks = |name: &str, stream: &str| {
            let body = house
                .get(&format!("/api/v1/recordings?camera={name}&stream={stream}"))
                .json();
            over(&body["marks"])
        };
        let mut streams = MODES.iter().flat_map(|mode| [(mode.0, "main"), (mode.0, "sub")]);
        let all = over(&house.event_page("kind=motion&limit=1000")["events"]);
        (all && streams.all(|(name, stream)| marks(name, stream))).then_some(())
    });
}

#[test]
fn each_mode_marks_what_it_recorded() {
    let (main, sub) = (Recipe::small().clip().unwrap(), Recipe::passing().clip().unwrap());
    let spec = |mode: &Mode| {
        let spec = CameraSpec::new(mode.0).stream("main", main.clone());
        spec.stream("sub", sub.clone())
    };
    let cameras = FakeCameras::start(MODES.iter().map(spec).collect()).unwrap();
    let cams = MODES.iter().map(|mode| {
        let cam = Cam::of(&cameras, mode.0).sub(cameras.url(mode.0, "sub"));
        cam.record(record(mode)).motion("hold = \"1s\"")
    });
    let mut setup = Setup::new(cams);
    write!(
        setup.more,
        "\n[[input]]\nid = \"bell\"\nkind = \"http\"\ntoken = \"{TOKEN}\"\n\
         [[rule]]\nid = \"bell\"\non = [\"sensor\"]\nrecord = [\"*\"]\n{}",
        later()
    )
    .unwrap();
    let mut house = House::start(&setup);
    for name in cameras.names() {
        for stream in ["main", "sub"] {
            house.wait_state(name, stream, "live", PATIENCE);
        }
    }
    let over = AtomicBool::new(false);
    let told = std::thread::scope(|scope| {
        let told = scope.spawn(|| listen(&house, &over));
        let happens = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| happens(&house, &cameras)));
        over.store(true, Ordering::Relaxed);
        if let Err(panic) = happens {
            std::panic::resume_unwind(panic);
        }
        told.join().unwrap()
    });
    let (mut all_hold, mut seconds, mut spans, mut worst_us) = (true, 0.0, 0, 0);
    let mut wrong = |text: String| {
        eprintln!("{text}");
        all_hold = false;
    };
    for (name, _, of_main, of_sub) in MODES {
        for (stream, expected) in [("main", of_main), ("sub", of_sub)] {
            let body = house
                .get(&format!("/api/v1/recordings?camera={name}&stream={stream}"))
                .json();
            let log = cameras.log(name, stream).unwrap();
            let end_us = near_end(&log) as i64;
            let (marks, segments) = (body["marks"].as_array().unwrap(), body["segments"].as_array().unwrap());
            // Which causes the timeline names.
            let in_segments = segments
                .iter()
                .flat_map(|segment| segment["causes"].as_array().unwrap());
            let named: BTreeSet<&str> = in_segments.filter_map(Value::as_str).collect();
            if named != expected.iter().copied().collect() {
                wrong(format!("{name}/{stream}: expected {expected:?}, seen {named:?}"));
            }
            let continuous = expected.contains(&"schedule");
            // Each event has its mark, from the pre-alarm time to the post-alarm time; and no more.
            let mut marked = Vec::new();
            for mark in marks {
                let cause = mark["cause"].as_str().unwrap();
                let (from, to) = (micros(&mark["start"]), micros(&mark["end"]));
                marked.push((from, to));
                let events = wanted(&house, &told, name, cause);
                let of_mark =
                    |event: &&Wanted| event.start - PRE_US <= to && event.end + event.end_told_after + POST_US >= from;
                let events: Vec<&Wanted> = events.iter().filter(of_mark).collect();
                let first = events.iter().min_by_key(|event| event.start);
                let last = events.iter().max_by_key(|event| event.end);
                let Some((first, last)) = first.zip(last).filter(|_| expected.contains(&cause)) else {
                    wrong(format!("{name}/{stream}: nobody wanted {mark}"));
                    continue;
                };
                let (early, late) = (first.start - PRE_US - from, to - last.end - POST_US);
                // It ends where the footage does, if not before.
                let ends_too_soon = to < (last.end + POST_US).min(end_us) - LOOK_US;
                // Of a clip whole GOPs.
                let gop = if continuous { 0 } else { GOP_US };
                worst_us = worst_us.max(early).max(late);
                let in_time = |told_after: i64| told_after <= TOLD_WITHIN_US;
                let misses = if in_time(first.start_told_after) {
                    100_000
                } else {
                    first.start_told_after
                };
                let exceeds = if in_time(last.end_told_after) {
                    0
                } else {
                    last.end_told_after
                };
                let begins = (-misses..=gop + LOOK_US).contains(&early);
                if !begins || ends_too_soon || late > gop + LOOK_US + exceeds {
                    wrong(format!(
                        "{name}/{stream}: {mark} begins {early} µs early and ends {late} µs late; told {} µs and {} µs \
                         after it was",
                        first.start_told_after, last.end_told_after
                    ));
                }
                spans += 1;
            }
            for cause in expected.iter().filter(|cause| **cause != "schedule") {
                for event in wanted(&house, &told, name, cause) {
                    // What is told later is recorded from what still waits in memory.
                    let start = event.start + (event.start_told_after - TOLD_WITHIN_US).max(0);
                    let end = event.end.min(end_us);
                    let holds = |mark: &Value| {
                        mark["cause"] == *cause && micros(&mark["start"]) <= start && micros(&mark["end"]) >= end
                    };
                    if !marks.iter().any(holds) {
                        wrong(format!(
                            "{name}/{stream}: no mark of {cause} from {start} to {end}: {body}"
                        ));
                    }
                }
            }
            // Nothing is on disk that no cause explains, and what is continuous is whole.
            let footage = house.footage(name, stream);
            seconds += footage.units.len() as f64 * log.interval_us as f64 / 1e6;
            let explained = |us: i64| {
                marked
                    .iter()
                    .any(|(from, to)| (from - 100_000..=to + 100_000).contains(&us))
            };
            let unexplained = footage.units.iter().filter(|unit| !explained(unit.utc_us)).count();
            if !continuous && unexplained > 0 {
                wrong(format!(
                    "{name}/{stream}: {unexplained} access units that no mark explains"
                ));
            }
            let balance = footage.balance(&log, &[], 0);
            let begins = balance.before_first as u64 * log.interval_us <= BEGINS_WITHIN_US;
            let all = || begins && balance.on_disk + balance.before_first == balance.sent && balance.holds();
            let whole = !continuous || all();
            let gaps = house.recordings(name, stream).gaps_before(end_us as u64);
            if !whole || !balance.doubled.is_empty() || !gaps.is_empty() {
                wrong(format!("{name}/{stream}: {balance:?} {gaps:?}"));
            }
        }
    }
    // What came outside its schedule was not recorded, and says why.
    for kind in ["motion", "analytics"] {
        let page = house.event_page(&format!("kind={kind}&source=camera:another-day"));
        let action = &page["events"][0]["actions"][0];
        let why = action["detail"].as_str().unwrap_or_default();
        if !why.contains(&format!("record.{kind} is later, not on now")) {
            wrong(format!("{action}"));
        }
    }
    house.terminate();
    let figure = format!(
        "{} modes and mixes, both streams: {seconds:.0} s of footage, each second with the causes it has and no other, {spans} \
         marks of events at most {:.1} s wider than wanted (clips are whole GOPs)",
        MODES.len(),
        worst_us as f64 / 1e6
    );
    shown(7, &figure, all_hold);
}
