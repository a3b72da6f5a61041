//! `vigie demo`: two synthetic cameras, recorded into a folder of their own.

mod siren;
mod written;

use std::{
    path::PathBuf,
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
use vigie_media::demo::DemoCameras;
use vigie_storage::{Storage, StorageOptions, accounts::GroupName};

use self::written::Devices;
use crate::{exit, run, telemetry};

const USER: &str = "demo";

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
    let file = dir.join("vigie.toml");
    written::existing(&file)?;
    std::fs::create_dir_all(dir.join("footage")).with_context(|| format!("cannot create {}", dir.display()))?;
    // Its lock first: the files of a demo that runs are its own.
    let storage = Storage::open(&dir.join("state"), StorageOptions::default())?;
    let cameras = DemoCameras::start().context("cannot start the demo cameras")?;
    let devices = Devices {
        cameras: cameras.cameras(),
        siren: siren::start().context("cannot start the demo's siren")?,
    };
    let text = match written::existing(&file)? {
        Some(text) => written::renewed(&text, &dir, &devices)?,
        None => written::fresh(&dir, &devices, &random()?),
    };
    written::save(&file, &text).with_context(|| format!("cannot write {}", file.display()))?;
    let (config, _) = Config::load(&file)?;
    let password = sign_in(storage, &config)?;
    let runtime = run::runtime()?;
    let what = run::What {
        config,
        path: Some(file),
        demo: true,
    };
    let result = runtime.block_on(run::record(what, arp, log, |addresses| {
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

/// The demo user gets a new password each time: none is ever a default.
fn sign_in(storage: Arc<Storage>, config: &Config) -> anyhow::Result<String> {
    let password = random()?;
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
fn random() -> anyhow::Result<String> {
    let mut bytes = [0u8; 12];
    getrandom::fill(&mut bytes).context("no random numbers from the system")?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}
