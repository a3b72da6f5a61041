//! `vigie index rebuild` with a large stock, while cameras are being recorded.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use vigie_fake_camera::{CameraSpec, FakeCameras, Recipe};

use crate::{
    house::{House, Setup, now_us, pick, rfc3339, shown},
    recording::{near_end, settle},
};

/// Cameras that are recorded no more: their names are as long as those of the cameras.
const OLD: [&str; 4] = ["old0", "old1", "old2", "old3"];
const MINUTE_US: u64 = 60_000_000;

/// Of each file: enough to show that they are read, few enough for a hundred thousand files.
const FRAGMENTS: usize = 4;

/// The beginning of the first segment that was recorded: up to its first fragment, and the rest.
struct Template {
    head: Vec<u8>,
    rest: Vec<u8>,
    camera: String,
    start: String,
    run: String,
}

impl Template {
    fn read(file: &Path, camera: &str) -> Template {
        let bytes = fs::read(file).unwrap();
        let begins = bytes.windows(4).enumerate().filter(|(_, w)| *w == b"moof");
        let begins: Vec<usize> = begins.map(|(at, _)| at - 4).collect();
        assert!(begins.len() > FRAGMENTS, "{} fragments", begins.len());
        let (head, rest) = bytes[..begins[FRAGMENTS]].split_at(begins[0]);
        // What stands in the file, byte by byte: a time ends with Z, a run has 26 characters.
        let tag = |name: &str| {
            let output = std::process::Command::new("ffprobe")
                .args([
                    "-v",
                    "error",
                    "-show_entries",
                    &format!("format_tags={name}"),
                    "-of",
                    "csv=p=0",
                ])
                .arg(file)
                .output()
                .unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        Template {
            camera: camera.to_owned(),
            start: tag("vigie.start"),
            run: tag("vigie.run"),
            head: head.to_vec(),
            rest: rest.to_vec(),
        }
    }

    /// The same media as another camera's segment, the only one of its run.
    fn write(&self, disk: &Path, camera: &str, start_us: u64, run: usize) {
        let start = rfc3339(start_us);
        let mut head = self.head.clone();
        for (old, new) in [
            (&self.camera, camera),
            (&self.start, &start),
            (&self.run, &format!("{run:026}")),
        ] {
            assert_eq!(old.len(), new.len(), "{old} → {new}");
            let places: Vec<usize> = head
                .windows(old.len())
                .enumerate()
                .filter(|(_, w)| *w == old.as_bytes())
                .map(|(at, _)| at)
                .collect();
            assert!(!places.is_empty(), "the head has no {old}");
            for at in places {
                head[at..at + new.len()].copy_from_slice(new.as_bytes());
            }
        }
        let (day, hour) = (&start[..10], &start[11..13]);
        let name = format!("{}.{}Z.mp4", start[..19].replace(['-', ':'], ""), &start[20..23]);
        let folder = disk.join(camera).join("main").join(day).join(hour);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), [head.as_slice(), &self.rest].concat()).unwrap();
    }
}

fn first_file(folder: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let first = files
        .into_iter()
        .find(|path| path.is_dir() || path.extension().is_some_and(|e| e == "mp4"))
        .unwrap();
    if first.is_dir() { first_file(&first) } else { first }
}

/// All rows of the old cameras, as text.
fn rows(house: &House, from_us: u64) -> Vec<String> {
    let (from, to) = (rfc3339(from_us), rfc3339(now_us()));
    let path = |camera| format!("/api/v1/recordings?camera={camera}&from={from}&to={to}");
    OLD.iter()
        .map(|camera| {
            let answer = house.get(&path(camera));
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.text()
        })
        .collect()
}

#[test]
fn a_rebuild_gives_the_same_index_while_recording_goes_on() {
    let count: usize = pick(500, 100_000);
    let clip = Recipe::tiny().clip().unwrap();
    let specs = (0..3).map(|i| CameraSpec::new(format!("cam{i}")).stream("main", clip.clone()));
    let cameras = FakeCameras::start(specs.collect()).unwrap();
    let mut house = House::start(&Setup::of(&cameras));
    for name in cameras.names() {
        house.wait_recording(name, "main");
    }
    std::thread::sleep(std::time::Duration::from_secs(2));
    house.terminate();
    let template = Template::read(&first_file(&house.stream_folder("cam0", "main")), "cam0");
    let each = count / OLD.len();
    let first_us = now_us() / MINUTE_US * MINUTE_US - (each as u64 + 10) * MINUTE_US;
    for (n, camera) in OLD.iter().enumerate() {
        for minute in 0..each {
            let start = first_us + minute as u64 * MINUTE_US + 7000 * n as u64;
            template.write(&house.root.join("disk1"), camera, start, n * each + minute);
        }
    }
    let built = house.command(&["index", "rebuild"]);
    assert!(built.status.success(), "{built:?}");
    house.run();
    for name in cameras.names() {
        house.wait_recording(name, "main");
    }
    let before = rows(&house, first_us);
    assert_eq!(
        before
            .iter()
            .map(|rows| rows.matches("\"start\"").count())
            .sum::<usize>(),
        each * OLD.len()
    );

    let begun = Instant::now();
    let rebuilt = house.command(&["index", "rebuild"]);
    let took = begun.elapsed().as_secs_f64();
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    let said = String::from_utf8_lossy(&rebuilt.stdout).into_owned();
    let equal = rows(&house, first_us) == before;
    let check = house.command(&["index", "check"]);
    if !check.status.success() {
        eprintln!("{check:?}");
    }

    settle(&house, &cameras);
    let (mut sent, mut whole) = (0, true);
    for log in cameras.logs() {
        let mut balance = house.footage(&log.camera, "main").balance(&log, &[], 0);
        // Between the two runs nobody recorded.
        let session = log.ranges.iter().map(|range| range.session).max();
        let of_second = log.ranges.iter().filter(|range| Some(range.session) == session);
        let first = of_second.map(|range| range.first).min().unwrap();
        balance.missing.retain(|unit| *unit >= first);
        sent += balance.on_disk;
        let gaps = house.recordings(&log.camera, "main").gaps_before(near_end(&log));
        let unbroken = gaps.iter().all(|gap| gap.cause == "shutdown");
        let lost = balance.missing.len() + balance.doubled.len() + balance.unknown.len();
        if lost > 0 || !unbroken {
            eprintln!("{}: {balance:?} {gaps:?}", log.camera);
            whole = false;
        }
    }
    shown(
        5,
        &format!(
            "index rebuilt from {} segments of {FRAGMENTS} fragments in {took:.1} s while 3 cameras were recorded: the same rows, check without a difference, none of {sent} units lost ({})",
            each * OLD.len(),
            said.trim()
        ),
        equal && check.status.success() && whole,
    );
}
