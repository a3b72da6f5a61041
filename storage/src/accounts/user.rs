//! What a user is, and what names and passwords may look like.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use vigie_config::{CameraId, Utc};

use super::{AccountsError, Verdict};

/// What a user may do, as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    Administrator,
    Advanced,
    Ordinary,
}

impl Group {
    pub const ALL: [Group; 3] = [Group::Administrator, Group::Advanced, Group::Ordinary];

    pub fn as_str(self) -> &'static str {
        match self {
            Group::Administrator => "administrator",
            Group::Advanced => "advanced",
            Group::Ordinary => "ordinary",
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Group {
    type Err = AccountsError;
    fn from_str(text: &str) -> Result<Self, AccountsError> {
        Group::ALL
            .into_iter()
            .find(|group| group.as_str() == text)
            .ok_or_else(|| AccountsError::BadGroup {
                seen: text.chars().take(80).collect(),
            })
    }
}

/// A user as others may see it: without anything derived from the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    pub name: String,
    pub group: Group,
    pub enabled: bool,
    pub created: Utc,
}

impl User {
    /// Live and recorded pictures of a camera. Every group may see every camera until rights
    /// per camera exist.
    pub fn may_view(&self, _camera: &CameraId) -> bool {
        self.enabled
    }
    /// Users, configuration, the supervision tree.
    pub fn may_administer(&self) -> bool {
        self.enabled && self.group == Group::Administrator
    }
}

/// A user as the journal holds it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredUser {
    pub name: String,
    pub group: Group,
    pub enabled: bool,
    pub created: Utc,
    /// Argon2id in PHC string form.
    pub password: String,
    /// `MD5(name:vigie:password)`, sealed with the key of this installation; base64.
    pub ha1: String,
}

impl StoredUser {
    /// Of a right password.
    pub fn verdict(&self) -> Verdict {
        match self.enabled {
            true => Verdict::Accepted(self.public()),
            false => Verdict::Disabled,
        }
    }

    pub fn public(&self) -> User {
        User {
            name: self.name.clone(),
            group: self.group,
            enabled: self.enabled,
            created: self.created,
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

/// Longer texts are refused before any hashing.
pub(super) const MAX_PASSWORD_BYTES: usize = 1024;
