//! Argon2id hashes, and the short memory of pairs that were right.

use std::{
    collections::HashMap,
    sync::{Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use sha2::{Digest, Sha256};

use super::AccountsError;

/// Each hash takes 19 MiB and tens of milliseconds: a storm of sign-ins waits here instead of
/// taking the recorder's memory and cores.
const HASHES_AT_ONCE: usize = 2;

pub(super) struct Hasher {
    argon2: Argon2<'static>,
    running: Mutex<usize>,
    freed: Condvar,
}

impl Hasher {
    pub fn new() -> Self {
        // Argon2id, version 19, m = 19456 KiB, t = 2, p = 1: OWASP's minimum.
        Self {
            argon2: Argon2::default(),
            running: Mutex::new(0),
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
        let _turn = self.turn();
        match phc.map(PasswordHash::new) {
            Some(Ok(hash)) => self
                .argon2
                .verify_password(password.as_bytes(), &hash)
                .is_ok(),
            Some(Err(_)) | None => {
                let mut out = [0u8; 32];
                // The outcome does not matter, only the time it takes.
                let _ = self.argon2.hash_password_into(
                    password.as_bytes(),
                    b"no such user here",
                    &mut out,
                );
                std::hint::black_box(out);
                false
            }
        }
    }

    fn turn(&self) -> Turn<'_> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running = self
            .freed
            .wait_while(running, |running| *running >= HASHES_AT_ONCE)
            .unwrap_or_else(PoisonError::into_inner);
        *running += 1;
        Turn(self)
    }
}

struct Turn<'a>(&'a Hasher);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self
            .0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.freed.notify_one();
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
        Some(
            Sha256::new()
                .chain_update(key)
                .chain_update(inner)
                .finalize()
                .into(),
        )
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
