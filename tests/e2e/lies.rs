//! Cameras that lie, each in its own way, and what is recorded of them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use vigie_fake_camera::{
    AudioCodec, CameraSpec, FakeCameras, Lies, Recipe, SentLog, VideoClip, VideoCodec, audio, books::Footage,
};

use crate::{
    house::{Cam, House, PATIENCE, Setup, ffprobe_is_content, pick, shown, wait_for},
    recording::{clip, near_end, settle},
};

/// What may be missing of one camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// Nothing.
    Nothing,
    /// From a damaged unit to the next random access point.
    DamagedGops,
    /// So many units.
    Units(usize),
}

/// Numbers that are not on disk although nothing before them in their GOP was damaged.
fn unexplained(log: &SentLog, clips: &[Arc<VideoClip>], missing: &[u64]) -> Vec<u64> {
    let lens: Vec<usize> = clips.iter().map(|c| c.units.len()).collect();
    let (missing, damaged): (BTreeSet<u64>, BTreeSet<u64>) =
        (missing.iter().copied().collect(), log.damaged.iter().copied().collect());
    let mut tainted = false;
    let mut found = Vec::new();
    for number in log.numbers() {
        let (clip, unit) = log.unit_of(number, &lens).unwrap();
        if clips[clip].units[unit].rap {
            tainted = false;
        }
        tainted |= damaged.contains(&number);
        if missing.contains(&number) && !tainted {
            found.push(number);
        }
    }
    found
}

/// Checks one camera's footage and says what came of it.
fn judge(house: &House, log: &SentLog, clips: &[Arc<VideoClip>], bound: Bound) -> (bool, String) {
    let footage: Footage = house.footage(&log.camera, "main");
    let gaps = house.recordings(&log.camera, "main").gaps;
    let balance = footage.balance(log, &gaps, 250_000);
    let within = match bound {
        Bound::Nothing => balance.missing.is_empty(),
        Bound::Units(most) => balance.missing.len() <= most,
        Bound::DamagedGops => unexplained(log, clips, &balance.missing).is_empty(),
    };
    // Damage may reach the number itself.
    let strange = bound != Bound::DamagedGops && !balance.unknown.is_empty();
    let holds = within && !strange && balance.doubled.is_empty() && balance.on_disk > 0;
    let text = format!(
        "{}: {} sent, {} on disk, {} in gaps, {} missing ({} units damaged)",
        log.camera,
        balance.sent,
        balance.on_disk,
        balance.in_gaps,
        balance.missing.len(),
        log.damaged.len()
    );
    if !holds {
        eprintln!(
            "{text}; unexplained {:?}; unknown {:?}; doubled {:?}; gaps {gaps:?}",
            unexplained(log, clips, &balance.missing),
            balance.unknown,
            balance.doubled
        );
    }
    // Damaged pictures may make a decoder complain; nothing else may.
    if bound != Bound::DamagedGops {
        ffprobe_is_content(&footage);
    }
    (holds, text)
}

#[test]
fn codecs_and_sound() {
    let recipe = |codec| {
        Recipe {
            codec,
            ..Recipe::small()
        }
        .clip()
        .unwrap()
    };
    let cameras = FakeCameras::start(vec![
        CameraSpec::new("h265-aac")
            .stream("main", recipe(VideoCodec::H265))
            .audio(audio(AudioCodec::Aac).unwrap()),
        CameraSpec::new("mjpeg").stream("main", recipe(VideoCodec::Mjpeg)),
        CameraSpec::new("h264-pcmu")
            .stream("main", clip())
            .audio(audio(AudioCodec::Pcmu).unwrap()),
        CameraSpec::new("h264-pcma")
            .stream("main", clip())
            .audio(audio(AudioCodec::Pcma).unwrap()),
    ])
    .unwrap();
    let house = House::start(&Setup::of(&cameras));
    for name in cameras.names() {
        house.wait_recording(name, "main");
        let codec = house.stream(name, "main")["codec"].as_str().unwrap().to_owned();
        assert!(name.starts_with(&codec), "{name} is shown as {codec}");
    }
    std::thread::sleep(Duration::from_secs(pick(3, 20)));
    settle(&house, &cameras);
    for log in cameras.logs() {
        let (holds, text) = judge(&house, &log, &[], Bound::Nothing);
        let footage = house.footage(&log.camera, "main");
        let sound = log.audio_units == 0 || footage.audio_samples > 20;
        shown(
            9,
            &format!("{text}, {} packets of sound", footage.audio_samples),
            holds && sound,
        );
    }
}

