//! One disk's tree of footage: its identity, its writer, its sync.

mod snapshot;

use std::sync::Arc;

use vigie_config::{Causes, DiskId};

pub use snapshot::{VolumeSnapshot, VolumeState};

use crate::{
    error::WriteError,
    segment::{Fragment, SegmentStart},
    uuid::VolumeId,
};

/// A volume that is recorded on. Shared; all methods return at once.
#[derive(Debug)]
pub struct Volume {
    disk: DiskId,
    id: VolumeId,
}

impl Volume {
    pub fn disk(&self) -> &DiskId {
        &self.disk
    }
    pub fn id(&self) -> VolumeId {
        self.id
    }
    /// Queues a new file. `init` builds its head (`ftyp`, `moov`) from the tags it is given; it is
    /// called on the writer's thread, once or (another name, another volume) more often.
    pub fn start_segment(
        self: &Arc<Self>,
        segment: SegmentStart,
        init: impl Fn(&[(String, String)]) -> bytes::Bytes + Send + Sync + 'static,
    ) -> Result<SegmentWriter, WriteError> {
        let _ = (segment, init);
        Err(WriteError::VolumeDown {
            disk: self.disk.clone(),
            detail: "not yet".into(),
        })
    }
}

/// The one who appends to a segment. Dropping it finishes the segment.
#[derive(Debug)]
pub struct SegmentWriter {
    volume: Arc<Volume>,
}

impl SegmentWriter {
    /// Queues one fragment; never blocks. After an error start another segment: nothing of this
    /// fragment is in this one.
    pub fn append(&mut self, fragment: Fragment) -> Result<(), WriteError> {
        let _ = fragment;
        Err(WriteError::VolumeDown {
            disk: self.volume.disk.clone(),
            detail: "not yet".into(),
        })
    }
    /// Further reasons for which this segment is recorded: kept in the ledger.
    pub fn add_causes(&mut self, causes: Causes) {
        let _ = causes;
    }
    /// Bytes queued so far, head included.
    pub fn bytes(&self) -> u64 {
        0
    }
    /// No more fragments: the file is trimmed and its row goes to the index.
    pub fn finish(self) {}
}
