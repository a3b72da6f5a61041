//! Who may do what.

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    client::IntoClientRequest,
    http::{HeaderValue, header::AUTHORIZATION},
};

use crate::{
    house::{House, PASSWORD, PATIENCE, Setup, USER, wait_for},
    recording::cameras,
};

/// What anybody may ask.
const NOBODY: [&str; 4] = [
    "get /healthz",
    "get /readyz",
    "post /api/v1/session",
    "delete /api/v1/session",
];
/// What everybody who has signed in may ask. All that is neither here nor above is the administrators'.
const ORDINARY: [&str; 33] = [
    "get /api/v1/buzzer",
    "post /api/v1/buzzer/silence",
    "get /api/v1/cameras",
    "get /api/v1/cameras/{id}/live",
    "get /api/v1/cameras/{id}/motion",
    "get /api/v1/cameras/{id}/snapshot.jpg",
    "get /api/v1/cameras/{id}/video.mp4",
    "get /api/v1/events",
    "get /api/v1/events/live",
    "get /api/v1/footage",
    "get /api/v1/inputs",
    "get /api/v1/layouts",
    "put /api/v1/layouts/{id}",
    "delete /api/v1/layouts/{id}",
    "get /api/v1/locks",
    "get /api/v1/outputs",
    "get /api/v1/push/subscriptions",
    "post /api/v1/push/subscriptions",
    "delete /api/v1/push/subscriptions/{id}",
    "get /api/v1/push/vapid",
    "get /api/v1/preferences",
    "put /api/v1/preferences",
    "get /api/v1/recordings",
    "get /api/v1/session",
    "get /api/v1/snapshots",
    "get /api/v1/snapshots/{id}.jpg",
    "get /api/v1/system/capacity",
    "get /api/v1/system/info",
    "get /api/v1/tags",
    "get /api/v1/timeline",
    "get /metrics",
    "get /api/v1/openapi.json",
    "get /",
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
fn body(operation: &str) -> Value {
    match operation {
        "post /api/v1/events" => json!({ "kind": "external" }),
        "post /api/v1/locks" => {
            json!({ "camera": "cam0", "from": "2026-11-20T09:00:00Z", "to": "2026-11-20T10:00:00Z", "note": "" })
        }
        "post /api/v1/outputs/{id}" => json!({ "on": false }),
        "post /api/v1/camera-order" => json!({ "ids": [] }),
        "post /api/v1/probe" => json!({ "url": "nothing" }),
        "post /api/v1/tags" => json!({ "at": "2026-11-20T09:00:00Z", "text": "x" }),
        "put /api/v1/tags/{id}" => json!({ "text": "x" }),
        "post /api/v1/session" => json!({ "name": "guard", "password": PASSWORD }),
        _ => json!({}),
    }
}

#[test]
fn every_route_asks_for_the_right_it_needs() {
    let cameras = cameras(1);
    let mut setup = Setup::of(&cameras);
    setup.more = ALARMS.into();
    let house = House::start(&setup);
    house.add_user("guard", "ordinary");
    house.wait_recording("cam0", "main");
    let described = house.get("/api/v1/openapi.json").json();
    let paths = described["paths"].as_object().unwrap();
    let mut seen = Vec::new();
    for (template, item) in paths {
        for method in ["get", "post", "put", "delete"] {
            if item.get(method).is_none() {
                continue;
            }
            let operation = format!("{method} {template}");
            let place = match template.contains("/cameras/") {
                true => template.replace("{id}", "cam0"),
                false => template
                    .replace("{id}", "x")
                    .replace("{table}/x", "rule/x")
                    .replace("{table}", "buzzer"),
            };
            let place = match operation.as_str() {
                "delete /api/v1/footage" => place + "?camera=cam0&from=2026-11-20T09:00:00Z&to=2026-11-20T10:00:00Z",
                _ => place,
            };
            let asked = |user: Option<&str>| {
                let request = match user {
                    Some(user) => house.ask_as(user, method, &place, &body(&operation)),
                    None => house.ask(method, &place).json(&body(&operation)),
                };
                house.send(request)
            };
            let open = NOBODY.contains(&operation.as_str());
            let answer = asked(None);
            assert_eq!(answer.status != 401, open, "{operation} as nobody: {}", answer.text());
            let answer = asked(Some("guard"));
            let may = open || ORDINARY.contains(&operation.as_str());
            assert_eq!(answer.status != 403, may, "{operation} as guard: {}", answer.text());
            assert_ne!(answer.status, 401, "{operation} as guard: {}", answer.text());
            let answer = asked(Some(USER));
            assert!(
                ![401, 403].contains(&answer.status),
                "{operation} as administrator: {}",
                answer.text()
            );
            seen.push(operation);
        }
    }
    let gone = NOBODY
        .iter()
        .chain(&ORDINARY)
        .filter(|one| !seen.iter().any(|seen| seen == *one));
    let gone: Vec<_> = gone
        .filter(|one| !["get /", "get /api/v1/openapi.json"].contains(one))
        .collect();
    assert!(gone.is_empty() && seen.len() > 40, "{gone:?} of {}", seen.len());
    assert_eq!(house.get_signed_in(None, "/api/v1/openapi.json").status, 401);
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
