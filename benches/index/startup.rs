//! From the start of the real binary to the first segment on disk, with the index and without,
//! and after `kill -9`; and what a timeline takes over HTTP.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;
use vigie_config::Utc;
use vigie_fake_camera::{CameraSpec, FakeCameras, Recipe};
use vigie_storage::layout;

use crate::{
    Options, ask, build, house,
    process::{Running, Usage, usage},
    rows::{self, DAY_US, HOUR_US},
    table::Line,
};

const PATIENCE: Duration = Duration::from_secs(120);
const USER: &str = "bench";
const PASSWORD: &str = "correct horse battery";

/// One start.
struct Start {
    /// Seconds until the first camera has a segment, and until all have.
    first: f64,
    all: f64,
}

pub fn measure(options: &Options, full: &Path) -> Result<Vec<Line>> {
    house::volume(full)?;
    let clip = Recipe::small().clip()?;
    let specs = (0..options.sending).map(|n| CameraSpec::new(rows::camera(n)).stream("main", clip.clone()));
    let cameras = FakeCameras::start(specs.collect())?;
    let empty = tempfile::Builder::new().prefix("start-").tempdir_in(&options.work)?;

    let (mut without, mut with) = (Vec::new(), Vec::new());
    let (mut usage_without, mut usage_with, mut http) = (Usage::default(), Usage::default(), Vec::new());
    for round in 0..=options.kills {
        for folder in [empty.path(), full] {
            let is_full = folder == full;
            if round == 0 {
                fs::create_dir_all(house::disk_dir(folder))?;
                configure(options, folder, &cameras)?;
            }
            // As after a restart of the machine, as far as the index goes.
            if house::index_dir(folder).exists() {
                ask::forget_pages(&house::index_dir(folder))?;
            }
            let (mut vigie, start) = start(options, folder, &cameras)?;
            eprintln!(
                "{} start {round}: first segment after {:.2} s, all {} cameras {:.2} s",
                if is_full { "full" } else { "empty" },
                start.first,
                options.sending,
                start.all
            );
            // Until what runs behind the start is over too.
            std::thread::sleep(Duration::from_secs(if round == 0 { 20 } else { 3 }));
            let used = usage(std::slice::from_ref(&vigie))?;
            if round == 0 {
                if is_full {
                    usage_with = used;
                    http = timelines(options, folder)?;
                } else {
                    usage_without = used;
                }
            }
            if is_full { &mut with } else { &mut without }.push(start);
            if round == options.kills {
                vigie.terminate(PATIENCE)?;
            }
            // Dropped: that is kill -9, after which the next round starts.
            drop(vigie);
        }
    }
    Ok(lines(&with, &without, usage_with, usage_without, &http))
}

fn lines(with: &[Start], without: &[Start], full: Usage, empty: Usage, http: &[f64]) -> Vec<Line> {
    let first = |starts: &[Start]| starts.first().map_or(0.0, |start| start.first);
    let worst = |starts: &[Start], of: fn(&Start) -> f64| starts.iter().skip(1).map(of).fold(0.0, f64::max);
    let line =
        |name: &str, unit, value, baseline| Line::new("start, beside an empty recorder", name, unit, value, baseline);
    let mb = |usage: Usage| usage.anon_kib as f64 / 1024.0;
    vec![
        line("exec to first segment", "s", first(with), Some(first(without))).bar(5.0),
        line(
            "the same after kill -9, worst",
            "s",
            worst(with, |s| s.first),
            Some(worst(without, |s| s.first)),
        )
        .bar(5.0),
        line(
            "to a segment of each camera after kill -9, worst",
            "s",
            worst(with, |s| s.all),
            Some(worst(without, |s| s.all)),
        ),
        line("anonymous memory of the recorder", "MB", mb(full), Some(mb(empty))),
        line("CPU time up to then", "s", full.cpu_s, Some(empty.cpu_s)),
        line(
            "peak memory of the recorder",
            "MB",
            full.peak_kib as f64 / 1024.0,
            Some(empty.peak_kib as f64 / 1024.0),
        ),
        line("threads", "", full.threads as f64, Some(empty.threads as f64)),
        line(
            "a day of 16 cameras over HTTP, p50",
            "ms",
            build::quantile(http, 0.5),
            None,
        ),
        line(
            "a day of 16 cameras over HTTP, p99",
            "ms",
            build::quantile(http, 0.99),
            None,
        ),
    ]
}

