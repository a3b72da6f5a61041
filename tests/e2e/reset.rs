//! A recorder that is given away: everything that was set up is forgotten, footage is not.

use std::fs;

use serde_json::json;

use crate::{
    house::{House, PASSWORD, Setup, USER},
    recording::cameras,
};

/// Words that must be nowhere below the state folder afterwards.
const SECRETS: [&str; 2] = ["three words of hers", "0123456789abcdef"];

/// A recorder where much is set up.
fn lived_in() -> (vigie_fake_camera::FakeCameras, House) {
    let cameras = cameras(1);
    let mut setup = Setup::of(&cameras);
    setup.cameras[0].segment = "2s";
    let house = House::start(&setup);
    house.wait_recording("cam0", "main");
    house.add_user("guard", "ordinary");
    let put = |path: &str, body| {
        let answer = house.send(house.ask_as(USER, "put", path, &body));
        assert!([200, 201].contains(&answer.status), "{path}: {}", answer.text());
    };
    put(
        "/api/v1/config/input/door",
        json!({ "kind": "http", "token": "0123456789abcdef" }),
    );
    let wall = json!({ "name": "three words of hers", "body": {}, "shared": true });
    put("/api/v1/layouts/hall", wall);
    put("/api/v1/preferences", json!({ "note": "three words of hers" }));
    let tag = json!({ "at": "2026-11-20T09:00:00Z", "text": "three words of hers" });
    assert_eq!(house.post_json_as(USER, "/api/v1/tags", &tag).status, 201);
    (cameras, house)
}

/// Nothing of what was set up is in a file any more; who reads `secrets.toml` for it finds none.
fn is_forgotten(house: &House) {
    let mut folders = vec![house.root.join("state")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // Its names are facts of the past, which stay.
            if ["audit", "events", "index"]
                .iter()
                .any(|kept| path.to_string_lossy().contains(kept))
            {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if !path.is_file() {
                continue;
            }
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            let found = SECRETS.iter().find(|secret| text.contains(**secret));
            assert_eq!(found, None, "{}", path.display());
        }
    }
    let config = fs::read_to_string(&house.config).unwrap();
    assert!(
        config.contains("[[disk]]") && !config.contains("[[camera]]"),
        "{config}"
    );
}

#[test]
fn a_recorder_that_runs_is_made_as_new() {
    let (_cameras, house) = lived_in();
    let token = json!({ "name": "t", "rights": { "house": ["system"], "every_camera": [], "cameras": {} } });
    let token = house.post_json_as(USER, "/api/v1/tokens", &token).json()["token"].clone();
    let reset = |user: &str, password: &str| {
        let body = json!({ "password": password });
        house.post_json_as(user, "/api/v1/factory-reset", &body)
    };
    assert_eq!(reset("guard", PASSWORD).status, 403);
    let refused = reset(USER, "not hers");
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert_eq!(house.get("/api/v1/cameras").json().as_array().unwrap().len(), 1);
    let done = reset(USER, PASSWORD);
    assert_eq!(done.status, 200, "{}", done.text());
    let link = done.json()["setup"].as_str().unwrap().to_owned();
    is_forgotten(&house);
    assert_eq!(house.get("/api/v1/cameras").status, 401);
    let with_token = house
        .ask("get", "/api/v1/system/tree")
        .bearer_auth(token.as_str().unwrap());
    assert_eq!(house.send(with_token).status, 401);
    // The next owner comes by the link, and finds the footage.
    let owner = json!({ "link": link.split_once("link=").unwrap().1, "name": USER, "password": PASSWORD });
    let made = house.send(house.ask("post", "/api/v1/setup").json(&owner));
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(house.get("/api/v1/cameras").json(), json!([]));
    let footage = house.get("/api/v1/footage").json();
    assert!(footage.to_string().contains("cam0"), "{footage}");
    let history = house.get("/api/v1/config-history").json();
    assert_eq!(history.as_array().unwrap().len(), 1, "{history}");
    let audit = house.get("/api/v1/audit").json();
    assert!(audit.to_string().contains("factory reset"), "{audit}");
}

#[test]
fn a_recorder_that_does_not_run_is_made_as_new() {
    let (_cameras, mut house) = lived_in();
    let busy = house.command(&["reset", "--yes"]);
    assert_eq!(busy.status.code(), Some(1), "{busy:?}");
    house.terminate();
    let unsure = house.command(&["reset"]);
    assert_eq!(unsure.status.code(), Some(2), "{unsure:?}");
    let done = house.command(&["reset", "--yes"]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    is_forgotten(&house);
}
