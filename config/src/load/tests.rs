#![allow(clippy::unwrap_used)]
//! Every kind of bad input with the line that the operator reads.

use std::path::Path;

use proptest::prelude::*;

use crate::{Config, Kind, LoadError, SourceUrl, StreamName, Tls, Transport, When};

const REFERENCE: &str = include_str!("../../vigie.toml");

/// A camera and a disk without a fault, four lines each.
const GOOD: &str =
    "[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n\n[[camera]]\nid = \"gate\"\nmain.url = \"rtsp://192.0.2.1/1\"\n";

fn lookup(name: &str) -> Option<String> {
    match name {
        "GATE_PASSWORD" => Some("hunter2".to_owned()),
        "DOOR_TOKEN" | "HOOK_SECRET" => Some("0123456789abcdef".to_owned()),
        "MAIL_PASSWORD" | "MQTT_PASSWORD" | "NTFY_TOKEN" | "SMS_TOKEN" => Some("hunter2".to_owned()),
        "EMPTY" => Some(String::new()),
        "SECONDS" => Some("7s".to_owned()),
        _ => None,
    }
}

fn good(text: &str) -> Config {
    match Config::parse(text, &lookup) {
        Ok((config, _)) => config,
        Err(problems) => panic!("{problems}\n{text}"),
    }
}

fn problems(text: &str) -> Vec<String> {
    match Config::parse(text, &lookup) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.to_string().lines().map(str::to_owned).collect(),
    }
}

