//! Accounts as a backup carries them: what is sealed with the key of one installation is open in
//! there, so that another seals it with its own. Sessions stay behind. Does not belong here: the
//! encrypted file around them ([`crate::backup`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vigie_config::Utc;

use super::{
    Accounts, AccountsError, Giver, GroupName, Rights,
    groups::Groups,
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

impl Giver<'_> {
    /// Everybody who may sign in, if the giver may do whatever they may.
    pub fn export(&self) -> Result<Portable, AccountsError> {
        let state = self.accounts.read();
        self.cover_all(&state)?;
        let users = state.users.values().cloned();
        Ok(Portable {
            users: users.map(|user| self.accounts.unsealed(user)).collect(),
            groups: state.groups.0.clone(),
            tokens: state.tokens.iter().cloned().collect(),
        })
    }

    /// What [`Giver::import`] would do, a line each.
    pub fn import_changes(&self, portable: &Portable) -> Result<Vec<String>, AccountsError> {
        let next = self.next(portable)?;
        Ok(words(&self.accounts.read(), &next, self.accounts))
    }

    /// Users, groups and tokens become those of `portable`. Whoever is the same as before stays
    /// signed in. All of it or nothing.
    pub fn import(&self, portable: &Portable) -> Result<Vec<String>, AccountsError> {
        let mut next = self.next(portable)?;
        let mut journal = self.accounts.lock_journal();
        let words = words(&self.accounts.read(), &next, self.accounts);
        for user in next.users.values_mut() {
            self.accounts.seal_again(user)?;
        }
        {
            let state = self.accounts.read();
            let same = |user: &str| match (state.users.get(user), next.users.get(user)) {
                (Some(before), Some(after)) => {
                    after.enabled && (before.created, &before.password) == (after.created, &after.password)
                }
                _ => false,
            };
            let stay: Vec<_> = state.sessions.iter().filter(|one| same(&one.user)).cloned().collect();
            next.sessions.idle = state.sessions.idle;
            let now = Utc::now();
            stay.into_iter().for_each(|session| next.sessions.insert(session, now));
        }
        self.accounts.replace(&mut journal, next)?;
        Ok(words)
    }

    fn next(&self, portable: &Portable) -> Result<State, AccountsError> {
        let mut next = State {
            groups: Groups(portable.groups.clone()),
            ..State::default()
        };
        if let Some(name) = next.groups.0.keys().find(|name| name.is_built_in()) {
            return Err(AccountsError::BuiltIn { name: name.to_string() });
        }
        for user in &portable.users {
            users::check_name(&user.name)?;
            if next.groups.rights(&user.group).is_none() {
                let name = user.group.to_string();
                return Err(AccountsError::NoGroup { name });
            }
            next.users.insert(user.name.clone(), user.clone());
        }
        let known = |token: &&StoredToken| next.users.contains_key(&token.owner);
        let tokens: Vec<_> = portable.tokens.iter().filter(known).cloned().collect();
        tokens.into_iter().for_each(|token| next.tokens.insert(token));
        self.cover_all(&self.accounts.read())?;
        self.cover_all(&next)?;
        match manages(&next) {
            true => Ok(next),
            false => Err(AccountsError::LastManager),
        }
    }

    /// Nobody gives or takes more than they have.
    fn cover_all(&self, state: &State) -> Result<(), AccountsError> {
        let of_users = state.users.values().map(|user| state.groups.rights_of(user));
        let of_groups = state.groups.0.values().cloned();
        match of_users.chain(of_groups).all(|rights| self.rights.cover(&rights)) {
            true => Ok(()),
            false => Err(AccountsError::TooMuch),
        }
    }
}

impl Accounts {
    /// Nobody may sign in any more; the next one is made with a new set-up link.
    pub fn clear(&self) -> Result<(), AccountsError> {
        let mut journal = self.lock_journal();
        let mut next = State::default();
        next.sessions.idle = self.read().sessions.idle;
        self.replace(&mut journal, next)?;
        self.lock_enrolments().clear();
        Ok(())
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
