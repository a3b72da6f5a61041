//! Argon2id hashes, and the short memory of pairs that were right.

use std::{
    collections::HashMap,
    sync::{Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        PasswordHasher,
        phc::{Output, PasswordHash},
    },
};
use sha2::{Digest, Sha256};

use super::AccountsError;

/// Each hash takes 19 MiB and tens of milliseconds: a storm of sign-ins waits here instead of
/// taking the recorder's memory and cores.
const HASHES_AT_ONCE: usize = 2;

pub(super) struct Hasher {
    argon2: Argon2<'static>,
    turns: Mutex<Turns>,
    freed: Condvar,
}

struct Turns {
    running: usize,
    /// What ended checks worked in, kept for the next: a fresh 19 MiB from each thread that checks
    /// would stay with that thread's heap.
    memory: Vec<Vec<Block>>,
}

impl Hasher {
    pub fn new() -> Self {
        // Argon2id, version 19, m = 19456 KiB, t = 2, p = 1: OWASP's minimum.
        Self {
            argon2: Argon2::default(),
            turns: Mutex::new(Turns {
                running: 0,
                memory: Vec::new(),
            }),
            freed: Condvar::new(),
        }
    }

    /// PHC string with a fresh salt.
    pub fn hash(&self, password: &str) -> Result<String, AccountsError> {
        let _turn = self.turn();
        let hash = self
            .argon2
            .hash_password(password.as_bytes())
            .map_err(|error| AccountsError::Hash(error.to_string()))?;
        Ok(hash.to_string())
    }

    /// `phc: None` (no such user) takes as long and says no.
    pub fn verify(&self, password: &str, phc: Option<&str>) -> bool {
        let known = phc.and_then(Known::parse);
        let nobody = Known {
            argon2: self.argon2.clone(),
            salt: b"no such user here".to_vec(),
            output: None,
        };
        let Known { argon2, salt, output } = known.unwrap_or(nobody);
        let mut turn = self.turn();
        turn.memory.resize(argon2.params().block_count(), Block::new());
        let mut out = [0u8; Params::DEFAULT_OUTPUT_LEN];
        let hashed = argon2.hash_password_into_with_memory(password.as_bytes(), &salt, &mut out, &mut turn.memory[..]);
        // Compared in constant time.
        let same = Output::new(&out).is_ok_and(|out| output == Some(out));
        hashed.is_ok() && same
    }

    fn turn(&self) -> Turn<'_> {
        let turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let mut turns = self
            .freed
            .wait_while(turns, |turns| turns.running >= HASHES_AT_ONCE)
            .unwrap_or_else(PoisonError::into_inner);
        turns.running += 1;
        Turn {
            hasher: self,
            memory: turns.memory.pop().unwrap_or_default(),
        }
    }
}

/// Kilobytes, passes and lanes of a hash that came from elsewhere: far more than any of ours, and
/// far less than would hold up whoever signs in for more than a moment.
const MOST_MEMORY: u32 = 256 << 10;
const MOST_PASSES: u32 = 16;
const MOST_LANES: u32 = 4;
/// Kilobytes times passes.
const MOST_WORK: u64 = 1 << 20;

/// Whether a password can ever be right for this PHC string.
pub(super) fn is_usable(phc: &str) -> bool {
    Known::parse(phc).is_some()
}

/// What a PHC string says.
struct Known {
    argon2: Argon2<'static>,
    salt: Vec<u8>,
    output: Option<Output>,
}

impl Known {
    /// `None`: not like one of ours.
    fn parse(phc: &str) -> Option<Known> {
        let hash = PasswordHash::new(phc).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let version = Version::try_from(hash.version?).ok()?;
        let algorithm = Algorithm::new(hash.algorithm.as_str()).ok()?;
        let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
        let bounded = params.m_cost() <= MOST_MEMORY
            && params.t_cost() <= MOST_PASSES
            && params.p_cost() <= MOST_LANES
            && work <= MOST_WORK;
        let ours = algorithm == Algorithm::Argon2id && hash.hash?.len() == Params::DEFAULT_OUTPUT_LEN;
        (bounded && ours).then_some(Known {
            argon2: Argon2::new(algorithm, version, params),
            salt: hash.salt?.to_vec(),
            output: hash.hash,
        })
    }
}

struct Turn<'a> {
    hasher: &'a Hasher,
    memory: Vec<Block>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut turns = self.hasher.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.running -= 1;
        let memory = std::mem::take(&mut self.memory);
        // What a hash from elsewhere took on top is not kept.
        if (1..=Params::DEFAULT.block_count()).contains(&memory.len()) {
            turns.memory.push(memory);
        }
        drop(turns);
        self.hasher.freed.notify_one();
    }
}

