//! Footage on disk: nothing lost, nothing silent.
//!
//! ```text
//! SegmentWriter ──▶ queue ──▶ writer thread ──▶ files      one of each per volume
//!                                  │               ▲
//!                                  │          sync thread (syncfs each tick)
//!                                  ▼
//!                              catalog ──▶ index (a cache of files + ledger)
//! ```
//! Belongs here: volumes, segments, the gap ledger, the index, retention, recovery, accounts.
//! Does not belong here: codecs and boxes of media (`vigie-media`), decisions (`vigie-actors`).

pub mod error;
pub mod fact;
pub mod layout;
pub mod options;
pub mod retention;
pub mod rows;
pub mod segment;
pub mod storage;
pub mod uuid;
pub mod volume;

pub use error::{StorageError, VolumeError, WriteError};
pub use fact::{Facts, InitSegment, StorageFact, Unsynced};
pub use options::StorageOptions;
pub use retention::{Lock, Reason, RetentionReport, RetentionRules};
pub use rows::{GapRow, Recordings, SegmentRow};
pub use segment::{Fragment, SegmentStart};
pub use storage::{IndexState, Storage};
pub use uuid::{RecorderId, VolumeId};
pub use volume::{SegmentWriter, Volume, VolumeSnapshot, VolumeState};
