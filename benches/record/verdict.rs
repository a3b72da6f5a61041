//! The acceptance list's bounds on these figures.

use std::{fs, io::Write, path::Path};

use anyhow::Result;

use crate::table::{Line, merge};
use crate::window::{Outcome, Recorder};

/// Most that Vigie may cost beside the floor, and beside ffmpeg.
const TIMES_FLOOR: f64 = 1.9;
const TIMES_FFMPEG: f64 = 1.0 / 3.0;
const THREADS: u64 = 40;
/// Noise of two ratios of one run.
const RATIO_GROWTH: f64 = 1.1;

/// One line for each bound: what was found and whether it holds.
pub fn lines(outcomes: &[Outcome]) -> Vec<(String, bool)> {
    let merged = merge(outcomes);
    let find = |recorder: Recorder, cameras: Option<usize>| -> Option<&Line> {
        merged
            .iter()
            .find(|l| l.outcome.recorder == recorder && cameras.is_none_or(|c| l.outcome.cameras == c))
    };
    let mut verdicts = Vec::new();
    let mut ratios = Vec::new();
    for vigie in merged
        .iter()
        .filter(|l| l.outcome.recorder == Recorder::Vigie)
        .map(|l| &l.outcome)
    {
        let cameras = vigie.cameras;
        let mut say = |figure: String, holds: bool| verdicts.push((format!("{cameras} cameras: {figure}"), holds));
        say(
            format!("{} access units sent, {} lost", vigie.sent, vigie.lost),
            vigie.lost == 0,
        );
        if let Some(floor) = find(Recorder::Floor, Some(cameras)).filter(|f| f.outcome.lost == 0) {
            let ratio = vigie.cpu_percent() / floor.outcome.cpu_percent();
            ratios.push((cameras, ratio));
            say(
                format!("{ratio:.2} × the floor (≤ {TIMES_FLOOR})"),
                ratio <= TIMES_FLOOR,
            );
        }
        if let Some(ffmpeg) = find(Recorder::Ffmpeg, None) {
            let ratio = vigie.cpu_percent() / ffmpeg.outcome.cpu_percent();
            say(
                format!("{ratio:.2} × ffmpeg (≤ {TIMES_FFMPEG:.2})"),
                ratio <= TIMES_FFMPEG,
            );
        }
        let megabytes = vigie.peak_kib as f64 / 1024.0;
        let bound = 100.0 + 2.0 * cameras as f64;
        say(format!("{megabytes:.0} MB at most (≤ {bound:.0})"), megabytes <= bound);
        say(
            format!("{} threads (≤ {THREADS})", vigie.threads),
            vigie.threads <= THREADS,
        );
    }
    if let (Some(first), Some(last)) = (ratios.first(), ratios.last())
        && first.0 < last.0
    {
        let growth = last.1 / first.1;
        verdicts.push((
            format!("ratio at {} cameras is {growth:.2} × that at {}", last.0, first.0),
            growth <= RATIO_GROWTH,
        ));
    }
    verdicts
}

/// Prints the verdicts as lines of the acceptance list and adds them to `file`; whether all hold.
pub fn report(outcomes: &[Outcome], file: &Path) -> Result<bool> {
    let mut all_hold = true;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = fs::File::options().create(true).append(true).open(file)?;
    for (figure, holds) in lines(outcomes) {
        let line = format!("2: {figure} … {}\n", if holds { "pass" } else { "FAIL" });
        print!("{line}");
        file.write_all(line.as_bytes())?;
        all_hold &= holds;
    }
    Ok(all_hold)
}
