//! The set-up saved, put back and forgotten over HTTP, and disks put into service there, while Vigie runs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    backup::{WORDS, kept, names},
    house::{Answer, House, PASSWORD, PATIENCE, Setup, USER, wait_for},
    recording::cameras,
    rights::plays,
};

fn post(house: &House, path: &str, body: &Value) -> Answer {
    house.post_json_as(USER, path, body)
}

fn save(house: &House) -> Answer {
    post(house, "/api/v1/backup", &json!({ "password": WORDS }))
}

fn restore(house: &House, query: &str, file: &[u8], password: &str) -> Answer {
    let body = json!({ "password": password, "file": BASE64_STANDARD.encode(file) });
    post(house, &format!("/api/v1/restore{query}"), &body)
}

const TOKEN: &str = "0123456789abcdef";

/// A secret that is kept in `secrets.toml`.
fn set_door(house: &House) {
    let made = put_door(house);
    assert_eq!(made.status, 200, "{}", made.text());
}

fn put_door(house: &House) -> Answer {
    let door = json!({ "kind": "http", "token": TOKEN });
    house.send(house.ask_as(USER, "put", "/api/v1/config/input/door", &door))
}

fn signed_in(house: &House, user: &str) -> String {
    let words = json!({ "name": user, "password": PASSWORD });
    let answer = house.send(house.ask("post", "/api/v1/session").json(&words));
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

fn with_cookie(house: &House, cookie: &str) -> u16 {
    let asked = house.ask("get", "/api/v1/session").header("cookie", cookie);
    house.send(asked).status
}

fn has(list: &Value, part: &str) -> bool {
    let mut lines = list.as_array().unwrap().iter();
    lines.any(|line| line.as_str().unwrap().contains(part))
}

fn audited(house: &House, kind: &str, text: &str) {
    wait_for(text, PATIENCE, || {
        let log = house.get(&format!("/api/v1/audit?kind={kind}")).json();
        let told = |entry: &Value| entry["user"] == USER && entry["text"].as_str().unwrap().contains(text);
        log["entries"].as_array().unwrap().iter().any(told).then_some(())
    });
}

#[test]
fn a_running_recorder_takes_over_another_one() {
    let cameras = cameras(2);
    let one = House::start(&Setup::of(&cameras));
    one.add_user("guard", "ordinary");
    let tag = json!({ "camera": "cam0", "at": "2026-11-20T09:41:00Z", "text": "The white van" });
    assert_eq!(post(&one, "/api/v1/tags", &tag).status, 201);
    set_door(&one);
    let short = post(&one, "/api/v1/backup", &json!({ "password": "short" }));
    assert!(
        short.status == 400 && short.text().contains("at least 8"),
        "{}",
        short.text()
    );
    let saved = save(&one);
    assert_eq!(saved.status, 200, "{}", saved.text());
    assert_eq!(saved.header("content-type"), "application/octet-stream");
    let name = saved.header("content-disposition");
    assert!(
        name.starts_with("attachment; filename=\"e2e-20") && name.ends_with(".vigie\""),
        "{name}"
    );
    audited(&one, "configuration", "backup of everything");
    let file = saved.body;
    let same = restore(&one, "?try_only=true", &file, WORDS).json();
    assert_eq!((&same["changes"], &same["people"]), (&json!([]), &json!([])), "{same}");

    let two = House::start(&Setup::default());
    two.add_user("eve", "administrator");
    let eve = signed_in(&two, "eve");
    let before = kept(&two);
    let unchanged = |answer: Answer, status: u16, why: &str| {
        assert!(
            answer.status == status && answer.text().contains(why),
            "{why}: {} {}",
            answer.status,
            answer.text()
        );
        assert_eq!(kept(&two), before, "{why}");
    };
    let bad = "correct horse batterx";
    unchanged(restore(&two, "", &file, bad), 400, "password is not the one");
    unchanged(restore(&two, "", &file[..file.len() / 2], WORDS), 400, "cut off");
    let mut damaged = file.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    unchanged(restore(&two, "", &damaged, WORDS), 400, "damaged");
    unchanged(restore(&two, "", b"PK", WORDS), 400, "no backup of Vigie");
    let no_text = json!({ "password": WORDS, "file": "*" });
    unchanged(post(&two, "/api/v1/restore", &no_text), 400, "expected Base64");
    let body = json!({ "password": WORDS, "file": BASE64_STANDARD.encode(&file) });
    let stale = two.ask_as(USER, "post", "/api/v1/restore", &body);
    unchanged(two.send(stale.header("if-match", "\"0123\"")), 412, "read it again");
    // Larger than other bodies may be.
    let large = vec![b'x'; 8 << 20];
    unchanged(restore(&two, "", &large, WORDS), 400, "no backup of Vigie");

    let looked = restore(&two, "?try_only=true", &file, WORDS);
    assert_eq!((looked.status, kept(&two)), (200, before), "{}", looked.text());
    let looked = looked.json();
    assert!(has(&looked["changes"], "camera cam0"), "{looked}");
    for line in [
        "user guard: added, in the group ordinary",
        "user eve: removed",
        "tags: 1 put back",
    ] {
        assert!(has(&looked["people"], line), "{line}: {looked}");
    }
    assert!(has(&looked["notes"], "server.state_dir"), "{looked}");
    assert!(has(&looked["notes"], "disk \"d1\""), "{looked}");
    assert_eq!(looked["of"]["name"], "e2e");

    let revision = two.get("/api/v1/config").header("etag").to_owned();
    let asked = two.ask_as(USER, "post", "/api/v1/restore", &body);
    let restored = two.send(asked.header("if-match", revision));
    assert_eq!(restored.status, 200, "{}", restored.text());
    assert_eq!(restored.header("etag"), two.get("/api/v1/config").header("etag"));
    let restored = restored.json();
    assert_eq!(restored["people"], looked["people"]);
    assert_eq!(names(&two, "/api/v1/cameras", "id"), ["cam0", "cam1"]);
    assert_eq!(names(&two, "/api/v1/users", "name"), ["guard", USER].map(Value::from));
    assert_eq!(names(&two, "/api/v1/tags", "text"), ["The white van"]);
    // Nobody of before is let in by anything.
    assert_eq!(with_cookie(&two, &eve), 401);
    assert_eq!(two.get_as("eve", "/api/v1/session").status, 401);
    two.wait_state("cam0", "main", "live", PATIENCE);
    // Live is told before there is something to re-stream.
    wait_for("RTSP plays with the restored password", PATIENCE, || {
        plays(&two, "guard", PASSWORD, "cam0").then_some(())
    });
    assert!(!plays(&two, "eve", PASSWORD, "cam0"));
    let written = |file| fs::read_to_string(two.root.join(file)).unwrap();
    assert!(
        written("state/secrets.toml").contains(TOKEN),
        "what was set there opens here"
    );
    assert!(!fs::read_to_string(&two.config).unwrap().contains(TOKEN));
    audited(&two, "configuration", "restored the backup of e2e");
}

#[test]
fn only_who_may_everything_saves_restores_and_resets() {
    let house = House::start(&Setup::default());
    for (name, rights) in [
        ("fitter", json!(["configure"])),
        ("manager", json!(["configure", "users"])),
    ] {
        let rights = json!({ "rights": { "house": rights } });
        let group = house.ask_as(USER, "put", &format!("/api/v1/groups/{name}s"), &rights);
        assert_eq!(house.send(group).status, 200);
        let user = json!({ "name": name, "password": PASSWORD, "group": format!("{name}s") });
        assert_eq!(post(&house, "/api/v1/users", &user).status, 201);
    }
    let file = BASE64_STANDARD.encode(save(&house).body);
    let before = kept(&house);
    let words = json!({ "password": PASSWORD });
    let whole = json!({ "password": WORDS, "file": file });
    for (user, path, body, status) in [
        ("fitter", "backup", &words, 403),
        ("fitter", "restore?try_only=true", &whole, 403),
        ("fitter", "factory-reset", &words, 403),
        // They would have what administrators sign in with, make some of a file, or be one by the link.
        ("manager", "backup", &words, 403),
        ("manager", "restore", &whole, 403),
        ("manager", "factory-reset", &words, 403),
    ] {
        let answer = house.post_json_as(user, &format!("/api/v1/{path}"), body);
        assert_eq!(answer.status, status, "{user} {path}: {}", answer.text());
    }
    assert_eq!(kept(&house), before);
}

#[test]
fn a_reset_recorder_knows_nobody_and_has_its_footage() {
    let cameras = cameras(1);
    let mut house = House::start(&Setup::of(&cameras));
    house.wait_recording("cam0", "main");
    house.add_user("guard", "ordinary");
    let tag = json!({ "camera": "cam0", "at": "2026-11-20T09:41:00Z", "text": "The white van" });
    assert_eq!(post(&house, "/api/v1/tags", &tag).status, 201);
    set_door(&house);
    let secrets = house.root.join("state/secrets.toml");
    assert!(fs::read_to_string(&secrets).unwrap().contains(TOKEN));
    let all = json!({ "house": ["system"], "every_camera": ["live"], "cameras": {} });
    let token = post(&house, "/api/v1/tokens", &json!({ "name": "script", "rights": all }));
    let token = token.json()["token"].as_str().unwrap().to_owned();
    let cookie = signed_in(&house, USER);
    let with_token = |house: &House| {
        house
            .send(house.ask("get", "/api/v1/system/tree").bearer_auth(&token))
            .status
    };
    assert_eq!((with_cookie(&house, &cookie), with_token(&house)), (200, 200));
    let before = kept(&house);
    let wrong = post(&house, "/api/v1/factory-reset", &json!({ "password": "another one" }));
    assert!(
        wrong.status == 403 && wrong.text().contains("the password is wrong"),
        "{}",
        wrong.text()
    );
    assert_eq!(kept(&house), before);
    let footage = house.recordings("cam0", "main").segments[0].clone();

    let done = post(&house, "/api/v1/factory-reset", &json!({ "password": PASSWORD }));
    assert_eq!(done.status, 200, "{}", done.text());
    let setup = done.json()["setup"].as_str().unwrap().to_owned();
    assert!(house.log().contains(&format!("set up {}{setup}", house.http())));
    assert_eq!((with_cookie(&house, &cookie), with_token(&house)), (401, 401));
    assert_eq!(house.get("/api/v1/session").status, 401);
    let config = fs::read_to_string(&house.config).unwrap();
    assert!(!config.contains("cam0") && config.contains("disk1"), "{config}");
    assert!(!secrets.exists(), "what was set on the pages is gone");
    let needed = house.send(house.ask("get", "/api/v1/setup")).json();
    assert_eq!(needed["needed"], true);

    let make = |house: &House, link: &str| {
        let first = json!({ "link": link, "name": USER, "password": PASSWORD });
        house.send(house.ask("post", "/api/v1/setup").json(&first)).status
    };
    assert_eq!(make(&house, "another"), 403);
    assert_eq!(make(&house, setup.strip_prefix("/setup?link=").unwrap()), 201);
    assert_eq!(names(&house, "/api/v1/users", "name"), [USER].map(Value::from));
    for empty in ["/api/v1/tags", "/api/v1/cameras", "/api/v1/layouts", "/api/v1/tokens"] {
        assert_eq!(house.get(empty).json(), json!([]), "{empty}");
    }
    let history = house.get("/api/v1/config-history").json();
    assert_eq!(history.as_array().unwrap().len(), 1, "{history}");
    audited(&house, "configuration", "set back to a new recorder");
    let there = |house: &House| house.recordings("cam0", "main").segments[0].clone();
    assert_eq!(
        (there(&house).0, house.disk("d1")["state"].clone()),
        (footage.0, json!("online"))
    );

    // The same at the command line, of one that does not run.
    let reset = |house: &House, more: &[&str]| house.command(&[&["reset"], more].concat());
    let running = reset(&house, &["--yes"]);
    assert!(
        String::from_utf8_lossy(&running.stderr).contains("in use"),
        "{running:?}"
    );
    house.terminate();
    assert_eq!(reset(&house, &[]).status.code(), Some(2), "only with --yes");
    let done = reset(&house, &["--yes"]);
    assert!(done.status.success(), "{done:?}");
    let printed = house.log().matches("set up http://").count();
    house.run();
    wait_for("another link", PATIENCE, || {
        (house.log().matches("set up http://").count() > printed).then_some(())
    });
    let log = house.log();
    let link = log
        .lines()
        .rev()
        .find_map(|line| line.split_once("/setup?link="))
        .unwrap()
        .1;
    assert_eq!(make(&house, link), 201);
    assert_eq!(there(&house).0, footage.0);
}

/// Two ask at once; the second is nobody any more when it is their turn.
#[test]
fn who_waited_for_a_reset_is_asked_again() {
    let house = House::start(&Setup::default());
    let reset = || post(&house, "/api/v1/factory-reset", &json!({ "password": PASSWORD }));
    let mut answers = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..3).map(|_| scope.spawn(reset)).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    answers.sort_by_key(|answer| answer.status);
    let texts: Vec<_> = answers.iter().map(|answer| (answer.status, answer.text())).collect();
    assert_eq!(texts[0].0, 200, "{texts:?}");
    assert!(
        texts[1..].iter().all(|(status, _)| [401, 403].contains(status)),
        "{texts:?}"
    );
    let link = answers[0].json()["setup"].as_str().unwrap().to_owned();
    let first = json!({ "link": link.strip_prefix("/setup?link=").unwrap(), "name": USER, "password": PASSWORD });
    assert_eq!(house.send(house.ask("post", "/api/v1/setup").json(&first)).status, 201);
    assert_eq!(names(&house, "/api/v1/users", "name"), [USER].map(Value::from));
}

