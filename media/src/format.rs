//! What a stream carries: codecs and everything a decoder or a file header needs to know.

use bytes::Bytes;
use serde::Serialize;

/// Ticks per second of all video timestamps (RFC 6184, 7798, 2435 all fix 90 kHz).
pub const VIDEO_TIMESCALE: u32 = 90_000;

/// Ticks of [`VIDEO_TIMESCALE`] in so many microseconds.
pub fn video_ticks(micros: i64) -> i64 {
    micros.saturating_mul(i64::from(VIDEO_TIMESCALE) / 10_000) / 100
}

/// Microseconds in so many ticks of [`VIDEO_TIMESCALE`].
pub fn video_micros(ticks: i64) -> i64 {
    ticks.saturating_mul(100) / (i64::from(VIDEO_TIMESCALE) / 10_000)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VideoCodec {
    H264,
    H265,
    Mjpeg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AudioCodec {
    Aac,
    Opus,
    /// G.711 µ-law
    Pcmu,
    /// G.711 A-law
    Pcma,
}

#[derive(Debug, Clone, PartialEq)]
pub struct VideoFormat {
    pub codec: VideoCodec,
    /// Displayed size in pixels (after cropping).
    pub width: u32,
    pub height: u32,
    /// From the parameter sets' timing, where they say it.
    pub fps: Option<f64>,
    /// RFC 6381: `avc1.640028`, `hvc1.1.6.L93.B0`; MJPEG: `mp4v.6c`.
    pub rfc6381: String,
    /// NAL units without length or start code: SPS, PPS (H.264, all ids, in order) or VPS, SPS,
    /// PPS (H.265). Empty for MJPEG.
    pub parameter_sets: Vec<Bytes>,
    /// Body of `avcC` or `hvcC` (ISO/IEC 14496-15). Empty for MJPEG.
    pub decoder_config: Bytes,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AudioFormat {
    pub codec: AudioCodec,
    /// Also the timescale of its units.
    pub sample_rate: u32,
    pub channels: u16,
    /// AAC: AudioSpecificConfig (ISO/IEC 14496-3). Opus: body of `dOps`. G.711: empty.
    pub decoder_config: Bytes,
    /// RFC 6381: `mp4a.40.2`, `opus`; G.711: `ulaw`, `alaw`.
    pub rfc6381: String,
}

/// Both tracks of a stream. A stream without video is not recorded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamFormat {
    pub video: Option<VideoFormat>,
    pub audio: Option<AudioFormat>,
}
