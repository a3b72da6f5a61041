//! What the device under each disk says of itself, of whatever this machine has.

use crate::{
    house::{House, PATIENCE, Setup, wait_for},
    recording::cameras,
};

#[test]
fn every_disk_shows_what_is_under_it() {
    let cameras = cameras(1);
    let house = House::start(&Setup::of(&cameras));
    let device = wait_for("a look at the device", PATIENCE, || {
        let device = house.disk("d1")["device"].clone();
        (!device.is_null()).then_some(device)
    });
    let point = device["mount"]["point"].as_str().unwrap_or_default();
    assert!(!point.is_empty() && house.root.starts_with(point), "{device}");
    assert!(
        device["mount"]["file_system"].is_string() && device["looked_at"].is_string(),
        "{device}"
    );
    let good = device["state"] == "good";
    assert_eq!(good, device["reasons"].as_array().unwrap().is_empty(), "{device}");
    let tree = house.get("/api/v1/system/tree").json();
    let actors = tree["children"].as_array().unwrap();
    let shown = actors.iter().find(|actor| actor["name"] == "devices").unwrap();
    assert_eq!(shown["detail"]["d1"]["state"], device["state"]);
    let metrics = house.get("/metrics").text();
    assert!(metrics.contains("vigie_disk_device_state{disk=\"d1\"} "), "{metrics}");
    house.wait_recording("cam0", "main");
}
