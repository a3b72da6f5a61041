//! Users and groups made, changed and removed, by somebody who gives no more than they have.

use std::collections::BTreeSet;

use vigie_config::{CameraId, Utc};

use super::{
    Accounts, AccountsError, Bounds, Change, Group, GroupName, HouseRight, Rights, User,
    ha1::{self, Seal},
    sessions::Moment,
    state::{Entry, State},
    users::{self, StoredUser},
};
use crate::journal::Journal;

impl Accounts {
    /// By name.
    pub fn list(&self) -> Vec<User> {
        let state = self.read();
        state.users.values().map(|user| state.public(user)).collect()
    }

    pub fn get(&self, name: &str) -> Option<User> {
        let state = self.read();
        state.users.get(name).map(|user| state.public(user))
    }

    pub fn groups(&self) -> Vec<Group> {
        self.read().groups.list()
    }

    /// Changes by somebody with these rights.
    pub fn giver(&self, rights: Rights) -> Giver<'_> {
        Giver { accounts: self, rights }
    }

    /// Changes by whoever owns the machine.
    pub fn operator(&self) -> Giver<'_> {
        self.giver(Rights::all())
    }

    /// The user's own new password; ends their sessions.
    pub fn passwd(&self, name: &str, password: &str) -> Result<(), AccountsError> {
        users::check_password(password)?;
        let mut fresh = self.stored(name)?;
        self.set_password(&mut fresh, password)?;
        let mut journal = self.lock_journal();
        let mut user = self.stored(name)?;
        (user.password, user.ha1) = (fresh.password, fresh.ha1);
        self.commit(&mut journal, Entry::User(user))
    }

    fn set_password(&self, user: &mut StoredUser, password: &str) -> Result<(), AccountsError> {
        user.ha1 = self.sealed(&user.name, &ha1::ha1(&user.name, password))?;
        user.password = self.hasher.hash(password)?;
        Ok(())
    }

    /// Bound to the name, with the key of this installation.
    pub(super) fn sealed(&self, name: &str, secret: &str) -> Result<String, AccountsError> {
        let mut seal = self.lock_seal();
        let seal = match &mut *seal {
            Some(seal) => seal,
            none => none.insert(Seal::load_or_create(&self.key_path)?),
        };
        seal.seal(name, secret)
    }

    pub(super) fn stored(&self, name: &str) -> Result<StoredUser, AccountsError> {
        let state = self.read();
        state.users.get(name).cloned().ok_or_else(|| AccountsError::NoUser {
            name: name.chars().take(80).collect(),
        })
    }

    /// Refuses what would leave nobody who may manage users.
    fn commit_kept(&self, journal: &mut Option<Journal<Entry>>, entry: Entry) -> Result<(), AccountsError> {
        let kept = {
            let state = self.read();
            let mut next = State {
                users: state.users.clone(),
                ..State::default()
            };
            next.groups.0 = state.groups.0.clone();
            next.apply(entry.clone(), Moment::now());
            manages(&next) || !manages(&state)
        };
        match kept {
            true => self.commit(journal, entry),
            false => Err(AccountsError::LastManager),
        }
    }
}

/// Whether somebody may manage users.
pub(super) fn manages(state: &State) -> bool {
    let may = |user: &StoredUser| user.enabled && state.groups.rights_of(user).may(HouseRight::Users);
    state.users.values().any(may)
}

/// Whoever changes users and groups: with rights of their own, which nothing that they give exceeds.
pub struct Giver<'a> {
    accounts: &'a Accounts,
    rights: Rights,
}

