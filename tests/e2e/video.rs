//! `video.mp4`: any range of what is recorded.

use std::{fs, process::Command, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use vigie_fake_camera::{AudioCodec, CameraSpec, FakeCameras, audio, demux::Movie};

use crate::{
    house::{Cam, House, PATIENCE, Setup, now_us, pick, rfc3339, shown, wait_for},
    recording::clip,
};

fn path(from: u64, to: u64) -> String {
    format!(
        "/api/v1/cameras/gate/video.mp4?stream=main&from={}&to={}",
        rfc3339(from),
        rfc3339(to)
    )
}

/// Length in seconds, by ffprobe, after ffmpeg has decoded everything without a word.
fn played_length(file: &std::path::Path) -> f64 {
    let decoded = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(file)
        .args(["-f", "null", "-"])
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&decoded.stderr).into_owned();
    assert!(decoded.status.success() && complaint.is_empty(), "ffmpeg: {complaint}");
    let output = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-select_streams",
            "v",
            "-show_entries",
            "stream=duration",
            "-of",
            "csv=p=0",
        ])
        .arg(file)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .trim_end_matches(',')
        .parse()
        .unwrap()
}

#[test]
fn any_range_plays() {
    let count = pick(12, 200);
    let gate = CameraSpec::new("gate")
        .stream("main", clip())
        .audio(audio(AudioCodec::Aac).unwrap());
    let cameras = FakeCameras::start(vec![gate]).unwrap();
    let house = House::start(&Setup::new([Cam::of(&cameras, "gate").segment("4s")]));
    house.wait_recording("gate", "main");
    std::thread::sleep(Duration::from_secs(pick(14, 60)));
    let first = house.recordings("gate", "main").segments[0].0;
    let mut rng = StdRng::seed_from_u64(7);
    let file = house.folder.path().join("range.mp4");
    let (mut worst, mut failures) = (0f64, Vec::new());
    for i in 0..count {
        let until = house.recorded_until("gate", "main");
        // Every fourth range ends now or later: it is clipped to what is stored.
        let open = i % 4 == 0;
        let from = rng.random_range(first..until - 1_000_000);
        let to = if open {
            now_us() + 1_000_000
        } else {
            rng.random_range(from + 200_000..until)
        };
        let answer = house.get(&path(from, to));
        assert_eq!(answer.status, 200, "{}: {}", path(from, to), answer.text());
        fs::write(&file, &answer.body).unwrap();
        let length = played_length(&file);
        let wanted = (to.min(house.recorded_until("gate", "main")) - from) as f64 / 1e6;
        // What is stored grows while we ask: an open range may be shorter by that.
        let slack = if open { 1.5 } else { 0.05 };
        let off = (length - wanted).abs();
        if !open {
            worst = worst.max(off);
        }
        if off > slack {
            failures.push(format!("{wanted:.3} s wanted, {length:.3} s got"));
        }
        let movie = Movie::parse(answer.body).unwrap();
        let track = movie.video().unwrap();
        let numbers: Vec<u64> = track
            .samples
            .iter()
            .filter_map(|s| movie.identity(track, s))
            .map(|i| i.number)
            .collect();
        if numbers.len() != track.samples.len() || numbers.windows(2).any(|w| w[1] != w[0] + 1) {
            failures.push(format!("units {numbers:?} of {} samples", track.samples.len()));
        }
    }
    if !failures.is_empty() {
        eprintln!("{failures:#?}");
    }
    shown(
        7,
        &format!("{count} ranges play, length off by {:.3} s at most", worst),
        failures.is_empty(),
    );
}

#[test]
fn byte_ranges_and_empty_ranges() {
    let cameras = FakeCameras::start(vec![CameraSpec::new("gate").stream("main", clip())]).unwrap();
    let house = House::start(&Setup::new([Cam::of(&cameras, "gate").segment("2s")]));
    house.wait_recording("gate", "main");
    std::thread::sleep(Duration::from_secs(5));
    let first = house.recordings("gate", "main").segments[0].0;
    let path = path(first + 500_000, first + 3_500_000);
    let whole = house.get(&path);
    assert_eq!(whole.status, 200, "{}", whole.text());
    assert_eq!(whole.header("content-type"), "video/mp4");
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let etag = whole.header("etag").to_owned();
    assert!(etag.starts_with('"'), "a strong ETag: {etag}");
    assert!(
        whole.header("content-location").contains("from="),
        "{:?}",
        whole.headers
    );
    let len = whole.body.len();
    for (range, start, end) in [
        ("bytes=0-99".to_owned(), 0, 100),
        ("bytes=100-".to_owned(), 100, len),
        (format!("bytes={}-{}", len / 3, len / 2), len / 3, len / 2 + 1),
        ("bytes=-500".to_owned(), len - 500, len),
        (format!("bytes={}-{}", len - 10, len + 1000), len - 10, len),
    ] {
        let part = house.get_with(&path, &[("Range", &range)]);
        assert_eq!(part.status, 206, "{range}: {}", part.text());
        assert_eq!(part.header("content-range"), format!("bytes {start}-{}/{len}", end - 1));
        assert_eq!(part.header("etag"), etag, "{range}");
        assert!(part.body == whole.body[start..end], "{range}: other bytes");
    }
    let beyond = house.get_with(&path, &[("Range", &format!("bytes={len}-"))]);
    assert_eq!(beyond.status, 416);
    let other = house.get_with(&path, &[("Range", "bytes=0-9"), ("If-Range", "\"other\"")]);
    assert_eq!(
        (other.status, other.body.len()),
        (200, len),
        "If-Range with another ETag gives all"
    );
    let same = house.get_with(&path, &[("If-None-Match", &etag)]);
    assert_eq!(same.status, 304);
    let empty = house.get(&self::path(first - 60_000_000, first - 30_000_000));
    assert_eq!(
        (empty.status, &empty.json()["code"]),
        (404, &"no_footage".into()),
        "{}",
        empty.text()
    );
    let backwards = house.get(&self::path(first + 2_000_000, first + 1_000_000));
    assert_eq!(
        (backwards.status, &backwards.json()["code"]),
        (400, &"bad_request".into())
    );
    let nowhere = house.get(&path.replace("/gate/", "/nowhere/"));
    assert_eq!((nowhere.status, &nowhere.json()["code"]), (404, &"no_camera".into()));
    shown(7, "byte ranges, ETag and problem codes of video.mp4", true);
}

