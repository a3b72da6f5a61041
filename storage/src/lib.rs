//! Footage on disk: nothing lost, nothing silent.
//!
//! ```text
//! SegmentWriter ──▶ queue ──▶ writer thread ──▶ files      one of each per volume
//!                                  │               ▲
//!                                  │          sync thread (syncfs each tick)
//!                                  ▼
//!                              catalog ──▶ index (a cache of files + ledger)
//! ```
//! Belongs here: volumes, segments, the ledger of gaps and marks, the index, retention, recovery,
//! accounts, the audit log, the log of events, what devices say of themselves.
//! Does not belong here: codecs and boxes of media (`vigie-media`), decisions (`vigie-actors`).

pub mod accounts;
pub mod audit;
pub mod backup;
mod catalog;
pub mod clip;
pub mod deletions;
pub mod device;
pub mod error;
pub mod events;
pub mod fact;
pub mod file;
pub mod history;
pub mod index;
mod journal;
pub mod kept;
pub mod layout;
pub mod layouts;
pub mod ledger;
mod line;
pub mod locks;
pub mod mp4;
mod note;
pub mod options;
pub mod outbox;
pub mod preferences;
pub mod rebuild;
pub mod recovery;
pub mod retention;
pub mod rows;
pub mod segment;
mod shelf;
pub mod snapshots;
mod state;
pub mod storage;
pub mod subscriptions;
pub mod tags;
pub mod timeline;
pub mod uuid;
pub mod volume;

pub use error::{StorageError, VolumeError, WriteError};
pub use fact::{Facts, InitSegment, StorageFact, Unsynced};
pub use note::NoteError;
pub use options::StorageOptions;
pub use retention::{Deleted, Lock, Reason, RetentionReport, RetentionRules};
pub use rows::{GapRow, MarkRow, Recordings, SegmentRow};
pub use segment::{Fragment, SegmentStart};
pub use shelf::{Shelf, What};
pub use state::write_atomically;
pub use storage::{
    Adopted, CheckReport, DeleteError, Erasure, Extent, Holding, Holdings, IndexState, PrepareError, Prepared,
    RebuildReport, Storage, Survey, UpkeepError, Whose, inspect,
};
pub use uuid::{RecorderId, VolumeId};
pub use volume::{Limits, SegmentWriter, SyncTicket, Volume, VolumeSnapshot, VolumeState};
