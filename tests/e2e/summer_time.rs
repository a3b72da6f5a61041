//! Recording by schedule over both changes of the clock, in real time: the zone of the house is one of
//! the test's own, whose clock changes while it runs. Everything is read off the clock on the wall.

use std::{path::Path, process::Command, time::Duration};

use vigie_fake_camera::{CameraSpec, FakeCameras, Recipe};

use crate::{
    house::{Cam, House, PATIENCE, Setup, now_us, shown, wait_for},
    recording::near_end,
};

/// The clock changes so long after the beginning.
const AHEAD_S: i64 = 25;
/// A recording looks so often, begins with a RAP and ends before one.
const SLACK_US: i64 = 1_000_000 + 600_000;

/// Name, the span of its schedule, and whether it is recorded before and after the change.
type Case = (&'static str, &'static str, bool, bool);

/// 02:00 becomes 03:00.
const SPRING: [Case; 4] = [
    ("up-to-two", "01:00-02:00", true, false),
    ("left-out", "02:00-03:00", false, false),
    ("from-three", "03:00-04:00", false, true),
    ("over-it", "01:30-03:30", true, true),
];

/// 03:00 becomes 02:00.
const AUTUMN: [Case; 4] = [
    ("twice", "02:00-03:00", true, true),
    ("from-three", "03:00-04:00", false, false),
    ("its-first-minute", "02:00-02:01", false, true),
    ("its-last-minute", "02:59-03:00", true, false),
];

