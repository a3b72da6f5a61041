//! Who may reach the recorder by where they are, users bound to addresses, signing out of those who
//! give no input. A trusted proxy on this machine says for whom it asks.

use std::process::Command;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

use crate::{
    house::{Answer, House, PASSWORD, PATIENCE, Setup, USER, wait_for},
    recording::cameras,
    rights::{described, plays},
};

const HOME: &str = "192.0.2.7";
const ELSEWHERE: &str = "203.0.113.9";

fn house(access: &str, setup: Setup) -> House {
    House::start(&setup_with(access, setup))
}

fn setup_with(access: &str, setup: Setup) -> Setup {
    Setup {
        server: format!("trusted_proxies = [\"127.0.0.1\"]\n[server.access]\n{access}"),
        ..setup
    }
}

fn get_from(house: &House, address: &str, path: &str) -> Answer {
    house.get_with(path, &[("x-forwarded-for", address)])
}

fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

fn sign_in(house: &House, name: &str, password: &str, address: &str, stay: bool) -> Answer {
    let body = json!({ "name": name, "password": password, "stay": stay });
    let ask = house.ask("post", "/api/v1/session").header("x-forwarded-for", address);
    house.send(ask.json(&body))
}

fn change(house: &House, address: &str, path: &str, body: &Value) -> Answer {
    let ask = house.ask_as(USER, "put", path, body);
    house.send(ask.header("x-forwarded-for", address))
}

