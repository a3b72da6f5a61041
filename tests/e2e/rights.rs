//! Who may do what.

use std::io::{Read, Write};

use base64::Engine;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    client::IntoClientRequest,
    http::{HeaderValue, header::AUTHORIZATION},
};

use crate::{
    house::{Answer, House, PASSWORD, PATIENCE, Setup, USER, shown, wait_for},
    recording::cameras,
};

/// What an operation needs, written down here once more: `-` nothing, `signed in`, `person` (no API
/// token), a right of the house, or one with the camera it is about.
const NEEDS: &[(&str, &str)] = &[
    ("get /healthz", "-"),
    ("get /readyz", "-"),
    ("post /api/v1/session", "-"),
    ("delete /api/v1/session", "-"),
    ("get /api/v1/session", "signed in"),
    ("get /api/v1/setup", "-"),
    ("get /api/v1/previews", "-"),
    ("get /api/v1/previews/{id}.jpg", "-"),
    ("post /api/v1/setup", "-"),
    ("put /api/v1/session/password", "person"),
    ("post /api/v1/session/input", "signed in"),
    ("post /api/v1/session/second-factor", "person"),
    ("put /api/v1/session/second-factor", "person"),
    ("delete /api/v1/session/second-factor", "person"),
    ("get /api/v1/sessions", "person"),
    ("delete /api/v1/sessions/{id}", "person"),
    ("get /api/v1/tokens", "person"),
    ("post /api/v1/tokens", "person"),
    ("delete /api/v1/tokens/{id}", "person"),
    ("get /api/v1/users", "users"),
    ("post /api/v1/users", "users"),
    ("put /api/v1/users/{name}", "users"),
    ("delete /api/v1/users/{name}", "users"),
    ("get /api/v1/groups", "users"),
    ("put /api/v1/groups/{name}", "users"),
    ("delete /api/v1/groups/{name}", "users"),
    ("get /api/v1/audit", "users"),
    ("get /api/v1/cameras", "signed in"),
    ("get /api/v1/cameras/{id}/live", "live"),
    ("get /api/v1/cameras/{id}/motion", "live"),
    ("get /api/v1/cameras/{id}/snapshot.jpg", "live"),
    (
        "get /api/v1/cameras/{id}/snapshot.jpg?at=2026-11-20T09:00:00Z",
        "playback",
    ),
    (
        "get /api/v1/cameras/{id}/snapshot.jpg?%61t=2026-11-20T09:00:00Z",
        "playback",
    ),
    ("get /api/v1/cameras/{id}/video.mp4", "playback"),
    ("get /api/v1/cameras/{id}/video.mp4?download=true", "export"),
    ("post /api/v1/cameras/{id}/snapshots", "record"),
    ("post /api/v1/cameras/{id}/manual", "record"),
    ("delete /api/v1/cameras/{id}/manual", "record"),
    ("post /api/v1/manual", "alarms"),
    ("delete /api/v1/manual", "alarms"),
    ("get /api/v1/recordings", "playback"),
    ("get /api/v1/timeline", "playback"),
    ("get /api/v1/tags", "playback"),
    ("post /api/v1/tags", "protect"),
    ("put /api/v1/tags/{id}", "protect"),
    ("delete /api/v1/tags/{id}", "protect"),
    ("get /api/v1/layouts", "signed in"),
    ("put /api/v1/layouts/{id}", "person"),
    ("delete /api/v1/layouts/{id}", "person"),
    ("get /api/v1/preferences", "signed in"),
    ("put /api/v1/preferences", "person"),
    ("get /api/v1/footage", "signed in"),
    ("delete /api/v1/footage", "delete"),
    ("get /api/v1/footage/deletions", "delete"),
    ("get /api/v1/locks", "signed in"),
    ("post /api/v1/locks", "protect"),
    ("delete /api/v1/locks/{id}", "protect"),
    ("get /api/v1/snapshots", "signed in"),
    ("get /api/v1/snapshots/{id}.jpg", "playback"),
    ("delete /api/v1/snapshots/{id}.jpg", "delete"),
    ("get /api/v1/events", "signed in"),
    ("post /api/v1/events", "alarms"),
    ("get /api/v1/events/live", "signed in"),
    ("get /api/v1/inputs", "signed in"),
    ("post /api/v1/inputs/{id}", "alarms"),
    ("get /api/v1/outputs", "signed in"),
    ("post /api/v1/outputs/{id}", "alarms"),
    ("post /api/v1/outputs/{id}/test", "alarms"),
    ("get /api/v1/buzzer", "signed in"),
    ("post /api/v1/buzzer/test", "alarms"),
    ("post /api/v1/buzzer/silence", "signed in"),
    ("get /api/v1/recipients", "configure"),
    ("post /api/v1/recipients/{id}/test", "configure"),
    ("get /api/v1/push", "configure"),
    ("post /api/v1/push/{id}/test", "configure"),
    ("get /api/v1/push/vapid", "signed in"),
    ("get /api/v1/push/subscriptions", "person"),
    ("post /api/v1/push/subscriptions", "person"),
    ("delete /api/v1/push/subscriptions/{id}", "person"),
    ("get /api/v1/config", "configure"),
    ("get /api/v1/config/{table}", "configure"),
    ("put /api/v1/config/{table}", "configure"),
    ("delete /api/v1/config/{table}", "configure"),
    ("get /api/v1/config/{table}/{id}", "configure"),
    ("put /api/v1/config/{table}/{id}", "configure"),
    ("delete /api/v1/config/{table}/{id}", "configure"),
    ("put /api/v1/config", "configure"),
    ("get /api/v1/config-history", "configure"),
    ("get /api/v1/config-history/{id}", "configure"),
    ("post /api/v1/config-history/{id}/restore", "configure"),
    ("post /api/v1/camera-order", "configure"),
    ("post /api/v1/probe", "configure"),
    ("post /api/v1/backup", "configure and users"),
    ("post /api/v1/restore", "configure and users"),
    ("post /api/v1/factory-reset", "configure and users"),
    ("post /api/v1/disks/{id}/create-folder", "configure"),
    ("post /api/v1/disks/{id}/prepare", "configure"),
    ("post /api/v1/disks/{id}/adopt", "configure"),
    ("post /api/v1/disks/{id}/retire", "configure"),
    ("post /api/v1/disks/{id}/release", "configure"),
    ("get /api/v1/log", "system"),
    ("get /api/v1/certificate", "configure"),
    ("put /api/v1/certificate", "configure"),
    ("delete /api/v1/certificate", "configure"),
    ("get /api/v1/system/tree", "system"),
    ("get /api/v1/system/capacity", "system"),
    ("get /api/v1/system/info", "signed in"),
    ("get /metrics", "system"),
];
/// Routes that are no part of the description of the API.
const UNDESCRIBED: [(&str, &str); 1] = [("get /api/v1/openapi.json", "signed in")];

