//! The table `[email]` and the tables `[[recipient]]`.

use std::{collections::BTreeMap, time::Duration};

use super::{
    absolute_path,
    disk::{not_an_id, unique_id},
    display_name,
    schedule::Schedules,
    section::{Found, Section, Text},
};
use crate::{Credentials, Email, Recipient, RecipientId, Secret, Security, When};

const LONGEST_MERGE: Duration = Duration::from_secs(3600);
const LONGEST_EXPIRE: Duration = Duration::from_secs(7 * 86_400);

pub fn read_server(root: &Section<'_>) -> Option<Email> {
    let section = root.section("email")?;
    const SERVER: &str = "a name and perhaps a port such as \"smtp.example.org\" or \"smtp.example.org:587\"";
    section.require("server", SERVER);
    let server = section.text("server", SERVER);
    let security = security(&section);
    let port = security.map_or(0, Security::port);
    let server = server.and_then(|text| {
        let found = host_and_port(&text.value.value, port);
        if found.is_none() {
            text.problem(
                section.walk,
                format!("{:?} is no server, expected {SERVER}", text.value.shown),
            );
        }
        found
    });
    const FROM: &str = "the sender's address such as \"vigie@example.org\"";
    section.require("from", FROM);
    let from = section
        .text("from", FROM)
        .and_then(|text| mail_address(&section, &text));
    let credentials = sign_in(&section);
    if security == Some(Security::None) && credentials.is_some() {
        section.warning("security", "the password goes over the network for all to read");
    }
    let tls_ca = section.text("tls_ca", "the path of a PEM file");
    let tls_ca = tls_ca.and_then(|text| absolute_path(section.walk, &text));
    let (merge, expire) = times(&section, Duration::from_secs(30), Duration::from_secs(86_400));
    section.finish(|_| None);
    let (host, port) = server?;
    Some(Email {
        host,
        port,
        security: security?,
        credentials,
        from: from?,
        tls_ca,
        merge,
        expire,
    })
}

/// `merge` and `expire`.
pub fn times(section: &Section<'_>, merge: Duration, expire: Duration) -> (Duration, Duration) {
    let read_merge = section.duration("merge", Duration::ZERO..=LONGEST_MERGE);
    let read_expire = section.duration("expire", Duration::from_secs(60)..=LONGEST_EXPIRE);
    (read_merge.unwrap_or(merge), read_expire.unwrap_or(expire))
}

fn security(section: &Section<'_>) -> Option<Security> {
    const EXPECTED: &str = "\"starttls\", \"tls\" or \"none\"";
    if !section.has("security") {
        return Some(Security::StartTls);
    }
    let text = section.text("security", EXPECTED)?;
    match text.value.value.as_str() {
        "starttls" => Some(Security::StartTls),
        "tls" => Some(Security::Tls),
        "none" => Some(Security::None),
        _ => {
            let problem = format!("seen {:?}, expected {EXPECTED}", text.value.shown);
            text.problem(section.walk, problem);
            None
        }
    }
}

/// `username` and `password`: both or none.
pub fn sign_in(section: &Section<'_>) -> Option<Credentials> {
    let username = section.text("username", "a name");
    let password = section.text("password", "a text");
    if let Some(password) = &password {
        section.walk.secret(password);
    }
    match (section.has("username"), section.has("password")) {
        (true, false) => section.problem("username", "a name without a password: password is missing"),
        (false, true) => section.problem("password", "a password without a name: username is missing"),
        _ => {}
    }
    Some(Credentials {
        username: username?.value.value,
        password: Secret::new(password?.value.value),
    })
}

fn host_and_port(text: &str, port: u16) -> Option<(String, u16)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, _)) if host.contains(':') && !host.ends_with(']') => (text, port),
        Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0)?),
        None => (text, port),
    };
    let host = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    url::Host::parse(host)
        .is_ok()
        .then_some(())
        .or_else(|| host.parse::<std::net::IpAddr>().is_ok().then_some(()))?;
    Some((host.to_owned(), port))
}

/// A bare address in ASCII: `local@domain`.
fn mail_address(section: &Section<'_>, text: &Found<Text>) -> Option<String> {
    let address = text.value.value.trim();
    let plain = |c: char| c.is_ascii_graphic() && !"<>()[],;:\\\"@".contains(c);
    let sound = address.split_once('@').is_some_and(|(local, domain)| {
        let dots = |part: &str| {
            part.split('.')
                .all(|label| !label.is_empty() && label.chars().all(plain))
        };
        (1..=64).contains(&local.len()) && domain.len() <= 253 && dots(local) && domain.split('.').all(is_host_label)
    });
    if !sound {
        let problem = format!(
            "{:?} is no mail address, expected for example \"ann@example.org\"",
            text.value.shown
        );
        text.problem(section.walk, problem);
    }
    sound.then(|| address.to_owned())
}

/// RFC 1123, 2.1: what stands between the dots of a host's name.
fn is_host_label(label: &str) -> bool {
    let sound = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (1..=63).contains(&label.len()) && sound && !label.starts_with('-') && !label.ends_with('-')
}

pub fn read_recipients(root: &Section<'_>, schedules: &Schedules) -> Vec<Recipient> {
    let mut ids = BTreeMap::new();
    let sections = root.sections("recipient");
    if let Some(first) = sections.first().filter(|_| !root.has("email")) {
        first.problem("address", "mails need a server: the table [email] is missing");
    }
    let read = |section| read_recipient(section, &mut ids, schedules);
    sections.into_iter().filter_map(read).collect()
}

fn read_recipient(section: Section<'_>, ids: &mut BTreeMap<String, usize>, schedules: &Schedules) -> Option<Recipient> {
    let walk = section.walk;
    let id = unique_id(&section, ids, "recipient").and_then(|text| {
        let id = RecipientId::new(&text.value.value);
        id.map_err(|_| not_an_id(walk, &text)).ok()
    });
    let name = section.text("name", "a name").and_then(|text| display_name(walk, text));
    let enabled = section.boolean("enabled").unwrap_or(true);
    const ADDRESS: &str = "a mail address such as \"ann@example.org\"";
    section.require("address", ADDRESS);
    let address = section.text("address", ADDRESS);
    let address = address.and_then(|text| mail_address(&section, &text));
    let schedule = schedules.when(&section, "schedule").map(|found| found.value);
    let pictures = section.boolean("pictures").unwrap_or(true);
    section.finish(|_| None);
    let id = id?;
    Some(Recipient {
        name: name.unwrap_or_else(|| id.to_string()),
        id,
        enabled,
        address: address?,
        schedule: schedule.unwrap_or(When::Always),
        pictures,
    })
}
