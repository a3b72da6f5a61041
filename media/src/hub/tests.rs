#![allow(clippy::unwrap_used)]

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use proptest::prelude::*;
use vigie_config::{CameraId, StreamId, StreamName, Utc};

use super::*;
use crate::{Track, format::StreamFormat};

fn hub(cache: usize) -> Arc<Hub> {
    Hub::new(StreamId::new(CameraId::new("gate").unwrap(), StreamName::Main), cache)
}

struct Maker {
    format: Arc<StreamFormat>,
    made: i64,
}

impl Maker {
    fn new() -> Maker {
        Maker {
            format: Arc::default(),
            made: 0,
        }
    }
    fn unit(&mut self, track: Track, rap: bool, len: usize) -> AccessUnit {
        self.made += 1;
        AccessUnit {
            track,
            data: Bytes::from(vec![0; len]),
            dts: self.made * 3600,
            pts: self.made * 3600,
            utc: Utc::from_micros(1_700_000_000_000_000 + self.made * 40_000),
            rap,
            epoch: 0,
            format: self.format.clone(),
            seq: 0,
        }
    }
    fn video(&mut self, rap: bool) -> AccessUnit {
        self.unit(Track::Video, rap, 100)
    }
}

fn drain(subscriber: &mut Subscriber) -> Vec<Result<u64, u64>> {
    std::iter::from_fn(|| subscriber.try_next())
        .map(|item| match item {
            Item::Unit(unit) => Ok(unit.seq),
            Item::Lost { units } => Err(units),
        })
        .collect()
}

#[test]
fn a_new_subscriber_starts_at_the_cached_rap_and_goes_on() {
    let (hub, mut make) = (hub(1 << 20), Maker::new());
    let mut publisher = hub.publisher();
    for i in 0..10 {
        publisher.publish(make.video(i % 4 == 0));
    }
    let mut late = hub.subscribe(Policy::MustNotDrop, Wake::Lazy, 64);
    publisher.publish(make.video(false));
    assert_eq!(drain(&mut late), [Ok(9), Ok(10), Ok(11)]);
    publisher.publish(make.video(true));
    assert_eq!(drain(&mut late), [Ok(12)]);
}

#[test]
fn a_gop_over_the_bound_is_not_cached_until_the_next_rap() {
    let (hub, mut make) = (hub(2000), Maker::new());
    let mut publisher = hub.publisher();
    publisher.publish(make.video(true));
    for _ in 0..20 {
        publisher.publish(make.video(false));
    }
    assert_eq!(hub.stats().gop_cache_bytes, 0);
    let mut viewer = hub.subscribe(Policy::SkipToRap, Wake::EachBatch, 64);
    publisher.publish(make.video(false));
    assert_eq!(drain(&mut viewer), []);
    publisher.publish(make.video(true));
    publisher.publish(make.video(false));
    assert_eq!(drain(&mut viewer), [Ok(23), Ok(24)]);
    assert!(hub.stats().gop_cache_bytes > 0);
}

#[test]
fn a_new_epoch_ends_the_cached_gop() {
    let (hub, mut make) = (hub(1 << 20), Maker::new());
    let mut publisher = hub.publisher();
    publisher.publish(make.video(true));
    publisher.publish(AccessUnit {
        epoch: 1,
        ..make.video(false)
    });
    assert_eq!(drain(&mut hub.subscribe(Policy::SkipToRap, Wake::EachBatch, 8)), []);
}

#[test]
fn a_long_cached_gop_is_read_whole() {
    let (hub, mut make) = (hub(64 << 20), Maker::new());
    let mut publisher = hub.publisher();
    publisher.publish(make.video(true));
    for _ in 0..20_000 {
        publisher.publish(make.unit(Track::Audio, true, 1));
    }
    let mut viewer = hub.subscribe(Policy::SkipToRap, Wake::EachBatch, 8);
    assert_eq!(drain(&mut viewer).len(), 20_001);
    publisher.publish(make.video(true));
}

#[test]
fn overflow_of_a_recorder_is_told_and_counted() {
    let (hub, mut make) = (hub(1 << 20), Maker::new());
    let mut publisher = hub.publisher();
    let mut recorder = hub.subscribe(Policy::MustNotDrop, Wake::Lazy, 4);
    for i in 0..10 {
        publisher.publish(make.video(i == 0));
    }
    assert_eq!(drain(&mut recorder), [Ok(1), Ok(2), Ok(3), Ok(4)]);
    publisher.publish(make.video(false));
    assert_eq!(drain(&mut recorder), [Err(6), Ok(11)]);
    assert_eq!(hub.stats().units_dropped_for_subscribers, 6);
}