/// A compiled zone whose clock, which shows `from` o'clock, shows `to` o'clock from `at` on.
fn zone(folder: &Path, at: i64, from: i64, to: i64) {
    let offset = |hour: i64| {
        // Between -12 and 12 hours.
        let seconds = (hour * 3600 - at).rem_euclid(86_400);
        if seconds > 43_200 { seconds - 86_400 } else { seconds }
    };
    let first = offset(from);
    // The same day, whatever the hour.
    let second = first + (to - from) * 3600;
    let clock = |seconds: i64| {
        let sign = if seconds < 0 { "-" } else { "" };
        let seconds = seconds.abs();
        format!("{sign}{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    };
    let utc = crate::house::rfc3339(at as u64 * 1_000_000);
    let (year, month, day, time) = (&utc[..4], &utc[5..7], &utc[8..10], &utc[11..19]);
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = MONTHS[month.parse::<usize>().unwrap() - 1];
    let text = format!(
        "Zone House {} - ONE {year} {month} {day} {time}u\n\t{} - TWO\n",
        clock(first),
        clock(second)
    );
    let source = folder.join("source");
    std::fs::write(&source, text).unwrap();
    let program = ["/usr/sbin/zic", "zic"]
        .into_iter()
        .find(|program| !program.starts_with('/') || Path::new(program).exists());
    let output = Command::new(program.unwrap())
        .arg("-d")
        .arg(folder)
        .arg(&source)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

struct Change {
    name: &'static str,
    cases: [Case; 4],
    cameras: FakeCameras,
    house: House,
    // As long as the house.
    _zones: tempfile::TempDir,
}

impl Change {
    fn begin(name: &'static str, cases: [Case; 4], at: i64, from: i64, to: i64) -> Change {
        let zones = tempfile::tempdir().unwrap();
        zone(zones.path(), at, from, to);
        let clip = Recipe::small().clip().unwrap();
        let specs = cases
            .iter()
            .map(|case| CameraSpec::new(case.0).stream("main", clip.clone()));
        let cameras = FakeCameras::start(specs.collect()).unwrap();
        let cams = cases.iter().map(|(name, ..)| {
            let record = format!("mode = \"schedule\"\ncontinuous = \"{name}\"");
            Cam::of(&cameras, name).record(record.leak())
        });
        let mut setup = Setup::new(cams);
        for (name, span, ..) in cases {
            setup.more += &format!("\n[[schedule]]\nid = \"{name}\"\ndaily = [\"{span}\"]\n");
        }
        setup.time_zone = Some("House");
        setup.variables.push(("TZDIR", zones.path().to_owned()));
        let house = House::start(&setup);
        for name in cameras.names() {
            house.wait_state(name, "main", "live", PATIENCE);
        }
        Change {
            name,
            cases,
            cameras,
            house,
            _zones: zones,
        }
    }

    /// Waits until every camera is recorded, or not, as it should be.
    fn wait(&self, what: &str, wanted: impl Fn(&Case) -> bool) {
        for case in &self.cases {
            wait_for(&format!("{}: {} {what}", self.name, case.0), PATIENCE, || {
                let recorded = !self.house.camera(case.0)["recording"].as_array()?.is_empty();
                (recorded == wanted(case)).then_some(())
            });
        }
    }

    /// What is wrong, and how far from the change recordings began or ended, in µs.
    fn judge(&mut self, at_us: i64) -> (Vec<String>, i64) {
        let (mut wrong, mut worst) = (Vec::new(), 0);
        for name in self.cameras.names() {
            self.cameras.lie(name, |lies| lies.silent_after_play = true);
        }
        std::thread::sleep(Duration::from_secs(2));
        for (name, _, before, after) in self.cases {
            let log = self.cameras.log(name, "main").unwrap();
            let (footage, gaps) = (self.house.footage(name, "main"), self.house.recordings(name, "main"));
            let times = || footage.units.iter().map(|unit| unit.utc_us);
            let (first, last) = (times().min(), times().max());
            let near = |time: i64| {
                let off = (time - at_us).abs();
                (off <= SLACK_US).then_some(off)
            };
            let end = near_end(&log) as i64;
            let off = match (before, after, first, last) {
                (false, false, None, None) => Some(0),
                (true, false, Some(first), Some(last)) if first < at_us => near(last),
                (false, true, Some(first), Some(last)) if last >= end => near(first),
                (true, true, Some(first), Some(last)) if first < at_us && last >= end => Some(0),
                _ => None,
            };
            match off {
                Some(off) => worst = worst.max(off),
                None => wrong.push(format!(
                    "{}: {name}: change at {at_us}, footage {first:?} to {last:?}, sent until {end}",
                    self.name
                )),
            }
            // What was recorded once is whole, over the change too.
            let numbers: Vec<u64> = footage.units.iter().map(|unit| unit.identity.number).collect();
            let whole = numbers.windows(2).all(|pair| pair[1] == pair[0] + 1);
            let gaps = gaps.gaps_before(end as u64);
            if !whole || !gaps.is_empty() {
                wrong.push(format!("{}: {name}: whole {whole}, {gaps:?}", self.name));
            }
        }
        self.house.terminate();
        (wrong, worst)
    }
}

#[test]
fn schedules_go_by_the_clock_on_the_wall() {
    let at = now_us() as i64 / 1_000_000 + AHEAD_S;
    let mut changes = [
        Change::begin("spring", SPRING, at, 2, 3),
        Change::begin("autumn", AUTUMN, at, 3, 2),
    ];
    for change in &changes {
        change.wait("before the change", |case| case.2);
    }
    // Recordings that go on are in a file.
    for change in &changes {
        for case in change.cases.iter().filter(|case| case.2) {
            change.house.wait_recording(case.0, "main");
        }
    }
    let at_us = at * 1_000_000;
    assert!((now_us() as i64) < at_us, "too slow: the clock has changed already");
    wait_for("the change", PATIENCE, || (now_us() as i64 > at_us).then_some(()));
    for change in &changes {
        change.wait("after the change", |case| case.3);
    }
    std::thread::sleep(Duration::from_secs(3));
    let judged = changes.each_mut().map(|change| change.judge(at_us));
    for text in judged.iter().flat_map(|(wrong, _)| wrong) {
        eprintln!("{text}");
    }
    let worst = judged.iter().map(|(_, worst)| *worst).max().unwrap_or(0);
    let figure = format!(
        "both changes of the clock in real time, {} schedules: the hour left out is never recorded, the one that comes twice \
         twice and without a hole; begins and ends at most {:.1} s off",
        SPRING.len() + AUTUMN.len(),
        worst as f64 / 1e6
    );
    shown(7, &figure, judged.iter().all(|(wrong, _)| wrong.is_empty()));
}
