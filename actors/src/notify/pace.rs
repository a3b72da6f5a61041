//! The pace of one address: how long it collects, when it is tried again. Pure.

use std::time::{Duration, Instant};

use ulid::Ulid;

/// So long the first message waits for what comes with it.
const FIRST: Duration = Duration::from_secs(1);
/// Between messages of a storm, at most; a longer `merge` counts.
const LONGEST_WINDOW: Duration = Duration::from_secs(600);
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// Somebody has to mend something.
const SLOW: Duration = Duration::from_secs(600);

/// Why a message was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What failed, which, what was seen, what to do.
    pub text: String,
    pub how: How,
    /// What all addresses share failed: no other is tried meanwhile.
    pub everyone: bool,
}

/// What is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Tried again, with growing pauses.
    Retry,
    /// Tried again seldom: it works when somebody mends something.
    Slow,
    /// Tried again after as long as the other side asks for, within reason: most expire in an hour.
    After(Duration),
    /// Never again.
    Never,
}

impl Failure {
    pub fn new(how: How, text: impl Into<String>) -> Failure {
        Failure {
            text: text.into(),
            how,
            everyone: false,
        }
    }

    pub fn of_everyone(how: How, text: impl Into<String>) -> Failure {
        Failure {
            everyone: true,
            ..Failure::new(how, text)
        }
    }
}

/// How long after the nth failure in a row it is tried again: 5 s, doubled up to 10 min, and by 20 %
/// more or less, so that not all come at once.
pub fn pause_after(failures: u32, how: How, message: Ulid) -> Duration {
    let pause = match how {
        How::Retry | How::Never => {
            let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
            FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
        }
        How::Slow => SLOW,
        How::After(asked) => return asked.clamp(Duration::from_secs(1), LONGEST_PAUSE),
    };
    // The id's own chance serves: no other is needed.
    let chance = (message.random() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ u64::from(failures));
    let part = (chance >> 40) as f64 / f64::from(1u32 << 24);
    pause.mul_f64(0.8 + 0.4 * part)
}

#[derive(Debug, Default)]
pub struct Pace {
    failures: u32,
    next_try: Option<Instant>,
    /// When the open message was begun, with what it waits for others.
    first: Option<Instant>,
    /// Until then nothing is sealed.
    closed: Option<Instant>,
    window: Duration,
}

impl Pace {
    /// A message is begun.
    pub fn opened(&mut self, now: Instant, merge: Duration) {
        self.first = (!merge.is_zero()).then_some(now + FIRST);
    }

    /// When the open message is sealed; `None`: at once.
    pub fn seal_at(&self) -> Option<Instant> {
        self.first.max(self.closed)
    }

    /// A message was sealed: the next one waits, and longer each time while they follow each other.
    pub fn sealed(&mut self, now: Instant, merge: Duration) {
        let goes_on = self.closed.is_some_and(|closed| now < closed + self.window);
        let longest = LONGEST_WINDOW.max(merge);
        self.window = match goes_on {
            true => (self.window * 2).clamp(merge, longest),
            false => merge,
        };
        self.closed = Some(now + self.window);
    }

    pub fn may_try(&self, now: Instant) -> bool {
        self.next_try.is_none_or(|at| at <= now)
    }

    pub fn next_try(&self) -> Option<Instant> {
        self.next_try
    }

    pub fn retry_now(&mut self) {
        self.next_try = None;
    }

    pub fn succeeded(&mut self) {
        (self.failures, self.next_try) = (0, None);
    }

    /// How often in a row.
    pub fn failed(&mut self) -> u32 {
        self.failures += 1;
        self.failures
    }

    pub fn wait_until(&mut self, at: Instant) {
        self.next_try = Some(at);
    }

    /// Nothing is lost with it.
    pub fn is_idle(&self, now: Instant) -> bool {
        self.closed.is_none_or(|closed| closed + self.window <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_ten_minutes() {
        let id = Ulid::from(77u128);
        for (failures, expected) in [(1, 5.0), (2, 10.0), (3, 20.0), (7, 320.0), (8, 600.0), (40, 600.0)] {
            let pause = pause_after(failures, How::Retry, id).as_secs_f64();
            assert!(
                (expected * 0.8..=expected * 1.2).contains(&pause),
                "{failures}: {pause}"
            );
        }
        assert!(pause_after(1, How::Slow, id) >= Duration::from_secs(480));
        let asked = How::After(Duration::from_secs(17));
        assert_eq!(pause_after(5, asked, id), Duration::from_secs(17));
        assert_eq!(pause_after(1, How::After(Duration::MAX), id), LONGEST_PAUSE);
        let pauses: std::collections::BTreeSet<_> = (0..50u128)
            .map(|id| pause_after(1, How::Retry, Ulid::from(id * 7_919 + 1)))
            .collect();
        assert!(pauses.len() > 40, "they do not all come at once");
    }

    #[test]
    fn windows_grow_while_a_storm_goes_on() {
        let merge = Duration::from_secs(30);
        let begin = Instant::now();
        let mut line = Pace::default();
        line.opened(begin, merge);
        let mut times = Vec::new();
        for _ in 0..8 {
            let at = line.seal_at().unwrap_or(begin);
            times.push((at - begin).as_secs());
            line.sealed(at, merge);
            line.opened(at, merge);
        }
        assert_eq!(times, [1, 31, 91, 211, 451, 931, 1531, 2131]);
        // Quiet for longer than the window: at once again.
        let later = begin + Duration::from_secs(4000);
        line.opened(later, merge);
        assert_eq!(line.seal_at(), Some(later + FIRST));
        line.sealed(later + FIRST, merge);
        assert_eq!(line.seal_at(), Some(later + FIRST + merge));
    }
}
