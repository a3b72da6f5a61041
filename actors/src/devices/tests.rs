//! Recorded output of smartctl in place of a device; every assertion waits for a state.

#![allow(clippy::unwrap_used)]

use std::sync::{
    Condvar,
    atomic::{AtomicUsize, Ordering},
};

use ractor::{ActorRef, call};
use tokio::sync::watch;
use vigie_storage::{Storage, StorageOptions, device::smart};

use super::*;
use crate::{
    disks::{disk_child, plain_disk},
    supervise::{Node, SupervisorMsg, spawn_root},
};

const GOOD: &[u8] = include_bytes!("../../../storage/src/device/testdata/smart-ata-good.json");
const WORN: &[u8] = include_bytes!("../../../storage/src/device/testdata/smart-ata-worn.json");
const FAILING: &[u8] = include_bytes!("../../../storage/src/device/testdata/smart-ata-failing.json");
const ASLEEP: &[u8] = include_bytes!("../../../storage/src/device/testdata/smart-asleep.json");

fn report(recorded: &[u8]) -> DeviceReport {
    let disk = smart::parse("/dev/sda", recorded);
    DeviceReport::new(None, Vec::new(), None, vec![disk], Vec::new())
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..4000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never came true: {what}");
}

/// Disks `one` and `two` with their actors, and the devices.
struct House {
    folder: tempfile::TempDir,
    storage: Arc<Storage>,
    devices: Arc<Devices>,
    events: Events,
    node: Arc<Node>,
    root: ActorRef<SupervisorMsg>,
}

impl House {
    async fn new(pace: Pace, probe: Probe) -> House {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(&folder.path().join("state"), StorageOptions::default()).unwrap();
        let disks = Disks::new(storage.clone(), watch::Sender::new(BTreeMap::new()));
        let (events, devices) = (Events::default(), Devices::new(probe, pace));
        let mut children = Vec::new();
        for id in ["one", "two"] {
            let disk = plain_disk(id, folder.path().join(id));
            std::fs::create_dir(&disk.path).unwrap();
            disks.configure(&disk);
            children.push(disk_child(&disk, disks.clone(), events.clone()));
        }
        children.push(devices_child(devices.clone(), disks, events.clone()));
        let node = Node::new("root", "root");
        let root = spawn_root(node.clone(), children).await.unwrap();
        House {
            folder,
            storage,
            devices,
            events,
            node,
            root,
        }
    }

    fn state(&self, disk: &str) -> Option<Health> {
        Some(self.devices.snapshots().get(&DiskId::new(disk).unwrap())?.report.state)
    }

    fn told(&self) -> u64 {
        self.events.counts().get(&EventKind::DiskFailing).copied().unwrap_or(0)
    }

    async fn end(self) {
        call!(self.root, SupervisorMsg::Shutdown).unwrap();
        self.storage.close();
    }
}

fn often() -> Pace {
    Pace {
        every: Duration::from_millis(10),
        between: Duration::from_millis(2),
        patience: Duration::from_secs(600),
    }
}

/// Disk `one` says what it was given last, `two` is good; counts the looks at `one`.
struct Script {
    says: Arc<Mutex<&'static [u8]>>,
    looks: Arc<AtomicUsize>,
}

impl Script {
    fn new(first: &'static [u8]) -> Self {
        Self {
            says: Arc::new(Mutex::new(first)),
            looks: Arc::default(),
        }
    }

    fn probe(&self) -> Probe {
        let (says, looks) = (self.says.clone(), self.looks.clone());
        Arc::new(move |folder| {
            if folder.ends_with("two") {
                return report(GOOD);
            }
            let says = *says.lock().unwrap();
            looks.fetch_add(1, Ordering::SeqCst);
            report(says)
        })
    }

    /// Several looks at what it says now, to their end.
    async fn says(&self, recorded: &'static [u8]) {
        *self.says.lock().unwrap() = recorded;
        let before = self.looks.load(Ordering::SeqCst);
        until("it was looked at", || self.looks.load(Ordering::SeqCst) >= before + 4).await;
    }
}

#[tokio::test]
async fn a_disk_that_turns_bad_is_told_once_and_again_only_after_it_was_good() {
    let script = Script::new(GOOD);
    let house = House::new(often(), script.probe()).await;
    script.says(GOOD).await;
    assert_eq!((house.state("one"), house.told()), (Some(Health::Good), 0));
    script.says(FAILING).await;
    assert_eq!((house.state("one"), house.told()), (Some(Health::Failing), 1));
    for recorded in [WORN, FAILING, b"no JSON", FAILING] {
        script.says(recorded).await;
        assert_eq!(house.told(), 1, "it was not good since");
    }
    script.says(GOOD).await;
    script.says(FAILING).await;
    assert_eq!(house.told(), 2);
    assert_eq!(house.state("two"), Some(Health::Good));
    until("the tree shows it", || {
        let tree = house.node.tree();
        let shown = tree.children.iter().find(|child| child.name == "devices").unwrap();
        shown.detail["one"]["state"] == "failing" && shown.detail["one"]["smart"][0]["passed"] == false
    })
    .await;
    house.end().await;
}

