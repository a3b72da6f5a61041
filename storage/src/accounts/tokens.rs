//! API tokens: for programs, with a part of their owner's rights, and perhaps for a time only.
//! Only the SHA-256 of a token is kept.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering},
};

use serde::{Deserialize, Serialize};
use ulid::Ulid;
use vigie_config::Utc;

use super::rights::Rights;

/// What every token begins with: so that searches find one that was published.
pub const PREFIX: &str = "vigie_";
pub(super) const MAX_PER_OWNER: usize = 64;
pub(super) const LONGEST_NAME: usize = 80;

/// A token as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub id: Ulid,
    /// What it is for, in its owner's words.
    pub name: String,
    pub owner: String,
    /// As they were given; what they are worth now depends on the owner.
    pub rights: Rights,
    pub created: Utc,
    pub expires: Option<Utc>,
    /// When it was last shown, since the recorder started.
    pub used: Option<Utc>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredToken {
    pub id: Ulid,
    pub hash: String,
    pub name: String,
    pub owner: String,
    pub rights: Rights,
    pub created: Utc,
    pub expires: Option<Utc>,
}

struct Kept {
    stored: StoredToken,
    /// Microseconds since 1970; 0: not since the start.
    used: AtomicI64,
}

#[derive(Default)]
pub(super) struct Tokens(BTreeMap<Ulid, Kept>);

impl Tokens {
    pub fn insert(&mut self, stored: StoredToken) {
        let used = AtomicI64::new(0);
        self.0.insert(stored.id, Kept { stored, used });
    }

    pub fn end(&mut self, id: Ulid) {
        self.0.remove(&id);
    }

    pub fn end_of_user(&mut self, name: &str) {
        self.0.retain(|_, kept| kept.stored.owner != name);
    }

    /// One that has not expired.
    pub fn get(&self, id: Ulid, now: Utc) -> Option<&StoredToken> {
        let kept = self.0.get(&id)?;
        kept.stored.expires.is_none_or(|end| now < end).then_some(&kept.stored)
    }

    /// The token of this hash, which is shown now.
    pub fn shown(&self, hash: &str, now: Utc) -> Option<&StoredToken> {
        let kept = self.0.values().find(|kept| kept.stored.hash == hash)?;
        let token = self.get(kept.stored.id, now)?;
        kept.used.fetch_max(now.as_micros(), Ordering::Relaxed);
        Some(token)
    }

    pub fn of(&self, owner: &str) -> usize {
        self.iter().filter(|token| token.owner == owner).count()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &StoredToken> {
        self.0.values().map(|kept| &kept.stored)
    }

    /// Oldest first, expired ones too: their owner sees why they work no more.
    pub fn list(&self) -> Vec<Token> {
        let shown = self.0.values().map(|Kept { stored, used }| {
            let used = used.load(Ordering::Relaxed);
            Token {
                id: stored.id,
                name: stored.name.clone(),
                owner: stored.owner.clone(),
                rights: stored.rights.clone(),
                created: stored.created,
                expires: stored.expires,
                used: (used != 0).then(|| Utc::from_micros(used)),
            }
        });
        shown.collect()
    }
}
