//! What goes, in which order, and why: pure.

use std::time::Duration;

use vigie_config::Utc;

use super::rules::{Lock, Reason};
use crate::shelf::What;

/// A file that may go. `end`: as far as known without opening it, never too early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub what: What,
    pub end: Utc,
    pub bytes: u64,
}

impl Candidate {
    pub fn start(&self) -> Utc {
        self.what.start()
    }
}

/// How much has to go from a volume, whatever its age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demand {
    /// More footage than `max_size` by.
    pub over_size: u64,
    /// Less free than `keep_free` by.
    pub short_of_free: u64,
}

impl Demand {
    pub fn new(footage: Option<u64>, max_size: Option<u64>, free: u64, keep_free: u64) -> Demand {
        let over_size = match (footage, max_size) {
            (Some(footage), Some(max)) => footage.saturating_sub(max),
            _ => 0,
        };
        Demand {
            over_size,
            short_of_free: keep_free.saturating_sub(free),
        }
    }
    pub fn is_met(&self) -> bool {
        *self == Demand::default()
    }
    pub fn freed(&mut self, bytes: u64) {
        self.over_size = self.over_size.saturating_sub(bytes);
        self.short_of_free = self.short_of_free.saturating_sub(bytes);
    }
    /// The reason of the next deletion.
    fn reason(&self) -> Reason {
        if self.short_of_free > 0 {
            Reason::Space
        } else {
            Reason::Size
        }
    }
}

fn is_locked(candidate: &Candidate, locks: &[Lock]) -> bool {
    locks
        .iter()
        .any(|lock| lock.camera == *candidate.what.camera() && lock.from < candidate.end && lock.to > candidate.start())
}

/// Of one shelf, oldest first: what ended more than `max_age` ago. Looks at one candidate more
/// than it takes (locked ones aside).
pub fn too_old<'a>(
    candidates: impl Iterator<Item = Candidate> + 'a,
    now: Utc,
    max_age: Duration,
    locks: &'a [Lock],
) -> impl Iterator<Item = Candidate> + 'a {
    let limit = now - max_age;
    candidates
        .take_while(move |c| c.end < limit)
        .filter(|c| !is_locked(c, locks))
}

/// Of one volume, in order of writing: what goes until the demand is met.
pub fn too_much<'a>(
    candidates: impl Iterator<Item = Candidate> + 'a,
    demand: &'a mut Demand,
    locks: &'a [Lock],
) -> impl Iterator<Item = (Candidate, Reason)> + 'a {
    let mut candidates = candidates.filter(|c| !is_locked(c, locks));
    std::iter::from_fn(move || {
        if demand.is_met() {
            return None;
        }
        let candidate = candidates.next()?;
        let reason = demand.reason();
        demand.freed(candidate.bytes);
        Some((candidate, reason))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use vigie_config::{CameraId, StreamId, StreamName};

    use super::*;

    fn camera(n: u8) -> CameraId {
        CameraId::new(&format!("c{n}")).unwrap()
    }
    fn at(s: i64) -> Utc {
        Utc::from_micros(1_700_000_000_000_000 + s * 1_000_000)
    }
    fn footage(n: u8, minutes: impl IntoIterator<Item = i64>) -> Vec<Candidate> {
        let stream = StreamId::new(camera(n), StreamName::Main);
        minutes
            .into_iter()
            .map(|m| Candidate {
                what: What::Segment(stream.clone(), at(m * 60)),
                end: at(m * 60 + 60),
                bytes: 10,
            })
            .collect()
    }

    #[test]
    fn age_takes_from_the_oldest_and_leaves_locked() {
        let locks = [Lock {
            camera: camera(1),
            from: at(70),
            to: at(80),
        }];
        let gone: Vec<_> = too_old(footage(1, 0..10).into_iter(), at(600), Duration::from_secs(300), &locks).collect();
        let starts: Vec<_> = gone.iter().map(Candidate::start).collect();
        assert_eq!(starts, [at(0), at(120), at(180)], "the one that ends 300 s ago stays");
    }

    proptest! {
        /// Exactly as much as needed, in order, nothing locked.
        #[test]
        fn space_takes_no_more_than_needed(
            over in 0u64..200, short in 0u64..200, locked in proptest::collection::vec(0i64..20, 0..5),
        ) {
            let locks: Vec<Lock> = locked.iter()
                .map(|m| Lock { camera: camera(1), from: at(m * 60 + 1), to: at(m * 60 + 2) }).collect();
            let all = footage(1, 0..20);
            let mut demand = Demand { over_size: over, short_of_free: short };
            let gone: Vec<_> = too_much(all.iter().cloned(), &mut demand, &locks).collect();
            let free: Vec<_> = all.iter().filter(|c| !is_locked(c, &locks)).cloned().collect();
            let need = over.max(short).div_ceil(10) as usize;
            let expected = &free[..need.min(free.len())];
            prop_assert_eq!(gone.iter().map(|(c, _)| c.clone()).collect::<Vec<_>>(), expected);
            for (index, (_, reason)) in gone.iter().enumerate() {
                let expected = if short > index as u64 * 10 { Reason::Space } else { Reason::Size };
                prop_assert_eq!(*reason, expected);
            }
        }
    }

    #[test]
    fn demand_of_a_volume() {
        assert!(Demand::new(None, Some(5), 100, 50).is_met());
        assert!(Demand::new(Some(5), Some(5), 50, 50).is_met());
        assert_eq!(
            Demand::new(Some(9), Some(5), 20, 50),
            Demand {
                over_size: 4,
                short_of_free: 30
            }
        );
    }
}
