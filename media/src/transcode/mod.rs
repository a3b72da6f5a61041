//! G.711 to AAC: what MP4 cannot hold becomes what every player understands.
//!
//! The encoder is one GStreamer element a camera, driven by pushing buffers into its pad from
//! the caller's thread: no pipeline, no thread, no clock. Everything else passes untouched.
//!
//! Belongs here: decoding G.711, driving the encoder, keeping its delay out of the time stamps.
//! Does not belong here: pictures.

mod aac;
mod encoder;
mod g711;
mod mp4_units;
#[cfg(test)]
mod tests;

pub use aac::AacTranscoder;
pub use mp4_units::Mp4Units;

use vigie_config::{ErrorKind, Kind};

use crate::AudioCodec;

/// Why audio cannot be encoded here. It never costs the video.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TranscodeError {
    #[error("no AAC encoder on this machine: install gstreamer1.0-libav (avenc_aac) or voaacenc")]
    NoEncoder,
    #[error("AAC encoder {element} does not work: {what}")]
    Encoder { element: &'static str, what: String },
    #[error("{codec:?} with {channels} channels at {sample_rate} Hz is not encoded as AAC: only G.711 is")]
    Unsupported {
        codec: AudioCodec,
        channels: u16,
        sample_rate: u32,
    },
}

impl Kind for TranscodeError {
    fn kind(&self) -> ErrorKind {
        match self {
            TranscodeError::NoEncoder => ErrorKind::Misconfigured,
            TranscodeError::Encoder { .. } => ErrorKind::Bug,
            TranscodeError::Unsupported { .. } => ErrorKind::Refused,
        }
    }
}
