//! What can go wrong with the index.

use std::{io, path::PathBuf};

use vigie_config::{ErrorKind, Kind, StreamId, Utc};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    #[error("index of {stream}, hour of {hour}: {what}: run `vigie index rebuild`")]
    Corrupt {
        stream: StreamId,
        hour: Utc,
        what: &'static str,
    },
    #[error("index: {what}: run `vigie index rebuild`")]
    CorruptKey { what: String },
    #[error("the index was broken ({why}) and is set aside as {}: it is rebuilt from the volumes", to.display())]
    SetAside { to: PathBuf, why: String },
    #[error("the index in {} cannot be used ({why}): new rows are kept in memory until it can", dir.display())]
    Unavailable { dir: PathBuf, why: String, full: bool },
    #[error("the index in {} has format {seen}, newer than {supported}: it is left untouched, use the newer vigie that wrote it", dir.display())]
    Newer { dir: PathBuf, seen: u32, supported: u32 },
}

impl Kind for IndexError {
    fn kind(&self) -> ErrorKind {
        match self {
            IndexError::Corrupt { .. } | IndexError::CorruptKey { .. } | IndexError::SetAside { .. } => {
                ErrorKind::Corrupt
            }
            IndexError::Unavailable { full: true, .. } => ErrorKind::Full,
            IndexError::Unavailable { .. } => ErrorKind::Unavailable,
            IndexError::Newer { .. } => ErrorKind::Misconfigured,
        }
    }
}

/// What sled, or the folder under it, said.
#[derive(Debug)]
pub(super) enum Fault {
    /// The folder cannot be used now; what is in it is not in doubt.
    Folder {
        why: String,
        full: bool,
    },
    /// The content cannot be trusted.
    Broken {
        why: String,
    },
    /// Like `Broken`, and nothing of it must be called again.
    Panicked {
        why: String,
    },
    Newer {
        seen: u32,
    },
}

impl From<sled::Error> for Fault {
    fn from(error: sled::Error) -> Fault {
        match error {
            sled::Error::Io(error) => error.into(),
            other => Fault::Broken { why: other.to_string() },
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        use io::ErrorKind as K;
        match error.kind() {
            // sled reports what it cannot make sense of as an I/O error of these kinds.
            K::UnexpectedEof | K::InvalidData | K::InvalidInput => Fault::Broken { why: error.to_string() },
            K::StorageFull | K::QuotaExceeded => Fault::Folder {
                why: error.to_string(),
                full: true,
            },
            _ => Fault::Folder {
                why: error.to_string(),
                full: false,
            },
        }
    }
}