#[test]
fn an_overflowing_viewer_resumes_at_a_rap_and_disturbs_nobody() {
    let (hub, mut make) = (hub(1 << 20), Maker::new());
    let mut publisher = hub.publisher();
    let mut viewer = hub.subscribe(Policy::SkipToRap, Wake::EachBatch, 4);
    let mut recorder = hub.subscribe(Policy::MustNotDrop, Wake::Lazy, 64);
    publisher.publish(make.video(true));
    assert_eq!(drain(&mut viewer), [Ok(1)]);
    for i in 0..10 {
        publisher.publish(make.video(i == 8));
    }
    assert_eq!(drain(&mut viewer), [Err(8), Ok(10), Ok(11)]);
    assert_eq!(drain(&mut recorder), (1..=11).map(Ok).collect::<Vec<_>>());
}

#[test]
fn rings_are_bounded_in_bytes_too() {
    let ring = ring::Ring::new(Policy::MustNotDrop, Wake::Lazy, 100, 1000);
    let mut make = Maker::new();
    let big = Arc::new(make.unit(Track::Video, true, 4000));
    assert_eq!(ring.push(&big), 0);
    assert_eq!(ring.push(&big), 1);
    assert!(ring.pop().is_some());
    let small = Arc::new(make.unit(Track::Video, true, 300));
    assert_eq!((0..5).map(|_| ring.push(&small)).sum::<u64>(), 2);
}

#[test]
fn the_newest_publisher_wins() {
    let (hub, mut make) = (hub(1 << 20), Maker::new());
    let mut old = hub.publisher();
    let mut subscriber = hub.subscribe(Policy::MustNotDrop, Wake::Lazy, 64);
    old.publish(make.video(true));
    let mut new = hub.publisher();
    old.publish(make.video(true));
    new.publish(make.video(true));
    assert_eq!(drain(&mut subscriber), [Ok(1), Ok(2)]);
    assert_eq!(hub.stats().units, 2);
}

#[tokio::test]
async fn closing_lets_the_queue_be_read_first() {
    let (hub, mut make) = (hub(1 << 20), Maker::new());
    let mut publisher = hub.publisher();
    let mut viewer = hub.subscribe(Policy::SkipToRap, Wake::EachBatch, 8);
    publisher.publish(make.video(true));
    hub.close();
    publisher.publish(make.video(true));
    assert!(matches!(viewer.next().await, Some(Item::Unit(unit)) if unit.seq == 1));
    assert!(viewer.next().await.is_none());
    viewer.wait().await;
}

#[tokio::test]
async fn viewers_are_woken_by_a_flush_and_recorders_by_a_half_full_ring() {
    let (hub, mut make) = (hub(1 << 20), Maker::new());
    let mut publisher = hub.publisher();
    assert!(!hub.has_live_viewers());
    let mut viewer = hub.subscribe(Policy::SkipToRap, Wake::EachBatch, 8);
    let mut recorder = hub.subscribe(Policy::MustNotDrop, Wake::Lazy, 8);
    assert!(publisher.has_live_viewers());
    publisher.publish(make.video(true));
    publisher.flush();
    viewer.wait().await;
    let asleep = futures_now(recorder.wait());
    assert!(!asleep);
    for _ in 0..3 {
        publisher.publish(make.video(false));
    }
    assert!(futures_now(recorder.wait()));
    drop(viewer);
    assert!(!hub.has_live_viewers());
    assert_eq!(hub.stats().subscribers, 1);
}

/// Whether a future is ready at once.
fn futures_now(future: impl Future) -> bool {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    future.as_mut().poll(&mut context).is_ready()
}

#[test]
fn the_rate_follows_the_units_own_times() {
    let mut rate = stats::Rate::default();
    let mut make = Maker::new();
    let start = std::time::Instant::now();
    let mut last = None;
    // 25 pictures of 1000 bytes a second, arriving in batches of 20.
    for batch in 0..10u64 {
        for _ in 0..20 {
            rate.add(&make.unit(Track::Video, false, 1000));
        }
        last = rate.turn(start + Duration::from_millis(batch * 800)).or(last);
    }
    let (fps, bitrate) = last.unwrap();
    assert!((fps - 25.0).abs() < 0.01, "{fps}");
    assert_eq!(bitrate, 200_000);
}