/// The first picture in `bytes`, small, as RGB: the ranges of luma differ.
fn small(house: &House, bytes: &[u8]) -> Vec<u8> {
    let file = house.folder.path().join("picture");
    fs::write(&file, bytes).unwrap();
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&file)
        .args([
            "-frames:v",
            "1",
            "-vf",
            "scale=160:90",
            "-pix_fmt",
            "rgb24",
            "-f",
            "rawvideo",
            "-",
        ])
        .output()
        .unwrap();
    assert_eq!(
        output.stdout.len(),
        160 * 90 * 3,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn distance(a: &[u8], b: &[u8]) -> f64 {
    let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}

#[test]
fn pictures_of_the_past() {
    let cameras = FakeCameras::start(vec![CameraSpec::new("gate").stream("main", clip())]).unwrap();
    let house = House::start(&Setup::new([Cam::of(&cameras, "gate").segment("2s")]));
    house.wait_recording("gate", "main");
    let first = house.recordings("gate", "main").segments[0].0;
    let moments: Vec<u64> = (1..6).map(|n| first + n * 777_777).collect();
    wait_for("five seconds of footage", PATIENCE, || {
        (house.recorded_until("gate", "main") > first + 5_000_000).then_some(())
    });
    // A clip begins with the first picture that comes within it: the one shown at that moment came
    // up to a picture's duration before.
    let films: Vec<Vec<u8>> = moments
        .iter()
        .map(|at| small(&house, &house.get(&path(*at - 39_900, *at + 200_000)).body))
        .collect();
    for (at, film) in moments.iter().zip(&films) {
        let still = house.get(&format!("/api/v1/cameras/gate/snapshot.jpg?at={}", rfc3339(*at)));
        assert_eq!(
            (still.status, still.header("content-type")),
            (200, "image/jpeg"),
            "{}",
            still.text()
        );
        let still = small(&house, &still.body);
        let near = distance(&still, film);
        let others = films
            .iter()
            .filter(|other| *other != film)
            .map(|other| distance(&still, other));
        let nearest = others.fold(f64::MAX, f64::min);
        assert!(
            near * 2.0 < nearest,
            "{near} from its own moment, {nearest} from another"
        );
    }
    let before = rfc3339(first - 60_000_000);
    let nothing = house.get(&format!("/api/v1/cameras/gate/snapshot.jpg?at={before}"));
    assert_eq!((nothing.status, &nothing.json()["code"]), (404, &"no_footage".into()));
    let wrong = house.get("/api/v1/cameras/gate/snapshot.jpg?at=yesterday");
    assert_eq!((wrong.status, &wrong.json()["code"]), (400, &"bad_request".into()));
}

#[test]
fn methods_are_those_of_the_description() {
    let cameras = FakeCameras::start(vec![CameraSpec::new("gate").stream("main", clip())]).unwrap();
    let house = House::start(&Setup::new([Cam::of(&cameras, "gate")]));
    house.wait_recording("gate", "main");
    let first = house.recordings("gate", "main").segments[0].0;
    let film = path(first, first + 500_000);
    for asked in ["/api/v1/cameras", "/api/v1/system/info", "/metrics", "/", film.as_str()] {
        let (get, head) = (house.get(asked), house.head(asked));
        assert_eq!((get.status, head.status), (200, 200), "{asked}");
        assert!(head.body.is_empty(), "{asked}");
        assert_eq!(get.header("content-type"), head.header("content-type"), "{asked}");
    }
    assert_eq!(
        house.head(&film).header("content-length"),
        house.get(&film).header("content-length")
    );
    for (asked, allow) in [("/api/v1/cameras", "GET, HEAD"), ("/", "GET, HEAD")] {
        let refused = house.post(asked);
        assert_eq!((refused.status, refused.header("allow")), (405, allow), "{asked}");
        assert_eq!(refused.json()["code"], "method_not_allowed");
    }
}
