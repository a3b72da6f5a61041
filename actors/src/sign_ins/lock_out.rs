//! How long whoever guesses has to wait before the next try, in bounded memory. Pure.
//!
//! Wrong tries are counted for each pair of name and address, for each address and for each name.
//! Beyond some that cost nothing each one doubles the wait. Who signed in from an address before is
//! not held up there by what others do elsewhere, and waits [`LONGEST_KNOWN`] at most: nobody locks
//! an owner out. What is counted is forgotten once nothing was wrong for [`FORGET`].

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

use super::tally::{Guest, With};

const FORGET: Duration = Duration::from_secs(3600);
/// Kept of each kind at once; the least of them goes first.
const MOST: usize = 1024;
/// Longer names are no user's.
const LONGEST_NAME: usize = 64;

/// Of one pair.
const PAIR: Steps = Steps {
    free: 5,
    longest: Duration::from_secs(15 * 60),
};
/// Of one address, whatever the names: a house behind one address mistypes more.
const GUEST: Steps = Steps {
    free: 30,
    longest: Duration::from_secs(15 * 60),
};
/// Of one name, wherever from: guessing from many addresses.
const NAME: Steps = Steps {
    free: 60,
    longest: Duration::from_secs(5 * 60),
};
const LONGEST_KNOWN: Duration = Duration::from_secs(5);

struct Steps {
    free: u32,
    longest: Duration,
}

