//! Certificates and TLS: the recorder's own, uploaded ones, files; redirects, both IPs, slow clients.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::house::{Answer, House, PASSWORD, PATIENCE, Setup, USER, certificate, client_builder, wait_for};

const OWN: &str = "https = \"127.0.0.1:0\"";

fn setup(server: &str) -> Setup {
    Setup {
        server: server.into(),
        ..Setup::default()
    }
}

/// A client that trusts the certificates of a PEM file and nobody else, and follows nothing.
pub fn client(trusted: &Path) -> reqwest::Client {
    let pem = fs::read(trusted).unwrap();
    let trusted = reqwest::Certificate::from_pem_bundle(&pem).unwrap();
    client_builder()
        .tls_certs_only(trusted)
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .build()
        .unwrap()
}

impl House {
    /// GET as the tester by a client of the test's own.
    pub fn get_by(&self, client: &reqwest::Client, url: &str) -> Answer {
        self.send(client.get(url).basic_auth(USER, Some(PASSWORD)))
    }

    pub fn certificate(&self) -> Value {
        self.get("/api/v1/certificate").json()
    }

    fn own_certificate(&self) -> std::path::PathBuf {
        self.root.join("state/tls/own.pem")
    }
}

#[test]
fn its_own_certificate_serves_and_stays() {
    let mut house = House::start(&setup(&format!(
        "{OWN}\nhsts = \"30d\"\n[server.certificate]\nkind = \"own\"\nnames = [\"vigie.lan\"]"
    )));
    let pinned = client(&house.own_certificate());
    let page = format!("{}/api/v1/cameras", house.https());
    let answer = house.get_by(&pinned, &page);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("strict-transport-security"), "max-age=2592000");
    assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
    let policy = answer.header("content-security-policy").to_owned();
    assert!(
        policy.contains("frame-ancestors 'none'") && policy.contains("object-src 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    let plain = house.get("/api/v1/cameras");
    assert_eq!((plain.status, plain.header("strict-transport-security")), (200, ""));
    let shown = house.certificate();
    assert_eq!(
        (&shown["source"], &shown["error"]),
        (&json!("own"), &json!(null)),
        "{shown}"
    );
    let names = shown["names"].as_array().unwrap();
    for name in ["vigie.lan", "localhost", "127.0.0.1", "::1"] {
        assert!(names.contains(&json!(name)), "{shown}");
    }
    let mut stranger = house.get_by(&client_builder().build().unwrap(), &page);
    assert_eq!(stranger.status, 0, "trusted by everybody: {}", stranger.text());
    house.terminate();
    house.run();
    let page = format!("{}/api/v1/cameras", house.https());
    assert_eq!(house.certificate()["fingerprint"], shown["fingerprint"]);
    stranger = house.get_by(&pinned, &page);
    assert_eq!(stranger.status, 200, "after another start: {}", stranger.text());
}

#[test]
fn a_session_by_tls_is_kept_to_it() {
    let house = House::start(&setup(OWN));
    let pinned = client(&house.own_certificate());
    let sign_in = |client: &reqwest::Client, origin: &str, from: Option<&str>| {
        let body = json!({ "name": USER, "password": PASSWORD });
        let mut request = client.post(format!("{origin}/api/v1/session")).json(&body);
        if let Some(page) = from {
            request = request.header("origin", page);
        }
        house.send(request)
    };
    let answer = sign_in(&pinned, house.https(), Some(house.https()));
    let cookie = answer.header("set-cookie").to_owned();
    assert!(
        cookie.starts_with("__Host-vigie_session=") && cookie.contains("; Secure"),
        "{cookie}"
    );
    assert!(cookie.contains("Path=/;") || cookie.ends_with("Path=/"), "{cookie}");
    let value = cookie.split(';').next().unwrap();
    let cameras = |cookie: &str| {
        let request = pinned.get(format!("{}/api/v1/cameras", house.https()));
        house.send(request.header("cookie", cookie)).status
    };
    assert_eq!(cameras(value), 200);
    // What was planted over an unencrypted address has no prefix.
    assert_eq!(cameras(value.trim_start_matches("__Host-")), 401);
    let unencrypted = house.https().replace("https", "http");
    assert_eq!(sign_in(&pinned, house.https(), Some(&unencrypted)).status, 403);
    let plain = sign_in(&pinned, house.http(), Some(house.http()));
    let cookie = plain.header("set-cookie");
    assert!(
        cookie.starts_with("vigie_session=") && !cookie.contains("Secure"),
        "{cookie}"
    );
}

#[test]
fn what_comes_unencrypted_is_sent_on() {
    let house = House::start(&setup(&format!("{OWN}\nhttp_redirect = true")));
    let pinned = client(&house.own_certificate());
    let to = |path: &str| {
        let answer = house.get_by(&pinned, &format!("{}{path}", house.http()));
        (answer.status, answer.header("location").to_owned())
    };
    let port = house.https().rsplit_once(':').unwrap().1.to_owned();
    let target = format!("https://127.0.0.1:{port}/events?kind=motion");
    assert_eq!(to("/events?kind=motion"), (308, target));
    assert_eq!(to("/healthz").0, 200);
    assert_eq!(to("/readyz").0, 200);
    assert_eq!(to("/.well-known/acme-challenge/x").0, 404);
    let answer = house.get_by(&pinned, &format!("{}/api/v1/cameras", house.https()));
    assert_eq!(answer.status, 200);
    // What a client says of itself is not believed.
    let request = pinned
        .get(format!("{}/", house.http()))
        .header("x-forwarded-proto", "https");
    assert_eq!(house.send(request).status, 308);
}

/// Two authorities, each with a certificate for 127.0.0.1.
fn authorities(folder: &Path) -> [[String; 3]; 2] {
    ["first", "second"].map(|name| {
        let folder = folder.join(name);
        fs::create_dir(&folder).unwrap();
        certificate(&folder)
    })
}

#[test]
fn files_are_taken_up_when_they_change() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = authorities(folder.path());
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    let put = |[_, certificate, private]: &[String; 3]| {
        fs::copy(certificate, &chain).unwrap();
        fs::copy(private, &key).unwrap();
    };
    put(&first);
    let source = format!("{OWN}\n[server.certificate]\nkind = \"files\"\nchain = {chain:?}\nkey = {key:?}");
    let house = House::start(&setup(&source));
    let page = format!("{}/healthz", house.https());
    // A new client each time: one that was there before goes on with its session of TLS.
    let by = |[authority, ..]: &[String; 3]| house.get_by(&client(Path::new(authority)), &page).status;
    assert_eq!(by(&first), 200);
    assert_eq!(by(&second), 0);
    put(&second);
    wait_for("the second certificate", PATIENCE, || {
        (by(&second) == 200).then_some(())
    });
    assert_eq!(by(&first), 0);
    fs::write(&chain, "torn").unwrap();
    wait_for("a complaint", PATIENCE, || {
        let error = house.certificate()["error"].as_str()?.to_owned();
        error.contains("no certificate").then_some(())
    });
    assert_eq!(by(&second), 200);
    let tree = house.get("/api/v1/system/tree").text();
    assert!(tree.contains("no certificate"), "{tree}");
    put(&first);
    wait_for("the first certificate again", PATIENCE, || {
        (by(&first) == 200).then_some(())
    });
    assert_eq!(house.certificate()["error"], json!(null));
}

