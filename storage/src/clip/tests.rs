//! Against footage made by ffmpeg, judged by ffmpeg and ffprobe.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use ulid::Ulid;
use vigie_config::{CameraId, Causes, StreamId, StreamName};

use super::*;
use crate::{mp4::scan_segment, uuid::VolumeId};

/// A recording in segments of about 4 s, and the checksum of each of its pictures.
struct Footage {
    folder: tempfile::TempDir,
    rows: Vec<SegmentRow>,
    /// Wall clock → checksum of the picture shown from then on.
    pictures: BTreeMap<Utc, String>,
}

const FPS: i64 = 25;
const PICTURE: i64 = 1_000_000 / FPS;

fn zero() -> Utc {
    "2026-11-20T09:41:00Z".parse().unwrap()
}

fn run(program: &str, args: &[&str]) -> String {
    let out = Command::new(program).args(args).output().unwrap();
    let complaint = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        out.status.success() && complaint.is_empty(),
        "{program} {args:?}: {complaint}"
    );
    String::from_utf8(out.stdout).unwrap()
}

/// Checksums of the pictures as a player shows them, with their times in µs.
fn pictures(path: &Path) -> Vec<(i64, String)> {
    let text = run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-threads",
            "1",
            "-i",
            path.to_str().unwrap(),
            "-map",
            "0:v",
            "-fps_mode",
            "passthrough",
            "-enc_time_base",
            "1/1000000",
            "-f",
            "framemd5",
            "-",
        ],
    );
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            (fields[2].parse().unwrap(), fields[5].to_owned())
        })
        .collect()
}

/// `late`: how many pictures the first is shown after it is decoded.
fn record(seconds: u32, video: &[&str], late: i64, sound: bool) -> Footage {
    let folder = tempfile::tempdir().unwrap();
    let source = format!("testsrc2=size=160x96:rate={FPS}:duration={seconds}");
    let whole = folder.path().join("whole.mp4");
    let mut args = vec!["-v", "error", "-f", "lavfi", "-i", &source];
    let tone = format!("sine=frequency=440:sample_rate=48000:duration={seconds}");
    if sound {
        args.extend(["-f", "lavfi", "-i", &tone, "-c:a", "aac"]);
    }
    args.extend([
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-threads",
        "1",
        "-keyint_min",
        "50",
        "-g",
        "50",
        "-sc_threshold",
        "0",
    ]);
    args.extend(video);
    let fragments = [
        "-use_editlist",
        "0",
        "-movflags",
        "empty_moov+default_base_moof",
        "-frag_duration",
        "400000",
    ];
    let pattern = folder.path().join("part%03d.mp4");
    let mut whole_args = args.clone();
    whole_args.extend(["-use_editlist", "0", whole.to_str().unwrap()]);
    run("ffmpeg", &whole_args);
    // The same units, cut at every second RAP.
    let mut split = vec![
        "-v",
        "error",
        "-i",
        whole.to_str().unwrap(),
        "-c",
        "copy",
        "-f",
        "segment",
        "-segment_time",
        "4",
        "-reset_timestamps",
        "1",
        "-segment_format",
        "mp4",
    ];
    let options = format!(
        "{}={}:{}={}:{}={}",
        &fragments[0][1..],
        fragments[1],
        &fragments[2][1..],
        fragments[3],
        &fragments[4][1..],
        fragments[5]
    );
    split.extend(["-segment_format_options", &options, pattern.to_str().unwrap()]);
    run("ffmpeg", &split);
    let mut rows = Vec::new();
    let mut start = zero();
    for number in 0.. {
        let path = folder.path().join(format!("part{number:03}.mp4"));
        let Ok(file) = File::open(&path) else { break };
        let scan = scan_segment(&file).unwrap();
        let row = row(&path, &scan, number, start);
        start = row.end;
        rows.push(row);
    }
    let shown = pictures(&whole);
    let first = shown[0].0 - late * PICTURE;
    let pictures = shown
        .into_iter()
        .map(|(at, sum)| (zero().plus_micros(at - first), sum))
        .collect();
    Footage { folder, rows, pictures }
}

fn row(path: &Path, scan: &crate::mp4::SegmentScan, number: u32, start: Utc) -> SegmentRow {
    let init = fs::read(path).unwrap()[..scan.init_len as usize].to_vec();
    let Formats { format, audio_format } = formats(&init);
    SegmentRow {
        stream: StreamId::new(CameraId::new("gate").unwrap(), StreamName::Main),
        start,
        end: start.plus_micros(scan.tally.end_us()),
        bytes: scan.valid_len,
        causes: Causes::SCHEDULE,
        volume: VolumeId(1),
        run: Ulid::from(5u128),
        number,
        continued: false,
        synchronised: true,
        codec: "avc1".into(),
        units: scan.tally.units,
        init_bytes: scan.init_len as u32,
        format,
        audio_format,
    }
}

