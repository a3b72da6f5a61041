//! Users of the recorder: who they are, their passwords, their sessions.
//!
//! Kept in `<state_dir>/accounts.jsonl`, a journal of our own and not in the index: a broken
//! index never costs an account. Belongs here: names, groups, password checks, the digest
//! secret for RTSP, sessions. Does not belong here: HTTP, cookies, what a route demands.
//!
//! A journal that cannot be read never stops the recorder: [`Accounts::fault`] says why, nobody
//! can sign in, and nothing is written over it. All calls that hash take tens of milliseconds
//! and 19 MiB: keep them off threads that serve others.

mod error;
mod ha1;
mod password;
mod session;
#[cfg(test)]
mod tests;
mod user;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, Instant},
};

use vigie_config::Utc;

pub use error::AccountsError;
pub use ha1::REALM;
pub use session::Session;
pub use user::{Group, User};

use serde::{Deserialize, Serialize};

use crate::journal::Journal;
use ha1::Seal;
use password::{Hasher, PairCache};
use session::{Sessions, StoredSession};
use user::StoredUser;

/// A line of the journal.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Entry {
    User(StoredUser),
    Removed { name: String },
    Session(StoredSession),
    SessionEnded { hash: String },
}

/// Answer to a name and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Accepted(User),
    /// Unknown name or wrong password: never say which.
    Refused,
    /// The password is right, the user is switched off.
    Disabled,
}

/// That somebody knew a user's password of a moment ([`Accounts::proof`]).
#[derive(Clone)]
pub struct Proof {
    name: String,
    phc: String,
}

pub struct Accounts {
    key_path: PathBuf,
    /// `None`: the journal could not be read, so it is not written to either.
    journal: Mutex<Option<Journal<Entry>>>,
    /// Locked after `journal`, never before.
    state: RwLock<State>,
    seal: Mutex<Option<Seal>>,
    hasher: Hasher,
    pairs: Mutex<PairCache>,
    fault: Option<AccountsError>,
}

#[derive(Default)]
struct State {
    users: BTreeMap<String, StoredUser>,
    sessions: Sessions,
}

impl State {
    fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::User(user) => {
                let old = self.users.get(&user.name);
                if !user.enabled || old.is_some_and(|old| old.password != user.password) {
                    self.sessions.end_of_user(&user.name);
                }
                self.users.insert(user.name.clone(), user);
            }
            Entry::Removed { name } => {
                self.users.remove(&name);
                self.sessions.end_of_user(&name);
            }
            Entry::Session(session) => self.sessions.insert(session),
            Entry::SessionEnded { hash } => self.sessions.end(&hash),
        }
    }
}

impl Accounts {
    /// Reads `accounts.jsonl` in `state_dir`; nothing is created before the first change.
    /// Takes for granted that no other process has the folder (the recorder's lock file).
    pub fn open(state_dir: &Path) -> Accounts {
        let path = state_dir.join("accounts.jsonl");
        let key_path = state_dir.join("secret.key");
        let mut state = State::default();
        let mut fault = None;
        let journal = match Journal::open(&path) {
            Ok(opened) => {
                let mut journal = opened.journal;
                opened.entries.into_iter().for_each(|entry| state.apply(entry));
                state.sessions.forget_expired(Utc::now());
                if opened.damaged_lines > 0 {
                    tracing::warn!(
                        "{} lines of {} were damaged and are lost: check `vigie user list`",
                        opened.damaged_lines,
                        path.display()
                    );
                } else if opened.torn_tail {
                    tracing::info!("an unfinished last line of {} was left out", path.display());
                }
                compact(&mut journal, &state, opened.damaged_lines > 0);
                Some(journal)
            }
            Err(error) => {
                tracing::error!(%error, "nobody can sign in until this is put right");
                fault = Some(error.into());
                None
            }
        };
        let seal = Seal::load(&key_path).unwrap_or_else(|error| {
            tracing::warn!(%error, "RTSP digest is not possible");
            None
        });
        let mut key = [0u8; 32];
        let pair_key = getrandom::fill(&mut key);
        if let Err(error) = &pair_key {
            tracing::warn!(%error, "no random bytes: checked passwords are not remembered");
        }
        Accounts {
            key_path,
            journal: Mutex::new(journal),
            state: RwLock::new(state),
            seal: Mutex::new(seal),
            hasher: Hasher::new(),
            pairs: Mutex::new(PairCache::new(pair_key.ok().map(|()| key))),
            fault,
        }
    }