#[test]
fn a_recorder_whose_secrets_are_gone_records_and_can_be_mended() {
    let cameras = cameras(1);
    let mut house = House::start(&Setup::of(&cameras));
    set_door(&house);
    house.terminate();
    let secrets = house.root.join("state/secrets.toml");
    let sound = fs::read(&secrets).unwrap();
    fs::write(&secrets, &sound[..sound.len() - 3]).unwrap();
    let checked = house.command(&["check"]);
    let told = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(
        checked.status.code() == Some(2) && told.contains("secrets.toml cannot be read"),
        "{told}"
    );
    house.run();
    house.wait_recording("cam0", "main");
    wait_for("an event of it", PATIENCE, || {
        let events = house.get("/api/v1/events?kind=configuration_refused").text();
        events.contains("INPUT_DOOR_TOKEN").then_some(())
    });
    // What stands in for it is nobody's guess.
    let rung = house.send(
        house
            .ask("post", "/api/v1/inputs/door")
            .bearer_auth("")
            .json(&json!({ "state": "pulse" })),
    );
    assert_eq!(rung.status, 401, "{}", rung.text());
    for answer in [save(&house), put_door(&house)] {
        assert!(
            answer.status == 503 && answer.text().contains("secrets.toml cannot be read"),
            "{}",
            answer.text()
        );
    }
    // Away with it: what was set has to be set again, one after the other.
    fs::remove_file(&secrets).unwrap();
    let incomplete = save(&house);
    assert!(
        incomplete.status == 503 && incomplete.text().contains("INPUT_DOOR_TOKEN"),
        "{}",
        incomplete.text()
    );
    let name = house.ask_as(USER, "put", "/api/v1/config/snapshots", &json!({ "max_age": "9d" }));
    let other = house.send(name);
    assert_eq!(
        other.status,
        200,
        "what has nothing to do with it is changed as ever: {}",
        other.text()
    );
    set_door(&house);
    let whole = save(&house);
    assert_eq!(whole.status, 200, "{}", whole.text());
    assert_eq!(house.command(&["check"]).status.code(), Some(0));
}

