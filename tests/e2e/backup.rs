//! The set-up of a recorder goes into one file and comes back on another machine.

use std::{fs, path::Path, process::Output};

use serde_json::{Value, json};

use crate::{
    house::{House, Setup, USER},
    recording::cameras,
};

pub const WORDS: &str = "correct horse battery";

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
pub fn kept(house: &House) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![("vigie.toml".to_owned(), fs::read(&house.config).unwrap())];
    for name in [
        "accounts.jsonl",
        "layouts.jsonl",
        "preferences.jsonl",
        "tags.jsonl",
        "secrets.toml",
    ] {
        let text = fs::read(house.root.join("state").join(name)).unwrap_or_default();
        all.push((name.to_owned(), text));
    }
    all
}

pub fn names(house: &House, path: &str, key: &str) -> Vec<Value> {
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
