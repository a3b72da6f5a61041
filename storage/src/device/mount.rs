//! Where a folder is mounted from: `/proc/self/mountinfo` (proc_pid_mountinfo(5)).

use std::{io, path::Path};

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use serde::Serialize;

use super::{Finding, Health};

/// Options that bear on footage; others are not shown (some hold names and addresses).
const SHOWN: &[&str] = &[
    "ro",
    "sync",
    "dirsync",
    "noatime",
    "discard",
    "barrier",
    "nobarrier",
    "commit",
    "data",
    "errors",
    "degraded",
    "compress",
    "emergency_ro",
    "shutdown",
    "soft",
    "hard",
    "softerr",
    "timeo",
    "retrans",
    "vers",
    "proto",
];

/// File systems whose disks are another machine's.
const NETWORK: &[&str] = &[
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ceph",
    "9p",
    "afs",
    "glusterfs",
    "lustre",
    "beegfs",
    "ncpfs",
    "virtiofs",
    "davfs",
    "fuse.sshfs",
    "fuse.glusterfs",
    "fuse.ceph",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.davfs",
    "fuse.curlftpfs",
];

/// What is mounted where a folder is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mount {
    pub point: String,
    /// A device node, `host:/path`, or the name of a ZFS dataset; without credentials.
    pub source: String,
    /// `ext4`, `zfs`, `nfs4`, …
    pub file_system: String,
    pub read_only: bool,
    pub network: bool,
    /// Those that bear on footage.
    pub options: Vec<String>,
    /// Device number of the file system; major 0: none of its own.
    #[serde(skip)]
    pub device: (u32, u32),
    #[serde(skip)]
    id: u64,
}

/// What the kernel calls the mount of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// `None`: before Linux 5.8.
    pub mount: Option<u64>,
    pub device: (u32, u32),
}

impl Place {
    /// Asks nobody over a network.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let seen = statx(
            CWD,
            folder,
            AtFlags::STATX_DONT_SYNC,
            StatxFlags::TYPE | StatxFlags::MNT_ID,
        )?;
        let has = |flag: StatxFlags| seen.stx_mask & flag.bits() != 0;
        Ok(Self {
            mount: has(StatxFlags::MNT_ID).then_some(seen.stx_mnt_id),
            device: (seen.stx_dev_major, seen.stx_dev_minor),
        })
    }
}

/// The mount of `place`. By the number of its mount: btrfs gives every subvolume a device number
/// that is in no table.
pub fn find(mountinfo: &[u8], place: Place) -> Option<Mount> {
    let text = String::from_utf8_lossy(mountinfo);
    let mut by_device = None;
    for mount in text.lines().filter_map(line) {
        if place.mount == Some(mount.id) {
            return Some(mount);
        }
        if mount.device == place.device {
            by_device = Some(mount);
        }
    }
    by_device
}

fn line(line: &str) -> Option<Mount> {
    let (here, there) = line.split_once(" - ")?;
    let mut here = here.split(' ');
    let id = here.next()?.parse().ok()?;
    let (major, minor) = here.nth(1)?.split_once(':')?;
    let point = unescape(here.nth(1)?);
    let of_mount = here.next()?;
    let mut there = there.split(' ');
    let file_system = unescape(there.next()?);
    let source = without_credentials(&unescape(there.next()?));
    let of_file_system = there.next().unwrap_or_default();
    let mut options: Vec<String> = Vec::new();
    let all = || of_mount.split(',').chain(of_file_system.split(','));
    for option in all() {
        let name = option.split('=').next().unwrap_or_default();
        if SHOWN.contains(&name) && !options.iter().any(|known| known == option) {
            options.push(option.to_owned());
        }
    }
    Some(Mount {
        point,
        source,
        read_only: all().any(|option| option == "ro" || option == "emergency_ro"),
        network: NETWORK.contains(&file_system.as_str()),
        file_system,
        options,
        device: (major.parse().ok()?, minor.parse().ok()?),
        id,
    })
}

/// Space, tab, line feed and backslash are written as `\040` and so on.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = after
            .first_chunk::<3>()
            .filter(|digits| *first == b'\\' && digits.iter().all(|d| (b'0'..=b'7').contains(d)));
        let value = octal.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        bytes.push(value.unwrap_or(*first));
        rest = after.get(if value.is_some() { 3 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `https://user:password@host/` as `https://host/`.
fn without_credentials(source: &str) -> String {
    let Some((scheme, rest)) = source.split_once("://") else {
        return source.to_owned();
    };
    let host = rest.split('/').next().unwrap_or_default().len();
    let (authority, path) = rest.split_at(host);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

impl Mount {
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut all = Vec::new();
        if self.read_only {
            let why = format!(
                "{} is mounted read-only: look at the kernel's log, then fsck and mount it again",
                self.point
            );
            all.push(Finding::new(Health::Warning, why));
        }
        if self.network {
            let why = format!(
                "{} is a network file system ({}): its disks are another machine's",
                self.point, self.file_system
            );
            all.push(Finding::new(Health::Unknown, why));
        }
        all
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TABLE: &[u8] = include_bytes!("testdata/mountinfo");

    fn at(mount: u64) -> Mount {
        let place = Place {
            mount: Some(mount),
            device: (0, 0),
        };
        find(TABLE, place).unwrap()
    }

    #[test]
    fn a_disk_of_its_own() {
        let mount = at(41);
        assert_eq!(
            (mount.point.as_str(), mount.source.as_str()),
            ("/srv/vigie/d1", "/dev/sda1")
        );
        assert_eq!((mount.file_system.as_str(), mount.device), ("ext4", (8, 1)));
        assert_eq!(mount.options, ["noatime", "errors=remount-ro"]);
        assert!(!mount.read_only && !mount.network);
        assert_eq!(mount.findings(), []);
        // Without the number of the mount the device's number leads to it.
        assert_eq!(
            find(
                TABLE,
                Place {
                    mount: None,
                    device: (8, 1)
                }
            ),
            Some(mount)
        );
    }

    #[test]
    fn names_with_spaces_subvolumes_datasets_and_networks() {
        assert_eq!(at(42).point, "/srv/vigie/two disks\\old");
        let subvolume = at(43);
        assert_eq!(
            (subvolume.file_system.as_str(), subvolume.source.as_str()),
            ("btrfs", "/dev/sdc")
        );
        assert_eq!(at(44).source, "tank/footage");
        let network = at(45);
        assert!(network.network && network.findings()[0].state == Health::Unknown);
        assert_eq!(
            network.options,
            ["vers=4.2", "hard", "proto=tcp", "timeo=600", "retrans=2"]
        );
        let shared = at(46);
        assert_eq!(shared.options, ["vers=3.1.1", "soft"], "no name of a user");
        assert_eq!(at(47).source, "https://files.example/dav/", "no credential");
    }

    #[test]
    fn a_file_system_that_went_read_only_says_so() {
        let mount = at(48);
        assert!(mount.read_only);
        assert_eq!(mount.findings()[0].state, Health::Warning);
        assert!(at(49).read_only, "emergency_ro");
    }

    #[test]
    fn this_machines_own_table_has_the_mount_of_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let table = std::fs::read("/proc/self/mountinfo").unwrap();
        let mount = find(&table, Place::of(folder.path()).unwrap()).unwrap();
        assert!(folder.path().starts_with(&mount.point), "{mount:?}");
    }
}