fn warnings(text: &str) -> Vec<String> {
    Config::parse(text, &lookup)
        .unwrap()
        .1
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// `GOOD` with keys of the camera behind it; they begin at line 8.
fn camera(keys: &str) -> String {
    format!("{GOOD}{keys}\n")
}

/// `GOOD` with keys of the disk behind it.
fn disk(keys: &str) -> String {
    GOOD.replace("path = \"/srv/d1\"\n", &format!("path = \"/srv/d1\"\n{keys}"))
}

/// `GOOD` with another address.
fn url(url: &str) -> String {
    GOOD.replace("rtsp://192.0.2.1/1", url)
}

#[test]
fn defaults_are_those_of_the_reference() {
    let config = good(GOOD);
    assert_eq!(config.server.state_dir, Path::new("/var/lib/vigie"));
    assert_eq!(config.server.http, ["0.0.0.0:8080".parse().unwrap()]);
    assert!(config.server.https.is_empty() && config.server.base_path.is_empty());
    assert_eq!(config.server.rtsp.to_string(), "0.0.0.0:8554");
    let disk = &config.disks[0];
    assert_eq!(
        (disk.group.as_str(), disk.keep_free_bytes, disk.tick.as_secs()),
        ("default", 5 << 30, 1)
    );
    let camera = &config.cameras[0];
    assert_eq!(
        (camera.name.as_str(), camera.enabled, camera.rtsp_anonymous),
        ("gate", true, false)
    );
    let main = &camera.streams[&StreamName::Main];
    assert_eq!(
        (main.transport, main.audio, main.stall_after.as_secs()),
        (Transport::Tcp, true, 10)
    );
    assert_eq!((&main.tls, &main.credentials), (&Tls::System, &None));
    assert_eq!(camera.record.continuous, When::Always);
    assert_eq!(camera.record.continuous_streams, [StreamName::Main]);
    assert!(
        [&camera.record.motion, &camera.record.sensor, &camera.record.analytics]
            .iter()
            .all(|when| **when == When::Off)
    );
    assert_eq!(camera.record.segment.as_secs(), 60);
    assert_eq!(camera.record.max_age, None);
}

#[test]
fn a_sub_stream_is_recorded_by_default() {
    let config = good(&camera("sub.url = \"rtsp://192.0.2.1/2\""));
    let record = &config.cameras[0].record;
    assert_eq!(
        (&record.continuous_streams[..], &record.event_streams[..]),
        (&StreamName::ALL[..], &StreamName::ALL[..])
    );
}

#[test]
fn a_recorder_may_be_without_cameras_but_not_without_a_text() {
    assert_eq!(warnings("[server]"), ["no camera yet: nothing will be recorded"]);
    for nothing in ["", "\n\n", "# [server]\n"] {
        assert!(Config::parse(nothing, &|_| None).is_err(), "{nothing:?}");
    }
}

#[test]
fn all_problems_are_reported_at_once_in_order() {
    let text = "[server]\nhttp = 8080\ncolour = \"red\"\n[[disk]]\nid = \"d1\"\npath = \"srv\"\n[[camera]]\nid = \"Gate\"\n\
                [camera.main]\nurl = \"rtsp://\"\nstall_after = \"ten\"\n";
    assert_eq!(
        problems(text),
        [
            "line 2: server.http: seen a whole number, expected an address and port such as \"0.0.0.0:8080\", \
             or a list of them",
            "line 3: server.colour: unknown key \"colour\", expected one of name, state_dir, http, https, rtsp, time_zone, \
             http_redirect, hsts, certificate, trusted_proxies, proxy_header, base_path, access",
            "line 6: disk[0] \"d1\".path: \"srv\" is not usable, expected an absolute path without ..",
            "line 8: camera[0] \"Gate\".id: \"Gate\" is not an id: use 1 to 64 of a-z 0-9 - _",
            "line 10: camera[0] \"Gate\".main.url: \"rtsp://\": no host, expected rtsp://HOST/…",
            "line 11: camera[0] \"Gate\".main.stall_after: \"ten\" is not a duration: write a whole number and a unit: 500ms, 5s, 10m, 12h or 30d",
        ]
    );
}

/// One fault each; the only line of the answer must hold these pieces.
#[test]
fn each_fault_is_one_clear_line() {
    let cases: &[(String, &[&str])] = &[
        // unknown keys
        (
            camera("usrname = \"x\""),
            &["line 8: camera[0] \"gate\".usrname: ", "did you mean \"username\"?"],
        ),
        (camera("url = \"rtsp://h/\""), &["it belongs in [camera.main]"]),
        (camera("segment = \"10s\""), &["it belongs in [camera.record]"]),
        (
            camera("main.user = \"x\""),
            &["camera[0] \"gate\".main.user: unknown key"],
        ),
        (
            camera("[camera.third]\nurl = \"rtsp://h/\""),
            &["line 8: camera[0] \"gate\".third: unknown key"],
        ),
        (camera("[cameras]"), &["line 8: cameras: ", "did you mean \"camera\"?"]),
        (
            disk("keepfree = \"1 GiB\"\n"),
            &["disk[0] \"d1\".keepfree: ", "did you mean \"keep_free\"?"],
        ),
        // wrong types
        (
            camera("enabled = \"yes\""),
            &["camera[0] \"gate\".enabled: seen a text, expected true or false"],
        ),
        (
            camera("password = 1234\nusername = \"x\""),
            &[".password: seen a whole number, expected a text"],
        ),
        (
            camera("record.segment = 60"),
            &[".record.segment: seen a whole number, expected a duration"],
        ),
        (
            camera("record = \"always\""),
            &[".record: seen a text, expected a table [camera"],
        ),
        (
            camera("record.streams = \"main\""),
            &[".record.streams: seen a text, expected a list"],
        ),
        (
            camera("record.streams = [\"main\", 2]"),
            &[".record.streams[1]: seen a whole number"],
        ),
        (
            "camera = \"gate\"".into(),
            &["line 1: camera: seen a text, expected one [[camera]] for each"],
        ),
        (
            "[disk]\nid = \"d1\"".into(),
            &["line 1: disk: seen a table, expected one [[disk]] for each"],
        ),
        ("camera = [1]".into(), &["line 1: camera[0]: expected a table"]),
        (
            "server = 1".into(),
            &["line 1: server: seen a whole number, expected a table [server]"],
        ),
        // ids
        (
            camera("[[camera]]\nid = \"gate\"\nmain.url = \"rtsp://192.0.2.2/1\""),
            &["line 9: camera[1] \"gate\".id: camera \"gate\" is already defined at line 6"],
        ),
        (
            format!("{GOOD}[[disk]]\nid = \"d1\"\npath = \"/srv/d2\"\n"),
            &["disk[1] \"d1\".id: disk \"d1\" is already defined at line 2"],
        ),
        (
            camera("[[camera]]\nmain.url = \"rtsp://192.0.2.2/1\""),
            &["line 8: camera[1].id: missing"],
        ),
        // addresses
        (
            url("192.0.2.1/1"),
            &["line 7: camera[0] \"gate\".main.url: \"192.0.2.1/1\": not a URL"],
        ),
        (url(""), &["main.url: \"\": not a URL"]),
        (
            url("ftp://192.0.2.1/1"),
            &["unknown scheme \"ftp\", expected rtsp, rtsps"],
        ),
        (url("rtsp:///1"), &["no host"]),
        (url("rtsp://192.0.2.1:0/1"), &["port 0"]),
        (url("rtsp://192.0.2.1:99999/1"), &["not a URL (invalid port number)"]),
        (url("srt://192.0.2.1"), &["no port"]),
        (url("v4l2://dev/video0"), &["three slashes: v4l2:///dev/video0"]),
        (url("file:///"), &["three slashes"]),
        (url("test://?fsp=3"), &["unknown setting \"fsp\""]),
        (url("test://?fps=0"), &["fps of test:// is \"0\", expected 1 to 120"]),
        (
            GOOD.replace("main.url = \"rtsp://192.0.2.1/1\"", "main.audio = true"),
            &["camera[0] \"gate\".main.url: missing"],
        ),
        (
            GOOD.replace("main.url = \"rtsp://192.0.2.1/1\"", ""),
            &["line 5: camera[0] \"gate\".main: missing"],
        ),
        // credentials
        (camera("password = \"x\""), &["password without username"]),
        (camera("username = \"\""), &["empty, expected a username"]),
        (
            url("rtsp://a:b@192.0.2.1/1") + "username = \"x\"\npassword = \"y\"\n",
            &["main.url: credentials both in the URL and in username/password"],
        ),
        (url("rtsp://:b@192.0.2.1/1"), &["password without a username"]),
        (
            url("test://") + "username = \"x\"",
            &["no stream of this camera asks for credentials"],
        ),
        (
            url("srt://a:b@192.0.2.1:9"),
            &["user info is not part of srt addresses"],
        ),
        // durations and sizes
        (
            camera("main.stall_after = \"10\""),
            &["main.stall_after: \"10\" is not a duration: the unit is missing: write for example 10s"],
        ),
        (
            camera("record.segment = \"0s\""),
            &["record.segment: \"0s\" is out of bounds, expected 1s to 5m"],
        ),
        (camera("record.segment = \"2h\""), &["out of bounds"]),
        (
            camera("record.max_age = \"0d\""),
            &["record.max_age: \"0d\" is out of bounds"],
        ),
        (
            disk("keep_free = \"5 gigs\"\n"),
            &["line 4: disk[0] \"d1\".keep_free: \"5 gigs\" is not a size"],
        ),
        (
            disk("keep_free = \"5\"\n"),
            &["the unit is missing: write for example 5 GiB"],
        ),
        (disk("max_size = \"1 kB\"\n"), &["expected at least 1 MiB"]),
        (
            disk("tick = \"1m\"\n"),
            &["disk[0] \"d1\".tick: \"1m\" is out of bounds, expected 100ms to 30s"],
        ),
        // groups and places
        (
            "[[camera]]\nid = \"a\"\nmain.url = \"test://\"".into(),
            &["line 1: camera[0] \"a\".disk_group: no disk is in group \"default\", there is no [[disk]]"],
        ),
        (
            camera("disk_group = \"defualt\""),
            &["line 8: camera[0] \"gate\".disk_group: no disk is in group \"defualt\", did you mean \"default\"?"],
        ),
        (
            camera("disk_group = \"other\"\nenabled = false"),
            &["no disk is in group \"other\", expected one of default"],
        ),
        (
            disk("group = \"A b\"\n"),
            &["disk[0] \"d1\".group: \"A b\" is not a group"],
        ),
        (
            format!("{GOOD}[[disk]]\nid = \"d2\"\npath = \"/srv//d1/\"\n"),
            &["disk[1] \"d2\".path: /srv/d1 overlaps /srv/d1 of disk \"d1\""],
        ),
        (
            format!("{GOOD}[[disk]]\nid = \"d2\"\npath = \"/srv\"\n"),
            &["/srv overlaps /srv/d1"],
        ),
        (
            format!("[server]\nstate_dir = \"/srv/d1/state\"\n{GOOD}"),
            &["/srv/d1 holds server.state_dir /srv/d1/state"],
        ),
        (
            GOOD.replace("/srv/d1", "/etc/vigie"),
            &["/etc/vigie is the system's: name a folder of the disk's own"],
        ),
        (GOOD.replace("/srv/d1", "/dev/sdb1"), &["/dev/sdb1 is the system's"]),
        (
            GOOD.replace("/srv/d1", "/srv/../d1"),
            &["expected an absolute path without .."],
        ),
        // server
        (
            "[server]\nhttp = \"0.0.0.0:80\"\nrtsp = \"127.0.0.1:80\"".into(),
            &["line 3: server.rtsp: http 0.0.0.0:80 and rtsp 127.0.0.1:80 claim the same port"],
        ),
        (
            "[server]\nhttp = \"0.0.0.0:8554\"".into(),
            &["line 2: server.http: http 0.0.0.0:8554 and rtsp 0.0.0.0:8554 claim the same port"],
        ),
        (
            "[server]\nhttp = \":8080\"".into(),
            &["line 2: server.http: \":8080\" is not an address and port"],
        ),
        (
            "[server]\nname = \" \"".into(),
            &["server.name: expected a name of 1 to 128 characters"],
        ),
        (
            "[server]\ntime_zone = \"Europe/Pariss\"".into(),
            &["unknown time zone \"Europe/Pariss\""],
        ),
        // transport and trust
        (
            camera("main.transport = \"sctp\""),
            &["main.transport: seen \"sctp\", expected \"tcp\" or \"udp\""],
        ),
        (
            url("test://") + "main.transport = \"udp\"",
            &["only rtsp has a choice of transport, the url is test"],
        ),
        (
            url("rtsps://192.0.2.1/1") + "main.transport = \"udp\"",
            &["main.transport: rtsps brings media over its encrypted connection"],
        ),
        (
            camera("main.tls_ca = \"/etc/ca.pem\""),
            &["main.tls_ca: the url is rtsp, which is not encrypted"],
        ),
        (
            url("rtsps://192.0.2.1/1") + "main.tls_fingerprint = \"sha256:12\"",
            &["is no fingerprint"],
        ),
        (
            url("rtsps://192.0.2.1/1")
                + &format!(
                    "main.tls_ca = \"/a\"\nmain.tls_fingerprint = \"sha256:{}\"",
                    "0f".repeat(32)
                ),
            &["both tls_ca and tls_fingerprint"],
        ),
        // recording
        (
            camera("record.mode = \"schedule\""),
            &["record.mode: mode \"schedule\" needs at least one of continuous, motion, sensor, analytics"],
        ),
        (
            camera("record.mode = \"allways\""),
            &["seen \"allways\", expected \"off\", \"always\", \"events\" or \"schedule\""],
        ),
        (
            camera("record.continuous = \"24x8\""),
            &["record.continuous: no schedule \"24x8\", did you mean"],
        ),
        (
            camera("record.sensor = \"nights\""),
            &["record.sensor: no schedule \"nights\", expected off, always, 24x7, 24x5, 24x2"],
        ),
        (
            camera("record.mode = \"off\"\nrecord.motion = \"24x5\""),
            &["record.motion: \"24x5\" contradicts mode = \"off\""],
        ),
        (
            camera("record.pre_alarm_memory = \"1 KB\""),
            &["record.pre_alarm_memory: expected at least 1 MiB"],
        ),
        (
            camera("record.mode = \"off\"\nrecord.continuous = \"always\""),
            &["line 9: camera[0] \"gate\".record.continuous: \"always\" contradicts mode = \"off\""],
        ),
        (
            camera("record.streams = [\"main\", \"sub\"]"),
            &["record.streams[1]: this camera has no [camera.sub]"],
        ),
        (
            camera("record.streams = [\"main\", \"main\"]"),
            &["record.streams[1]: \"main\" is listed twice"],
        ),
        (
            camera("record.streams = [\"third\"]"),
            &["record.streams[0]: seen \"third\", expected \"main\" or \"sub\""],
        ),
        (
            camera("record.streams = []"),
            &["to record nothing write mode = \"off\""],
        ),
        (
            camera("sub.url = \"test://\"\nrecord.streams = [\"main\"]\nrecord.continuous_streams = [\"sub\"]"),
            &["\"sub\" is not among streams"],
        ),
        // variables
        (
            camera("username = \"${NOBODY}\""),
            &["username: variable ${NOBODY} is neither a systemd credential nor in the environment"],
        ),
        (
            camera("username = \"u\"\npassword = \"${NOBODY}\""),
            &["password: variable ${NOBODY} is neither a systemd credential nor in the environment"],
        ),
        (camera("name = \"${GATE_PASSWORD\""), &["\"${\" without \"}\""]),
        (camera("name = \"${a b}\""), &["${a b}: a variable's name consists of"]),
        // TOML
        ("[server]\nname = \n".into(), &["line 2: not TOML: "]),
        (format!("{GOOD}id = \"again\""), &["line 8: not TOML: duplicate key"]),
        ("[server".into(), &["line 1: not TOML: "]),
    ];
    for (text, pieces) in cases {
        let answer = problems(text);
        let [line] = answer.as_slice() else {
            panic!("one line expected, not {answer:#?}\nof\n{text}")
        };
        for piece in *pieces {
            assert!(line.contains(piece), "{line}\ndoes not contain\n{piece}\nof\n{text}");
        }
    }
}

#[test]
fn urls_of_every_scheme_are_read() {
    for text in [
        "rtsp://192.0.2.1/1",
        "rtsp://[2001:db8::1]:554/a?b=c",
        "rtsps://cam.example/1",
        "rtmp://h/app/s",
        "rtmps://h/app/s",
        "srt://192.0.2.1:9000?streamid=x",
        "srt://0.0.0.0:9000?mode=listener",
        "http://h/mjpg",
        "https://h/mjpg?fps=5",
        "v4l2:///dev/video0",
        "file:///srv/a%20clip.mp4",
        "test://",
        "test://?width=1280&height=720&fps=25&bitrate=2000000&audio=true",
    ] {
        let config = good(&url(text));
        let read = &config.cameras[0].streams[&StreamName::Main].url;
        match read {
            SourceUrl::File(path) => assert_eq!(path, Path::new("/srv/a clip.mp4")),
            read => assert!(read.to_string().starts_with(text), "{read} {text}"),
        }
    }
}

#[test]
fn credentials_come_from_keys_or_url() {
    let keys = good(&camera(
        "username = \"v\"\npassword = \"${GATE_PASSWORD}\"\nsub.url = \"file:///a.mp4\"",
    ));
    let main = keys.cameras[0].streams[&StreamName::Main].credentials.clone().unwrap();
    assert_eq!((main.username.as_str(), main.password.reveal()), ("v", "hunter2"));
    assert_eq!(keys.cameras[0].streams[&StreamName::Sub].credentials, None);

    let config = good(&url("rtsp://us%40er:p%3Ass%2F${GATE_PASSWORD}@192.0.2.1/1"));
    let main = &config.cameras[0].streams[&StreamName::Main];
    let credentials = main.credentials.clone().unwrap();
    assert_eq!(
        (credentials.username.as_str(), credentials.password.reveal()),
        ("us@er", "p:ss/hunter2")
    );
    assert_eq!(main.url.to_string(), "rtsp://192.0.2.1/1");

    let open = good(&camera("username = \"v\""));
    assert_eq!(
        open.cameras[0].streams[&StreamName::Main]
            .credentials
            .clone()
            .unwrap()
            .password
            .reveal(),
        ""
    );
}

#[test]
fn variables_work_in_any_text() {
    let config = good(&camera("name = \"$${X}\"\nmain.stall_after = \"${SECONDS}\""));
    assert_eq!(config.cameras[0].name, "${X}");
    assert_eq!(config.cameras[0].streams[&StreamName::Main].stall_after.as_secs(), 7);
}

#[test]
fn no_secret_is_ever_shown() {
    for text in [
        url("rtsp://admin:hunter2@[192.0.2.1/1"),
        url("rtsp://admin:hun#hunter2@192.0.2.1/1"),
        url("rtsp://admin:hun/hunter2@192.0.2.1/1"),
        url("rtsp://admin:a@hunter2@192.0.2.1:x/1"),
        url("admin:hunter2@192.0.2.1"),
        url("ftp://h/?user=admin&password=hunter2&x=1"),
        url("rtsp://h:99999/user=admin_password=hunter2_channel=1"),
        url("srt://192.0.2.1?passphrase=hunter2"),
        url("rtsp://u:${GATE_PASSWORD}@192.0.2.1:port/1"),
        camera("password = \"hunter2\""),
        camera(
            "record.mode = \"${GATE_PASSWORD}\"\nmain.transport = \"${GATE_PASSWORD}\"\nrecord.streams = [\"${GATE_PASSWORD}\"]",
        ),
        camera("id2 = \"hunter2\"\npassword = [\"hunter2\"]"),
        camera("password = \"hunter2"),
    ] {
        let answer = problems(&text).join("\n");
        assert!(!answer.is_empty(), "{text}");
        assert!(!answer.contains("hunter2"), "{answer}");
    }
    let config = good(&(url("rtsp://h/?user=a&pwd=hunter2") + "username = \"v\"\npassword = \"hunter2\""));
    assert!(!format!("{config:?}").contains("hunter2"));
    assert!(
        config.cameras[0].streams[&StreamName::Main]
            .url
            .to_string()
            .contains("hunter2")
    );
}

#[test]
fn what_is_odd_is_a_warning() {
    assert_eq!(warnings(GOOD), [""; 0]);
    let text = camera(
        "record.event_streams = [\"main\"]\nrecord.pre_alarm = \"2s\"\n[[camera]]\nid = \"b\"\nmain.url = \"rtsp://192.0.2.1/1\"",
    );
    assert_eq!(
        warnings(&text),
        [
            "line 9: camera[0] \"gate\".record.pre_alarm: no effect: motion, sensor and analytics are off",
            "line 12: camera[1] \"b\".main.url: same address as a stream of camera \"gate\"",
        ]
    );
    assert!(warnings(&disk("keep_free = \"1 MiB\"\n"))[0].contains("less than 64 MiB"));
}

#[test]
fn other_ways_to_write_tables_are_the_same() {
    let inline = "disk = [{ id = \"d1\", path = \"/srv/d1\" }]\n\
                  camera = [{ id = \"gate\", main = { url = \"rtsp://192.0.2.1/1\" } }]";
    assert_eq!(good(inline), good(GOOD));
    assert_eq!(good(&format!("\u{feff}{}", GOOD.replace('\n', "\r\n"))), good(GOOD));
}

#[test]
fn a_file_is_loaded_with_its_name_in_front_of_every_problem() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vigie.toml");
    assert!(matches!(Config::load(&path), Err(LoadError::Unreadable { .. })));
    std::fs::write(&path, "[serve]\nx = 1\n").unwrap();
    let error = Config::load(&path).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{}: line 1: serve: unknown key \"serve\", did you mean \"server\"?",
            path.display()
        )
    );
    assert_eq!(error.kind(), crate::ErrorKind::Misconfigured);
}