/// Who asks, and what they have: rights, and the cameras that they may see.
struct Role {
    name: &'static str,
    rights: &'static [&'static str],
    sees_all: bool,
}

const ROLES: [Role; 6] = [
    Role {
        name: "nobody",
        rights: &[],
        sees_all: false,
    },
    Role {
        name: "ordinary",
        rights: &["signed in", "person", "live", "playback"],
        sees_all: true,
    },
    Role {
        name: "advanced",
        rights: &[
            "signed in",
            "person",
            "alarms",
            "system",
            "live",
            "playback",
            "export",
            "record",
            "protect",
        ],
        sees_all: true,
    },
    Role {
        name: USER,
        rights: &[
            "signed in",
            "person",
            "alarms",
            "system",
            "configure",
            "users",
            "configure and users",
            "live",
            "playback",
            "export",
            "record",
            "protect",
            "delete",
        ],
        sees_all: true,
    },
    Role {
        name: "one-camera",
        rights: &["signed in", "person", "live", "playback"],
        sees_all: false,
    },
    // Of the administrator.
    Role {
        name: "token",
        rights: &["signed in", "system", "live", "record"],
        sees_all: false,
    },
];
const ALARMS: &str = r#"
[[input]]
id = "x"
kind = "http"
token = "0123456789abcdef"
[[output]]
id = "x"
kind = "http"
on = "http://127.0.0.1:9/on"
"#;

