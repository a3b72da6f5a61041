#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Edit, EditError, LISTS, Place, SINGLES};
use crate::Config;

const TEXT: &str = r#"# The lobby's recorder.
[server]
name = "Lobby" # on the pages
state_dir = "/tmp/vigie"

[[input]]
id = "door"
kind = "http"
token = "0123456789abcdef" # in the controller
# How long a pulse lasts.
hold = "10s"

[[input]]
id = "gate"
kind = "http"
token = "${GATE_TOKEN}"

[[output]]
id = "siren"
kind = "http"
on = "http://admin:hunter2@192.0.2.7/on"
off = "http://192.0.2.7/off"

[[disk]]
id = "d1"
path = "/tmp/footage"

[[camera]]
id = "yard"
username = "vigie"
password = "hunter2"
[camera.main]
url = "rtsp://192.0.2.8/main"

# Who comes in at night.
[[rule]]
id = "night"
on = ["sensor"] # the doors
from = ["door"]
outputs = ["siren"]
"#;

fn edit() -> Edit {
    Edit::new(TEXT).unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other}"),
    }
}

fn entry(table: &str, id: &str) -> Place {
    Place::new(table, Some(id)).unwrap()
}

#[test]
fn the_text_here_is_a_configuration() {
    Config::parse(TEXT, &|_| Some("0123456789abcdef".into())).unwrap();
}

#[test]
fn nothing_is_changed_by_reading() {
    assert_eq!(edit().text(), TEXT);
}

#[test]
fn secrets_are_hidden_and_variables_are_not() {
    let shown = Value::Object(edit().shown());
    assert_eq!(shown["input"][0]["token"], "***");
    assert_eq!(shown["input"][1]["token"], "${GATE_TOKEN}");
    assert_eq!(shown["camera"][0]["password"], "***");
    assert_eq!(shown["output"][0]["on"], "http://***@192.0.2.7/on");
    assert_eq!(shown["output"][0]["off"], "http://192.0.2.7/off");
    assert!(!shown.to_string().contains("hunter2"), "{shown}");
}

#[test]
fn secrets_of_what_is_wrong_are_hidden_too() {
    let wrong = "[[input]]\nid = \"door\"\nkind = \"htp\"\ntoken = \"hunter2\"\n\
                 [[camera]]\nid = \"a\"\n[camera.main]\nurl = \"gopher://me:hunter2@192.0.2.1/\"\n";
    let shown = Value::Object(Edit::new(wrong).unwrap().shown());
    assert!(!shown.to_string().contains("hunter2"), "{shown}");
}

#[test]
fn what_was_shown_can_be_written_back() {
    let mut edit = edit();
    for table in LISTS {
        for one in edit
            .shown()
            .remove(table)
            .into_iter()
            .flat_map(|list| list.as_array().cloned().unwrap())
        {
            let id = one["id"].as_str().unwrap().to_owned();
            edit.put(&entry(table, &id), object(one)).unwrap();
        }
    }
    for table in SINGLES {
        if let Some(one) = edit.shown().remove(table) {
            edit.put(&Place::new(table, None).unwrap(), object(one)).unwrap();
        }
    }
    assert_eq!(edit.text(), TEXT);
}

#[test]
fn a_change_touches_its_key_alone() {
    let mut edit = edit();
    let mut door = object(edit.get(&entry("input", "door")).unwrap());
    door.insert("hold".into(), "20s".into());
    edit.put(&entry("input", "door"), door).unwrap();
    assert_eq!(edit.text(), TEXT.replace("hold = \"10s\"", "hold = \"20s\""));
    let mut rule = object(edit.get(&entry("rule", "night")).unwrap());
    rule.insert("on".into(), json!(["sensor", "motion"]));
    rule.remove("outputs");
    edit.put(&entry("rule", "night"), rule).unwrap();
    let text = edit.text();
    assert!(text.contains("on = [\"sensor\", \"motion\"] # the doors\n"), "{text}");
    assert!(
        text.contains("# Who comes in at night.") && !text.contains("outputs"),
        "{text}"
    );
}

