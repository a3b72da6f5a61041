//! The thin reader: asks the kernel and the programs, and hands what they say to the parsers.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{
    DeviceReport, Finding, Health, Program, RunError, block, md,
    mount::{self, Mount, Place},
    program,
    smart::{self, Smart},
    zfs::{self, Pool},
};

/// Disks of one volume that are asked, at most.
const MOST: usize = 64;

type Run = dyn Fn(Program, &[&str]) -> Result<Vec<u8>, RunError> + Send + Sync;

/// The machine as seen from here.
pub struct Host {
    /// Where `proc` and `sys` are.
    root: PathBuf,
    run: Box<Run>,
}

impl Default for Host {
    fn default() -> Self {
        Self::new("/", program::run)
    }
}

impl Host {
    /// `run` stands for the programs.
    pub fn new(
        root: impl Into<PathBuf>,
        run: impl Fn(Program, &[&str]) -> Result<Vec<u8>, RunError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            root: root.into(),
            run: Box::new(run),
        }
    }

    /// What is under `folder`. Runs programs, a device after the other: may take long, and with a
    /// device that hangs as long as that does.
    pub fn inspect(&self, folder: &Path) -> DeviceReport {
        match Place::of(folder) {
            Ok(place) => self.inspect_place(place),
            Err(error) => DeviceReport::unknown(format!("cannot look at {}: {error}", folder.display())),
        }
    }

    pub(super) fn inspect_place(&self, place: Place) -> DeviceReport {
        let table = self.root.join("proc/self/mountinfo");
        let mount = match fs::read(&table) {
            Ok(bytes) => mount::find(&bytes, place),
            Err(error) => return DeviceReport::unknown(format!("cannot read {}: {error}", table.display())),
        };
        let Some(mount) = mount else {
            return DeviceReport::unknown("no mount of this folder is known to the kernel");
        };
        let mut findings = Vec::new();
        let mut pool = None;
        let mut tops = BTreeSet::new();
        if mount.file_system == "zfs" {
            match self.pool(&mount.source) {
                Ok(found) => {
                    tops.extend(found.nodes().filter_map(|node| block::by_node(Path::new(node))));
                    pool = Some(found);
                }
                Err(why) => findings.push(Finding::new(Health::Unknown, why)),
            }
        } else if !mount.network {
            match self.top(&mount) {
                Some(top) => drop(tops.insert(top)),
                None => findings.push(Finding::new(
                    Health::Unknown,
                    format!("{} ({}) has no device of its own", mount.source, mount.file_system),
                )),
            }
        }
        let (mut arrays, mut disks) = (BTreeSet::new(), BTreeSet::new());
        for top in &tops {
            let found = block::beneath(&self.sys(), top);
            arrays.extend(found.arrays);
            disks.extend(found.disks);
            for name in found.virtual_ones {
                let why = format!("{} is no hardware: it has no SMART", block::node(&name));
                findings.push(Finding::new(Health::Unknown, why));
            }
        }
        let arrays = self.arrays(&arrays, &mut findings);
        let smart = disks.iter().take(MOST).map(|disk| self.smart(disk)).collect();
        DeviceReport::new(Some(mount), arrays, pool, smart, findings)
    }

    fn sys(&self) -> PathBuf {
        self.root.join("sys")
    }

    /// The block device that a file system is on; of btrfs one of them.
    fn top(&self, mount: &Mount) -> Option<String> {
        block::by_number(&self.sys(), mount.device).or_else(|| block::by_node(Path::new(&mount.source)))
    }

    fn pool(&self, dataset: &str) -> Result<Pool, String> {
        let pool = zfs::pool_of(dataset).ok_or_else(|| format!("{dataset:?} is no dataset of ZFS"))?;
        let output = (self.run)(Program::Zpool, &zfs::arguments(pool)).map_err(|error| error.to_string())?;
        zfs::parse(pool, &output).map_err(|said| {
            format!("zpool does not say how {pool} is ({said}): docs/operate.md, \"What the disks say of themselves\", says what it needs")
        })
    }

    fn arrays(&self, names: &BTreeSet<String>, findings: &mut Vec<Finding>) -> Vec<md::Array> {
        if names.is_empty() {
            return Vec::new();
        }
        let mdstat = fs::read(self.root.join("proc/mdstat")).unwrap_or_default();
        let mut all = Vec::new();
        for name in names {
            let folder = self.sys().join("class/block").join(name).join("md");
            let file = |name: &str| fs::read_to_string(folder.join(name)).ok();
            let sys = md::SysFiles {
                array_state: file("array_state"),
                degraded: file("degraded"),
                sync_action: file("sync_action"),
            };
            match md::parse(name, &mdstat, &sys) {
                Some(array) => all.push(array),
                None => findings.push(Finding::new(
                    Health::Unknown,
                    format!("/proc/mdstat says nothing of {name}"),
                )),
            }
        }
        all
    }

    fn smart(&self, disk: &str) -> Smart {
        let node = block::node(disk);
        let arguments = smart::arguments(&node, block::rotates(&self.sys(), disk));
        match (self.run)(Program::Smartctl, &arguments) {
            Ok(output) => smart::parse(&node, &output),
            Err(error) => Smart::unknown(&node, error.to_string()),
        }
    }
}
