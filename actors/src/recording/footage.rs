//! The seam to storage: where segments go, and who is told of gaps.

use std::sync::Arc;

use vigie_config::{Causes, Kind, Utc};
use vigie_media::{StreamFormat, fmp4};
use vigie_storage::{SegmentStart, SegmentWriter, Storage, WriteError};

use super::gaps::GapFact;
use crate::{camera::CameraHandle, disks::Disks};

/// Why a segment or a fragment was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The same again later.
    #[error("{0}")]
    Wait(String),
    /// This segment takes no more: a new one, perhaps elsewhere.
    #[error("{0}")]
    Down(String),
    /// It will never be taken.
    #[error("{0}")]
    Unfit(String),
}

impl From<WriteError> for Refusal {
    fn from(error: WriteError) -> Self {
        let text = error.to_string();
        match error {
            WriteError::QueueFull { .. } => Refusal::Wait(text),
            WriteError::VolumeDown { .. } | WriteError::SegmentDown { .. } => Refusal::Down(text),
            WriteError::BadFragment { .. } => Refusal::Unfit(text),
        }
    }
}

/// Takes one stream's footage.
pub trait Footage: Send + Sync {
    /// Begins a file; `start.stream` is the stream.
    fn start(&self, start: SegmentStart, format: Arc<StreamFormat>) -> Result<Box<dyn Segment>, Refusal>;
    fn gap(&self, fact: GapFact);
    /// The footage from `from` on is recorded for this cause, one of several perhaps,
    fn mark_opened(&self, cause: Causes, from: Utc);
    /// up to `to`.
    fn mark_closed(&self, cause: Causes, to: Utc);
    /// Nothing is wanted from `at` on: what is missing then is no gap.
    fn ended(&self, at: Utc);
    /// So it stands: nothing was wanted so far.
    fn is_ended(&self) -> bool;
    /// End of the newest stored unit, of this run or an earlier one.
    fn last_recorded(&self) -> Option<Utc>;
}

/// A file being written; ended by dropping it.
pub trait Segment: Send {
    /// Returns at once; after `Ok` the fragment is the volume's to keep.
    fn append(&mut self, fragment: &fmp4::Fragment) -> Result<(), Refusal>;
    /// It will take nothing more.
    fn is_over(&self) -> bool;
}

/// One camera's disk group.
pub struct DiskGroup {
    pub storage: Arc<Storage>,
    pub disks: Arc<Disks>,
    pub camera: Arc<CameraHandle>,
    pub stream: vigie_config::StreamId,
}

impl Footage for DiskGroup {
    fn start(&self, start: SegmentStart, format: Arc<StreamFormat>) -> Result<Box<dyn Segment>, Refusal> {
        // Once here, so that it cannot fail on the volume's thread.
        fmp4::init_segment(&format, &[]).map_err(|error| Refusal::Unfit(error.to_string()))?;
        let group = self.camera.config().disk_group.clone();
        let Some(volume) = self.disks.place(&start.stream, &group) else {
            let why = self.disks.why_none(&start.stream, &group);
            return Err(Refusal::Wait(
                why.unwrap_or_else(|| format!("a disk of group {group} came just now")),
            ));
        };
        let init = move |tags: &[(String, String)]| fmp4::init_segment(&format, tags).unwrap_or_default();
        let writer = volume.start_segment(start, init).map_err(|error| match error.kind() {
            // The disk's actor takes it out soon; then another one is placed on.
            vigie_config::ErrorKind::Unavailable => Refusal::Wait(error.to_string()),
            _ => Refusal::from(error),
        })?;
        Ok(Box::new(writer))
    }

    fn gap(&self, fact: GapFact) {
        let (storage, stream) = (&self.storage, &self.stream);
        match fact {
            GapFact::Opened { start, cause } => storage.gap_opened(stream, start, cause),
            GapFact::Cause { at, cause } => storage.gap_cause(stream, at, cause),
            GapFact::Closed { end } => storage.gap_closed(stream, end),
        }
    }

    fn mark_opened(&self, cause: Causes, from: Utc) {
        self.storage.mark_opened(&self.stream, cause, from);
    }

    fn mark_closed(&self, cause: Causes, to: Utc) {
        self.storage.mark_closed(&self.stream, cause, to);
    }

    fn ended(&self, at: Utc) {
        self.storage.recording_ended(&self.stream, at);
    }

    fn is_ended(&self) -> bool {
        self.storage.is_ended(&self.stream)
    }

    fn last_recorded(&self) -> Option<Utc> {
        self.storage.last_recorded(&self.stream)
    }
}

impl Segment for SegmentWriter {
    fn append(&mut self, fragment: &fmp4::Fragment) -> Result<(), Refusal> {
        SegmentWriter::append(self, storable(fragment)).map_err(Refusal::from)
    }

    fn is_over(&self) -> bool {
        SegmentWriter::is_over(self)
    }
}

/// The same fragment in storage's words; shares the media.
pub(super) fn storable(fragment: &fmp4::Fragment) -> vigie_storage::Fragment {
    vigie_storage::Fragment {
        header: fragment.header.clone(),
        media: fragment.media.clone(),
        start: fragment.start,
        end: fragment.end,
        units: fragment.units,
        rap: fragment.rap,
    }
}
