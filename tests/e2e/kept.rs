//! What people and pages keep: tags, layouts, preferences. It outlives kill -9 and a rebuild of the index.

use reqwest::header::{IF_MATCH, IF_NONE_MATCH};
use serde_json::{Value, json};

use crate::{
    house::{Answer, House, Setup, USER},
    recording::cameras,
};

fn ask(house: &House, user: &str, method: &str, path: &str, body: &Value) -> Answer {
    house.send(house.ask_as(user, method, &format!("/api/v1/{path}"), body))
}

fn all(house: &House, user: &str, path: &str) -> Vec<Value> {
    let answer = house.get_as(user, &format!("/api/v1/{path}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().as_array().unwrap().clone()
}

#[test]
fn tags_outlive_a_crash_and_a_rebuild() {
    let cameras = cameras(1);
    let mut house = House::start(&Setup::of(&cameras));
    house.add_user("guard", "ordinary");
    let van = json!({ "camera": "cam0", "at": "2026-11-20T09:41:00Z", "text": "The white van" });
    let van = ask(&house, USER, "post", "tags", &van);
    assert_eq!(van.status, 201, "{}", van.text());
    let van = van.json()["id"].as_str().unwrap().to_owned();
    let test = json!({ "at": "2026-11-20T08:00:00Z", "text": "alarm test" });
    assert_eq!(ask(&house, USER, "post", "tags", &test).status, 201);
    let reworded = ask(
        &house,
        USER,
        "put",
        &format!("tags/{van}"),
        &json!({ "text": "A WHITE van" }),
    );
    assert_eq!(reworded.status, 200, "{}", reworded.text());
    house.kill();
    let rebuilt = house.command(&["index", "rebuild"]);
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    house.run();
    let kept = all(&house, "guard", "tags");
    let words: Vec<_> = kept.iter().map(|tag| tag["text"].as_str().unwrap()).collect();
    assert_eq!(words, ["alarm test", "A WHITE van"]);
    assert_eq!(kept[1]["by"], USER);
    for (query, count) in [
        ("text=white", 1),
        ("text=blue", 0),
        ("camera=cam0", 1),
        ("from=2026-11-20T09:00:00Z", 1),
        ("to=2026-11-20T09:00:00Z", 1),
        ("limit=1", 1),
    ] {
        assert_eq!(all(&house, USER, &format!("tags?{query}")).len(), count, "{query}");
    }
    for (method, path, body, status) in [
        (
            "post",
            "tags".to_owned(),
            json!({ "at": "2026-11-20T08:00:00Z", "text": "" }),
            400,
        ),
        (
            "post",
            "tags".to_owned(),
            json!({ "at": "2026-11-20T08:00:00Z", "text": "x".repeat(121) }),
            400,
        ),
        ("post", "tags".to_owned(), json!({ "at": "now", "text": "x" }), 400),
        (
            "post",
            "tags".to_owned(),
            json!({ "camera": "nope", "at": "2026-11-20T08:00:00Z", "text": "x" }),
            404,
        ),
        ("put", "tags/nope".to_owned(), json!({ "text": "x" }), 404),
        ("delete", format!("tags/{van}"), json!(null), 204),
        ("delete", format!("tags/{van}"), json!(null), 404),
    ] {
        let answer = ask(&house, USER, method, &path, &body);
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text());
    }
}

#[test]
fn layouts_belong_to_who_made_them_and_two_pages_do_not_overwrite_each_other() {
    let mut house = House::start(&Setup::default());
    house.add_user("guard", "ordinary");
    house.add_user("other", "ordinary");
    let layout =
        |windows: u64, shared: bool| json!({ "name": "Door", "body": { "windows": windows }, "shared": shared });
    let put = |house: &House, user: &str, body: &Value, header, value: &str| {
        house.send(
            house
                .ask_as(user, "put", "/api/v1/layouts/door", body)
                .header(header, value),
        )
    };
    let made = put(&house, "guard", &layout(4, false), IF_NONE_MATCH, "*");
    assert_eq!(made.status, 200, "{}", made.text());
    let tag = made.header("etag").to_owned();
    assert_eq!(put(&house, "guard", &layout(9, false), IF_NONE_MATCH, "*").status, 412);
    let changed = put(&house, "guard", &layout(6, true), IF_MATCH, &tag);
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(
        put(&house, "guard", &layout(9, false), IF_MATCH, &tag).json()["code"],
        "stale"
    );
    assert_eq!(
        ask(&house, "other", "put", "layouts/door", &layout(1, false)).status,
        403
    );
    assert_eq!(ask(&house, "other", "delete", "layouts/door", &json!(null)).status, 403);
    house.kill();
    house.run();
    let shown = all(&house, "other", "layouts");
    assert_eq!(
        (&shown[0]["owner"], &shown[0]["body"]["windows"]),
        (&json!("guard"), &json!(6))
    );
    // No longer shared.
    assert_eq!(ask(&house, USER, "put", "layouts/door", &layout(6, false)).status, 200);
    assert!(all(&house, "other", "layouts").is_empty());
    assert_eq!(ask(&house, "other", "delete", "layouts/door", &json!(null)).status, 404);
    assert_eq!(all(&house, "guard", "layouts").len(), 1);
    let long = json!({ "name": "Door", "body": { "x": "y".repeat(17_000) } });
    assert_eq!(ask(&house, "guard", "put", "layouts/long", &long).status, 400);
    assert_eq!(ask(&house, "guard", "delete", "layouts/door", &json!(null)).status, 204);
    assert_eq!(ask(&house, "guard", "delete", "layouts/door", &json!(null)).status, 404);
}

#[test]
fn each_user_has_preferences() {
    let mut house = House::start(&Setup::default());
    house.add_user("guard", "ordinary");
    assert_eq!(house.get_as("guard", "/api/v1/preferences").json(), json!({}));
    let dark = json!({ "theme": "dark", "language": "fr" });
    assert_eq!(ask(&house, "guard", "put", "preferences", &dark).status, 200);
    assert_eq!(ask(&house, "guard", "put", "preferences", &json!([1])).status, 400);
    house.kill();
    house.run();
    assert_eq!(house.get_as("guard", "/api/v1/preferences").json(), dark);
    assert_eq!(house.get("/api/v1/preferences").json(), json!({}));
}