#[test]
fn a_secret_in_a_file_open_to_all_is_a_warning() {
    use std::{fs, os::unix::fs::PermissionsExt};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vigie.toml");
    fs::write(&path, camera("username = \"v\"\npassword = \"hunter2\"")).unwrap();
    for (mode, expected) in [(0o644, 1), (0o640, 0)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(Config::load(&path).unwrap().1.len(), expected, "{mode:o}");
    }
}

#[test]
fn the_reference_is_valid() {
    let config = good(REFERENCE);
    assert_eq!(config.cameras.len(), 2);
    assert_eq!(warnings(REFERENCE), [""; 0]);
}

/// `# key = value` becomes `key = value`.
fn uncommented(text: &str) -> String {
    let is_key = |line: &str| {
        line.split_once(" = ")
            .is_some_and(|(key, _)| !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    };
    let lines = text
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|line| is_key(line)).unwrap_or(line));
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn the_reference_is_valid_with_every_example_taken() {
    let text = uncommented(REFERENCE);
    let config = good(&text);
    // What the comments call default is.
    let plain = good(REFERENCE);
    let server = crate::Server {
        hsts: None,
        base_path: String::new(),
        trusted_proxies: Vec::new(),
        certificate: crate::CertificateSource::default(),
        access: crate::Access::default(),
        ..config.server.clone()
    };
    assert_eq!(server, plain.server);
    assert_eq!(config.snapshots, plain.snapshots);
    let gate = |config: &Config| {
        let mut camera = config.cameras[0].clone();
        (camera.record.max_age, camera.record.min_age) = (None, None);
        camera.motion.area = Vec::new();
        camera
    };
    assert_eq!(gate(&config), gate(&plain));
    assert_eq!(config.disks[0].keep_free_bytes, plain.disks[0].keep_free_bytes);
    assert_eq!(config.disks[0].tick, plain.disks[0].tick);
    assert_eq!(config.cameras[0].record.max_age.unwrap().as_secs(), 30 * 86_400);
    assert_eq!(config.cameras[0].record.min_age.unwrap().as_secs(), 7 * 86_400);
    assert!(matches!(
        config.cameras[1].streams[&StreamName::Sub].tls,
        Tls::Fingerprint(_)
    ));
}

