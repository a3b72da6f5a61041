//! One segment, as its recorder and its writer share it.

use std::{fmt, sync::OnceLock};

use vigie_config::Utc;

use crate::{
    fact::{InitSegment, Unsynced},
    segment::{Fragment, SegmentStart},
};

pub struct SegmentHandle {
    pub token: u64,
    pub segment: SegmentStart,
    pub init: InitSegment,
    /// The newest ledger line when it was asked for.
    pub created_seq: i64,
    /// Of another volume's rest: what ends no later that one had synced.
    pub confirmed_until: Option<Utc>,
    /// Why nothing more is taken.
    down: OnceLock<String>,
}

impl SegmentHandle {
    pub fn new(
        token: u64,
        segment: SegmentStart,
        init: InitSegment,
        created_seq: i64,
        confirmed_until: Option<Utc>,
    ) -> Self {
        Self {
            token,
            segment,
            init,
            created_seq,
            confirmed_until,
            down: OnceLock::new(),
        }
    }
    pub fn give_up(&self, why: impl Into<String>) {
        // The first reason counts.
        let _ = self.down.set(why.into());
    }
    pub fn down(&self) -> Option<&str> {
        self.down.get().map(String::as_str)
    }
    /// These of its fragments, for whoever finds another place for them.
    pub fn unsynced(&self, fragments: Vec<Fragment>) -> Unsynced {
        Unsynced {
            stream: self.segment.stream.clone(),
            segment: self.segment.clone(),
            init: self.init.clone(),
            fragments,
            confirmed_until: self.confirmed_until,
            created_seq: self.created_seq,
        }
    }
}

impl fmt::Debug for SegmentHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentHandle")
            .field("segment", &self.segment)
            .finish_non_exhaustive()
    }
}
