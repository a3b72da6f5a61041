//! The tables `[[disk]]`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use super::{
    absolute_path,
    section::{Found, Section, Text, Walk},
};
use crate::{Disk, DiskId, Server, WhenFull, format_size};

const KEEP_FREE: u64 = 5 << 30;
/// Below this a writer that has just been told to make room may still meet a full disk.
const LEAST_KEEP_FREE: u64 = 64 << 20;
const LEAST_MAX_SIZE: u64 = 1 << 20;

/// The disks that could be read, and the groups of all.
#[derive(Default)]
pub struct Disks {
    pub disks: Vec<Found<Disk>>,
    pub groups: BTreeSet<String>,
    /// False: a group may be missing only because its disk has a fault of its own.
    pub complete: bool,
}

pub fn read_all(root: &Section<'_>, server: &Server) -> Disks {
    let mut ids = BTreeMap::new();
    let mut all = Disks {
        complete: true,
        ..Disks::default()
    };
    for section in root.sections("disk") {
        let group = group(&section, "group");
        all.groups.extend(group.clone());
        match read(section, group, &mut ids) {
            Some(disk) => {
                check_place(root.walk, &disk, &all.disks, server);
                all.disks.push(disk);
            }
            None => all.complete = false,
        }
    }
    all
}

fn read(section: Section<'_>, group: Option<String>, ids: &mut BTreeMap<String, usize>) -> Option<Found<Disk>> {
    let walk = section.walk;
    let id = unique_id(&section, ids, "disk")
        .and_then(|text| DiskId::new(&text.value.value).map_err(|_| not_an_id(walk, &text)).ok());
    section.require("path", "the folder to record to");
    let path_text = section.text("path", "a path");
    let path = path_text.as_ref().and_then(|text| absolute_path(walk, text));
    let keep_free = section.size("keep_free").unwrap_or(KEEP_FREE);
    if keep_free < LEAST_KEEP_FREE {
        section.warning(
            "keep_free",
            format!(
                "less than {} may not be enough to keep recording",
                format_size(LEAST_KEEP_FREE)
            ),
        );
    }
    let max_size = section.size("max_size").filter(|bytes| {
        let fits = *bytes >= LEAST_MAX_SIZE;
        if !fits {
            section.problem("max_size", format!("expected at least {}", format_size(LEAST_MAX_SIZE)));
        }
        fits
    });
    let require_mount = section.boolean("require_mount").unwrap_or(false);
    let when_full = section.text("when_full", "\"cycle\" or \"stop\"").and_then(|text| {
        match text.value.value.as_str() {
            "cycle" => return Some(WhenFull::Cycle),
            "stop" => return Some(WhenFull::Stop),
            _ => text.problem(
                walk,
                format!("seen {:?}, expected \"cycle\" or \"stop\"", text.value.shown),
            ),
        }
        None
    });
    let tick = section.duration("tick", Duration::from_millis(100)..=Duration::from_secs(30));
    let (line, name) = (section.line_of("path"), section.field("path"));
    section.finish(|_| None);
    let disk = Disk {
        id: id?,
        path: path?,
        group: group?,
        keep_free_bytes: keep_free,
        max_size_bytes: max_size,
        require_mount,
        when_full: when_full.unwrap_or_default(),
        tick: tick.unwrap_or(Duration::from_secs(1)),
    };
    Some(Found {
        value: disk,
        line,
        path: name,
    })
}

pub fn not_an_id(walk: &Walk<'_>, text: &Found<Text>) {
    text.problem(
        walk,
        format!("{:?} is not an id: use 1 to 64 of a-z 0-9 - _", text.value.shown),
    );
}

/// Two disks in one place, or one inside the other, would delete each other's footage.
fn check_place(walk: &Walk<'_>, disk: &Found<Disk>, before: &[Found<Disk>], server: &Server) {
    let path = &disk.value.path;
    for other in before {
        if path.starts_with(&other.value.path) || other.value.path.starts_with(path) {
            let text = format!(
                "{} overlaps {} of disk {:?}",
                path.display(),
                other.value.path.display(),
                other.value.id.as_str()
            );
            walk.problem(disk.line, &*disk.path, text);
        }
    }
    if is_the_systems(path) {
        let text = format!("{} is the system's: name a folder of the disk's own", path.display());
        walk.problem(disk.line, &*disk.path, text);
    }
    if server.state_dir.starts_with(path) {
        let text = format!(
            "{} holds server.state_dir {}",
            path.display(),
            server.state_dir.display()
        );
        walk.problem(disk.line, &*disk.path, text);
    }
}

/// Folders of the Filesystem Hierarchy Standard 3.0 (§3, §6) in which footage, and what deletes it, has no
/// business at all.
fn is_the_systems(path: &Path) -> bool {
    let own = [
        "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/sbin", "/sys", "/usr",
    ];
    let is_memory = path.starts_with("/dev/shm") && path != Path::new("/dev/shm");
    path == Path::new("/") || own.iter().any(|own| path.starts_with(own)) && !is_memory
}

/// Reads `id`, which must be there and differ from those before it.
pub fn unique_id(section: &Section<'_>, ids: &mut BTreeMap<String, usize>, what: &str) -> Option<Found<Text>> {
    section.require("id", "a name of a-z 0-9 - _");
    let text = section.text("id", "a name of a-z 0-9 - _")?;
    match ids.get(&text.value.value) {
        Some(line) => {
            text.problem(
                section.walk,
                format!("{what} {:?} is already defined at line {line}", text.value.shown),
            );
            None
        }
        None => {
            ids.insert(text.value.value.clone(), text.line);
            Some(text)
        }
    }
}

/// The name of a disk group, `default` where the key is absent.
pub fn group(section: &Section<'_>, key: &'static str) -> Option<String> {
    let text = section.text(key, "the name of a disk group");
    let Some(text) = text else {
        return (!section.has(key)).then(|| "default".to_owned());
    };
    match DiskId::new(&text.value.value) {
        Ok(_) => Some(text.value.value),
        Err(_) => {
            text.problem(
                section.walk,
                format!("{:?} is not a group: use 1 to 64 of a-z 0-9 - _", text.value.shown),
            );
            None
        }
    }
}