/// What `make install` puts in place, as it is and with its examples taken.
#[test]
fn the_first_configuration_is_valid() {
    let first = include_str!("../../../systemd/vigie.toml");
    assert!(good(first).cameras.is_empty());
    let tables = first.replace("# [", "[");
    assert_eq!(good(&uncommented(&tables)).cameras.len(), 1);
}

/// The keys of a table are taken from what the reader says when it meets an unknown one.
#[test]
fn the_reference_shows_every_key() {
    let text = uncommented(REFERENCE);
    for table in [
        "[server]",
        "[mqtt]",
        "[[schedule]]",
        "[[disk]]",
        "[snapshots]",
        "[[camera]]",
        "[camera.main]",
        "[camera.record]",
        "[camera.motion]",
        "[[input]]",
        "[[output]]",
        "[buzzer]",
        "[email]",
        "[[recipient]]",
        "[[push]]",
        "[[rule]]",
    ] {
        let asked = text.replacen(&format!("\n{table}\n"), &format!("\n{table}\nqqqqqqqqqq = 1\n"), 1);
        let answer = problems(&asked);
        let (_, keys) = answer[0].split_once("expected one of ").unwrap();
        for key in keys.split(", ") {
            let shown = text.contains(&format!("\n{key} = "))
                || ["camera", "server"]
                    .iter()
                    .any(|of| text.contains(&format!("[{of}.{key}]")));
            assert!(shown, "{table} {key}");
        }
    }
}

