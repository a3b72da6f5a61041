//! The first start, the second factor, what is written down about people.

use std::time::{SystemTime, UNIX_EPOCH};

use ring::hmac;
use serde_json::{Value, json};

use crate::{
    house::{Answer, House, PASSWORD, PATIENCE, Setup, USER, rfc3339, wait_for},
    recording::cameras,
};

fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

fn sign_in(house: &House, name: &str, code: Option<&str>) -> Answer {
    let body = json!({ "name": name, "password": PASSWORD, "code": code });
    house.send(house.ask("post", "/api/v1/session").json(&body))
}

#[test]
fn the_first_user_is_made_with_the_printed_link_and_once() {
    let mut house = House::prepare(
        &Setup {
            user: false,
            ..Setup::default()
        },
        None,
    );
    house.run();
    let needed = |house: &House| house.send(house.ask("get", "/api/v1/setup")).json()["needed"] == true;
    assert!(needed(&house));
    let printed = |house: &House| {
        let log = house.log();
        let line = log.lines().rfind(|line| line.starts_with("set up http://")).unwrap();
        line.split_once("/setup?link=").unwrap().1.to_owned()
    };
    let first = printed(&house);
    let make = |house: &House, link: &str, name: &str| {
        let body = json!({ "link": link, "name": name, "password": PASSWORD });
        house.send(house.ask("post", "/api/v1/setup").json(&body))
    };
    assert_eq!(make(&house, "guessed", "eve").status, 403);
    // Another one at each start.
    house.terminate();
    house.run();
    let link = wait_for("another link", PATIENCE, || {
        Some(printed(&house)).filter(|link| *link != first)
    });
    assert_eq!(make(&house, &first, "eve").status, 403);
    let weak = json!({ "link": link, "name": "ann", "password": "short" });
    assert_eq!(house.send(house.ask("post", "/api/v1/setup").json(&weak)).status, 400);
    let made = make(&house, &link, "ann");
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json()["group"], "administrator");
    let cookie = cookie_of(&made);
    let users = house.send(house.ask("get", "/api/v1/users").header("cookie", &cookie));
    assert_eq!((users.status, users.json().as_array().unwrap().len()), (200, 1));
    let again = make(&house, &link, "eve");
    assert_eq!((again.status, &again.json()["code"]), (409, &"conflict".into()));
    assert!(!needed(&house));
    house.terminate();
    let lines = house.log().matches("set up http://").count();
    house.run();
    assert!(!needed(&house));
    assert_eq!(
        house.log().matches("set up http://").count(),
        lines,
        "nothing is printed any more"
    );
}

/// What an authenticator shows (RFC 6238) at a time step from now.
fn shown(secret: &str, later: u64) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: Vec<u8> = secret
        .bytes()
        .map(|letter| alphabet.iter().position(|other| *other == letter).unwrap() as u8)
        .flat_map(|five| (0..5).rev().map(move |bit| five >> bit & 1))
        .collect();
    let bytes = bits
        .chunks_exact(8)
        .map(|eight| eight.iter().fold(0u8, |byte, bit| byte << 1 | bit));
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes.collect::<Vec<u8>>());
    let step = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 30 + later;
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let offset = usize::from(tag.as_ref()[19] & 15);
    let word = u32::from_be_bytes(tag.as_ref()[offset..offset + 4].try_into().unwrap());
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

#[test]
fn a_second_factor_is_asked_for_and_no_code_is_good_twice() {
    let house = House::start(&Setup::default());
    house.add_user("ann", "ordinary");
    let cookie = cookie_of(&sign_in(&house, "ann", None));
    let factor = |method: &str, body: Value| {
        let ask = house
            .ask(method, "/api/v1/session/second-factor")
            .header("cookie", &cookie);
        house.send(ask.json(&body))
    };
    assert_eq!(factor("put", json!({ "code": "000000" })).status, 409, "not begun");
    assert_eq!(factor("post", json!({ "password": "wrong password" })).status, 403);
    let told = factor("post", json!({ "password": PASSWORD })).json();
    let secret = told["secret"].as_str().unwrap().to_owned();
    assert!(told["uri"].as_str().unwrap().starts_with("otpauth://totp/"));
    assert_eq!(sign_in(&house, "ann", None).status, 201, "nothing is asked for yet");
    let first = shown(&secret, 0);
    let confirmed = factor("put", json!({ "code": first }));
    assert_eq!(confirmed.status, 200, "{}", confirmed.text());
    let recovery = confirmed.json()["recovery_codes"].as_array().unwrap().clone();
    assert_eq!(recovery.len(), 10);
    let asked = sign_in(&house, "ann", None);
    assert_eq!((asked.status, &asked.json()["code"]), (401, &"code_needed".into()));
    let refused = |code: &str| {
        let answer = sign_in(&house, "ann", Some(code));
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (401, &"code_needed".into()),
            "{code}"
        );
    };
    refused(&first);
    let next = shown(&secret, 1);
    assert_eq!(sign_in(&house, "ann", Some(&next)).status, 201);
    refused(&next);
    let code = recovery[0].as_str().unwrap();
    assert_eq!(sign_in(&house, "ann", Some(code)).status, 201);
    refused(code);
    // The password alone is no way in, wherever.
    let basic = house.get_as("ann", "/api/v1/cameras");
    assert_eq!((basic.status, &basic.json()["code"]), (401, &"code_needed".into()));
    let listed = house.get("/api/v1/users").json();
    assert_eq!(listed[0]["second_factor"], true, "{listed}");
    // The lost authenticator.
    assert!(house.command(&["user", "totp-off", "--name", "ann"]).status.success());
    assert_eq!(sign_in(&house, "ann", None).status, 201);
}

