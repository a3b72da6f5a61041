//! Cameras that die, fall silent or refuse, and their neighbours.

use std::time::{Duration, Instant};

use vigie_fake_camera::{CameraSpec, FakeCameras, Lies};

use crate::{
    house::{Cam, House, PATIENCE, Setup, pick, shown, wait_for},
    recording::{cameras, clip, settle},
};

fn neighbour_is_whole(house: &House, cameras: &FakeCameras, name: &str) -> bool {
    settle(house, cameras);
    let log = cameras.log(name, "main").unwrap();
    let balance = house.footage(name, "main").balance(&log, &[], 0);
    let whole = balance.holds() && balance.on_disk == balance.sent;
    if !whole {
        eprintln!("{name}: {balance:?}");
    }
    whole && log.ranges.len() == 1
}

#[test]
fn a_dead_camera_is_recorded_again_within_3_s() {
    let rounds = pick(1, 5);
    let cameras = cameras(2);
    let house = House::start(&Setup::of(&cameras));
    let mut worst = 0;
    for name in cameras.names() {
        house.wait_recording(name, "main");
    }
    for _ in 0..rounds {
        house.wait_recording("cam0", "main");
        let before = house.recordings("cam0", "main").gaps.len();
        cameras.die("cam0", Duration::from_secs(10));
        house.wait_state("cam0", "main", "offline", Duration::from_secs(9));
        let log = cameras.log("cam0", "main").unwrap();
        let last_sent = log.ranges.last().unwrap();
        let died = log.due_us(last_sent.last);
        // While it is dead its gap is open, and says so.
        let open = wait_for("the open gap", Duration::from_secs(5), || {
            house
                .recordings("cam0", "main")
                .gaps
                .into_iter()
                .find(|g| g.end_us.is_none())
        });
        assert_eq!(open.cause, "camera_offline");
        house.wait_recording("cam0", "main");
        let gaps = house.recordings("cam0", "main").gaps;
        assert_eq!(gaps.len(), before + 1, "{gaps:?}");
        let gap = gaps.last().unwrap();
        assert_eq!(gap.cause, "camera_offline");
        assert!(
            gap.start_us.abs_diff(died) < 1_000_000,
            "starts {} µs off",
            gap.start_us.abs_diff(died)
        );
        let late = gap.end_us.expect("a closed gap").saturating_sub(died + 10_000_000);
        worst = worst.max(late);
    }
    let neighbour = neighbour_is_whole(&house, &cameras, "cam1");
    let log = cameras.log("cam0", "main").unwrap();
    let gaps = house.recordings("cam0", "main").gaps;
    let balance = house.footage("cam0", "main").balance(&log, &gaps, 250_000);
    assert!(balance.holds(), "{balance:?}");
    shown(
        5,
        &format!(
            "{rounds} × dead for 10 s: recorded again at most {:.2} s after it was back, one gap row each, neighbour whole",
            worst as f64 / 1e6
        ),
        worst <= 3_000_000 && neighbour,
    );
}

#[test]
fn a_silent_camera_is_stalled_within_10_s() {
    let cameras = cameras(2);
    let house = House::start(&Setup::of(&cameras));
    for name in cameras.names() {
        house.wait_recording(name, "main");
    }
    let start = Instant::now();
    cameras.lie("cam0", |l| l.silent_after_play = true);
    house.wait_state("cam0", "main", "stalled", PATIENCE);
    let stalled = start.elapsed();
    let open = wait_for("the gap", PATIENCE, || {
        house.recordings("cam0", "main").gaps.last().cloned()
    });
    assert_eq!((open.cause.as_str(), open.end_us), ("stalled", None));
    cameras.lie("cam0", |l| l.silent_after_play = false);
    house.wait_recording("cam0", "main");
    let gap = house.recordings("cam0", "main").gaps.last().cloned().unwrap();
    assert_eq!(gap.start_us, open.start_us);
    assert!(gap.end_us.is_some());
    let neighbour = neighbour_is_whole(&house, &cameras, "cam1");
    let log = cameras.log("cam0", "main").unwrap();
    let gaps = house.recordings("cam0", "main").gaps;
    let balance = house.footage("cam0", "main").balance(&log, &gaps, 250_000);
    assert!(balance.holds(), "{balance:?} {gaps:?}");
    shown(
        5,
        &format!(
            "silent: stalled after {:.1} s, its gap row, neighbour whole",
            stalled.as_secs_f64()
        ),
        neighbour && stalled <= pick(PATIENCE, Duration::from_secs(10)),
    );
}

#[test]
fn cameras_that_refuse_or_never_answer() {
    let spec = |name: &str, lies| CameraSpec::new(name).stream("main", clip()).lies(lies);
    let cameras = FakeCameras::start(vec![
        spec(
            "refuses",
            Lies {
                always_401: true,
                ..Lies::default()
            },
        ),
        spec(
            "unknown",
            Lies {
                always_404: true,
                ..Lies::default()
            },
        ),
        spec(
            "mute",
            Lies {
                accept_silent: true,
                ..Lies::default()
            },
        ),
        spec(
            "empty",
            Lies {
                silent_after_play: true,
                ..Lies::default()
            },
        ),
        spec("good", Lies::default()),
    ])
    .unwrap();
    let mut cams: Vec<Cam> = cameras.names().map(|n| Cam::of(&cameras, n)).collect();
    cams[0] = cams[0].clone().account("viewer", "wrong");
    let house = House::start(&Setup::new(cams));
    house.wait_recording("good", "main");
    house.wait_state("refuses", "main", "refused", PATIENCE);
    house.wait_state("unknown", "main", "refused", PATIENCE);
    wait_for("an error of the mute camera", PATIENCE, || {
        let stream = house.stream("mute", "main");
        (stream["state"] == "offline" && !stream["error"].is_null()).then_some(())
    });
    house.wait_state("empty", "main", "stalled", PATIENCE);
    // Never recorded: a gap never covers the time before the first access unit.
    for name in ["refuses", "unknown", "mute", "empty"] {
        assert!(house.recordings(name, "main").gaps.is_empty(), "{name}");
    }
    // A camera that was recorded and then refuses has its gap.
    cameras.lie("good", |l| l.always_401 = true);
    cameras.hang_up("good");
    house.wait_state("good", "main", "refused", PATIENCE);
    let gap = wait_for("the gap", PATIENCE, || {
        house.recordings("good", "main").gaps.last().cloned()
    });
    assert_eq!(gap.cause, "refused", "{gap:?}");
    // Refused cameras are asked rarely: one that tries again at once would be at hundreds by now.
    let asked = ["refuses", "unknown"].map(|name| cameras.connections(name));
    shown(
        5,
        &format!(
            "401 and 404 are refused (asked {asked:?} times), mute offline, empty stalled; a gap row where footage was before"
        ),
        asked.iter().all(|n| *n <= 12),
    );
}
