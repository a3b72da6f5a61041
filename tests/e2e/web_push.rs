//! Browsers: what they are sent they can open, and nobody else.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature;
use serde_json::{Value, json};

use crate::{
    house::{Browser, Endpoint, House, PATIENCE, USER, wait_for},
    notify::{house_with, tell, wait_action},
};

#[test]
fn a_browser_opens_what_it_is_sent_and_one_that_is_gone_is_forgotten() {
    let service = Endpoint::start();
    let tables =
        "[[push]]\nid = \"browsers\"\nkind = \"web_push\"\ncontact = \"mailto:ann@example.org\"\nmerge = \"0s\"\n";
    let mut house = House::start(&house_with(tables, "push = [\"browsers\"]"));
    house.add_user("guard", "ordinary");
    let nobody = tell(&house, "nobody listens");
    let action = wait_action(&house, &nobody, "push", "failed");
    assert!(
        action["detail"].as_str().unwrap().contains("no browser has asked"),
        "{action}"
    );

    let key = house.get_as("guard", "/api/v1/push/vapid").json()["public_key"]
        .as_str()
        .unwrap()
        .to_owned();
    let (browser, gone) = (Browser::new(), Browser::new());
    let subscribe = |user: &str, browser: &Browser, path: &str| {
        let wanted = browser.subscription(&format!("{}{path}", service.url));
        let answer = house.post_json_as(user, "/api/v1/push/subscriptions", &wanted);
        assert_eq!(answer.status, 201, "{}", answer.text());
    };
    subscribe("guard", &browser, "/here");
    subscribe(USER, &gone, "/gone");
    let mut bad = browser.subscription("http://192.0.2.1/");
    assert_eq!(
        house.post_json_as("guard", "/api/v1/push/subscriptions", &bad).status,
        400
    );
    bad["endpoint"] = json!("https://push.example.org/x");
    bad["keys"]["auth"] = json!("short");
    assert_eq!(
        house.post_json_as("guard", "/api/v1/push/subscriptions", &bad).status,
        400
    );
    let seen = |user: &str| {
        house
            .get_as(user, "/api/v1/push/subscriptions")
            .json()
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!((seen("guard"), seen(USER)), (1, 2));

    service.answer(|asked| {
        if asked.path == "/gone" {
            "410 Gone"
        } else {
            "201 Created"
        }
    });
    // Over a kill -9: the browsers and the key are the same.
    house.kill();
    house.run();
    let event = tell(&house, "told 7.");
    wait_action(&house, &event, "push", "done");
    wait_for("the one that is gone to be forgotten", PATIENCE, || {
        let all = house.get("/api/v1/push/subscriptions").json();
        (all.as_array().unwrap().len() == 1).then_some(())
    });
    let asked = service.asked().into_iter().find(|asked| asked.path == "/here").unwrap();
    assert_eq!(asked.headers["content-encoding"], "aes128gcm");
    assert_eq!(asked.headers["ttl"], "3600");
    let payload = browser.open(&asked.body);
    assert!(payload["body"].as_str().unwrap().contains("told 7."), "{payload}");
    assert_eq!(payload["id"].as_str().unwrap(), asked.headers["topic"]);
    let told = &payload["event"];
    assert_eq!(
        (&told["id"], &told["source"]),
        (&json!(event), &json!("house")),
        "{payload}"
    );
    let page = house.event_page("kind=external&limit=1");
    assert_eq!(told["at"], page["events"][0]["start"], "{payload}");
    let (token, public) = asked.headers["authorization"]
        .strip_prefix("vapid t=")
        .unwrap()
        .split_once(", k=")
        .unwrap();
    assert_eq!(public, key);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
    signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, decode(public))
        .verify(signed.as_bytes(), &decode(signature))
        .unwrap();
    let claims: Value = serde_json::from_slice(&decode(signed.split_once('.').unwrap().1)).unwrap();
    assert_eq!(
        (&claims["aud"], &claims["sub"]),
        (&json!(service.url), &json!("mailto:ann@example.org"))
    );

    let id = house.get_as("guard", "/api/v1/push/subscriptions").json()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v1/push/subscriptions/{id}");
    house.add_user("other", "ordinary");
    assert_eq!(house.delete_as("other", &path).status, 404);
    assert_eq!(house.delete_as("guard", &path).status, 204);
    house.terminate();
}

#[test]
fn what_waits_for_a_user_is_not_told_to_a_namesake() {
    let service = Endpoint::start();
    let tables =
        "[[push]]\nid = \"browsers\"\nkind = \"web_push\"\ncontact = \"mailto:ann@example.org\"\nmerge = \"0s\"\n";
    let mut house = House::start(&house_with(tables, "push = [\"browsers\"]"));
    house.add_user("guard", "ordinary");
    let wanted = Browser::new().subscription(&format!("{}/here", service.url));
    let answer = house.post_json_as("guard", "/api/v1/push/subscriptions", &wanted);
    assert_eq!(answer.status, 201, "{}", answer.text());
    service.answer(|_| "503 Service Unavailable");
    let event = tell(&house, "told 1.");
    wait_for("a failed attempt", PATIENCE, || {
        let status = house.get("/api/v1/push").json()[0].clone();
        status["error"].as_str()?.contains("503").then_some(())
    });
    let error = house.get("/api/v1/push").json()[0]["error"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(error.contains(&service.url) && !error.contains("/here"), "{error}");

    let removed = house.command(&["user", "remove", "--name", "guard"]);
    assert!(removed.status.success(), "{removed:?}");
    house.add_user("guard", "ordinary");
    service.answer(|_| "201 Created");
    let before = service.asked().len();
    let action = wait_action(&house, &event, "push", "failed");
    let detail = action["detail"].as_str().unwrap();
    assert!(detail.contains("guard may not see this any more"), "{detail}");
    let next = tell(&house, "told 2.");
    wait_action(&house, &next, "push", "failed");
    assert_eq!(service.asked().len(), before);
    assert_eq!(house.get_as("guard", "/api/v1/push/subscriptions").json(), json!([]));
    house.terminate();
}
