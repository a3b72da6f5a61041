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
    /// How many pictures later than it is decoded one may be shown.
    late: i64,
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
        // ffmpeg begins a file with the sound's lead: media time 0 is a little before the picture.
        let row = row(&path, &scan, number, start.plus_micros(-scan.fragments[0].start_us));
        start = row.end;
        rows.push(row);
    }
    let shown = pictures(&whole);
    let first = shown[0].0 - late * PICTURE;
    let pictures = shown
        .into_iter()
        .map(|(at, sum)| (zero().plus_micros(at - first), sum))
        .collect();
    Footage {
        folder,
        rows,
        pictures,
        late,
    }
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
        // Of re-ordered pictures those are left out behind which others belong.
        let missing = wanted.len().saturating_sub(shown.len());
        assert!(
            missing as i64 <= self.late,
            "{from}..{to}: {missing} pictures are missing"
        );
        let wanted = wanted[..wanted.len() - missing].to_vec();
        let times = |list: &[(i64, String)]| list.iter().map(|(at, _)| *at).collect::<Vec<_>>();
        assert!(
            sums(&shown) == sums(&wanted),
            "{from}..{to}: pictures at {:?}, not {:?}",
            times(&shown),
            times(&wanted)
        );
        for ((seen, _), (expected, _)) in shown.iter().zip(&wanted) {
            assert!(
                (seen - shown[0].0 - expected).abs() < 1000,
                "{from}..{to}: a picture at {seen}, not {expected}"
            );
        }
        let (start, end) = clip.resolved();
        let resolved = end.micros_since(start) - wanted.last().unwrap().0 - PICTURE;
        assert!(
            resolved.abs() < 1000,
            "{from}..{to} resolves to {start}..{end}: {resolved} µs more"
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

/// Footage whose files are those of another, as rows of one's own making.
fn with_rows(rows: Vec<SegmentRow>) -> impl Fn(i64, i64) -> Result<Clip, ClipError> {
    let open = SOUND.opener();
    move |from, to| {
        Clip::new(
            rows.clone(),
            zero().plus_micros(from),
            zero().plus_micros(to),
            open.clone(),
        )
    }
}

fn bytes(clip: &Clip) -> Vec<u8> {
    let mut bytes = Vec::new();
    clip.reader(0..clip.len()).read_to_end(&mut bytes).unwrap();
    bytes
}

fn later(row: &SegmentRow, micros: i64) -> SegmentRow {
    SegmentRow {
        start: row.start.plus_micros(micros),
        end: row.end.plus_micros(micros),
        ..row.clone()
    }
}

#[test]
fn random_ranges() {
    use rand::{RngExt, SeedableRng};
    let mut random = rand::rngs::StdRng::seed_from_u64(3);
    for footage in [&*SILENT, &*SOUND, &*REORDERED] {
        for _ in 0..8 {
            let from = random.random_range(0..15_900_000);
            let to = random.random_range(from + PICTURE..16_000_000 + 3 * PICTURE);
            footage.check(from, to);
        }
    }
}

#[test]
fn any_part_is_that_part_of_the_whole() {
    use rand::{RngExt, SeedableRng};
    let mut random = rand::rngs::StdRng::seed_from_u64(4);
    let clip = SOUND.clip(1_234_567, 15_111_111).unwrap();
    let whole = bytes(&clip);
    for _ in 0..300 {
        let from = random.random_range(0..clip.len());
        let to = random.random_range(from..clip.len() + 5);
        let mut part = Vec::new();
        clip.reader(from..to).read_to_end(&mut part).unwrap();
        assert!(
            part == whole[from as usize..(to.min(clip.len())) as usize],
            "bytes {from}..{to}"
        );
    }
    assert_eq!(clip.reader(clip.len()..u64::MAX).read(&mut [0; 10]).unwrap(), 0);
}

#[test]
fn what_it_resolves_to_gives_the_same_clip() {
    let clip = SOUND.clip(1_234_567, 9_876_543).unwrap();
    let (from, to) = clip.resolved();
    let again = SOUND.clip(from.micros_since(zero()), to.micros_since(zero())).unwrap();
    assert_eq!(
        (again.etag(), again.len(), again.resolved()),
        (clip.etag(), clip.len(), clip.resolved())
    );
    assert!(bytes(&again) == bytes(&clip));
    let other = SOUND.clip(1_234_567, 9_876_543 - 2 * PICTURE).unwrap();
    assert_ne!(other.etag(), clip.etag());
}

#[test]
fn more_footage_behind_changes_nothing() {
    let before = SOUND.rows[..3].to_vec();
    let mut growing = before.clone();
    // As when the row was made while the file had three quarters of its fragments.
    let scan = scan_segment(&File::open(SOUND.folder.path().join("part002.mp4")).unwrap()).unwrap();
    let cut = &scan.fragments[scan.fragments.len() * 3 / 4];
    growing[2].bytes = cut.offset;
    growing[2].end = growing[2].start.plus_micros(cut.start_us);
    let early = with_rows(growing)(500_000, 9_000_000).unwrap();
    let late = with_rows(before)(500_000, 9_000_000).unwrap();
    assert_eq!(early.etag(), late.etag());
    assert!(bytes(&early) == bytes(&late));
}

#[test]
fn the_end_in_the_future_is_the_end_of_the_footage() {
    let clip = SILENT.clip(15_000_000, 3_600_000_000).unwrap();
    assert_eq!(clip.resolved().1, zero().plus_micros(16_000_000));
    SILENT.check(15_000_000, 3_600_000_000);
}

#[test]
fn no_footage() {
    for (from, to) in [
        (16_000_000, 17_000_000),
        (-5_000_000, 0),
        (1_000_000, 1_000_000),
        (1_001_000, 1_002_000),
        (2_000_000, 1_000_000),
    ] {
        let error = SILENT.clip(from, to).unwrap_err();
        assert!(matches!(error, ClipError::NoFootage { .. }), "{from}..{to}: {error}");
    }
}

#[test]
fn a_change_of_format_says_where_to_cut() {
    let mut rows = SOUND.rows.clone();
    rows[2].format = 1;
    let clip = with_rows(rows.clone());
    match clip(1_000_000, 15_000_000).unwrap_err() {
        ClipError::MixedFormats { cuts, .. } => assert_eq!(cuts, [rows[2].start, rows[3].start]),
        other => panic!("{other}"),
    }
    assert!(clip(1_000_000, rows[2].start.micros_since(zero())).is_ok());
    assert!(clip(rows[2].start.micros_since(zero()), rows[2].end.micros_since(zero())).is_ok());
}

fn probe(path: &Path, entries: &str) -> String {
    run(
        "ffprobe",
        &[
            "-v",
            "error",
            "-show_entries",
            entries,
            "-of",
            "csv=p=0",
            path.to_str().unwrap(),
        ],
    )
}

#[test]
fn sound_that_comes_and_goes_is_left_out() {
    let mut rows = SOUND.rows.clone();
    rows[1].audio_format = 0;
    let clip = with_rows(rows)(1_000_000, 15_000_000).unwrap();
    let file = SOUND.file(&clip);
    assert_eq!(probe(file.path(), "stream=codec_type").trim(), "video");
    assert_eq!(pictures(file.path()).len(), 14 * FPS as usize);
}

#[test]
fn a_gap_keeps_its_length_and_holds_the_last_picture() {
    let mut rows = SOUND.rows.clone();
    rows[2] = later(&rows[2], 30_000_000);
    rows[3] = later(&rows[3], 30_000_000);
    let clip = with_rows(rows)(1_000_000, 45_000_000).unwrap();
    let file = SOUND.file(&clip);
    let shown = pictures(file.path());
    let steps: Vec<i64> = shown
        .windows(2)
        .map(|pair| pair[1].0 - pair[0].0)
        .filter(|step| (step - PICTURE).abs() > 1000)
        .collect();
    assert_eq!(steps.len(), 1, "{steps:?}");
    assert!((steps[0] - PICTURE - 30_000_000).abs() < 2000, "{steps:?}");
    let duration: f64 = probe(file.path(), "format=duration").trim().parse().unwrap();
    assert!((duration - 44.0).abs() < 0.05, "{duration}");
    // Within the gap there is nothing.
    let from_gap = with_rows(vec![SOUND.rows[0].clone(), later(&SOUND.rows[1], 60_000_000)]);
    assert!(matches!(
        from_gap(10_000_000, 20_000_000),
        Err(ClipError::NoFootage { .. })
    ));
    let (from, _) = from_gap(10_000_000, 68_000_000).unwrap().resolved();
    assert!(from.micros_since(zero()) >= 64_000_000);
}

#[test]
fn a_clock_set_back_never_sends_time_backwards() {
    let mut rows = SOUND.rows.clone();
    rows[2] = later(&rows[2], -2_000_000);
    rows[3] = later(&rows[3], -2_000_000);
    let clip = with_rows(rows)(500_000, 14_000_000).unwrap();
    let shown = pictures(SOUND.file(&clip).path());
    assert!(shown.windows(2).all(|pair| pair[0].0 < pair[1].0));
}

#[test]
fn a_continued_segment_is_decoded_from_the_rap_before_it() {
    // A RAP in the first of two files only: cut in two at a fragment.
    let folder = tempfile::tempdir().unwrap();
    let whole = SILENT.folder.path().join("part001.mp4");
    let scan = scan_segment(&File::open(&whole).unwrap()).unwrap();
    let all = fs::read(&whole).unwrap();
    let cut = scan.fragments.iter().find(|info| info.start_us >= 1_000_000).unwrap();
    let init = &all[..scan.init_len as usize];
    fs::write(folder.path().join("part000.mp4"), &all[..cut.offset as usize]).unwrap();
    let mut second = [init, &all[cut.offset as usize..]].concat();
    // Its media time begins at its own start.
    let by = -scan.tally_start(cut.start_us);
    let tracks = source::Tracks::of(&scan.moov).unwrap();
    let mut at = init.len();
    while at < second.len() {
        let len = u32::from_be_bytes(*second[at..].first_chunk().unwrap()) as usize;
        if &second[at + 4..at + 8] == b"moof" {
            moof::patch(
                &mut second[at..at + len],
                &moof::Shift {
                    tracks,
                    main: by,
                    audio: None,
                },
                7,
            )
            .unwrap();
        }
        at += len;
    }
    fs::write(folder.path().join("part001.mp4"), &second).unwrap();
    let mut rows = Vec::new();
    let mut start = zero().plus_micros(4_000_000);
    for number in 0..2 {
        let path = folder.path().join(format!("part{number:03}.mp4"));
        let scan = scan_segment(&File::open(&path).unwrap()).unwrap();
        rows.push(SegmentRow {
            continued: number == 1,
            ..row(&path, &scan, number, start)
        });
        start = rows[number as usize].end;
    }
    let mut footage = Footage {
        folder,
        rows,
        pictures: SILENT.pictures.clone(),
        late: 0,
    };
    footage.check(5_500_000, 7_900_000);
    footage.check(4_500_000, 7_900_000);
    // A recording that was started again goes on in a run of its own.
    footage.rows[1].run = Ulid::generate();
    footage.check(5_500_000, 7_900_000);
    let moment = zero().plus_micros(5_500_000);
    let still = |rows: &[SegmentRow]| Still::new(rows.to_vec(), moment, footage.opener()).unwrap();
    assert!(still(&footage.rows).units[0].rap);
    // Behind a hole there is nothing to go back to.
    let mut apart = footage.rows.clone();
    apart[0].end = apart[0].end.plus_micros(-200_000);
    assert!(!still(&apart).units[0].rap);
}

trait TallyStart {
    fn tally_start(&self, us: i64) -> i64;
}
impl TallyStart for crate::mp4::SegmentScan {
    fn tally_start(&self, us: i64) -> i64 {
        place::ticks(us + 1, self.moov.tracks[0].timescale)
    }
}

#[test]
fn footage_deleted_meanwhile_ends_it_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..4 {
        let name = format!("part{number:03}.mp4");
        fs::copy(SILENT.folder.path().join(&name), folder.path().join(&name)).unwrap();
    }
    let footage = Footage {
        folder,
        rows: SILENT.rows.clone(),
        pictures: BTreeMap::new(),
        late: 0,
    };
    let clip = footage.clip(500_000, 15_000_000).unwrap();
    let whole = bytes(&clip);
    fs::remove_file(footage.folder.path().join("part002.mp4")).unwrap();
    let mut got = Vec::new();
    let error = clip.reader(0..clip.len()).read_to_end(&mut got).unwrap_err();
    assert!(error.to_string().contains("is gone"), "{error}");
    assert!(!got.is_empty() && whole.starts_with(&got));
}

