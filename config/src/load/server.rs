//! The table `[server]`.

use std::{net::SocketAddr, path::PathBuf};

use jiff::tz;

use super::{
    absolute_path, access, display_name, reach,
    section::{Section, Walk},
};
use crate::{Access, CertificateSource, ProxyHeader, Server};

impl Default for Server {
    /// What holds for keys that are not there.
    fn default() -> Self {
        Self {
            name: "Vigie".to_owned(),
            state_dir: PathBuf::from("/var/lib/vigie"),
            http: vec![SocketAddr::from(([0, 0, 0, 0], 8080))],
            https: Vec::new(),
            http_redirect: false,
            hsts: None,
            certificate: CertificateSource::default(),
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::default(),
            base_path: String::new(),
            access: Access::default(),
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
    let http = reach::addresses(&section, "http", "0.0.0.0:8080");
    let https = reach::addresses(&section, "https", "0.0.0.0:8443");
    let rtsp = section.text("rtsp", "an address and port such as \"0.0.0.0:8554\"");
    let rtsp = rtsp.and_then(|text| reach::address(&section, text, "0.0.0.0:8554"));
    let time_zone = time_zone(&section);
    let server = Server {
        name: name.unwrap_or(standard.name),
        state_dir: state_dir.unwrap_or(standard.state_dir),
        http: http.unwrap_or(standard.http),
        https: https.unwrap_or_default(),
        http_redirect: section.boolean("http_redirect").unwrap_or_default(),
        hsts: reach::hsts(&section),
        certificate: reach::certificate(&section),
        trusted_proxies: reach::trusted_proxies(&section),
        proxy_header: reach::proxy_header(&section),
        base_path: reach::base_path(&section),
        access: access::read(&section),
        rtsp: rtsp.unwrap_or(standard.rtsp),
        time_zone,
    };
    let all = |key, addresses: &[SocketAddr]| addresses.iter().map(move |a| (key, *a)).collect::<Vec<_>>();
    let listeners = [
        all("http", &server.http),
        all("https", &server.https),
        all("rtsp", &[server.rtsp]),
    ]
    .concat();
    reach::clash(&section, &listeners);
    if server.http_redirect && !section.has("https") && !section.has("trusted_proxies") {
        section.problem(
            "http_redirect",
            "leads nowhere: neither https nor trusted_proxies is there",
        );
    }
    section.finish(|_| None);
    server
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
