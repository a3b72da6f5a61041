//! Between two segments nothing is missing and nothing doubled, down to the NAL unit.

use std::time::Duration;

use vigie_fake_camera::{CameraSpec, FakeCameras, Recipe};

use crate::{
    house::{Cam, House, PATIENCE, Setup, ffprobe_is_content, pick, shown, wait_for},
    recording::{near_end, settle},
};

#[test]
fn rotations_lose_and_double_nothing() {
    let rotations = pick(6, 100);
    let plain = Recipe::small().clip().unwrap();
    let reordered = Recipe {
        b_frames: 2,
        ..Recipe::small()
    }
    .clip()
    .unwrap();
    let clips = [("plain", plain), ("reordered", reordered)];
    let specs = clips
        .iter()
        .map(|(name, clip)| CameraSpec::new(*name).stream("main", clip.clone()));
    let cameras = FakeCameras::start(specs.collect()).unwrap();
    let cams = clips.iter().map(|(name, _)| Cam::of(&cameras, name).segment("1s"));
    let mut house = House::start(&Setup::new(cams));
    for (name, _) in &clips {
        let patience = PATIENCE + Duration::from_secs(3 * rotations as u64);
        wait_for("rotations", patience, || {
            (house.recordings(name, "main").segments.len() > rotations).then_some(())
        });
    }
    settle(&house, &cameras);
    let rows: Vec<_> = clips.iter().map(|(name, _)| house.recordings(name, "main")).collect();
    house.terminate();
    let (mut units, mut differing, mut all_hold) = (0, 0, true);
    for ((name, clip), rows) in clips.iter().zip(rows) {
        let log = cameras.log(name, "main").unwrap();
        let footage = house.footage(name, "main");
        let balance = footage.balance(&log, &[], 0);
        let different = footage.differing(&log, &[clip]).unwrap();
        let gaps = rows.gaps_before(near_end(&log));
        if !(balance.holds() && different.is_empty() && gaps.is_empty()) {
            eprintln!("{name}: {balance:?}, differing {different:?}, gaps {gaps:?}");
            all_hold = false;
        }
        all_hold &= balance.on_disk == balance.sent && footage.files.len() > rotations;
        units += balance.on_disk;
        differing += different.len();
        // Every file can be decoded from its start.
        assert!(footage.units.iter().filter(|u| u.sample == 0).all(|u| u.sync), "{name}");
        ffprobe_is_content(&footage);
    }
    shown(
        4,
        &format!(
            "{rotations} rotations of {} cameras: {units} access units sent = on disk, {differing} differ in a NAL unit",
            clips.len()
        ),
        all_hold,
    );
}
