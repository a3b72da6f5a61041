//! The access unit: what one instant of one track weighs, assembled once and shared by reference.

use std::sync::Arc;

use bytes::Bytes;
use vigie_config::Utc;

use crate::format::StreamFormat;

/// Which elementary stream of a camera's stream a unit belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Track {
    Video,
    Audio,
}

/// One coded picture (all its NAL units), or one packet of coded audio.
///
/// Sources produce these in decoding order and hand them to a [`crate::hub::Publisher`].
/// Cloning is cheap: `data` and `format` are counted references.
#[derive(Debug, Clone)]
pub struct AccessUnit {
    pub track: Track,
    /// H.264/H.265: NAL units, each after its length as 4 bytes big endian (ISO/IEC 14496-15).
    /// MJPEG: one whole JPEG. AAC: one raw access unit without ADTS. Opus: one packet.
    /// G.711: samples, one byte each.
    pub data: Bytes,
    /// Decoding time in ticks of [`AccessUnit::timescale`]; strictly growing within an `epoch`
    /// and a track. Its zero is arbitrary.
    pub dts: i64,
    /// Presentation time in the same ticks; `pts >= dts`.
    pub pts: i64,
    /// The host's wall clock at `dts`: follows the track's own clock, corrected slowly towards
    /// arrival times, so that neighbouring units are as evenly spaced as the camera made them.
    /// Video and audio of one stream share this clock: it is what keeps them in step.
    pub utc: Utc,
    /// Decoding can start here (IDR/CRA/BLA/IRAP with its parameter sets known; every JPEG;
    /// every audio packet).
    pub rap: bool,
    /// Grows by one whenever the timestamps jump (restart, new SSRC, 2-hour leap): `dts` of
    /// different epochs must not be compared. Shared by both tracks.
    pub epoch: u32,
    /// The stream's formats as known at this unit. A unit under a new format carries a new `Arc`:
    /// compare with `Arc::ptr_eq`. A video RAP never precedes its own format.
    pub format: Arc<StreamFormat>,
    /// Set by the hub: this stream's count of units, from 1, both tracks together, over all
    /// connections. A hole in it at a subscriber is a loss inside this process.
    pub seq: u64,
}

impl AccessUnit {
    /// Ticks per second of `dts` and `pts`: 90000 for video, the sample rate for audio.
    pub fn timescale(&self) -> u32 {
        match self.track {
            Track::Video => crate::format::VIDEO_TIMESCALE,
            Track::Audio => self.format.audio.as_ref().map_or(8000, |a| a.sample_rate),
        }
    }
}
