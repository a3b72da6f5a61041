//! Why an event was not written down, or cannot be read.

use std::{io, path::PathBuf};

use ulid::Ulid;
use vigie_config::{ErrorKind, Kind};

#[derive(Debug, thiserror::Error)]
pub enum EventLogError {
    #[error("cannot {what} {}: {error}", path.display())]
    Io {
        what: &'static str,
        path: PathBuf,
        error: io::Error,
    },
    #[error("{} has format {seen}, newer than {known}: it is left untouched, use the newer vigie that wrote it", path.display())]
    Newer { path: PathBuf, seen: u32, known: u32 },
    #[error("event {id}: {what} has {seen} bytes, at most {limit} are kept: shorten it")]
    TooLong {
        id: Ulid,
        what: &'static str,
        seen: usize,
        limit: usize,
    },
    #[error("event {id} has {seen} actions, at most {limit} are kept: name fewer in its rules")]
    TooMany { id: Ulid, seen: usize, limit: usize },
}

impl Kind for EventLogError {
    fn kind(&self) -> ErrorKind {
        match self {
            EventLogError::Newer { .. } => ErrorKind::Misconfigured,
            EventLogError::TooLong { .. } | EventLogError::TooMany { .. } => ErrorKind::Refused,
            EventLogError::Io { error, .. } => match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Full,
                io::ErrorKind::InvalidData => ErrorKind::Corrupt,
                _ => ErrorKind::Unavailable,
            },
        }
    }
}
