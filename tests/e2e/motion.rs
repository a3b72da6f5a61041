//! Motion in a camera's picture: told, recorded, and not looked for where nobody wants it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::{Value, json};
use vigie_fake_camera::{CameraSpec, FakeCameras, PASSES_S, Recipe, books::unix_us};

use crate::house::{Cam, House, PATIENCE, Setup, pick, shown, wait_for};

/// Of the film: nothing moves for so long, then a block goes by for so long.
const STILL_S: f64 = 6.0;
const MOVES_S: f64 = 3.0;

/// A film of 12 s at 10 pictures a second, which a camera plays over and over.
fn film(folder: &Path) -> PathBuf {
    let path = folder.join("film.mp4");
    let (from, to) = (STILL_S, STILL_S + MOVES_S);
    let graph = format!(
        "smptebars=s=640x360:r=10:d=12[bars];color=black:s=60x80:r=10:d=12[block];\
         [bars][block]overlay=x='if(between(t,{from},{to}),(t-{from})*200,-100)':y=150,format=yuv420p"
    );
    let output = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-y",
            "-filter_complex",
            &graph,
            "-c:v",
            "libx264",
            "-g",
            "20",
            "-bf",
            "0",
        ])
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    path
}

fn door(folder: &Path, record: &'static str, motion: &str) -> Setup {
    let url = format!("file://{}", film(folder).display());
    let mut setup = Setup::new([Cam::new("door", url).record(record)]);
    setup.more = format!("[camera.motion]\n{motion}\n");
    setup
}

fn micros(time: &Value) -> i64 {
    unix_us(time.as_str().unwrap()).unwrap()
}

/// Motion of the camera that is over, oldest first.
fn over(house: &House) -> Vec<Value> {
    let page = house.event_page("kind=motion&source=camera:door&limit=100");
    let mut events = page["events"].as_array().unwrap().clone();
    events.reverse();
    events.retain(|event| event["end"].is_string());
    events
}

#[test]
fn what_moves_is_told_and_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let record = "mode = \"events\"\nsensor = \"off\"\nanalytics = \"off\"\npre_alarm = \"2s\"\npost_alarm = \"1s\"";
    let mut house = House::start(&door(folder.path(), record, "hold = \"1s\""));
    wait_for("somebody to look", PATIENCE, || {
        (house.camera("door")["motion"]["watching"] == true).then_some(())
    });
    let events = wait_for("two times motion", PATIENCE, || {
        Some(over(&house)).filter(|all| all.len() >= 3)
    });
    // The first may have begun before anybody looked.
    for event in &events[1..3] {
        let (start, end) = (micros(&event["start"]), micros(&event["end"]));
        let seconds = (end - start) as f64 / 1e6;
        assert!((seconds - MOVES_S - 1.0).abs() < 1.5, "{event}");
        let [action] = &event["actions"].as_array().unwrap()[..] else {
            panic!("{event}")
        };
        assert_eq!(
            (&action["what"], &action["state"]),
            (&json!("record"), &json!("done")),
            "{event}"
        );
    }
    let body = house.get("/api/v1/recordings?camera=door").json();
    for event in &events[1..3] {
        let (start, end) = (micros(&event["start"]), micros(&event["end"]));
        let holds = |mark: &Value| {
            mark["cause"] == "motion"
                && micros(&mark["start"]) <= start - 1_000_000
                && (mark["end"].is_null() || micros(&mark["end"]) >= end)
        };
        assert!(body["marks"].as_array().unwrap().iter().any(holds), "{event} {body}");
    }
    house.terminate();
}

