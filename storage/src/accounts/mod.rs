//! Users of the recorder: who they are, what they may do, their passwords, sessions and tokens.
//!
//! Kept in `<state_dir>/accounts.jsonl`, a journal of our own and not in the index: a broken
//! index never costs an account. Belongs here: names, groups, rights, password checks, the digest
//! secret for RTSP, sessions, API tokens. Does not belong here: HTTP, cookies, what a route demands.
//!
//! A journal that cannot be read never stops the recorder: [`Accounts::fault`] says why, nobody
//! can sign in, and nothing is written over it. All calls that hash take tens of milliseconds
//! and 19 MiB: keep them off threads that serve others.

mod enrolment;
mod entrance;
mod error;
mod groups;
mod ha1;
mod password;
mod people;
mod portable;
mod rights;
mod second_factor;
mod sessions;
mod setup;
mod state;
#[cfg(test)]
mod tests;
mod tokens;
mod users;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, Instant},
};

use vigie_config::Whence;

pub use entrance::Proof;
pub use error::AccountsError;
pub use groups::{Group, GroupName};
pub use ha1::REALM;
pub use people::Giver;
pub use portable::Portable;
pub use rights::{CameraRight, HouseRight, Rights};
pub use second_factor::NewFactor;
pub use sessions::{EndedSession, Origin, Session, SessionInfo};
pub use tokens::{PREFIX as TOKEN_PREFIX, Token};
pub use users::{Bounds, Change, User, Verdict};

use crate::journal::Journal;
use ha1::Seal;
use password::{Hasher, PairCache};
use second_factor::Enrolment;
use sessions::Moment;
use setup::SetupLink;
use state::{Entry, State};

pub struct Accounts {
    key_path: PathBuf,
    /// `None`: the journal could not be read, so it is not written to either.
    journal: Mutex<Option<Journal<Entry>>>,
    /// Locked after `journal`, never before.
    state: RwLock<State>,
    seal: Mutex<Option<Seal>>,
    hasher: Hasher,
    pairs: Mutex<PairCache>,
    /// By the user's name.
    enrolments: Mutex<HashMap<String, Enrolment>>,
    setup: SetupLink,
    fault: Option<AccountsError>,
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
                let now = Moment::now();
                opened.entries.into_iter().for_each(|entry| state.apply(entry, now));
                state.sessions.forget_ended(now.utc);
                if opened.damaged_lines > 0 {
                    tracing::warn!(
                        "{} lines of {} were damaged and are lost: check `vigie user list`",
                        opened.damaged_lines,
                        path.display()
                    );
                } else if opened.torn_tail {
                    tracing::info!("an unfinished last line of {} was left out", path.display());
                }
                state.compact(&mut journal, opened.damaged_lines > 0);
                for user in state.users.values().filter(|user| !password::is_usable(&user.password)) {
                    tracing::warn!(
                        "what {} keeps of the password of user {} is none of Vigie's: set another with `vigie user passwd`",
                        path.display(),
                        user.name
                    );
                }
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
            enrolments: Mutex::default(),
            setup: SetupLink::default(),
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

    /// Whether some user may come with certain network cards alone.
    pub fn are_bound_to_cards(&self) -> bool {
        let state = self.read();
        let mut bound = state.users.values().filter_map(|user| user.addresses.as_ref());
        bound.any(|addresses| addresses.iter().any(Whence::is_mac))
    }

    /// Sessions that do not stay end after so long without input ([`Accounts::has_input`]); `None`: none does.
    pub fn end_idle_after(&self, idle: Option<Duration>) {
        if self.read().sessions.idle != idle {
            self.write().sessions.end_idle_after(idle, Instant::now());
        }
    }

    /// First the device, then memory: what a caller sees is what a restart finds.
    fn commit(&self, journal: &mut Option<Journal<Entry>>, entry: Entry) -> Result<(), AccountsError> {
        let journal = self.readable(journal)?;
        journal.append(&entry)?;
        self.write().apply(entry, Moment::now());
        self.read().compact(journal, false);
        Ok(())
    }

    /// [`Accounts::commit`] of everything at once.
    fn replace(&self, journal: &mut Option<Journal<Entry>>, next: State) -> Result<(), AccountsError> {
        self.readable(journal)?.compact(next.entries())?;
        *self.write() = next;
        Ok(())
    }

    fn readable<'j>(&self, journal: &'j mut Option<Journal<Entry>>) -> Result<&'j mut Journal<Entry>, AccountsError> {
        journal.as_mut().ok_or_else(|| AccountsError::Unreadable {
            path: self.key_path.with_file_name("accounts.jsonl"),
            why: self.fault.as_ref().map(ToString::to_string).unwrap_or_default(),
        })
    }

    fn commit_or_remember(&self, journal: &mut Option<Journal<Entry>>, entry: Entry) {
        let written = journal.as_mut().is_some_and(|journal| match journal.append(&entry) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "a session lasts only until the recorder restarts");
                false
            }
        });
        self.write().apply(entry, Moment::now());
        if let Some(journal) = journal.as_mut().filter(|_| written) {
            self.read().compact(journal, false);
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
    fn lock_enrolments(&self) -> MutexGuard<'_, HashMap<String, Enrolment>> {
        self.enrolments.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
