//! The disks beneath a block device: `/sys/class/block` (partitions, md, device-mapper).

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Layers that are followed down, and devices that are looked at, at most.
const DEEPEST: usize = 8;
const MOST: usize = 64;

/// What a block device is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Beneath {
    /// Names of md arrays (`md0`).
    pub arrays: BTreeSet<String>,
    /// Names of whole disks (`sda`, `nvme0n1`).
    pub disks: BTreeSet<String>,
    /// Names of those that are no hardware (`loop0`, `zram0`).
    pub virtual_ones: BTreeSet<String>,
}

/// `sys`: where sysfs is.
pub(super) fn by_number(sys: &Path, (major, minor): (u32, u32)) -> Option<String> {
    name_of(&std::fs::canonicalize(sys.join(format!("dev/block/{major}:{minor}"))).ok()?)
}

/// Of a device node such as `/dev/disk/by-id/…`, whose links are followed.
pub(super) fn by_node(node: &Path) -> Option<String> {
    let node = std::fs::canonicalize(node).unwrap_or_else(|_| node.to_owned());
    // The kernel writes `!` where a name has `/` (`cciss!c0d0`).
    let name = node.strip_prefix("/dev").ok()?.to_str()?.replace('/', "!");
    is_name(&name).then_some(name)
}

/// The node of a kernel's name.
pub(super) fn node(name: &str) -> String {
    format!("/dev/{}", name.replace('!', "/"))
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-!.:".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.len() < 64 && name.chars().all(fits)
}

fn name_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    is_name(name).then(|| name.to_owned())
}

/// The device's plates turn; `false` also where nobody knows.
pub(super) fn rotates(sys: &Path, disk: &str) -> bool {
    let text = std::fs::read_to_string(sys.join("class/block").join(disk).join("queue/rotational"));
    text.is_ok_and(|text| text.trim() == "1")
}

pub(super) fn beneath(sys: &Path, name: &str) -> Beneath {
    let mut found = Beneath::default();
    follow(sys, name, DEEPEST, &mut BTreeSet::new(), &mut found);
    found
}

fn follow(sys: &Path, name: &str, deepest: usize, seen: &mut BTreeSet<String>, found: &mut Beneath) {
    if deepest == 0 || seen.len() >= MOST || !is_name(name) || !seen.insert(name.to_owned()) {
        return;
    }
    let Ok(folder) = std::fs::canonicalize(sys.join("class/block").join(name)) else {
        return;
    };
    if folder.join("partition").exists() {
        if let Some(whole) = folder.parent().and_then(name_of) {
            follow(sys, &whole, deepest - 1, seen, found);
        }
        return;
    }
    if folder.join("md").is_dir() {
        found.arrays.insert(name.to_owned());
    }
    let slaves = slaves(&folder);
    for slave in &slaves {
        follow(sys, slave, deepest - 1, seen, found);
    }
    if slaves.is_empty() && !folder.join("md").is_dir() {
        let kind = if folder.join("device").exists() {
            &mut found.disks
        } else {
            &mut found.virtual_ones
        };
        kind.insert(name.to_owned());
    }
}

fn slaves(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("slaves")).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| name_of(&PathBuf::from(entry.file_name())))
        .collect();
    names.sort();
    names
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{super::tests::Sys, *};

    fn names(of: &BTreeSet<String>) -> Vec<&str> {
        of.iter().map(String::as_str).collect()
    }

    #[test]
    fn a_partition_is_its_disks() {
        let sys = Sys::new();
        sys.disk("sda", true);
        sys.partition("sda", "sda1", "8:1");
        assert_eq!(by_number(&sys.path(), (8, 1)).as_deref(), Some("sda1"));
        assert_eq!(by_number(&sys.path(), (8, 2)), None);
        assert_eq!(names(&beneath(&sys.path(), "sda1").disks), ["sda"]);
        assert!(rotates(&sys.path(), "sda") && !rotates(&sys.path(), "sdb"));
    }

    #[test]
    fn an_encrypted_volume_on_an_array_of_partitions() {
        let sys = Sys::new();
        for disk in ["sda", "sdb"] {
            sys.disk(disk, true);
            sys.partition(disk, &format!("{disk}1"), "8:0");
        }
        sys.over("md0", &["sda1", "sdb1"]);
        std::fs::create_dir(sys.path().join("class/block/md0/md")).unwrap();
        sys.over("dm-0", &["md0"]);
        sys.over("dm-1", &["dm-0", "sda1"]);
        let found = beneath(&sys.path(), "dm-1");
        assert_eq!(
            (names(&found.disks), names(&found.arrays)),
            (vec!["sda", "sdb"], vec!["md0"])
        );
        assert_eq!(names(&found.virtual_ones), Vec::<&str>::new());
    }

    #[test]
    fn what_is_no_hardware_and_what_turns_in_circles() {
        let sys = Sys::new();
        sys.over("loop0", &[]);
        assert_eq!(names(&beneath(&sys.path(), "loop0").virtual_ones), ["loop0"]);
        sys.over("dm-0", &["dm-1"]);
        sys.over("dm-1", &["dm-0"]);
        assert_eq!(beneath(&sys.path(), "dm-0"), Beneath::default());
        assert_eq!(beneath(&sys.path(), "../../etc"), Beneath::default());
        assert_eq!(beneath(&sys.path(), "gone"), Beneath::default());
    }

    #[test]
    fn nodes_and_names() {
        assert_eq!(by_node(Path::new("/dev/no-such-disk")).as_deref(), Some("no-such-disk"));
        assert_eq!(by_node(Path::new("/dev/cciss/c0d0")).as_deref(), Some("cciss!c0d0"));
        assert_eq!(node("cciss!c0d0"), "/dev/cciss/c0d0");
        for wrong in ["tank/footage", "/dev/", "/dev/--version", "/dev/a b", "/etc/passwd"] {
            assert_eq!(by_node(Path::new(wrong)), None, "{wrong}");
        }
    }
}