fn configure(options: &Options, folder: &Path, cameras: &FakeCameras) -> Result<()> {
    let mut text = format!(
        "[server]\nname = \"bench\"\nstate_dir = {:?}\nhttp = \"127.0.0.1:0\"\nrtsp = \"127.0.0.1:0\"\n\n\
         [[disk]]\nid = \"d1\"\npath = {:?}\nkeep_free = \"100 MiB\"\n",
        house::state_dir(folder),
        house::disk_dir(folder)
    );
    for name in cameras.names() {
        text += &format!(
            "\n[[camera]]\nid = {name:?}\n[camera.main]\nurl = {:?}\n[camera.record]\nmode = \"always\"\nstreams = [\"main\"]\n",
            cameras.url(name, "main")
        );
    }
    let config = folder.join("vigie.toml");
    fs::write(&config, text)?;
    let mut user = Command::new(&options.vigie)
        .args([
            "user",
            "add",
            "--name",
            USER,
            "--group",
            "administrator",
            "--password-stdin",
            "--config",
        ])
        .arg(&config)
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    writeln!(user.stdin.take().context("stdin")?, "{PASSWORD}")?;
    // There already, with --keep.
    user.wait()?;
    Ok(())
}

fn start(options: &Options, folder: &Path, cameras: &FakeCameras) -> Result<(Running, Start)> {
    fs::remove_file(house::state_dir(folder).join("addresses.json")).ok();
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("vigie.log"))?;
    let mut command = Command::new(&options.vigie);
    command.args(["run", "--config"]).arg(folder.join("vigie.toml"));
    command.stdout(log.try_clone()?).stderr(log);
    let streams = rows::streams(cameras.names().count())?;
    let (begun, since) = (Instant::now(), Utc::now());
    let vigie = Running::start(&mut command)?;
    let mut seen = vec![false; streams.len()];
    let mut first = None;
    while seen.iter().any(|seen| !seen) {
        ensure!(
            begun.elapsed() < PATIENCE,
            "not every camera is recorded: see {}",
            folder.join("vigie.log").display()
        );
        for (stream, seen) in streams.iter().zip(&mut seen).filter(|(_, seen)| !**seen) {
            // A segment that began on the hour's edge lies in the hour before.
            let hours = [since, Utc::now()].map(|at| house::disk_dir(folder).join(layout::hour_dir(stream, at)));
            let names = hours
                .iter()
                .filter_map(|hour| fs::read_dir(hour).ok())
                .flatten()
                .flatten();
            let mut starts = names.filter_map(|entry| {
                let name = entry
                    .file_name()
                    .into_string()
                    .ok()
                    .filter(|name| !name.starts_with('.'))?;
                layout::parse_segment_name(&name)
            });
            *seen = starts.any(|start| start >= since);
            if *seen && first.is_none() {
                first = Some(begun.elapsed().as_secs_f64());
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let all = begun.elapsed().as_secs_f64();
    Ok((
        vigie,
        Start {
            first: first.unwrap_or(all),
            all,
        },
    ))
}

/// Milliseconds for a random day of all cameras that send, one request each, in order.
fn timelines(options: &Options, folder: &Path) -> Result<Vec<f64>> {
    let addresses = fs::read(house::state_dir(folder).join("addresses.json"))?;
    let addresses: Value = serde_json::from_slice(&addresses)?;
    let http = addresses
        .get("http")
        .and_then(Value::as_str)
        .context("no http address")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::new();
    let ask = |camera: String, from: Utc| {
        let to = from.plus_micros(DAY_US);
        let url = format!("http://{http}/api/v1/recordings?camera={camera}&from={from}&to={to}");
        let request = client.get(url).basic_auth(USER, Some(PASSWORD));
        runtime.block_on(async { anyhow::Ok(request.send().await?.error_for_status()?.bytes().await?.len()) })
    };
    let mut rng = StdRng::seed_from_u64(5);
    let now = Utc::now().as_micros();
    // The first sign-in takes what checking a password takes.
    ask(rows::camera(0), Utc::from_micros(now - DAY_US))?;
    let mut times = Vec::new();
    for _ in 0..options.queries / 3 {
        let day = rng.random_range(1..(options.hours / 24).max(2));
        let from = Utc::from_micros(now - options.hours * HOUR_US + (day - 1) * DAY_US);
        let begun = Instant::now();
        for n in 0..options.sending {
            let bytes = ask(rows::camera(n), from)?;
            ensure!(bytes > 50_000 || options.hours < 48, "{bytes} bytes for a day");
        }
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}
