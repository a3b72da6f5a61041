//! Recorded output of smartctl 7.3 in, verdicts out.

#![allow(clippy::unwrap_used)]

use super::{Health, smart::*};

macro_rules! recorded {
    ($name:literal) => {
        parse("/dev/sda", include_bytes!(concat!("testdata/smart-", $name, ".json")))
    };
}

#[test]
fn a_good_ata_disk() {
    let smart = recorded!("ata-good");
    assert_eq!(
        (smart.state, smart.reasons.len()),
        (Health::Good, 0),
        "{:?}",
        smart.reasons
    );
    assert_eq!(smart.model.as_deref(), Some("WDC WD40PURZ-85AKKY0"));
    assert_eq!(smart.serial.as_deref(), Some("WD-WX00EXAMPLE1"));
    assert_eq!(
        (smart.passed, smart.temperature_celsius, smart.power_on_hours),
        (Some(true), Some(36), Some(21873))
    );
    assert_eq!(smart.reallocated_sectors, Some(0));
    assert_eq!((smart.pending_sectors, smart.uncorrectable_sectors), (Some(0), Some(0)));
    assert_eq!(smart.critical_warning, None);
    assert_eq!(smart.findings(), []);
}

#[test]
fn an_ata_disk_that_says_that_it_fails() {
    let smart = recorded!("ata-failing");
    assert_eq!((smart.state, smart.passed), (Health::Failing, Some(false)));
    assert_eq!(
        (smart.reallocated_sectors, smart.pending_sectors),
        (Some(2016), Some(24))
    );
    let all = smart.reasons.join("\n");
    for part in [
        "its own SMART verdict",
        "Reallocated_Sector_Ct is below",
        "24 sectors cannot be read",
        "2016 bad",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
    assert!(smart.reasons[0].contains("verdict"), "the worst comes first: {all}");
    assert!(
        smart.findings()[0]
            .text
            .starts_with("/dev/sda (ST4000VX007-2DT166, serial ZDH00EXAMPLE): ")
    );
}

#[test]
fn sectors_that_cannot_be_read_are_a_failing_disk_although_it_passed() {
    let smart = recorded!("ata-pending");
    assert_eq!((smart.state, smart.passed), (Health::Failing, Some(true)));
    assert_eq!((smart.pending_sectors, smart.uncorrectable_sectors), (Some(8), Some(8)));
}

#[test]
fn a_disk_that_was_hot_is_warned_of_and_packed_raw_values_are_unpacked() {
    let smart = recorded!("ata-worn");
    assert_eq!(smart.state, Health::Warning);
    assert_eq!(smart.reallocated_sectors, Some(3), "of raw16(raw16)");
    let all = smart.reasons.join("\n");
    assert!(
        all.contains("Airflow_Temperature_Cel was below") && all.contains("61 °C"),
        "{all}"
    );
}

#[test]
fn another_things_number_is_no_pending_sector() {
    let smart = recorded!("ata-ssd");
    assert_eq!(smart.pending_sectors, None, "197 counts corrected errors there");
    assert_eq!(
        (smart.state, smart.reasons.len()),
        (Health::Good, 0),
        "{:?}",
        smart.reasons
    );
}

#[test]
fn nvme_disks() {
    let good = recorded!("nvme-good");
    assert_eq!(
        (good.state, good.temperature_celsius, good.percentage_used),
        (Health::Good, Some(41), Some(3))
    );
    assert_eq!(
        (good.critical_warning, good.media_errors, good.power_on_hours),
        (Some(0), Some(0), Some(4012))
    );
    let worn = recorded!("nvme-worn");
    assert_eq!(
        (worn.state, worn.percentage_used, worn.media_errors),
        (Health::Warning, Some(97), Some(2))
    );
    let failing = recorded!("nvme-failing");
    assert_eq!(
        (failing.state, failing.critical_warning),
        (Health::Failing, Some(0b1101))
    );
    let all = failing.reasons.join("\n");
    assert!(
        all.contains("spare") && all.contains("reliable") && all.contains("read-only"),
        "{all}"
    );
}

#[test]
fn scsi_disks() {
    let good = recorded!("scsi-good");
    assert_eq!(
        (good.state, good.model.as_deref()),
        (Health::Good, Some("SEAGATE ST4000NM0023"))
    );
    assert_eq!((good.temperature_celsius, good.power_on_hours), (Some(31), Some(40211)));
    let failing = recorded!("scsi-failing");
    assert_eq!(failing.state, Health::Failing);
    assert!(
        failing.reasons.iter().any(|why| why.contains("grown defects")),
        "{:?}",
        failing.reasons
    );
}

#[test]
fn what_is_not_known_says_why() {
    let unknown = |smart: Smart, why: &str| {
        assert_eq!((smart.state, smart.passed), (Health::Unknown, None));
        assert!(
            smart.reasons.len() == 1 && smart.reasons[0].contains(why),
            "{:?}",
            smart.reasons
        );
        smart
    };
    // Of smartctl 7.3 on a virtio disk, as root and as another user.
    unknown(recorded!("no-smart"), "it has no SMART");
    unknown(recorded!("no-device"), "vigie may not ask it for SMART");
    unknown(recorded!("no-right"), "vigie may not ask it for SMART");
    unknown(recorded!("switched-off"), "smartctl --smart=on /dev/sda");
    unknown(parse("/dev/sda", b"smartctl: not found"), "no JSON");
    unknown(
        parse("/dev/sda", br#"{"smartctl":{"exit_status":2}}"#),
        "could not open it (exit status 2)",
    );
    unknown(
        parse("/dev/sda", br#"{"smartctl":{"exit_status":4}}"#),
        "gave no verdict (exit status 4)",
    );
    let asleep = unknown(recorded!("asleep"), "it sleeps");
    assert!(asleep.asleep);
}

#[test]
fn the_exit_status_alone_makes_a_failing_disk() {
    let smart = parse("/dev/sda", br#"{"smartctl":{"exit_status":72}}"#);
    assert_eq!((smart.state, smart.passed), (Health::Failing, Some(false)));
}

#[test]
fn only_disks_that_spin_are_let_sleep() {
    assert!(arguments("/dev/sda", true).contains(&"--nocheck=standby,3"));
    let arguments = arguments("/dev/nvme0n1", false);
    assert_eq!(arguments.last(), Some(&"/dev/nvme0n1"));
    assert!(!arguments.iter().any(|a| a.starts_with("--nocheck")), "{arguments:?}");
}

#[test]
fn text_of_a_device_is_short_and_one_line() {
    let text = format!(
        r#"{{"model_name":"A\n\u001b[31m{}","smart_status":{{"passed":true}}}}"#,
        "B".repeat(5000)
    );
    let model = parse("/dev/sda", text.as_bytes()).model.unwrap();
    assert!(model.len() <= 160 && !model.contains(['\n', '\u{1b}']), "{model}");
}
