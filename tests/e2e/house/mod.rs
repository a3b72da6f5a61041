//! Belongs here: one running recorder in a folder of its own, and what tests ask it.
//! Does not belong here: what a test asserts.

mod api;
mod broker;
mod browser;
mod config;
mod loop_disk;
mod post;
mod shown;
mod speaker;
mod visit;

pub use api::{Answer, now_us, rfc3339};
// Some is for builds with fault-hooks alone.
#[cfg_attr(not(feature = "fault-hooks"), allow(unused_imports))]
pub use broker::{BACK, Broker, Listener};
pub use browser::Browser;
pub use config::{Cam, Setup};
pub use loop_disk::{LoopDisk, Memory};
#[cfg_attr(not(feature = "fault-hooks"), allow(unused_imports))]
pub use post::{Asked, Endpoint, Mail, MailServer, certificate};
pub use shown::{pick, shown};
pub use speaker::Speaker;
pub use visit::{browser, visit};

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    process::Pid,
    thread::{CpuSet, sched_setaffinity},
};
use serde_json::Value;
use vigie_fake_camera::books::Footage;

/// Long enough for a loaded machine; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// USER_HZ, which Linux has fixed at 100.
const TICKS_A_SECOND: f64 = 100.0;

pub const USER: &str = "tester";
pub const PASSWORD: &str = "correct horse battery";

/// A recorder with its configuration, state and disks.
pub struct House {
    pub folder: tempfile::TempDir,
    /// Where disks and state live: `folder`, or a mount that a test brings.
    pub root: PathBuf,
    pub config: PathBuf,
    /// Of the recorder's environment.
    variables: Vec<(&'static str, PathBuf)>,
    child: Option<Child>,
    http: String,
    https: String,
    rtsp: String,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

/// The binary under test.
pub fn binary() -> PathBuf {
    std::env::var_os("VIGIE_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_vigie").into(), PathBuf::from)
}

/// What a program says when it is ready.
pub fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let said = child.stdout.take().unwrap();
    BufReader::new(said).read_line(&mut line).unwrap();
    line
}

