//! `vigie run`: start order, signals, the end.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use vigie_actors::{ArpListener, Hooks, Recorder, log::Log};
use vigie_config::Config;

use crate::{exit, systemd, telemetry};

/// How long pipelines may take to close what they hold, at the end.
const PIPELINES: std::time::Duration = std::time::Duration::from_secs(3);

pub fn main(path: &Path) -> ExitCode {
    // One secret that is gone ends what needs it, never all recording.
    let (config, warnings) = match Config::load_sparing(path, &|_| true) {
        Ok((config, warnings, _)) => (config, warnings),
        Err(error) => {
            eprintln!("{error}");
            return exit::misconfigured();
        }
    };
    let log = telemetry::start();
    for warning in warnings {
        tracing::warn!("configuration: {warning}");
    }
    // Before there are other threads.
    let arp = ArpListener::open();
    let result = runtime().and_then(|runtime| {
        let what = What {
            config,
            path: Some(path.to_path_buf()),
            demo: false,
        };
        let result = runtime.block_on(record(what, arp, log, |_| {}));
        // A thread that hangs on a dead disk must not keep the process.
        runtime.shutdown_background();
        vigie_media::gst::wait_for_stopped(PIPELINES);
        result
    });
    match result {
        Ok(()) => exit::DONE,
        Err(error) => {
            tracing::error!("{error:#}");
            exit::FAILED
        }
    }
}

/// Few threads: nothing on this runtime touches media.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .thread_name("vigie")
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

/// What is recorded.
pub struct What {
    pub config: Config,
    pub path: Option<PathBuf>,
    /// The pages show first steps: whoever sees them is new here.
    pub demo: bool,
}

/// Records until asked to stop. `ready` is called once everything is up.
pub async fn record(
    What { config, path, demo }: What,
    arp: std::io::Result<ArpListener>,
    log: Arc<Log>,
    ready: impl FnOnce(&Addresses),
) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let server = Arc::new(vigie_web::Server::listen(&config.server)?);
    let addresses_file = config.server.state_dir.join("addresses.json");
    let web = server.clone();
    let hooks = Hooks {
        web: Arc::new(move |recorder, context| web.clone().run(recorder, context)),
        feed: feed(),
        arp,
        config_path: path,
        log,
        demo,
    };
    let base_path = config.server.base_path.clone();
    let recorder = Recorder::start(config, hooks).await?;
    let (http, https) = server.local_addrs();
    let addresses = Addresses {
        http: *http.first().context("no address for HTTP")?,
        https,
        rtsp: recorder.rtsp_addr(),
    };
    addresses.write(&addresses_file);
    let words = |addresses: &[SocketAddr]| {
        addresses
            .iter()
            .map(SocketAddr::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut status = format!("HTTP on {}, RTSP on {}", words(&http), addresses.rtsp);
    if !addresses.https.is_empty() {
        status = format!("HTTPS on {}, {status}", words(&addresses.https));
    }
    tracing::info!("{status}");
    systemd::ready(&status);
    if let Some(link) = recorder.storage().accounts().setup_link() {
        println!("set up {}{base_path}/setup?link={link}", addresses.reached());
    }
    ready(&addresses);
    signals.until_asked_to_stop(&recorder).await;
    systemd::stopping();
    tracing::info!("stopping");
    tokio::select! {
        () = recorder.shutdown() => {}
        () = signals.another() => tracing::warn!("asked again: ending at once"),
    }
    drop(std::fs::remove_file(&addresses_file));
    Ok(())
}

fn feed() -> Arc<dyn Fn() + Send + Sync> {
    match systemd::watchdog() {
        Some(_) => Arc::new(systemd::feed_watchdog),
        None => Arc::new(|| {}),
    }
}

/// Where the running recorder is reached, also when the configuration said port 0.
#[derive(Debug, serde::Serialize)]
pub struct Addresses {
    /// The first one.
    pub http: SocketAddr,
    pub https: Vec<SocketAddr>,
    pub rtsp: SocketAddr,
}

impl Addresses {
    /// The pages as a browser may reach them: by TLS where it is on.
    fn reached(&self) -> String {
        let (scheme, at) = match self.https.first() {
            Some(at) => ("https", *at),
            None => ("http", self.http),
        };
        if !at.ip().is_unspecified() {
            return format!("{scheme}://{at}");
        }
        let system = rustix::system::uname();
        format!("{scheme}://{}:{}", system.nodename().to_string_lossy(), at.port())
    }

    fn write(&self, path: &Path) {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let part = path.with_extension("json.part");
        let written = std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, path));
        if let Err(error) = written {
            tracing::warn!(%error, "cannot write {}", path.display());
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn until_asked_to_stop(&mut self, recorder: &Recorder) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => recorder.reload(),
            }
        }
    }

    async fn another(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_are_reached_by_tls_where_it_is_on() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let mut addresses = Addresses {
            http: at("192.0.2.1:8080"),
            https: Vec::new(),
            rtsp: at("192.0.2.1:8554"),
        };
        assert_eq!(addresses.reached(), "http://192.0.2.1:8080");
        addresses.https = vec![at("192.0.2.1:8443")];
        assert_eq!(addresses.reached(), "https://192.0.2.1:8443");
        addresses.https = vec![at("[::]:8443")];
        let reached = addresses.reached();
        assert!(
            reached.starts_with("https://") && reached.ends_with(":8443") && !reached.contains("::"),
            "{reached}"
        );
    }
}
