//! Segments and gaps as real cameras leave them.

use anyhow::Result;
use ulid::Ulid;
use vigie_config::{CameraId, Causes, GapCause, StreamId, StreamName, Utc};
use vigie_storage::{GapRow, SegmentRow, VolumeId};

pub const MINUTE_US: i64 = 60_000_000;
pub const HOUR_US: i64 = 60 * MINUTE_US;
pub const DAY_US: i64 = 24 * HOUR_US;
/// At least.
pub const SEGMENT_BYTES: u64 = 30_000_000;
const CODEC: &str = "avc1.640028,mp4a.40.2";

pub fn camera(n: usize) -> String {
    format!("camera-{n:03}")
}

pub fn streams(count: usize) -> Result<Vec<StreamId>> {
    let stream = |n| Ok(StreamId::new(CameraId::new(&camera(n))?, StreamName::Main));
    (0..count).map(stream).collect()
}

/// Lengths and sizes are spread as real ones are, or the packing would look better than it is.
pub fn segment(stream: &StreamId, minute: i64, volume: VolumeId) -> SegmentRow {
    let begin = |minute: i64| Utc::from_micros(minute * MINUTE_US + (minute * 7919).rem_euclid(40_000));
    let noise = (minute * 2_654_435_761).rem_euclid(1_000_003) as u64;
    SegmentRow {
        stream: stream.clone(),
        start: begin(minute),
        end: begin(minute + 1),
        bytes: SEGMENT_BYTES + noise,
        causes: Causes::SCHEDULE,
        volume,
        // A new run each day.
        run: Ulid::from((minute / 1440) as u128),
        number: (minute % 1440) as u32,
        continued: false,
        synchronised: true,
        codec: CODEC.into(),
        units: 4300 + (noise % 3) as u32,
        init_bytes: 1400,
        format: 0xabcd,
        audio_format: 0x1234,
    }
}

/// One in the morning of each day.
pub fn gap(stream: &StreamId, minute: i64) -> Option<GapRow> {
    let start = Utc::from_micros(minute * MINUTE_US + 10_000_000);
    (minute.rem_euclid(1440) == 300).then(|| GapRow {
        stream: stream.clone(),
        start,
        end: Some(start.plus_micros(30_000_000)),
        cause: GapCause::Network,
    })
}
