//! Behind nginx and Caddy, configured as docs/network.md says.

use std::{fs, net::IpAddr, path::Path, process::Command};

use serde_json::json;

use crate::{
    acme::{Helper, free_port},
    house::{Cam, House, PASSWORD, PATIENCE, Setup, USER, certificate, visit, wait_for},
    recording::cameras,
    tls::client,
};

const DOCUMENT: &str = include_str!("../../docs/network.md");

/// The example in this language.
fn example(language: &str) -> &'static str {
    let begin = format!("```{language}\n");
    let (_, rest) = DOCUMENT.split_once(&begin).unwrap();
    rest.split_once("\n```").unwrap().0
}

/// What the document tells to configure; all on ports of today.
fn house(setup: Setup) -> House {
    let keys = example("toml")
        .lines()
        .filter(|line| !line.starts_with(['[']) && !line.starts_with("http ="));
    House::start(&Setup {
        server: keys.collect::<Vec<_>>().join("\n"),
        ..setup
    })
}

fn replaced(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in the example");
        text.replace(from, to)
    })
}

struct Proxy {
    _helper: Helper,
    origin: String,
}

fn nginx(folder: &Path, house: &House) -> Proxy {
    let [_, chain, key] = certificate(folder);
    let port = free_port();
    let server = replaced(
        example("nginx"),
        &[
            ("listen 443 ssl", &format!("listen 127.0.0.1:{port} ssl")),
            ("/etc/ssl/fullchain.pem", &chain),
            ("/etc/ssl/privkey.pem", &key),
            ("127.0.0.1:8080", house.http().trim_start_matches("http://")),
        ],
    );
    let at = folder.display();
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {at}/{name};\n"))
        .collect();
    let text = format!(
        "daemon off;\nmaster_process off;\npid {at}/nginx.pid;\nerror_log {at}/error.log;\nevents {{}}\n\
         http {{\naccess_log off;\n{paths}{server}\n}}\n"
    );
    let config = folder.join("nginx.conf");
    fs::write(&config, text).unwrap();
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-e").arg(folder.join("early.log")).arg("-c").arg(&config);
    Proxy {
        _helper: Helper::start(&mut command, &folder.join("nginx.log")),
        origin: format!("https://127.0.0.1:{port}"),
    }
}

fn caddy(folder: &Path, house: &House) -> Proxy {
    let port = free_port();
    let site = replaced(
        example("caddy"),
        &[
            ("recorder.example.org", &format!("http://127.0.0.1:{port}")),
            ("127.0.0.1:8080", house.http().trim_start_matches("http://")),
        ],
    );
    let config = folder.join("Caddyfile");
    fs::write(&config, format!("{{\n    admin off\n    auto_https off\n}}\n{site}\n")).unwrap();
    let mut command = Command::new("caddy");
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(&config)
        .env("HOME", folder);
    Proxy {
        _helper: Helper::start(&mut command, &folder.join("caddy.log")),
        origin: format!("http://127.0.0.1:{port}"),
    }
}

/// The first line of what a WebSocket's request is answered.
fn socket(url: &str, origin: &str) -> String {
    let output = Command::new("curl")
        .args([
            "--insecure",
            "--http1.1",
            "--silent",
            "--include",
            "--no-buffer",
            "--max-time",
            "5",
        ])
        .args(["-u", &format!("{USER}:{PASSWORD}")])
        .args(["-H", "Connection: Upgrade", "-H", "Upgrade: websocket"])
        .args([
            "-H",
            "Sec-WebSocket-Version: 13",
            "-H",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        ])
        .args(["-H", &format!("Origin: {origin}"), url])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().unwrap_or_default().to_owned()
}

