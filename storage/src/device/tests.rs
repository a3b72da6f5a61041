//! The whole look at a made-up machine, and parsers against any bytes.

#![allow(clippy::unwrap_used)]

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use proptest::prelude::*;

use super::{md::SysFiles, mount::Place, *};

/// A `/sys` with block devices.
pub(super) struct Sys(tempfile::TempDir);

impl Sys {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["sys/class/block", "sys/dev/block", "sys/devices", "proc/self"] {
            std::fs::create_dir_all(folder.path().join(part)).unwrap();
        }
        Self(folder)
    }

    pub fn root(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().join("sys")
    }

    fn device(&self, name: &str, folder: PathBuf) -> PathBuf {
        std::fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink(&folder, self.path().join("class/block").join(name)).unwrap();
        folder
    }

    pub fn disk(&self, name: &str, rotates: bool) {
        let folder = self.device(name, self.path().join("devices").join(name));
        for part in ["device", "queue", "slaves"] {
            std::fs::create_dir(folder.join(part)).unwrap();
        }
        std::fs::write(folder.join("queue/rotational"), if rotates { "1\n" } else { "0\n" }).unwrap();
    }

    pub fn partition(&self, disk: &str, name: &str, number: &str) {
        let folder = self.device(name, self.path().join("devices").join(disk).join(name));
        std::fs::write(folder.join("partition"), "1\n").unwrap();
        self.number(name, number);
    }

    fn number(&self, name: &str, number: &str) {
        let by_number = self.path().join("dev/block").join(number);
        drop(std::os::unix::fs::symlink(
            self.path().join("class/block").join(name),
            by_number,
        ));
    }

    /// A device that is made of others.
    pub fn over(&self, name: &str, slaves: &[&str]) {
        let folder = self.device(name, self.path().join("devices/virtual").join(name));
        std::fs::create_dir(folder.join("slaves")).unwrap();
        for slave in slaves {
            std::fs::write(folder.join("slaves").join(slave), "").unwrap();
        }
    }
}

type Ran = Arc<Mutex<Vec<String>>>;

/// `recorded` prints what a program prints, by the last of its arguments.
fn host(sys: &Sys, recorded: fn(&str) -> Option<&'static [u8]>) -> (Host, Ran) {
    let ran = Ran::default();
    let log = ran.clone();
    let host = Host::new(sys.root(), move |program, arguments| {
        log.lock().unwrap().push(format!("{program:?} {}", arguments.join(" ")));
        let absent = RunError::Absent {
            path: "/usr/sbin/smartctl",
            package: "smartmontools",
        };
        recorded(arguments.last().unwrap()).map(<[u8]>::to_vec).ok_or(absent)
    });
    (host, ran)
}

fn mounted(sys: &Sys) -> Place {
    std::fs::write(
        sys.root().join("proc/self/mountinfo"),
        include_bytes!("testdata/mountinfo"),
    )
    .unwrap();
    Place {
        mount: None,
        device: (0, 0),
    }
}

fn at(sys: &Sys, mount: u64) -> Place {
    Place {
        mount: Some(mount),
        ..mounted(sys)
    }
}

#[test]
fn a_partition_of_a_good_disk() {
    let sys = Sys::new();
    sys.disk("sda", true);
    sys.partition("sda", "sda1", "8:1");
    let (host, ran) = host(&sys, |_| Some(include_bytes!("testdata/smart-ata-good.json")));
    let report = host.inspect_place(at(&sys, 41));
    assert_eq!((report.state, report.reasons.len()), (Health::Good, 0), "{report:?}");
    assert_eq!(report.smart[0].device, "/dev/sda");
    let asked = "Smartctl --json --info --health --attributes --nocheck=standby,3 /dev/sda";
    assert_eq!(*ran.lock().unwrap(), [asked]);
}

#[test]
fn an_array_with_a_failing_member_names_it() {
    let sys = Sys::new();
    for disk in ["sda", "sdb"] {
        sys.disk(disk, true);
        sys.partition(disk, &format!("{disk}1"), "8:1");
    }
    sys.over("md0", &["sda1", "sdb1"]);
    sys.number("md0", "9:0");
    let md = sys.path().join("class/block/md0/md");
    std::fs::create_dir(&md).unwrap();
    std::fs::write(md.join("degraded"), "1\n").unwrap();
    std::fs::write(sys.root().join("proc/mdstat"), include_bytes!("testdata/mdstat")).unwrap();
    let (host, _) = host(&sys, |device| match device {
        "/dev/sdb" => Some(include_bytes!("testdata/smart-ata-failing.json")),
        _ => Some(include_bytes!("testdata/smart-ata-good.json")),
    });
    let report = host.inspect_place(at(&sys, 42));
    assert_eq!(report.state, Health::Failing);
    assert!(report.reasons[0].contains("md0 is degraded"), "{:?}", report.reasons);
    assert!(
        report
            .reasons
            .iter()
            .any(|why| why.starts_with("/dev/sdb (ST4000VX007")),
        "{:?}",
        report.reasons
    );
    assert_eq!(report.smart.len(), 2);
}

