//! Recorded `/proc/mdstat` in, states out.

#![allow(clippy::unwrap_used)]

use super::{Health, md::*};

const MDSTAT: &[u8] = include_bytes!("testdata/mdstat");

fn array(name: &str) -> Array {
    parse(name, MDSTAT, &SysFiles::default()).unwrap()
}

fn sys(array_state: &str, degraded: &str, sync_action: &str) -> SysFiles {
    let some = |text: &str| Some(format!("{text}\n"));
    SysFiles {
        array_state: some(array_state),
        degraded: some(degraded),
        sync_action: some(sync_action),
    }
}

#[test]
fn a_healthy_array_says_nothing() {
    for name in ["md0", "md7"] {
        let array = array(name);
        assert_eq!((array.state, array.findings()), (ArrayState::Healthy, vec![]), "{name}");
    }
    let array = array("md0");
    assert_eq!(array.level.as_deref(), Some("raid1"));
    assert_eq!(
        (array.members, array.wanted, array.working),
        (vec!["sdb1".into(), "sda1".into()], Some(2), Some(2))
    );
    assert_eq!(parse("md", MDSTAT, &SysFiles::default()), None);
    assert_eq!(parse("md99", MDSTAT, &SysFiles::default()), None);
}

#[test]
fn a_degraded_one_names_its_failed_member() {
    let array = array("md1");
    assert_eq!(
        (array.state, array.faulty.as_slice()),
        (ArrayState::Degraded, ["sdd1".to_owned()].as_slice())
    );
    let found = &array.findings()[0];
    assert_eq!(found.state, Health::Failing);
    assert!(
        found.text.contains("1 of 2 members work, failed: sdd1"),
        "{}",
        found.text
    );
    assert!(found.text.contains("mdadm --manage /dev/md1"), "{}", found.text);
}

#[test]
fn one_that_is_rebuilt_says_how_far() {
    let array = array("md2");
    assert_eq!(array.state, ArrayState::Rebuilding);
    assert_eq!(
        array.action,
        Some(Action {
            name: "recovery".into(),
            percent: Some(8.5)
        })
    );
    assert_eq!(array.findings()[0].state, Health::Warning);
    assert!(array.findings()[0].text.contains("8.5 % done"));
    let delayed = self::array("md3");
    assert_eq!(delayed.state, ArrayState::Rebuilding);
    assert_eq!(delayed.action.unwrap().percent, None);
}

#[test]
fn a_check_is_no_trouble() {
    let array = array("md7");
    assert_eq!(
        array.action,
        Some(Action {
            name: "check".into(),
            percent: Some(42.1)
        })
    );
}

#[test]
fn too_many_missing_is_a_failed_array() {
    for (name, why) in [
        ("md4", "two of raid5"),
        ("md5", "not started"),
        ("md6", "a member of raid0"),
    ] {
        let array = array(name);
        assert_eq!(array.state, ArrayState::Failed, "{name}: {why}");
        assert_eq!(array.findings()[0].state, Health::Failing);
    }
    assert_eq!(array("md5").spares, ["sdk1"]);
}

#[test]
fn the_kernels_files_have_the_last_word() {
    let with = |name, sys: SysFiles| parse(name, MDSTAT, &sys).unwrap().state;
    assert_eq!(with("md0", sys("clean", "0", "idle")), ArrayState::Healthy);
    assert_eq!(with("md0", sys("active", "1", "idle")), ArrayState::Degraded);
    assert_eq!(with("md0", sys("active", "1", "recover")), ArrayState::Rebuilding);
    assert_eq!(with("md0", sys("broken", "0", "idle")), ArrayState::Failed);
    assert_eq!(
        with("md0", sys("active", "many", "?")),
        ArrayState::Healthy,
        "nonsense is left alone"
    );
}

#[test]
fn a_spare_that_took_over_is_told() {
    let array = array("md8");
    assert_eq!(array.state, ArrayState::Healthy);
    assert_eq!(array.findings()[0].state, Health::Warning);
    assert!(array.findings()[0].text.contains("failed: sdp1"));
}
