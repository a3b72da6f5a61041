//! Pictures on a volume: beside the footage and past its writer, which they never hold up.
//!
//! They are synced with the footage, by the volume's own tick: no picture costs a sync.

use std::{io, sync::atomic::Ordering};

use vigie_config::Utc;

use super::Volume;
use crate::{
    retention::Walk,
    shelf::{Shelf, shelves_on},
    snapshots::{SnapshotId, is_whole},
};

/// No picture is larger: what a 100 megapixel camera sends.
const LARGEST: u64 = 64 << 20;

/// A sync that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncTicket(u64);

impl Volume {
    /// Writes a picture; what it needs to be durable is a sync ([`Volume::sync_ticket`]). One that
    /// is there whole already is left as it is. On a full disk the oldest goes, as for footage.
    pub fn put_snapshot(&self, id: &SnapshotId, jpeg: &[u8]) -> io::Result<()> {
        self.check_up().map_err(io::Error::other)?;
        self.check_in_place().map_err(io::Error::other)?;
        match self.write_snapshot(id, jpeg) {
            Err(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
                match self.make_room(jpeg.len() as u64) {
                    0 => Err(error),
                    _ => self.write_snapshot(id, jpeg),
                }
            }
            written => written,
        }
    }

    fn write_snapshot(&self, id: &SnapshotId, jpeg: &[u8]) -> io::Result<()> {
        let path = id.path();
        // Retention may take an empty folder away in between.
        let create = || {
            self.root.create_dirs(path.parent().unwrap_or(&path))?;
            self.root.create_new(&path)
        };
        let mut created = create();
        if matches!(&created, Err(error) if error.kind() == io::ErrorKind::NotFound) {
            created = create();
        }
        if matches!(&created, Err(error) if error.kind() == io::ErrorKind::AlreadyExists) {
            if is_whole(&self.root.read(&path, LARGEST)?) {
                return Ok(());
            }
            self.root.remove(&path)?;
            created = create();
        }
        let written = created?.write_at(&[jpeg], 0);
        match &written {
            Ok(()) => self.snapshot_added(id, self.root.allocated(&path).unwrap_or(0)),
            Err(_) => drop(self.root.remove(&path)),
        }
        written
    }

    /// `None`: not there, or only a part of it.
    pub(crate) fn snapshot_bytes_of(&self, id: &SnapshotId) -> Option<Vec<u8>> {
        let jpeg = self.root.read(&id.path(), LARGEST).ok()?;
        is_whole(&jpeg).then_some(jpeg)
    }

    /// What was written before this call is on the device when [`Volume::is_synced`] says so.
    pub fn sync_ticket(&self) -> SyncTicket {
        self.held.dirty();
        // The one in progress does not count.
        SyncTicket(self.tick_wake.done() + 2)
    }

    pub fn is_synced(&self, ticket: SyncTicket) -> bool {
        !self.has_failed() && self.tick_wake.done() >= ticket.0
    }

    /// Before its tick: somebody waits, and the tick is long.
    pub fn sync_soon(&self) {
        self.tick_wake.sync_now();
    }

    /// Reads the snapshots' folders once, to know how much they take; `False`: that was known.
    pub(crate) fn count_snapshots(&self) -> io::Result<bool> {
        if self.snapshots_counted.load(Ordering::SeqCst) {
            return Ok(false);
        }
        for shelf in shelves_on(&self.root)? {
            if let Shelf::Snapshots(_) = &shelf {
                let older = Walk::new(&self.root, &shelf).filter(|file| file.what.start() < self.opened);
                older.for_each(|file| self.stats.snapshot_bytes.add(file.bytes));
            }
        }
        self.snapshots_counted.store(true, Ordering::SeqCst);
        Ok(true)
    }

    /// What is older than this opening the count finds; a file too many or too few while it runs is
    /// no matter.
    fn snapshot_added(&self, id: &SnapshotId, bytes: u64) {
        if id.at >= self.opened || self.snapshots_counted.load(Ordering::SeqCst) {
            self.stats.snapshot_bytes.add(bytes);
        }
    }

    pub(crate) fn snapshot_removed(&self, at: Utc, bytes: u64) {
        if at >= self.opened || self.snapshots_counted.load(Ordering::SeqCst) {
            self.stats.snapshot_bytes.sub(bytes);
        }
    }

    /// What the pictures take on the device; `None`: not counted yet.
    pub(crate) fn snapshot_bytes(&self) -> Option<u64> {
        let counted = self.snapshots_counted.load(Ordering::SeqCst);
        counted.then(|| self.stats.snapshot_bytes.get())
    }

    /// Footage and pictures, as far as they are counted.
    pub(crate) fn used_bytes(&self) -> u64 {
        let snapshots = self.stats.snapshot_bytes.get();
        self.stats.footage_bytes.get().saturating_add(snapshots)
    }
}
