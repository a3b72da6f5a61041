//! The fake cameras themselves, checked with clients that are not ours.

#![allow(clippy::unwrap_used)]

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use vigie_fake_camera::{
    Account, AudioCodec, CameraSpec, FakeCameras, Recipe, Scheme, VideoClip, VideoCodec, audio, demux::Movie,
};

/// Numbers of the access units of the first video track, in order of the file.
fn numbers(movie: &Movie) -> Vec<u64> {
    let track = movie.video().unwrap();
    track
        .samples
        .iter()
        .map(|s| movie.identity(track, s).expect("a number").number)
        .collect()
}

/// Records with ffmpeg, without decoding, for so many video packets.
fn record(url: &str, transport: &str, frames: u32, to: &Path) -> std::process::Output {
    Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-rtsp_transport", transport, "-i", url])
        .args(["-map", "0", "-c:v", "copy", "-c:a", "copy", "-strict", "-2"])
        .args(["-frames:v", &frames.to_string(), "-f", "mov"])
        .arg(to)
        .output()
        .unwrap()
}

fn recipe(codec: VideoCodec, b_frames: u32) -> Arc<VideoClip> {
    Recipe {
        codec,
        b_frames,
        ..Recipe::small()
    }
    .clip()
    .unwrap()
}

fn consecutive(numbers: &[u64]) -> bool {
    numbers.windows(2).all(|w| w[1] == w[0] + 1)
}

#[test]
fn every_codec_over_tcp_and_udp() {
    let spec = |name: &str, clip| CameraSpec::new(name).stream("main", clip);
    let cameras = FakeCameras::start(vec![
        spec("plain", recipe(VideoCodec::H264, 0)).audio(audio(AudioCodec::Aac).unwrap()),
        spec("b", recipe(VideoCodec::H264, 2)).audio(audio(AudioCodec::Pcmu).unwrap()),
        spec("h265", recipe(VideoCodec::H265, 0)).audio(audio(AudioCodec::Pcma).unwrap()),
        spec("mjpeg", recipe(VideoCodec::Mjpeg, 0)),
    ])
    .unwrap();
    let folder = tempfile_dir("codecs");
    for (name, codec, sound) in [
        ("plain", VideoCodec::H264, true),
        ("b", VideoCodec::H264, true),
        ("h265", VideoCodec::H265, true),
        ("mjpeg", VideoCodec::Mjpeg, false),
    ] {
        for transport in ["tcp", "udp"] {
            let file = folder.join(format!("{name}-{transport}.mov"));
            let output = record(&cameras.url(name, "main"), transport, 60, &file);
            assert!(output.status.success(), "{name} {transport}: {output:?}");
            let movie = Movie::read(&file).unwrap();
            let track = movie.video().unwrap();
            assert_eq!(track.codec(), Some(codec), "{name}");
            let found = numbers(&movie);
            assert!(found.len() >= 50, "{name} {transport}: {} units", found.len());
            assert!(consecutive(&found), "{name} {transport}: {found:?}");
            assert_eq!(movie.audio().is_some_and(|a| a.samples.len() > 20), sound, "{name}");
            let reordered = track.samples.iter().any(|s| s.pts != s.dts);
            assert_eq!(reordered, name == "b", "{name}: presentation order");
        }
    }
}

#[test]
fn an_account_is_asked_for() {
    let clip = Recipe::tiny().clip().unwrap();
    let schemes = [
        ("digest", Scheme::Digest),
        ("basic", Scheme::Basic),
        ("both", Scheme::Both),
    ];
    let specs = schemes.map(|(name, scheme)| {
        let account = Account {
            name: "viewer".into(),
            password: "secret".into(),
            scheme,
        };
        CameraSpec::new(name).stream("main", clip.clone()).account(account)
    });
    let cameras = FakeCameras::start(specs.into()).unwrap();
    let folder = tempfile_dir("accounts");
    for (name, _) in schemes {
        let file = folder.join(format!("{name}.mov"));
        let url = cameras.url(name, "main");
        let with = |who: &str| url.replace("rtsp://", &format!("rtsp://{who}@"));
        assert!(
            record(&with("viewer:secret"), "tcp", 5, &file).status.success(),
            "{name}"
        );
        let refused = record(&with("viewer:wrong"), "tcp", 5, &file);
        assert!(
            String::from_utf8_lossy(&refused.stderr).contains("401"),
            "{name}: {refused:?}"
        );
        assert!(
            !record(&url, "tcp", 5, &file).status.success(),
            "{name} without an account"
        );
    }
}

#[test]
fn lies_are_told_and_written_down() {
    let clip = Recipe::small().clip().unwrap();
    let cameras = FakeCameras::start(vec![CameraSpec::new("c").stream("main", clip)]).unwrap();
    let folder = tempfile_dir("lies");
    let file = folder.join("lost.mov");
    cameras.lie("c", |l| l.loss_percent = 5.0);
    assert!(record(&cameras.url("c", "main"), "udp", 100, &file).status.success());
    let log = cameras.log("c", "main").unwrap();
    assert!(!log.damaged.is_empty());
    let movie = Movie::read(&file).unwrap();
    assert!(!numbers_that_are_there(&movie).is_empty());

    cameras.lie("c", |l| *l = Default::default());
    cameras.die("c", Duration::from_secs(1));
    assert!(!record(&cameras.url("c", "main"), "tcp", 5, &file).status.success());
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !record(&cameras.url("c", "main"), "tcp", 5, &file).status.success() {
        assert!(std::time::Instant::now() < deadline, "the camera does not come back");
    }
}

fn numbers_that_are_there(movie: &Movie) -> Vec<u64> {
    let track = movie.video().unwrap();
    track
        .samples
        .iter()
        .filter_map(|s| movie.identity(track, s))
        .map(|i| i.number)
        .collect()
}

fn tempfile_dir(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