#[test]
fn an_uploaded_certificate_is_checked_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = authorities(folder.path());
    let mut house = House::start(&setup(OWN));
    house.add_user("guard", "ordinary");
    let text = |path: &str| fs::read_to_string(path).unwrap();
    let put = |user: &str, certificate: &str, key: &str| {
        let body = json!({ "certificate": certificate, "key": key });
        house.send(house.ask_as(user, "put", "/api/v1/certificate", &body))
    };
    let refused = put(USER, &text(&first[1]), &text(&second[2]));
    assert_eq!(refused.status, 400);
    assert!(
        refused.text().contains("not the first certificate's"),
        "{}",
        refused.text()
    );
    assert_eq!(put("guard", &text(&first[1]), &text(&first[2])).status, 403);
    let taken = put(USER, &text(&first[1]), &text(&first[2]));
    assert_eq!(
        (taken.status, &taken.json()["source"]),
        (200, &json!("uploaded")),
        "{}",
        taken.text()
    );
    assert!(!taken.text().contains("PRIVATE"));
    // A new client each time: one that was there before goes on with its session of TLS.
    let trusting = || client(Path::new(&first[0]));
    assert_eq!(
        house.get_by(&trusting(), &format!("{}/healthz", house.https())).status,
        200
    );
    house.terminate();
    house.run();
    let page = format!("{}/healthz", house.https());
    assert_eq!(house.get_by(&trusting(), &page).status, 200);
    assert_eq!(house.certificate()["source"], "uploaded");
    assert_eq!(house.delete_as(USER, "/api/v1/certificate").json()["source"], "own");
    assert_eq!(house.get_by(&trusting(), &page).status, 0);
    assert_eq!(house.get_by(&client(&house.own_certificate()), &page).status, 200);
    assert_eq!(house.delete_as(USER, "/api/v1/certificate").status, 404);
}

