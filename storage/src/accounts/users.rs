//! What a user is, and what names and passwords may look like.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use vigie_config::{CameraId, Utc, Whence};

use super::{
    AccountsError,
    groups::GroupName,
    rights::{CameraRight, HouseRight, Rights},
    second_factor::StoredFactor,
};

/// A user as others may see it: without anything derived from the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub group: GroupName,
    pub enabled: bool,
    pub created: Utc,
    /// Kept to these; `None`: all that the group may see.
    pub cameras: Option<BTreeSet<CameraId>>,
    /// Bound to these: nothing is granted to whoever comes from elsewhere; `None`: from anywhere.
    pub addresses: Option<Vec<Whence>>,
    /// Recovery codes that are left; `None`: no code is asked for beside the password.
    pub second_factor: Option<usize>,
    /// What they may do, of group and cameras; of whom came with an API token: what both allow.
    pub rights: Rights,
}

#[cfg(test)]
impl User {
    /// Of tests that need somebody, whatever they may do.
    pub fn sample(name: &str, created: Utc) -> User {
        User {
            name: name.to_owned(),
            group: GroupName::ordinary(),
            enabled: true,
            created,
            cameras: None,
            addresses: None,
            second_factor: None,
            rights: Rights::default(),
        }
    }
}

impl User {
    /// Anything at all of a camera.
    pub fn sees(&self, camera: &CameraId) -> bool {
        self.enabled && self.rights.sees(camera)
    }

    pub fn may(&self, right: HouseRight) -> bool {
        self.enabled && self.rights.may(right)
    }

    pub fn may_with(&self, camera: &CameraId, right: CameraRight) -> bool {
        self.enabled && self.rights.may_with(camera, right)
    }
}

/// Answer to a name and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Accepted(User),
    /// The password is right, and a code has to be shown with it: [`super::Accounts::use_code`].
    NeedsCode(User),
    /// Unknown name or wrong password: never say which.
    Refused,
    /// The password is right, the user is switched off.
    Disabled,
}

/// What a user is kept to from the first moment on.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    /// `None`: all that the group may see.
    pub cameras: Option<BTreeSet<CameraId>>,
    /// `None`: from anywhere.
    pub addresses: Option<Vec<Whence>>,
}

/// What becomes another of a user; `None`: as it is.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub group: Option<GroupName>,
    pub enabled: Option<bool>,
    /// `Some(None)`: all that the group may see.
    pub cameras: Option<Option<BTreeSet<CameraId>>>,
    /// `Some(None)`: from anywhere.
    pub addresses: Option<Option<Vec<Whence>>>,
    /// The password alone is enough again.
    pub without_second_factor: bool,
}

/// A user as the journal holds it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredUser {
    pub name: String,
    pub group: GroupName,
    pub enabled: bool,
    pub created: Utc,
    /// Argon2id in PHC string form.
    pub password: String,
    /// `MD5(name:vigie:password)`, sealed with the key of this installation; base64.
    pub ha1: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cameras: Option<BTreeSet<CameraId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Vec<Whence>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<StoredFactor>,
}

impl StoredUser {
    pub fn public(&self, rights: Rights) -> User {
        User {
            name: self.name.clone(),
            group: self.group.clone(),
            enabled: self.enabled,
            created: self.created,
            cameras: self.cameras.clone(),
            addresses: self.addresses.clone(),
            second_factor: self.second_factor.as_ref().map(|factor| factor.recovery.len()),
            rights,
        }
    }
}

/// ASCII only, without `:` (Basic and Digest cut there) and without quotes (Digest carries names
/// in them).
pub(super) fn check_name(name: &str) -> Result<(), AccountsError> {
    let fits = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'@'));
    if fits {
        Ok(())
    } else {
        Err(AccountsError::BadName {
            seen: name.chars().take(80).collect(),
        })
    }
}

/// Bound to nowhere a user could never come in.
pub(super) fn check_addresses(addresses: Option<&[Whence]>) -> Result<(), AccountsError> {
    match addresses.map_or(1, <[Whence]>::len) {
        1..=MOST_ADDRESSES => Ok(()),
        seen => Err(AccountsError::BadAddresses { seen }),
    }
}

pub(super) fn check_password(password: &str) -> Result<(), AccountsError> {
    let characters = password.chars().count();
    if characters < 8 {
        Err(AccountsError::ShortPassword { seen: characters })
    } else if password.len() > MAX_PASSWORD_BYTES {
        Err(AccountsError::LongPassword { seen: password.len() })
    } else if password.chars().any(char::is_control) {
        Err(AccountsError::BadPassword)
    } else {
        Ok(())
    }
}

/// Of one user; they are looked through with every request.
pub(super) const MOST_ADDRESSES: usize = 100;

/// Longer texts are refused before any hashing.
pub(super) const MAX_PASSWORD_BYTES: usize = 1024;
