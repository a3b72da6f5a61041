//! From RTP payloads to access units, and from codec headers to formats.
//!
//! ```text
//! SDP ──▶ depacketizer_for ──▶ Depacketizer ── push(packet) ──▶ next() ──▶ Depacketized
//!                                                                  └ pts ──▶ DtsEstimator
//! ```
//! Belongs here: payload formats (RFC 6184, 7798, 2435, 3640, 6416, 7587, 3551), parameter sets,
//! decoder configuration records, decoding times.
//! Does not belong here: RTP headers, sequence numbers, re-ordering and clocks (`crate::rtp`),
//! RTSP (`crate::rtsp`), wall-clock time.
//!
//! **What a loss costs.** A damaged access unit is dropped whole. The units after it are kept,
//! although they may show artefacts until the next RAP: players conceal, and footage with
//! artefacts is worth more than none. Only when what was damaged was a RAP or carried parameter
//! sets are the units up to the next RAP dropped too. So a loss costs at most one GOP.

use bytes::Bytes;
use vigie_config::{ErrorKind, Kind};

use crate::format::{AudioFormat, VideoFormat};

/// One RTP packet without its header, extension and padding, in order of sequence number.
#[derive(Debug, Clone, Copy)]
pub struct RtpPayload<'a> {
    pub seq: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: &'a [u8],
}

/// A format that is new, or differs from the one before.
#[derive(Debug, Clone, PartialEq)]
pub enum FormatChange {
    Video(VideoFormat),
    Audio(AudioFormat),
}

/// One whole access unit, in the shape that [`crate::AccessUnit::data`] asks for.
#[derive(Debug, Clone)]
pub struct Depacketized {
    /// Presentation time in ticks of the track's RTP clock.
    pub rtp_timestamp: u32,
    pub data: Bytes,
    /// Decoding can start here.
    pub rap: bool,
    /// Set with the first unit, and when the format changes from this unit on: for video only at
    /// a RAP, unless nothing was told before.
    pub format: Option<FormatChange>,
    /// Duration of an audio unit in ticks of the RTP clock; 0 for video.
    pub samples: u32,
}

/// Something in the stream that should not be there. Never fatal: the depacketizer has already
/// resynchronised; tell the operator and go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{codec} packet {seq}: {what}")]
pub struct DepacketizeError {
    pub codec: &'static str,
    pub seq: u16,
    pub what: String,
}

impl Kind for DepacketizeError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Corrupt
    }
}

/// Turns the payloads of one track into access units.
///
/// Call order: `lost` for a hole, then `push`, then `next` until `None`.
pub trait Depacketizer: Send {
    /// Takes one packet. An error is an oddity: what could be kept is kept, units may follow.
    fn push(&mut self, packet: &RtpPayload<'_>) -> Result<(), DepacketizeError>;

    /// Says that `packets` (at least 1) are missing before the next `push`.
    fn lost(&mut self, packets: u32);

    /// The next whole unit, in decoding order.
    fn next(&mut self) -> Option<Depacketized>;

    /// What is known now, from SDP or from the stream; `None` while parameter sets are missing.
    fn format(&self) -> Option<FormatChange>;

    /// How many pictures may be decoded ahead of their presentation, as the parameter sets say;
    /// 0 when they say nothing. For [`DtsEstimator::set_depth`].
    fn reorder_depth(&self) -> usize {
        0
    }

    /// Access units dropped so far because a packet of theirs was lost or damaged, or because
    /// they cannot be decoded without a dropped RAP.
    fn dropped(&self) -> u64 {
        0
    }
}

/// A track of an SDP that can be received.
pub struct SdpTrack {
    pub depacketizer: Box<dyn Depacketizer>,
    pub track: crate::Track,
    /// Of the RTP timestamps; never 0. The sample rate of audio may differ: see its format.
    pub clock_rate: u32,
    /// Packets with another payload type do not belong to this depacketizer.
    pub payload_type: u8,
}

/// Why a media of an SDP cannot be received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Unsupported {
    pub what: String,
}

impl Kind for Unsupported {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Misconfigured
    }
}

pub mod aac;
pub mod g711;
pub mod h264;
pub mod h265;
pub mod mjpeg;
pub mod nal;
pub mod opus;

mod assembler;
mod bits;
mod dts;
#[cfg(test)]
mod foreign_tests;
mod sdp;
#[cfg(test)]
mod testing;
mod unit_buffer;

pub use dts::{DtsEstimator, Timing};
pub use sdp::depacketizer_for;
