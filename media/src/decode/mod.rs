//! Pictures out of access units: one for a snapshot ([`snapshot_jpeg`], [`kept_jpeg`]), all of a
//! stream ([`Pictures`]).
//!
//! Belongs here: decoding in this process through GStreamer, with whatever decoder ranks highest
//! on this machine (hardware first, `libav` otherwise).
//! Does not belong here: which units are wanted (the caller hands over a GOP up to the wanted one).

mod jpeg;
mod pictures;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};
use vigie_config::{ErrorKind, Kind};

pub use pictures::{Picture, Pictures};

use crate::{
    access_unit::AccessUnit,
    format::{VideoCodec, VideoFormat},
    gst::GstError,
};

/// Decoders at work at once in this process; others wait for their turn.
const AT_ONCE: usize = 2;
/// For waiting and decoding together.
const TIMEOUT: Duration = Duration::from_secs(10);

static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);
/// One more, for pictures that are kept only: whoever looks, and however often, does not hold it.
static KEPT: Semaphore = Semaphore::const_new(1);

#[derive(Debug, Clone, thiserror::Error)]
pub enum DecodeError {
    #[error("no picture: no random access point among {units} units")]
    NoRap { units: usize },
    #[error("no picture within {} s", TIMEOUT.as_secs())]
    Timeout,
    #[error("{codec:?} cannot be decoded: {why}")]
    Corrupt { codec: VideoCodec, why: String },
    #[error(transparent)]
    GStreamer(#[from] GstError),
}

impl Kind for DecodeError {
    fn kind(&self) -> ErrorKind {
        match self {
            DecodeError::NoRap { .. } => ErrorKind::Unavailable,
            DecodeError::Timeout => ErrorKind::Timeout,
            DecodeError::Corrupt { .. } => ErrorKind::Corrupt,
            DecodeError::GStreamer(error) => error.kind(),
        }
    }
}

/// The last of `units` as JPEG, at most `max_width` pixels wide.
///
/// `units`: video of one format from a RAP up to the wanted unit, in decoding order. MJPEG is
/// passed through unless it is too wide. Waits for one of [`AT_ONCE`] turns; a dropped future ends
/// its decoder.
pub async fn snapshot_jpeg(
    units: Vec<Arc<AccessUnit>>,
    format: &VideoFormat,
    max_width: Option<u32>,
) -> Result<Bytes, DecodeError> {
    jpeg_of(units, format, max_width, TURNS.acquire()).await
}

/// As [`snapshot_jpeg`], of a picture that is kept, such as that of an event's moment: it also has a
/// turn of its own.
pub async fn kept_jpeg(units: Vec<Arc<AccessUnit>>, format: &VideoFormat) -> Result<Bytes, DecodeError> {
    let turn = async {
        tokio::select! {
            biased;
            turn = KEPT.acquire() => turn,
            turn = TURNS.acquire() => turn,
        }
    };
    jpeg_of(units, format, None, turn).await
}

async fn jpeg_of(
    units: Vec<Arc<AccessUnit>>,
    format: &VideoFormat,
    max_width: Option<u32>,
    turn: impl Future<Output = Result<SemaphorePermit<'static>, AcquireError>>,
) -> Result<Bytes, DecodeError> {
    let begin = units
        .iter()
        .rposition(|unit| unit.rap && unit.track == crate::Track::Video);
    let units = begin
        .and_then(|begin| units.get(begin..))
        .ok_or(DecodeError::NoRap { units: units.len() })?;
    let shrink = max_width.filter(|most| (1..format.width).contains(most));
    if format.codec == VideoCodec::Mjpeg && shrink.is_none() {
        return units
            .last()
            .map(|unit| unit.data.clone())
            .ok_or(DecodeError::NoRap { units: 0 });
    }
    let decoded = async {
        let _turn = turn.await.map_err(|_| DecodeError::Timeout)?;
        jpeg::decode(units, format, shrink).await
    };
    tokio::time::timeout(TIMEOUT, decoded)
        .await
        .unwrap_or(Err(DecodeError::Timeout))
}

#[cfg(test)]
mod tests;
