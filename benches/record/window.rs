//! One measurement: fresh cameras, one recorder, a window of time, and then the books.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use vigie_fake_camera::{SentLog, books::Footage};

use crate::{
    Options,
    process::{Running, usage},
};

/// RTSP viewers, shared out over the first `watched` cameras.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewers {
    pub number: usize,
    pub watched: usize,
}

/// Who records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorder {
    Floor,
    Retina,
    Vigie,
    /// Vigie while RTSP viewers play.
    VigieWithViewers(Viewers),
    Ffmpeg,
}

impl Recorder {
    pub fn name(self) -> String {
        match self {
            Recorder::Floor => "floor".into(),
            Recorder::Retina => "retina to file".into(),
            Recorder::Vigie => "vigie".into(),
            Recorder::VigieWithViewers(Viewers { number, watched: 1 }) => {
                format!("vigie + {number} viewers of one")
            }
            Recorder::VigieWithViewers(Viewers { number, .. }) => format!("vigie + {number} viewers"),
            Recorder::Ffmpeg => "ffmpeg -c copy".into(),
        }
    }
}

/// What one window showed.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub recorder: Recorder,
    pub cameras: usize,
    pub seconds: f64,
    pub recorder_cpu_s: f64,
    pub source_cpu_s: f64,
    pub peak_kib: u64,
    pub anon_kib: u64,
    pub threads: u64,
    /// Access units over the whole life of the recorder; `None`: this recorder does not keep them.
    pub sent: usize,
    pub written: Option<usize>,
    pub lost: usize,
    pub stalls: u64,
}

impl Outcome {
    /// Per cent of one core for each camera.
    pub fn cpu_percent(&self) -> f64 {
        self.recorder_cpu_s / self.seconds / self.cameras as f64 * 100.0
    }
    pub fn source_percent(&self) -> f64 {
        self.source_cpu_s / self.seconds / self.cameras as f64 * 100.0
    }
}

/// The cameras' process and its control channel.
struct Cameras {
    process: Running,
    control: BufReader<TcpStream>,
}

impl Cameras {
    fn start(count: usize) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--role", "cameras", "--count", &count.to_string()]);
        let (process, address) = Running::start_ready(&mut command)?;
        Ok(Self {
            process,
            control: BufReader::new(TcpStream::connect(address)?),
        })
    }

    fn ask(&mut self, order: Value) -> Result<Value> {
        writeln!(self.control.get_mut(), "{order}")?;
        let mut line = String::new();
        self.control.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }

    fn urls(&mut self) -> Result<Vec<String>> {
        Ok(serde_json::from_value(self.ask(json!({"do": "urls"}))?)?)
    }

    fn logs(&mut self) -> Result<Vec<SentLog>> {
        Ok(serde_json::from_value(self.ask(json!({"do": "log"}))?)?)
    }

    fn hang_up(&mut self, count: usize) -> Result<()> {
        for i in 0..count {
            self.ask(json!({"do": "die", "camera": format!("cam{i}"), "seconds": 3600}))?;
        }
        Ok(())
    }

    /// Sends nothing more; connections stay.
    fn fall_silent(&mut self, count: usize) -> Result<()> {
        for i in 0..count {
            self.ask(json!({"do": "lie", "camera": format!("cam{i}"), "lies": {"silent_after_play": true}}))?;
        }
        Ok(())
    }
}

