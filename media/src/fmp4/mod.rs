//! Fragmented MP4 (ISO/IEC 14496-12): the init segment and the fragments after it.
//!
//! ```text
//! ftyp moov(mvhd trak… mvex meta) │ moof(mfhd traf…) mdat │ moof mdat │ …
//! ```
//! Track 1 is video (timescale 90000), track 2 audio (timescale: its sample rate). Every `moof`
//! holds one `traf` a track at most, with `default-base-is-moof`, a 64-bit `tfdt` and one `trun`;
//! `mdat` holds the video samples, then the audio samples. Media time 0 is the decoding time of
//! the first video unit. There is no edit list.
//!
//! The writer is pure: it never copies media, it only lists it. Boxes are written by hand, for
//! `mp4-atom` has no `mp4v` and re-writes `avcC`/`hvcC` from what it understood of them; it is
//! the independent reader of the tests.
//!
//! Does not belong here: when to cut (`vigie-actors`), files (`vigie-storage`).

mod boxes;
mod fragment;
mod init;
mod live;
mod sample_entry;
#[cfg(test)]
mod tests;
mod timeline;

pub use fragment::{Fragment, FragmentBuilder, Last};
pub use init::init_segment;
pub use live::LiveFragments;

use vigie_config::{ErrorKind, Kind};

use crate::{AudioCodec, StreamFormat, format::VIDEO_TIMESCALE};

pub const VIDEO_TRACK: u32 = 1;
pub const AUDIO_TRACK: u32 = 2;

/// A format that cannot be written as MP4.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fmp4Error {
    #[error("stream has neither video nor audio: nothing to write")]
    NoTrack,
    #[error("{codec} has no decoder configuration: wait for the camera's parameter sets")]
    NoDecoderConfig { codec: &'static str },
    #[error("picture of {width}×{height} does not fit MP4: at most 65535 each way")]
    PictureSize { width: u32, height: u32 },
    #[error("{codec:?} is not stored as it comes: encode it as AAC first")]
    NotStorable { codec: AudioCodec },
}

impl Kind for Fmp4Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Fmp4Error::NotStorable { .. } => ErrorKind::Bug,
            _ => ErrorKind::Corrupt,
        }
    }
}

/// RFC 6381 `codecs`, video first, comma separated: `avc1.640028,mp4a.40.2`.
pub fn codecs(format: &StreamFormat) -> String {
    let video = format.video.as_ref().map(|v| v.rfc6381.as_str());
    let audio = format.audio.as_ref().map(|a| a.rfc6381.as_str());
    video.into_iter().chain(audio).collect::<Vec<_>>().join(",")
}

/// The `video/mp4; codecs="…"` of MSE.
pub fn mime(format: &StreamFormat) -> String {
    let kind = if format.video.is_some() { "video" } else { "audio" };
    format!("{kind}/mp4; codecs=\"{}\"", codecs(format))
}

fn audio_timescale(format: &StreamFormat) -> u32 {
    format.audio.as_ref().map_or(VIDEO_TIMESCALE, |a| a.sample_rate.max(1))
}