#[test]
fn one_listener_serves_ipv4_and_ipv6() {
    let mut setup = setup("https = [\"127.0.0.1:0\", \"[::1]:0\"]");
    setup.http = "\"[::]:0\"".into();
    let house = House::start(&setup);
    let port = house.http().rsplit_once(':').unwrap().1.to_owned();
    let pinned = client(&house.own_certificate());
    for host in ["127.0.0.1", "[::1]"] {
        let url = format!("http://{host}:{port}/api/v1/cameras");
        assert_eq!(house.get_by(&pinned, &url).status, 200, "{host}");
    }
    let addresses: Value = serde_json::from_slice(&fs::read(house.root.join("state/addresses.json")).unwrap()).unwrap();
    let https = addresses["https"].as_array().unwrap();
    assert_eq!(https.len(), 2);
    for address in https {
        let url = format!("https://{}/api/v1/cameras", address.as_str().unwrap());
        assert_eq!(house.get_by(&pinned, &url).status, 200, "{url}");
    }
}

/// How long it takes until the other end hangs up.
fn until_hung_up(mut stream: TcpStream) -> Duration {
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let start = Instant::now();
    let mut heard = Vec::new();
    match stream.read_to_end(&mut heard) {
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => panic!("not hung up: {error}"),
        _ => start.elapsed(),
    }
}

#[test]
fn who_says_nothing_is_hung_up_on() {
    let house = House::start(&setup(OWN));
    let address = |url: &str| url.rsplit_once('/').unwrap().1.parse::<SocketAddr>().unwrap();
    let silent = TcpStream::connect(address(house.https())).unwrap();
    let mut halting = TcpStream::connect(address(house.http())).unwrap();
    halting.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-").unwrap();
    std::thread::scope(|scope| {
        let waits = [silent, halting].map(|stream| scope.spawn(|| until_hung_up(stream)));
        for wait in waits {
            let time = wait.join().unwrap();
            assert!(time < Duration::from_secs(30), "hung up after {time:?}");
        }
    });
}

#[test]
fn who_never_greets_holds_up_nobody() {
    let house = House::start(&setup(OWN));
    let address: SocketAddr = house.https().rsplit_once('/').unwrap().1.parse().unwrap();
    let silent: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(address).unwrap()).collect();
    let asked = house.ask("get", "/healthz");
    assert_eq!(house.send(asked).status, 200);
    // Answered beside them, not after they were hung up on.
    for mut stream in silent {
        stream.set_nonblocking(true).unwrap();
        let still = stream.read(&mut [0]).unwrap_err();
        assert_eq!(still.kind(), std::io::ErrorKind::WouldBlock);
    }
}

#[test]
fn one_address_holds_so_many_connections() {
    const MOST: usize = 256;
    let house = House::start(&Setup::default());
    let address: SocketAddr = house.http().rsplit_once('/').unwrap().1.parse().unwrap();
    let answers = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        let mut status = [0; 12];
        asked
            .and_then(|()| stream.read_exact(&mut status))
            .is_ok_and(|()| &status == b"HTTP/1.1 200")
    };
    // None is asked before all are there: an answered one is hung up on after a while.
    let mut held: Vec<TcpStream> = (0..=MOST).map(|_| TcpStream::connect(address).unwrap()).collect();
    let served = held
        .iter_mut()
        .filter_map(|stream| answers(stream).then_some(()))
        .count();
    // Those that asked whether it is ready may not have been seen to be gone.
    assert!((MOST - 8..=MOST).contains(&served), "{served}");
    drop(held);
    wait_for("a free place", PATIENCE, || {
        answers(&mut TcpStream::connect(address).unwrap()).then_some(())
    });
}