/// A request that is whole enough to get as far as the rights.
fn body(operation: &str, camera: &str) -> Value {
    match operation {
        "post /api/v1/events" => json!({ "kind": "external" }),
        "post /api/v1/locks" => {
            json!({ "camera": camera, "from": "2026-11-20T09:00:00Z", "to": "2026-11-20T10:00:00Z", "note": "" })
        }
        "post /api/v1/outputs/{id}" => json!({ "on": false }),
        "post /api/v1/session" => json!({ "name": "ordinary", "password": PASSWORD }),
        "post /api/v1/tags" => json!({ "camera": camera, "at": "2026-11-20T09:00:00Z", "text": "x" }),
        "post /api/v1/camera-order" => json!({ "ids": [] }),
        "post /api/v1/probe" => json!({ "url": "nothing" }),
        "put /api/v1/tags/{id}" => json!({ "text": "x" }),
        "put /api/v1/certificate" => json!({ "certificate": "", "key": "" }),
        _ => json!({}),
    }
}

/// Where an operation is asked of a camera, or of something else there is.
fn place(operation: &str, template: &str, camera: &str) -> String {
    let id = match template {
        _ if template.contains("/cameras/") => camera.to_owned(),
        "/api/v1/snapshots/{id}.jpg" => format!("{camera}.20200101T000000.000Z-by-hand"),
        _ => "x".to_owned(),
    };
    let place = template.replace("{id}", &id).replace("{name}", "x");
    let place = place.replace("{table}/x", "rule/x").replace("{table}", "buzzer");
    match operation {
        "delete /api/v1/footage" | "get /api/v1/recordings" => {
            format!("{place}?camera={camera}&from=2026-11-20T09:00:00Z&to=2026-11-20T10:00:00Z")
        }
        "get /api/v1/timeline" => {
            format!("{place}?cameras={camera}&from=2026-11-20T09:00:00Z&to=2026-11-20T10:00:00Z")
        }
        "get /api/v1/tags" => format!("{place}?camera={camera}"),
        _ => place,
    }
}

/// Whether a request is about a camera, and says which.
fn names_a_camera(operation: &str) -> bool {
    operation.contains("/cameras/{id}")
        || operation.contains("/snapshots/{id}.jpg")
        || [
            "delete /api/v1/footage",
            "get /api/v1/recordings",
            "get /api/v1/timeline",
            "get /api/v1/tags",
            "post /api/v1/tags",
            "post /api/v1/locks",
        ]
        .contains(&operation)
}

/// A recorder with cam0 and cam1, everybody of [`ROLES`], and the text of the token.
fn house_of_all(cameras: &vigie_fake_camera::FakeCameras) -> (House, String) {
    let mut setup = Setup::of(cameras);
    setup.more = ALARMS.into();
    for camera in &mut setup.cameras {
        camera.segment = "2s";
    }
    let house = House::start(&setup);
    house.add_user("ordinary", "ordinary");
    house.add_user("advanced", "advanced");
    let one = json!({ "name": "one-camera", "password": PASSWORD, "group": "ordinary", "cameras": ["cam0"] });
    let made = house.post_json_as(USER, "/api/v1/users", &one);
    assert_eq!(made.status, 201, "{}", made.text());
    let rights = json!({ "house": ["system"], "every_camera": [], "cameras": { "cam0": ["live", "record"] } });
    let token = house.post_json_as(USER, "/api/v1/tokens", &json!({ "name": "test", "rights": rights }));
    assert_eq!(token.status, 201, "{}", token.text());
    let token = token.json()["token"].as_str().unwrap().to_owned();
    (house, token)
}