    /// Why nobody can sign in and nothing can be changed, if so.
    pub fn fault(&self) -> Option<&AccountsError> {
        self.fault.as_ref()
    }

    /// False before the first user was made.
    pub fn any(&self) -> bool {
        !self.read().users.is_empty()
    }

    /// By name.
    pub fn list(&self) -> Vec<User> {
        self.read().users.values().map(StoredUser::public).collect()
    }

    pub fn get(&self, name: &str) -> Option<User> {
        self.read().users.get(name).map(StoredUser::public)
    }

    /// A new user, enabled. On the device when this returns, as with every change.
    pub fn add(&self, name: &str, group: Group, password: &str) -> Result<User, AccountsError> {
        user::check_name(name)?;
        user::check_password(password)?;
        let exists = || AccountsError::Exists { name: name.to_owned() };
        if self.get(name).is_some() {
            return Err(exists());
        }
        let mut user = StoredUser {
            name: name.to_owned(),
            group,
            enabled: true,
            created: Utc::now(),
            password: String::new(),
            ha1: String::new(),
        };
        self.set_password(&mut user, password)?;
        let mut journal = self.lock_journal();
        if self.get(name).is_some() {
            return Err(exists());
        }
        let public = user.public();
        self.commit(&mut journal, Entry::User(user))?;
        Ok(public)
    }

    /// A new password; ends the user's sessions.
    pub fn passwd(&self, name: &str, password: &str) -> Result<(), AccountsError> {
        user::check_password(password)?;
        let mut fresh = self.stored(name)?;
        self.set_password(&mut fresh, password)?;
        self.change(name, |user| {
            user.password = fresh.password;
            user.ha1 = fresh.ha1;
        })
    }

    pub fn set_group(&self, name: &str, group: Group) -> Result<(), AccountsError> {
        self.change(name, |user| user.group = group)
    }

    /// Switching off ends the user's sessions and RTSP digest.
    pub fn set_enabled(&self, name: &str, enabled: bool) -> Result<(), AccountsError> {
        self.change(name, |user| user.enabled = enabled)
    }

    pub fn remove(&self, name: &str) -> Result<(), AccountsError> {
        let mut journal = self.lock_journal();
        self.stored(name)?;
        self.commit(&mut journal, Entry::Removed { name: name.to_owned() })
    }

    /// Takes about as long for a name that does not exist; a pair that was right in the last
    /// five minutes is answered at once.
    pub fn verify(&self, name: &str, password: &str) -> Verdict {
        if password.len() > user::MAX_PASSWORD_BYTES {
            return Verdict::Refused;
        }
        if let Some(verdict) = self.remembered(name, password) {
            return verdict;
        }
        let user = self.stored(name).ok();
        let phc = user.as_ref().map(|user| user.password.as_str());
        if !self.hasher.verify(password, phc) {
            return Verdict::Refused;
        }
        let Some(user) = user else {
            return Verdict::Refused;
        };
        let pair = self.lock_pairs().pair(name, password);
        if let Some(pair) = pair.filter(|_| user.enabled) {
            self.lock_pairs().learn(pair, user.password.clone(), Instant::now());
        }
        user.verdict()
    }

    /// The verdict on a pair that was right in the last five minutes, without hashing. `None`: ask
    /// [`Accounts::verify`], which takes its time.
    pub fn remembered(&self, name: &str, password: &str) -> Option<Verdict> {
        let user = self.stored(name).ok()?;
        let pairs = self.lock_pairs();
        let pair = pairs.pair(name, password)?;
        pairs
            .knows(&pair, &user.password, Instant::now())
            .then(|| user.verdict())
    }

    /// What tells later whether a user's password is still the one of now.
    pub fn proof(&self, name: &str) -> Option<Proof> {
        let user = self.stored(name).ok()?;
        Some(Proof {
            name: user.name,
            phc: user.password,
        })
    }

    /// The user of a proof, as long as they are enabled and their password is the same.
    pub fn user_of(&self, proof: &Proof) -> Option<User> {
        let user = self.stored(&proof.name).ok()?;
        (user.enabled && user.password == proof.phc).then(|| user.public())
    }

    /// `MD5(name:vigie:password)` in hexadecimal, for RTSP Digest. `None`: no such user, switched
    /// off, or `secret.key` was lost (then a new password brings it back).
    pub fn ha1(&self, name: &str) -> Option<String> {
        let user = self.stored(name).ok().filter(|user| user.enabled)?;
        self.lock_seal().as_ref()?.open(name, &user.ha1)
    }

