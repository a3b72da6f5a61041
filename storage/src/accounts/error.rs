//! What can go wrong with accounts.

use std::{io, path::PathBuf};

use vigie_config::{ErrorKind, Kind};

use crate::journal::JournalError;

#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    #[error("{seen:?} is not a user name: use 1 to 64 of A-Z a-z 0-9 . _ - @")]
    BadName { seen: String },
    #[error("the password has {seen} characters: use at least 8")]
    ShortPassword { seen: usize },
    #[error("the password has {seen} bytes: use at most 1024")]
    LongPassword { seen: usize },
    #[error("the password holds a control character such as a line break: leave it out")]
    BadPassword,
    #[error("{seen:?} is not a group: use administrator, advanced or ordinary")]
    BadGroup { seen: String },
    #[error("user {name} exists already: change the password with `vigie user passwd`, or remove the user first")]
    Exists { name: String },
    #[error("there is no user {name}: `vigie user list` shows those there are")]
    NoUser { name: String },
    #[error("user {name} is disabled: enable the user first")]
    Disabled { name: String },
    #[error("cannot {what} {}: {error}", path.display())]
    Io {
        what: &'static str,
        path: PathBuf,
        error: io::Error,
    },
    #[error("{} has format {seen}, newer than {supported}: it is left untouched, use the newer vigie that wrote it", path.display())]
    Newer { path: PathBuf, seen: u32, supported: u32 },
    #[error("{} is left untouched because it could not be read: {why}", path.display())]
    Unreadable { path: PathBuf, why: String },
    #[error("{} is not a key of {expected} bytes (seen {seen}): move it away, then set every user's password again", path.display())]
    BadKey { path: PathBuf, seen: u64, expected: usize },
    #[error("the system gave no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    #[error("cannot hash a password: {0}")]
    Hash(String),
}

impl From<JournalError> for AccountsError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Io { what, path, error } => AccountsError::Io { what, path, error },
            JournalError::Newer { path, seen, supported } => AccountsError::Newer { path, seen, supported },
        }
    }
}

impl Kind for AccountsError {
    fn kind(&self) -> ErrorKind {
        match self {
            AccountsError::BadName { .. }
            | AccountsError::ShortPassword { .. }
            | AccountsError::LongPassword { .. }
            | AccountsError::BadPassword
            | AccountsError::BadGroup { .. }
            | AccountsError::Newer { .. } => ErrorKind::Misconfigured,
            AccountsError::Exists { .. } | AccountsError::NoUser { .. } | AccountsError::Disabled { .. } => {
                ErrorKind::Refused
            }
            AccountsError::Io { error, .. } => match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Full,
                io::ErrorKind::InvalidData => ErrorKind::Corrupt,
                _ => ErrorKind::Unavailable,
            },
            AccountsError::Unreadable { .. } => ErrorKind::Unavailable,
            AccountsError::BadKey { .. } => ErrorKind::Corrupt,
            AccountsError::Random(_) => ErrorKind::Unavailable,
            AccountsError::Hash(_) => ErrorKind::Bug,
        }
    }
}
