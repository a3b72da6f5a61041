#![allow(clippy::unwrap_used)]

use std::process::Command;

use super::DemoCameras;

/// What a foreign client sees at `url`: one `codec_type,codec_name,width,height` line a stream.
fn probe(url: &str) -> String {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-rtsp_transport", "tcp", "-timeout", "20000000"])
        .args([
            "-show_entries",
            "stream=codec_type,codec_name,width,height,sample_rate",
            "-of",
            "csv=p=0",
            url,
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "ffprobe {url}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn ffprobe_sees_picture_and_sound_of_both_cameras() {
    let demo = DemoCameras::start().unwrap();
    let [gate, yard] = demo.cameras() else {
        panic!("two cameras expected")
    };
    let seen = probe(&gate.main);
    assert!(seen.contains("h264,video,1280,720"), "{seen}");
    assert!(seen.contains("aac,audio,48000"), "{seen}");
    let seen = probe(&yard.main);
    assert!(
        seen.contains("h264,video,1280,720") && !seen.contains("audio"),
        "{seen}"
    );
    assert!(probe(&gate.sub).contains("h264,video,640,360"));
    assert!(probe(&yard.sub).contains("h264,video,640,360"));
}

#[test]
fn ends_at_once_when_dropped() {
    let demo = DemoCameras::start().unwrap();
    let address = demo.cameras()[0]
        .main
        .trim_start_matches("rtsp://")
        .trim_end_matches("/main")
        .to_owned();
    assert!(std::net::TcpStream::connect(&address).is_ok());
    drop(demo);
    assert!(std::net::TcpStream::connect(&address).is_err());
}