#[test]
fn what_moves_is_acted_on_in_time() {
    let times = pick(1, 10);
    let recipe = Recipe::passing();
    let clip = recipe.clip().unwrap();
    let comes = (PASSES_S[0] * recipe.fps) as usize;
    let length = clip.units.len();
    let cameras = FakeCameras::start(vec![CameraSpec::new("door").stream("main", clip)]).unwrap();
    let record = "mode = \"events\"\nsensor = \"off\"\nanalytics = \"off\"";
    let mut house = House::start(&Setup::new([Cam::of(&cameras, "door").record(record)]));
    wait_for("somebody to look", PATIENCE, || {
        (house.camera("door")["motion"]["watching"] == true).then_some(())
    });
    // The first may have begun before anybody looked.
    let longest = PATIENCE + Duration::from_secs(12 * times as u64);
    let events = wait_for("motion that is acted on", longest, || {
        Some(over(&house)).filter(|all| all.len() > times)
    });
    house.terminate();
    let log = cameras.log("door", "main").unwrap();
    let sent = log.numbers().into_iter();
    // When the pictures were due in which the block comes.
    let came = sent.filter(|number| log.unit_of(*number, &[length]).is_some_and(|(_, unit)| unit == comes));
    let came: Vec<i64> = came.map(|number| log.due_us(number) as i64).collect();
    let (mut off, mut delay) = (Vec::new(), Vec::new());
    for event in &events[1..] {
        let (start, acted) = (micros(&event["start"]), micros(&event["actions"][0]["at"]));
        let true_start = came.iter().min_by_key(|came| start.abs_diff(**came)).unwrap();
        off.push((start - true_start).abs() as f64 / 1e6);
        delay.push((acted - true_start) as f64 / 1e6);
    }
    let worst = |all: &[f64]| all.iter().copied().fold(0.0, f64::max);
    let mean = delay.iter().sum::<f64>() / delay.len() as f64;
    let figure = format!(
        "through the product: {} times motion, recorded {mean:.2} s after the camera's picture on average, {:.2} s at worst; \
         its event begins at most {:.2} s beside that picture",
        delay.len(),
        worst(&delay),
        worst(&off)
    );
    // A machine that does other things besides is slower.
    shown(5, &figure, worst(&delay) <= pick(3.0, 0.5) && worst(&off) <= 0.5);
}

#[test]
fn nobody_decodes_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut house = House::start(&door(folder.path(), "mode = \"always\"", ""));
    house.wait_recording("door", "main");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(house.threads("motion"), 0);
    assert_eq!(
        house.camera("door")["motion"],
        json!({ "watching": false, "moving": false, "skipped": 0, "error": null })
    );
    // Who looks has it looked for.
    wait_for("motion while somebody looks", PATIENCE, || {
        (house.get("/api/v1/cameras/door/motion").json()["moving"] == true).then_some(())
    });
    assert!(house.threads("motion") > 0);
    wait_for("nobody looking", PATIENCE, || {
        (house.camera("door")["motion"]["watching"] == false).then_some(())
    });
    wait_for("the end of the threads", PATIENCE, || {
        (house.threads("motion") == 0).then_some(())
    });
    assert_eq!(house.camera("door")["motion"]["moving"], false);
    wait_for("the end of the event", PATIENCE, || {
        (!over(&house).is_empty()).then_some(())
    });
    // A rule that waits for it is enough, from when it is there on.
    let rule = "\n[[rule]]\nid = \"r\"\non = [\"motion\"]\npopup_message = true\n";
    house.reconfigure(&door(folder.path(), "mode = \"always\"", rule));
    wait_for("the rule to want it", PATIENCE, || {
        (house.camera("door")["motion"]["watching"] == true).then_some(())
    });
    house.reconfigure(&door(
        folder.path(),
        "mode = \"always\"",
        &format!("enabled = false{rule}"),
    ));
    wait_for("the end of it", PATIENCE, || {
        (house.camera("door")["motion"]["watching"] == false).then_some(())
    });
    house.terminate();
}

#[cfg(feature = "fault-hooks")]
#[test]
fn a_panic_ends_what_moves_and_looks_again() {
    let folder = tempfile::tempdir().unwrap();
    let record = "mode = \"events\"\nsensor = \"off\"\nanalytics = \"off\"";
    let mut house = House::start(&door(folder.path(), record, "hold = \"1s\""));
    wait_for("motion", PATIENCE, || {
        (house.camera("door")["motion"]["moving"] == true).then_some(())
    });
    let answer = house.post("/api/v1/test/panic?actor=cameras/camera.door/motion");
    assert_eq!(answer.status, 202, "{}", answer.text());
    let first = wait_for("its end", PATIENCE, || over(&house).into_iter().next());
    wait_for("motion again", PATIENCE, || {
        let page = house.event_page("kind=motion&limit=1");
        (page["events"][0]["id"] != first["id"]).then_some(())
    });
    house.terminate();
}
