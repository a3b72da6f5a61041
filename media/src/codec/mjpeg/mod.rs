//! MJPEG: its RTP payload format (RFC 2435), which leaves the JPEG headers out.

mod depacketizer;
mod headers;

pub(super) use depacketizer::MjpegDepacketizer;

use bytes::Bytes;

use crate::format::{VideoCodec, VideoFormat};

/// The format of JPEG pictures of this size.
pub fn video_format(width: u32, height: u32) -> VideoFormat {
    VideoFormat {
        codec: VideoCodec::Mjpeg,
        width,
        height,
        fps: None,
        rfc6381: "mp4v.6c".to_owned(),
        parameter_sets: Vec::new(),
        decoder_config: Bytes::new(),
    }
}

#[cfg(test)]
mod tests;