#[test]
fn tables_come_and_go() {
    let mut edit = edit();
    let rule = json!({"on": ["motion"], "from": ["yard"], "record": ["*"]});
    edit.put(&entry("rule", "yard"), object(rule)).unwrap();
    edit.put(&Place::new("buzzer", None).unwrap(), object(json!({"kind": "sound"})))
        .unwrap();
    let camera = json!({"main": {"url": "rtsp://192.0.2.9/main"}});
    edit.put(&entry("camera", "lane"), object(camera)).unwrap();
    let lookup = |_: &str| Some("0123456789abcdef".to_owned());
    let (config, _) = Config::parse(&edit.text(), &lookup).unwrap_or_else(|e| panic!("{e}\n{}", edit.text()));
    assert_eq!((config.rules.len(), config.cameras.len()), (2, 2));
    assert!(config.buzzer.is_some());
    for place in [
        entry("rule", "yard"),
        entry("camera", "lane"),
        Place::new("buzzer", None).unwrap(),
    ] {
        assert!(edit.remove(&place).unwrap());
        assert!(!edit.remove(&place).unwrap());
        assert_eq!(edit.get(&place), None);
    }
    assert_eq!(edit.text(), TEXT);
}

#[test]
fn the_last_of_a_list_and_lists_of_inline_tables() {
    let mut edit = Edit::new("rule = [{id = \"a\", on = [\"motion\"]}]\n").unwrap();
    edit.put(&entry("rule", "b"), object(json!({"on": ["sensor"]})))
        .unwrap();
    assert_eq!(edit.shown()["rule"].as_array().unwrap().len(), 2);
    assert!(edit.remove(&entry("rule", "a")).unwrap());
    assert!(edit.remove(&entry("rule", "b")).unwrap());
    assert_eq!(edit.text().trim(), "");
}

#[test]
fn what_cannot_be_written_changes_nothing() {
    let mut edit = edit();
    type Fits = fn(&EditError) -> bool;
    let refused: [(Value, Fits); 4] = [
        (json!({"name": null}), |e| matches!(e, EditError::Unwritable { .. })),
        (json!({"token": "***"}), |e| matches!(e, EditError::NoSecret { .. })),
        (json!({"url": "http://***@192.0.2.9/"}), |e| {
            matches!(e, EditError::NoSecret { .. })
        }),
        (json!({"id": "window"}), |e| matches!(e, EditError::OtherId { .. })),
    ];
    for (wanted, fits) in refused {
        let error = edit.put(&entry("input", "new"), object(wanted.clone())).unwrap_err();
        assert!(fits(&error), "{wanted}: {error}");
        assert_eq!(edit.text(), TEXT, "{wanted}");
    }
    assert_eq!(Place::new("rule", None), None);
    assert_eq!(Place::new("server", Some("a")), None);
    assert_eq!(Place::new("passwords", Some("a")), None);
}

#[test]
fn a_file_is_replaced_with_its_mode_and_through_links() {
    use std::{fs, os::unix::fs::PermissionsExt};
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("real.toml"), folder.path().join("vigie.toml"));
    fs::write(&file, TEXT).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    fs::write(folder.path().join(".real.toml.new"), "left").unwrap();
    super::replace(&link, "new").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    assert!(super::replace(&folder.path().join("none.toml"), "new").is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[^*]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z ]{1,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever is written can be read again, over whatever was there before.
    #[test]
    fn what_is_written_is_what_is_read(
        before in prop::collection::btree_map("[a-z]{1,6}", value(), 0..5),
        after in prop::collection::btree_map("[a-z]{1,6}", value(), 0..5),
    ) {
        let place = entry("output", "x");
        let mut edit = edit();
        let clean = |map: std::collections::BTreeMap<String, Value>| -> Map<String, Value> {
            map.into_iter().filter(|(key, _)| key != "id").collect()
        };
        edit.put(&place, clean(before)).unwrap();
        let mut after = clean(after);
        edit.put(&place, after.clone()).unwrap();
        after.insert("id".into(), "x".into());
        let again = Edit::new(&edit.text()).unwrap();
        prop_assert_eq!(again.get(&place), Some(Value::Object(after)));
        prop_assert!(edit.remove(&place).unwrap());
        prop_assert_eq!(edit.text(), TEXT);
    }
}

