//! What the journal of accounts says, line by line, and what follows from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::{
    GroupName, Rights, User, Verdict,
    groups::Groups,
    sessions::{Moment, Sessions, StoredSession},
    tokens::{StoredToken, Tokens},
    users::StoredUser,
};
use crate::journal::Journal;

/// A line of the journal.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Entry {
    User(StoredUser),
    Removed { name: String },
    Group { name: GroupName, rights: Rights },
    GroupRemoved { name: GroupName },
    Session(StoredSession),
    SessionEnded { hash: String },
    Token(StoredToken),
    TokenEnded { id: Ulid },
}

#[derive(Default)]
pub(super) struct State {
    pub users: BTreeMap<String, StoredUser>,
    pub groups: Groups,
    pub sessions: Sessions,
    pub tokens: Tokens,
}

impl State {
    pub fn apply(&mut self, entry: Entry, now: Moment) {
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
                self.tokens.end_of_user(&name);
            }
            Entry::Group { name, rights } => drop(self.groups.0.insert(name, rights)),
            Entry::GroupRemoved { name } => drop(self.groups.0.remove(&name)),
            Entry::Session(session) => self.sessions.insert(session, now),
            Entry::SessionEnded { hash } => self.sessions.end(&hash),
            Entry::Token(token) => self.tokens.insert(token),
            Entry::TokenEnded { id } => self.tokens.end(id),
        }
    }

    pub fn public(&self, user: &StoredUser) -> User {
        user.public(self.groups.rights_of(user))
    }

    /// Of a right password.
    pub fn verdict(&self, user: &StoredUser) -> Verdict {
        match (user.enabled, &user.second_factor) {
            (false, _) => Verdict::Disabled,
            (true, None) => Verdict::Accepted(self.public(user)),
            (true, Some(_)) => Verdict::NeedsCode(self.public(user)),
        }
    }

    /// What leads here from nothing.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        let own = self.groups.0.iter();
        let groups = own.map(|(name, rights)| Entry::Group {
            name: name.clone(),
            rights: rights.clone(),
        });
        let users = self.users.values().cloned().map(Entry::User);
        let tokens = self.tokens.iter().cloned().map(Entry::Token);
        let sessions = self.sessions.iter().cloned().map(Entry::Session);
        groups.chain(users).chain(tokens).chain(sessions)
    }

    /// A failure costs only space: the journal as it is stays good.
    pub fn compact(&self, journal: &mut Journal<Entry>, now: bool) {
        let living = 1 + self.users.len() + self.groups.0.len() + self.sessions.len() + self.tokens.len();
        if !now && !journal.wants_compaction(living) {
            return;
        }
        if let Err(error) = journal.compact(self.entries()) {
            tracing::warn!(%error, "the journal of accounts was not compacted");
        }
    }
}
