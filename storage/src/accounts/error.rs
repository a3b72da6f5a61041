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
    #[error(
        "what is kept of the password of user {name} is none of Vigie's (Argon2id, up to 256 MiB and 16 passes): save the backup anew"
    )]
    BadHash { name: String },
    #[error("{seen} addresses to which a user is bound: expected 1 to 100, or null for anywhere")]
    BadAddresses { seen: usize },
    #[error("{seen:?} is not a name for a group: use 1 to 40 of A-Z a-z 0-9 . _ -")]
    BadGroup { seen: String },
    #[error("there is no group {name}: built in are administrator, advanced and ordinary")]
    NoGroup { name: String },
    #[error("the group {name} is built in and stays as it is: make one of another name")]
    BuiltIn { name: String },
    #[error("user {user} is in the group {name}: put all its users into another group first")]
    GroupInUse { name: String, user: String },
    #[error("nobody who may manage users would be left: give somebody else that right first")]
    LastManager,
    #[error("that would be more than you may do yourself: ask somebody who may")]
    TooMuch,
    #[error("{seen:?} is not a name for a token: use 1 to 80 characters, and no line breaks")]
    BadTokenName { seen: String },
    #[error("user {name} has {seen} tokens already: end one that is not needed any more")]
    TooManyTokens { name: String, seen: usize },
    #[error("this recorder has users already: sign in as one of them")]
    SetUp,
    #[error("this set-up link is not the one that the recorder printed at its last start: use that")]
    BadLink,
    #[error("there is no secret that waits for its first code, or it waited too long: begin anew")]
    NotEnrolled,
    #[error("there is no token {id}")]
    NoToken { id: String },
    #[error("the token would have expired already: expires must be later than now")]
    ExpiredToken,
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
            | AccountsError::BadHash { .. }
            | AccountsError::BadAddresses { .. }
            | AccountsError::BadGroup { .. }
            | AccountsError::NoGroup { .. }
            | AccountsError::BadTokenName { .. }
            | AccountsError::ExpiredToken
            | AccountsError::Newer { .. } => ErrorKind::Misconfigured,
            AccountsError::Exists { .. }
            | AccountsError::NoUser { .. }
            | AccountsError::Disabled { .. }
            | AccountsError::BuiltIn { .. }
            | AccountsError::GroupInUse { .. }
            | AccountsError::LastManager
            | AccountsError::SetUp
            | AccountsError::BadLink
            | AccountsError::NotEnrolled
            | AccountsError::TooMuch
            | AccountsError::TooManyTokens { .. }
            | AccountsError::NoToken { .. } => ErrorKind::Refused,
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
