//! The set-up of a recorder goes into one file and comes back on another machine.

use std::{fs, path::Path, process::Output};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    house::{House, Setup, USER},
    recording::cameras,
};

const WORDS: &str = "correct horse battery";

fn with_password(house: &House, args: &[&str], password: &str) -> Output {
    let args = [args, &["--password-stdin"]].concat();
    house.command_with_input(&args, &format!("{password}\n"))
}

fn save(house: &House, file: &Path) -> Output {
    with_password(house, &["backup", "--out", file.to_str().unwrap()], WORDS)
}

fn restore(house: &House, file: &Path, password: &str, more: &[&str]) -> Output {
    let args = [&["restore", "--in", file.to_str().unwrap()], more].concat();
    with_password(house, &args, password)
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// What restoring could change: the configuration and the files of the state folder.
fn kept(house: &House) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![("vigie.toml".to_owned(), fs::read(&house.config).unwrap())];
    for name in ["accounts.jsonl", "layouts.jsonl", "preferences.jsonl", "tags.jsonl"] {
        let text = fs::read(house.root.join("state").join(name)).unwrap_or_default();
        all.push((name.to_owned(), text));
    }
    all
}

fn names(house: &House, path: &str, key: &str) -> Vec<Value> {
    let answer = house.get(path);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut names: Vec<_> = answer
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one[key].clone())
        .collect();
    names.sort_by_key(ToString::to_string);
    names
}

#[test]
fn another_recorder_takes_over_cameras_and_people() {
    let cameras = cameras(2);
    let mut one = House::start(&Setup::of(&cameras));
    one.add_user("guard", "ordinary");
    let tag = json!({ "camera": "cam0", "at": "2026-11-20T09:41:00Z", "text": "The white van" });
    assert_eq!(one.post_json_as(USER, "/api/v1/tags", &tag).status, 201);
    let dark = json!({ "theme": "dark" });
    let put = one.ask_as("guard", "put", "/api/v1/preferences", &dark);
    assert_eq!(one.send(put).status, 200);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lobby.backup");
    let running = save(&one, &file);
    assert!(
        !running.status.success() && said(&running).contains("in use"),
        "{running:?}"
    );
    assert!(!file.exists());
    one.terminate();
    let saved = save(&one, &file);
    assert!(saved.status.success(), "{saved:?}");
    let whole = fs::read(&file).unwrap();
    let again = save(&one, &file);
    assert!(!again.status.success(), "nothing is written over: {again:?}");
    assert_eq!(fs::read(&file).unwrap(), whole);

    let mut two = House::prepare(&Setup::default(), None);
    two.add_user("eve", "administrator");
    let before = kept(&two);
    let unchanged = |output: Output, why: &str| {
        assert!(
            !output.status.success() && said(&output).contains(why),
            "{why}: {output:?}"
        );
        assert_eq!(kept(&two), before, "{why}");
    };
    unchanged(
        restore(&two, &file, "correct horse batterx", &[]),
        "password is not the one",
    );
    let bad = folder.path().join("bad.backup");
    fs::write(&bad, &whole[..whole.len() / 2]).unwrap();
    unchanged(restore(&two, &bad, WORDS, &[]), "cut off");
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&bad, damaged).unwrap();
    unchanged(restore(&two, &bad, WORDS, &[]), "damaged");
    fs::write(&bad, "no backup").unwrap();
    unchanged(restore(&two, &bad, WORDS, &[]), "no backup of Vigie");
    let looked = restore(&two, &file, WORDS, &["--dry-run"]);
    assert!(looked.status.success(), "{looked:?}");
    for line in [
        "cam0",
        "cam1",
        "user guard: added",
        "user eve: removed",
        "tags: 1 put back",
        "server.state_dir",
    ] {
        assert!(said(&looked).contains(line), "{line}: {looked:?}");
    }
    assert_eq!(kept(&two), before, "a look changes nothing");
    two.run();
    let running = restore(&two, &file, WORDS, &[]);
    assert!(
        !running.status.success() && said(&running).contains("in use"),
        "{running:?}"
    );
    two.terminate();

    let restored = restore(&two, &file, WORDS, &[]);
    assert!(restored.status.success(), "{restored:?}");
    two.run();
    assert_eq!(names(&two, "/api/v1/cameras", "id"), ["cam0", "cam1"]);
    assert_eq!(names(&two, "/api/v1/users", "name"), ["guard", USER].map(Value::from));
    assert_eq!(names(&two, "/api/v1/tags", "text"), ["The white van"]);
    assert_eq!(two.get_as("guard", "/api/v1/preferences").json(), dark);
    assert_eq!(two.get_as("eve", "/api/v1/preferences").status, 401);
}

