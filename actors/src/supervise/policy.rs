//! When to start something again. Pure: `now` is an argument.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use vigie_config::ErrorKind;

/// What to do about an actor that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Restart {
        after: Duration,
    },
    /// Over its limit: leave it alone for a while, then try again, for ever.
    Park {
        until: Instant,
    },
}

/// Counts the ends of one actor: 5 in 60 s park it for 60 s.
#[derive(Debug, Default)]
pub struct RestartPolicy {
    ends: VecDeque<Instant>,
}

impl RestartPolicy {
    pub const LIMIT: usize = 5;
    pub const WINDOW: Duration = Duration::from_secs(60);
    pub const PARKED: Duration = Duration::from_secs(60);

    pub fn on_end(&mut self, now: Instant) -> Verdict {
        while self.ends.front().is_some_and(|t| now.duration_since(*t) > Self::WINDOW) {
            self.ends.pop_front();
        }
        self.ends.push_back(now);
        if self.ends.len() > Self::LIMIT {
            self.ends.clear();
            return Verdict::Park {
                until: now + Self::PARKED,
            };
        }
        // The first end restarts at once; the following ones breathe a little.
        let after = Duration::from_millis(50) * u32::try_from(self.ends.len() - 1).unwrap_or(0);
        Verdict::Restart { after }
    }
}

/// Attempts to reach a peer since media last flowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempts {
    /// Attempts in a row that brought no access unit.
    pub fruitless: u32,
    /// When the current loss began.
    pub since: Option<Instant>,
}

/// Pauses between attempts to reach a peer, by kind of error.
///
/// In the first 60 s of a loss the pause is 1 s; then 2 → 60 s, doubling; ± 20 %. A loss right
/// after media reconnects at once, at most once a second. A refusal (401, 404) waits 30 s.
#[derive(Debug, Clone, Copy)]
pub struct Backoff;

impl Backoff {
    pub const EAGER: Duration = Duration::from_secs(60);
    pub const REFUSED: Duration = Duration::from_secs(30);
    const MAX: Duration = Duration::from_secs(60);

    /// How long to wait before the next attempt; `None`: not until the configuration changes.
    /// `jitter` is in `-1.0..=1.0`. `started` is when the attempt that just ended began, and
    /// `fruitful` whether it brought an access unit.
    pub fn pause(
        attempts: &mut Attempts,
        kind: ErrorKind,
        fruitful: bool,
        started: Instant,
        now: Instant,
        jitter: f64,
    ) -> Option<Duration> {
        let spread = |d: Duration| d.mul_f64(1.0 + 0.2 * jitter.clamp(-1.0, 1.0));
        if fruitful {
            *attempts = Attempts {
                fruitless: 0,
                since: Some(now),
            };
            if kind != ErrorKind::Misconfigured {
                return Some(Duration::from_secs(1).saturating_sub(now.duration_since(started)));
            }
        }
        attempts.fruitless = attempts.fruitless.saturating_add(1);
        let since = *attempts.since.get_or_insert(started);
        match kind {
            ErrorKind::Misconfigured => None,
            ErrorKind::Refused => Some(spread(Self::REFUSED)),
            _ if now.duration_since(since) < Self::EAGER => Some(spread(Duration::from_secs(1))),
            _ => {
                let late = now.duration_since(since) - Self::EAGER;
                // Doubling in time: after a minute 2 s, then about as long again as has passed.
                let pause = Duration::from_secs(2).max(late / 2).min(Self::MAX);
                Some(spread(pause))
            }
        }
    }
}

/// Spreads the attempts of many; quality does not matter (splitmix64).
pub struct Jitter(u64);

impl Default for Jitter {
    fn default() -> Self {
        let seed = std::collections::hash_map::RandomState::new();
        Self(std::hash::BuildHasher::hash_one(&seed, 0u8))
    }
}

impl Jitter {
    /// In `-1.0..=1.0`.
    pub fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn five_ends_in_a_minute_restart_the_sixth_parks() {
        let mut policy = RestartPolicy::default();
        let start = Instant::now();
        for n in 0..5 {
            let now = start + Duration::from_secs(n);
            assert!(matches!(policy.on_end(now), Verdict::Restart { .. }), "end {n}");
        }
        let now = start + Duration::from_secs(6);
        assert_eq!(
            policy.on_end(now),
            Verdict::Park {
                until: now + RestartPolicy::PARKED
            }
        );
    }

    #[test]
    fn ends_far_apart_never_park() {
        let mut policy = RestartPolicy::default();
        let start = Instant::now();
        for n in 0..100 {
            let now = start + Duration::from_secs(13 * n);
            assert!(matches!(policy.on_end(now), Verdict::Restart { .. }), "end {n}");
        }
    }

    fn pauses(kind: ErrorKind, seconds: u64) -> Vec<(f64, f64)> {
        let start = Instant::now();
        let (mut now, mut attempts, mut out) = (start, Attempts::default(), Vec::new());
        while now.duration_since(start).as_secs() < seconds {
            let Some(p) = Backoff::pause(&mut attempts, kind, false, now, now, 1.0) else {
                break;
            };
            out.push((now.duration_since(start).as_secs_f64(), p.as_secs_f64()));
            now += p;
        }
        out
    }

    #[test]
    fn a_lost_camera_is_tried_every_second_for_a_minute_then_ever_less() {
        let all = pauses(ErrorKind::Unavailable, 3600);
        assert!(all.iter().filter(|(at, _)| *at < 59.0).all(|(_, p)| *p <= 2.0));
        let late: Vec<f64> = all.iter().filter(|(at, _)| *at > 61.0).map(|(_, p)| *p).collect();
        assert!(late.windows(2).all(|w| w[1] >= w[0]), "pauses grow: {late:?}");
        assert_eq!(late.last().copied().unwrap(), 72.0);
    }

    #[test]
    fn a_refusal_is_slow_and_a_misconfiguration_waits() {
        assert!(pauses(ErrorKind::Refused, 300).iter().all(|(_, p)| *p >= 24.0));
        assert!(pauses(ErrorKind::Misconfigured, 300).is_empty());
    }

    #[test]
    fn an_end_after_media_reconnects_at_once_but_not_more_than_once_a_second() {
        let start = Instant::now();
        let mut attempts = Attempts {
            fruitless: 9,
            since: Some(start),
        };
        let later = start + Duration::from_secs(500);
        let pause = |a: &mut Attempts, began, now| Backoff::pause(a, ErrorKind::Unavailable, true, began, now, 0.5);
        assert_eq!(pause(&mut attempts, start, later), Some(Duration::ZERO));
        assert_eq!(attempts.fruitless, 0);
        let soon = later + Duration::from_millis(300);
        assert_eq!(pause(&mut attempts, later, soon), Some(Duration::from_millis(700)));
    }
}
