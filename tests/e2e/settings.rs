//! The configuration, changed over HTTP while the recorder runs.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use crate::{
    house::{Answer, House, Setup, USER},
    recording::cameras,
};

const TOKEN: &str = "0123456789abcdef";

fn ask(house: &House, method: &str, path: &str, body: &Value) -> Answer {
    house.send(house.ask_as(USER, method, &format!("/api/v1/config{path}"), body))
}

fn done(answer: Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn a_rule_made_over_http_acts_at_once_and_is_in_the_file() {
    let cameras = cameras(1);
    let house = House::start(&Setup::of(&cameras));
    house.wait_recording("cam0", "main");
    let before = fs::read_to_string(&house.config).unwrap();
    let input = json!({ "kind": "http", "token": TOKEN, "hold": "1s" });
    let changed = done(ask(&house, "put", "/input/door", &input));
    assert_eq!(changed["changes"], json!(["input door: starts anew"]));
    let rule = json!({ "on": ["sensor"], "from": ["door"], "popup_message": true });
    done(ask(&house, "put", "/rule/night", &rule));
    // Answered when it is in force: the very next contact is acted on.
    let told = house.post_with_token("/api/v1/inputs/door", TOKEN, "");
    assert_eq!(told.status, 200, "{}", told.text());
    let page = house.event_page("kind=sensor");
    let event = &page["events"][0];
    assert_eq!(event["actions"][0]["rule"], "night", "{event}");
    // Secrets stay where they are kept.
    let shown = done(ask(&house, "get", "/input/door", &json!(null)));
    assert_eq!(shown["token"], "${INPUT_DOOR_TOKEN}");
    let mut same = shown;
    same["hold"] = "2s".into();
    done(ask(&house, "put", "/input/door", &same));
    assert_eq!(house.post_with_token("/api/v1/inputs/door", TOKEN, "").status, 200);
    let text = fs::read_to_string(&house.config).unwrap();
    assert!(text.starts_with(before.trim_end()) && !text.contains(TOKEN), "{text}");
    // The camera was not disturbed.
    assert_eq!(house.recordings("cam0", "main").gaps, []);
    done(ask(&house, "delete", "/rule/night", &json!(null)));
    done(ask(&house, "delete", "/input/door", &json!(null)));
    assert_eq!(fs::read_to_string(&house.config).unwrap().trim_end(), before.trim_end());
    assert_eq!(house.post_with_token("/api/v1/inputs/door", TOKEN, "").status, 401);
}

#[test]
fn what_is_wrong_is_said_and_changes_nothing() {
    let house = House::start(&Setup::default());
    let before = fs::read_to_string(&house.config).unwrap();
    let refused = ask(
        &house,
        "put",
        "/rule/night",
        &json!({ "on": ["sensr"], "from": ["dor"], "push": ["*"] }),
    );
    assert_eq!(refused.status, 422, "{}", refused.text());
    let problems = refused.json()["problems"].clone();
    assert!(problems[1]["path"] == "rule[0] \"night\".on[0]", "{problems}");
    assert!(
        problems[1]["text"]
            .as_str()
            .unwrap()
            .contains("did you mean \"sensor\""),
        "{problems}"
    );
    assert_eq!(problems.as_array().unwrap().len(), 2, "{problems}");
    for (method, path, body, status) in [
        ("put", "/rule/night", json!([]), 400),
        ("put", "/rule/night", json!({ "id": "day", "on": ["sensor"] }), 400),
        ("put", "/rule/night", json!({ "on": ["sensor"], "name": null }), 400),
        ("put", "/passwords/x", json!({}), 404),
        ("put", "/rule", json!({}), 404),
        ("get", "/rule/night", json!(null), 404),
        ("delete", "/rule/night", json!(null), 404),
        ("delete", "/buzzer", json!(null), 404),
    ] {
        let answer = ask(&house, method, path, &body);
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text());
    }
    let tried = done(ask(
        &house,
        "put",
        "/server?try_only=true",
        &json!({ "name": "x", "state_dir": "/tmp/x", "http": "127.0.0.1:1" }),
    ));
    let changes = tried["changes"].to_string();
    assert!(
        changes.contains("server.http: when Vigie is started again"),
        "{changes}"
    );
    assert_eq!(fs::read_to_string(&house.config).unwrap(), before);
}