/// Edits at the level of characters: the mistakes people and editors make.
fn mutated() -> impl Strategy<Value = String> {
    let edit = (
        any::<prop::sample::Index>(),
        0usize..12,
        "[\\[\\]{}=\"'.,#$a-z0-9\\n \\\\é]{0,6}",
    );
    prop::collection::vec(edit, 1..12).prop_map(|edits| {
        let mut text: Vec<char> = uncommented(REFERENCE)
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(|line| line.chars().chain(['\n']))
            .collect();
        for (at, removed, inserted) in edits {
            let start = at.index(text.len() + 1);
            let end = (start + removed).min(text.len());
            text.splice(start..end, inserted.chars());
        }
        text.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_mutation_is_answered_in_lines(text in mutated()) {
        if let Err(problems) = Config::parse(&text, &lookup) {
            prop_assert!(!problems.0.is_empty());
            let lines = text.lines().count().max(1) + 1;
            for problem in &problems.0 {
                prop_assert!((1..=lines).contains(&problem.line), "{problem}");
                prop_assert!(!problem.to_string().contains('\n'), "{problem}");
                prop_assert!(!problem.text.contains("hunter2"), "{problem}");
            }
        }
    }

    #[test]
    fn any_text_is_answered(text: String) {
        let _ = Config::parse(&text, &lookup);
    }

    #[test]
    fn any_address_is_answered_and_redacted(user in "[a-z]{1,8}", password in "[A-Z0-9@:/#?&=%é]{6,20}", tail: String) {
        let text = format!("rtsp://{user}:{password}@host/{}", tail.replace('@', ""));
        let shown = crate::redact_url(&text);
        prop_assert!(!shown.contains(&password), "{shown}");
        let _ = crate::parse_source_url(&text);
    }
}

#[test]
fn an_unknown_secret_is_spared_and_nothing_else() {
    let spared = |name: &str| name != "OTHER";
    let parse = |text: &str| Config::parse_sparing(text, &|_| None, &spared);
    for (fields, name) in [
        ("username = \"u\"\npassword = \"${LOST}\"", "LOST"),
        ("sub.url = \"rtsp://u:${A-1}@192.0.2.7/2\"", "A-1"),
    ] {
        let (config, warnings) = parse(&camera(fields)).unwrap();
        assert_eq!(config.unknown_secrets.iter().collect::<Vec<_>>(), [name]);
        let told = warnings
            .iter()
            .filter(|told| told.text.contains(&format!("variable ${{{name}}} is neither")));
        assert_eq!(told.count(), 1, "{warnings:?}");
        // Read again, nothing is another.
        assert_eq!(parse(&camera(fields)).unwrap().0, config);
    }
    for fields in [
        "username = \"${LOST}\"",
        "username = \"u\"\npassword = \"${OTHER}\"",
        "sub.url = \"rtsp://${LOST}/2\"",
        "name = \"${LOST}\"",
    ] {
        let problems = parse(&camera(fields)).unwrap_err();
        assert!(
            problems.to_string().contains("is neither a systemd credential"),
            "{fields}: {problems}"
        );
    }
}
