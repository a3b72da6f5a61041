//! Sign-ins that last: a token the client keeps, of which only the SHA-256 is kept here.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use vigie_config::Utc;

use super::{AccountsError, User};

/// Beyond this many of one user the oldest ends.
const MAX_PER_USER: usize = 64;
const TOKEN_BYTES: usize = 32;
/// What is kept of a browser's name for itself.
const LONGEST_AGENT: usize = 160;
/// Pages tell of input every 30 s, and hear of another limit with the answer.
const SPARED: Duration = Duration::from_secs(60);

/// A moment on both clocks: what is stored goes by the one that people may set, what runs by the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub utc: Utc,
    pub instant: Instant,
}

impl Moment {
    pub fn now() -> Self {
        Self {
            utc: Utc::now(),
            instant: Instant::now(),
        }
    }
}

/// A session that is good now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub user: User,
    pub info: SessionInfo,
}

/// A session as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// Of the session alone: whoever knows it cannot get in with it.
    pub id: String,
    pub user: String,
    pub created: Utc,
    pub expires: Utc,
    /// Of its last request; after a restart of the recorder that restart.
    pub seen: Utc,
    /// Whether it stays though nobody gives input.
    pub stays: bool,
    /// After so long without input it ends; `None`: it does not.
    pub idle_left: Option<Duration>,
    pub peer: Option<String>,
    pub agent: Option<String>,
}

/// A session that ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSession {
    pub user: String,
    pub peer: Option<String>,
}

/// Whom a session is for.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// It stays though nobody gives input.
    pub stays: bool,
    pub peer: Option<String>,
    pub agent: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredSession {
    /// SHA-256 of the token, hexadecimal.
    pub hash: String,
    pub user: String,
    pub created: Utc,
    pub expires: Utc,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stays: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

impl StoredSession {
    pub fn new(hash: String, user: String, now: Utc, lifetime: Duration, origin: Origin) -> Self {
        let agent = origin.agent.map(|agent| {
            let shown = agent.chars().filter(|c| !c.is_control());
            shown.take(LONGEST_AGENT).collect()
        });
        Self {
            hash,
            user,
            created: now,
            expires: now + lifetime,
            stays: origin.stays,
            peer: origin.peer,
            agent,
        }
    }
}

/// 256 random bits as URL-safe text, and what is stored of it.
pub(super) fn new_token(prefix: &str) -> Result<(String, String), AccountsError> {
    let mut bytes = [0u8; TOKEN_BYTES];
    getrandom::fill(&mut bytes)?;
    let token = format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes));
    let hash = token_hash(&token);
    Ok((token, hash))
}

pub(super) fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

