//! The tables `[[disk]]`.

use std::{collections::BTreeMap, time::Duration};

use super::{absolute_path, section::{Found, Section, Text, Walk}};
use crate::{Disk, DiskId, Server, format_size};

const KEEP_FREE: u64 = 5 << 30;
/// Below this a writer that has just been told to make room may still meet a full disk.
const LEAST_KEEP_FREE: u64 = 64 << 20;
const LEAST_MAX_SIZE: u64 = 1 << 20;

pub fn read_all(root: &Section<'_>, server: &Server) -> Vec<Found<Disk>> {
    let mut ids = BTreeMap::new();
    let mut disks: Vec<Found<Disk>> = Vec::new();
    for section in root.sections("disk") {
        let Some(disk) = read(section, &mut ids) else { continue };
        check_place(root.walk, &disk, &disks, server);
        disks.push(disk);
    }
    disks
}

fn read(section: Section<'_>, ids: &mut BTreeMap<String, usize>) -> Option<Found<Disk>> {
    let walk = section.walk;
    let id = unique_id(&section, ids, "disk").and_then(|text| {
        DiskId::new(&text.value.value).map_err(|error| text.problem(walk, error.to_string())).ok()
    });
    section.require("path", "the folder to record to");
    let path_text = section.text("path", "a path");
    let path = path_text.as_ref().and_then(|text| absolute_path(walk, text));
    let group = group(&section, "group");
    let keep_free = section.size("keep_free").unwrap_or(KEEP_FREE);
    if keep_free < LEAST_KEEP_FREE {
        section.warning("keep_free", format!("less than {} may not be enough to keep recording", format_size(LEAST_KEEP_FREE)));
    }
    let max_size = section.size("max_size").filter(|bytes| {
        let fits = *bytes >= LEAST_MAX_SIZE;
        if !fits {
            section.problem("max_size", format!("expected at least {}", format_size(LEAST_MAX_SIZE)));
        }
        fits
    });
    let require_mount = section.boolean("require_mount").unwrap_or(false);
    let tick = section.duration("tick", Duration::from_millis(100)..=Duration::from_secs(30));
    let (line, name) = (section.line_of("path"), section.field("path"));
    section.finish(|_| None);
    let disk = Disk {
        id: id?,
        path: path?,
        group,
        keep_free_bytes: keep_free,
        max_size_bytes: max_size,
        require_mount,
        tick: tick.unwrap_or(Duration::from_secs(1)),
    };
    Some(Found { value: disk, line, path: name })
}

/// Two disks in one place, or one inside the other, would delete each other's footage.
fn check_place(walk: &Walk<'_>, disk: &Found<Disk>, before: &[Found<Disk>], server: &Server) {
    let path = &disk.value.path;
    for other in before {
        if path.starts_with(&other.value.path) || other.value.path.starts_with(path) {
            let text = format!("{} overlaps {} of disk {:?}", path.display(), other.value.path.display(), other.value.id.as_str());
            walk.problem(disk.line, &*disk.path, text);
        }
    }
    if server.state_dir.starts_with(path) {
        let text = format!("{} holds server.state_dir {}", path.display(), server.state_dir.display());
        walk.problem(disk.line, &*disk.path, text);
    }
}

/// Reads `id`, which must be there and differ from those before it.
pub fn unique_id(section: &Section<'_>, ids: &mut BTreeMap<String, usize>, what: &str) -> Option<Found<Text>> {
    section.require("id", "a name of a-z 0-9 - _");
    let text = section.text("id", "a name of a-z 0-9 - _")?;
    match ids.get(&text.value.value) {
        Some(line) => {
            text.problem(section.walk, format!("{what} {:?} is already defined at line {line}", text.value.shown));
            None
        }
        None => {
            ids.insert(text.value.value.clone(), text.line);
            Some(text)
        }
    }
}

/// Reads the name of a disk group, or answers `default`.
pub fn group(section: &Section<'_>, key: &'static str) -> String {
    let Some(text) = section.text(key, "the name of a disk group") else { return "default".to_owned() };
    if let Err(error) = DiskId::new(&text.value.value) {
        text.problem(section.walk, error.to_string());
    }
    text.value.value
}
