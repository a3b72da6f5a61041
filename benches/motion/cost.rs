//! What decoding and detection cost beside decoding alone.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use vigie_media::motion::{Area, Detector, Sensitivity, Watch};

use crate::clips::Clip;

/// CPU time (user and system) of one picture of one camera, in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// ffmpeg decoding the same file to nothing, with one thread.
    pub bare: f64,
    /// The product's decoder alone, and with detection.
    pub decoding: f64,
    pub whole: f64,
}

/// Rounds of all three in turn, each `cameras` times the clip; the best of each counts, for other
/// load on the machine only ever adds.
pub fn measure(clip: &Clip, cameras: usize, rounds: usize) -> Result<Cost> {
    let mut best = [f64::MAX; 3];
    let pictures = (clip.units.len() * cameras) as f64;
    for _ in 0..rounds {
        let spent = [
            ffmpeg(&clip.path, cameras)?,
            product(clip, cameras, false)?,
            product(clip, cameras, true)?,
        ];
        for (best, spent) in best.iter_mut().zip(spent) {
            *best = best.min(spent.as_secs_f64() * 1e6 / pictures);
        }
    }
    let [bare, decoding, whole] = best;
    Ok(Cost { bare, decoding, whole })
}

/// Start-up is small beside minutes of video: the file is read over and over by one process.
fn ffmpeg(path: &Path, times: usize) -> Result<Duration> {
    let before = children()?;
    let status = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-nostdin",
            "-threads",
            "1",
            "-stream_loop",
            &(times - 1).to_string(),
            "-i",
        ])
        .arg(path)
        .args(["-f", "null", "-"])
        .status()
        .context("ffmpeg")?;
    ensure!(status.success(), "ffmpeg: {status}");
    Ok(children()? - before)
}

/// As many cameras side by side, each with its decoder, fed by turns.
fn product(clip: &Clip, cameras: usize, detect: bool) -> Result<Duration> {
    let before = own();
    let begin = Instant::now();
    let mut all = Vec::new();
    for _ in 0..cameras {
        let watch = Watch::new(Area::whole(), Duration::from_secs(5));
        all.push((clip.decoder()?, Detector::new(Sensitivity::new(50)), watch));
    }
    let mut seen = 0;
    for unit in &clip.units {
        for (decoder, detector, watch) in &mut all {
            for picture in decoder.decode(unit)? {
                seen += 1;
                if detect {
                    detector.see(&picture.luma(), picture.since);
                    watch.see(detector, picture.since);
                }
            }
        }
    }
    ensure!(seen == cameras * clip.units.len(), "{seen} pictures came out");
    drop(all);
    ensure!(own() > before, "no time passed in {:?}", begin.elapsed());
    Ok(own() - before)
}

fn own() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Of children that have ended: `cutime` and `cstime` of `/proc/self/stat` (proc(5)).
fn children() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').context("stat")?.1.split_whitespace();
    let ticks = fields
        .skip(13)
        .take(2)
        .map(|field| field.parse::<u64>().context("stat"));
    let ticks: u64 = ticks.sum::<Result<u64>>()?;
    Ok(Duration::from_millis(ticks * 10))
}