#[test]
fn every_route_asks_every_role_for_the_right_it_needs() {
    let cameras = cameras(2);
    let (house, token) = house_of_all(&cameras);
    house.wait_recording("cam0", "main");
    house.wait_recording("cam1", "main");
    let described = house.get("/api/v1/openapi.json").json();
    let described = described["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys();
        methods
            .map(move |method| format!("{method} {path}"))
            .collect::<Vec<_>>()
    });
    let mut described: Vec<String> = described.collect();
    let mut table: Vec<String> = NEEDS
        .iter()
        .map(|(one, _)| one.split('?').next().unwrap().to_owned())
        .collect();
    described.sort();
    table.sort();
    table.dedup();
    assert_eq!(described, table, "every route is in the table, and no other");
    let asked = |role: &Role, operation: &str, camera: &str| {
        let (method, template) = operation.split_once(' ').unwrap();
        let (place, body) = (place(operation, template, camera), body(operation, camera));
        house.send(match role.name {
            "nobody" => house.ask(method, &place).json(&body),
            "token" => house.ask(method, &place).bearer_auth(&token).json(&body),
            user => house.ask_as(user, method, &place, &body),
        })
    };
    let (mut checks, mut wrong) = (0, Vec::new());
    for (operation, need) in NEEDS.iter().chain(&UNDESCRIBED) {
        for role in &ROLES {
            let by_alarms = *need == "record" && role.rights.contains(&"alarms");
            let may = *need == "-" || role.rights.contains(need) || by_alarms;
            let expected = match may {
                true => "anything else",
                false if role.rights.is_empty() => "401",
                false => "403",
            };
            let answer = asked(role, operation, "cam0");
            let seen = match answer.status {
                401 | 403 => answer.status.to_string(),
                _ => "anything else".to_owned(),
            };
            checks += 1;
            // Wrong credentials of a body that signs in are something else than none.
            if seen != expected {
                wrong.push(format!(
                    "{operation} as {}: {expected}, not {}: {}",
                    role.name,
                    answer.status,
                    answer.text()
                ));
            }
            if !names_a_camera(operation) || role.rights.is_empty() || role.sees_all {
                continue;
            }
            // A camera that they may not see is not there.
            let answer = asked(role, operation, "cam1");
            checks += 1;
            let no_camera = answer.status == 404 && answer.json()["code"] == "no_camera";
            let without_any = answer.status == 403 && !may;
            if !no_camera && !without_any {
                wrong.push(format!(
                    "{operation} of cam1 as {}: {}: {}",
                    role.name,
                    answer.status,
                    answer.text()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {checks}:\n{}", wrong.len(), wrong.join("\n"));
    shown(
        4,
        &format!("{} routes, {} roles, {checks} checks", table.len(), ROLES.len()),
        checks > table.len() * ROLES.len(),
    );
    // What is refused is an answer like others.
    let head = house.send(house.ask("head", "/api/v1/cameras"));
    assert_eq!(
        (head.status, head.header("x-content-type-options"), head.body.len()),
        (401, "nosniff", 0)
    );
    // However it is spelled.
    for path in [
        "/api/v1/system%2ftree",
        "/api/v1/%73ystem/tree",
        "/%6detrics",
        "/api/v1//system/tree",
        "/api/v1/system/tree/",
    ] {
        let answer = house.get_as("ordinary", path);
        assert_ne!(answer.status, 200, "{path}: {}", answer.text());
    }
}

/// What a program says that plays a stream for a moment.
pub fn plays(house: &House, user: &str, password: &str, camera: &str) -> bool {
    let url = house.rtsp(camera, "main");
    let password = password.replace(' ', "%20");
    let url = url.replace("rtsp://", &format!("rtsp://{user}:{password}@"));
    let args = [
        "20",
        "ffmpeg",
        "-v",
        "error",
        "-nostdin",
        "-rtsp_transport",
        "tcp",
        "-i",
        &url,
    ];
    let output = std::process::Command::new("timeout")
        .args(args)
        .args(["-c", "copy", "-frames:v", "5", "-f", "null", "-"])
        .output()
        .unwrap();
    output.status.success()
}

#[test]
fn who_is_kept_to_one_camera_neither_sees_lists_plays_restreams_nor_exports_another() {
    let cameras = cameras(2);
    let (house, token) = house_of_all(&cameras);
    house.wait_recording("cam0", "main");
    house.wait_recording("cam1", "main");
    for camera in ["cam0", "cam1"] {
        assert_eq!(house.post(&format!("/api/v1/cameras/{camera}/snapshots")).status, 201);
        let lock = json!({ "camera": camera, "from": "2026-11-20T09:00:00Z", "to": "2026-11-20T10:00:00Z" });
        assert_eq!(house.post_json_as(USER, "/api/v1/locks", &lock).status, 201);
        let event = json!({ "kind": "motion", "camera": camera, "text": format!("seen at {camera}") });
        assert_eq!(house.post_json_as(USER, "/api/v1/events", &event).status, 201);
        let tag = json!({ "camera": camera, "at": "2026-11-20T09:00:00Z", "text": "seen" });
        assert_eq!(house.post_json_as(USER, "/api/v1/tags", &tag).status, 201);
    }
    // Lists.
    let timeline = "timeline?from=2026-11-20T09:00:00Z&to=2026-11-20T10:00:00Z";
    for list in [
        "cameras",
        "footage",
        "locks",
        "snapshots",
        "events?limit=1000",
        "tags",
        timeline,
    ] {
        let path = format!("/api/v1/{list}");
        // Footage is listed once a segment of it has ended.
        wait_for(&format!("cam0 and cam1 in {list}"), PATIENCE, || {
            let all = house.get(&path).text();
            (all.contains("cam0") && all.contains("cam1")).then_some(())
        });
        let some = house.get_as("one-camera", &path);
        assert_eq!(some.status, 200, "{list}");
        let some = some.text();
        assert!(some.contains("cam0") && !some.contains("cam1"), "{list}: {some}");
    }
    // Export and playback.
    for path in ["video.mp4", "snapshot.jpg", "motion", "live"] {
        let path = format!("/api/v1/cameras/cam1/{path}?from=2026-11-20T09:00:00Z&to=2026-11-20T10:00:00Z");
        let answer = house.get_as("one-camera", &path);
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (404, &"no_camera".into()),
            "{path}"
        );
        // As one that there never was.
        let never = house.get_as("one-camera", &path.replace("cam1", "cam7"));
        assert_eq!(never.text().replace("cam7", "cam1"), answer.text());
    }
    // RTSP.
    assert!(plays(&house, "one-camera", PASSWORD, "cam0"));
    assert!(!plays(&house, "one-camera", PASSWORD, "cam1"));
    assert!(plays(&house, USER, PASSWORD, "cam1"));
    // A token as password, with Basic: there is no digest of it.
    assert_eq!(described(&house, USER, &token, "cam0"), "200");
    assert_eq!(described(&house, USER, &token, "cam1"), "404");
    assert_eq!(
        described(&house, "one-camera", &token, "cam0"),
        "401",
        "another's token"
    );
}

/// What a DESCRIBE (RFC 2326) with Basic is answered.
pub fn described(house: &House, user: &str, password: &str, camera: &str) -> String {
    let url = house.rtsp(camera, "main");
    let place = url.trim_start_matches("rtsp://").split('/').next().unwrap();
    let pair = base64::prelude::BASE64_STANDARD.encode(format!("{user}:{password}"));
    let mut socket = std::net::TcpStream::connect(place).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Basic {pair}\r\n\r\n");
    socket.write_all(request.as_bytes()).unwrap();
    let mut status = [0; 12];
    socket.read_exact(&mut status).unwrap();
    String::from_utf8_lossy(&status).split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn who_plays_by_rtsp_is_sent_away_with_the_right() {
    let cameras = cameras(1);
    let house = House::start(&Setup::of(&cameras));
    house.wait_recording("cam0", "main");
    house.add_user("guard", "ordinary");
    let url = house.rtsp("cam0", "main");
    let url = url.replace("rtsp://", &format!("rtsp://guard:{}@", PASSWORD.replace(' ', "%20")));
    let mut player = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-rtsp_transport", "tcp", "-i", &url])
        .args(["-c", "copy", "-f", "null", "-"])
        .spawn()
        .unwrap();
    let playing = || house.get("/api/v1/system/tree").text().contains("\"playing\":1");
    wait_for("a player", PATIENCE, || playing().then_some(()));
    let none = json!({ "cameras": [] });
    let kept = house.send(house.ask_as(USER, "put", "/api/v1/users/guard", &none));
    assert_eq!(kept.status, 200, "{}", kept.text());
    wait_for("its end", PATIENCE, || player.try_wait().unwrap());
}

#[test]
fn nobody_gives_more_than_they_have() {
    let house = House::start(&Setup::default());
    let put = |user: &str, path: &str, body: &Value| house.send(house.ask_as(user, "put", path, body));
    let managers = json!({ "rights": { "house": ["users"], "every_camera": ["live", "playback"] } });
    assert_eq!(put(USER, "/api/v1/groups/managers", &managers).status, 200);
    house.add_user("manager", "managers");
    let add = |name: &str, group: &str| {
        let user = json!({ "name": name, "password": PASSWORD, "group": group });
        house.post_json_as("manager", "/api/v1/users", &user).status
    };
    assert_eq!(
        (add("a", "ordinary"), add("b", "advanced"), add("c", "administrator")),
        (201, 403, 403)
    );
    let all = json!({ "rights": { "house": ["users", "configure"] } });
    for (path, body) in [
        ("/api/v1/users/manager", json!({ "group": "administrator" })),
        ("/api/v1/users/a", json!({ "group": "administrator" })),
        ("/api/v1/groups/managers", all.clone()),
        ("/api/v1/groups/others", all),
    ] {
        assert_eq!(put("manager", path, &body).status, 403, "{path} {body}");
    }
    // Nor is a way found through the account of somebody who may more.
    let taken = json!({ "password": "another password" });
    assert_eq!(put("manager", &format!("/api/v1/users/{USER}"), &taken).status, 403);
    assert_eq!(house.delete_as("manager", &format!("/api/v1/users/{USER}")).status, 403);
    let more = json!({ "name": "more", "rights": { "house": ["configure"] } });
    assert_eq!(house.post_json_as("manager", "/api/v1/tokens", &more).status, 403);
    // Who may is left.
    assert_eq!(house.delete_as("manager", "/api/v1/users/manager").status, 204);
    let last = house.delete_as(USER, &format!("/api/v1/users/{USER}"));
    assert_eq!((last.status, &last.json()["code"]), (409, &"conflict".into()));
    assert_eq!(house.delete_as(USER, "/api/v1/groups/managers").status, 204);
}

fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[test]
fn a_session_is_never_one_that_somebody_else_chose() {
    let house = House::start(&Setup::default());
    let sign_in = |cookie: &str| {
        let body = json!({ "name": USER, "password": PASSWORD });
        let answer = house.send(
            house
                .ask("post", "/api/v1/session")
                .header("cookie", cookie)
                .json(&body),
        );
        assert_eq!(answer.status, 201, "{}", answer.text());
        cookie_of(&answer)
    };
    let status = |cookie: &str| {
        house
            .send(house.ask("get", "/api/v1/session").header("cookie", cookie))
            .status
    };
    let chosen = "vigie_session=chosen-by-somebody-else";
    let first = sign_in(chosen);
    assert_ne!(first, chosen);
    assert_eq!((status(chosen), status(&first)), (401, 200));
    // Signing in again ends what was.
    let second = sign_in(&first);
    assert_eq!((status(&first), status(&second)), (401, 200));
    // A new password ends all others and changes the own one.
    let other = sign_in("a=b");
    let change = json!({ "old": PASSWORD, "new": "another password" });
    let ask = house.ask("put", "/api/v1/session/password").header("cookie", &second);
    let changed = house.send(ask.json(&change));
    assert_eq!(changed.status, 204, "{}", changed.text());
    let third = cookie_of(&changed);
    assert_eq!((status(&second), status(&other), status(&third)), (401, 401, 200));
    // Listed, and ended by its id.
    let list = house
        .send(house.ask("get", "/api/v1/sessions").header("cookie", &third))
        .json();
    let [only] = &list.as_array().unwrap()[..] else {
        panic!("{list}")
    };
    assert_eq!(
        (&only["user"], &only["current"], &only["peer"]),
        (&json!(USER), &json!(true), &json!("127.0.0.1"))
    );
    let path = format!("/api/v1/sessions/{}", only["id"].as_str().unwrap());
    assert_eq!(
        house.send(house.ask("delete", &path).header("cookie", &third)).status,
        204
    );
    assert_eq!(status(&third), 401);
}

#[test]
fn who_guesses_waits_and_who_knows_does_not() {
    let house = House::start(&Setup::default());
    house.add_user("guard", "ordinary");
    let guess = |name: &str, password: &str| house.get_signed_in(Some((name, password)), "/api/v1/cameras");
    assert_eq!(guess("guard", "wrong password").status, 401);
    let seconds = |answer: &Answer| answer.header("retry-after").parse::<u64>().unwrap_or_default();
    // Until the wait is longer than what follows takes.
    let locked = wait_for("a long wait", PATIENCE, || {
        let answer = guess("guard", "wrong password");
        (answer.status == 429 && seconds(&answer) > 15).then_some(answer)
    });
    assert_eq!(locked.json()["code"], "locked_out");
    assert!(seconds(&locked) <= 900);
    assert_eq!(
        guess("guard", PASSWORD).status,
        429,
        "the right one is not looked at either"
    );
    assert_eq!(guess(USER, PASSWORD).status, 200, "others are not held up");
    assert!(!plays_at_all(&house, "guard"), "over RTSP neither");
    wait_for("the end of the wait", PATIENCE, || {
        (guess("guard", PASSWORD).status == 200).then_some(())
    });
    // From here she signed in: she is not kept out for long, whoever guesses.
    for _ in 0..40 {
        guess("guard", "wrong password again");
    }
    wait_for("the owner", std::time::Duration::from_secs(8), || {
        (guess("guard", "wrong password again").status == 401).then_some(())
    });
    assert_eq!(guess("guard", PASSWORD).status, 200);
}

/// Of many at once no more are looked at than one after the other, and the right one among them is not found.
#[test]
fn who_guesses_at_once_is_counted() {
    let house = House::start(&Setup::default());
    house.add_user("guard", "ordinary");
    let tries = || {
        let words = json!({ "name": "guard", "password": "wrong password" });
        house.send(house.ask("post", "/api/v1/session").json(&words)).status
    };
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..40).map(|_| scope.spawn(tries)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let looked_at = answers.iter().filter(|status| **status == 401).count();
    // Five, and who is looked at beside the fifth.
    assert!((1..=6).contains(&looked_at), "{answers:?}");
    assert!(answers.iter().all(|status| [401, 429].contains(status)), "{answers:?}");
    let right = json!({ "name": "guard", "password": PASSWORD });
    let right = house.send(house.ask("post", "/api/v1/session").json(&right));
    assert_eq!(right.status, 429, "{}", right.text());
}

/// Whether the RTSP server takes a user's right password, whatever there is to play.
fn plays_at_all(house: &House, user: &str) -> bool {
    let url = house
        .rtsp("cam0", "main")
        .replace("rtsp://", &format!("rtsp://{user}:{}@", PASSWORD.replace(' ', "%20")));
    let output = std::process::Command::new("timeout")
        .args(["20", "ffprobe", "-v", "error", "-rtsp_transport", "tcp", &url])
        .output()
        .unwrap();
    !String::from_utf8_lossy(&output.stderr).contains("401")
}

#[test]
fn only_our_own_pages_may_change_something() {
    let house = House::start(&Setup::default());
    let ours = house.http().to_owned();
    let event = json!({ "kind": "external" });
    let told = |headers: &[(&str, &str)]| {
        let mut request = house.ask_as(USER, "post", "/api/v1/events", &event);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        house.send(request).status
    };
    for fine in [
        &[][..],
        &[("origin", ours.as_str())],
        &[("origin", ours.as_str()), ("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none")],
    ] {
        assert_eq!(told(fine), 201, "{fine:?}");
    }
    for foreign in [
        &[("origin", "http://evil.example")][..],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:9")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", ours.as_str()), ("sec-fetch-site", "cross-site")],
    ] {
        assert_eq!(told(foreign), 403, "{foreign:?}");
    }
    // Reading is what a link does.
    let read = house.get_with("/api/v1/events", &[("sec-fetch-site", "cross-site")]);
    assert_eq!(read.status, 200);
    assert_eq!(house.event_page("kind=external")["events"].as_array().unwrap().len(), 4);
}

/// Listens to events until the recorder ends it.
async fn listen_to_the_end(house: &House, authorization: String, listening: tokio::sync::oneshot::Sender<()>) {
    let url = format!("{}/api/v1/events/live", house.http().replace("http", "ws"));
    let mut request = url.into_client_request().unwrap();
    let authorization = HeaderValue::from_str(&authorization).unwrap();
    request.headers_mut().insert(AUTHORIZATION, authorization);
    let (mut line, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    listening.send(()).unwrap();
    while let Some(Ok(_)) = line.next().await {}
}

#[test]
fn who_is_signed_out_hears_no_more() {
    let house = House::start(&Setup::default());
    house.add_user("guard", "ordinary");
    house.add_user("cleaner", "ordinary");
    let session = house.send(
        house
            .ask("post", "/api/v1/session")
            .json(&json!({ "name": "guard", "password": PASSWORD })),
    );
    let cookie = session.header("set-cookie").split(';').next().unwrap().to_owned();
    let token = cookie.split_once('=').unwrap().1.to_owned();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let basic = |name: &str| {
        let request = house.ask("get", "/").basic_auth(name, Some(PASSWORD)).build().unwrap();
        request.headers()["authorization"].to_str().unwrap().to_owned()
    };
    type End<'a> = (String, Box<dyn Fn() + 'a>);
    let ends: [End<'_>; 2] = [
        (
            format!("Bearer {token}"),
            Box::new(|| {
                let out = house.ask("delete", "/api/v1/session").header("cookie", &cookie);
                assert_eq!(house.send(out).status, 204);
            }),
        ),
        (
            basic("cleaner"),
            Box::new(|| {
                let output = house.command(&["user", "remove", "--name", "cleaner"]);
                assert!(output.status.success(), "{output:?}");
            }),
        ),
    ];
    for (authorization, end) in ends {
        let (listening, heard) = tokio::sync::oneshot::channel();
        std::thread::scope(|scope| {
            let line = scope.spawn(|| runtime.block_on(listen_to_the_end(&house, authorization, listening)));
            heard.blocking_recv().unwrap();
            assert!(!line.is_finished());
            end();
            wait_for("the end of the line", PATIENCE, || line.is_finished().then_some(()));
        });
    }
}

/// Neither how large the house is nor where its disks are is theirs to know.
#[test]
fn who_has_one_camera_reads_of_the_house_what_concerns_that() {
    let cameras = cameras(2);
    let (house, _) = house_of_all(&cameras);
    let (all, one) = (
        house.get("/api/v1/system/info").json(),
        house.get_as("one-camera", "/api/v1/system/info").json(),
    );
    let (disks, links) = (
        |info: &Value| info["disks"].as_array().unwrap().len(),
        |info: &Value| info["links"].as_array().unwrap().len(),
    );
    assert_eq!(
        (all["cameras"].clone(), disks(&all), links(&all) > 0),
        (json!(2), 1, true)
    );
    assert_eq!((one["cameras"].clone(), disks(&one), links(&one)), (json!(1), 0, 0));
    assert_eq!((&one["room"], &one["version"]), (&Value::Null, &all["version"]));
    let body = json!({
        "kind": "wall", "windows_shown": 4, "all_cameras": false,
        "windows": ["cam0", "cam1", { "cameras": ["cam1", "cam0"], "dwell_s": 10 }, null],
    });
    let wall = json!({ "name": "Door", "shared": true, "body": body });
    let kept = house.send(house.ask_as(USER, "put", "/api/v1/layouts/door", &wall));
    assert_eq!(kept.status, 200, "{}", kept.text());
    let windows = |user: &str| house.get_as(user, "/api/v1/layouts").json()[0]["body"]["windows"].clone();
    assert_eq!(windows("ordinary"), wall["body"]["windows"]);
    assert_eq!(
        windows("one-camera"),
        json!(["cam0", null, { "cameras": [null, "cam0"], "dwell_s": 10 }, null])
    );
}

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