/// Runs one window.
pub fn measure(recorder: Recorder, count: usize, options: &Options) -> Result<Outcome> {
    let folder = tempfile::Builder::new().prefix("record-").tempdir_in(&options.work)?;
    let mut cameras = Cameras::start(count)?;
    let urls = cameras.urls()?;
    let mut processes = start(recorder, &urls, folder.path(), options)?;
    let started = Instant::now();
    while cameras.logs()?.iter().any(|l| l.ranges.is_empty()) {
        ensure!(
            started.elapsed() < Duration::from_secs(90),
            "{}: not all cameras were asked to play",
            recorder.name()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    let viewers = match recorder {
        Recorder::VigieWithViewers(viewers) => Some(start_viewers(viewers, folder.path())?),
        _ => None,
    };
    std::thread::sleep(Duration::from_secs_f64(options.warm_up));
    let window = Instant::now();
    let (before, source_before) = (usage(&processes)?, cameras.process.usage()?);
    std::thread::sleep(Duration::from_secs_f64(options.seconds));
    let (after, source_after) = (usage(&processes)?, cameras.process.usage()?);
    let seconds = window.elapsed().as_secs_f64();
    drop(viewers);

    cameras.fall_silent(count)?;
    std::thread::sleep(Duration::from_secs(3));
    let logs = cameras.logs()?;
    if recorder == Recorder::Ffmpeg {
        // ffmpeg waits for media with its ears closed; the end of the connection ends it in order.
        cameras.hang_up(count)?;
    }
    for process in &mut processes {
        process.terminate(Duration::from_secs(30))?;
    }
    let (written, lost) = count_units(recorder, &logs, folder.path())?;
    Ok(Outcome {
        recorder,
        cameras: count,
        seconds,
        recorder_cpu_s: after.cpu_s - before.cpu_s,
        source_cpu_s: source_after.cpu_s - source_before.cpu_s,
        peak_kib: after.peak_kib,
        anon_kib: after.anon_kib,
        threads: after.threads,
        sent: logs.iter().map(|l| l.numbers().len()).sum(),
        written,
        lost,
        stalls: logs.iter().map(|l| l.stalls).sum(),
    })
}

fn start(recorder: Recorder, urls: &[String], folder: &Path, options: &Options) -> Result<Vec<Running>> {
    let role = |name: &str| -> Result<Vec<Running>> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--role", name, "--folder"]).arg(folder).args(urls);
        Ok(vec![Running::start_ready(&mut command)?.0])
    };
    match recorder {
        Recorder::Floor => role("floor"),
        Recorder::Retina => role("retina"),
        Recorder::Vigie | Recorder::VigieWithViewers(_) => {
            let config = folder.join("vigie.toml");
            fs::write(&config, configuration(urls, folder)?)?;
            let log = fs::File::create(folder.join("vigie.log"))?;
            let mut command = Command::new(&options.vigie);
            command
                .args(["run", "--config"])
                .arg(&config)
                .stdout(log.try_clone()?)
                .stderr(log);
            Ok(vec![Running::start(&mut command)?])
        }
        Recorder::Ffmpeg => urls
            .iter()
            .enumerate()
            .map(|(i, url)| {
                let mut command = Command::new("ffmpeg");
                command.args([
                    "-v",
                    "error",
                    "-nostdin",
                    "-rtsp_transport",
                    "tcp",
                    "-i",
                    url,
                    "-c",
                    "copy",
                ]);
                command
                    .args(["-movflags", "+frag_keyframe+empty_moov", "-y"])
                    .arg(folder.join(format!("cam{i}.mp4")));
                Running::start(command.stderr(Stdio::null()))
            })
            .collect(),
    }
}

fn configuration(urls: &[String], folder: &Path) -> Result<String> {
    let disk = folder.join("disk");
    fs::create_dir(&disk)?;
    let mut text = format!(
        "[server]\nname = \"bench\"\nstate_dir = {:?}\nhttp = \"127.0.0.1:0\"\nrtsp = \"127.0.0.1:0\"\n\n\
         [[disk]]\nid = \"d1\"\npath = {disk:?}\nkeep_free = \"100 MiB\"\n",
        folder.join("state")
    );
    for (i, url) in urls.iter().enumerate() {
        text += &format!(
            "\n[[camera]]\nid = \"cam{i}\"\nname = \"Camera {i}\"\nrtsp_anonymous = true\n\
             [camera.main]\nurl = \"{url}\"\n[camera.record]\nmode = \"always\"\nstreams = [\"main\"]\n"
        );
    }
    Ok(text)
}

fn start_viewers(viewers: Viewers, folder: &Path) -> Result<Running> {
    let text = fs::read_to_string(folder.join("state/addresses.json"))?;
    let addresses: Value = serde_json::from_str(&text)?;
    let rtsp = addresses
        .get("rtsp")
        .and_then(Value::as_str)
        .context("no rtsp address")?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--role", "viewers"]);
    let cameras = (0..viewers.watched).cycle().take(viewers.number);
    command.args(cameras.map(|i| format!("rtsp://{rtsp}/cam{i}/main")));
    Ok(Running::start_ready(&mut command)?.0)
}

/// Access units on disk, and how many of those sent are not there.
fn count_units(recorder: Recorder, logs: &[SentLog], folder: &Path) -> Result<(Option<usize>, usize)> {
    let place = |i: usize| -> PathBuf {
        match recorder {
            Recorder::Ffmpeg => folder.join(format!("cam{i}.mp4")),
            Recorder::Vigie | Recorder::VigieWithViewers(_) => folder.join(format!("disk/cam{i}/main")),
            Recorder::Floor | Recorder::Retina => folder.join(format!("{i}.raw")),
        }
    };
    let (mut written, mut lost) = (0, 0);
    for (i, log) in logs.iter().enumerate() {
        match recorder {
            // No container: the bytes must all be there.
            Recorder::Floor => {
                let bytes = fs::metadata(place(i))?.len();
                lost += usize::from(bytes < log.bytes);
            }
            Recorder::Retina => lost += usize::from(fs::metadata(place(i))?.len() == 0),
            _ => {
                let footage = Footage::read(&place(i))?;
                if let Some((path, error)) = footage.broken.first() {
                    bail!("{}: {error}", path.display());
                }
                let balance = footage.balance(log, &[], 0);
                written += balance.on_disk;
                lost += balance.sent - balance.on_disk + balance.doubled.len() + balance.unknown.len();
            }
        }
    }
    let counted = !matches!(recorder, Recorder::Floor | Recorder::Retina);
    Ok((counted.then_some(written), lost))
}
