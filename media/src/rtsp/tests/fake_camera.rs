//! Against cameras that number their pictures: what was sent is what is published.

use std::{collections::BTreeSet, time::Duration};

use vigie_config::Transport;
use vigie_fake_camera::{Account, AudioCodec, CameraSpec, FakeCameras, Identity, Lies, Recipe, Scheme, audio};

use super::{Running, check, start};
use crate::{AccessUnit, Track, hub::Wake};

fn camera(recipe: &Recipe, lies: Lies) -> FakeCameras {
    let spec = CameraSpec::new("one").stream("main", recipe.clip().unwrap()).lies(lies);
    FakeCameras::start(vec![spec]).unwrap()
}

/// `None` when a loss took the NAL unit with the number, and not the picture.
fn number(unit: &AccessUnit) -> Option<u64> {
    let mut rest = &unit.data[..];
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (nal, next) = after.split_at(u32::from_be_bytes(*length) as usize);
        if let Some(identity) = Identity::in_nal(nal) {
            return Some(identity.number);
        }
        rest = next;
    }
    None
}

/// Takes `count` pictures; gives their numbers, in order of arrival.
async fn pictures(running: &mut Running, count: usize) -> Vec<u64> {
    let units = running.units(count).await;
    check(&units);
    units.iter().filter_map(|unit| number(unit)).collect()
}

fn assert_whole(numbers: &[u64], count: usize) {
    assert_eq!(numbers.len(), count);
    assert!(
        numbers.windows(2).all(|w| w[1] == w[0] + 1),
        "not one after the other: {numbers:?}"
    );
}

#[tokio::test]
async fn every_picture_whether_polled_or_watched() {
    for wake in [Wake::Lazy, Wake::EachBatch] {
        let cameras = camera(
            &Recipe::small(),
            Lies {
                start_mid_gop: true,
                ..Lies::default()
            },
        );
        let mut running = start(&cameras.url("one", "main"), Transport::Tcp, wake);
        assert_whole(&pictures(&mut running, 120).await, 120);
    }
}

#[tokio::test]
async fn pictures_are_shown_in_another_order_than_decoded() {
    let cameras = camera(
        &Recipe {
            b_frames: 2,
            ..Recipe::small()
        },
        Lies::default(),
    );
    let mut running = start(&cameras.url("one", "main"), Transport::Tcp, Wake::EachBatch);
    let units = running.units(60).await;
    check(&units);
    assert!(units.iter().any(|u| u.pts > u.dts));
    let shown: BTreeSet<i64> = units.iter().map(|u| u.pts).collect();
    assert_eq!(shown.len(), 60);
    assert!(units.iter().all(|u| u.epoch == units[0].epoch));
}

#[tokio::test]
async fn udp_packets_out_of_order_and_twice_cost_nothing() {
    let lies = Lies {
        reorder_percent: 10.0,
        duplicate_percent: 5.0,
        ..Lies::default()
    };
    let cameras = camera(&Recipe::small(), lies);
    let mut running = start(&cameras.url("one", "main"), Transport::Udp, Wake::EachBatch);
    assert_whole(&pictures(&mut running, 100).await, 100);
    assert!(!running.told("PacketsLost"));
}

#[tokio::test]
async fn udp_loss_costs_the_pictures_it_hit_and_is_told() {
    let cameras = camera(
        &Recipe::small(),
        Lies {
            loss_percent: 2.0,
            ..Lies::default()
        },
    );
    let mut running = start(&cameras.url("one", "main"), Transport::Udp, Wake::EachBatch);
    let numbers = pictures(&mut running, 100).await;
    assert!(numbers.is_sorted());
    assert!(running.subscriber.hub().stats().packets_lost > 0);
    let sent = cameras.log("one", "main").unwrap();
    assert!(numbers.iter().all(|n| sent.numbers().contains(n)));
}

#[tokio::test]
async fn a_jump_and_a_new_sender_cost_nothing() {
    let cameras = camera(&Recipe::small(), Lies::default());
    let mut running = start(&cameras.url("one", "main"), Transport::Tcp, Wake::Lazy);
    let mut numbers = pictures(&mut running, 60).await;
    cameras.jump("one", 7200.0);
    numbers.extend(running.units(60).await.iter().map(|u| number(u).unwrap()));
    cameras.new_ssrc("one");
    numbers.extend(running.units(60).await.iter().map(|u| number(u).unwrap()));
    assert_whole(&numbers, 180);
    assert!(running.told("TimestampJump") && running.told("SsrcChanged"));
}

#[tokio::test]
async fn damaged_packets_and_garbage_do_not_end_the_session() {
    let lies = Lies {
        corrupt_percent: 20.0,
        garbage_percent: 5.0,
        ..Lies::default()
    };
    let cameras = camera(&Recipe::small(), lies);
    let mut running = start(&cameras.url("one", "main"), Transport::Tcp, Wake::EachBatch);
    running.units(40).await;
    assert_eq!(cameras.connections("one"), 1);
}

#[tokio::test]
async fn sound_stays_in_step_and_authentication_is_answered() {
    let spec = CameraSpec::new("one")
        .stream("main", Recipe::small().clip().unwrap())
        .audio(audio(AudioCodec::Aac).unwrap())
        .account(Account {
            name: "viewer".into(),
            password: "geheim".into(),
            scheme: Scheme::Both,
        });
    let cameras = FakeCameras::start(vec![spec]).unwrap();
    let mut running = start(&cameras.url("one", "main"), Transport::Tcp, Wake::EachBatch);
    let units = running.units(200).await;
    check(&units);
    let last = |track| units.iter().rev().find(|u| u.track == track).unwrap().utc;
    let apart = last(Track::Video).micros_since(last(Track::Audio)).abs();
    assert!(
        apart < 500_000,
        "{apart} µs between the newest sound and the newest picture"
    );
}

#[tokio::test]
async fn a_camera_that_hangs_up_is_offline() {
    let cameras = camera(&Recipe::small(), Lies::default());
    let mut running = start(&cameras.url("one", "main"), Transport::Tcp, Wake::Lazy);
    running.units(5).await;
    cameras.die("one", Duration::from_secs(5));
    assert_eq!(running.end().await.cause, vigie_config::GapCause::CameraOffline);
}