#[test]
fn quirks_that_cost_nothing() {
    let quirks: Vec<(&str, Lies)> = vec![
        (
            "no-sdp-sets",
            Lies {
                no_parameter_sets_in_sdp: true,
                ..Lies::default()
            },
        ),
        (
            "sdp-sets-only",
            Lies {
                no_parameter_sets_in_band: true,
                ..Lies::default()
            },
        ),
        (
            "absolute-control",
            Lies {
                absolute_control: true,
                ..Lies::default()
            },
        ),
        (
            "no-base",
            Lies {
                no_content_base: true,
                ..Lies::default()
            },
        ),
        (
            "early-data",
            Lies {
                data_before_play_reply: true,
                ..Lies::default()
            },
        ),
        (
            "mid-gop",
            Lies {
                start_mid_gop: true,
                ..Lies::default()
            },
        ),
        (
            "no-reports",
            Lies {
                no_sender_reports: true,
                ..Lies::default()
            },
        ),
        (
            "drift",
            Lies {
                drift_ppm: 500.0,
                ..Lies::default()
            },
        ),
        (
            "no-markers",
            Lies {
                no_markers: true,
                ..Lies::default()
            },
        ),
        (
            "trickle",
            Lies {
                trickle_bytes_per_s: Some(150_000),
                ..Lies::default()
            },
        ),
    ];
    let specs = quirks
        .iter()
        .map(|(name, lies)| CameraSpec::new(*name).stream("main", clip()).lies(lies.clone()))
        .chain([CameraSpec::new("b-frames").stream(
            "main",
            Recipe {
                b_frames: 2,
                ..Recipe::small()
            }
            .clip()
            .unwrap(),
        )]);
    let cameras = FakeCameras::start(specs.collect()).unwrap();
    let house = House::start(&Setup::of(&cameras));
    for name in cameras.names() {
        house.wait_recording(name, "main");
    }
    std::thread::sleep(Duration::from_secs(pick(5, 30)));
    settle(&house, &cameras);
    for log in cameras.logs() {
        // Without markers the last unit's end never shows.
        let bound = if log.camera == "no-markers" {
            Bound::Units(1)
        } else {
            Bound::Nothing
        };
        let (holds, text) = judge(&house, &log, &[clip()], bound);
        shown(9, &text, holds);
    }
}

#[test]
fn changes_in_the_middle() {
    let other = Recipe {
        width: 480,
        height: 272,
        ..Recipe::small()
    }
    .clip()
    .unwrap();
    let names = ["forward", "back", "ssrc", "size"];
    let specs = names.map(|name| CameraSpec::new(name).stream("main", clip()).other_clip(other.clone()));
    let cameras = FakeCameras::start(specs.into()).unwrap();
    let house = House::start(&Setup::of(&cameras));
    for name in names {
        house.wait_recording(name, "main");
    }
    for round in 0..pick(1, 5) {
        cameras.jump("forward", 7200.0);
        cameras.jump("back", -7200.0);
        cameras.new_ssrc("ssrc");
        cameras.switch_clip("size", "main", (round + 1) % 2);
        std::thread::sleep(Duration::from_secs(3));
        for name in names {
            house.wait_recording(name, "main");
        }
    }
    let size = house.stream("size", "main");
    assert_eq!((&size["width"], &size["height"]), (&480.into(), &272.into()), "{size}");
    settle(&house, &cameras);
    let clips = [clip(), other];
    for log in cameras.logs() {
        assert_eq!(
            log.ranges.iter().map(|r| r.session).max(),
            Some(1),
            "{} was connected anew",
            log.camera
        );
        let bound = match log.camera.as_str() {
            "ssrc" => Bound::Units(pick(1, 5) * clips[0].gop_len()),
            _ => Bound::Nothing,
        };
        let (holds, text) = judge(&house, &log, &clips, bound);
        let footage = house.footage(&log.camera, "main");
        let sizes = footage.formats.len();
        let no_gap = house
            .recordings(&log.camera, "main")
            .gaps_before(near_end(&log))
            .is_empty();
        let files = if log.camera == "size" {
            sizes == 1 + pick(1, 5)
        } else {
            sizes == 1
        };
        let clock = footage.balance(&log, &[], 0).worst_clock_us;
        shown(
            9,
            &format!(
                "{text}, {sizes} picture sizes, clock off by {:.2} s at most",
                clock as f64 / 1e6
            ),
            holds && files && no_gap && clock < 2_000_000,
        );
    }
}