#[test]
fn who_was_overtaken_is_told() {
    let house = House::start(&Setup::default());
    let read = ask(&house, "get", "", &json!(null));
    let tag = read.header("etag").to_owned();
    let buzzer = |tag: &str, duration: &str| {
        let request = house.ask_as(
            USER,
            "put",
            "/api/v1/config/buzzer",
            &json!({ "kind": "sound", "duration": duration }),
        );
        house.send(request.header("if-match", tag))
    };
    let first = buzzer(&tag, "5s");
    assert_eq!(first.status, 200, "{}", first.text());
    let second = buzzer(&tag, "6s");
    assert_eq!((second.status, &second.json()["code"]), (412, &"stale".into()));
    assert_eq!(buzzer(first.header("etag"), "6s").status, 200);
    assert_eq!(done(ask(&house, "get", "/buzzer", &json!(null)))["duration"], "6s");
}

fn api(house: &House, method: &str, path: &str, body: &Value) -> Answer {
    house.send(house.ask_as(USER, method, &format!("/api/v1/{path}"), body))
}

#[test]
fn every_configuration_is_kept_and_one_click_goes_back() {
    let cameras = cameras(2);
    let house = House::start(&Setup::of(&cameras));
    house.wait_recording("cam0", "main");
    let versions = || done(api(&house, "get", "config-history", &json!(null)));
    let first = crate::house::wait_for("the first version", crate::house::PATIENCE, || {
        versions().as_array().unwrap().first().cloned()
    });
    assert_eq!((&first["by"], &first["current"]), (&json!(null), &json!(true)));
    let before = fs::read_to_string(&house.config).unwrap();
    // By a page, then by hand.
    let camera = done(ask(&house, "get", "/camera/cam0", &json!(null)));
    let called = house.camera("cam0")["name"].clone();
    let mut renamed = camera.clone();
    renamed["name"] = "Gate".into();
    let tried = done(ask(&house, "put", "/camera/cam0?try_only=true", &renamed));
    assert_eq!(tried["restarts"], json!([]), "{tried}");
    done(ask(&house, "put", "/camera/cam0", &renamed));
    let mut disabled = renamed.clone();
    disabled["enabled"] = false.into();
    let tried = done(ask(&house, "put", "/camera/cam0?try_only=true", &disabled));
    assert!(
        tried["restarts"][0]
            .as_str()
            .unwrap()
            .contains("recording and live pictures end"),
        "{tried}"
    );
    let input = json!({ "kind": "http", "token": TOKEN });
    done(ask(&house, "put", "/input/door", &input));
    let by_hand = fs::read_to_string(&house.config).unwrap() + "\n[buzzer]\nkind = \"sound\"\n";
    fs::write(&house.config, by_hand).unwrap();
    let list = crate::house::wait_for("four versions", crate::house::PATIENCE, || {
        let list = versions().as_array().unwrap().clone();
        (list.len() == 4).then_some(list)
    });
    let who: Vec<_> = list.iter().map(|version| version["by"].clone()).collect();
    assert_eq!(who, [json!(null), json!(USER), json!(USER), json!(null)]);
    assert_eq!(list[1]["changes"], json!(["input door: starts anew"]));
    assert_eq!(list[0]["changes"], json!(["buzzer"]));
    // Nobody sees a secret, and what going back does is said first.
    let second = format!("config-history/{}", list[1]["id"].as_str().unwrap());
    let shown = done(api(&house, "get", &second, &json!(null)));
    assert!(
        !shown.to_string().contains(TOKEN) && shown["text"].as_str().unwrap().contains("${INPUT_DOOR_TOKEN}"),
        "{shown}"
    );
    assert_eq!(shown["changes"], json!(["buzzer"]));
    let oldest = format!("config-history/{}/restore", first["id"].as_str().unwrap());
    let tried = done(api(&house, "post", &format!("{oldest}?try_only=true"), &json!(null)));
    assert!(tried["changes"].to_string().contains("input door: removed"), "{tried}");
    let read = ask(&house, "get", "", &json!(null));
    let restored = house.send(
        house
            .ask_as(USER, "post", &format!("/api/v1/{oldest}"), &json!(null))
            .header("if-match", read.header("etag")),
    );
    assert_eq!(restored.status, 200, "{}", restored.text());
    assert_eq!(fs::read_to_string(&house.config).unwrap(), before);
    assert_eq!(house.camera("cam0")["name"], called);
    let stale = house.send(
        house
            .ask_as(USER, "post", &format!("/api/v1/{second}/restore"), &json!(null))
            .header("if-match", read.header("etag")),
    );
    assert_eq!(stale.status, 412, "{}", stale.text());
    // The secret comes back with it.
    done(api(&house, "post", &format!("{second}/restore"), &json!(null)));
    assert_eq!(house.post_with_token("/api/v1/inputs/door", TOKEN, "").status, 200);
    for id in ["nope", "01ARZ3NDEKTSV4RRFFQ69G5FAV"] {
        assert_eq!(
            api(&house, "get", &format!("config-history/{id}"), &json!(null)).status,
            404
        );
    }
    assert_eq!(house.recordings("cam1", "main").gaps, []);
}