impl Giver<'_> {
    fn covers(&self, rights: &Rights) -> Result<(), AccountsError> {
        match self.rights.cover(rights) {
            true => Ok(()),
            false => Err(AccountsError::TooMuch),
        }
    }

    fn group(&self, name: &GroupName) -> Result<Rights, AccountsError> {
        let rights = self.accounts.read().groups.rights(name);
        rights.ok_or_else(|| AccountsError::NoGroup { name: name.to_string() })
    }

    /// What a user may do, if it is no more than the giver may.
    fn theirs(&self, user: &StoredUser) -> Result<(), AccountsError> {
        let rights = self.accounts.read().groups.rights_of(user);
        self.covers(&rights)
    }

    /// A new user, enabled. On the device when this returns, as with every change. `cameras`: kept
    /// to these.
    pub fn add(
        &self,
        name: &str,
        group: GroupName,
        cameras: Option<BTreeSet<CameraId>>,
        password: &str,
    ) -> Result<User, AccountsError> {
        let bounds = Bounds {
            cameras,
            addresses: None,
        };
        self.add_within(name, group, bounds, password)
    }

    /// The same, kept to cameras and bound to addresses.
    pub fn add_within(
        &self,
        name: &str,
        group: GroupName,
        bounds: Bounds,
        password: &str,
    ) -> Result<User, AccountsError> {
        let accounts = self.accounts;
        users::check_name(name)?;
        users::check_password(password)?;
        users::check_addresses(bounds.addresses.as_deref())?;
        let exists = || AccountsError::Exists { name: name.to_owned() };
        if accounts.get(name).is_some() {
            return Err(exists());
        }
        let mut user = StoredUser {
            name: name.to_owned(),
            group,
            enabled: true,
            created: Utc::now(),
            password: String::new(),
            ha1: String::new(),
            cameras: bounds.cameras,
            addresses: bounds.addresses,
            second_factor: None,
        };
        self.group(&user.group)?;
        self.theirs(&user)?;
        accounts.set_password(&mut user, password)?;
        let mut journal = accounts.lock_journal();
        if accounts.get(name).is_some() {
            return Err(exists());
        }
        self.group(&user.group)?;
        self.theirs(&user)?;
        let public = accounts.read().public(&user);
        accounts.commit(&mut journal, Entry::User(user))?;
        Ok(public)
    }

    /// Switching off ends the user's sessions and RTSP digest.
    pub fn change(&self, name: &str, change: Change) -> Result<User, AccountsError> {
        let accounts = self.accounts;
        let mut journal = accounts.lock_journal();
        let mut user = accounts.stored(name)?;
        self.theirs(&user)?;
        if let Some(group) = change.group {
            self.group(&group)?;
            user.group = group;
        }
        user.enabled = change.enabled.unwrap_or(user.enabled);
        if let Some(cameras) = change.cameras {
            user.cameras = cameras;
        }
        if let Some(addresses) = change.addresses {
            users::check_addresses(addresses.as_deref())?;
            user.addresses = addresses;
        }
        if change.without_second_factor {
            user.second_factor = None;
        }
        self.theirs(&user)?;
        accounts.commit_kept(&mut journal, Entry::User(user.clone()))?;
        Ok(accounts.read().public(&user))
    }

    /// A new password for somebody; ends their sessions.
    pub fn passwd(&self, name: &str, password: &str) -> Result<(), AccountsError> {
        self.theirs(&self.accounts.stored(name)?)?;
        self.accounts.passwd(name, password)
    }

    pub fn remove(&self, name: &str) -> Result<(), AccountsError> {
        let mut journal = self.accounts.lock_journal();
        self.theirs(&self.accounts.stored(name)?)?;
        let entry = Entry::Removed { name: name.to_owned() };
        self.accounts.commit_kept(&mut journal, entry)
    }

    /// Makes a group, or changes what everybody in it may do.
    pub fn put_group(&self, name: GroupName, rights: Rights) -> Result<Group, AccountsError> {
        let mut journal = self.own_group(&name)?;
        if let Ok(old) = self.group(&name) {
            self.covers(&old)?;
        }
        self.covers(&rights)?;
        let entry = Entry::Group {
            name: name.clone(),
            rights: rights.clone(),
        };
        self.accounts.commit_kept(&mut journal, entry)?;
        Ok(Group {
            name,
            built_in: false,
            rights,
        })
    }

    /// One that nobody is in.
    pub fn remove_group(&self, name: &GroupName) -> Result<(), AccountsError> {
        let mut journal = self.own_group(name)?;
        self.covers(&self.group(name)?)?;
        let of_group = self.accounts.list().into_iter().find(|user| user.group == *name);
        if let Some(user) = of_group {
            return Err(AccountsError::GroupInUse {
                name: name.to_string(),
                user: user.name,
            });
        }
        let entry = Entry::GroupRemoved { name: name.clone() };
        self.accounts.commit(&mut journal, entry)
    }

    fn own_group(&self, name: &GroupName) -> Result<std::sync::MutexGuard<'_, Option<Journal<Entry>>>, AccountsError> {
        match name.is_built_in() {
            true => Err(AccountsError::BuiltIn { name: name.to_string() }),
            false => Ok(self.accounts.lock_journal()),
        }
    }
}
