//! What somebody tries who means harm, beside what `rights`, `accounts` and `tls` hold: paths that lead
//! out, requests larger than anything, markup as names.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use base64::Engine;

use crate::{
    house::{Cam, House, PASSWORD, Setup, USER, shown, visit},
    snapshots::numbered,
};

/// Sends bytes as they are: a client library would put a path in order first. The status and all that came.
fn raw(house: &House, head: &str, body: &[u8]) -> (u16, String) {
    let address: SocketAddr = house.http().rsplit_once('/').unwrap().1.parse().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let credentials = base64::prelude::BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let head = format!("{head}\r\nHost: x\r\nAuthorization: Basic {credentials}\r\nConnection: close\r\n");
    // It may be answered, and hung up on, before all of it is sent.
    stream.write_all(head.as_bytes()).ok();
    stream.write_all(b"\r\n").ok();
    stream.write_all(body).ok();
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).ok();
    let heard = String::from_utf8_lossy(&heard).into_owned();
    let status = heard.get(9..12).and_then(|status| status.parse().ok());
    (status.unwrap_or(0), heard)
}

#[test]
fn no_path_leads_out() {
    let house = House::start(&Setup::default());
    let secrets = ["root:", "password", "[server]", "argon2"];
    let ups = [
        "../",
        "..%2f",
        "%2e%2e/",
        "%2e%2e%2f",
        "..%5c",
        "....//",
        "%252e%252e%252f",
        "..%00/",
    ];
    let places = [
        "/",
        "/assets/",
        "/api/v1/cameras/",
        "/api/v1/config/camera/",
        "/api/v1/config-history/",
        "/api/v1/layouts/",
        "/api/v1/tags/",
        "/api/v1/events/",
        "/api/v1/snapshots/",
        "/settings/",
    ];
    let ends = [
        "etc/passwd",
        "state/accounts.jsonl",
        "vigie.toml",
        "etc/passwd/video.mp4",
    ];
    let mut tried = 0;
    for place in places {
        for up in ups {
            for end in ends {
                for method in ["GET", "DELETE"] {
                    let path = format!("{place}{}{end}", up.repeat(6));
                    let (status, heard) = raw(&house, &format!("{method} {path} HTTP/1.1"), b"");
                    // Addresses of pages are answered with the one document that all pages are.
                    let page = heard.contains("<!doctype html>") || heard.contains("<!DOCTYPE html>");
                    assert!(
                        (400..500).contains(&status) || status == 200 && page,
                        "{method} {path}: {heard}"
                    );
                    assert!(
                        !secrets.iter().any(|secret| heard.contains(secret)) || page,
                        "{path}: {heard}"
                    );
                    tried += 1;
                }
            }
        }
    }
    assert!(house.root.join("state/accounts.jsonl").is_file());
    shown(6, &format!("{tried} paths that lead out: none did"), tried > 100);
}

/// Each is refused as soon as it is too large, whatever is sent after that, and costs no memory.
#[test]
fn what_is_too_large_is_refused_and_costs_nothing() {
    const LARGE: usize = 64 << 20;
    let house = House::start(&Setup::default());
    let (before, _) = house.memory();
    let body = vec![b'x'; LARGE];
    let operations = [
        "POST /api/v1/session",
        "POST /api/v1/setup",
        "POST /api/v1/events",
        "POST /api/v1/users",
        "POST /api/v1/tags",
        "POST /api/v1/probe",
        "PUT /api/v1/config",
        "PUT /api/v1/config/camera/gate",
        "PUT /api/v1/layouts/mine",
        "PUT /api/v1/preferences",
        "PUT /api/v1/certificate",
    ];
    for operation in operations {
        let head = |length: &str| format!("{operation} HTTP/1.1\r\nContent-Type: application/json\r\n{length}");
        let (status, heard) = raw(&house, &head(&format!("Content-Length: {LARGE}")), &body);
        assert!((400..500).contains(&status), "{operation}: {status} {heard}");
        // Said to be small, one piece after the other.
        let mut pieces = format!("{LARGE:x}\r\n").into_bytes();
        pieces.extend_from_slice(&body);
        pieces.extend_from_slice(b"\r\n0\r\n\r\n");
        let (status, heard) = raw(&house, &head("Transfer-Encoding: chunked"), &pieces);
        assert!((400..500).contains(&status), "{operation} in pieces: {status} {heard}");
    }
    let long = "a".repeat(1 << 20);
    let (status, _) = raw(&house, &format!("GET /api/v1/events?text={long} HTTP/1.1"), b"");
    assert!((400..500).contains(&status) || status == 0, "a long address: {status}");
    let (status, _) = raw(&house, &format!("GET / HTTP/1.1\r\nX-Long: {long}"), b"");
    assert!((400..500).contains(&status) || status == 0, "a long header: {status}");
    assert_eq!(house.get("/healthz").status, 200);
    let (after, _) = house.memory();
    let grown = after.saturating_sub(before);
    shown(
        6,
        &format!(
            "{} requests of {} MiB: each refused, memory {grown} MiB more",
            2 * operations.len(),
            LARGE >> 20
        ),
        grown < 48,
    );
}

/// Answered, it is hung up on whoever goes on sending.
#[test]
fn a_body_without_an_end_holds_no_connection() {
    let house = House::start(&Setup::default());
    let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (operation, headers) in [
        ("POST /api/v1/session", ""),
        ("POST /api/v1/events", ""),
        ("PUT /api/v1/nothing", ""),
        ("GET /healthz", ""),
        ("GET /api/v1/cameras", ""),
        ("GET /", ""),
        ("HEAD /", ""),
        ("GET /healthz", upgrade),
        ("GET /api/v1/events/live", upgrade),
    ] {
        let address: SocketAddr = house.http().rsplit_once('/').unwrap().1.parse().unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let credentials = base64::prelude::BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"));
        let credentials = if headers.is_empty() {
            String::new()
        } else {
            format!("Authorization: Basic {credentials}\r\n")
        };
        let head =
            format!("{operation} HTTP/1.1\r\nHost: x\r\n{credentials}{headers}Transfer-Encoding: chunked\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let start = Instant::now();
        let mut heard = [0; 4096];
        // A byte now and then, so that it never falls silent.
        while stream.write_all(b"1\r\nx\r\n").is_ok() && !matches!(stream.read(&mut heard), Ok(0)) {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "{operation} holds its connection"
            );
        }
    }
}

#[test]
fn markup_as_names_is_text_on_every_page_in_chromium() {
    let cameras = numbered(1);
    let house = House::start(&Setup::new(cameras.names().map(|name| Cam::of(&cameras, name))));
    house.wait_recording("cam0", "main");
    let (seen, content) = visit("names.mjs", house.http(), USER, PASSWORD, &[]);
    shown(6, &format!("XSS: {}", seen.trim()), content);
}