/// As pages ask for it.
fn over_http(house: &House, path: &str, body: &Value) -> crate::house::Answer {
    house.post_json_as(USER, &format!("/api/v1{path}"), body)
}

#[test]
fn a_recorder_that_runs_is_saved_and_put_back_over_http() {
    let cameras = cameras(2);
    let one = House::start(&Setup::of(&cameras));
    one.add_user("guard", "ordinary");
    let door = json!({ "kind": "http", "token": "0123456789abcdef" });
    let made = one.send(one.ask_as(USER, "put", "/api/v1/config/input/door", &door));
    assert_eq!(made.status, 200, "{}", made.text());
    let short = over_http(&one, "/backup", &json!({ "password": "short" }));
    assert_eq!(short.status, 400, "{}", short.text());
    let saved = over_http(&one, "/backup", &json!({ "password": WORDS }));
    assert_eq!(saved.status, 200, "{}", saved.text());
    assert!(saved.header("content-disposition").contains(".backup\""));

    let two = House::start(&Setup::default());
    two.add_user("eve", "administrator");
    let before = kept(&two);
    let asked = |query: &str, password: &str, file: &[u8]| {
        let body = json!({ "password": password, "file": BASE64_STANDARD.encode(file) });
        let answer = over_http(&two, &format!("/restore{query}"), &body);
        (answer.status, answer.text())
    };
    let damaged = &saved.body[..saved.body.len() / 2];
    for (password, file, why) in [
        ("correct horse batterx", &saved.body[..], "password is not the one"),
        (WORDS, damaged, "cut off"),
        (WORDS, b"no backup", "no backup of Vigie"),
    ] {
        let (status, text) = asked("", password, file);
        assert!(status == 400 && text.contains(why), "{status}: {text}");
    }
    let looked = asked("?try_only=true", WORDS, &saved.body);
    assert_eq!(looked.0, 200, "{}", looked.1);
    for line in [
        "cam0",
        "input door",
        "user guard: added",
        "user eve: removed",
        "server.state_dir",
    ] {
        assert!(looked.1.contains(line), "{line}: {}", looked.1);
    }
    let body = json!({ "password": WORDS, "file": BASE64_STANDARD.encode(&saved.body) });
    let stale = two.ask_as(USER, "post", "/api/v1/restore", &body);
    assert_eq!(two.send(stale.header("if-match", "\"0\"")).status, 412);
    assert_eq!(kept(&two), before, "nothing was changed so far");
    // Larger than any other request may be.
    let large = vec![b'x'; 1 << 20];
    assert!(asked("", WORDS, &large).1.contains("no backup of Vigie"));

    let restored = asked("", WORDS, &saved.body);
    assert_eq!(restored.0, 200, "{}", restored.1);
    assert_eq!(names(&two, "/api/v1/cameras", "id"), ["cam0", "cam1"]);
    assert_eq!(names(&two, "/api/v1/users", "name"), ["guard", USER].map(Value::from));
    assert_eq!(two.get_as("eve", "/api/v1/preferences").status, 401);
    // Its secrets came along, and are kept as those that are set here.
    assert_eq!(
        two.post_with_token("/api/v1/inputs/door", "0123456789abcdef", "")
            .status,
        200
    );
    let text = fs::read_to_string(&two.config).unwrap();
    assert!(!text.contains("0123456789abcdef"), "{text}");
    two.wait_recording("cam0", "main");
    let audit = two.get("/api/v1/audit").json();
    assert!(audit.to_string().contains("restored the backup of"), "{audit}");
}
