//! Recording on events: what waits, what is stored, and where a clip begins and ends.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use proptest::prelude::*;
use vigie_config::{Causes, GapCause, Utc};

use super::{
    gaps::GapFact,
    tests::{Bench, FRAME, START, Seen, format, look, picture},
    triggers::Asked,
    wish::{Keep, Look, Wish},
};

/// Pictures a second.
const RATE: i64 = 25;
const PRE: Duration = Duration::from_secs(5);

fn at(picture: i64) -> Utc {
    Utc::from_micros(START + picture * 1_000_000 / RATE)
}

/// A camera with a RAP every `gop` pictures, looked at every 8 pictures.
struct Camera {
    bench: Bench,
    gop: i64,
    next: i64,
}

impl Camera {
    fn new(gop: i64) -> Camera {
        Camera {
            bench: Bench::new(Duration::from_secs(60)),
            gop,
            next: 0,
        }
    }

    /// Up to a picture, with what is wanted meanwhile.
    fn run(&mut self, to: i64, wish: &Wish) {
        let format = format(640);
        while self.next < to {
            let until = (self.next + 8).min(to);
            for i in self.next..until {
                let unit = picture(&format, i as u64, i * FRAME, i % self.gop == 0);
                self.bench.publisher.publish(unit);
            }
            self.next = until;
            self.look(wish);
        }
    }

    fn look(&mut self, wish: &Wish) {
        let look = Look {
            now: at(self.next),
            wish: wish.clone(),
            ..look()
        };
        self.bench.branch.look(&mut self.bench.tap, &look);
    }

    fn stored(&self) -> Vec<i64> {
        self.bench.fake.stored().0.iter().map(|n| *n as i64).collect()
    }
}

fn waiting() -> Wish {
    Wish {
        keep: Some(Keep {
            time: PRE,
            most_bytes: 1 << 20,
        }),
        ..Wish::default()
    }
}

fn asked(cause: Causes, from: Utc) -> Wish {
    Wish {
        asked: vec![Asked { cause, from }],
        ..waiting()
    }
}

#[test]
fn a_clip_begins_before_its_event_and_ends_with_its_gop() {
    let mut camera = Camera::new(25);
    camera.run(1000, &waiting());
    assert!(camera.stored().is_empty());
    assert!(camera.bench.tap.waiting() < 300, "{}", camera.bench.tap.waiting());
    // Told 1 s late: the event was at picture 975, and 5 s before it is picture 850.
    camera.run(1300, &asked(Causes::SENSOR, at(975) - PRE));
    camera.run(1600, &waiting());
    let stored = camera.stored();
    assert_eq!(stored, (850..1325).collect::<Vec<_>>());
    let seen = camera.bench.fake.seen();
    assert!(seen.contains(&Seen::Mark(Causes::SENSOR, at(850))), "{seen:?}");
    assert!(
        seen.iter()
            .any(|s| matches!(s, Seen::Unmark(cause, _) if *cause == Causes::SENSOR))
    );
    assert!(matches!(seen.last(), Some(Seen::Ended(_))), "{:?}", seen.last());
    assert!(camera.bench.fake.gaps().is_empty());
}

#[test]
fn the_next_clip_follows_without_a_hole_or_a_double() {
    let mut camera = Camera::new(25);
    camera.run(500, &waiting());
    camera.run(600, &asked(Causes::MOTION, at(500) - PRE));
    camera.run(700, &waiting());
    // Its pre-alarm time reaches into the clip before.
    camera.run(800, &asked(Causes::MOTION, at(700) - PRE));
    camera.run(900, &waiting());
    assert_eq!(camera.stored(), (375..825).collect::<Vec<_>>());
    assert!(camera.bench.fake.gaps().is_empty());
}

#[test]
fn continuous_footage_is_marked_where_an_event_wants_it() {
    let mut camera = Camera::new(25);
    let always = Wish {
        continuous: true,
        ..waiting()
    };
    camera.run(500, &always);
    let both = Wish {
        continuous: true,
        ..asked(Causes::MOTION, at(500) - PRE)
    };
    camera.run(600, &both);
    camera.run(700, &always);
    camera.bench.branch.finish(
        &mut camera.bench.tap,
        &Look {
            now: at(700),
            wish: always,
            ..look()
        },
        GapCause::Shutdown,
    );
    assert_eq!(camera.stored(), (0..700).collect::<Vec<_>>());
    let seen = camera.bench.fake.seen();
    assert_eq!(seen.iter().filter(|s| matches!(s, Seen::Start { .. })).count(), 1);
    let mark = seen.iter().find_map(|s| match s {
        Seen::Mark(cause, from) => Some((*cause, *from)),
        _ => None,
    });
    assert_eq!(mark, Some((Causes::MOTION, at(500) - PRE)));
}

