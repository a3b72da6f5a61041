//! Sign-ins that last: a token the client keeps, of which only the SHA-256 is kept here.

use std::collections::HashMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use vigie_config::Utc;

use super::{AccountsError, User};

/// Beyond this many of one user the oldest ends.
const MAX_PER_USER: usize = 64;
const TOKEN_BYTES: usize = 32;

/// A session that is good now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub user: User,
    pub created: Utc,
    pub expires: Utc,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredSession {
    /// SHA-256 of the token, hexadecimal.
    pub hash: String,
    pub user: String,
    pub created: Utc,
    pub expires: Utc,
}

/// 256 random bits as URL-safe text, and what is stored of it.
pub(super) fn new_token() -> Result<(String, String), AccountsError> {
    let mut bytes = [0u8; TOKEN_BYTES];
    getrandom::fill(&mut bytes)?;
    let token = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let hash = token_hash(&token);
    Ok((token, hash))
}

pub(super) fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

#[derive(Default)]
pub(super) struct Sessions(HashMap<String, StoredSession>);

impl Sessions {
    pub fn insert(&mut self, session: StoredSession) {
        self.0.insert(session.hash.clone(), session);
    }
    pub fn get(&self, hash: &str, now: Utc) -> Option<&StoredSession> {
        self.0.get(hash).filter(|session| now < session.expires)
    }
    pub fn contains(&self, hash: &str) -> bool {
        self.0.contains_key(hash)
    }
    pub fn end(&mut self, hash: &str) {
        self.0.remove(hash);
    }
    pub fn end_of_user(&mut self, name: &str) {
        self.0.retain(|_, session| session.user != name);
    }
    pub fn forget_expired(&mut self, now: Utc) {
        self.0.retain(|_, session| now < session.expires);
    }
    /// The hash of the session that has to make room for one more of this user.
    pub fn surplus(&self, name: &str) -> Option<String> {
        let of_user = || self.0.values().filter(|session| session.user == name);
        if of_user().count() < MAX_PER_USER {
            return None;
        }
        of_user()
            .min_by_key(|session| session.created)
            .map(|session| session.hash.clone())
    }
    pub fn len(&self) -> usize {
        self.0.len()
    }
    pub fn iter(&self) -> impl Iterator<Item = &StoredSession> {
        self.0.values()
    }
}