#[test]
fn damaged_files_are_errors() {
    use rand::{RngExt, SeedableRng};
    let mut random = rand::rngs::StdRng::seed_from_u64(5);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part000.mp4");
    let good = fs::read(SOUND.folder.path().join("part000.mp4")).unwrap();
    let scan = scan_segment(good.as_slice()).unwrap();
    let row = row(&SOUND.folder.path().join("part000.mp4"), &scan, 0, zero());
    let footage = Footage {
        folder,
        rows: vec![row],
        pictures: BTreeMap::new(),
        late: 0,
    };
    let tables: Vec<u64> = scan.fragments.iter().map(|info| info.offset).chain([0]).collect();
    for _ in 0..400 {
        let mut bad = good.clone();
        for _ in 0..random.random_range(1..6) {
            let at = tables[random.random_range(0..tables.len())] as usize + random.random_range(0..200);
            bad[at] = random.random();
        }
        fs::write(&path, &bad).unwrap();
        let (from, to) = (
            random.random_range(0..3_000_000),
            random.random_range(1_000_000..5_000_000),
        );
        if let Ok(clip) = footage.clip(from, to) {
            let mut out = Vec::new();
            let read = clip.reader(0..clip.len()).read_to_end(&mut out);
            assert!(read.is_err() || out.len() as u64 == clip.len());
        }
    }
}

