//! The house of ARCHITECTURE.md holds: dependencies run one way, and no crate reaches past its
//! neighbours. Read from `cargo metadata`, so a new crate has to be placed here first.

#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

/// What each crate of ours may depend on, directly.
const HOUSE: &[(&str, &[&str])] = &[
    (
        "vigie",
        &[
            "vigie-web",
            "vigie-actors",
            "vigie-media",
            "vigie-storage",
            "vigie-config",
        ],
    ),
    (
        "vigie-web",
        &["vigie-actors", "vigie-media", "vigie-storage", "vigie-config"],
    ),
    ("vigie-actors", &["vigie-media", "vigie-storage", "vigie-config"]),
    ("vigie-media", &["vigie-config"]),
    ("vigie-storage", &["vigie-config"]),
    ("vigie-config", &[]),
    ("vigie-fake-camera", &[]),
    ("vigie-fault-disk", &[]),
];

/// Which crate may know which foreign library: GStreamer stays in media, and so on.
const KEPT_IN: &[(&str, &[&str])] = &[
    ("gstreamer", &["vigie-media"]),
    ("gstreamer-rtsp-server", &["vigie-media"]),
    ("sled", &["vigie-storage"]),
    ("ractor", &["vigie-actors"]),
    ("actix", &["vigie-web"]),
    ("actix-web", &["vigie-web"]),
    (
        "tokio",
        &["vigie", "vigie-web", "vigie-actors", "vigie-media", "vigie-fake-camera"],
    ),
    ("retina", &[]),
    ("fuser", &["vigie-fault-disk"]),
];

fn direct_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap();
            // `kind` is null for what the product itself links.
            let linked = dependencies.iter().filter(|d| d["kind"].is_null());
            let names = linked.map(|d| d["name"].as_str().unwrap().to_string()).collect();
            (package["name"].as_str().unwrap().to_string(), names)
        })
        .collect()
}

#[test]
fn dependencies_run_one_way() {
    for (package, dependencies) in direct_dependencies() {
        let Some((_, allowed)) = HOUSE.iter().find(|(name, _)| *name == package) else {
            panic!("{package} has no place in the house: put it into ARCHITECTURE.md and into this test");
        };
        for dependency in dependencies.iter().filter(|d| d.starts_with("vigie")) {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{package} may not depend on {dependency}"
            );
        }
    }
}

#[test]
fn foreign_libraries_stay_where_they_belong() {
    for (package, dependencies) in direct_dependencies() {
        for (library, homes) in KEPT_IN {
            let used = dependencies.contains(*library);
            assert!(
                !used || homes.contains(&package.as_str()),
                "{package} may not depend on {library}"
            );
        }
    }
}

#[test]
fn there_is_no_drawer_for_everything() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for part in ["src", "config/src", "media/src", "storage/src", "actors/src", "web/src"] {
        let mut folders = vec![root.join(part)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap().flatten() {
                let name = entry.file_name().to_string_lossy().trim_end_matches(".rs").to_string();
                let drawer = ["common", "utils", "util", "helpers", "misc"].contains(&name.as_str());
                assert!(!drawer, "{}: name it for what it does", entry.path().display());
                if entry.path().is_dir() {
                    folders.push(entry.path());
                }
            }
        }
    }
}