/// How long a right pair need not be hashed again (HTTP Basic sends it with every request).
pub(super) const PAIR_LIFETIME: Duration = Duration::from_secs(5 * 60);
const MAX_PAIRS: usize = 1024;

/// Pairs of name and password that were right a moment ago, known only by a hash under a key
/// that lives as long as the process.
pub(super) struct PairCache {
    /// `None`: the system gave no random bytes; then nothing is remembered.
    key: Option<[u8; 32]>,
    /// Hash of the pair → until when, and the PHC string it was right for: after a change of
    /// password the old pair no longer matches.
    pairs: HashMap<[u8; 32], (Instant, String)>,
}

impl PairCache {
    pub fn new(key: Option<[u8; 32]>) -> Self {
        Self {
            key,
            pairs: HashMap::new(),
        }
    }

    pub fn pair(&self, name: &str, password: &str) -> Option<[u8; 32]> {
        let key = self.key?;
        let mut hash = Sha256::new();
        hash.update(key);
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update(password);
        // A second pass keeps the key out of reach of length extension.
        let inner: [u8; 32] = hash.finalize().into();
        Some(Sha256::new().chain_update(key).chain_update(inner).finalize().into())
    }

    pub fn knows(&self, pair: &[u8; 32], phc: &str, now: Instant) -> bool {
        self.pairs
            .get(pair)
            .is_some_and(|(until, known)| now < *until && known == phc)
    }

    pub fn learn(&mut self, pair: [u8; 32], phc: String, now: Instant) {
        if self.pairs.len() >= MAX_PAIRS {
            self.pairs.retain(|_, (until, _)| now < *until);
        }
        if self.pairs.len() >= MAX_PAIRS {
            self.pairs.clear();
        }
        self.pairs.insert(pair, (now + PAIR_LIFETIME, phc));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_hash_is_argon2id_and_knows_its_password() {
        let hasher = Hasher::new();
        let phc = hasher.hash("correct horse").unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(hasher.verify("correct horse", Some(&phc)));
        assert!(!hasher.verify("correct horsf", Some(&phc)));
        assert!(!hasher.verify("correct horse", None));
        assert!(!hasher.verify("correct horse", Some("rubbish")));
    }

    #[test]
    fn what_would_take_for_ever_is_not_tried() {
        let hasher = Hasher::new();
        let own = hasher.hash("correct horse").unwrap();
        assert!(is_usable(&own));
        assert!(is_usable(&own.replace("m=19456,t=2", "m=262144,t=4")));
        let endless = [
            own.replace("m=19456", "m=1048576"),
            own.replace("t=2", "t=4000000"),
            own.replace("t=2", "t=4294967295"),
            own.replace("m=19456,t=2", "m=262144,t=16"),
            own.replace("p=1", "p=64"),
            own.replace("argon2id", "argon2d"),
            "$1$x$y".to_owned(),
            String::new(),
        ];
        for phc in endless {
            assert!(!is_usable(&phc), "{phc}");
            assert!(!hasher.verify("correct horse", Some(&phc)), "{phc}");
        }
    }

    /// Resident memory of this process in MiB.
    fn resident() -> u64 {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4 / 1024
    }

    #[test]
    fn a_storm_of_wrong_passwords_costs_no_more_memory_than_two() {
        let hasher = Hasher::new();
        let phc = hasher.hash("correct horse").unwrap();
        let before = resident();
        std::thread::scope(|scope| {
            for n in 0..24 {
                let (hasher, phc) = (&hasher, &phc);
                scope.spawn(move || assert!(!hasher.verify(&n.to_string(), Some(phc))));
            }
        });
        let after = resident();
        assert!(after < before + 80, "{before} MiB before, {after} MiB after");
        assert!(hasher.turns.lock().unwrap().memory.len() <= HASHES_AT_ONCE);
    }

    #[test]
    fn a_pair_is_forgotten_after_its_time_and_after_a_change() {
        let mut cache = PairCache::new(Some([7; 32]));
        let now = Instant::now();
        let pair = cache.pair("ann", "secret 123").unwrap();
        assert!(!cache.knows(&pair, "phc", now));
        cache.learn(pair, "phc".into(), now);
        assert!(cache.knows(&pair, "phc", now));
        assert!(!cache.knows(&pair, "other phc", now));
        assert!(!cache.knows(&pair, "phc", now + PAIR_LIFETIME));
        assert_ne!(cache.pair("ann", "secret 124"), Some(pair));
        assert_ne!(cache.pair("anns", "ecret 123"), Some(pair));
    }

    #[test]
    fn the_cache_is_bounded() {
        let mut cache = PairCache::new(Some([7; 32]));
        let now = Instant::now();
        for n in 0..5000 {
            let pair = cache.pair("ann", &n.to_string()).unwrap();
            cache.learn(pair, "phc".into(), now);
        }
        assert!(cache.pairs.len() <= MAX_PAIRS);
    }
}
