//! The writer against three readers: a demuxer of our own, `mp4-atom`, and ffmpeg.

#![allow(clippy::unwrap_used)]

mod demux;
mod peers;
mod writer;

use std::sync::Arc;

use bytes::Bytes;
use vigie_config::Utc;

use crate::{AccessUnit, AudioCodec, AudioFormat, StreamFormat, Track, VideoCodec, VideoFormat};

pub const START: i64 = 1_763_632_860_123_000;

/// A format for tests that look at boxes only.
pub fn plain_format() -> Arc<StreamFormat> {
    Arc::new(StreamFormat {
        video: Some(VideoFormat {
            codec: VideoCodec::H264,
            width: 640,
            height: 360,
            fps: None,
            rfc6381: "avc1.64001e".into(),
            parameter_sets: vec![],
            decoder_config: Bytes::from_static(&[1, 0x64, 0, 0x1e, 0xff, 0xe0, 0]),
        }),
        audio: Some(AudioFormat {
            codec: AudioCodec::Aac,
            sample_rate: 8000,
            channels: 1,
            decoder_config: Bytes::from_static(&[0x15, 0x88]),
            rfc6381: "mp4a.40.2".into(),
        }),
    })
}

pub fn unit(format: &Arc<StreamFormat>, track: Track, dts: i64, rap: bool, data: Vec<u8>) -> AccessUnit {
    let mut unit = AccessUnit {
        track,
        data: data.into(),
        dts,
        pts: dts,
        utc: Utc::from_micros(START),
        rap,
        epoch: 0,
        format: format.clone(),
        seq: 0,
    };
    unit.utc = Utc::from_micros(START + dts * 1_000_000 / i64::from(unit.timescale()));
    unit
}