#[test]
fn a_pool_and_its_disks() {
    let sys = Sys::new();
    for disk in ["sda", "sdb"] {
        sys.disk(disk, true);
        sys.partition(disk, &format!("{disk}1"), "8:1");
    }
    let (host, ran) = host(&sys, |last| match last {
        "tank" => Some(include_bytes!("testdata/zpool-degraded")),
        _ => Some(include_bytes!("testdata/smart-ata-good.json")),
    });
    let report = host.inspect_place(at(&sys, 44));
    assert_eq!(report.state, Health::Failing);
    assert_eq!(report.pool.as_ref().unwrap().name, "tank");
    assert_eq!(report.smart.len(), 2);
    assert_eq!(ran.lock().unwrap()[0], "Zpool status -P -L tank");
}

#[test]
fn without_smartctl_and_on_a_network_the_state_is_unknown_and_says_why() {
    let sys = Sys::new();
    sys.disk("sda", false);
    sys.partition("sda", "sda1", "8:1");
    let (host, ran) = host(&sys, |_| None);
    let report = host.inspect_place(at(&sys, 41));
    assert_eq!(report.state, Health::Unknown);
    assert!(
        report.reasons[0].contains("install the package smartmontools"),
        "{:?}",
        report.reasons
    );
    ran.lock().unwrap().clear();
    let network = host.inspect_place(at(&sys, 45));
    assert_eq!(network.state, Health::Unknown);
    assert!(
        network.reasons[0].contains("another machine's"),
        "{:?}",
        network.reasons
    );
    assert!(ran.lock().unwrap().is_empty(), "there is nothing to ask");
    let nowhere = host.inspect_place(mounted(&sys));
    assert_eq!((nowhere.state, nowhere.mount), (Health::Unknown, None));
}

#[test]
fn this_machine_is_looked_at_without_running_anything() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::new("/", |_, _| {
        Err(RunError::Absent {
            path: "/usr/sbin/smartctl",
            package: "smartmontools",
        })
    });
    let report = host.inspect(folder.path());
    assert!(report.mount.is_some(), "{report:?}");
    let gone = host.inspect(&folder.path().join("gone"));
    assert!(gone.reasons[0].contains("cannot look at"), "{:?}", gone.reasons);
}

/// Real text with a few bytes changed, cut, or doubled.
fn spoiled(text: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let changes = proptest::collection::vec((0..text.len(), any::<u8>()), 0..8);
    (changes, 0..=text.len(), any::<bool>()).prop_map(move |(changes, cut, twice)| {
        let mut bytes = text.to_vec();
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(cut);
        if twice { bytes.repeat(2) } else { bytes }
    })
}

fn hostile(text: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![proptest::collection::vec(any::<u8>(), 0..2000), spoiled(text)]
}

proptest! {
    #[test]
    fn smart_takes_any_bytes(bytes in hostile(include_bytes!("testdata/smart-ata-failing.json"))) {
        let smart = smart::parse("/dev/sda", &bytes);
        prop_assert!(smart.state == Health::Good || !smart.reasons.is_empty());
        prop_assert!(smart.state == Health::Unknown || smart.passed.is_some());
    }

    #[test]
    fn smart_of_nvme_takes_any_bytes(bytes in hostile(include_bytes!("testdata/smart-nvme-failing.json"))) {
        smart::parse("/dev/nvme0n1", &bytes).findings();
    }

    #[test]
    fn mdstat_takes_any_bytes(bytes in hostile(include_bytes!("testdata/mdstat")), degraded in ".{0,8}") {
        let sys = SysFiles { degraded: Some(degraded), ..SysFiles::default() };
        for name in ["md0", "md1", "md2", "md4", "md8", ""] {
            drop(md::parse(name, &bytes, &sys).map(|array| array.findings()));
        }
    }

    #[test]
    fn zpool_takes_any_bytes(bytes in hostile(include_bytes!("testdata/zpool-degraded"))) {
        if let Ok(pool) = zfs::parse("tank", &bytes) {
            pool.findings();
        }
    }

    #[test]
    fn mountinfo_takes_any_bytes(bytes in hostile(include_bytes!("testdata/mountinfo")), device in (0u32..10, 0u32..70)) {
        for mount in [None, Some(45), Some(47)] {
            if let Some(found) = mount::find(&bytes, Place { mount, device }) {
                found.findings();
            }
        }
    }
}
