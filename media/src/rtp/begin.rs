//! Where a track's clock begins. Pure.
//!
//! A server that keeps the newest pictures (another recorder, a relay, many cameras) sends them all
//! at once to whoever connects: only the last of them is of now. So the first units of a clock wait
//! until they come no faster than they were taken, or until nothing has come for a while.

use crate::codec::Depacketized;

/// Units of a burst follow each other faster (µs); its end is not waited for any longer.
const QUIET: i64 = 200_000;
/// A past (µs) that is longer is no burst.
const LONGEST: i64 = 10_000_000;
const MOST_UNITS: usize = 1024;
const MOST_BYTES: usize = 64 << 20;

/// The first units of a clock.
#[derive(Default)]
pub(super) struct Begin {
    held: Vec<Held>,
    bytes: usize,
    /// The smallest difference between arrival and ticks so far (µs).
    smallest: i64,
    /// Time by the ticks (µs) and arrival of the unit that is shown last.
    newest: (i64, i64),
    known: bool,
}

pub(super) struct Held {
    pub unit: Depacketized,
    pub ticks: i64,
    /// Microseconds.
    pub arrival: i64,
}

impl Begin {
    /// Whether a unit of the time `at` by the ticks (µs) goes on from those before it.
    pub fn takes(&self, arrival: i64, at: i64, reorder: i64) -> bool {
        self.held.is_empty()
            || (-reorder..=LONGEST).contains(&(at - self.newest.0)) && self.smallest - (arrival - at) <= LONGEST
    }

    /// `at`: the time by the ticks (µs).
    pub fn push(&mut self, held: Held, at: i64) {
        let difference = held.arrival - at;
        if self.held.is_empty() {
            self.smallest = difference;
            self.newest = (at, held.arrival);
            self.known = false;
        }
        let (newest, seen) = self.newest;
        self.smallest = self.smallest.min(difference);
        if at > newest {
            // Jitter is no burst: half the time that passed by the ticks is enough.
            self.known |= held.arrival - seen >= (at - newest) / 2;
            self.newest = (at, held.arrival);
        }
        self.bytes += held.unit.data.len();
        self.held.push(held);
        self.known |= self.held.len() >= MOST_UNITS || self.bytes >= MOST_BYTES;
    }

    /// Whether it is known at `now` (µs) when the first unit was taken.
    pub fn known(&self, now: i64) -> bool {
        self.known || self.due().is_some_and(|due| now >= due)
    }

    /// When it is known without anything further (µs).
    pub fn due(&self) -> Option<i64> {
        self.held.last().map(|last| last.arrival + QUIET)
    }

    /// What is to be added to the time by the ticks (µs), and the units.
    pub fn take(&mut self) -> (i64, Vec<Held>) {
        let smallest = self.smallest;
        (smallest, std::mem::take(self).held)
    }

    /// Only the newest are of use to who cannot take any yet.
    pub fn forget_oldest(&mut self) {
        if self.held.len() >= MOST_UNITS || self.bytes >= MOST_BYTES {
            for held in self.held.drain(..self.held.len() / 2) {
                self.bytes -= held.unit.data.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const MS: i64 = 1000;

    /// Units taken at `at` that arrive at `arrival` (ms): after how many it is known, and the
    /// instant of the first (ms).
    fn run(units: &[(i64, i64)]) -> (usize, i64) {
        let mut begin = Begin::default();
        for (n, (at, arrival)) in units.iter().enumerate() {
            let held = Held {
                unit: Depacketized {
                    rtp_timestamp: 0,
                    data: Bytes::from_static(b"unit"),
                    rap: n == 0,
                    format: None,
                    samples: 0,
                },
                ticks: at * 90,
                arrival: arrival * MS,
            };
            if begin.known(arrival * MS) || !begin.takes(arrival * MS, at * MS, 1600 * MS) {
                return (n, (units[0].0 * MS + begin.take().0) / MS);
            }
            begin.push(held, at * MS);
            if begin.known(arrival * MS) {
                return (n + 1, (units[0].0 * MS + begin.take().0) / MS);
            }
        }
        (usize::MAX, 0)
    }

    #[test]
    fn units_in_pace_wait_for_the_second() {
        assert_eq!(run(&[(0, 500), (40, 541), (80, 580)]), (2, 500));
        assert_eq!(run(&[(7000, 500), (7040, 530), (7080, 580)]), (2, 490));
    }

    #[test]
    fn the_last_of_a_burst_is_of_now() {
        let mut units: Vec<_> = (0..45).map(|n| (n * 40, 500 + n)).collect();
        units.push((1800, 585));
        assert_eq!(run(&units), (46, 544 - 1760));
        // Nothing follows.
        units.pop();
        units.push((1800, 800));
        assert_eq!(run(&units), (45, 544 - 1760));
    }

    #[test]
    fn pictures_in_another_order_than_shown_are_no_burst() {
        assert_eq!(run(&[(0, 500), (120, 540), (40, 580), (80, 620), (240, 660)]), (5, 420));
    }

    #[test]
    fn what_leaps_is_not_of_the_burst() {
        assert_eq!(run(&[(0, 500), (40, 501), (20_000, 502)]), (2, 461));
        assert_eq!(run(&[(5000, 500), (5040, 501), (0, 502)]), (2, 461));
    }
}
