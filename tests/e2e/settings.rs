//! The configuration, changed over HTTP while the recorder runs.

use std::fs;

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
    // Secrets stay in the file.
    let shown = done(ask(&house, "get", "/input/door", &json!(null)));
    assert_eq!(shown["token"], "***");
    let mut same = shown;
    same["hold"] = "2s".into();
    done(ask(&house, "put", "/input/door", &same));
    assert_eq!(house.post_with_token("/api/v1/inputs/door", TOKEN, "").status, 200);
    let text = fs::read_to_string(&house.config).unwrap();
    assert!(text.starts_with(before.trim_end()) && text.contains(TOKEN), "{text}");
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
