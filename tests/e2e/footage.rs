//! Footage of removed cameras, footage deleted by hand, the alarm when nothing is recorded, and
//! the meter.

use std::time::Duration;

use serde_json::Value;

use crate::{
    house::{Cam, House, PATIENCE, Setup, now_us, rfc3339, wait_for},
    recording::cameras,
};

fn extents(house: &House) -> Vec<Value> {
    house.get("/api/v1/footage").json().as_array().unwrap().clone()
}

#[test]
fn a_removed_camera_is_listed_and_its_footage_deleted_by_hand() {
    let cameras = cameras(2);
    let short = |name: &str| Cam::of(&cameras, name).segment("1s");
    let house = House::start(&Setup::new(["cam0", "cam1"].map(short)));
    for name in ["cam0", "cam1"] {
        wait_for("some segments", PATIENCE, || {
            (house.recordings(name, "main").segments.len() > 4).then_some(())
        });
    }
    house.reconfigure(&Setup::new([short("cam1")]));
    wait_for("the removed one", PATIENCE, || {
        let all = extents(&house);
        let removed = all.iter().find(|extent| extent["camera"] == "cam0")?;
        (removed["removed"] == true).then_some(())
    });
    let other = extents(&house)
        .into_iter()
        .find(|extent| extent["camera"] == "cam1")
        .unwrap();
    assert_eq!(other["removed"], false);
    let listed = house.command(&["footage", "list"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("cam0\tmain\t") && line.ends_with("\tremoved")),
        "{listed}"
    );

    // One segment in the middle, over HTTP.
    let segments = house.recordings("cam0", "main").segments;
    let (start, end, ..) = segments[2];
    // Where one ends and the next begins they may overlap by milliseconds.
    let middle = (start + end) / 2;
    let (from, to) = (rfc3339(middle - 1000), rfc3339(middle + 1000));
    let path = format!("/api/v1/footage?camera=cam0&from={from}&to={to}&note=request%2017");
    house.add_user("somebody", "ordinary");
    assert_eq!(house.delete_as("somebody", &path).status, 403);
    let answer = house.delete_as("tester", &path);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["files"], 1, "{}", answer.text());
    let left = house.recordings("cam0", "main").segments;
    assert_eq!(left.len(), segments.len() - 1);
    assert!(left.iter().all(|segment| segment.0 != start));
    // The rest, at the command line.
    let until = rfc3339(now_us());
    let deleted = house.command(&[
        "footage",
        "delete",
        "--camera",
        "cam0",
        "--from",
        "2020-01-01T00:00:00Z",
        "--to",
        &until,
    ]);
    assert!(deleted.status.success(), "{deleted:?}");
    assert!(extents(&house).iter().all(|extent| extent["camera"] != "cam0"));
    let nobodys = [
        "footage",
        "delete",
        "--camera",
        "cam7",
        "--from",
        "2020-01-01T00:00:00Z",
        "--to",
        &until,
    ];
    let nobodys = house.command(&nobodys);
    assert!(
        nobodys.status.code() == Some(1) && String::from_utf8_lossy(&nobodys.stderr).contains("no camera cam7"),
        "{nobodys:?}"
    );
    let log = house.get("/api/v1/footage/deletions").json();
    let log = log.as_array().unwrap();
    assert_eq!(
        (log.len(), &log[0]["by"], &log[0]["note"]),
        (2, &"tester".into(), &"request 17".into())
    );
    let check = house.command(&["index", "check"]);
    assert!(check.status.success(), "{check:?}");
    // Bad input of all kinds changes nothing.
    for bad in [
        "camera=cam1&from=x&to=y",
        "camera=cam1",
        "camera=cam9&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z",
        "camera=cam1&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
    ] {
        let status = house.delete_as("tester", &format!("/api/v1/footage?{bad}")).status;
        assert!((400..=404).contains(&status), "{bad}: {status}");
    }
}

#[test]
fn a_stream_that_is_not_recorded_is_an_alarm_once() {
    let cameras = cameras(2);
    let house = House::start(&Setup {
        alarm_after: Some("10s"),
        ..Setup::of(&cameras)
    });
    house.wait_recording("cam0", "main");
    house.wait_recording("cam1", "main");
    cameras.die("cam1", Duration::from_secs(3600));
    wait_for("the alarm", PATIENCE, || {
        (house.events("nothing_recorded") > 0).then_some(())
    });
    for _ in 0..3 {
        house.wait_recording("cam0", "main");
    }
    assert_eq!(house.events("nothing_recorded"), 1);
    // What two cameras cost is known by then, or the machine is too busy to tell.
    let room = wait_for("the meter", PATIENCE, || {
        let room = house.get("/api/v1/system/info").json()["room"].clone();
        (!room.is_null()).then_some(room)
    });
    assert!(
        room["cameras"].as_u64().is_some() && room["limited_by"].is_string(),
        "{room}"
    );
}