#[test]
fn what_people_see_take_and_change_is_written_down() {
    let cameras = cameras(1);
    let mut house = House::start(&Setup::of(&cameras));
    house.wait_recording("cam0", "main");
    let session = sign_in(&house, USER, None);
    let cookie = cookie_of(&session);
    let wrong = house.get_signed_in(Some(("ghost", "wrong password")), "/api/v1/cameras");
    assert_eq!(wrong.status, 401);
    let from = house.recordings("cam0", "main").segments[0].0;
    let range = format!("from={}&to={}", rfc3339(from), rfc3339(from + 1_000_000));
    for more in ["", "", "&download=true"] {
        let video = house.get(&format!("/api/v1/cameras/cam0/video.mp4?{range}{more}"));
        assert_eq!(video.status, 200, "{}", video.text());
        assert_eq!(
            video.header("content-disposition").starts_with("attachment"),
            !more.is_empty()
        );
    }
    let user = json!({ "name": "ann", "password": PASSWORD, "group": "ordinary" });
    assert_eq!(house.post_json_as(USER, "/api/v1/users", &user).status, 201);
    let put = |path: &str| {
        let body = json!({ "beep": "off" });
        house.send(house.ask_as(USER, "put", path, &body)).status
    };
    // Refused and tried changes are none.
    assert_eq!(put("/api/v1/config/buzzer?try_only=true"), 422);
    assert_eq!(house.post("/api/v1/manual").status, 204);
    assert_eq!(house.post("/api/v1/cameras/cam0/snapshots").status, 201);
    let lock = json!({ "camera": "cam0", "from": "2026-11-20T09:00:00Z", "to": "2026-11-20T10:00:00Z" });
    assert_eq!(house.post_json_as(USER, "/api/v1/locks", &lock).status, 201);
    let deleted = "/api/v1/footage?camera=cam0&from=2020-11-20T09:00:00Z&to=2020-11-20T10:00:00Z";
    assert_eq!(house.delete_as(USER, deleted).status, 200);
    assert_eq!(
        house
            .send(house.ask("delete", "/api/v1/session").header("cookie", &cookie))
            .status,
        204
    );
    assert!(house.command(&["user", "remove", "--name", "ann"]).status.success());
    let kinds = |house: &House| {
        let page = house.get("/api/v1/audit?limit=1000").json();
        let entries = page["entries"].as_array().unwrap().clone();
        let kinds: Vec<String> = entries
            .iter()
            .rev()
            .map(|entry| entry["kind"].as_str().unwrap().to_owned())
            .collect();
        (kinds, entries)
    };
    let mut expected = [
        "users",
        "signed_in",
        "sign_in_refused",
        "played",
        "exported",
        "users",
        "switched",
        "switched",
        "footage_protected",
        "footage_deleted",
        "signed_out",
        "users",
    ];
    expected.sort();
    let entries = wait_for("all entries", PATIENCE, || {
        let (mut kinds, entries) = kinds(&house);
        kinds.sort();
        (kinds == expected).then_some(entries)
    });
    let of = |kind: &str| entries.iter().find(|entry| entry["kind"] == kind).unwrap();
    assert_eq!(
        (&of("exported")["user"], &of("exported")["peer"]),
        (&json!(USER), &json!("127.0.0.1"))
    );
    assert_eq!(of("exported")["camera"], "cam0");
    assert_eq!(of("users")["user"], "command line");
    assert!(
        entries
            .iter()
            .any(|entry| entry["text"] == "user ann added to ordinary"),
        "{entries:?}"
    );
    // Kept over a restart, and asked for in parts.
    house.terminate();
    house.run();
    let some = house.get("/api/v1/audit?kind=users,exported&limit=2").json();
    assert_eq!(some["entries"].as_array().unwrap().len(), 2);
    let next = some["next"].as_str().unwrap();
    let rest = house
        .get(&format!("/api/v1/audit?kind=users,exported&before={next}"))
        .json();
    assert_eq!(rest["entries"].as_array().unwrap().len(), 2);
    assert_eq!(house.get("/api/v1/audit?kind=x").status, 400);
}
