//! One input's contact: debounced, held, and what that makes of it. Pure.

use std::time::{Duration, Instant};

/// A change that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Active,
    /// Active because of a pulse, which is over, and active for as long as it is said to be.
    Stays,
    Inactive,
}

#[derive(Debug, Clone)]
pub struct Machine {
    debounce: Duration,
    active: bool,
    /// Seen since, and not long enough to count.
    seen: Option<(bool, Instant)>,
    /// A pulse counts as active up to here.
    until: Option<Instant>,
    /// It became active by a pulse, and nobody has said since that it stays so.
    pulse: bool,
}

impl Machine {
    pub fn new(debounce: Duration, active: bool) -> Machine {
        Machine {
            debounce,
            active,
            seen: None,
            until: None,
            pulse: false,
        }
    }

    /// The same contact, seen with another patience.
    pub fn with_debounce(self, debounce: Duration) -> Machine {
        Machine { debounce, ..self }
    }

    pub fn is_active(&self) -> bool {
        self.active
    }

    /// Active because of a pulse.
    pub fn is_pulse(&self) -> bool {
        self.pulse
    }

    /// It stands so now.
    pub fn see(&mut self, active: bool, now: Instant) -> Option<Turn> {
        self.until = None;
        if active == self.active {
            self.seen = None;
            let stays = active && std::mem::take(&mut self.pulse);
            return stays.then_some(Turn::Stays);
        }
        match self.seen {
            Some((seen, _)) if seen == active => {}
            _ => self.seen = Some((active, now)),
        }
        self.tick(now)
    }

    /// It was active for a moment: that counts for `hold`.
    pub fn pulse(&mut self, hold: Duration, now: Instant) -> Option<Turn> {
        // What stays active needs no pulse.
        if self.active && self.until.is_none() {
            return None;
        }
        self.seen = None;
        self.until = Some(now + hold);
        self.pulse = true;
        self.turn(true)
    }

    /// Time passes.
    pub fn tick(&mut self, now: Instant) -> Option<Turn> {
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
            return self.turn(false);
        }
        match self.seen {
            Some((active, since)) if now.saturating_duration_since(since) >= self.debounce => {
                self.seen = None;
                self.turn(active)
            }
            _ => None,
        }
    }

    /// When time makes a difference.
    pub fn next(&self) -> Option<Instant> {
        let seen = self.seen.map(|(_, since)| since + self.debounce);
        [seen, self.until].into_iter().flatten().min()
    }

    fn turn(&mut self, active: bool) -> Option<Turn> {
        self.pulse &= active;
        let turned = std::mem::replace(&mut self.active, active) != active;
        turned.then_some(if active { Turn::Active } else { Turn::Inactive })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_contact_that_bounces_counts_when_it_has_settled() {
        let begin = Instant::now();
        let at = |tenths: u32| begin + SECOND / 10 * tenths;
        let mut machine = Machine::new(SECOND / 2, false);
        assert_eq!(machine.see(true, at(0)), None);
        assert_eq!(machine.see(false, at(3)), None, "it was not long enough");
        assert_eq!(machine.next(), None);
        assert_eq!(machine.see(true, at(4)), None);
        assert_eq!(machine.see(true, at(6)), None);
        assert_eq!(machine.next(), Some(at(9)));
        assert_eq!(machine.tick(at(8)), None);
        assert_eq!(machine.tick(at(9)), Some(Turn::Active));
        assert_eq!(machine.see(true, at(20)), None);
    }

    #[test]
    fn pulses_are_held_and_prolonged() {
        let begin = Instant::now();
        let mut machine = Machine::new(Duration::ZERO, false);
        assert_eq!(machine.pulse(10 * SECOND, begin), Some(Turn::Active));
        assert_eq!(machine.pulse(10 * SECOND, begin + 5 * SECOND), None);
        assert_eq!(machine.tick(begin + 10 * SECOND), None);
        assert_eq!(machine.tick(begin + 15 * SECOND), Some(Turn::Inactive));
        // What is said to be active stays so, whatever pulses come.
        assert_eq!(machine.see(true, begin + 16 * SECOND), Some(Turn::Active));
        assert!(!machine.is_pulse());
        assert_eq!(machine.pulse(SECOND, begin + 17 * SECOND), None);
        assert_eq!(machine.tick(begin + 60 * SECOND), None);
        assert_eq!(machine.see(false, begin + 61 * SECOND), Some(Turn::Inactive));
    }

    #[test]
    fn a_pulse_becomes_a_state_once() {
        let begin = Instant::now();
        let mut machine = Machine::new(SECOND, false);
        machine.pulse(10 * SECOND, begin);
        assert!(machine.is_pulse());
        assert_eq!(machine.see(true, begin + SECOND), Some(Turn::Stays));
        assert!(machine.is_active() && !machine.is_pulse());
        assert_eq!(machine.see(true, begin + 2 * SECOND), None);
        assert_eq!(machine.next(), None, "it ends by itself no more");
        // One that is taken back before that has counted.
        let mut machine = Machine::new(SECOND, false);
        machine.pulse(10 * SECOND, begin);
        assert_eq!(machine.see(false, begin + SECOND), None);
        assert_eq!(machine.see(true, begin + SECOND), Some(Turn::Stays));
    }

    proptest! {
        /// Turns take turns; and when all has settled it stands as it was last seen, or is inactive
        /// where a pulse came after that and found it so.
        #[test]
        fn turns_take_turns(steps in proptest::collection::vec((0u32..3, 0u32..20), 0..60), debounce in 0u32..10) {
            let begin = Instant::now();
            let tenth = SECOND / 10;
            let mut machine = Machine::new(tenth * debounce, false);
            let (mut now, mut active, mut last) = (begin, false, false);
            for (step, later) in steps {
                now += tenth * later;
                let ticked = machine.tick(now);
                let turn = match step {
                    0 => {
                        last = false;
                        machine.see(false, now)
                    }
                    1 => {
                        last = true;
                        machine.see(true, now)
                    }
                    _ => {
                        // Over what is said to be active a pulse says nothing.
                        if !machine.is_active() || machine.is_pulse() {
                            last = false;
                        }
                        machine.pulse(tenth * 5, now)
                    }
                };
                for turn in [ticked, turn].into_iter().flatten() {
                    prop_assert_eq!(turn == Turn::Active, !active);
                    active = turn != Turn::Inactive;
                }
                prop_assert_eq!(machine.is_active(), active);
            }
            machine.tick(now + 10 * SECOND);
            prop_assert!(machine.next().is_none());
            prop_assert_eq!(machine.is_active(), last);
        }
    }
}
