//! From fragments to a row: the one place where a segment's end, length and count are made,
//! whether it is being written or read back.

use super::{
    moov::{Moov, TrackKind},
    scan::FragmentInfo,
};
use crate::{
    clip::{Formats, formats},
    rows::SegmentRow,
    segment::SegmentStart,
    uuid::VolumeId,
};

/// What the whole fragments of a file add up to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentTally {
    /// Bytes up to the end of the last whole fragment.
    pub bytes: u64,
    pub units: u32,
    pub fragments: u32,
    pub init_len: u64,
    pub formats: Formats,
    /// µs since media time 0.
    video_end: Option<i64>,
    other_end: Option<i64>,
}

impl SegmentTally {
    /// `init`: of which `moov` is a part; its formats are taken from it.
    pub fn new(init_len: u64, init: &[u8]) -> Self {
        Self {
            bytes: init_len,
            init_len,
            formats: formats(init),
            ..Self::default()
        }
    }

    /// The same file without fragments.
    pub fn emptied(&self) -> Self {
        Self {
            bytes: self.init_len,
            init_len: self.init_len,
            formats: self.formats,
            ..Self::default()
        }
    }

    pub fn add(&mut self, fragment: &FragmentInfo) {
        self.bytes = fragment.offset + fragment.len;
        self.units = self.units.saturating_add(fragment.units);
        self.fragments = self.fragments.saturating_add(1);
        self.video_end = self.video_end.max(fragment.video_end_us);
        self.other_end = self.other_end.max(fragment.other_end_us);
    }

    /// µs since media time 0: of video where there is any.
    pub fn end_us(&self) -> i64 {
        self.video_end.or(self.other_end).unwrap_or(0)
    }

    pub fn row(&self, segment: &SegmentStart, volume: VolumeId) -> SegmentRow {
        SegmentRow {
            stream: segment.stream.clone(),
            start: segment.start,
            end: segment.start.plus_micros(self.end_us()),
            bytes: self.bytes,
            causes: segment.causes,
            volume,
            run: segment.run,
            number: segment.number,
            continued: segment.continued,
            synchronised: segment.synchronised,
            codec: segment.codec.clone(),
            units: self.units,
            init_bytes: u32::try_from(self.init_len).unwrap_or(u32::MAX),
            format: self.formats.format,
            audio_format: self.formats.audio_format,
        }
    }
}

/// Where a fragment's samples end, by track; see [`FragmentInfo`].
pub(super) fn ends(moov: &Moov, track: u32, end_us: i64) -> (Option<i64>, Option<i64>) {
    match moov.track(track).map(|t| t.kind) {
        Some(TrackKind::Video) => (Some(end_us), None),
        _ => (None, Some(end_us)),
    }
}
