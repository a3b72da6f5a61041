//! One recorder records what another re-streams: media that passed through gst-rtsp-server, with
//! the camera's own numbers still in it.

use std::time::Duration;

use vigie_fake_camera::{CameraSpec, FakeCameras, Recipe, VideoCodec};

use crate::{
    house::{Cam, House, PASSWORD, Setup, USER, pick, shown, wait_for},
    recording::clip,
};

#[test]
fn a_recorder_records_a_recorder() {
    let h265 = Recipe {
        codec: VideoCodec::H265,
        ..Recipe::small()
    }
    .clip()
    .unwrap();
    let cameras = FakeCameras::start(vec![
        CameraSpec::new("h264").stream("main", clip()),
        CameraSpec::new("h265").stream("main", h265),
    ])
    .unwrap();
    let first = House::start(&Setup::of(&cameras));
    let names = ["h264", "h265"];
    for name in names {
        first.wait_recording(name, "main");
    }
    let cams = names.into_iter().flat_map(|name| {
        let tcp = Cam::new(&format!("{name}-tcp"), first.rtsp(name, "main")).account(USER, PASSWORD);
        let udp = Cam {
            id: format!("{name}-udp"),
            ..tcp.clone()
        }
        .udp();
        [tcp, udp]
    });
    let cams: Vec<Cam> = cams.collect();
    let mut second = House::start(&Setup::new(cams.clone()));
    for cam in &cams {
        second.wait_recording(&cam.id, "main");
    }
    std::thread::sleep(Duration::from_secs(pick(4, 30)));
    for cam in &cams {
        let until = crate::house::now_us();
        wait_for("recording", Duration::from_secs(10), || {
            (second.recorded_until(&cam.id, "main") > until).then_some(())
        });
    }
    second.terminate();
    let mut all_hold = true;
    let mut figures = Vec::new();
    for cam in &cams {
        let numbers: Vec<u64> = second
            .footage(&cam.id, "main")
            .units
            .iter()
            .map(|u| u.identity.number)
            .collect();
        let whole = numbers.len() > 50 && numbers.windows(2).all(|w| w[1] == w[0] + 1);
        if !whole {
            eprintln!("{}: {numbers:?}", cam.id);
        }
        all_hold &= whole;
        figures.push(format!("{} {}", cam.id, numbers.len()));
    }
    shown(
        3,
        &format!("recorded from gst-rtsp-server without a hole: {}", figures.join(", ")),
        all_hold,
    );
}
