//! Who may do what.

use crate::{
    house::{House, Setup, USER},
    recording::cameras,
};

#[test]
fn the_tree_is_the_administrators() {
    let cameras = cameras(1);
    let house = House::start(&Setup::of(&cameras));
    house.add_user("guard", "ordinary");
    house.wait_recording("cam0", "main");
    for path in [
        "/api/v1/cameras",
        "/api/v1/recordings?camera=cam0",
        "/api/v1/system/info",
        "/metrics",
    ] {
        assert_eq!(house.get_as("guard", path).status, 200, "{path}");
    }
    let refused = house.get_as("guard", "/api/v1/system/tree");
    assert_eq!((refused.status, &refused.json()["code"]), (403, &"forbidden".into()));
    assert_eq!(house.get("/api/v1/system/tree").status, 200);
    assert_eq!(house.get_as("nobody", "/api/v1/cameras").status, 401);
}

#[test]
fn footage_is_protected_by_administrators_over_http_and_on_the_command_line() {
    let cameras = cameras(1);
    let house = House::start(&Setup::of(&cameras));
    house.add_user("guard", "ordinary");
    house.wait_recording("cam0", "main");
    let wanted = serde_json::json!({
        "camera": "cam0", "from": "2026-11-20T09:00:00Z", "to": "2026-11-20T10:00:00Z", "note": "theft",
    });
    let refused = house.post_json_as("guard", "/api/v1/locks", &wanted);
    assert_eq!(refused.status, 403, "{}", refused.text());
    let made = house.post_json_as(USER, "/api/v1/locks", &wanted);
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(house.get_as("guard", "/api/v1/locks").json()[0]["by"], USER);
    let listed = house.command(&["lock", "list"]);
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(text.contains(&id) && text.contains("theft"), "{listed:?}");
    assert!(house.command(&["lock", "release", "--id", &id]).status.success());
    assert_eq!(house.get("/api/v1/locks").text(), "[]");
    let mut empty = wanted.clone();
    empty["to"] = wanted["from"].clone();
    assert_eq!(house.post_json_as(USER, "/api/v1/locks", &empty).status, 400);
    let mut two_lines = wanted.clone();
    two_lines["note"] = "one\ntwo".into();
    assert_eq!(house.post_json_as(USER, "/api/v1/locks", &two_lines).status, 400);
    let mut nowhere = wanted;
    nowhere["camera"] = "nowhere".into();
    assert_eq!(house.post_json_as(USER, "/api/v1/locks", &nowhere).status, 404);
    let plan = house.command(&["retention", "plan"]);
    assert!(plan.status.success(), "{plan:?}");
}
