//! Any actor may panic (cargo feature `fault-hooks`): what it owns heals, others lose nothing.

use std::{collections::BTreeMap, fs::File, io::Write, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;

use crate::{
    house::{Cam, House, PATIENCE, Setup, pick, shown, wait_for},
    recording::{cameras, settle},
};

/// Path below the root, kind and generation of every actor.
pub fn actors(node: &Value, path: &str, all: &mut Vec<(String, String, u64)>) {
    for child in node["children"].as_array().unwrap() {
        let name = child["name"].as_str().unwrap();
        let path = if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}/{name}")
        };
        let kind = child["kind"].as_str().unwrap().to_owned();
        actors(child, &path, all);
        all.push((path, kind, child["generation"].as_u64().unwrap()));
    }
}

pub fn find<'a>(tree: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/').try_fold(tree, |node, name| {
        node["children"].as_array()?.iter().find(|c| c["name"] == name)
    })
}

#[test]
fn panics_heal_and_neighbours_lose_nothing() {
    let (panics, each) = (pick(20, 1000), pick(1, 20));
    let cameras = cameras(pick(3, 6));
    let house = House::start(&Setup::of(&cameras));
    for name in cameras.names() {
        house.wait_recording(name, "main");
    }
    // The last camera's own branch is left alone: it is the neighbour.
    let neighbour = cameras.names().last().unwrap().to_owned();
    let mut rng = StdRng::seed_from_u64(6);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut barred: BTreeMap<String, ()> = BTreeMap::new();
    let mut done = 0;
    while done < panics || counts.values().any(|c| *c < each) {
        let mut all = Vec::new();
        wait_for("the tree", Duration::from_secs(60), || {
            let answer = house.get("/api/v1/system/tree");
            (answer.status == 200).then(|| actors(&answer.json(), "", &mut all))
        });
        all.retain(|(path, kind, _)| !path.contains(&neighbour) && !barred.contains_key(kind));
        let (path, kind, generation) = all[rng.random_range(0..all.len())].clone();
        let answer = house.post(&format!("/api/v1/test/panic?actor={path}"));
        match answer.status {
            202 | 0 => {}
            // Supervisors do nothing that can fail, so nothing makes them panic; an actor that is
            // just being restarted is met again later.
            404 => {
                let running = find(&house.tree(), &path).is_some_and(|n| n["state"] == "running");
                if running && !counts.contains_key(&kind) {
                    barred.insert(kind, ());
                }
                continue;
            }
            other => panic!("{path}: {other} {}", answer.text()),
        }
        *counts.entry(kind).or_default() += 1;
        done += 1;
        wait_for(&format!("{path} anew"), Duration::from_secs(90), || {
            let answer = house.get("/api/v1/system/tree");
            let tree = (answer.status == 200).then(|| answer.json())?;
            let node = find(&tree, &path)?;
            let anew = node["generation"].as_u64()? > generation;
            (anew && node["state"] == "running" && node["last_error"].is_string()).then_some(())
        });
    }
    for name in cameras.names() {
        house.wait_recording(name, "main");
    }
    settle(&house, &cameras);
    let mut all_hold = true;
    for log in cameras.logs() {
        let gaps = house.recordings(&log.camera, "main").gaps;
        let balance = house.footage(&log.camera, "main").balance(&log, &gaps, 250_000);
        let short = balance
            .missing
            .chunk_by(|a, b| a + 1 == *b)
            .all(|h| h.len() as u64 * log.interval_us <= 1_000_000);
        let whole = match log.camera == neighbour {
            true => balance.missing.is_empty() && balance.in_gaps == 0,
            false => short,
        };
        if !(whole && balance.doubled.is_empty() && balance.unknown.is_empty()) {
            eprintln!("{}: {balance:?} {gaps:?}", log.camera);
            all_hold = false;
        }
    }
    shown(
        6,
        &format!("{done} panics: {counts:?}; never: {:?}", barred.keys()),
        all_hold,
    );
}

/// Nobody tells of what changed before a generation watches, or was left undone by the one before.
#[test]
fn a_new_generation_takes_up_what_changed_before_it() {
    let cameras = cameras(2);
    let mut house = House::start(&Setup::new([Cam::of(&cameras, "cam0")]));
    house.wait_recording("cam0", "main");
    // Not closed: so far the watch does not hear of it.
    let mut file = File::create(&house.config).unwrap();
    file.write_all(Setup::of(&cameras).text(&house.root).as_bytes())
        .unwrap();
    assert_eq!(house.post("/api/v1/test/panic?actor=reload").status, 202);
    wait_for("the new camera", PATIENCE, || {
        let all = house.get("/api/v1/cameras").json();
        (all.as_array().unwrap().len() == 2).then_some(())
    });
    drop(file);
    house.wait_recording("cam1", "main");
    house.terminate();
}