impl Footage {
    fn opener(&self) -> OpenSegment {
        let folder: PathBuf = self.folder.path().into();
        Arc::new(move |row: &SegmentRow| File::open(folder.join(format!("part{:03}.mp4", row.number))))
    }

    fn clip(&self, from: i64, to: i64) -> Result<Clip, ClipError> {
        Clip::new(
            self.rows.clone(),
            zero().plus_micros(from),
            zero().plus_micros(to),
            self.opener(),
        )
    }

    fn file(&self, clip: &Clip) -> tempfile::NamedTempFile {
        let mut bytes = Vec::new();
        clip.reader(0..u64::MAX).read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, clip.len());
        let file = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
        fs::write(file.path(), bytes).unwrap();
        file
    }

    /// The pictures are those of the range, each at its time, and the duration is right.
    fn check(&self, from: i64, to: i64) {
        let clip = self.clip(from, to).unwrap();
        let file = self.file(&clip);
        let wanted: Vec<(Utc, String)> = self
            .pictures
            .range(zero().plus_micros(from)..zero().plus_micros(to))
            .map(|(at, sum)| (*at, sum.clone()))
            .collect();
        let shown = pictures(file.path());
        let sums = |list: &[(i64, String)]| list.iter().map(|(_, sum)| sum.clone()).collect::<Vec<_>>();
        let wanted: Vec<(i64, String)> = wanted
            .iter()
            .map(|(at, sum)| (at.micros_since(wanted[0].0), sum.clone()))
            .collect();
        assert_eq!(sums(&shown), sums(&wanted), "pictures of {from}..{to}");
        for ((seen, _), (expected, _)) in shown.iter().zip(&wanted) {
            assert!(
                (seen - shown[0].0 - expected).abs() < 1000,
                "{from}..{to}: a picture at {seen}, not {expected}"
            );
        }
        let (start, end) = clip.resolved();
        assert_eq!(
            end.micros_since(start),
            wanted.last().unwrap().0 + PICTURE,
            "resolved {from}..{to}"
        );
        let duration = run(
            "ffprobe",
            &[
                "-v",
                "error",
                "-show_entries",
                "format=duration",
                "-of",
                "csv=p=0",
                file.path().to_str().unwrap(),
            ],
        );
        let duration: f64 = duration.trim().parse().unwrap();
        let expected = end.micros_since(start) as f64 / 1e6;
        assert!(
            (duration - expected).abs() < 0.03,
            "{from}..{to}: ffprobe says {duration}, not {expected}"
        );
    }
}

static SILENT: LazyLock<Footage> = LazyLock::new(|| record(16, &["-bf", "0"], 0, false));
static SOUND: LazyLock<Footage> = LazyLock::new(|| record(16, &["-bf", "0"], 0, true));
static REORDERED: LazyLock<Footage> = LazyLock::new(|| record(16, &["-bf", "2"], 2, false));

#[test]
fn the_footage_of_the_tests_is_as_expected() {
    assert_eq!(SILENT.rows.len(), 4);
    assert_eq!(SILENT.pictures.len(), 16 * FPS as usize);
    assert_eq!(SILENT.rows[3].start, zero().plus_micros(12_000_000));
    assert!(
        SOUND
            .rows
            .iter()
            .all(|row| row.audio_format != 0 && row.format == SOUND.rows[0].format)
    );
}

#[test]
fn a_range_from_a_rap_to_the_middle() {
    SILENT.check(0, 3_000_000);
}

#[test]
fn a_range_within_one_gop() {
    SILENT.check(1_000_000, 1_500_000);
}

#[test]
fn a_range_within_one_fragment() {
    SILENT.check(1_000_000, 1_080_000);
}

#[test]
fn a_single_picture() {
    SILENT.check(1_020_000, 1_060_000);
}

#[test]
fn a_range_over_all_segments() {
    SILENT.check(2_960_000, 14_040_000);
}

#[test]
fn a_range_with_sound() {
    SOUND.check(2_960_000, 14_040_000);
    SOUND.check(0, 16_000_000);
}

#[test]
fn a_range_with_reordered_pictures() {
    REORDERED.check(2_960_000, 14_040_000);
}
