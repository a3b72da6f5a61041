//! The table `[server]`.

use std::{net::SocketAddr, path::PathBuf};

use jiff::tz;

use super::{
    absolute_path, display_name,
    section::{Section, Walk},
};
use crate::Server;

impl Default for Server {
    /// What holds for keys that are not there.
    fn default() -> Self {
        Self {
            name: "Vigie".to_owned(),
            state_dir: PathBuf::from("/var/lib/vigie"),
            http: SocketAddr::from(([0, 0, 0, 0], 8080)),
            rtsp: SocketAddr::from(([0, 0, 0, 0], 8554)),
            time_zone: None,
        }
    }
}

pub fn read(walk: &Walk<'_>, section: Option<Section<'_>>) -> Server {
    let standard = Server::default();
    let Some(section) = section else {
        return standard;
    };
    let name = section.text("name", "a name").and_then(|text| display_name(walk, text));
    let state_dir = section
        .text("state_dir", "a path")
        .and_then(|text| absolute_path(walk, &text));
    let http = address(&section, "http", "0.0.0.0:8080");
    let rtsp = address(&section, "rtsp", "0.0.0.0:8554");
    let time_zone = time_zone(&section);
    let server = Server {
        name: name.unwrap_or(standard.name),
        state_dir: state_dir.unwrap_or(standard.state_dir),
        http: http.unwrap_or(standard.http),
        rtsp: rtsp.unwrap_or(standard.rtsp),
        time_zone,
    };
    if clash(server.http, server.rtsp) {
        let key = if section.has("rtsp") { "rtsp" } else { "http" };
        section.problem(
            key,
            format!("http {} and rtsp {} claim the same port", server.http, server.rtsp),
        );
    }
    section.finish(|_| None);
    server
}

fn address(section: &Section<'_>, key: &'static str, example: &str) -> Option<SocketAddr> {
    let text = section.text(key, &format!("an address and port such as {example:?}"))?;
    let address = text.value.value.parse().ok();
    if address.is_none() {
        let shown = &text.value.shown;
        text.problem(
            section.walk,
            format!(
                "{shown:?} is not an address and port, expected for example {example:?} or {:?}",
                example.replace("0.0.0.0", "[::]")
            ),
        );
    }
    address
}

/// Port 0 asks the system for a free one, so two of them do not clash.
fn clash(http: SocketAddr, rtsp: SocketAddr) -> bool {
    let same_host = http.ip() == rtsp.ip() || http.ip().is_unspecified() || rtsp.ip().is_unspecified();
    http.port() != 0 && http.port() == rtsp.port() && same_host
}

fn time_zone(section: &Section<'_>) -> Option<String> {
    let text = section.text("time_zone", "an IANA name such as \"Europe/Paris\"")?;
    let name = &text.value.value;
    if tz::db().is_definitively_empty() {
        section.warning(
            "time_zone",
            "not checked: this system has no time zone database (tzdata)",
        );
    } else if tz::db().get(name).is_err() {
        text.problem(
            section.walk,
            format!(
                "unknown time zone {:?}, expected an IANA name such as \"Europe/Paris\"",
                text.value.shown
            ),
        );
        return None;
    }
    Some(name.clone())
}
