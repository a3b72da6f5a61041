//! What storage tells the actors: small facts, never a decision.

use std::{fmt, sync::Arc};

use vigie_config::{DiskId, StreamId, Utc};

use crate::{
    error::VolumeError,
    segment::{Fragment, SegmentStart},
};

/// Told from the volumes' own threads: do not block in it.
#[derive(Debug, Clone)]
pub enum StorageFact {
    /// Its file was deleted while it was being written: what was in it is lost.
    SegmentDeleted {
        disk: DiskId,
        stream: StreamId,
        start: Utc,
    },
    /// A file ended with an error, or could not be begun; the disk takes others. `unsynced` of it
    /// is lost unless it goes to another file. `folder`: of this stream every file would end so
    /// there, as long as its folder is what it is.
    SegmentDown {
        disk: DiskId,
        detail: String,
        folder: bool,
        unsynced: Arc<Vec<Unsynced>>,
    },
    /// Nothing more is written there until the volume is added again. `unsynced` may be lost:
    /// the same bytes can still go to another volume.
    VolumeFailed {
        disk: DiskId,
        error: VolumeError,
        unsynced: Arc<Vec<Unsynced>>,
    },
    /// A write or a sync has not returned for longer than it may, and there is no other disk in
    /// the group; told once. It may still come back: then everything is there.
    VolumeSlow {
        disk: DiskId,
        millis: u64,
    },
    /// Footage went because no room was left for a write, or there is less than half of
    /// `keep_free`. Told once, until there is `keep_free` again (under a quota: and nothing was
    /// refused for an hour).
    VolumeFull {
        disk: DiskId,
        /// The oldest footage goes; or else (`when_full`) nothing new is begun there.
        oldest_goes: bool,
    },
    /// Less free than `keep_free`, or more used than `max_size`: time for a retention pass.
    SpaceLow {
        disk: DiskId,
        free: u64,
    },
    /// The index cannot be written (full or broken `state_dir`); recording goes on.
    IndexDegraded {
        detail: String,
    },
    IndexBack,
}

/// What one segment had not yet on the device when its volume failed, in order.
#[derive(Clone)]
pub struct Unsynced {
    pub stream: StreamId,
    pub segment: SegmentStart,
    pub init: InitSegment,
    pub fragments: Vec<Fragment>,
    /// What ends no later a sync has covered, here or on another volume before: it is on that
    /// device unless that loses what it had confirmed.
    pub confirmed_until: Option<Utc>,
    /// The newest ledger line when the segment was asked for: gaps that opened later stay open.
    pub(crate) created_seq: i64,
}

impl Unsynced {
    /// What is missing if nobody takes it.
    pub fn missing(&self) -> Option<(Utc, Utc)> {
        let first = self.fragments.get(self.confirmed())?;
        Some((first.start, self.fragments.last()?.end))
    }

    /// How many, from the front, a sync has covered.
    pub fn confirmed(&self) -> usize {
        let until = self.confirmed_until;
        let mut all = self.fragments.iter();
        all.position(|fragment| until < Some(fragment.end))
            .unwrap_or(self.fragments.len())
    }
}

impl fmt::Debug for Unsynced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsynced")
            .field("stream", &self.stream)
            .field("start", &self.segment.start)
            .field("fragments", &self.fragments.len())
            .finish()
    }
}

/// Builds the head of a file (`ftyp`, `moov`) from its tags.
pub type InitSegment = Arc<dyn Fn(&[(String, String)]) -> bytes::Bytes + Send + Sync>;

/// Receives the facts.
pub type Facts = Arc<dyn Fn(StorageFact) + Send + Sync>;
