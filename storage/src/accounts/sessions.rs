//! Sign-ins that last: a token the client keeps, of which only the SHA-256 is kept here.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
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
    /// The same of the last input; sign-in is the first.
    input: AtomicI64,
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
    pub fn insert(&mut self, session: StoredSession, now: Utc) {
        let [seen, input] = [(); 2].map(|()| AtomicI64::new(now.as_micros()));
        let kept = Kept {
            stored: session,
            seen,
            input,
        };
        self.all.insert(kept.stored.hash.clone(), kept);
    }

    /// While nothing ended for want of input nobody told of any: it counts from now.
    pub fn end_idle_after(&mut self, idle: Option<Duration>, now: Utc) {
        self.idle = idle;
        for kept in self.all.values() {
            kept.input.fetch_max(now.as_micros(), Ordering::Relaxed);
        }
    }

    pub fn get(&self, hash: &str, now: Utc, touch: Touch) -> Option<(&StoredSession, SessionInfo)> {
        let kept = self.all.get(hash).filter(|kept| self.is_good(kept, now))?;
        if touch != Touch::Look {
            kept.seen.fetch_max(now.as_micros(), Ordering::Relaxed);
        }
        if touch == Touch::Input {
            kept.input.fetch_max(now.as_micros(), Ordering::Relaxed);
        }
        Some((&kept.stored, self.info(kept, now)))
    }

    fn is_good(&self, kept: &Kept, now: Utc) -> bool {
        now < kept.stored.expires && self.idle_end(kept).is_none_or(|end| now < end)
    }

    /// When it ends if nobody gives input.
    fn idle_end(&self, kept: &Kept) -> Option<Utc> {
        let idle = self.idle.filter(|_| !kept.stored.stays)?;
        Some(Utc::from_micros(kept.input.load(Ordering::Relaxed)) + idle)
    }

    /// Takes those away that ended for want of input.
    pub fn take_idle(&mut self, now: Utc) -> Vec<StoredSession> {
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

    fn info(&self, kept: &Kept, now: Utc) -> SessionInfo {
        let stored = &kept.stored;
        let left = |end: Utc| Duration::from_micros(u64::try_from(end.as_micros() - now.as_micros()).unwrap_or(0));
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
    pub fn list(&self, now: Utc) -> Vec<SessionInfo> {
        let good = self.all.values().filter(|kept| self.is_good(kept, now));
        let mut list: Vec<SessionInfo> = good.map(|kept| self.info(kept, now)).collect();
        list.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.id.cmp(&b.id)));
        list
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_session_without_input_ends_whatever_its_page_asks() {
        let start = Utc::now();
        let at = |minutes: u64| start + Duration::from_secs(minutes * 60);
        let mut sessions = Sessions {
            idle: Some(Duration::from_secs(30 * 60)),
            ..Sessions::default()
        };
        let day = Duration::from_secs(86_400);
        let session = StoredSession::new("ab".repeat(32), "ann".into(), start, day, Origin::default());
        sessions.insert(session.clone(), start);
        let hash = session.hash.as_str();
        assert!(sessions.get(hash, at(29), Touch::Request).is_some());
        assert!(
            sessions.get(hash, at(30), Touch::Request).is_none(),
            "a request is no input"
        );
        assert!(sessions.get(hash, at(29), Touch::Input).is_some());
        let (_, info) = sessions.get(hash, at(58), Touch::Look).unwrap();
        assert_eq!((info.seen, info.idle_left), (at(29), Some(Duration::from_secs(60))));
        assert!(sessions.take_idle(at(58)).is_empty());
        assert!(sessions.get(hash, at(59), Touch::Input).is_none(), "too late");
        // Somebody else signs in before anybody was told.
        sessions.forget_ended(at(59));
        assert_eq!(sessions.take_idle(at(59)).len(), 1);
        assert_eq!(sessions.len(), 0);
    }

    #[test]
    fn what_is_switched_on_counts_from_then() {
        let start = Utc::now();
        let at = |minutes: u64| start + Duration::from_secs(minutes * 60);
        let mut sessions = Sessions::default();
        let day = Duration::from_secs(86_400);
        let session = StoredSession::new("ab".repeat(32), "ann".into(), start, day, Origin::default());
        sessions.insert(session, start);
        sessions.end_idle_after(Some(Duration::from_secs(60)), at(10));
        assert!(sessions.take_idle(at(10)).is_empty());
        assert_eq!(sessions.take_idle(at(11)).len(), 1);
    }

    #[test]
    fn a_session_that_stays_needs_no_input() {
        let start = Utc::now();
        let mut sessions = Sessions {
            idle: Some(Duration::from_secs(120)),
            ..Sessions::default()
        };
        let origin = Origin {
            stays: true,
            ..Origin::default()
        };
        let day = Duration::from_secs(86_400);
        let session = StoredSession::new("ab".repeat(32), "wall".into(), start, day, origin);
        sessions.insert(session.clone(), start);
        let later = start + day / 2;
        let (_, info) = sessions.get(&session.hash, later, Touch::Look).unwrap();
        assert_eq!(info.idle_left, None);
        assert!(sessions.take_idle(later).is_empty());
        sessions.forget_ended(start + day);
        assert_eq!(sessions.len(), 0);
    }

    #[test]
    fn what_a_browser_says_of_itself_is_cut_and_harmless() {
        let origin = Origin {
            stays: false,
            peer: None,
            agent: Some(format!("\u{1b}[31m{}", "x".repeat(1000))),
        };
        let session = StoredSession::new(String::new(), String::new(), Utc::now(), Duration::ZERO, origin);
        let agent = session.agent.unwrap();
        assert!(agent.starts_with("[31mx") && agent.len() == LONGEST_AGENT, "{agent}");
    }
}