#[test]
fn a_disk_is_released_exchanged_and_prepared_over_http() {
    let cameras = cameras(1);
    let house = House::start(&Setup::of(&cameras));
    house.wait_recording("cam0", "main");
    let ask = |id: &str, what: &str, body: &Value| post(&house, &format!("/api/v1/disks/{id}/{what}"), body);
    let (none, keep) = (json!(null), json!({ "erase": false }));
    let unknown = ask("d9", "adopt", &none);
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &json!("no_disk")));
    let known = ask("d1", "create-folder", &none);
    assert!(
        known.status == 200 && known.text().contains("nothing was changed"),
        "{}",
        known.text()
    );
    let in_use = ask("d1", "prepare", &keep);
    assert_eq!(
        (in_use.status, &in_use.json()["code"]),
        (409, &json!("conflict")),
        "{}",
        in_use.text()
    );
    let done = |answer: Answer, part: &str| {
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(has(&answer.json()["text"], part), "{}", answer.text());
    };
    done(ask("d1", "retire", &none), "is retired");
    assert_eq!(house.disk("d1")["state"], "retired");
    done(ask("d1", "adopt", &none), "in service again");
    done(ask("d1", "release", &none), "unmount and pull it");
    let disk = house.root.join("disk1");
    fs::rename(&disk, disk.with_extension("pulled")).unwrap();
    fs::create_dir(&disk).unwrap();
    house.wait_disk("d1", "blank", |state| state == "blank");
    let refused = ask("d1", "adopt", &none);
    assert!(
        refused.status == 409 && refused.text().contains("no footage"),
        "{}",
        refused.text()
    );
    done(ask("d1", "prepare", &keep), "disk d1 is ready");
    house.wait_disk("d1", "in use", |state| state == "online");
    house.wait_recording("cam0", "main");
    assert!(
        fs::read_dir(house.stream_folder("cam0", "main"))
            .unwrap()
            .next()
            .is_some()
    );
    for told in [
        "prepare failed: disk d1 is in use",
        "release begins",
        "disk d1 is ready",
    ] {
        audited(&house, "configuration", told);
    }
}

