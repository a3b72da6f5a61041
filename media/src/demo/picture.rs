//! What the demo cameras see.

use std::time::Duration;

use super::ground::Ground;

/// One camera's look: GStreamer pipelines in the notation of `gst_parse_launch`.
pub(super) struct Picture {
    pub id: &'static str,
    pub name: &'static str,
    pub sound: bool,
    /// Properties of `videotestsrc`.
    scene: &'static str,
    /// What is drawn over its lower part.
    pub ground: Ground,
}

/// The element that draws the scene.
pub(super) const SCENE: &str = "scene";

/// The scene is drawn small and enlarged: drawing 1280×720 costs 10 % of a core, this 3 %. [`Ground`] counts
/// on these numbers.
const DRAWN: &str = "video/x-raw,format=I420,width=320,height=180";

impl Picture {
    pub const ALL: [Picture; 2] = [
        Picture {
            id: "gate",
            name: "Gate",
            sound: true,
            scene: "pattern=ball background-color=0xff204060",
            ground: Ground {
                brightness: 70,
                every: Duration::from_secs(40),
                after: Duration::ZERO,
            },
        },
        Picture {
            id: "yard",
            name: "Yard",
            sound: false,
            scene: "pattern=smpte75 horizontal-speed=2",
            ground: Ground {
                brightness: 90,
                every: Duration::from_secs(60),
                after: Duration::from_secs(25),
            },
        },
    ];

    pub fn main(&self) -> String {
        let video = self.video(1280, 720, 25, 2000);
        let audio = if self.sound {
            "audiotestsrc is-live=true wave=ticks volume=0.3 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=1 \
             ! avenc_aac bitrate=64000 ! aacparse ! rtpmp4gpay name=pay1 pt=97"
        } else {
            ""
        };
        format!("( {video} {audio} )")
    }

    pub fn sub(&self) -> String {
        format!("( {} )", self.video(640, 360, 15, 400))
    }

    fn video(&self, width: u32, height: u32, fps: u32, kbit: u32) -> String {
        let Picture { name, scene, .. } = self;
        let gop = 2 * fps;
        format!(
            "videotestsrc name={SCENE} is-live=true {scene} ! {DRAWN},framerate={fps}/1 \
             ! videoscale method=nearest-neighbour ! video/x-raw,width={width},height={height},pixel-aspect-ratio=1/1 \
             ! textoverlay text=\"{name}\" valignment=top halignment=left shaded-background=true \
             ! clockoverlay time-format=\"%Y-%m-%d %H:%M:%S\" valignment=bottom halignment=right shaded-background=true \
             ! x264enc tune=zerolatency speed-preset=ultrafast threads=1 bitrate={kbit} key-int-max={gop} \
             ! video/x-h264,profile=constrained-baseline ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1"
        )
    }
}