/// 64 bits of the hash tell sessions apart and give nothing away.
fn id_of(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

struct Kept {
    stored: StoredSession,
    /// Microseconds since 1970 of the last request.
    seen: AtomicI64,
    /// Of the last input; sign-in is the first.
    input: Mutex<Instant>,
    /// However short the time without input came to be, it does not end earlier.
    spared: Instant,
}

impl Kept {
    fn input(&self) -> Instant {
        *self.input.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_input(&self, now: Instant) {
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        *input = now.max(*input);
    }
}

/// What a question about a session means for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touch {
    /// Somebody else asks about it.
    Look,
    /// It asks something: pages do so by themselves.
    Request,
    /// Somebody touches keys, mouse or screen.
    Input,
}

#[derive(Default)]
pub(super) struct Sessions {
    all: HashMap<String, Kept>,
    /// A session without input for so long has ended, unless it stays.
    pub idle: Option<Duration>,
}

impl Sessions {
    pub fn insert(&mut self, session: StoredSession, now: Moment) {
        let kept = Kept {
            stored: session,
            seen: AtomicI64::new(now.utc.as_micros()),
            input: Mutex::new(now.instant),
            spared: now.instant,
        };
        self.all.insert(kept.stored.hash.clone(), kept);
    }

    /// While nothing ended for want of input nobody told of any: it counts from now.
    pub fn end_idle_after(&mut self, idle: Option<Duration>, now: Instant) {
        let before = std::mem::replace(&mut self.idle, idle);
        for kept in self.all.values_mut() {
            kept.spared = now + SPARED;
            if before.is_none() {
                kept.has_input(now);
            }
        }
    }

    pub fn get(&self, hash: &str, now: Moment, touch: Touch) -> Option<(&StoredSession, SessionInfo)> {
        let kept = self.all.get(hash).filter(|kept| self.is_good(kept, now))?;
        if touch != Touch::Look {
            kept.seen.fetch_max(now.utc.as_micros(), Ordering::Relaxed);
        }
        if touch == Touch::Input {
            kept.has_input(now.instant);
        }
        Some((&kept.stored, self.info(kept, now)))
    }

    fn is_good(&self, kept: &Kept, now: Moment) -> bool {
        now.utc < kept.stored.expires && self.idle_end(kept).is_none_or(|end| now.instant < end)
    }

    /// When it ends if nobody gives input.
    fn idle_end(&self, kept: &Kept) -> Option<Instant> {
        let idle = self.idle.filter(|_| !kept.stored.stays)?;
        Some(kept.spared.max(kept.input() + idle))
    }

    /// Takes those away that ended for want of input.
    pub fn take_idle(&mut self, now: Instant) -> Vec<StoredSession> {
        let is_idle = |kept: &&Kept| self.idle_end(kept).is_some_and(|end| end <= now);
        let ended: Vec<StoredSession> = self
            .all
            .values()
            .filter(is_idle)
            .map(|kept| kept.stored.clone())
            .collect();
        ended.iter().for_each(|session| self.end(&session.hash));
        ended
    }

    fn info(&self, kept: &Kept, now: Moment) -> SessionInfo {
        let stored = &kept.stored;
        let left = |end: Instant| end.saturating_duration_since(now.instant);
        SessionInfo {
            id: id_of(&stored.hash).to_owned(),
            user: stored.user.clone(),
            created: stored.created,
            expires: stored.expires,
            seen: Utc::from_micros(kept.seen.load(Ordering::Relaxed)),
            stays: stored.stays,
            idle_left: self.idle_end(kept).map(left),
            peer: stored.peer.clone(),
            agent: stored.agent.clone(),
        }
    }

    pub fn contains(&self, hash: &str) -> bool {
        self.all.contains_key(hash)
    }
    pub fn hash_of(&self, id: &str) -> Option<String> {
        self.all.keys().find(|hash| id_of(hash) == id).cloned()
    }
    pub fn end(&mut self, hash: &str) {
        self.all.remove(hash);
    }
    pub fn end_of_user(&mut self, name: &str) {
        self.all.retain(|_, kept| kept.stored.user != name);
    }
    /// Those whose time is over; who gave no input is told of by [`Self::take_idle`], and written down.
    pub fn forget_ended(&mut self, now: Utc) {
        let ended: Vec<String> = self
            .all
            .iter()
            .filter(|(_, kept)| kept.stored.expires <= now)
            .map(|(hash, _)| hash.clone())
            .collect();
        ended.iter().for_each(|hash| self.end(hash));
    }
    /// The hash of the session that has to make room for one more of this user.
    pub fn surplus(&self, name: &str) -> Option<String> {
        let of_user = || self.iter().filter(|session| session.user == name);
        if of_user().count() < MAX_PER_USER {
            return None;
        }
        of_user()
            .min_by_key(|session| session.created)
            .map(|session| session.hash.clone())
    }
    pub fn len(&self) -> usize {
        self.all.len()
    }
    pub fn iter(&self) -> impl Iterator<Item = &StoredSession> {
        self.all.values().map(|kept| &kept.stored)
    }
    /// Those that are good, newest first.
    pub fn list(&self, now: Moment) -> Vec<SessionInfo> {
        let good = self.all.values().filter(|kept| self.is_good(kept, now));
        let mut list: Vec<SessionInfo> = good.map(|kept| self.info(kept, now)).collect();
        list.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.id.cmp(&b.id)));
        list
    }
}

#[cfg(test)]
mod tests;