#[test]
fn the_whole_configuration_is_written_at_once_and_cameras_are_put_in_order() {
    let cameras = cameras(2);
    let house = House::start(&Setup::of(&cameras));
    house.wait_recording("cam0", "main");
    let read = ask(&house, "get", "", &json!(null));
    let mut whole = read.json();
    let same = done(ask(&house, "put", "", &whole));
    assert_eq!((&same["changes"], &same["restarts"]), (&json!([]), &json!([])));
    whole["camera"][0]["name"] = "Gate".into();
    whole["server"]["name"] = "Hall".into();
    let changed = done(ask(&house, "put", "", &whole));
    assert_eq!(changed["changes"].as_array().unwrap().len(), 2, "{changed}");
    assert_eq!(house.camera("cam0")["name"], "Gate");
    let refused = ask(&house, "put", "", &json!({ "camera": [{ "id": "x" }] }));
    assert_eq!(refused.status, 422, "{}", refused.text());
    let order = |ids: Value| api(&house, "post", "camera-order", &json!({ "ids": ids }));
    assert_eq!(order(json!(["cam1"])).status, 400);
    let moved = done(order(json!(["cam1", "cam0"])));
    assert_eq!(moved["changes"], json!(["cameras: another order"]));
    let shown = house.get("/api/v1/cameras").json();
    assert_eq!((&shown[0]["id"], &shown[1]["id"]), (&json!("cam1"), &json!("cam0")));
    for name in ["cam0", "cam1"] {
        assert_eq!(house.recordings(name, "main").gaps, []);
    }
}

#[test]
fn secrets_set_over_http_are_kept_out_of_the_file() {
    let mut house = House::start(&Setup::default());
    let by_hand = "\n[[input]]\nid = \"gate\"\nkind = \"http\"\ntoken = \"fedcba9876543210\" # by hand\n";
    let before = fs::read_to_string(&house.config).unwrap();
    fs::write(&house.config, before + by_hand).unwrap();
    let opened = |house: &House, input: &str, token: &str| {
        let path = format!("/api/v1/inputs/{input}");
        house.post_with_token(&path, token, "").status
    };
    crate::house::wait_for("the input of the file", crate::house::PATIENCE, || {
        (opened(&house, "gate", "fedcba9876543210") == 200).then_some(())
    });
    let other = "another-456789abcdef";
    for token in [TOKEN, other] {
        let input = json!({ "kind": "http", "token": token });
        let tried = done(ask(&house, "put", "/input/door?try_only=true", &input));
        assert!(!tried.to_string().contains(token), "{tried}");
        done(ask(&house, "put", "/input/door", &input));
        assert_eq!(opened(&house, "door", token), 200);
    }
    let text = fs::read_to_string(&house.config).unwrap();
    assert!(text.ends_with("token = \"${INPUT_DOOR_TOKEN_2}\"\n"), "{text}");
    assert!(text.contains(by_hand.trim()), "{text}");
    let kept = house.root.join("state/secrets.toml");
    let mode = fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(fs::read_to_string(&kept).unwrap().contains(other));
    // Also after a start, and where one goes back to what has another.
    house.terminate();
    house.run();
    assert_eq!(
        (opened(&house, "door", other), opened(&house, "door", TOKEN)),
        (200, 401)
    );
    let versions = done(api(&house, "get", "config-history", &json!(null)));
    let one_before = format!("config-history/{}/restore", versions[1]["id"].as_str().unwrap());
    done(api(&house, "post", &one_before, &json!(null)));
    assert_eq!(
        (opened(&house, "door", other), opened(&house, "door", TOKEN)),
        (401, 200)
    );
    // A file that is damaged is said, and nothing is changed over it.
    fs::write(&kept, "no TOML at all").unwrap();
    let refused = ask(
        &house,
        "put",
        "/input/door",
        &json!({ "kind": "http", "token": "a-third-3456789abcd" }),
    );
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.text().contains("secrets.toml"), "{}", refused.text());
    assert_eq!(fs::read_to_string(&kept).unwrap(), "no TOML at all");
}
