//! What cameras send is on disk, whole, and nowhere a gap.

use std::{sync::Arc, time::Duration};

use vigie_fake_camera::{Account, AudioCodec, CameraSpec, FakeCameras, Recipe, Scheme, SentLog, VideoClip, audio};

use crate::house::{Cam, House, Setup, ffprobe_is_content, pick, shown, wait_for};

pub fn clip() -> Arc<VideoClip> {
    Recipe::small().clip().unwrap()
}

/// `cam0`, `cam1`, … with the small stream.
pub fn cameras(count: usize) -> FakeCameras {
    let specs = (0..count).map(|i| CameraSpec::new(format!("cam{i}")).stream("main", clip()));
    FakeCameras::start(specs.collect()).unwrap()
}

/// When the camera's last unit but a few was due: gaps from there on are the silence of [`settle`].
pub fn near_end(log: &SentLog) -> u64 {
    let last = log.ranges.iter().map(|r| r.last).max().unwrap_or(0);
    log.due_us(last) - 500_000
}

/// Lets the cameras fall silent and waits until the recorder has stored all they sent: from then
/// on, what was sent must be on disk, without the excuse of an end.
pub fn settle(house: &House, cameras: &FakeCameras) {
    settle_of(house, cameras, |_| true);
}

/// As [`settle`] where only some cameras are recorded.
pub fn settle_of(house: &House, cameras: &FakeCameras, recorded: impl Fn(&str) -> bool) {
    let names: Vec<String> = cameras.names().map(str::to_owned).collect();
    for name in &names {
        cameras.lie(name, |l| l.silent_after_play = true);
    }
    for log in cameras.logs().into_iter().filter(|log| recorded(&log.camera)) {
        let Some(last) = log.ranges.last().map(|r| r.last) else {
            continue;
        };
        // The last unit sent may be one that is shown before those sent before it.
        let found = |us: u64| us + 6 * log.interval_us >= log.due_us(last);
        wait_for(
            &format!("the last unit of {}", log.camera),
            Duration::from_secs(10),
            || found(house.recorded_until(&log.camera, &log.stream)).then_some(()),
        );
    }
    // The last fragment may still be on its way to the file.
    std::thread::sleep(Duration::from_secs(1));
}

#[test]
fn nothing_is_lost_over_tcp() {
    let count = pick(4, 64);
    let cameras = cameras(count);
    let mut house = House::start(&Setup::of(&cameras));
    for name in cameras.names() {
        house.wait_recording(name, "main");
    }
    std::thread::sleep(Duration::from_secs(pick(3, 60)));
    settle(&house, &cameras);
    let mut sent = 0;
    let mut all_hold = true;
    for log in cameras.logs() {
        let gaps = house.recordings(&log.camera, "main").gaps_before(near_end(&log));
        let balance = house.footage(&log.camera, "main").balance(&log, &[], 0);
        sent += balance.sent;
        let whole = balance.on_disk == balance.sent && balance.holds() && gaps.is_empty();
        if !whole {
            eprintln!("{}: {balance:?} {gaps:?}", log.camera);
        }
        all_hold &= whole;
    }
    house.terminate();
    shown(
        2,
        &format!("{count} cameras: {sent} access units sent, all on disk, no gap row"),
        all_hold,
    );
}

#[test]
fn both_streams_with_sound_and_an_account() {
    let account = Account {
        name: "viewer".into(),
        password: "s3cret".into(),
        scheme: Scheme::Digest,
    };
    let sub = Recipe::tiny().clip().unwrap();
    let cameras = FakeCameras::start(vec![
        CameraSpec::new("gate")
            .stream("main", clip())
            .audio(audio(AudioCodec::Aac).unwrap())
            .stream("sub", sub)
            .account(account),
    ])
    .unwrap();
    let cam = Cam::of(&cameras, "gate")
        .sub(cameras.url("gate", "sub"))
        .account("viewer", "s3cret");
    let mut house = House::start(&Setup::new([cam]));
    for stream in ["main", "sub"] {
        house.wait_recording("gate", stream);
    }
    let main = house.stream("gate", "main");
    assert_eq!(
        (&main["codec"], &main["audio"]),
        (&"h264".into(), &"aac".into()),
        "{main}"
    );
    assert_eq!((&main["width"], &main["height"]), (&640.into(), &360.into()), "{main}");
    settle(&house, &cameras);
    house.terminate();
    for log in cameras.logs() {
        let footage = house.footage("gate", &log.stream);
        let balance = footage.balance(&log, &[], 0);
        assert!(
            balance.holds() && balance.on_disk == balance.sent,
            "{}: {balance:?}",
            log.stream
        );
        assert!(balance.worst_clock_us < 500_000, "{balance:?}");
        ffprobe_is_content(&footage);
    }
    let main = house.footage("gate", "main");
    assert!(main.audio_samples > 20, "{} packets of sound", main.audio_samples);
    assert!(!house.log().contains("s3cret"), "a password in the log");
}

#[test]
fn a_camera_comes_and_goes_without_touching_its_neighbour() {
    let cameras = cameras(2);
    let one = Setup::new([Cam::of(&cameras, "cam0")]);
    let mut house = House::start(&one);
    house.wait_recording("cam0", "main");
    house.reconfigure(&Setup::of(&cameras));
    wait_for("the new camera", crate::house::PATIENCE, || {
        let all = house.get("/api/v1/cameras").json();
        (all.as_array().unwrap().len() == 2).then_some(())
    });
    house.wait_recording("cam1", "main");
    house.reconfigure(&one);
    wait_for("the camera's leaving", crate::house::PATIENCE, || {
        let all = house.get("/api/v1/cameras").json();
        (all.as_array().unwrap().len() == 1).then_some(())
    });
    wait_for("the camera's hanging up", crate::house::PATIENCE, || {
        (cameras.log("cam1", "main").unwrap().playing == 0).then_some(())
    });
    house.wait_recording("cam0", "main");
    let log = cameras.log("cam0", "main").unwrap();
    assert_eq!(log.ranges.len(), 1, "the neighbour was connected anew");
    cameras.lie("cam0", |l| l.silent_after_play = true);
    std::thread::sleep(Duration::from_secs(2));
    house.terminate();
    let log = cameras.log("cam0", "main").unwrap();
    let balance = house.footage("cam0", "main").balance(&log, &[], 0);
    assert!(balance.holds() && balance.on_disk == balance.sent, "{balance:?}");
}