#[test]
fn the_folder_of_a_new_disk_is_created_over_http() {
    let house = House::start(&Setup::default());
    let path = house.root.join("not/there/yet");
    let disk = json!({ "id": "d9", "path": path });
    let saved = house.send(house.ask_as(USER, "PUT", "/api/v1/config/disk/d9", &disk));
    assert!(saved.status < 300, "{}", saved.text());
    house.wait_disk("d9", "missing", |state| state == "absent");
    let created = post(&house, "/api/v1/disks/d9/create-folder", &json!(null));
    assert!(
        created.status == 200 && created.text().contains("is created"),
        "{}",
        created.text()
    );
    house.wait_disk("d9", "in use", |state| state == "online");
    audited(&house, "configuration", "is created");
}

/// Every file of footage below.
fn footage_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(footage_below(&path)),
            false if path.extension().is_some_and(|kind| kind == "mp4") => found.push(path),
            false => {}
        }
    }
    found.sort();
    found
}

#[test]
fn footage_of_a_disk_is_erased_by_who_may_delete_all_and_says_why() {
    let cameras = cameras(1);
    let house = House::start(&Setup::of(&cameras));
    house.wait_recording("cam0", "main");
    for (name, with) in [
        ("fitter", json!({ "every_camera": ["live", "playback"] })),
        ("keeper", json!({ "cameras": { "cam0": ["playback", "delete"] } })),
    ] {
        let mut rights = with;
        rights["house"] = json!(["configure"]);
        let group = house.ask_as(
            USER,
            "put",
            &format!("/api/v1/groups/{name}s"),
            &json!({ "rights": rights }),
        );
        let made = house.send(group);
        assert_eq!(made.status, 200, "{}", made.text());
        house.add_user(name, &format!("{name}s"));
    }
    let as_user =
        |user: &str, what: &str, body: &Value| house.post_json_as(user, &format!("/api/v1/disks/d1/{what}"), body);
    let released = as_user("fitter", "release", &json!(null));
    assert_eq!(released.status, 200, "{}", released.text());
    let disk = house.root.join("disk1");
    let before = footage_below(&disk);
    assert!(!before.is_empty());

    let sold = json!({ "erase": true, "note": "sold with the house" });
    let long = json!({ "erase": true, "note": "x".repeat(501) });
    for (user, body, status, code) in [
        (USER, json!({ "erase": false }), 409, "holds_footage"),
        (USER, json!({ "erase": true }), 400, "bad_request"),
        (USER, long, 400, "bad_request"),
        ("fitter", sold.clone(), 403, "forbidden"),
        ("keeper", sold.clone(), 403, "forbidden"),
    ] {
        let refused = as_user(user, "prepare", &body);
        let said = refused.json();
        assert_eq!(
            (refused.status, &said["code"]),
            (status, &json!(code)),
            "{user} {body}: {said}"
        );
        assert!(
            !refused.text().contains("vigie disk") && !refused.text().contains("--erase"),
            "{said}"
        );
        assert_eq!(footage_below(&disk), before, "{user} {body}");
    }
    assert_eq!(house.get("/api/v1/footage/deletions").json(), json!([]));

    let erased = as_user(USER, "prepare", &sold);
    assert_eq!(erased.status, 200, "{}", erased.text());
    assert!(has(&erased.json()["text"], "is ready; erased"), "{}", erased.text());
    assert!(before.iter().all(|path| !path.exists()));
    let told = house.get("/api/v1/footage/deletions").json();
    assert_eq!(told.as_array().unwrap().len(), 1, "{told}");
    for (key, value) in [
        ("camera", json!("cam0")),
        ("by", json!(USER)),
        ("note", sold["note"].clone()),
        ("disk", json!("d1")),
        ("files", json!(before.len())),
    ] {
        assert_eq!(told[0][key], value, "{told}");
    }
    for told in ["prepare with erase begins: sold with the house", "is ready; erased"] {
        audited(&house, "footage_deleted", told);
    }
    house.wait_disk("d1", "in use", |state| state == "online");
    house.wait_recording("cam0", "main");
}
