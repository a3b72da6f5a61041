//! Media made at run time by ffmpeg, kept in a folder between runs. Nothing coded is committed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use anyhow::{Context, Result, bail};

use crate::clip::{AudioClip, AudioCodec, VideoClip, VideoCodec, fixture_dir};

/// What a generated video looks like. The same recipe gives the same file.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    pub codec: VideoCodec,
    pub width: u32,
    pub height: u32,
    pub fps: u32,
    pub bitrate_bps: u32,
    /// Seconds from one random access point to the next.
    pub gop_s: u32,
    pub seconds: u32,
    pub b_frames: u32,
    pub show: Show,
}

/// What a generated picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Patterns that move all the time, and noise.
    Patterns,
    /// Its own place in the clip ([`number_shown`]).
    Number,
    /// Colour bars, noise, and a block that goes by in [`PASSES_S`].
    Passing,
}

/// When the block of [`Show::Passing`] comes and when it is gone, in seconds of the clip.
pub const PASSES_S: [u32; 2] = [6, 9];

/// Stripes of a numbered picture, left to right: bit 0 is the leftmost, white is 1.
const STRIPES: usize = 8;

/// The place in its clip that a numbered picture shows; `gray`: its luminance, one byte each.
/// `None`: it is no such picture, or a mix of two.
pub fn number_shown(gray: &[u8], width: usize) -> Option<usize> {
    let rows: Vec<&[u8]> = gray.chunks_exact(width).collect();
    let middle = rows.get(rows.len() / 2)?;
    let mut number = 0;
    for stripe in 0..STRIPES {
        let level = *middle.get((2 * stripe + 1) * width / (2 * STRIPES))?;
        match level {
            0..=90 => {}
            165..=255 => number |= 1 << stripe,
            _ => return None,
        }
    }
    Some(number)
}

impl Recipe {
    /// The stream of the benchmarks: H.264, 1920 × 1080, 25 pictures and 4 Mbit a second.
    pub fn full_hd() -> Self {
        Self {
            codec: VideoCodec::H264,
            width: 1920,
            height: 1080,
            fps: 25,
            bitrate_bps: 4_000_000,
            gop_s: 2,
            seconds: 12,
            b_frames: 0,
            show: Show::Patterns,
        }
    }

    /// As [`Recipe::small`], each picture showing its own number.
    pub fn numbered() -> Self {
        Self {
            show: Show::Number,
            ..Self::small()
        }
    }

    /// A small stream for tests: H.264, 640 × 360, a random access point every second.
    pub fn small() -> Self {
        Self {
            width: 640,
            height: 360,
            bitrate_bps: 600_000,
            gop_s: 1,
            seconds: 8,
            ..Self::full_hd()
        }
    }

    /// A smaller picture still: sub stream, or the other side of a change of resolution.
    pub fn tiny() -> Self {
        Self {
            width: 320,
            height: 180,
            bitrate_bps: 200_000,
            fps: 10,
            ..Self::small()
        }
    }

    /// What motion is looked for in: H.264, 640 × 360, 10 pictures and about 400 kbit a second, of
    /// which something moves in 3 s of 12.
    pub fn passing() -> Self {
        Self {
            fps: 10,
            bitrate_bps: 400_000,
            gop_s: 2,
            seconds: 12,
            show: Show::Passing,
            ..Self::small()
        }
    }

    fn name(&self) -> String {
        let show = match self.show {
            Show::Patterns => "",
            Show::Number => "-numbered",
            Show::Passing => "-passing",
        };
        format!(
            "{:?}-{}x{}-{}fps-{}bps-gop{}-{}s-b{}{show}-v1",
            self.codec, self.width, self.height, self.fps, self.bitrate_bps, self.gop_s, self.seconds, self.b_frames
        )
        .to_lowercase()
    }

    /// Generates (once) and loads the clip.
    pub fn clip(&self) -> Result<Arc<VideoClip>> {
        let stream = fixture_dir().join(self.name());
        let order = stream.with_extension("order");
        let ticks = 90_000 / self.fps;
        let size = (self.width, self.height);
        if self.codec == VideoCodec::Mjpeg {
            make(&stream, |to| self.encode(to, "mjpeg"))?;
            return Ok(Arc::new(VideoClip::from_jpegs(&fs::read(&stream)?, size, ticks)?));
        }
        if !order.exists() {
            // Of its own: another process that makes the same removes its film when it is done.
            let film = stream.with_extension(format!("{}.mp4", own_name()));
            make(&film, |to| self.encode(to, "mp4"))?;
            make(&stream, |to| self.annex_b(&film, to))?;
            make(&order, |to| self.order(&film, to))?;
            fs::remove_file(&film).ok();
        }
        let order: Vec<i64> = fs::read_to_string(&order)?
            .lines()
            .map(|l| l.parse().context("presentation order"))
            .collect::<Result<_>>()?;
        let bytes = fs::read(&stream)?;
        Ok(Arc::new(VideoClip::from_annex_b(
            self.codec, &bytes, &order, size, ticks,
        )?))
    }