#[test]
fn what_waits_is_bounded_and_says_when_it_is_too_little() {
    let mut camera = Camera::new(25);
    let narrow = Wish {
        keep: Some(Keep {
            time: PRE,
            // Each picture has 9 bytes.
            most_bytes: 9 * 60,
        }),
        ..Wish::default()
    };
    camera.run(1000, &narrow);
    assert!(camera.bench.tap.waiting() <= 60);
    assert!(camera.bench.branch.snapshot(&camera.bench.tap).short_of_memory > 0);
    camera.run(1100, &asked(Causes::SENSOR, at(1000) - PRE));
    let stored = camera.stored();
    assert_eq!(
        stored.first().map(|first| first % 25),
        Some(0),
        "it begins with a RAP all the same"
    );
}

#[test]
fn a_silent_camera_ends_its_clip_without_a_gap() {
    let mut camera = Camera::new(25);
    camera.run(500, &waiting());
    camera.run(510, &asked(Causes::SENSOR, at(500) - PRE));
    let silent = Look {
        now: at(700),
        idle: Duration::from_secs(8),
        wish: waiting(),
        ..look()
    };
    camera.bench.branch.look(&mut camera.bench.tap, &silent);
    camera.bench.branch.look(&mut camera.bench.tap, &silent);
    assert_eq!(camera.stored(), (375..510).collect::<Vec<_>>());
    assert!(camera.bench.fake.gaps().is_empty());
    assert!(matches!(camera.bench.fake.seen().last(), Some(Seen::Ended(_))));
}

fn continuous() -> Wish {
    Wish {
        continuous: true,
        ..Wish::default()
    }
}

impl Camera {
    /// It shows nothing up to this picture.
    fn silent(&mut self, to: i64, wish: &Wish) {
        let idle = at(to).since(at(self.next));
        self.next = to;
        self.look_idle(wish, idle);
    }

    fn look_idle(&mut self, wish: &Wish, idle: Duration) {
        let look = Look {
            now: at(self.next),
            idle,
            wish: wish.clone(),
            ..look()
        };
        self.bench.branch.look(&mut self.bench.tap, &look);
    }

    fn finish(&mut self, wish: &Wish) {
        let look = Look {
            now: at(self.next),
            wish: wish.clone(),
            ..look()
        };
        self.bench.branch.finish(&mut self.bench.tap, &look, GapCause::Shutdown);
    }
}

/// Recorded up to picture 100, then silent for 60 s.
fn long_silent() -> Camera {
    let mut camera = Camera::new(25);
    camera.run(90, &asked(Causes::SENSOR, at(0)));
    camera.run(110, &waiting());
    camera.silent(1610, &waiting());
    assert!(matches!(camera.bench.fake.seen().last(), Some(Seen::Ended(_))));
    camera
}

#[test]
fn the_gap_of_a_camera_that_is_silent_begins_where_it_is_wanted() {
    for (wish, from) in [
        (asked(Causes::SENSOR, at(1600) - PRE), at(1600) - PRE),
        (continuous(), at(1610)),
    ] {
        let mut camera = long_silent();
        camera.look_idle(&wish, Duration::from_secs(60));
        let gaps = camera.bench.fake.gaps();
        assert!(
            matches!(gaps[..], [GapFact::Opened { start, .. }] if start == from),
            "{gaps:?}"
        );
        assert!(camera.stored().is_empty(), "what was shown a minute before");
        // It shows pictures again.
        camera.run(1700, &wish);
        assert_eq!(camera.stored().first(), Some(&1610));
    }
}

#[test]
fn a_hole_at_the_end_begins_where_recording_was_wanted() {
    let mut camera = long_silent();
    camera.next += 100;
    camera.finish(&asked(Causes::SENSOR, at(1700)));
    let gaps = camera.bench.fake.gaps();
    assert!(
        matches!(gaps[..], [GapFact::Opened { start, cause: GapCause::Shutdown }] if start == at(1700)),
        "{gaps:?}"
    );
}

#[test]
fn what_the_hub_kept_of_a_silent_camera_is_in_no_clip() {
    let mut camera = Camera::new(25);
    camera.run(110, &Wish::default());
    camera.silent(1610, &Wish::default());
    // A subscription begins with the GOP that the hub has.
    camera.bench.tap.begin(&camera.bench.hub);
    camera.look_idle(&continuous(), Duration::from_secs(60));
    assert!(camera.stored().is_empty());
    // Nor where it is followed by what is shown now.
    camera.silent(3110, &waiting());
    camera.run(3130, &waiting());
    camera.run(3200, &asked(Causes::SENSOR, at(3130) - PRE));
    assert_eq!(camera.stored().first(), Some(&3125), "the first RAP");
}

