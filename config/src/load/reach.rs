//! Of the table `[server]`: addresses, certificate, proxies.

use std::{net::SocketAddr, time::Duration};

use super::{
    absolute_path,
    section::{Found, Section, Text},
};
use crate::{Acme, AcmeChallenge, AddressRange, CertificateSource, ProxyHeader};

const MOST_ADDRESSES: usize = 16;
const MOST_NAMES: usize = 100;
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// One address and port, or a list of them.
pub fn addresses(section: &Section<'_>, key: &'static str, example: &str) -> Option<Vec<SocketAddr>> {
    let expected = format!("an address and port such as {example:?}, or a list of them");
    let texts = section.text_or_texts(key, &expected)?;
    if texts.is_empty() || texts.len() > MOST_ADDRESSES {
        section.problem(
            key,
            format!("seen {} addresses, expected 1 to {MOST_ADDRESSES}", texts.len()),
        );
        return None;
    }
    let count = texts.len();
    let read: Vec<SocketAddr> = texts
        .into_iter()
        .filter_map(|text| address(section, text, example))
        .collect();
    (read.len() == count).then_some(read)
}

pub fn address(section: &Section<'_>, text: Found<Text>, example: &str) -> Option<SocketAddr> {
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

/// Names the first two listeners that want the same port. Port 0 asks the system for a free one.
pub fn clash(section: &Section<'_>, listeners: &[(&'static str, SocketAddr)]) {
    for (at, (key, address)) in listeners.iter().enumerate() {
        let claims = |(other_key, other): &&(&str, SocketAddr)| {
            // "0.0.0.0" beside "[::]" in one list: then the latter takes IPv6 alone.
            let apart = other_key == key && other.is_ipv4() != address.is_ipv4();
            let same = other.ip() == address.ip() || other.ip().is_unspecified() || address.ip().is_unspecified();
            address.port() != 0 && address.port() == other.port() && same && !apart
        };
        let Some((other_key, other)) = listeners.iter().take(at).find(claims) else {
            continue;
        };
        let key = if section.has(key) { key } else { other_key };
        let text = match other_key == &listeners[at].0 {
            true => format!("{other} and {address} claim the same port"),
            false => format!(
                "{other_key} {other} and {} {address} claim the same port",
                listeners[at].0
            ),
        };
        return section.problem(key, text);
    }
}

pub fn hsts(section: &Section<'_>) -> Option<Duration> {
    section.duration("hsts", DAY..=DAY * 730)
}

pub fn trusted_proxies(section: &Section<'_>) -> Vec<AddressRange> {
    let texts = section.texts(
        "trusted_proxies",
        "a list of addresses and ranges such as [\"127.0.0.1\", \"10.0.0.0/8\"]",
    );
    let read = |text: Found<Text>| match text.value.value.parse::<AddressRange>() {
        Ok(range) => Some(range),
        Err(error) => {
            text.problem(section.walk, format!("{:?}: {error}", text.value.shown));
            None
        }
    };
    texts.unwrap_or_default().into_iter().filter_map(read).collect()
}

pub fn proxy_header(section: &Section<'_>) -> ProxyHeader {
    const EXPECTED: &str = "\"x-forwarded\" or \"forwarded\"";
    let Some(text) = section.text("proxy_header", EXPECTED) else {
        return ProxyHeader::default();
    };
    match text.value.value.as_str() {
        "x-forwarded" => ProxyHeader::XForwarded,
        "forwarded" => ProxyHeader::Forwarded,
        _ => {
            text.problem(
                section.walk,
                format!("seen {:?}, expected {EXPECTED}", text.value.shown),
            );
            ProxyHeader::default()
        }
    }
}

/// Empty, or `/` and names without a slash at the end.
pub fn base_path(section: &Section<'_>) -> String {
    let Some(text) = section.text("base_path", "a path such as \"/vigie\"") else {
        return String::new();
    };
    let path = text.value.value.trim_end_matches('/');
    let name = |name: &str| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        !name.is_empty() && name != "." && name != ".." && name.bytes().all(fits)
    };
    let fits = path.is_empty() || path.strip_prefix('/').is_some_and(|names| names.split('/').all(name));
    if !fits || path.len() > 200 {
        let shown = &text.value.shown;
        text.problem(
            section.walk,
            format!("{shown:?} is no path, expected for example \"/vigie\", of letters, digits and - . _ ~"),
        );
        return String::new();
    }
    path.to_owned()
}

enum Kind {
    Own,
    Files,
    Acme,
}

