//! Browsers that asked to be told (RFC 8030), each with the user who sat before it.
//!
//! Kept in `<state_dir>/push_subscriptions.jsonl`. Belongs here: who asked. Does not belong here:
//! what is sent to them, and who may be told of what (`vigie-actors`).

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use ulid::Ulid;
use vigie_config::{ErrorKind, Kind, Utc};

use crate::journal::{Journal, JournalError};

/// Of one user, and of all.
const OF_ONE: usize = 50;
const OF_ALL: usize = 2000;
const LONGEST_ENDPOINT: usize = 2048;

/// One browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    pub id: Ulid,
    /// Name of the user.
    pub user: String,
    /// Where its push service takes messages; whoever knows it may send.
    pub endpoint: String,
    /// Its public key on P-256, uncompressed; base64url.
    pub p256dh: String,
    /// 16 bytes; base64url.
    pub auth: String,
    pub since: Utc,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Entry {
    Subscribed(Subscription),
    Ended { id: Ulid },
}

#[derive(Debug, thiserror::Error)]
pub enum SubscriptionError {
    #[error("keys.{0}: expected base64url of {1} bytes")]
    BadKey(&'static str, usize),
    #[error("endpoint: expected an address of at most {LONGEST_ENDPOINT} characters")]
    LongEndpoint,
    #[error("{0} browsers are told already: end some first")]
    Many(usize),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the subscriptions could not be read at the start, so none is added: {0}")]
    Unreadable(String),
}

impl Kind for SubscriptionError {
    fn kind(&self) -> ErrorKind {
        match self {
            SubscriptionError::BadKey(..) | SubscriptionError::LongEndpoint => ErrorKind::Misconfigured,
            SubscriptionError::Many(_) => ErrorKind::Full,
            SubscriptionError::Journal(error) => error.kind(),
            SubscriptionError::Unreadable(_) => ErrorKind::Unavailable,
        }
    }
}

pub struct Subscriptions(Mutex<Inner>);

struct Inner {
    journal: Result<Journal<Entry>, String>,
    all: BTreeMap<Ulid, Subscription>,
}

impl Subscriptions {
    /// Nothing is created before the first change.
    pub fn open(state_dir: &Path) -> Subscriptions {
        let mut all = BTreeMap::new();
        let journal = match Journal::open(&state_dir.join("push_subscriptions.jsonl")) {
            Ok(opened) => {
                opened.entries.into_iter().for_each(|entry| apply(&mut all, entry));
                Ok(opened.journal)
            }
            Err(error) => {
                tracing::error!(%error, "which browsers asked to be told is not known");
                Err(error.to_string())
            }
        };
        Subscriptions(Mutex::new(Inner { journal, all }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn get(&self, id: Ulid) -> Option<Subscription> {
        self.inner().all.get(&id).cloned()
    }

    /// Oldest first.
    pub fn all(&self) -> Vec<Subscription> {
        self.inner().all.values().cloned().collect()
    }

    /// Returns once it is on the device. A browser that asks again replaces what it asked before.
    pub fn add(&self, user: &str, endpoint: &str, p256dh: &str, auth: &str) -> Result<Subscription, SubscriptionError> {
        let p256dh = key("p256dh", p256dh, 65)?;
        let auth = key("auth", auth, 16)?;
        if endpoint.len() > LONGEST_ENDPOINT {
            return Err(SubscriptionError::LongEndpoint);
        }
        let mut inner = self.inner();
        let before = inner.all.values().find(|one| one.endpoint == endpoint);
        let before = before.map(|one| one.id);
        let of_user = inner.all.values().filter(|one| one.user == user).count();
        if before.is_none() && (of_user >= OF_ONE || inner.all.len() >= OF_ALL) {
            return Err(SubscriptionError::Many(of_user));
        }
        let subscription = Subscription {
            id: before.unwrap_or_else(Ulid::generate),
            user: user.to_owned(),
            endpoint: endpoint.to_owned(),
            p256dh,
            auth,
            since: Utc::now(),
        };
        inner.record(Entry::Subscribed(subscription.clone()))?;
        Ok(subscription)
    }

    /// False: there was none.
    pub fn end(&self, id: Ulid) -> Result<bool, SubscriptionError> {
        let mut inner = self.inner();
        if !inner.all.contains_key(&id) {
            return Ok(false);
        }
        inner.record(Entry::Ended { id })?;
        Ok(true)
    }
}

impl Inner {
    fn record(&mut self, entry: Entry) -> Result<(), SubscriptionError> {
        let journal = match &mut self.journal {
            Ok(journal) => journal,
            Err(error) => return Err(SubscriptionError::Unreadable(error.clone())),
        };
        journal.append(&entry)?;
        apply(&mut self.all, entry);
        if journal.wants_compaction(self.all.len()) {
            journal.compact(self.all.values().cloned().map(Entry::Subscribed))?;
        }
        Ok(())
    }
}

fn apply(all: &mut BTreeMap<Ulid, Subscription>, entry: Entry) {
    match entry {
        Entry::Subscribed(subscription) => drop(all.insert(subscription.id, subscription)),
        Entry::Ended { id } => drop(all.remove(&id)),
    }
}

/// Browsers write it with or without padding.
fn key(name: &'static str, text: &str, bytes: usize) -> Result<String, SubscriptionError> {
    let text = text.trim_end_matches('=');
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(text);
    let fits = decoded.is_ok_and(|key| key.len() == bytes && (bytes != 65 || key.first() == Some(&4)));
    fits.then(|| text.to_owned())
        .ok_or(SubscriptionError::BadKey(name, bytes))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_kept_and_one_that_asks_again_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let key = BASE64_URL_SAFE_NO_PAD.encode([4u8; 65]);
        let auth = BASE64_URL_SAFE_NO_PAD.encode([7u8; 16]);
        let subscriptions = Subscriptions::open(folder.path());
        let first = subscriptions.add("ann", "https://push.example/1", &key, &auth).unwrap();
        let padded = format!("{auth}==");
        let again = subscriptions
            .add("ben", "https://push.example/1", &key, &padded)
            .unwrap();
        assert_eq!((first.id, again.user.as_str()), (again.id, "ben"));
        let other = subscriptions.add("ann", "https://push.example/2", &key, &auth).unwrap();
        assert!(subscriptions.end(other.id).unwrap() && !subscriptions.end(other.id).unwrap());
        assert!(matches!(
            subscriptions.add("ann", "https://push.example/3", &auth, &auth),
            Err(SubscriptionError::BadKey("p256dh", 65))
        ));
        drop(subscriptions);
        assert_eq!(Subscriptions::open(folder.path()).all(), [again]);
    }
}
