//! Where the log goes: the journal when systemd listens there, else standard error; JSON when
//! `VIGIE_LOG_FORMAT=json`. Filter: `VIGIE_LOG`, as `tracing-subscriber` reads it.

use std::{io::IsTerminal, os::fd::AsFd, sync::Arc};

use tracing_subscriber::{EnvFilter, Layer, Registry, layer::SubscriberExt, util::SubscriberInitExt};
use vigie_actors::log::Log;

use crate::log_layer::LogLayer;

/// Libraries below tell of every stranger's garbage and of every thread that starts or stops.
const DEFAULT: &str = "info,actix_http=off,actix_server=warn,ractor=warn";

/// Answers with the lines that are kept in memory: the same ones.
pub fn start() -> Arc<Log> {
    let log = Arc::new(Log::default());
    let filter = std::env::var("VIGIE_LOG").unwrap_or_else(|_| DEFAULT.into());
    let filter = EnvFilter::try_new(&filter).unwrap_or_else(|error| {
        eprintln!("VIGIE_LOG is not a filter ({error}); logging at level info");
        EnvFilter::new(DEFAULT)
    });
    let layers = output().and_then(LogLayer(log.clone()));
    tracing_subscriber::registry().with(layers.with_filter(filter)).init();
    log
}

fn output() -> Box<dyn Layer<Registry> + Send + Sync> {
    let format = std::env::var("VIGIE_LOG_FORMAT").unwrap_or_default();
    if format == "json" {
        return tracing_subscriber::fmt::layer()
            .json()
            .with_writer(std::io::stderr)
            .boxed();
    }
    if format.is_empty() && stderr_is_the_journal() {
        match tracing_journald::layer() {
            Ok(layer) => return layer.with_syslog_identifier("vigie".into()).boxed(),
            Err(error) => {
                eprintln!("cannot write to the journal ({error}); logging to standard error")
            }
        }
    }
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_ansi(colours)
        .with_writer(std::io::stderr)
        .boxed()
}

/// systemd.exec(5): `JOURNAL_STREAM` names device and inode of the stream it gave us.
fn stderr_is_the_journal() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let Ok(stat) = rustix::fs::fstat(std::io::stderr().as_fd()) else {
        return false;
    };
    named == format!("{}:{}", stat.st_dev, stat.st_ino)
}