#[test]
fn continuous_recording_begins_with_the_gop_that_is_running() {
    let mut camera = Camera::new(25);
    camera.run(110, &Wish::default());
    camera.bench.tap.begin(&camera.bench.hub);
    camera.run(160, &continuous());
    assert_eq!(camera.stored().first(), Some(&100));
    let mut camera = Camera::new(25);
    camera.run(110, &waiting());
    camera.run(160, &continuous());
    assert_eq!(camera.stored().first(), Some(&100));
}

#[test]
fn an_end_between_a_wish_and_the_next_rap_is_no_gap() {
    let mut camera = Camera::new(50);
    camera.run(210, &asked(Causes::SENSOR, at(0)));
    camera.run(218, &waiting());
    camera.finish(&waiting());
    assert_eq!(camera.stored(), (0..218).collect::<Vec<_>>());
    assert!(camera.bench.fake.gaps().is_empty());
    assert!(matches!(camera.bench.fake.seen().last(), Some(Seen::Ended(_))));
}

#[test]
fn a_run_that_begins_after_the_wish_stores_what_was_read_for_it() {
    for (wish, causes) in [
        (asked(Causes::SENSOR, at(0)), Causes::SENSOR),
        (continuous(), Causes::SCHEDULE),
    ] {
        for after in [waiting(), Wish::default()] {
            let mut camera = Camera::new(25);
            camera.run(107, &wish);
            let before = camera.stored().len();
            assert!((1..107).contains(&before), "some of it is not stored yet");
            camera.bench.restart(Duration::from_secs(60));
            camera.run(200, &after);
            assert_eq!(camera.stored(), (0..125).collect::<Vec<_>>());
            let seen = camera.bench.fake.seen();
            let of_segments: Vec<Causes> = seen
                .iter()
                .filter_map(|seen| match seen {
                    Seen::Start { causes, .. } => Some(*causes),
                    _ => None,
                })
                .collect();
            assert_eq!(of_segments, [causes, causes]);
            assert!(matches!(seen.last(), Some(Seen::Ended(_))));
        }
    }
}

#[test]
fn nothing_waits_where_no_event_can_come() {
    let mut camera = Camera::new(25);
    camera.run(500, &Wish::default());
    assert_eq!(camera.bench.tap.waiting(), 0);
    assert!(camera.stored().is_empty());
}

proptest! {
    /// Whatever is asked for and when: every picture once and in order; all that was asked for,
    /// from 5 s before on; each clip from a RAP, at most one GOP early; no gap.
    #[test]
    fn clips_hold_what_was_asked_for(
        gop in 5i64..60,
        steps in proptest::collection::vec((0u8..4, 10i64..200), 1..25),
        restarts in any::<bool>(),
    ) {
        let mut camera = Camera::new(gop);
        // The pre-alarm time of the first event must be there.
        camera.run(200, &waiting());
        let mut wanted = vec![];
        let mut open: Option<Utc> = None;
        for (step, count) in steps {
            let to = camera.next + count;
            if step == 0 {
                open = None;
                camera.run(to, &waiting());
            } else {
                let from = *open.get_or_insert(at(camera.next) - PRE);
                wanted.push((from, camera.next, to));
                camera.run(to, &asked(Causes::SENSOR, from));
                if step == 3 && restarts {
                    // Another run takes over: what was read and not stored comes again.
                    camera.bench.restart(Duration::from_secs(60));
                    camera.look(&asked(Causes::SENSOR, from));
                }
            }
        }
        camera.run(camera.next + 2 * gop, &waiting());
        camera.look(&waiting());
        let stored = camera.stored();
        prop_assert!(stored.windows(2).all(|pair| pair[0] < pair[1]), "{stored:?}");
        for (from, _, to) in &wanted {
            let first = (0..camera.next).find(|i| at(*i) >= *from).unwrap();
            for picture in first..*to {
                prop_assert!(stored.binary_search(&picture).is_ok(), "{picture} of {first}..{to} is missing");
            }
        }
        for pair in std::iter::once(i64::MIN).chain(stored.iter().copied()).collect::<Vec<_>>().windows(2) {
            if pair[1] != pair[0].saturating_add(1) {
                prop_assert_eq!(pair[1] % gop, 0, "a clip begins without a RAP");
                let early = wanted.iter().any(|(from, _, _)| {
                    let wanted = (0..camera.next).find(|i| at(*i) >= *from).unwrap();
                    (wanted - gop..=wanted).contains(&pair[1])
                });
                prop_assert!(early, "a clip begins at {} unasked", pair[1]);
            }
        }
        prop_assert!(camera.bench.fake.gaps().is_empty());
    }
}
