//! Why a camera is to be recorded beside its schedule: events that go on, the time after them, and
//! people who asked for it. Pure.
//!
//! Lives in the camera's handle, so that a recording that starts anew knows it all.

use std::{collections::BTreeSet, time::Instant};

use ulid::Ulid;
use vigie_config::{Causes, Utc};

/// What may ask for recording, in the order of the timeline's colours.
const CAUSES: [Causes; 4] = [Causes::MANUAL, Causes::SENSOR, Causes::MOTION, Causes::ANALYTICS];

#[derive(Debug, Default)]
pub struct Triggers([Trigger; 4]);

/// One cause.
#[derive(Debug, Default)]
struct Trigger {
    /// Events that go on.
    open: BTreeSet<Ulid>,
    /// Recording is wanted from here on.
    from: Option<Utc>,
    /// All are over: recording goes on up to here.
    until: Option<Instant>,
}

/// One cause that asks for recording now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    pub cause: Causes,
    /// Since when, the pre-alarm time included.
    pub from: Utc,
}

impl Triggers {
    fn of(&mut self, cause: Causes) -> Option<&mut Trigger> {
        let at = CAUSES.iter().position(|known| *known == cause)?;
        self.0.get_mut(at)
    }

    /// `event` begins: recording is wanted from `from` on, which may lie in the past. The same
    /// event again changes nothing.
    pub fn begin(&mut self, cause: Causes, event: Ulid, from: Utc, now: Instant) {
        let Some(trigger) = self.of(cause) else { return };
        trigger.expire(now);
        if trigger.open.insert(event) {
            trigger.from = Some(trigger.from.map_or(from, |before| before.min(from)));
            trigger.until = None;
        }
    }

    /// `event` is over: with the last of its cause recording ends at `until`.
    pub fn end(&mut self, cause: Causes, event: Ulid, until: Instant) {
        let Some(trigger) = self.of(cause) else { return };
        if trigger.open.remove(&event) && trigger.open.is_empty() {
            trigger.until = trigger.until.max(Some(until));
        }
    }

    /// Only these events go on: the others are over, and nobody said so.
    pub fn keep_only(&mut self, going: &BTreeSet<Ulid>, until: Instant) {
        for trigger in &mut self.0 {
            let before = trigger.open.len();
            trigger.open.retain(|event| going.contains(event));
            if trigger.open.is_empty() && before > 0 {
                trigger.until = trigger.until.max(Some(until));
            }
        }
    }

    pub fn asked(&mut self, now: Instant) -> Vec<Asked> {
        let asked = CAUSES.into_iter().zip(&mut self.0).filter_map(|(cause, trigger)| {
            trigger.expire(now);
            let from = trigger.from?;
            Some(Asked { cause, from })
        });
        asked.collect()
    }
}

impl Trigger {
    fn expire(&mut self, now: Instant) {
        if self.until.is_some_and(|until| until <= now) {
            *self = Trigger::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Utc {
        Utc::from_micros(1_700_000_000_000_000 + second * 1_000_000)
    }

    #[test]
    fn the_time_after_an_event_is_prolonged_by_the_next() {
        let begin = Instant::now();
        let second = |n: u64| begin + Duration::from_secs(n);
        let (a, b) = (Ulid::from(1u128), Ulid::from(2u128));
        let mut triggers = Triggers::default();
        triggers.begin(Causes::SENSOR, a, at(-5), second(0));
        triggers.end(Causes::SENSOR, a, second(12));
        let sensor = |from| {
            vec![Asked {
                cause: Causes::SENSOR,
                from: at(from),
            }]
        };
        assert_eq!(triggers.asked(second(11)), sensor(-5));
        triggers.begin(Causes::SENSOR, b, at(6), second(11));
        assert_eq!(triggers.asked(second(60)), sensor(-5), "one stretch");
        triggers.end(Causes::SENSOR, b, second(70));
        assert_eq!(triggers.asked(second(69)), sensor(-5));
        assert_eq!(triggers.asked(second(70)), []);
        triggers.begin(Causes::SENSOR, b, at(75), second(80));
        assert_eq!(triggers.asked(second(80)), sensor(75));
    }

    #[test]
    fn recording_lasts_as_long_as_the_last_event() {
        let now = Instant::now();
        let (a, b) = (Ulid::from(1u128), Ulid::from(2u128));
        let mut triggers = Triggers::default();
        triggers.begin(Causes::MOTION, a, at(0), now);
        triggers.begin(Causes::MOTION, b, at(1), now);
        triggers.end(Causes::MOTION, a, now);
        assert_eq!(triggers.asked(now).len(), 1);
        triggers.end(Causes::MOTION, Ulid::from(3u128), now);
        assert_eq!(triggers.asked(now).len(), 1, "the end of another one");
        triggers.end(Causes::MOTION, b, now);
        assert_eq!(triggers.asked(now), []);
    }

    #[test]
    fn events_that_ended_unheard_are_over() {
        let now = Instant::now();
        let (a, b) = (Ulid::from(1u128), Ulid::from(2u128));
        let mut triggers = Triggers::default();
        triggers.begin(Causes::MOTION, a, at(0), now);
        triggers.begin(Causes::SENSOR, b, at(0), now);
        let after = now + Duration::from_secs(10);
        triggers.keep_only(&BTreeSet::from([b]), after);
        assert_eq!(triggers.asked(now).len(), 2, "the time after it");
        assert_eq!(
            triggers.asked(after),
            [Asked {
                cause: Causes::SENSOR,
                from: at(0)
            }]
        );
    }

    proptest! {
        /// Asked for exactly while an event goes on or its time after has not passed.
        #[test]
        fn asked_while_wanted(steps in proptest::collection::vec((0u128..4, any::<bool>(), 0u64..9), 0..60)) {
            let begin = Instant::now();
            let (mut triggers, mut open, mut until) = (Triggers::default(), BTreeSet::new(), None);
            let mut now = 0;
            for (event, begins, later) in steps {
                now += later;
                let moment = begin + Duration::from_secs(now);
                if begins {
                    triggers.begin(Causes::MOTION, Ulid::from(event), at(0), moment);
                    open.insert(event);
                } else {
                    let after = moment + Duration::from_secs(5);
                    triggers.end(Causes::MOTION, Ulid::from(event), after);
                    if open.remove(&event) {
                        until = until.max(Some(now + 5));
                    }
                }
                let wanted = !open.is_empty() || until.is_some_and(|until| until > now);
                prop_assert_eq!(!triggers.asked(moment).is_empty(), wanted);
            }
        }
    }
}
