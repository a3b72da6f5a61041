//! Browsers that asked to be told (RFC 8030), each with the user who sat before it.
//!
//! Kept in `<state_dir>/push_subscriptions.jsonl`. Belongs here: who asked. Does not belong here:
//! what is sent to them, and who may be told of what (`vigie-actors`).

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use ulid::Ulid;
use vigie_config::{ErrorKind, Kind, Utc};

use crate::{
    accounts::User,
    journal::{Journal, JournalError},
};

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
    /// When that user was made: another of the same name is told nothing for them.
    pub user_created: Utc,
    /// Where its push service takes messages; whoever knows it may send.
    pub endpoint: String,
    /// Its public key on P-256, uncompressed; base64url.
    pub p256dh: String,
    /// 16 bytes; base64url.
    pub auth: String,
    pub since: Utc,
}

impl Subscription {
    pub fn is_of(&self, user: &User) -> bool {
        (self.user.as_str(), self.user_created) == (user.name.as_str(), user.created)
    }
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

pub struct Subscriptions {
    /// An error: it could not be read, so it is not written to either.
    journal: Mutex<Result<Journal<Entry>, String>>,
    /// Locked after `journal`, never before, and never while the disk is waited for.
    all: RwLock<BTreeMap<Ulid, Subscription>>,
}

impl Subscriptions {
    /// Nothing is created before the first change.
    pub fn open(state_dir: &Path) -> Subscriptions {
        let mut all = BTreeMap::new();
        let path = state_dir.join("push_subscriptions.jsonl");
        let journal = match Journal::open(&path) {
            Ok(opened) => {
                opened.entries.into_iter().for_each(|entry| apply(&mut all, entry));
                if opened.damaged_lines > 0 {
                    let (path, lines) = (path.display(), opened.damaged_lines);
                    tracing::error!(%path, lines, "browsers that asked to be told are lost: they must ask again");
                }
                Ok(opened.journal)
            }
            Err(error) => {
                tracing::error!(%error, "which browsers asked to be told is not known");
                Err(error.to_string())
            }
        };
        Subscriptions {
            journal: Mutex::new(journal),
            all: RwLock::new(all),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<Ulid, Subscription>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn get(&self, id: Ulid) -> Option<Subscription> {
        self.read().get(&id).cloned()
    }

    /// Oldest first.
    pub fn all(&self) -> Vec<Subscription> {
        self.read().values().cloned().collect()
    }

    /// Returns once it is on the device. A browser that asks again replaces what it asked before; under
    /// the same id where the user is the same, so that what waits for one user never goes to another.
    pub fn add(
        &self,
        user: &User,
        endpoint: &str,
        p256dh: &str,
        auth: &str,
    ) -> Result<Subscription, SubscriptionError> {
        let p256dh = key("p256dh", p256dh, 65)?;
        let auth = key("auth", auth, 16)?;
        if endpoint.len() > LONGEST_ENDPOINT {
            return Err(SubscriptionError::LongEndpoint);
        }
        self.record(|all| {
            let before = all.values().find(|one| one.endpoint == endpoint);
            let others = || all.values().filter(|one| one.endpoint != endpoint);
            let of_user = others().filter(|one| one.is_of(user)).count();
            if of_user >= OF_ONE || others().count() >= OF_ALL {
                return Err(SubscriptionError::Many(of_user));
            }
            let same = before.filter(|one| one.is_of(user));
            let subscription = Subscription {
                id: same.map_or_else(Ulid::generate, |one| one.id),
                user: user.name.clone(),
                user_created: user.created,
                endpoint: endpoint.to_owned(),
                p256dh,
                auth,
                since: Utc::now(),
            };
            Ok((Entry::Subscribed(subscription.clone()), subscription))
        })
    }

    /// Returns once it is on the device. False: there was none.
    pub fn end(&self, id: Ulid) -> Result<bool, SubscriptionError> {
        if self.get(id).is_none() {
            return Ok(false);
        }
        self.record(|all| Ok((Entry::Ended { id }, all.contains_key(&id))))
    }

    /// All of them. Returns once it is on the device.
    pub fn forget(&self) -> Result<(), SubscriptionError> {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let journal = journal
            .as_mut()
            .map_err(|error| SubscriptionError::Unreadable(error.clone()))?;
        journal.compact(std::iter::empty())?;
        self.all.write().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    /// First the device, then memory: what a caller sees is what a restart finds. Who only asks is
    /// not kept waiting by the disk.
    fn record<T>(
        &self,
        change: impl FnOnce(&BTreeMap<Ulid, Subscription>) -> Result<(Entry, T), SubscriptionError>,
    ) -> Result<T, SubscriptionError> {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let journal = match &mut *journal {
            Ok(journal) => journal,
            Err(error) => return Err(SubscriptionError::Unreadable(error.clone())),
        };
        let (entry, answer) = change(&self.read())?;
        journal.append(&entry)?;
        apply(&mut self.all.write().unwrap_or_else(PoisonError::into_inner), entry);
        let all = self.all();
        if journal.wants_compaction(all.len())
            && let Err(error) = journal.compact(all.into_iter().map(Entry::Subscribed))
        {
            tracing::warn!(%error, "the journal of browsers was not compacted");
        }
        Ok(answer)
    }
}

fn apply(all: &mut BTreeMap<Ulid, Subscription>, entry: Entry) {
    match entry {
        Entry::Subscribed(subscription) => {
            all.retain(|_, one| one.endpoint != subscription.endpoint);
            all.insert(subscription.id, subscription);
        }
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

    fn keys() -> (String, String) {
        (
            BASE64_URL_SAFE_NO_PAD.encode([4u8; 65]),
            BASE64_URL_SAFE_NO_PAD.encode([7u8; 16]),
        )
    }

    fn user(name: &str) -> User {
        User::sample(name, Utc::now())
    }

    /// The channel asks who is to be told while it holds what the registry waits for.
    #[test]
    fn who_asks_does_not_wait_for_a_disk_that_hangs() {
        let folder = tempfile::tempdir().unwrap();
        // Opening a pipe to write hangs until somebody reads it.
        let pipe = folder.path().join("push_subscriptions.jsonl");
        let subscriptions = Subscriptions::open(folder.path());
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
        let (key, auth) = keys();
        std::thread::scope(|scope| {
            let adds = scope.spawn(|| subscriptions.add(&user("ann"), "https://push.example/1", &key, &auth));
            while subscriptions.journal.try_lock().is_ok() {
                std::thread::yield_now();
            }
            assert_eq!(subscriptions.all(), []);
            assert_eq!(subscriptions.get(Ulid::generate()), None);
            drop(std::fs::File::open(&pipe).unwrap());
            // A pipe is no journal.
            assert!(adds.join().unwrap().is_err());
        });
        assert_eq!(subscriptions.all(), []);
    }

    #[test]
    fn browsers_are_kept_and_one_that_asks_again_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let (key, auth) = keys();
        let subscriptions = Subscriptions::open(folder.path());
        let (ann, ben) = (user("ann"), user("ben"));
        let first = subscriptions.add(&ann, "https://push.example/1", &key, &auth).unwrap();
        let padded = format!("{auth}==");
        let again = subscriptions
            .add(&ann, "https://push.example/1", &key, &padded)
            .unwrap();
        assert_eq!(first.id, again.id);
        let other = subscriptions.add(&ann, "https://push.example/2", &key, &auth).unwrap();
        assert!(subscriptions.end(other.id).unwrap() && !subscriptions.end(other.id).unwrap());
        assert!(matches!(
            subscriptions.add(&ann, "https://push.example/3", &auth, &auth),
            Err(SubscriptionError::BadKey("p256dh", 65))
        ));
        // What waits for one user never goes to the next one at that browser.
        let of_ben = subscriptions.add(&ben, "https://push.example/1", &key, &auth).unwrap();
        assert!(of_ben.id != again.id && of_ben.is_of(&ben) && subscriptions.get(again.id).is_none());
        let namesake = User {
            created: Utc::now() + std::time::Duration::from_secs(1),
            ..ben
        };
        assert!(!of_ben.is_of(&namesake));
        drop(subscriptions);
        assert_eq!(Subscriptions::open(folder.path()).all(), [of_ben]);
    }
}