impl Steps {
    fn wait(&self, wrong: u32) -> Duration {
        match wrong.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(more) => Duration::from_secs(1 << more.min(20)).min(self.longest),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Wrong {
    count: u32,
    last: Instant,
}

/// Wrong tries by whatever they are counted for.
#[derive(Debug)]
struct Counts<K>(HashMap<K, Wrong>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq + Clone> Counts<K> {
    fn of(&self, key: &K, now: Instant) -> Option<Wrong> {
        let wrong = self.0.get(key).copied();
        wrong.filter(|wrong| now.duration_since(wrong.last) < FORGET)
    }

    fn add(&mut self, key: K, now: Instant) {
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            self.0.retain(|_, wrong| now.duration_since(wrong.last) < FORGET);
        }
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            let least = self.0.iter().min_by_key(|(_, wrong)| (wrong.count, wrong.last));
            let least = least.map(|(key, _)| key.clone());
            least.and_then(|least| self.0.remove(&least));
        }
        let count = self.of(&key, now).map_or(0, |wrong| wrong.count);
        self.0.insert(
            key,
            Wrong {
                count: count.saturating_add(1),
                last: now,
            },
        );
    }

    /// How much of a wait is left.
    fn left(&self, key: &K, steps: &Steps, now: Instant) -> Duration {
        let wrong = self.of(key, now);
        wrong.map_or(Duration::ZERO, |wrong| {
            steps.wait(wrong.count).saturating_sub(now.duration_since(wrong.last))
        })
    }
}

#[derive(Debug, Default)]
pub struct LockOut {
    pairs: Counts<(String, Guest)>,
    guests: Counts<Guest>,
    names: Counts<String>,
    /// Who signed in from where, and when last.
    known: HashMap<(String, Guest), Instant>,
}

fn short(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}

/// All that a reverse proxy on this machine sends comes from here.
fn is_this_machine(guest: Guest) -> bool {
    matches!(guest, Guest::Address(address) if address.is_loopback())
}

impl LockOut {
    /// `Err`: so long it is to be waited for.
    pub fn may_try(&self, guest: Guest, with: With<'_>, now: Instant) -> Result<(), Duration> {
        let of_guest = match is_this_machine(guest) {
            true => Duration::ZERO,
            false => self.guests.left(&guest, &GUEST, now),
        };
        let wait = match with {
            With::Token => of_guest,
            With::Name(name) => {
                let pair = (short(name), guest);
                let of_pair = self.pairs.left(&pair, &PAIR, now);
                match self.known.contains_key(&pair) {
                    true => of_pair.min(LONGEST_KNOWN),
                    false => of_pair.max(of_guest).max(self.names.left(&pair.0, &NAME, now)),
                }
            }
        };
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    pub fn failed(&mut self, guest: Guest, with: With<'_>, now: Instant) {
        self.guests.add(guest, now);
        if let With::Name(name) = with {
            let name = short(name);
            self.names.add(name.clone(), now);
            self.pairs.add((name, guest), now);
        }
    }

    /// The password was right.
    pub fn passed(&mut self, guest: Guest, name: &str, now: Instant) {
        let pair = (short(name), guest);
        self.pairs.0.remove(&pair);
        if self.known.len() >= MOST && !self.known.contains_key(&pair) {
            let oldest = self.known.iter().min_by_key(|(_, last)| **last);
            let oldest = oldest.map(|(pair, _)| pair.clone());
            oldest.and_then(|oldest| self.known.remove(&oldest));
        }
        self.known.insert(pair, now);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;

    fn guest(n: u32) -> Guest {
        Guest::of(Some(IpAddr::V4((0xc000_0200 + n).into())))
    }

    #[test]
    fn each_wrong_try_doubles_the_wait_and_quiet_forgets_it() {
        let (mut lock, mut now) = (LockOut::default(), Instant::now());
        let ann = With::Name("ann");
        for _ in 0..5 {
            assert_eq!(lock.may_try(guest(1), ann, now), Ok(()));
            lock.failed(guest(1), ann, now);
        }
        let mut waits = Vec::new();
        for _ in 0..12 {
            let wait = lock.may_try(guest(1), ann, now).unwrap_err();
            waits.push(wait.as_secs());
            now += wait;
            assert_eq!(lock.may_try(guest(1), ann, now), Ok(()));
            lock.failed(guest(1), ann, now);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(lock.may_try(guest(2), ann, now), Ok(()), "elsewhere she may");
        assert_eq!(lock.may_try(guest(1), With::Name("bob"), now), Ok(()));
        assert_eq!(lock.may_try(guest(1), ann, now + FORGET), Ok(()));
    }

    #[test]
    fn nobody_locks_an_owner_out_where_she_signed_in() {
        let (mut lock, now) = (LockOut::default(), Instant::now());
        lock.passed(guest(1), "ann", now);
        for n in 0..5000 {
            lock.failed(guest(n), With::Name("ann"), now);
            lock.failed(guest(1), With::Name("bob"), now);
        }
        assert_eq!(lock.may_try(guest(1), With::Name("ann"), now), Ok(()));
        assert!(
            lock.may_try(guest(6000), With::Name("ann"), now).is_err(),
            "from a new address"
        );
        for _ in 0..100 {
            lock.failed(guest(1), With::Name("ann"), now);
        }
        assert_eq!(lock.may_try(guest(1), With::Name("ann"), now), Err(LONGEST_KNOWN));
    }

    #[test]
    fn one_address_that_tries_many_names_or_tokens_waits() {
        let (mut lock, now) = (LockOut::default(), Instant::now());
        for n in 0..40 {
            lock.failed(guest(1), With::Name(&n.to_string()), now);
        }
        assert!(lock.may_try(guest(1), With::Token, now).is_err());
        assert!(lock.may_try(guest(1), With::Name("other"), now).is_err());
        let here = Guest::of(Some("127.0.0.1".parse().unwrap()));
        for n in 0..40 {
            lock.failed(here, With::Name(&n.to_string()), now);
        }
        assert_eq!(
            lock.may_try(here, With::Name("other"), now),
            Ok(()),
            "a proxy is not locked out"
        );
    }

    proptest! {
        /// Whatever is tried: memory and waits are bounded, and a right password ends the wait.
        #[test]
        fn bounded(tries in proptest::collection::vec((0u32..3000, "[a-z]{0,100}", 0u64..300, any::<bool>()), 1..600)) {
            let (mut lock, mut now) = (LockOut::default(), Instant::now());
            for (host, name, seconds, right) in &tries {
                now += Duration::from_secs(*seconds);
                let wait = lock.may_try(guest(*host), With::Name(name), now).err().unwrap_or_default();
                prop_assert!(wait <= PAIR.longest);
                match right {
                    true => {
                        lock.passed(guest(*host), name, now);
                        prop_assert_eq!(lock.may_try(guest(*host), With::Name(name), now), Ok(()));
                    }
                    false => lock.failed(guest(*host), With::Name(name), now),
                }
                prop_assert!(lock.pairs.0.len() <= MOST && lock.names.0.len() <= MOST);
                prop_assert!(lock.guests.0.len() <= MOST && lock.known.len() <= MOST);
            }
        }
    }
}
