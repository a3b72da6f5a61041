//! The one contract of everything that brings media in.
//!
//! A source connects once, publishes access units until it cannot, and returns why.
//! It never retries: that is the restart policy's (`vigie-actors`). It is cancelled by dropping
//! its future; everything it holds is released in `Drop`.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use vigie_config::{ErrorKind, GapCause, Kind, SourceUrl, Stream, StreamId};

use crate::{format::StreamFormat, gst::GstSource, hub::Publisher, rtsp::RtspSource};
pub use ingest::Ingest;

mod ingest;

/// Small facts a source hands over while it runs. Never media.
#[derive(Debug, Clone)]
pub enum SourceFact {
    /// The session is set up; media may follow.
    Connected {
        peer: String,
    },
    /// First format, or a changed one.
    Format(Arc<StreamFormat>),
    /// Timestamps jumped by this much (new epoch).
    TimestampJump {
        seconds: f64,
    },
    SsrcChanged {
        track: crate::Track,
    },
    /// RTP packets were missing and not repaired.
    PacketsLost {
        track: crate::Track,
        packets: u64,
    },
    /// How far the camera's wall clock was ahead of ours when it first told it; once per session.
    CameraClock {
        ahead_us: i64,
    },
    /// Something tolerated that the operator may want to know; at most one of a kind per minute.
    Oddity {
        what: String,
    },
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

/// A number for [`crate::AccessUnit::epoch`] that no source of this process has used; each is
/// larger than those before.
pub fn next_epoch() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Whatever a stream's address asks for, behind one contract.
pub enum Source {
    Rtsp(RtspSource),
    Gst(Box<GstSource>),
}

impl Source {
    /// Plain RTSP is ours, everything else GStreamer's. An error here is a fault of the
    /// configuration or of the installation.
    pub fn new(id: &StreamId, stream: &Stream) -> Result<Self, SourceError> {
        match &stream.url {
            SourceUrl::Network(url) if url.scheme() == "rtsp" => Ok(Source::Rtsp(RtspSource {
                url: url.clone(),
                credentials: stream.credentials.clone(),
                transport: stream.transport,
                audio: stream.audio,
            })),
            _ => Ok(Source::Gst(Box::new(GstSource::new(id.clone(), stream)?))),
        }
    }

    /// Brings media in until it cannot; says why. Cancelled by dropping.
    pub async fn run(self, publisher: Publisher, facts: Facts) -> SourceError {
        match self {
            Source::Rtsp(source) => source.run(publisher, facts).await,
            Source::Gst(source) => source.run(publisher, facts).await,
        }
    }
}