    /// A token for a user who was verified. Survives a restart; where the journal cannot be
    /// written to (disk full) it lasts as long as the process.
    pub fn create_session(&self, name: &str, lifetime: Duration) -> Result<String, AccountsError> {
        let (token, hash) = session::new_token()?;
        let now = Utc::now();
        let mut journal = self.lock_journal();
        let user = self.stored(name)?;
        if !user.enabled {
            return Err(AccountsError::Disabled { name: name.to_owned() });
        }
        self.write().sessions.forget_expired(now);
        let surplus = self.read().sessions.surplus(name);
        if let Some(hash) = surplus {
            self.commit_or_remember(&mut journal, Entry::SessionEnded { hash });
        }
        let session = StoredSession {
            hash,
            user: user.name,
            created: now,
            expires: now + lifetime,
        };
        self.commit_or_remember(&mut journal, Entry::Session(session));
        Ok(token)
    }

    /// The session of a token, if it has not ended.
    pub fn session(&self, token: &str) -> Option<Session> {
        let state = self.read();
        let session = state.sessions.get(&session::token_hash(token), Utc::now())?;
        let user = state.users.get(&session.user).filter(|user| user.enabled)?;
        Some(Session {
            user: user.public(),
            created: session.created,
            expires: session.expires,
        })
    }

    /// Unknown tokens are ignored.
    pub fn end_session(&self, token: &str) {
        let hash = session::token_hash(token);
        let mut journal = self.lock_journal();
        if self.read().sessions.contains(&hash) {
            self.commit_or_remember(&mut journal, Entry::SessionEnded { hash });
        }
    }

    fn set_password(&self, user: &mut StoredUser, password: &str) -> Result<(), AccountsError> {
        let mut seal = self.lock_seal();
        let seal = match &mut *seal {
            Some(seal) => seal,
            none => none.insert(Seal::load_or_create(&self.key_path)?),
        };
        user.ha1 = seal.seal(&user.name, &ha1::ha1(&user.name, password))?;
        user.password = self.hasher.hash(password)?;
        Ok(())
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut StoredUser)) -> Result<(), AccountsError> {
        let mut journal = self.lock_journal();
        let mut user = self.stored(name)?;
        change(&mut user);
        self.commit(&mut journal, Entry::User(user))
    }

    fn stored(&self, name: &str) -> Result<StoredUser, AccountsError> {
        let state = self.read();
        state.users.get(name).cloned().ok_or_else(|| AccountsError::NoUser {
            name: name.chars().take(80).collect(),
        })
    }

    /// First the device, then memory: what a caller sees is what a restart finds.
    fn commit(&self, journal: &mut Option<Journal<Entry>>, entry: Entry) -> Result<(), AccountsError> {
        let Some(journal) = journal else {
            return Err(AccountsError::Unreadable {
                path: self.key_path.with_file_name("accounts.jsonl"),
                why: self.fault.as_ref().map(ToString::to_string).unwrap_or_default(),
            });
        };
        journal.append(&entry)?;
        self.write().apply(entry);
        compact(journal, &self.read(), false);
        Ok(())
    }

    fn commit_or_remember(&self, journal: &mut Option<Journal<Entry>>, entry: Entry) {
        let written = journal.as_mut().is_some_and(|journal| match journal.append(&entry) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "a session lasts only until the recorder restarts");
                false
            }
        });
        self.write().apply(entry);
        if let Some(journal) = journal.as_mut().filter(|_| written) {
            compact(journal, &self.read(), false);
        }
    }

    fn lock_journal(&self) -> MutexGuard<'_, Option<Journal<Entry>>> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn lock_pairs(&self) -> MutexGuard<'_, PairCache> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn lock_seal(&self) -> MutexGuard<'_, Option<Seal>> {
        self.seal.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A failure costs only space: the journal as it is stays good.
fn compact(journal: &mut Journal<Entry>, state: &State, now: bool) {
    let living = 1 + state.users.len() + state.sessions.len();
    if !now && !journal.wants_compaction(living) {
        return;
    }
    let users = state.users.values().cloned().map(Entry::User);
    let sessions = state.sessions.iter().cloned().map(Entry::Session);
    if let Err(error) = journal.compact(users.chain(sessions)) {
        tracing::warn!(%error, "the journal of accounts was not compacted");
    }
}