#[tokio::test]
async fn a_disk_that_sleeps_keeps_what_it_said_awake() {
    let script = Script::new(FAILING);
    let house = House::new(often(), script.probe()).await;
    script.says(FAILING).await;
    script.says(ASLEEP).await;
    let all = house.devices.snapshots();
    let smart = &all[&DiskId::new("one").unwrap()].report.smart[0];
    assert!(smart.asleep);
    assert_eq!(
        (smart.pending_sectors, house.state("one")),
        (Some(24), Some(Health::Failing))
    );
    house.end().await;
}

#[tokio::test]
async fn a_look_that_hangs_holds_up_nobody() {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let (hangs, begun) = (gate.clone(), Arc::new(AtomicUsize::new(0)));
    let count = begun.clone();
    let probe: Probe = Arc::new(move |folder| {
        if folder.ends_with("one") {
            count.fetch_add(1, Ordering::SeqCst);
            drop(hangs.1.wait_while(hangs.0.lock().unwrap(), |open| !*open).unwrap());
            return report(FAILING);
        }
        report(GOOD)
    });
    let pace = Pace {
        patience: Duration::from_millis(50),
        ..often()
    };
    let house = House::new(pace, probe.clone()).await;
    until("the other disk is looked at", || {
        house.state("two") == Some(Health::Good)
    })
    .await;
    until("it is shown as one that does not answer", || {
        let all = house.devices.snapshots();
        all.get(&DiskId::new("one").unwrap())
            .is_some_and(|one| one.report.reasons[0].contains("has not answered"))
    })
    .await;
    let looked_at = |disk: &str| house.devices.snapshots()[&DiskId::new(disk).unwrap()].looked_at;
    let before = looked_at("two");
    until("the other disk is looked at again", || looked_at("two") > before).await;
    assert_eq!(
        begun.load(Ordering::SeqCst),
        1,
        "a second look at it would hang as well"
    );
    for id in ["one", "two"] {
        assert!(
            house
                .storage
                .volume(&DiskId::new(id).unwrap())
                .is_some_and(|volume| !volume.has_failed())
        );
        assert!(
            house.folder.path().join(id).join("vigie-volume.toml").exists(),
            "{id} is recorded on"
        );
    }
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    until("what it said in the end counts", || house.told() == 1).await;
    house.end().await;

    // The house ends while a look hangs.
    *gate.0.lock().unwrap() = false;
    let patient = House::new(often(), probe).await;
    until("a look hangs", || {
        begun.load(Ordering::SeqCst) > 1 && patient.devices.is_looking(&DiskId::new("one").unwrap())
    })
    .await;
    let ending = tokio::time::timeout(Duration::from_secs(120), patient.end());
    ending.await.expect("the end did not wait for it");
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
}

#[test]
fn disks_that_are_not_in_use_wait_and_one_look_at_a_time_is_begun() {
    let devices = Devices::new(Arc::new(|_| report(GOOD)), Pace::default());
    let (one, two) = (
        Arc::new(plain_disk("one", "/one".into())),
        Arc::new(plain_disk("two", "/two".into())),
    );
    let start = Instant::now();
    let after = |minutes: u64| start + Duration::from_secs(60 * minutes);
    let next = |in_use: [bool; 2], now| {
        let disks = [(one.clone(), in_use[0]), (two.clone(), in_use[1])];
        devices
            .next(&disks, now)
            .map(|(disk, look, _)| (disk.id.to_string(), look))
    };
    assert!(next([false, false], start).is_none());
    let (first, look) = next([true, true], start).unwrap();
    assert_eq!(first, "one");
    assert_eq!(next([true, true], after(1)).unwrap().0, "two");
    drop(look);
    assert!(next([true, true], after(29)).is_none());
    assert_eq!(next([true, true], after(30)).unwrap().0, "one");
    assert_eq!(next([true, true], after(31)).unwrap().0, "two");
    // One that was away is looked at as soon as it is back.
    assert!(next([false, true], after(32)).is_none());
    assert_eq!(next([true, true], after(33)).unwrap().0, "one");
}
