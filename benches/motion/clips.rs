//! Footage as a camera sends it: encoded to a small stream, kept in the folder of fixtures, and
//! read back as access units.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use vigie_config::Utc;
use vigie_fake_camera::{demux::Movie, fixture_dir};
use vigie_media::{AccessUnit, StreamFormat, Track, codec::h264, decode::Pictures, format::VIDEO_TIMESCALE};

use crate::scenes::{self, Scene};

/// As Debian's `opencv-doc` has it; `.ci/setup` installs that package.
const VTEST: &str = "/usr/share/doc/opencv-doc/examples/data/vtest.avi";
/// What a camera's small stream is like: no B-frames, a random access point every 4 s.
const ENCODER: &str = "-c:v libx264 -preset veryfast -b:v 400k -maxrate 400k -bufsize 800k -g 40 -bf 0 -threads 1";

/// 640x360 at 10 pictures and about 400 kbit a second, H.264.
pub struct Clip {
    pub path: PathBuf,
    pub units: Vec<Arc<AccessUnit>>,
}

impl Clip {
    /// The film with people; its name in the labels is `vtest.avi`.
    pub fn vtest() -> Result<Self> {
        let film = Path::new(VTEST);
        ensure!(film.exists(), "{VTEST} is missing: install Debian's opencv-doc");
        let path = made("motion-vtest-v1.mp4", |to| {
            let mut command = ffmpeg();
            command
                .arg("-i")
                .arg(film)
                .args(["-vf", "scale=640:360", "-pix_fmt", "yuv420p"]);
            run(command.args(ENCODER.split(' ')).arg(to), &mut |_| Ok(()))
        })?;
        Self::read(path)
    }

    pub fn scene(scene: &Scene) -> Result<Self> {
        let path = made(&format!("motion-{}-{}-v1.mp4", scene.name, scene.seed), |to| {
            let size = format!("{}x{}", scenes::WIDTH, scenes::HEIGHT);
            let mut command = ffmpeg();
            command.args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", &size]);
            command.args(["-r", &scenes::FPS.to_string(), "-i", "-"]);
            command.args(ENCODER.split(' ')).arg(to);
            run(&mut command, &mut |input| {
                let mut picture = vec![0; scenes::PICTURE];
                for frame in 0..scene.frames {
                    scene.draw(frame, &mut picture);
                    input.write_all(&picture)?;
                }
                Ok(())
            })
        })?;
        Self::read(path)
    }

    fn read(path: PathBuf) -> Result<Self> {
        let movie = Movie::read(&path)?;
        let track = movie.video().context("no video")?;
        let video = h264::video_format(track.parameter_sets.iter().map(Vec::as_slice));
        let format = Arc::new(StreamFormat {
            video: Some(video.context("no parameter sets")?),
            audio: None,
        });
        let ticks = |time: i64| time * i64::from(VIDEO_TIMESCALE) / i64::from(track.timescale.max(1));
        let units = track.samples.iter().zip(1..).map(|(sample, seq)| {
            Arc::new(AccessUnit {
                track: Track::Video,
                data: Bytes::copy_from_slice(movie.bytes(sample)),
                dts: ticks(sample.dts),
                pts: ticks(sample.pts),
                utc: Utc::from_micros(ticks(sample.dts) * 100 / 9),
                rap: sample.sync,
                epoch: 0,
                format: format.clone(),
                seq,
            })
        });
        let units = units.collect();
        Ok(Self { path, units })
    }

    /// The product's decoder for it.
    pub fn decoder(&self) -> Result<Pictures> {
        let format = self.units.first().and_then(|unit| unit.format.video.as_ref());
        Ok(Pictures::new(format.context("an empty clip")?)?)
    }
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "error", "-y"]);
    command
}

fn run(command: &mut Command, feed: &mut dyn FnMut(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut child = command
        .stdin(Stdio::piped())
        .spawn()
        .context("ffmpeg does not start: is it installed?")?;
    let mut input = child.stdin.take().context("stdin")?;
    let fed = feed(&mut input);
    drop(input);
    let status = child.wait()?;
    ensure!(status.success(), "ffmpeg: {status}");
    fed
}

/// Made once, under a name of its own, and moved into place: processes may race for it.
fn made(name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let path = fixture_dir().join(name);
    if path.exists() {
        return Ok(path);
    }
    fs::create_dir_all(fixture_dir())?;
    let draft = fixture_dir().join(format!(".{}-{name}", std::process::id()));
    make(&draft)?;
    fs::rename(&draft, &path)?;
    Ok(path)
}