#[test]
fn the_whole_given_back_as_it_is_shown_changes_nothing() {
    let mut edit = edit();
    let shown = edit.shown();
    edit.put_all(shown).unwrap();
    assert_eq!(edit.text(), TEXT);
}

#[test]
fn the_whole_is_what_was_wanted_and_secrets_stay() {
    let mut edit = edit();
    let mut wanted = edit.shown();
    let inputs = wanted["input"].as_array_mut().unwrap();
    inputs.reverse();
    inputs.push(json!({ "id": "new", "kind": "http", "token": "fedcba9876543210" }));
    wanted.remove("rule");
    wanted["server"]["name"] = "Hall".into();
    wanted.insert("buzzer".into(), json!({ "kind": "sound" }));
    edit.put_all(wanted.clone()).unwrap();
    let text = edit.text();
    let again = Edit::new(&text).unwrap();
    let mut shown = again.shown();
    assert_eq!(shown["input"][2]["token"], "***");
    shown["input"][2]["token"] = "fedcba9876543210".into();
    assert_eq!(shown, wanted);
    for kept in [
        "# The lobby's recorder.",
        "0123456789abcdef",
        "password = \"hunter2\"",
        "# on the pages",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    assert!(!text.contains("night"), "{text}");
    let ids: Vec<_> = shown["input"]
        .as_array()
        .unwrap()
        .iter()
        .map(|input| input["id"].clone())
        .collect();
    assert_eq!(ids, ["gate", "door", "new"]);
}

#[test]
fn what_is_wrong_with_the_whole_changes_nothing() {
    for (change, expected) in [
        (
            json!({ "camera": {} }),
            "camera: seen an object without, expected a list of objects",
        ),
        (json!({ "camera": [{ "name": "x" }] }), "expected an id in each"),
        (json!({ "camera": [{ "id": "x" }, { "id": "x" }] }), "named twice"),
        (json!({ "server": [] }), "server: seen a list, expected an object"),
        (json!({ "sever": {} }), "sever: there is no such table"),
        (
            json!({ "camera": [{ "id": "other", "password": "***" }] }),
            "nothing is",
        ),
    ] {
        let mut edit = edit();
        let mut wanted = edit.shown();
        wanted.extend(object(change));
        let error = edit.put_all(wanted).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(edit.text(), TEXT);
    }
}

#[test]
fn the_order_is_that_of_the_ids() {
    let cameras = |ids: &[&str]| {
        let one = |id: &&str| format!("# {id}\n[[camera]]\nid = \"{id}\"\n[camera.main]\nurl = \"test://{id}\"\n\n");
        ids.iter().map(one).collect::<String>()
    };
    let around = |cameras: String| format!("[server]\nname = \"x\"\n\n{cameras}[[disk]]\nid = \"d1\"\n");
    let text = around(cameras(&["a", "b", "c"]));
    let mut edit = Edit::new(&text).unwrap();
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    for bad in [
        ids(&["a", "b"]),
        ids(&["a", "b", "b"]),
        ids(&["a", "b", "c", "d"]),
        ids(&[]),
    ] {
        assert!(
            matches!(edit.order("camera", &bad), Err(EditError::NotAll { .. })),
            "{bad:?}"
        );
    }
    edit.order("camera", &ids(&["c", "a", "b"])).unwrap();
    assert_eq!(edit.text(), around(cameras(&["c", "a", "b"])));
    edit.order("camera", &ids(&["a", "b", "c"])).unwrap();
    assert_eq!(edit.text(), text);
}

#[test]
fn a_text_is_shown_without_its_secrets() {
    let hidden = edit().hidden_text();
    let (shown, text) = (edit().shown(), Edit::new(&hidden).unwrap());
    assert!(
        !hidden.contains("hunter2") && !hidden.contains("0123456789abcdef"),
        "{hidden}"
    );
    assert!(
        hidden.contains("token = \"***\" # in the controller") && hidden.contains("${GATE_TOKEN}"),
        "{hidden}"
    );
    assert_eq!(text.shown().len(), shown.len());
}
