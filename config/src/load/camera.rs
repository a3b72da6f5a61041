//! The tables `[[camera]]` with `[camera.main]` and `[camera.sub]`.

use std::{collections::BTreeMap, time::Duration};

use super::{
    absolute_path,
    disk::{Disks, group, not_an_id, unique_id},
    display_name, motion, record,
    schedule::Schedules,
    section::{Found, Section, Text},
    source_url::{parse_source_url, redact_url},
    suggest::nearest,
};
use crate::{Camera, CameraId, Credentials, Secret, SourceUrl, Stream, StreamName, Tls, Transport};

pub fn read_all(root: &Section<'_>, disks: &Disks, schedules: &Schedules) -> Vec<Camera> {
    let mut ids = BTreeMap::new();
    let mut cameras: Vec<Camera> = Vec::new();
    for section in root.sections("camera") {
        if let Some(camera) = read(section, &mut ids, disks, schedules, &cameras) {
            cameras.push(camera);
        }
    }
    cameras
}

fn read(
    section: Section<'_>,
    ids: &mut BTreeMap<String, usize>,
    disks: &Disks,
    schedules: &Schedules,
    before: &[Camera],
) -> Option<Camera> {
    let walk = section.walk;
    let id = unique_id(&section, ids, "camera").and_then(|text| {
        CameraId::new(&text.value.value)
            .map_err(|_| not_an_id(walk, &text))
            .ok()
    });
    let name = section.text("name", "a name").and_then(|text| display_name(walk, text));
    let enabled = section.boolean("enabled").unwrap_or(true);
    let rtsp_anonymous = section.boolean("rtsp_anonymous").unwrap_or(false);
    let preview = section.boolean("preview").unwrap_or(false);
    let asker = credentials(&section);
    let disk_group = group(&section, "disk_group");

    section.require("main", "a table [camera.main] with its url");
    let mut streams = BTreeMap::new();
    let mut there = Vec::new();
    for stream in StreamName::ALL {
        if let Some(table) = section.section(stream.as_str()) {
            there.push(stream);
            streams.extend(read_stream(table, asker.as_ref(), before).map(|read| (stream, read)));
        }
    }
    let keyed = section.has("username") || section.has("password");
    if keyed && streams.len() == there.len() && !streams.values().any(|stream| takes_credentials(&stream.url)) {
        section.problem("username", "no stream of this camera asks for credentials");
    }
    let record = record::read(&section, &there, schedules);
    let motion = motion::read(&section, &record);
    if let Some(group) = &disk_group {
        check_group(&section, group, disks, record.is_ever());
    }
    section.finish(|key| match key {
        "url" | "transport" | "audio" | "stall_after" | "tls_ca" | "tls_fingerprint" => {
            Some("[camera.main] or [camera.sub]")
        }
        "mode" | "continuous" | "motion" | "sensor" | "segment" | "pre_alarm" | "post_alarm" | "max_age" => {
            Some("[camera.record]")
        }
        "sensitivity" | "area" | "hold" => Some("[camera.motion]"),
        _ => None,
    });
    let (id, disk_group) = (id?, disk_group?);
    let name = name.unwrap_or_else(|| id.to_string());
    Some(Camera {
        name,
        id,
        enabled,
        disk_group,
        rtsp_anonymous,
        preview,
        streams,
        record,
        motion,
    })
}

/// A group without a disk is a fault where it was asked for, or where footage would have no place.
fn check_group(section: &Section<'_>, group: &str, disks: &Disks, records: bool) {
    let needed = records && disks.complete;
    if disks.groups.contains(group) || !(section.has("disk_group") || needed) {
        return;
    }
    let groups = disks.groups.iter().map(String::as_str);
    let hint = match nearest(group, groups.clone()) {
        Some(group) => format!("did you mean {group:?}?"),
        None if disks.groups.is_empty() => "there is no [[disk]]".to_owned(),
        None => format!("expected one of {}", groups.collect::<Vec<_>>().join(", ")),
    };
    section.problem("disk_group", format!("no disk is in group {group:?}, {hint}"));
}

/// The keys `username` and `password`. A camera may well ask for a user with an empty password.
fn credentials(section: &Section<'_>) -> Option<Credentials> {
    let username = section.text("username", "a text");
    let password = section.text("password", "a text");
    if section.has("password") && !section.has("username") {
        section.problem("password", "password without username");
    }
    if let Some(text) = &password {
        section.walk.secret(text);
    }
    let username = username?;
    if username.value.value.is_empty() {
        username.problem(section.walk, "empty, expected a username");
        return None;
    }
    let password = password.map(|text| text.value.value).unwrap_or_default();
    Some(Credentials {
        username: username.value.value,
        password: Secret::new(password),
    })
}

