//! Accounts as a backup carries them: what is sealed with the key of one installation is open in
//! there, so that another seals it with its own. Sessions stay behind. Does not belong here: the
//! encrypted file around them ([`crate::backup`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Accounts, AccountsError, GroupName, Rights,
    groups::Groups,
    password,
    people::manages,
    state::State,
    tokens::StoredToken,
    users::{self, StoredUser},
};

/// Users with their passwords' hashes and second factors, groups, tokens. As good as the passwords
/// in the hands of whoever guesses them: only ever in an encrypted file.
#[derive(Clone, Serialize, Deserialize)]
pub struct Portable {
    users: Vec<StoredUser>,
    groups: BTreeMap<GroupName, Rights>,
    tokens: Vec<StoredToken>,
}

impl Portable {
    /// Its secrets not sealed yet.
    fn state(&self) -> Result<State, AccountsError> {
        let mut next = State {
            groups: Groups(self.groups.clone()),
            ..State::default()
        };
        if let Some(name) = next.groups.0.keys().find(|name| name.is_built_in()) {
            return Err(AccountsError::BuiltIn { name: name.to_string() });
        }
        for user in &self.users {
            users::check_name(&user.name)?;
            users::check_addresses(user.addresses.as_deref())?;
            if !password::is_usable(&user.password) {
                let name = user.name.clone();
                return Err(AccountsError::BadHash { name });
            }
            if next.groups.rights(&user.group).is_none() {
                let name = user.group.to_string();
                return Err(AccountsError::NoGroup { name });
            }
            next.users.insert(user.name.clone(), user.clone());
        }
        for token in &self.tokens {
            if next.users.contains_key(&token.owner) {
                next.tokens.insert(token.clone());
            }
        }
        match manages(&next) {
            true => Ok(next),
            false => Err(AccountsError::LastManager),
        }
    }
}

impl Accounts {
    /// Everybody who may sign in.
    pub fn export(&self) -> Portable {
        let state = self.read();
        let users = state.users.values().cloned();
        Portable {
            users: users.map(|user| self.unsealed(user)).collect(),
            groups: state.groups.0.clone(),
            tokens: state.tokens.iter().cloned().collect(),
        }
    }

    /// What [`Accounts::import`] would do, a line each.
    pub fn import_changes(&self, portable: &Portable) -> Result<Vec<String>, AccountsError> {
        let next = portable.state()?;
        Ok(words(&self.read(), &next, self))
    }

    /// Users, groups and tokens become those of `portable`, and nobody is signed in any more. All of
    /// it or nothing.
    pub fn import(&self, portable: &Portable) -> Result<(), AccountsError> {
        let mut next = portable.state()?;
        let mut journal = self.lock_journal();
        for user in next.users.values_mut() {
            self.seal_again(user)?;
        }
        next.sessions.idle = self.read().sessions.idle;
        self.replace(&mut journal, next)
    }

    /// An empty text stands for what could not be opened here, and never opens anywhere.
    fn unsealed(&self, mut user: StoredUser) -> StoredUser {
        let seal = self.lock_seal();
        let open = |sealed: &str| seal.as_ref().and_then(|seal| seal.open(&user.name, sealed));
        let ha1 = open(&user.ha1).unwrap_or_default();
        let factor = user.second_factor.as_ref().map(|factor| open(&factor.secret));
        user.ha1 = ha1;
        if let (Some(stored), Some(secret)) = (&mut user.second_factor, factor) {
            stored.secret = secret.unwrap_or_default();
        }
        user
    }

    fn seal_again(&self, user: &mut StoredUser) -> Result<(), AccountsError> {
        user.ha1 = self.sealed(&user.name, &user.ha1)?;
        if let Some(factor) = &mut user.second_factor {
            factor.secret = self.sealed(&user.name, &factor.secret)?;
        }
        Ok(())
    }
}

/// `after` is unsealed.
fn words(before: &State, after: &State, accounts: &Accounts) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, user) in &after.users {
        let Some(old) = before.users.get(name) else {
            lines.push(format!("user {name}: added, in the group {}", user.group));
            continue;
        };
        let old = accounts.unsealed(old.clone());
        let secret = |user: &StoredUser| user.second_factor.as_ref().map(|factor| factor.secret.clone());
        let differs = [
            (old.group != user.group, format!("group {}", user.group)),
            (old.password != user.password, "another password".to_owned()),
            (old.cameras != user.cameras, "other cameras".to_owned()),
            (old.addresses != user.addresses, "other addresses".to_owned()),
            (
                old.enabled != user.enabled,
                if user.enabled { "switched on" } else { "switched off" }.to_owned(),
            ),
            (secret(&old) != secret(user), "another second factor".to_owned()),
        ];
        let differs: Vec<String> = differs
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, what)| what)
            .collect();
        if !differs.is_empty() {
            lines.push(format!("user {name}: {}", differs.join(", ")));
        }
    }
    let gone = before.users.keys().filter(|name| !after.users.contains_key(*name));
    lines.extend(gone.map(|name| format!("user {name}: removed")));
    for (name, rights) in &after.groups.0 {
        match before.groups.0.get(name) {
            None => lines.push(format!("group {name}: added")),
            Some(old) if old != rights => lines.push(format!("group {name}: other rights")),
            Some(_) => {}
        }
    }
    let gone = before
        .groups
        .0
        .keys()
        .filter(|name| !after.groups.0.contains_key(*name));
    lines.extend(gone.map(|name| format!("group {name}: removed")));
    let named = |token: &StoredToken| format!("token {:?} of {}", token.name, token.owner);
    let other = |state: &State, id| state.tokens.iter().all(|token| token.id != id);
    let new = after.tokens.iter().filter(|token| other(before, token.id));
    lines.extend(new.map(|token| format!("{}: added", named(token))));
    let gone = before.tokens.iter().filter(|token| other(after, token.id));
    lines.extend(gone.map(|token| format!("{}: removed", named(token))));
    lines
}