/// Subscribers that come at any moment see every unit from a RAP on, once.
#[test]
fn no_hole_and_no_double_with_threads() {
    const UNITS: u64 = 40_000;
    let hub = hub(1 << 20);
    let publishing = {
        let hub = hub.clone();
        std::thread::spawn(move || {
            let (mut publisher, mut make) = (hub.publisher(), Maker::new());
            for i in 0..UNITS {
                publisher.publish(make.video(i % 50 == 0));
                if i % 512 == 0 {
                    std::thread::yield_now();
                }
            }
            hub.close();
        })
    };
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let hub = hub.clone();
            std::thread::spawn(move || {
                let mut subscriptions = 0u64;
                loop {
                    let over = hub.is_closed();
                    let mut subscriber = hub.subscribe(Policy::MustNotDrop, Wake::Lazy, UNITS as usize);
                    let mut seen = None::<u64>;
                    while seen.is_none_or(|n| n % 97 != 0) {
                        let closed = hub.is_closed();
                        match subscriber.try_next() {
                            Some(Item::Unit(unit)) => {
                                match seen {
                                    None => assert!(unit.rap),
                                    Some(before) => assert_eq!(unit.seq, before + 1),
                                }
                                seen = Some(unit.seq);
                            }
                            Some(Item::Lost { units }) => panic!("lost {units} after {seen:?}"),
                            None if closed => {
                                assert!(seen.is_none_or(|n| n == UNITS), "ended at {seen:?}");
                                break;
                            }
                            None => std::thread::yield_now(),
                        }
                    }
                    subscriptions += 1;
                    if over {
                        return subscriptions;
                    }
                }
            })
        })
        .collect();
    publishing.join().unwrap();
    assert!(readers.into_iter().all(|r| r.join().unwrap() > 0));
    assert_eq!(hub.rings.load().len(), 0);
    assert_eq!(hub.live_viewers.load(Ordering::Relaxed), 0);
}

#[derive(Debug, Clone)]
enum Step {
    Publish { rap: bool, audio: bool, len: usize },
    Subscribe(Policy, usize),
    Read(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (prop::bool::weighted(0.2), prop::bool::weighted(0.3), 0usize..2000)
            .prop_map(|(rap, audio, len)| Step::Publish { rap, audio, len }),
        1 => (prop_oneof![Just(Policy::MustNotDrop), Just(Policy::SkipToRap)], 2usize..12)
            .prop_map(|(policy, capacity)| Step::Subscribe(policy, capacity)),
        3 => (0usize..4, 0usize..20).prop_map(|(who, count)| Step::Read(who, count)),
    ]
}

proptest! {
    /// Units read + units told as lost = units published since the first one read; a viewer
    /// resumes only at a RAP.
    #[test]
    fn the_books_of_every_subscriber_balance(steps in prop::collection::vec(step(), 0..300)) {
        let (hub, mut make) = (hub(8000), Maker::new());
        let mut publisher = hub.publisher();
        let mut published = 0u64;
        let mut subscribers: Vec<(Policy, Subscriber, Option<u64>, bool)> = Vec::new();
        let read = |(policy, subscriber, seen, lost): &mut (Policy, Subscriber, Option<u64>, bool)| {
            match subscriber.try_next() {
                None => return Ok(false),
                Some(Item::Lost { units }) => {
                    prop_assert!(units > 0 && !*lost);
                    *lost = true;
                    *seen = seen.map(|n| n + units);
                }
                Some(Item::Unit(unit)) => {
                    match *seen {
                        None => prop_assert!(unit.rap && unit.track == Track::Video),
                        Some(before) => prop_assert_eq!(unit.seq, before + 1),
                    }
                    if *lost && *policy == Policy::SkipToRap {
                        prop_assert!(unit.rap && unit.track == Track::Video);
                    }
                    *lost = false;
                    *seen = Some(unit.seq);
                }
            }
            Ok(true)
        };
        for step in steps {
            match step {
                Step::Publish { rap, audio, len } => {
                    let track = if audio { Track::Audio } else { Track::Video };
                    publisher.publish(make.unit(track, rap || audio, len));
                    published += 1;
                }
                Step::Subscribe(policy, capacity) => {
                    subscribers.push((policy, hub.subscribe(policy, Wake::Lazy, capacity), None, false));
                }
                Step::Read(who, count) => {
                    if let Some(one) = subscribers.get_mut(who) {
                        for _ in 0..count {
                            if !read(one)? { break }
                        }
                    }
                }
            }
        }
        // A last RAP that nobody misses.
        for one in &mut subscribers {
            while read(one)? {}
        }
        publisher.publish(make.video(true));
        for one in &mut subscribers {
            while read(one)? {}
            prop_assert_eq!(one.2, Some(published + 1));
        }
    }
}
