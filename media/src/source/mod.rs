//! The one contract of everything that brings media in.
//!
//! A source connects once, publishes access units until it cannot, and returns why.
//! It never retries: that is the restart policy's (`vigie-actors`). It is cancelled by dropping
//! its future; everything it holds is released in `Drop`.

use std::sync::Arc;

use vigie_config::{ErrorKind, GapCause, Kind};

use crate::format::StreamFormat;

/// Small facts a source hands over while it runs. Never media.
#[derive(Debug, Clone)]
pub enum SourceFact {
    /// The session is set up; media may follow.
    Connected { peer: String },
    /// First format, or a changed one.
    Format(Arc<StreamFormat>),
    /// Timestamps jumped by this much (new epoch).
    TimestampJump { seconds: f64 },
    SsrcChanged { track: crate::Track },
    /// RTP packets were missing and not repaired.
    PacketsLost { track: crate::Track, packets: u64 },
    /// Something tolerated that the operator may want to know; at most one of a kind per minute.
    Oddity { what: String },
}

/// Where facts go. Must not block.
pub type Facts = Arc<dyn Fn(SourceFact) + Send + Sync>;

/// Why a source ended. The text never holds a credential.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{text}")]
pub struct SourceError {
    pub kind: ErrorKind,
    /// The cause for the gap that this end opens.
    pub cause: GapCause,
    pub text: String,
}

impl Kind for SourceError {
    fn kind(&self) -> ErrorKind {
        self.kind
    }
}

// The contract to fill in:
//
// Source::new(spec: vigie_config::StreamSource-like, stream: StreamId) -> Result<Source, SourceError>
// async Source::run(self, publisher: Publisher, facts: Facts) -> SourceError
// Ingest::new(threads) ; Ingest::spawn(&self, StreamId, impl Future) -> JoinHandle  (current-thread runtimes)
