//! Whether an output is to be on, and how long. Pure.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use ulid::Ulid;

/// A moment without a time to hold is this long.
const SHORTEST: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub struct Machine {
    hold: Duration,
    /// Events that go on; they count where there is no time to hold.
    events: BTreeSet<Ulid>,
    /// On because of events up to here.
    until: Option<Instant>,
    by_hand: Option<ByHand>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ByHand {
    UntilTold,
    Until(Instant),
}

impl Machine {
    pub fn new(hold: Duration) -> Machine {
        Machine {
            hold,
            ..Machine::default()
        }
    }

    /// An event wants it on; `moment`: it is over already.
    pub fn fire(&mut self, event: Ulid, moment: bool, now: Instant) {
        let hold = if self.hold.is_zero() { SHORTEST } else { self.hold };
        if self.hold.is_zero() && !moment {
            self.events.insert(event);
        } else {
            self.until = self.until.max(Some(now + hold));
        }
    }

    pub fn event_over(&mut self, event: Ulid) {
        self.events.remove(&event);
    }

    /// Of all events only these go on.
    pub fn keep_only(&mut self, going: &BTreeSet<Ulid>) {
        self.events.retain(|event| going.contains(event));
    }

    /// A person wants it on, for so long or until told otherwise.
    pub fn switch_on(&mut self, time: Option<Duration>, now: Instant) {
        self.by_hand = Some(time.map_or(ByHand::UntilTold, |time| ByHand::Until(now + time)));
    }

    /// A person wants it off, whatever events say.
    pub fn switch_off(&mut self) {
        self.events.clear();
        self.until = None;
        self.by_hand = None;
    }

    /// Events that go on want it on.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    pub fn is_wanted(&self, now: Instant) -> bool {
        let by_hand = match self.by_hand {
            Some(ByHand::UntilTold) => true,
            Some(ByHand::Until(until)) => until > now,
            None => false,
        };
        by_hand || !self.events.is_empty() || self.until.is_some_and(|until| until > now)
    }

    /// Whether it is wanted, and when time makes a difference to that.
    pub fn at(&self, now: Instant) -> (bool, Option<Instant>) {
        (self.is_wanted(now), self.next(now))
    }

    fn next(&self, now: Instant) -> Option<Instant> {
        let by_hand = match self.by_hand {
            Some(ByHand::Until(until)) => Some(until),
            Some(ByHand::UntilTold) | None => None,
        };
        let times = [by_hand, self.until].into_iter().flatten();
        times.filter(|until| *until > now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn held_since_the_last_event() {
        let begin = Instant::now();
        let mut machine = Machine::new(10 * SECOND);
        assert!(!machine.is_wanted(begin));
        machine.fire(Ulid::from(1u128), false, begin);
        machine.fire(Ulid::from(2u128), true, begin + 5 * SECOND);
        machine.event_over(Ulid::from(1u128));
        assert!(machine.is_wanted(begin + 14 * SECOND));
        assert_eq!(machine.next(begin), Some(begin + 15 * SECOND));
        assert!(!machine.is_wanted(begin + 15 * SECOND));
        assert_eq!(machine.next(begin + 15 * SECOND), None);
        for nanos in [0, 14_999_999_999, 15_000_000_000] {
            let (wanted, next) = machine.at(begin + Duration::from_nanos(nanos));
            assert_eq!(wanted, next.is_some(), "what is on for a time has an end, {nanos} ns");
        }
    }

    #[test]
    fn without_a_hold_it_lasts_as_long_as_its_events() {
        let begin = Instant::now();
        let mut machine = Machine::new(Duration::ZERO);
        machine.fire(Ulid::from(1u128), false, begin);
        machine.fire(Ulid::from(2u128), false, begin);
        machine.event_over(Ulid::from(1u128));
        assert!(machine.is_wanted(begin + 3600 * SECOND));
        machine.event_over(Ulid::from(2u128));
        assert!(!machine.is_wanted(begin));
        machine.fire(Ulid::from(3u128), true, begin);
        assert!(
            machine.is_wanted(begin) && !machine.is_wanted(begin + SECOND),
            "a moment"
        );
    }

    #[test]
    fn events_that_ended_unheard_are_over() {
        let begin = Instant::now();
        let (a, b) = (Ulid::from(1u128), Ulid::from(2u128));
        let mut machine = Machine::new(Duration::ZERO);
        machine.fire(a, false, begin);
        machine.fire(b, false, begin);
        machine.keep_only(&BTreeSet::from([b]));
        machine.event_over(b);
        assert!(!machine.is_wanted(begin));
    }

    #[test]
    fn a_person_has_the_last_word() {
        let begin = Instant::now();
        let mut machine = Machine::new(10 * SECOND);
        machine.fire(Ulid::from(1u128), false, begin);
        machine.switch_off();
        assert!(!machine.is_wanted(begin));
        machine.switch_on(Some(3 * SECOND), begin);
        assert!(machine.is_wanted(begin + 2 * SECOND) && !machine.is_wanted(begin + 3 * SECOND));
        machine.switch_on(None, begin);
        assert!(machine.is_wanted(begin + 86_400 * SECOND));
    }
}