/// The table `[server.certificate]`.
pub fn certificate(server: &Section<'_>) -> CertificateSource {
    let Some(section) = server.section("certificate") else {
        return CertificateSource::default();
    };
    let kind = section.kind("\"own\", \"files\" or \"acme\"", |text| match text {
        "own" => Some(Some(Kind::Own)),
        "files" => Some(Some(Kind::Files)),
        "acme" => Some(Some(Kind::Acme)),
        _ => None,
    });
    let source = match kind {
        Some(Kind::Own) => Some(CertificateSource::Own {
            names: names(&section, "names"),
        }),
        Some(Kind::Files) => files(&section),
        Some(Kind::Acme) => acme(&section).map(CertificateSource::Acme),
        None => None,
    };
    section.finish(|_| None);
    source.unwrap_or_default()
}

fn files(section: &Section<'_>) -> Option<CertificateSource> {
    let path = |key| {
        const EXPECTED: &str = "the path of a PEM file";
        section.require(key, EXPECTED);
        let text = section.text(key, EXPECTED)?;
        absolute_path(section.walk, &text)
    };
    let (chain, key) = (path("chain"), path("key"));
    Some(CertificateSource::Files {
        chain: chain?,
        key: key?,
    })
}

fn acme(section: &Section<'_>) -> Option<Acme> {
    section.require("domains", "a list of names such as [\"vigie.example.org\"]");
    let domains = names(section, "domains");
    if section.has("domains") && domains.is_empty() {
        section.problem("domains", "expected at least one name");
    }
    for domain in domains
        .iter()
        .filter(|domain| domain.parse::<std::net::IpAddr>().is_ok())
    {
        section.problem("domains", format!("{domain:?} is an address, expected a name"));
    }
    let tls_ca = section.text("tls_ca", "the path of a PEM file");
    Some(Acme {
        directory: directory(section)?,
        contact: contact(section),
        domains,
        challenge: challenge(section),
        tls_ca: tls_ca.and_then(|text| absolute_path(section.walk, &text)),
    })
}

fn directory(section: &Section<'_>) -> Option<url::Url> {
    if !section.has("directory") {
        return url::Url::parse(LETS_ENCRYPT).ok();
    }
    let text = section.text("directory", &format!("an address such as {LETS_ENCRYPT:?}"))?;
    let url = url::Url::parse(&text.value.value).ok();
    let url = url.filter(|url| url.scheme() == "https" && url.has_host() && url.password().is_none());
    if url.is_none() {
        let shown = crate::redact_url(&text.value.shown);
        text.problem(
            section.walk,
            format!("{shown:?} is no ACME directory, expected for example {LETS_ENCRYPT:?}"),
        );
    }
    url
}

fn contact(section: &Section<'_>) -> Vec<String> {
    let texts = section.text_or_texts("contact", "a mail address, or a list of them");
    let read = |text: Found<Text>| {
        let address = text.value.value.strip_prefix("mailto:").unwrap_or(&text.value.value);
        let fits = address.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty()
                && !host.is_empty()
                && address.bytes().all(|b| b.is_ascii_graphic() && !b"?,<>".contains(&b))
        });
        if !fits {
            text.problem(section.walk, format!("{:?} is no mail address", text.value.shown));
        }
        fits.then(|| format!("mailto:{address}"))
    };
    texts.unwrap_or_default().into_iter().filter_map(read).collect()
}

fn challenge(section: &Section<'_>) -> AcmeChallenge {
    const EXPECTED: &str = "\"http-01\" or \"tls-alpn-01\"";
    let Some(text) = section.text("challenge", EXPECTED) else {
        return AcmeChallenge::default();
    };
    match text.value.value.as_str() {
        "http-01" => AcmeChallenge::Http01,
        "tls-alpn-01" => AcmeChallenge::TlsAlpn01,
        _ => {
            text.problem(
                section.walk,
                format!("seen {:?}, expected {EXPECTED}", text.value.shown),
            );
            AcmeChallenge::default()
        }
    }
}

/// Host names and addresses that a certificate may be for. Wildcards are not among them: neither
/// challenge shows that one is ours.
fn names(section: &Section<'_>, key: &'static str) -> Vec<String> {
    let texts = section.texts(key, "a list of host names such as [\"vigie.example.org\"]");
    let texts = texts.unwrap_or_default();
    if texts.len() > MOST_NAMES {
        section.problem(
            key,
            format!("seen {} names, expected at most {MOST_NAMES}", texts.len()),
        );
    }
    let read = |text: Found<Text>| {
        let name = text.value.value.to_ascii_lowercase();
        let fits = name.parse::<std::net::IpAddr>().is_ok() || is_host_name(&name);
        if !fits {
            text.problem(section.walk, format!("{:?} is no host name", text.value.shown));
        }
        fits.then_some(name)
    };
    texts.into_iter().filter_map(read).collect()
}

/// RFC 1123 §2.1.
fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    name.len() <= 253 && name.split('.').all(label)
}