#[test]
fn players_jump_to_the_right_picture() {
    let clip = SILENT.clip(2_960_000, 14_040_000).unwrap();
    let file = SILENT.file(&clip);
    let path = file.path().to_str().unwrap();
    let shown = pictures(file.path());
    for second in [1, 4, 7, 9] {
        let at = format!("{second}");
        let text = run(
            "ffmpeg",
            &[
                "-v",
                "error",
                "-ss",
                &at,
                "-i",
                path,
                "-frames:v",
                "1",
                "-f",
                "framemd5",
                "-",
            ],
        );
        let sum = text
            .lines()
            .last()
            .unwrap()
            .rsplit(',')
            .next()
            .unwrap()
            .trim()
            .to_owned();
        let expected = shown.iter().find(|(time, _)| *time >= second * 1_000_000).unwrap();
        assert_eq!(sum, expected.1, "at {second} s");
    }
}

#[test]
fn a_day_is_planned_and_begun_at_once() {
    let day = 86_400_000_000;
    let length = SILENT.rows[1].end.micros_since(SILENT.rows[1].start);
    let rows: Vec<_> = (0..day / length)
        .map(|n| later(&SILENT.rows[1], n * length - length))
        .collect();
    let (open, opened) = (SILENT.opener(), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
    let count = opened.clone();
    let open: OpenSegment = Arc::new(move |row| {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        open(row)
    });
    let started = std::time::Instant::now();
    let clip = Clip::new(rows, zero().plus_micros(1_000_000), zero().plus_micros(day), open).unwrap();
    let mut first = [0; 1 << 16];
    clip.reader(0..clip.len()).read_exact(&mut first).unwrap();
    println!(
        "{} segments, {} bytes: first bytes after {:?}",
        day / length,
        clip.len(),
        started.elapsed()
    );
    // Not of the clock, which other processes share: of how much is looked at.
    let opened = opened.load(std::sync::atomic::Ordering::Relaxed);
    assert!(opened <= 4, "{opened} files opened for the first bytes");
    let counted = std::io::copy(&mut clip.reader(0..clip.len()), &mut std::io::sink()).unwrap();
    assert_eq!(counted, clip.len());
}

/// The units as a stream with start codes, for a decoder that is not ours.
fn annex_b(still: &Still) -> Vec<u8> {
    let config = &still.decoder_config;
    let mut out = Vec::new();
    let mut at = 6;
    // avcC: one SPS, a byte of count, one PPS (ISO/IEC 14496-15 §5.3.3.1.2).
    for _ in 0..2 {
        let len = usize::from(u16::from_be_bytes([config[at], config[at + 1]]));
        out.extend([0, 0, 0, 1]);
        out.extend(&config[at + 2..at + 2 + len]);
        at += 2 + len + 1;
    }
    for unit in &still.units {
        let mut rest = &unit.data[..];
        while let Some((len, nal)) = rest.split_first_chunk::<4>() {
            let len = u32::from_be_bytes(*len) as usize;
            out.extend([0, 0, 0, 1]);
            out.extend(&nal[..len]);
            rest = &nal[len..];
        }
    }
    out
}

#[test]
fn a_still_is_the_picture_shown_at_that_moment() {
    for footage in [&*SILENT, &*SOUND, &*REORDERED] {
        for at in [
            120_000, 1_990_000, 2_010_000, 3_985_000, 4_150_000, 8_099_000, 15_900_000,
        ] {
            let at = zero().plus_micros(at);
            let still = Still::new(footage.rows.clone(), at, footage.opener()).unwrap();
            let (shown, sum) = footage.pictures.range(..=at.plus_micros(1000)).next_back().unwrap();
            assert!(
                (shown.micros_since(still.shown)).abs() < 1000,
                "{at}: {} not {shown}",
                still.shown
            );
            assert_eq!((still.width, still.height, &still.entry), (160, 96, b"avc1"));
            let file = tempfile::Builder::new().suffix(".h264").tempfile().unwrap();
            fs::write(file.path(), annex_b(&still)).unwrap();
            let decoded = pictures(file.path());
            let wanted = still.units.last().unwrap().pts_us;
            let place = still.units.iter().filter(|unit| unit.pts_us < wanted).count();
            assert_eq!(&decoded[place].1, sum, "{at}");
        }
        let end = zero().plus_micros(17_500_000);
        let nothing = Still::new(footage.rows.clone(), end, footage.opener());
        assert!(matches!(nothing, Err(ClipError::NoFootage { .. })));
    }
}
