//! From a moment to a JPEG: out of what was held on to, or out of footage.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use vigie_config::{StreamId, Utc};
use vigie_media::{
    AccessUnit, StreamFormat, Track,
    decode::kept_jpeg,
    format::{VideoCodec, VideoFormat, video_ticks},
};
use vigie_storage::{Storage, clip::ClipError};

/// What is recorded is in its file within a second.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(300);

/// A picture as what a decoder needs to make it: the last of the units.
pub struct Picture {
    pub units: Vec<Arc<AccessUnit>>,
    pub format: VideoFormat,
    /// When it began to be shown.
    pub shown: Utc,
}

impl Picture {
    /// Of units from a hub; `None`: there is no format yet.
    pub fn live(units: Vec<Arc<AccessUnit>>, shown: Utc) -> Option<Picture> {
        let format = units.last()?.format.video.clone()?;
        Some(Picture { units, format, shown })
    }

    /// The one that was shown at `at`, by the footage. Reads the disk.
    pub fn recorded(storage: &Arc<Storage>, stream: &StreamId, at: Utc) -> Result<Picture, ClipError> {
        let still = storage.still(stream, at)?;
        let codec = match &still.entry {
            b"avc1" | b"avc3" => VideoCodec::H264,
            b"hvc1" | b"hev1" => VideoCodec::H265,
            _ => VideoCodec::Mjpeg,
        };
        let format = VideoFormat {
            codec,
            width: still.width.into(),
            height: still.height.into(),
            fps: None,
            rfc6381: String::new(),
            parameter_sets: Vec::new(),
            decoder_config: still.decoder_config,
        };
        let of_stream = Arc::new(StreamFormat {
            video: Some(format.clone()),
            audio: None,
        });
        let units = still.units.into_iter().map(|unit| {
            Arc::new(AccessUnit {
                track: Track::Video,
                data: unit.data,
                dts: video_ticks(unit.dts_us),
                pts: video_ticks(unit.pts_us),
                utc: Utc::from_micros(unit.dts_us),
                rap: unit.rap,
                epoch: 0,
                format: of_stream.clone(),
                seq: 0,
            })
        });
        Ok(Picture {
            units: units.collect(),
            format,
            shown: still.shown,
        })
    }

    /// As [`Picture::recorded`], of footage that may be on its way to the disk.
    pub(super) async fn soon_recorded(
        storage: &Arc<Storage>,
        stream: &StreamId,
        at: Utc,
    ) -> Result<Picture, Box<dyn std::error::Error + Send + Sync>> {
        let mut left = TRIES;
        loop {
            let (own, of) = (storage.clone(), stream.clone());
            left -= 1;
            match tokio::task::spawn_blocking(move || Picture::recorded(&own, &of, at)).await? {
                Err(ClipError::NoFootage { .. })
                    if left > 0 && storage.last_recorded(stream).is_some_and(|end| end > at) =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                found => return Ok(found?),
            }
        }
    }

    pub async fn jpeg(self) -> Result<Bytes, vigie_media::decode::DecodeError> {
        kept_jpeg(self.units, &self.format).await
    }
}