fn read_stream(section: Section<'_>, asker: Option<&Credentials>, before: &[Camera]) -> Option<Stream> {
    section.require("url", "the address of the stream");
    let url = section.text("url", "a URL");
    let source = url.as_ref().and_then(|text| match parse_source_url(&text.value.value) {
        Ok(source) => Some(source),
        Err(error) => {
            text.problem(section.walk, format!("{:?}: {error}", redact_url(&text.value.shown)));
            None
        }
    });
    let transport = transport(&section);
    let audio = section.boolean("audio").unwrap_or(true);
    let stall_after = section.duration("stall_after", Duration::from_secs(1)..=Duration::from_secs(300));
    let tls = tls(&section);
    if let (Some(text), Some((url, own))) = (&url, &source) {
        check_fit(&section, url, transport);
        if own.is_some() {
            section.walk.secret(text);
        }
        if own.is_some() && asker.is_some() {
            text.problem(
                section.walk,
                "credentials both in the URL and in username/password, use one of them",
            );
        }
        let same = before
            .iter()
            .find(|camera| camera.streams.values().any(|stream| stream.url == *url));
        if let Some(camera) = same.filter(|_| matches!(url, SourceUrl::Network(_) | SourceUrl::V4l2(_))) {
            section.warning(
                "url",
                format!("same address as a stream of camera {:?}", camera.id.as_str()),
            );
        }
    }
    section.finish(|key| match key {
        "username" | "password" => Some("[[camera]], for both streams"),
        _ => None,
    });
    let (url, own) = source?;
    let credentials = own.or_else(|| asker.filter(|_| takes_credentials(&url)).cloned());
    Some(Stream {
        url,
        credentials,
        transport: transport.unwrap_or(Transport::Tcp),
        audio,
        stall_after: stall_after.unwrap_or(Duration::from_secs(10)),
        tls,
    })
}

fn takes_credentials(url: &SourceUrl) -> bool {
    matches!(url.scheme(), "rtsp" | "rtsps" | "rtmp" | "rtmps" | "http" | "https")
}

/// Keys that mean nothing for a scheme are refused: they would be ignored.
fn check_fit(section: &Section<'_>, url: &SourceUrl, transport: Option<Transport>) {
    let scheme = url.scheme();
    if section.has("transport") && !matches!(scheme, "rtsp" | "rtsps") {
        section.problem(
            "transport",
            format!("only rtsp has a choice of transport, the url is {scheme}"),
        );
    }
    if scheme == "rtsps" && transport == Some(Transport::Udp) {
        section.problem(
            "transport",
            "rtsps brings media over its encrypted connection, expected \"tcp\"",
        );
    }
    for key in ["tls_ca", "tls_fingerprint"] {
        if section.has(key) && !matches!(scheme, "rtsps" | "rtmps" | "https") {
            section.problem(key, format!("the url is {scheme}, which is not encrypted"));
        } else if section.has(key) && scheme == "rtmps" {
            section.problem(key, "rtmps knows the system's authorities only");
        } else if section.has(key) && (scheme, key) == ("https", "tls_fingerprint") {
            section.problem(
                key,
                "https cannot pin a fingerprint, name the certificate's file as tls_ca",
            );
        }
    }
}

fn transport(section: &Section<'_>) -> Option<Transport> {
    let text = section.text("transport", "\"tcp\" or \"udp\"")?;
    match text.value.value.as_str() {
        "tcp" => Some(Transport::Tcp),
        "udp" => Some(Transport::Udp),
        _ => {
            text.problem(
                section.walk,
                format!("seen {:?}, expected \"tcp\" or \"udp\"", text.value.shown),
            );
            None
        }
    }
}

fn tls(section: &Section<'_>) -> Tls {
    let authority = section.text("tls_ca", "the path of a PEM file");
    let pin = section.text("tls_fingerprint", "\"sha256:…\"");
    if authority.is_some() && pin.is_some() {
        section.problem("tls_fingerprint", "both tls_ca and tls_fingerprint, use one of them");
    }
    if let Some(text) = authority {
        return absolute_path(section.walk, &text)
            .map(Tls::Authority)
            .unwrap_or_default();
    }
    let Some(text) = pin else { return Tls::System };
    match fingerprint(&text) {
        Some(digest) => Tls::Fingerprint(digest),
        None => {
            text.problem(
                section.walk,
                format!(
                    "{:?} is no fingerprint, expected \"sha256:\" and 64 hexadecimal digits",
                    text.value.shown
                ),
            );
            Tls::System
        }
    }
}

/// `sha256:` and 32 bytes in hexadecimal; colons between bytes, as openssl prints them, are allowed.
fn fingerprint(text: &Found<Text>) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .value
        .value
        .strip_prefix("sha256:")?
        .chars()
        .filter(|c| *c != ':')
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high * 16 + low).collect();
    if rest.is_empty() { bytes.try_into().ok() } else { None }
}