#[test]
fn damaged_packets() {
    let lies = |f: fn(&mut Lies)| {
        let mut lies = Lies::default();
        f(&mut lies);
        lies
    };
    let quirks = [
        ("udp-plain", true, lies(|_| ()), Bound::Nothing),
        ("udp-loss", true, lies(|l| l.loss_percent = 5.0), Bound::DamagedGops),
        ("udp-reorder", true, lies(|l| l.reorder_percent = 10.0), Bound::Nothing),
        ("udp-twice", true, lies(|l| l.duplicate_percent = 10.0), Bound::Nothing),
        (
            "udp-corrupt",
            true,
            lies(|l| l.corrupt_percent = 20.0),
            Bound::DamagedGops,
        ),
        (
            "tcp-corrupt",
            false,
            lies(|l| l.corrupt_percent = 20.0),
            Bound::DamagedGops,
        ),
        ("tcp-loss", false, lies(|l| l.loss_percent = 5.0), Bound::DamagedGops),
        (
            "tcp-garbage",
            false,
            lies(|l| l.garbage_percent = 5.0),
            Bound::DamagedGops,
        ),
    ];
    let mut specs: Vec<CameraSpec> = quirks
        .iter()
        .map(|(name, _, lies, _)| CameraSpec::new(*name).stream("main", clip()).lies(lies.clone()))
        .collect();
    specs.push(CameraSpec::new("neighbour").stream("main", clip()));
    let cameras = FakeCameras::start(specs).unwrap();
    let cams = quirks.iter().map(|(name, udp, ..)| {
        let cam = Cam::of(&cameras, name);
        if *udp { cam.udp() } else { cam }
    });
    let house = House::start(&Setup::new(cams.chain([Cam::of(&cameras, "neighbour")])));
    for name in cameras.names() {
        house.wait_recording(name, "main");
    }
    std::thread::sleep(Duration::from_secs(pick(6, 30)));
    // What comes last arrives whole.
    for (name, ..) in &quirks {
        cameras.lie(name, |l| *l = Lies::default());
    }
    std::thread::sleep(Duration::from_secs(2));
    settle(&house, &cameras);
    for log in cameras.logs() {
        let bound = quirks
            .iter()
            .find(|q| q.0 == log.camera)
            .map_or(Bound::Nothing, |q| q.3);
        let (holds, text) = judge(&house, &log, &[clip()], bound);
        shown(9, &text, holds);
    }
}

#[test]
fn a_random_access_point_a_minute() {
    let clip = Recipe {
        gop_s: 60,
        seconds: 60,
        ..Recipe::tiny()
    }
    .clip()
    .unwrap();
    let cameras = FakeCameras::start(vec![CameraSpec::new("smart").stream("main", clip.clone())]).unwrap();
    let house = House::start(&Setup::new([Cam::of(&cameras, "smart").segment("2s")]));
    house.wait_recording("smart", "main");
    std::thread::sleep(Duration::from_secs(pick(8, 130)));
    wait_for("recording", PATIENCE, || {
        (house.recorded_until("smart", "main") > 0).then_some(())
    });
    settle(&house, &cameras);
    let log = cameras.log("smart", "main").unwrap();
    let (holds, text) = judge(&house, &log, &[clip], Bound::Nothing);
    let starts = house
        .footage("smart", "main")
        .units
        .iter()
        .filter(|u| u.sample == 0)
        .all(|u| u.sync);
    shown(9, &format!("a random access point every 60 s, {text}"), holds && starts);
}