    fn encode(&self, to: &Path, format: &str) -> Result<()> {
        let (size, rate) = (format!("{}x{}", self.width, self.height), self.fps);
        let source = match self.show {
            // Small, then enlarged: each pixel costs an expression.
            Show::Number => format!(
                "color=black:s={STRIPES}x2:r={rate},format=gray,geq=lum='30+190*mod(floor(N/pow(2,X)),2)',\
                 scale={size}:flags=neighbor"
            ),
            Show::Patterns => format!("testsrc2=size={size}:rate={rate},noise=alls=12:allf=t"),
            Show::Passing => {
                let [from, to] = PASSES_S;
                format!(
                    "smptebars=s={size}:r={rate}[bars];color=black:s=60x80:r={rate}[block];\
                     [bars][block]overlay=x='if(between(t,{from},{to}),(t-{from})*200,-100)':y=150,\
                     noise=alls=8:allf=t"
                )
            }
        };
        let gop = (self.gop_s * self.fps).to_string();
        let rate = self.bitrate_bps.to_string();
        let b_frames = self.b_frames.to_string();
        let mut command = ffmpeg();
        command.args(["-f", "lavfi", "-i", &source, "-t", &self.seconds.to_string()]);
        command.args([
            "-pix_fmt",
            if self.codec == VideoCodec::Mjpeg {
                "yuvj420p"
            } else {
                "yuv420p"
            },
        ]);
        match self.codec {
            VideoCodec::H264 => {
                let buffer = (self.bitrate_bps / 2).to_string();
                command.args(["-c:v", "libx264", "-preset", "ultrafast", "-bf", &b_frames, "-g", &gop]);
                command.args(["-b:v", &rate, "-maxrate", &rate, "-bufsize", &buffer]);
                command.args(["-x264-params", "aud=1:scenecut=0:open-gop=0:sliced-threads=0"]);
            }
            VideoCodec::H265 => {
                let options = format!(
                    "aud=1:scenecut=0:open-gop=0:keyint={gop}:min-keyint={gop}:bframes={b_frames}:log-level=error"
                );
                command.args(["-c:v", "libx265", "-preset", "ultrafast", "-b:v", &rate]);
                command.args(["-x265-params", &options]);
            }
            VideoCodec::Mjpeg => {
                command.args(["-c:v", "mjpeg", "-huffman", "default", "-q:v", "10"]);
            }
        }
        run(command.args(["-f", format]).arg(to))
    }

    fn annex_b(&self, film: &Path, to: &Path) -> Result<()> {
        let (filter, format) = match self.codec {
            VideoCodec::H265 => ("hevc_mp4toannexb", "hevc"),
            _ => ("h264_mp4toannexb", "h264"),
        };
        run(ffmpeg()
            .arg("-i")
            .arg(film)
            .args(["-c", "copy", "-bsf:v", filter, "-f", format])
            .arg(to))
    }

    /// Writes each picture's presentation place, one a line, in decoding order.
    fn order(&self, film: &Path, to: &Path) -> Result<()> {
        let output = Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-select_streams",
                "v",
                "-show_entries",
                "packet=pts_time",
            ])
            .args(["-of", "csv=p=0"])
            .arg(film)
            .output()
            .context("ffprobe")?;
        if !output.status.success() {
            bail!("ffprobe: {}", String::from_utf8_lossy(&output.stderr));
        }
        let text = String::from_utf8(output.stdout)?;
        let mut lines = String::new();
        for line in text.lines() {
            let seconds: f64 = line.trim_end_matches(',').parse().context("timestamp of ffprobe")?;
            lines += &format!("{}\n", (seconds * f64::from(self.fps)).round() as i64);
        }
        fs::write(to, lines).context("order")
    }
}

/// Generates (once) and loads a tone of 8 s in the given codec.
pub fn audio(codec: AudioCodec) -> Result<Arc<AudioClip>> {
    let path = fixture_dir().join(format!("{codec:?}-8s-v1").to_lowercase());
    let tone = |rate: u32| format!("sine=frequency=440:beep_factor=4:sample_rate={rate}");
    make(&path, |to| {
        let (rate, options): (u32, &[&str]) = match codec {
            AudioCodec::Aac => (48_000, &["-c:a", "aac", "-b:a", "64k", "-ac", "1", "-f", "adts"]),
            AudioCodec::Pcmu => (8_000, &["-c:a", "pcm_mulaw", "-f", "mulaw"]),
            AudioCodec::Pcma => (8_000, &["-c:a", "pcm_alaw", "-f", "alaw"]),
        };
        run(ffmpeg()
            .args(["-f", "lavfi", "-i", &tone(rate), "-t", "8"])
            .args(options)
            .arg(to))
    })?;
    let bytes = fs::read(&path)?;
    Ok(Arc::new(match codec {
        AudioCodec::Aac => AudioClip::from_adts(&bytes)?,
        other => AudioClip::from_g711(other, &bytes),
    }))
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"]);
    command
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().context("ffmpeg does not start: is it installed?")?;
    if !output.status.success() {
        bail!("ffmpeg: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// Of this thread of this process.
fn own_name() -> String {
    format!("{}-{:?}", std::process::id(), std::thread::current().id())
}

/// Makes a file under a name of its own and moves it into place: processes may race for it.
fn make(path: &PathBuf, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let folder = path.parent().context("no folder")?;
    fs::create_dir_all(folder)?;
    let draft = folder.join(format!(
        ".{}-{}",
        own_name(),
        path.file_name().unwrap_or_default().to_string_lossy()
    ));
    write(&draft)?;
    fs::rename(&draft, path).context("rename")
}