/// The texts of the audit log, newest first.
fn told(house: &House, query: &str) -> Vec<Value> {
    let answer = house.get(&format!("/api/v1/audit?{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["entries"].as_array().unwrap().clone()
}

#[test]
fn who_is_blocked_is_answered_nothing_and_told_of_once() {
    let house = house(
        "allow = [\"192.0.2.0/24\", \"2001:db8::/32\"]\nblock = [\"192.0.2.66\"]",
        Setup::default(),
    );
    for (address, status) in [
        (HOME, 200),
        ("2001:db8::7", 200),
        ("::ffff:192.0.2.7", 200),
        ("192.0.2.66", 403),
        ("::ffff:192.0.2.66", 403),
        (ELSEWHERE, 403),
        // What a proxy says of this machine is no proof of it.
        ("127.0.0.1", 403),
        ("::1", 403),
        ("unknown", 403),
    ] {
        for path in ["/api/v1/session", "/healthz", "/"] {
            let answer = get_from(&house, address, path);
            assert_eq!(answer.status, status, "{address} {path}");
            if status == 403 {
                assert_eq!(answer.json()["code"], "blocked");
            }
            let head = house.ask("head", path).basic_auth(USER, Some(PASSWORD));
            let head = house.send(head.header("x-forwarded-for", address));
            assert_eq!(
                (head.status, head.text()),
                (status, String::new()),
                "HEAD {address} {path}"
            );
        }
    }
    // This machine is never shut out.
    assert_eq!(house.get("/api/v1/session").status, 200);
    let refused = wait_for("what is told", PATIENCE, || {
        let refused = told(&house, "kind=sign_in_refused");
        (refused.len() >= 4).then_some(refused)
    });
    let mut peers: Vec<&str> = refused.iter().filter_map(|entry| entry["peer"].as_str()).collect();
    peers.sort_unstable();
    assert_eq!(peers, ["127.0.0.1", "192.0.2.66", ELSEWHERE, "::1"], "{refused:?}");
}

#[test]
fn whoever_gets_blocked_is_put_out_and_nobody_shuts_themselves_out() {
    let cameras = cameras(1);
    let house = house("", Setup::of(&cameras));
    house.wait_state("cam0", "main", "live", PATIENCE);
    let cookie = cookie_of(&sign_in(&house, USER, PASSWORD, ELSEWHERE, true));
    let url = format!("{}/api/v1/cameras/cam0/live", house.http().replace("http", "ws"));
    let mut request = url.into_client_request().unwrap();
    for (name, value) in [("cookie", cookie.as_str()), ("x-forwarded-for", ELSEWHERE)] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (mut line, _) = runtime.block_on(tokio_tungstenite::connect_async(request)).unwrap();
    let mut server = house.get("/api/v1/config/server").json();
    server["access"] = json!({ "block": ["203.0.113.0/24"] });
    // From there it would be the last change they make.
    let refused = change(&house, ELSEWHERE, "/api/v1/config/server", &server);
    assert_eq!((refused.status, &refused.json()["code"]), (422, &"refused".into()));
    let problem = &refused.json()["problems"][0];
    assert_eq!(problem["path"], "server.access.block");
    assert!(problem["text"].as_str().unwrap().contains(ELSEWHERE), "{problem}");
    let tried = change(
        &house,
        ELSEWHERE,
        "/api/v1/config/server?try_only=true&force=true",
        &server,
    );
    assert_eq!(tried.status, 200, "{}", tried.text());
    let changed = change(&house, HOME, "/api/v1/config/server", &server);
    assert_eq!(changed.status, 200, "{}", changed.text());
    // The picture ends, and so does the session, wherever it is shown then.
    let ended = async {
        while let Some(Ok(message)) = line.next().await {
            if matches!(message, Message::Close(_)) {
                break;
            }
        }
    };
    runtime
        .block_on(async { tokio::time::timeout(PATIENCE, ended).await })
        .expect("still watched");
    let status = |address: &str| {
        let ask = house.ask("get", "/api/v1/session").header("cookie", &cookie);
        house.send(ask.header("x-forwarded-for", address)).status
    };
    assert_eq!((status(ELSEWHERE), status(HOME)), (403, 401));
}

/// From where somebody asks is as the proxies say that are believed.
#[test]
fn nobody_shuts_themselves_out_by_whom_they_believe() {
    let house = house("allow = [\"192.0.2.0/24\"]", Setup::default());
    let put = |server: &Value, query: &str| {
        let ask = house.ask_as(USER, "put", &format!("/api/v1/config/server{query}"), server);
        let ask = ask.header("x-forwarded-for", format!("{ELSEWHERE}, {HOME}"));
        house.send(ask.header("forwarded", format!("for={ELSEWHERE}")))
    };
    let before = house.get("/api/v1/config/server").json();
    for (key, value) in [
        ("trusted_proxies", json!(["127.0.0.1", "192.0.2.0/24"])),
        ("proxy_header", json!("forwarded")),
    ] {
        let mut server = before.clone();
        server[key] = value;
        let refused = put(&server, "");
        assert_eq!(refused.status, 422, "{key}: {}", refused.text());
        let problem = &refused.json()["problems"][0];
        assert_eq!(problem["path"], format!("server.{key}"), "{problem}");
        assert!(problem["text"].as_str().unwrap().contains(ELSEWHERE), "{problem}");
        let forced = put(&server, "?try_only=true&force=true");
        assert_eq!(forced.status, 200, "{key}: {}", forced.text());
    }
    // Whom they believe beside may change.
    let mut server = before.clone();
    server["trusted_proxies"] = json!(["127.0.0.1", "10.0.0.0/8"]);
    let changed = put(&server, "");
    assert_eq!(changed.status, 200, "{}", changed.text());
}

#[test]
fn a_user_who_is_bound_to_addresses_is_nobody_elsewhere() {
    let cameras = cameras(1);
    let house = house("", Setup::of(&cameras));
    house.wait_recording("cam0", "main");
    let ann = json!({ "name": "ann", "password": PASSWORD, "group": "ordinary", "addresses": ["192.0.2.0/24", "02:00:5e:10:00:01"] });
    let made = house.post_json_as(USER, "/api/v1/users", &ann);
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json()["addresses"], json!(["192.0.2.0/24", "02:00:5e:10:00:01"]));
    for wrong in [json!([]), json!(["lobby"])] {
        let body = json!({ "addresses": wrong });
        assert_eq!(change(&house, HOME, "/api/v1/users/ann", &body).status, 400, "{wrong}");
    }
    let at_home = sign_in(&house, "ann", PASSWORD, HOME, true);
    assert_eq!(at_home.status, 201);
    // In the same words as a wrong password, whichever it is.
    let away = sign_in(&house, "ann", PASSWORD, ELSEWHERE, true);
    let wrong = sign_in(&house, "ann", "wrong password", HOME, true);
    assert_eq!((away.status, away.text()), (401, wrong.text()));
    let cookie = cookie_of(&at_home);
    let status = |address: &str| {
        let ask = house.ask("get", "/api/v1/cameras").header("cookie", &cookie);
        house.send(ask.header("x-forwarded-for", address)).status
    };
    assert_eq!((status(HOME), status(ELSEWHERE), status(HOME)), (200, 401, 200));
    // Tokens and Basic alike.
    let token = json!({ "name": "t", "rights": { "house": [], "every_camera": ["live"], "cameras": {} } });
    let ask = house.ask("post", "/api/v1/tokens").header("cookie", &cookie);
    let token = house.send(ask.header("x-forwarded-for", HOME).json(&token));
    assert_eq!(token.status, 201, "{}", token.text());
    let token = token.json()["token"].as_str().unwrap().to_owned();
    for (address, status) in [(HOME, 200), (ELSEWHERE, 401)] {
        let ask = |path| house.ask("get", path).header("x-forwarded-for", address);
        assert_eq!(
            house.send(ask("/api/v1/cameras").bearer_auth(&token)).status,
            status,
            "token at {address}"
        );
        let basic = ask("/api/v1/cameras").basic_auth("ann", Some(PASSWORD));
        assert_eq!(house.send(basic).status, status, "Basic at {address}");
    }
    // RTSP comes from this machine.
    let play = |digest: bool| match digest {
        true => plays(&house, "ann", PASSWORD, "cam0"),
        false => described(&house, "ann", PASSWORD, "cam0") == "200",
    };
    assert!(!play(false) && !play(true));
    let why = wait_for("why", PATIENCE, || {
        let told = told(&house, "kind=sign_in_refused&user=ann");
        (told.len() >= 2).then_some(told)
    });
    for entry in &why {
        assert!(
            entry["text"].as_str().unwrap().contains("bound to other addresses"),
            "{entry}"
        );
    }
    let anywhere = change(&house, HOME, "/api/v1/users/ann", &json!({ "addresses": null }));
    assert_eq!(anywhere.json()["addresses"], Value::Null, "{}", anywhere.text());
    wait_for("a player", PATIENCE, || (play(false) && play(true)).then_some(()));
    // Who plays and is bound to elsewhere is put out, for as long as they are.
    let url = house.rtsp("cam0", "main");
    let credentials = format!("rtsp://ann:{}@", PASSWORD.replace(' ', "%20"));
    let mut player = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-rtsp_transport", "tcp", "-i"])
        .arg(url.replace("rtsp://", &credentials))
        .args(["-c", "copy", "-f", "null", "-"])
        .spawn()
        .unwrap();
    let playing = || {
        let told = told(&house, "kind=watched&user=ann");
        let texts = told.iter().filter_map(|entry| entry["text"].as_str());
        let (ended, begun): (Vec<&str>, Vec<&str>) = texts
            .filter(|text| text.contains("over RTSP"))
            .partition(|text| text.contains("no more"));
        begun.len().saturating_sub(ended.len())
    };
    wait_for("the player", PATIENCE, || (playing() == 1).then_some(()));
    let bound = change(
        &house,
        HOME,
        "/api/v1/users/ann",
        &json!({ "addresses": ["192.0.2.0/24"] }),
    );
    assert_eq!(bound.status, 200, "{}", bound.text());
    wait_for("its end", PATIENCE, || player.try_wait().unwrap());
    wait_for("what is told of it", PATIENCE, || (playing() == 0).then_some(()));
    // Nobody binds themselves to where they are not.
    let self_bound = change(
        &house,
        HOME,
        &format!("/api/v1/users/{USER}"),
        &json!({ "addresses": ["10.0.0.0/8"] }),
    );
    assert_eq!(self_bound.status, 409, "{}", self_bound.text());
}

#[test]
fn whoever_gives_no_input_is_signed_out_whatever_their_page_asks() {
    let house = house("idle_sign_out = \"1h\"", Setup::default());
    let session = |cookie: &str| house.send(house.ask("get", "/api/v1/session").header("cookie", cookie));
    let signed_in = sign_in(&house, USER, PASSWORD, HOME, false);
    let body = signed_in.json();
    assert_eq!(body["idle_minutes"], 60.0, "{body}");
    let first = body["idle_left_s"].as_u64().unwrap();
    let stays = sign_in(&house, USER, PASSWORD, HOME, true);
    assert_eq!(stays.json()["idle_minutes"], Value::Null);
    let (cookie, stays) = (cookie_of(&signed_in), cookie_of(&stays));
    let left = |cookie: &str| session(cookie).json()["idle_left_s"].as_u64();
    // Questions do not count; input does.
    let less = wait_for("time that goes by", PATIENCE, || {
        left(&cookie).filter(|left| left + 2 <= first)
    });
    let ask = house.ask("post", "/api/v1/session/input").header("cookie", &cookie);
    let given = house.send(ask).json();
    assert!(given["idle_left_s"].as_u64().unwrap() > less, "{given}");
    assert_eq!(left(&stays), None);
    // A much shorter time leaves who is there a minute, and nobody else.
    let mut server = house.get("/api/v1/config/server").json();
    server["access"]["idle_sign_out"] = "10s".into();
    let shorter = change(&house, HOME, "/api/v1/config/server", &server);
    assert_eq!(shorter.status, 200, "{}", shorter.text());
    let spared = left(&cookie).unwrap();
    assert!((11..=60).contains(&spared), "{spared}");
    let another = sign_in(&house, USER, PASSWORD, HOME, false);
    assert!(
        another.json()["idle_left_s"].as_u64().unwrap() <= 10,
        "{}",
        another.text()
    );
    // And at last it ends.
    let another = cookie_of(&another);
    wait_for("the end", PATIENCE, || (session(&another).status == 401).then_some(()));
    assert_eq!(session(&stays).status, 200);
    wait_for("what is told", PATIENCE, || {
        let told = told(&house, "kind=signed_out");
        told.iter()
            .any(|entry| entry["text"].as_str().unwrap().contains("no input"))
            .then_some(())
    });
}