/// Looks again and again until something is there.
pub fn wait_for<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < patience, "{what}: not within {patience:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl House {
    /// Writes the configuration, adds the user, starts the recorder, waits until it is ready.
    pub fn start(setup: &Setup) -> Self {
        let mut house = Self::prepare(setup, None);
        house.run();
        house
    }

    /// As [`House::start`] without starting; `root`: another place for disks and state.
    pub fn prepare(setup: &Setup, root: Option<&Path>) -> Self {
        let folder = tempfile::Builder::new().prefix("vigie-e2e-").tempdir().unwrap();
        let root = root.unwrap_or(folder.path()).to_owned();
        let config = folder.path().join("vigie.toml");
        fs::write(&config, setup.text(&root)).unwrap();
        let house = Self {
            root,
            config,
            variables: setup.variables.clone(),
            child: None,
            http: String::new(),
            https: String::new(),
            rtsp: String::new(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            // Nobody looks after idle connections between two requests of a test.
            client: client_builder().pool_max_idle_per_host(0).build().unwrap(),
            folder,
        };
        if setup.user {
            house.add_user(USER, "administrator");
        }
        house
    }

    /// Everyone has the same password.
    pub fn add_user(&self, name: &str, group: &str) {
        let output = self.command_with_input(
            &["user", "add", "--name", name, "--group", group, "--password-stdin"],
            &format!("{PASSWORD}\n"),
        );
        assert!(output.status.success(), "user add: {output:?}");
    }

    /// Writes another configuration; the recorder takes it up by itself.
    pub fn reconfigure(&self, setup: &Setup) {
        let draft = self.config.with_extension("draft");
        fs::write(&draft, setup.text(&self.root)).unwrap();
        fs::rename(draft, &self.config).unwrap();
    }

    /// Starts the recorder and waits until it is ready.
    pub fn run(&mut self) {
        assert!(self.child.is_none(), "already running");
        let addresses = self.root.join("state/addresses.json");
        fs::remove_file(&addresses).ok();
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .unwrap();
        let child = Command::new(binary())
            .args(["run", "--config"])
            .arg(&self.config)
            .env("RUST_BACKTRACE", "1")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let found = wait_for("addresses.json", PATIENCE, || {
            if let Some(status) = self.child.as_mut().and_then(|c| c.try_wait().unwrap()) {
                panic!("the recorder ended: {status}");
            }
            serde_json::from_slice::<Value>(&fs::read(&addresses).ok()?).ok()
        });
        self.http = format!("http://{}", found["http"].as_str().unwrap());
        let https = found["https"][0].as_str();
        self.https = https.map_or_else(String::new, |address| format!("https://{address}"));
        self.rtsp = found["rtsp"].as_str().unwrap().to_owned();
        wait_for("readiness", PATIENCE, || {
            (self.get("/readyz").status == 200).then_some(())
        });
    }

    /// The end that nobody asked for: SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The end in order: SIGTERM, exit code 0.
    pub fn terminate(&mut self) {
        let mut child = self.child.take().expect("a running recorder");
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > PATIENCE {
                child.kill().ok();
                panic!("the recorder does not stop");
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "after SIGTERM: {status}");
    }

    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|c| c.try_wait().unwrap().is_none())
    }

    /// Runs another command of the binary with this configuration.
    pub fn command(&self, args: &[&str]) -> Output {
        self.command_with_input(args, "")
    }

    /// The same, with `input` on its standard input.
    pub fn command_with_input(&self, args: &[&str], input: &str) -> Output {
        let mut child = Command::new(binary())
            .args(args)
            .arg("--config")
            .arg(&self.config)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// The folder of one stream's files on the first disk.
    pub fn stream_folder(&self, camera: &str, stream: &str) -> PathBuf {
        self.root.join("disk1").join(camera).join(stream)
    }

    /// What lies on both disks.
    pub fn footage_of_two(&self, camera: &str, stream: &str) -> Footage {
        let folders = ["disk1", "disk2"].map(|disk| self.root.join(disk).join(camera).join(stream));
        let footage = Footage::read_all(folders.iter().map(PathBuf::as_path)).unwrap();
        assert!(footage.broken.is_empty(), "{:?}", footage.broken);
        footage
    }

    /// What lies on the first disk.
    pub fn footage(&self, camera: &str, stream: &str) -> Footage {
        let footage = Footage::read(&self.stream_folder(camera, stream)).unwrap();
        assert!(footage.broken.is_empty(), "{:?}", footage.broken);
        footage
    }

    /// What of a folder the recorder holds open.
    pub fn open_files(&self, folder: &Path) -> Vec<PathBuf> {
        let process = self.child.as_ref().expect("a running recorder").id();
        let descriptors = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
        let open = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        open.filter(|path| path.starts_with(folder)).collect()
    }

    fn tasks(&self) -> impl Iterator<Item = PathBuf> {
        let process = self.child.as_ref().expect("a running recorder").id();
        let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
        tasks.filter_map(|task| Some(task.ok()?.path()))
    }

    /// Threads of the recorder that have this name.
    pub fn threads(&self, name: &str) -> usize {
        let names = self
            .tasks()
            .filter_map(|task| fs::read_to_string(task.join("comm")).ok());
        names.filter(|comm| comm.trim() == name).count()
    }

    /// Its memory now and at most, in MiB: `VmRSS` and `VmHWM` of proc(5).
    pub fn memory(&self) -> (u64, u64) {
        let process = self.child.as_ref().expect("a running recorder").id();
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let mib = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            line.trim_end_matches("kB").trim().parse::<u64>().unwrap() >> 10
        };
        (mib("VmRSS:"), mib("VmHWM:"))
    }

    /// The recorder's threads, and all that they start, run on these cores only.
    pub fn keep_to(&self, cores: &CpuSet) {
        for task in self.tasks() {
            let thread = task
                .file_name()
                .and_then(|id| Pid::from_raw(id.to_str()?.parse().ok()?));
            // A thread that has just ended needs no core.
            sched_setaffinity(thread, cores).ok();
        }
    }

    /// Seconds of one core that the recorder took since its start.
    pub fn cpu_s(&self) -> f64 {
        let process = self.child.as_ref().expect("a running recorder").id();
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        // proc_pid_stat(5): fields 14 and 15, counted from behind the name.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks = |field: usize| fields[field].parse::<f64>().unwrap();
        (ticks(11) + ticks(12)) / TICKS_A_SECOND
    }

    /// Where its pages are.
    pub fn http(&self) -> &str {
        &self.http
    }

    /// Where they are by TLS.
    pub fn https(&self) -> &str {
        &self.https
    }

    pub fn rtsp(&self, camera: &str, stream: &str) -> String {
        format!("rtsp://{}/{camera}/{stream}", self.rtsp)
    }

    /// The address with the tester's credentials in it.
    pub fn rtsp_signed_in(&self, camera: &str, stream: &str) -> String {
        let password = PASSWORD.replace(' ', "%20");
        format!("rtsp://{USER}:{password}@{}/{camera}/{stream}", self.rtsp)
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("vigie.log")
    }

    /// What the recorder has logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(16_000);
            let tail: String = log.chars().skip(from).collect();
            eprintln!("---- log of the recorder\n{tail}\n----");
            if !self.http.is_empty() && self.is_running() {
                eprintln!("tree: {}", self.get("/api/v1/system/tree").text());
            }
        }
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Every `.mp4` under a folder opens in ffprobe without a complaint. A rescued piece without a RAP
/// is played with the segment before it: by itself it has no reference picture. One that begins
/// between two RAPs lacks it for its first picture: ffprobe says so when that one has `frame_num` 0,
/// as one in sixteen of x264's has.
pub fn ffprobe_is_content(footage: &Footage) {
    for (number, file) in footage.files.iter().enumerate() {
        let mut syncs = footage
            .units
            .iter()
            .filter(|unit| unit.file == number)
            .map(|unit| unit.sync);
        let begins_with_rap = syncs.next() == Some(true);
        let has_rap = begins_with_rap || syncs.any(|sync| sync);
        let output = Command::new("ffprobe")
            .args([
                "-v",
                "warning",
                "-count_packets",
                "-show_entries",
                "stream=nb_read_packets",
                "-of",
                "csv",
            ])
            .arg(file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let lacks_reference = said
            .lines()
            .all(|line| line.contains("Missing reference picture") || line.contains("decode_slice_header error"));
        let content = said.is_empty() || !has_rap || (!begins_with_rap && lacks_reference);
        assert!(output.status.success() && content, "ffprobe {}: {said}", file.display());
    }
}

/// TLS of this build has no provider of its own.
pub fn client_builder() -> reqwest::ClientBuilder {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
}
