//! When the broker is to be asked whether it is there. Pure.
//!
//! It ends a connection on which it is *sent* nothing for one and a half times the keep-alive (MQTT 3.1.1,
//! §3.1.2.10), however much it tells itself; and a broker that says nothing may be gone.

use std::time::{Duration, Instant};

pub(super) struct Pulse {
    /// Half of what was agreed on.
    pause: Duration,
    sent: Instant,
    heard: Instant,
    /// Asked, and nothing heard since.
    asked: Option<Instant>,
}

/// What is to be done when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beat {
    Ask,
    /// It was asked, and has said nothing since.
    Gone,
}

impl Pulse {
    pub fn new(keep_alive: Duration, now: Instant) -> Pulse {
        Pulse {
            pause: keep_alive / 2,
            sent: now,
            heard: now,
            asked: None,
        }
    }

    pub fn sent(&mut self, now: Instant) {
        self.sent = now;
    }

    pub fn heard(&mut self, now: Instant) {
        (self.heard, self.asked) = (now, None);
    }

    pub fn due(&self) -> Instant {
        self.asked.unwrap_or(self.sent.min(self.heard)) + self.pause
    }

    /// It is due.
    pub fn beat(&mut self, now: Instant) -> Beat {
        match self.asked.replace(now) {
            Some(_) => Beat::Gone,
            None => Beat::Ask,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP_ALIVE: Duration = Duration::from_secs(30);

    /// Seconds at which it is asked within two minutes; `true` at the end: it counts as gone.
    fn asked(answers: bool, chatty: bool, busy: bool) -> (Vec<u64>, bool) {
        let begin = Instant::now();
        let mut pulse = Pulse::new(KEEP_ALIVE, begin);
        let mut asked = Vec::new();
        for second in 1..=120 {
            let now = begin + Duration::from_secs(second);
            if chatty {
                pulse.heard(now);
            }
            if busy {
                pulse.sent(now);
            }
            if pulse.due() <= now {
                if pulse.beat(now) == Beat::Gone {
                    return (asked, true);
                }
                asked.push(second);
                pulse.sent(now);
                if answers {
                    pulse.heard(now);
                }
            }
        }
        (asked, false)
    }

    #[test]
    fn a_broker_that_tells_much_hears_of_us_too() {
        let often: Vec<u64> = (1..=8).map(|n| n * 15).collect();
        assert_eq!(asked(true, true, false), (often.clone(), false));
        assert_eq!(asked(true, false, false), (often, false), "nothing goes on");
        assert_eq!(asked(true, true, true), (vec![], false), "it hears and tells enough");
    }

    #[test]
    fn a_broker_that_says_nothing_is_gone_after_the_keep_alive() {
        assert_eq!(asked(false, false, false), (vec![15], true));
        assert_eq!(asked(false, false, true), (vec![15], true), "it takes what it is sent");
    }
}
