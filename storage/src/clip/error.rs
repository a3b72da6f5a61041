//! Why a range cannot be had as one file.

use std::io;

use vigie_config::{ErrorKind, Kind, StreamId, Utc};

#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    #[error("there is no footage from {from} to {to}: see /api/v1/recordings for what there is")]
    NoFootage { from: Utc, to: Utc },
    /// `cuts`: where one format ends and the next begins, oldest first.
    #[error("codec or picture size changes {} time(s) from {from} to {to}, first at {}: ask for each part alone", cuts.len(), cuts.first().copied().unwrap_or(*from))]
    MixedFormats { from: Utc, to: Utc, cuts: Vec<Utc> },
    #[error("footage of {stream} from {start} cannot be read: {error}")]
    Read {
        stream: StreamId,
        start: Utc,
        error: io::Error,
    },
    #[error("footage of {stream} from {start} is damaged ({what}): leave it out")]
    Damaged { stream: StreamId, start: Utc, what: String },
}

impl Kind for ClipError {
    fn kind(&self) -> ErrorKind {
        match self {
            ClipError::NoFootage { .. } | ClipError::MixedFormats { .. } => ErrorKind::Refused,
            ClipError::Read { .. } => ErrorKind::Unavailable,
            ClipError::Damaged { .. } => ErrorKind::Corrupt,
        }
    }
}
