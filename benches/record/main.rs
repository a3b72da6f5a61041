//! `cargo bench --bench record`: what recording a camera costs, beside the least it can cost and
//! beside ffmpeg, in one run on one machine.
//!
//! Ratios hold on a noisy machine, absolute times do not: windows of the floor and of Vigie
//! alternate, and no ratio is printed where a unit was lost.

mod process;
mod roles;
mod rtsp_client;
mod table;
mod verdict;
mod window;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;

use window::{Outcome, Recorder, Viewers};

#[derive(Parser)]
#[command(about = "CPU per camera of the floor, of Vigie and of ffmpeg")]
pub struct Options {
    /// Numbers of cameras.
    #[arg(long, value_delimiter = ',', default_value = "16,64,200")]
    cameras: Vec<usize>,
    /// Length of a window.
    #[arg(long, default_value_t = 60.0)]
    seconds: f64,
    /// Seconds between the last camera's start and the window.
    #[arg(long, default_value_t = 8.0)]
    warm_up: f64,
    /// Windows of each of floor and Vigie, in turn.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Who records: floor, vigie, ffmpeg, retina, viewers.
    #[arg(long, value_delimiter = ',', default_value = "floor,vigie,ffmpeg,viewers")]
    only: Vec<String>,
    /// Processes of ffmpeg at most.
    #[arg(long, default_value_t = 16)]
    ffmpeg_limit: usize,
    /// RTSP viewers beside the smallest number of cameras: of one camera, and of one each.
    #[arg(long, default_value_t = 30)]
    viewers: usize,
    /// The binary to measure.
    #[arg(long, default_value = option_env!("CARGO_BIN_EXE_vigie").unwrap_or("vigie"))]
    vigie: PathBuf,
    /// Where footage, state and figures go.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench"))]
    work: PathBuf,
    /// Adds verdicts on the acceptance list's bounds to this file; exit 1 if one does not hold.
    #[arg(long)]
    verdict: Option<PathBuf>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
    #[arg(long, hide = true)]
    role: Option<String>,
    #[arg(long, hide = true)]
    count: Option<usize>,
    #[arg(long, hide = true)]
    folder: Option<PathBuf>,
    #[arg(hide = true)]
    urls: Vec<String>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    match options.role.as_deref() {
        Some("cameras") => return roles::cameras(options.count.context("--count")?),
        Some("floor") => return roles::floor(&options.urls, options.folder),
        Some("viewers") => return roles::floor(&options.urls, None),
        Some("retina") => return roles::retina(&options.urls, options.folder.context("--folder")?),
        Some(other) => anyhow::bail!("no role {other}"),
        None => {}
    }
    std::fs::create_dir_all(&options.work)?;
    let mut outcomes: Vec<Outcome> = Vec::new();
    for count in options.cameras.iter().copied() {
        for recorder in plan(count, &options) {
            let cameras = match recorder {
                Recorder::Ffmpeg => count.min(options.ffmpeg_limit),
                _ => count,
            };
            let same = |o: &Outcome| o.recorder == recorder && o.cameras == cameras;
            if recorder == Recorder::Ffmpeg && outcomes.iter().any(same) {
                continue;
            }
            let outcome = window::measure(recorder, cameras, &options)?;
            eprintln!(
                "{:<24} {cameras:>4} cameras: {:.4} % of a core each, source {:.4} %, sent {} lost {} stalls {}",
                recorder.name(),
                outcome.cpu_percent(),
                outcome.source_percent(),
                outcome.sent,
                outcome.lost,
                outcome.stalls
            );
            outcomes.push(outcome);
        }
        table::write_csv(&options.work, &outcomes)?;
    }
    println!("{}", table::markdown(&outcomes));
    if let Some(file) = &options.verdict {
        anyhow::ensure!(verdict::report(&outcomes, file)?, "not every bound holds");
    }
    Ok(())
}

/// The windows for one number of cameras, in order.
fn plan(count: usize, options: &Options) -> Vec<Recorder> {
    let wanted = |name: &str| options.only.iter().any(|o| o == name);
    let mut plan = Vec::new();
    for _ in 0..options.rounds {
        for (name, recorder) in [
            ("floor", Recorder::Floor),
            ("vigie", Recorder::Vigie),
            ("retina", Recorder::Retina),
        ] {
            if wanted(name) {
                plan.push(recorder);
            }
        }
    }
    if wanted("ffmpeg") {
        plan.push(Recorder::Ffmpeg);
    }
    if wanted("viewers") && wanted("vigie") && options.cameras.iter().min() == Some(&count) {
        let number = options.viewers;
        for watched in [1, count.min(number)] {
            plan.push(Recorder::VigieWithViewers(Viewers { number, watched }));
        }
    }
    plan
}
