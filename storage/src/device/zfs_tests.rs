//! Recorded output of `zpool status -P -L` in, states out.

#![allow(clippy::unwrap_used)]

use super::{Health, zfs::*};

macro_rules! recorded {
    ($name:literal) => {
        parse("tank", include_bytes!(concat!("testdata/zpool-", $name)))
    };
}

fn states(pool: &Pool) -> Vec<Health> {
    pool.findings().into_iter().map(|finding| finding.state).collect()
}

#[test]
fn a_pool_that_is_well_and_scrubbed() {
    let pool = recorded!("online").unwrap();
    assert_eq!(
        (pool.state.as_str(), pool.errors.as_str()),
        ("ONLINE", "No known data errors")
    );
    assert_eq!(
        pool.scan,
        Some(Scan {
            resilver: false,
            percent: Some(19.53)
        })
    );
    assert_eq!(
        pool.nodes().collect::<Vec<_>>(),
        ["/dev/sda1", "/dev/sdb1", "/dev/nvme0n1p3", "/dev/sdc1"]
    );
    assert_eq!(pool.findings(), []);
}

#[test]
fn a_degraded_pool_names_its_member_and_says_what_zfs_says() {
    let pool = recorded!("degraded").unwrap();
    assert_eq!(states(&pool), [Health::Failing]);
    let text = &pool.findings()[0].text;
    for part in [
        "tank is DEGRADED",
        "/dev/sdb1 FAULTED, too many errors",
        "1680 write",
        "Replace the faulted device",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(pool.scan, None, "a scrub that is over");
    let missing = recorded!("missing").unwrap();
    assert!(
        missing.findings()[0].text.contains("UNAVAIL, was /dev/sdb1"),
        "{:?}",
        missing.findings()
    );
}

#[test]
fn one_that_is_resilvered_is_only_warned_of() {
    let pool = recorded!("resilver").unwrap();
    assert_eq!(states(&pool), [Health::Warning]);
    assert!(pool.findings()[0].text.contains("5.5 % done"));
}

#[test]
fn one_that_takes_nothing_more() {
    let pool = recorded!("suspended").unwrap();
    assert_eq!(pool.state, "SUSPENDED");
    assert!(states(&pool).contains(&Health::Failing));
}

#[test]
fn lost_data_is_a_failing_pool_although_it_is_online() {
    let pool = recorded!("data-errors").unwrap();
    assert_eq!(
        (pool.state.as_str(), states(&pool)),
        ("ONLINE", vec![Health::Failing, Health::Warning])
    );
    assert!(pool.findings()[0].text.contains("12 data errors"));
}

#[test]
fn a_faulted_member_counts_although_the_pool_is_called_online() {
    let text = String::from_utf8(include_bytes!("testdata/zpool-degraded").to_vec()).unwrap();
    let pool = parse("tank", text.replace("DEGRADED", "ONLINE").as_bytes()).unwrap();
    assert_eq!((pool.state.as_str(), states(&pool)), ("ONLINE", vec![Health::Failing]));
}

#[test]
fn what_zpool_says_instead() {
    assert!(recorded!("refused").unwrap_err().contains("must be run as root"));
    assert!(recorded!("no-such-pool").unwrap_err().contains("no such pool"));
    assert!(
        parse("other", include_bytes!("testdata/zpool-online")).is_err(),
        "of another pool"
    );
}

#[test]
fn names_of_pools() {
    assert_eq!(pool_of("tank/footage/d1"), Some("tank"));
    assert_eq!(pool_of("tank"), Some("tank"));
    for wrong in ["", "-v", "/dev/sda1", "tank;reboot", "1tank"] {
        assert_eq!(pool_of(wrong), None, "{wrong}");
    }
}
