//! `vigie demo`: two synthetic cameras, recorded into a folder of their own.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use vigie_actors::{
    ArpListener,
    control::{House, Request, perform},
    log::Log,
};
use vigie_config::Config;
use vigie_media::demo::{DemoCamera, DemoCameras};
use vigie_storage::{Storage, StorageOptions, accounts::GroupName};

use crate::{exit, run, telemetry};

const USER: &str = "demo";
/// First line of the demo's configuration.
const WRITTEN: &str = "# Written by `vigie demo`.";

pub fn main(dir: Option<PathBuf>) -> ExitCode {
    let log = telemetry::start();
    match demo(dir, log) {
        Ok(()) => exit::DONE,
        Err(error) => {
            eprintln!("{error:#}");
            exit::FAILED
        }
    }
}

fn demo(dir: Option<PathBuf>, log: Arc<Log>) -> anyhow::Result<()> {
    let (dir, ours) = match dir {
        Some(dir) => (
            std::path::absolute(&dir).with_context(|| format!("{} is no path", dir.display()))?,
            false,
        ),
        None => (temporary()?, true),
    };
    // Before there are other threads.
    let arp = ArpListener::open();
    std::fs::create_dir_all(dir.join("footage")).with_context(|| format!("cannot create {}", dir.display()))?;
    let cameras = DemoCameras::start().context("cannot start the demo cameras")?;
    let file = dir.join("vigie.toml");
    if let Ok(text) = std::fs::read_to_string(&file) {
        anyhow::ensure!(
            text.starts_with(WRITTEN),
            "{} is not the demo's: name an empty folder, or one of an earlier demo",
            file.display()
        );
    }
    std::fs::write(&file, configuration(&dir, cameras.cameras()))
        .with_context(|| format!("cannot write {}", file.display()))?;
    let (config, _) = Config::load(&file)?;
    let password = sign_in(&config)?;
    let runtime = run::runtime()?;
    let result = runtime.block_on(run::record(config, Some(file), arp, log, |addresses| {
        println!("ready http://{} user {USER} password {password}", addresses.http);
        eprintln!("footage and configuration are in {}", dir.display());
    }));
    runtime.shutdown_background();
    drop(cameras);
    if ours && let Err(error) = std::fs::remove_dir_all(&dir) {
        eprintln!("cannot remove {}: {error}", dir.display());
    }
    result
}

fn temporary() -> anyhow::Result<PathBuf> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let dir = std::env::temp_dir().join(format!("vigie-demo-{}-{}", std::process::id(), now.as_secs()));
    std::fs::create_dir(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    Ok(dir)
}

fn configuration(dir: &Path, cameras: &[DemoCamera]) -> String {
    let quoted = |text: &str| toml_text(text);
    let mut text = format!(
        "{WRITTEN}\n[server]\nname = \"Demo\"\nstate_dir = {}\nhttp = \"127.0.0.1:0\"\nrtsp = \"127.0.0.1:0\"\n\n\
         [[disk]]\nid = \"d1\"\npath = {}\nkeep_free = \"1 GiB\"\nmax_size = \"10 GiB\"\n",
        quoted(&dir.join("state").to_string_lossy()),
        quoted(&dir.join("footage").to_string_lossy()),
    );
    for camera in cameras {
        let written = write!(
            text,
            "\n[[camera]]\nid = {}\nname = {}\n[camera.main]\nurl = {}\n[camera.sub]\nurl = {}\n",
            quoted(camera.id),
            quoted(camera.name),
            quoted(&camera.main),
            quoted(&camera.sub),
        );
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
    }
    text
}

/// A TOML basic string.
fn toml_text(text: &str) -> String {
    format!("{:?}", text)
}

/// The demo user gets a new password each time: none is ever a default.
fn sign_in(config: &Config) -> anyhow::Result<String> {
    let storage = Storage::open(&config.server.state_dir, StorageOptions::default())?;
    let password = random_password()?;
    let request = if storage.accounts().get(USER).is_some() {
        Request::UserPasswd {
            name: USER.into(),
            password: password.clone(),
        }
    } else {
        Request::UserAdd {
            name: USER.into(),
            group: GroupName::administrator(),
            password: password.clone(),
        }
    };
    let house = House {
        storage: &storage,
        config,
        disks: None,
    };
    let answer = perform(request, &house);
    storage.close();
    anyhow::ensure!(answer.ok, "cannot add the demo user: {}", answer.lines.join(" "));
    Ok(password)
}

/// 96 random bits as text that is easy to copy.
fn random_password() -> anyhow::Result<String> {
    let mut bytes = [0u8; 12];
    getrandom::fill(&mut bytes).context("no random numbers from the system")?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}
