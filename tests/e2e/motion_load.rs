//! Motion is looked for at many cameras while they are recorded. Recording loses nothing, and what
//! a machine leaves out that is too slow is motion, and it says so.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use vigie_fake_camera::{CameraSpec, FakeCameras, Recipe};

use crate::{
    house::{Cam, House, PATIENCE, Setup, now_us, pick, shown, wait_for},
    recording::{near_end, settle},
};

/// A recording may begin so long after its camera: two GOPs and a look, as the disk is opened meanwhile.
const BEGINS_WITHIN_US: u64 = 5_000_000;
/// That the machine is too slow is told once in so long.
const NEWS: Duration = Duration::from_secs(600);
/// So many threads want each core: one of the recorder's that gives way gets a hundredth of it.
const THREADS_A_CORE: usize = 8;

/// Threads that compute and compute, until dropped.
struct Burn {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Burn {
    fn start(cores: &[CpuSet]) -> Burn {
        let over = Arc::<AtomicBool>::default();
        let start = |core: CpuSet| {
            let over = over.clone();
            std::thread::spawn(move || {
                sched_setaffinity(None, &core).unwrap();
                while !over.load(Ordering::Relaxed) {
                    std::hint::black_box((0..1000u64).sum::<u64>());
                }
            })
        };
        let cores = cores.iter().flat_map(|core| vec![*core; THREADS_A_CORE]);
        let threads = cores.map(start).collect();
        Burn { over, threads }
    }
}

impl Drop for Burn {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

/// Those that this process may use, one by one.
fn cores() -> Vec<CpuSet> {
    let all = sched_getaffinity(None).unwrap();
    let there = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core));
    let only = |core| {
        let mut set = CpuSet::new();
        set.set(core);
        set
    };
    there.map(only).collect()
}

fn skipped(house: &House) -> u64 {
    let all = house.get("/api/v1/cameras").json();
    let all = all.as_array().unwrap().iter();
    all.map(|camera| camera["motion"]["skipped"].as_u64().unwrap()).sum()
}

/// How often motion at this camera began after a moment.
fn moved_since(house: &House, camera: &str, since_us: u64) -> usize {
    let from = crate::house::rfc3339(since_us);
    let page = house.event_page(&format!("kind=motion&source=camera:{camera}&from={from}&limit=1000"));
    let events = page["events"].as_array().unwrap().iter();
    // RFC 3339 in UTC sorts by time.
    events
        .filter(|event| event["start"].as_str().unwrap() >= from.as_str())
        .count()
}

#[test]
fn motion_gives_way_to_recording() {
    let (count, rounds) = (pick(3, 32), pick(1, 5));
    let main = pick(Recipe::small(), Recipe::full_hd()).clip().unwrap();
    let sub = Recipe::passing().clip().unwrap();
    let specs = (0..count).map(|i| {
        let spec = CameraSpec::new(format!("cam{i}")).stream("main", main.clone());
        spec.stream("sub", sub.clone())
    });
    let cameras = FakeCameras::start(specs.collect()).unwrap();
    let cams = cameras.names().map(|name| {
        let cam = Cam::of(&cameras, name).sub(cameras.url(name, "sub"));
        cam.record("mode = \"always\"\nmotion = \"always\"")
    });
    let mut house = House::start(&Setup::new(cams));
    // The small count would not overload a machine: it gets one core only.
    let mut cores = cores();
    if count < 32 {
        cores.truncate(1);
        house.keep_to(&cores[0]);
    }
    for name in cameras.names() {
        house.wait_recording(name, "main");
        house.wait_recording(name, "sub");
    }
    let (begin, begin_us, cpu) = (Instant::now(), now_us(), house.cpu_s());
    let all_moved = |since_us: u64, times: usize| {
        let mut names = cameras.names();
        names
            .all(|name| moved_since(&house, name, since_us) >= times)
            .then_some(())
    };
    let longest = PATIENCE + Duration::from_secs(12 * rounds as u64);
    wait_for("motion at every camera", longest, || all_moved(begin_us, rounds));
    let load = (house.cpu_s() - cpu) / begin.elapsed().as_secs_f64();
    let skipped_before = skipped(&house);
    let told = |house: &House| house.event_page("kind=overload")["events"].as_array().unwrap().clone();
    let told_before = told(&house).len();

    let burn = Burn::start(&cores);
    let from = Instant::now();
    wait_for("motion to be left out", PATIENCE, || {
        (skipped(&house) > skipped_before).then_some(())
    });
    let silent = if told_before > 0 { NEWS } else { Duration::ZERO };
    wait_for("the event that says so", PATIENCE + silent, || {
        (told(&house).len() > told_before).then_some(())
    });
    std::thread::sleep(Duration::from_secs(pick(3, 60)));
    let (burnt, left_out) = (from.elapsed(), skipped(&house) - skipped_before);
    drop(burn);
    let over_us = now_us();
    wait_for("motion again", longest, || all_moved(over_us, 1));

    settle(&house, &cameras);
    let overloads = told(&house);
    let of_motion = |event: &serde_json::Value| event["text"].as_str().unwrap().contains("motion detection");
    let mut all_hold = overloads.iter().all(of_motion);
    let mut sent = 0;
    for log in cameras.logs() {
        let gaps = house.recordings(&log.camera, &log.stream).gaps_before(near_end(&log));
        let balance = house.footage(&log.camera, &log.stream).balance(&log, &[], 0);
        sent += balance.on_disk;
        let begins = balance.before_first as u64 * log.interval_us <= BEGINS_WITHIN_US;
        let whole = balance.on_disk + balance.before_first == balance.sent && balance.holds() && gaps.is_empty();
        if !whole || !begins || log.ranges.len() != 1 || log.overflows > 0 {
            eprintln!("{}/{}: {balance:?} {gaps:?} {log:?}", log.camera, log.stream);
            all_hold = false;
        }
    }
    house.terminate();
    let figure = format!(
        "{count} cameras, both streams recorded, motion on ({load:.2} cores, {skipped_before} pictures left out); then {:.0} s \
         of {} threads that want each of {} cores: {left_out} pictures left out of motion, said in {} event of overload; \
         {sent} access units on disk, of those sent since recording began none is missing, no gap row",
        burnt.as_secs_f64(),
        THREADS_A_CORE,
        cores.len(),
        overloads.len(),
    );
    shown(6, &figure, all_hold);
}