/// Everything that must hold behind any proxy.
fn works_behind(proxy: &Proxy, house: &House, client: &reqwest::Client, secure: bool) {
    let at = |path: &str| format!("{}/vigie{path}", proxy.origin);
    wait_for("the proxy", PATIENCE, || {
        (house.get_by(client, &at("/readyz")).status == 200).then_some(())
    });
    let page = house.get_by(client, &at("/cameras/gate"));
    assert_eq!(page.status, 200);
    assert!(page.text().contains("<base href=\"/vigie/\""), "{}", page.text());
    let sign_in = |origin: &str| {
        let body = json!({ "name": USER, "password": PASSWORD });
        house.send(client.post(at("/api/v1/session")).header("origin", origin).json(&body))
    };
    let answer = sign_in(&proxy.origin);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let cookie = answer.header("set-cookie").to_owned();
    assert_eq!(cookie.starts_with("__Secure-"), secure, "{cookie}");
    assert_eq!(cookie.contains("; Secure"), secure, "{cookie}");
    assert!(cookie.contains("Path=/vigie/"), "{cookie}");
    let with_cookie = client
        .get(at("/api/v1/cameras"))
        .header("cookie", cookie.split(';').next().unwrap());
    assert_eq!(house.send(with_cookie).status, 200);
    assert_eq!(sign_in("https://evil.example").status, 403);
    // The address of the proxy's other side is not ours for browsers.
    assert_eq!(sign_in(house.http()).status, 403);
    let live = at("/api/v1/events/live");
    assert!(
        socket(&live, &proxy.origin).contains(" 101 "),
        "{}",
        socket(&live, &proxy.origin)
    );
    assert!(socket(&live, "https://evil.example").contains(" 403 "));
    assert_eq!(
        house.get_by(client, &format!("{}/api/v1/cameras", house.http())).status,
        404
    );
}

/// Whom a wrong password was told of.
fn told_of(house: &House, client: &reqwest::Client, origin: &str, invented: &str) -> String {
    let request = client
        .get(format!("{origin}/vigie/api/v1/cameras"))
        .header("x-forwarded-for", invented)
        .header("forwarded", format!("for={invented}"))
        .basic_auth(format!("thief-{invented}"), Some("wrong"));
    assert_eq!(house.send(request).status, 401);
    let asked = format!("{}/vigie/api/v1/events?kind=illegal_access", house.http());
    let own = crate::house::client_builder()
        .pool_max_idle_per_host(0)
        .build()
        .unwrap();
    wait_for("the event", PATIENCE, || {
        let events = house.get_by(&own, &asked).json();
        let of = events["events"]
            .as_array()?
            .iter()
            .find(|event| event.to_string().contains(&format!("thief-{invented}")))?;
        Some(of["payload"]["from"].as_str()?.to_owned())
    })
}

#[test]
fn behind_nginx_below_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(Setup::default());
    let proxy = nginx(folder.path(), &house);
    let trusting = client(&folder.path().join("ca.pem"));
    works_behind(&proxy, &house, &trusting, true);
    // Loopback is all the proxies' here, so strangers come from elsewhere on it.
    let stranger = |address: [u8; 4]| {
        let pem = fs::read(folder.path().join("ca.pem")).unwrap();
        let builder =
            crate::house::client_builder().tls_certs_only(reqwest::Certificate::from_pem_bundle(&pem).unwrap());
        let builder = builder.local_address(IpAddr::from(address)).pool_max_idle_per_host(0);
        builder.build().unwrap()
    };
    assert_eq!(
        told_of(&house, &stranger([127, 0, 0, 2]), &proxy.origin, "203.0.113.5"),
        "127.0.0.2"
    );
    assert_eq!(
        told_of(&house, &stranger([127, 0, 0, 3]), house.http(), "203.0.113.6"),
        "127.0.0.3"
    );
    // From a trusted address the word of a proxy counts.
    assert_eq!(
        told_of(&house, &stranger([127, 0, 0, 1]), house.http(), "203.0.113.7"),
        "203.0.113.7"
    );
}

#[test]
fn behind_caddy_below_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(Setup::default());
    let proxy = caddy(folder.path(), &house);
    let plain = crate::house::client_builder()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .build()
        .unwrap();
    works_behind(&proxy, &house, &plain, false);
}

#[test]
fn pages_behind_nginx_in_chromium() {
    let folder = tempfile::tempdir().unwrap();
    let cameras = cameras(1);
    let mut house = house(Setup::new(cameras.names().map(|name| Cam::of(&cameras, name))));
    let proxy = nginx(folder.path(), &house);
    let trusting = client(&folder.path().join("ca.pem"));
    wait_for("a live camera", PATIENCE, || {
        let answer = house.get_by(&trusting, &format!("{}/vigie/api/v1/cameras", proxy.origin));
        (answer.status == 200 && answer.json()[0]["state"] == "live").then_some(())
    });
    let (seen, content) = visit(
        "below_a_path.mjs",
        &format!("{}/vigie/", proxy.origin),
        USER,
        PASSWORD,
        &[],
    );
    house.terminate();
    assert!(content, "{seen}");
}
