//! The index: which segments and gaps there are, found by stream and time.
//!
//! A cache of what is on the volumes: it may be lost, never lie. Belongs here: keys, packed
//! rows, sled. Does not belong here: reading volumes (the recovery and the rebuild hand rows in).
//!
//! Every change is in memory first and visible at once; [`Index::flush`] writes all of it,
//! checkpoints included, as one batch that is on the device when the call returns. So after a
//! crash the index is that of some flush, and the checkpoints in it say which. Where the folder
//! is full, read-only or broken, changes stay in memory until a flush succeeds.

mod base;
mod check;
mod error;
mod key;
mod packed;
mod pending;
#[cfg(test)]
mod scale;
#[cfg(test)]
mod tests;
mod varint;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use vigie_config::{StreamId, Utc};

pub use check::Differences;
pub use error::IndexError;

use base::{Base, Entries, Entry};
use error::Fault;
use key::Kind;
use pending::Pending;

use crate::{
    rows::{GapRow, SegmentRow},
    uuid::VolumeId,
};

/// What [`Index::open`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// As it was left by the last flush.
    Found,
    /// There was none.
    Fresh,
    /// It was broken; this is a new one. There are no checkpoints in it.
    SetAside { to: PathBuf, why: String },
    /// The folder cannot be used: everything is in memory.
    Memory { error: IndexError },
}

pub struct Index {
    /// `None`: never on disk.
    dir: Option<PathBuf>,
    /// One flush at a time; locked before `inner`.
    flushing: Mutex<()>,
    inner: Mutex<Inner>,
}

struct Inner {
    base: Option<Base>,
    /// Why there is no base, and whether to try again.
    down: Option<Down>,
    pending: Pending,
}

struct Down {
    error: IndexError,
    for_good: bool,
}

impl Index {
    /// Never fails: see [`Opening`]. `dir` must be on a local file system.
    pub fn open(dir: &Path) -> (Index, Opening) {
        let index = Index {
            dir: Some(dir.to_owned()),
            flushing: Mutex::new(()),
            inner: Mutex::new(Inner {
                base: None,
                down: None,
                pending: Pending::default(),
            }),
        };
        let opening = match Base::open(dir) {
            Ok((base, fresh)) => {
                index.lock().base = Some(base);
                if fresh { Opening::Fresh } else { Opening::Found }
            }
            Err(fault) => match index.went_wrong(dir, None, fault) {
                IndexError::SetAside { to, why } => match index.lock().down.as_ref() {
                    Some(down) => Opening::Memory {
                        error: down.error.clone(),
                    },
                    None => Opening::SetAside { to, why },
                },
                error => Opening::Memory { error },
            },
        };
        (index, opening)
    }

    /// Only in memory: what an index is compared with.
    pub fn in_memory() -> Index {
        Index {
            dir: None,
            flushing: Mutex::new(()),
            inner: Mutex::new(Inner {
                base: None,
                down: None,
                pending: Pending::default(),
            }),
        }
    }

    /// Why changes stay in memory, if they do.
    pub fn degraded(&self) -> Option<IndexError> {
        self.lock().down.as_ref().map(|down| down.error.clone())
    }

    /// A row of the same stream, start and volume is replaced.
    pub fn put_segment(&self, row: &SegmentRow) -> Result<(), IndexError> {
        self.change_segments(&row.stream, row.start, |rows| {
            match rows.binary_search_by_key(&identity(row), identity) {
                Ok(at) => {
                    if let Some(slot) = rows.get_mut(at) {
                        *slot = row.clone();
                    }
                }
                Err(at) => rows.insert(at, row.clone()),
            }
        })
    }

    /// Nothing happens when there is no such row.
    pub fn remove_segment(&self, stream: &StreamId, start: Utc, volume: VolumeId) -> Result<(), IndexError> {
        self.change_segments(stream, start, |rows| {
            rows.retain(|row| identity(row) != (start, volume))
        })
    }

    /// A row of the same stream and start is replaced; this also closes an open gap.
    pub fn put_gap(&self, row: &GapRow) -> Result<(), IndexError> {
        self.change_gaps(&row.stream, row.start, |rows| {
            match rows.binary_search_by_key(&row.start, |row| row.start) {
                Ok(at) => {
                    if let Some(slot) = rows.get_mut(at) {
                        *slot = row.clone();
                    }
                }
                Err(at) => rows.insert(at, row.clone()),
            }
        })
    }

    /// Nothing happens when there is no such row.
    pub fn remove_gap(&self, stream: &StreamId, start: Utc) -> Result<(), IndexError> {
        self.change_gaps(stream, start, |rows| rows.retain(|row| row.start != start))
    }

    /// Everything that touches [`from`, `to`), by start.
    pub fn segments(&self, stream: &StreamId, from: Utc, to: Utc) -> Result<Vec<SegmentRow>, IndexError> {
        // One bucket earlier: a segment that began at the end of an hour reaches into the next.
        let first = key::bucket(Kind::Segments, stream, key::hour(from).saturating_sub(1));
        let last = key::bucket(Kind::Segments, stream, key::hour(to).saturating_add(1));
        let mut found = Vec::new();
        for (key, value) in self.entries(&first, &last)? {
            let rows = unpack_segments(&key, &value)?;
            found.extend(
                rows.into_iter()
                    .filter(|row| row.start < to && (row.end > from || row.start >= from)),
            );
        }
        Ok(found)
    }

    /// Everything that touches [`from`, `to`), by start. Rows of one stream do not overlap.
    pub fn gaps(&self, stream: &StreamId, from: Utc, to: Utc) -> Result<Vec<GapRow>, IndexError> {
        let first = key::bucket(Kind::Gaps, stream, key::hour(from));
        let last = key::bucket(Kind::Gaps, stream, key::hour(to).saturating_add(1));
        // A gap may have begun any time ago: then it is the last one before this hour.
        let earlier = self.last_entry(&key::prefix(Kind::Gaps, stream), &first)?;
        let mut found = Vec::new();
        for (key, value) in earlier.into_iter().chain(self.entries(&first, &last)?) {
            let rows = unpack_gaps(&key, &value)?;
            let touches = |row: &GapRow| row.start < to && (row.start >= from || row.end.is_none_or(|end| end > from));
            found.extend(rows.into_iter().filter(touches));
        }
        Ok(found)
    }

    /// The segment that began last.
    pub fn last_segment(&self, stream: &StreamId) -> Result<Option<SegmentRow>, IndexError> {
        let (from, to) = (key::prefix(Kind::Segments, stream), key::behind(Kind::Segments, stream));
        match self.last_entry(&from, &to)? {
            Some((key, value)) => Ok(unpack_segments(&key, &value)?.pop()),
            None => Ok(None),
        }
    }

    /// End of the newest footage.
    pub fn last_end(&self, stream: &StreamId) -> Result<Option<Utc>, IndexError> {
        let (from, to) = (key::prefix(Kind::Segments, stream), key::behind(Kind::Segments, stream));
        match self.last_entry(&from, &to)? {
            Some((key, value)) => Ok(unpack_segments(&key, &value)?.into_iter().map(|row| row.end).max()),
            None => Ok(None),
        }
    }

    /// The gap that began last.
    pub fn last_gap(&self, stream: &StreamId) -> Result<Option<GapRow>, IndexError> {
        let (from, to) = (key::prefix(Kind::Gaps, stream), key::behind(Kind::Gaps, stream));
        match self.last_entry(&from, &to)? {
            Some((key, value)) => Ok(unpack_gaps(&key, &value)?.pop()),
            None => Ok(None),
        }
    }

    /// Every stream with a segment or a gap.
    pub fn streams(&self) -> Result<Vec<StreamId>, IndexError> {
        let mut found = BTreeSet::new();
        for kind in [Kind::Segments, Kind::Gaps] {
            let (mut from, to) = (vec![kind as u8], [kind as u8 + 1]);
            while let Some(key) = self.first_key(&from, &to)? {
                let (stream, _) = key::parse(&key).ok_or_else(|| corrupt_key(&key))?;
                from = key::behind(kind, &stream);
                found.insert(stream);
            }
        }
        Ok(found.into_iter().collect())
    }

    /// How far a volume is known, in the words of whoever sets it. `None`: not at all, so all of
    /// the volume has to be read.
    pub fn checkpoint(&self, volume: VolumeId) -> Result<Option<Vec<u8>>, IndexError> {
        let key = key::checkpoint(volume);
        let Some(value) = self.value(&key)? else {
            return Ok(None);
        };
        match value.split_last_chunk::<4>() {
            Some((body, crc)) if u32::from_le_bytes(*crc) == packed::checksum(&key, body) => Ok(Some(body.to_vec())),
            _ => Err(corrupt_key(&key)),
        }
    }

    /// True from the next flush on, together with every row put before it.
    pub fn set_checkpoint(&self, volume: VolumeId, mark: &[u8]) {
        let key = key::checkpoint(volume);
        let crc = packed::checksum(&key, mark).to_le_bytes();
        self.lock().pending.put(key, [mark, &crc].concat());
    }

    /// The volume has to be read from its beginning at the next opportunity.
    pub fn forget_checkpoint(&self, volume: VolumeId) {
        self.lock().pending.remove(key::checkpoint(volume));
    }

    /// Writes all changes; on the device when this returns. After an error they are still in
    /// memory and the next flush tries again. [`IndexError::SetAside`]: what was flushed before
    /// is lost from the index, read all volumes.
    pub fn flush(&self) -> Result<(), IndexError> {
        let Some(dir) = &self.dir else { return Ok(()) };
        let _one = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        let (base, snapshot) = {
            let inner = self.lock();
            if let Some(down) = inner.down.as_ref().filter(|down| down.for_good) {
                return Err(down.error.clone());
            }
            if inner.base.is_some() && inner.pending.is_empty() {
                return Ok(());
            }
            (inner.base.clone(), inner.pending.snapshot())
        };
        let base = match base {
            Some(base) => base,
            None => match Base::open(dir) {
                Ok((base, _)) => base,
                Err(fault) => return Err(self.went_wrong(dir, None, fault)),
            },
        };
        let written = snapshot.changes(&base).and_then(|changes| base.write(dir, &changes));
        match written {
            Ok(()) => {
                let mut inner = self.lock();
                inner.pending.forget(&snapshot);
                inner.base = Some(base);
                inner.down = None;
                Ok(())
            }
            Err(fault) => Err(self.went_wrong(dir, Some(base), fault)),
        }
    }

    /// Forgets everything, checkpoints too: the beginning of a rebuild.
    pub fn clear(&self) -> Result<(), IndexError> {
        let _one = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut inner = self.lock();
        inner.pending = Pending::default();
        let Some(dir) = &self.dir else { return Ok(()) };
        if let Some(down) = inner.down.as_ref().filter(|down| down.for_good) {
            return Err(down.error.clone());
        }
        if let Some(base) = inner.base.take() {
            base.close();
        }
        let opened = match std::fs::remove_dir_all(dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Base::open(dir),
        };
        match opened {
            Ok((base, _)) => {
                inner.base = Some(base);
                inner.down = None;
                Ok(())
            }
            Err(fault) => {
                drop(inner);
                Err(self.went_wrong(dir, None, fault))
            }
        }
    }

    /// Bytes on disk.
    pub fn size(&self) -> u64 {
        let base = self.lock().base.clone();
        base.and_then(|base| base.size_on_disk().ok()).unwrap_or(0)
    }

    fn change_segments(
        &self,
        stream: &StreamId,
        start: Utc,
        change: impl FnOnce(&mut Vec<SegmentRow>),
    ) -> Result<(), IndexError> {
        let hour = key::hour(start);
        let key = key::bucket(Kind::Segments, stream, hour);
        self.change(key, |key, old| {
            let mut rows = old.map_or(Ok(Vec::new()), |old| unpack_segments(key, old))?;
            change(&mut rows);
            Ok((!rows.is_empty()).then(|| packed::pack_segments(key, hour, &rows)))
        })
    }

    fn change_gaps(
        &self,
        stream: &StreamId,
        start: Utc,
        change: impl FnOnce(&mut Vec<GapRow>),
    ) -> Result<(), IndexError> {
        let hour = key::hour(start);
        let key = key::bucket(Kind::Gaps, stream, hour);
        self.change(key, |key, old| {
            let mut rows = old.map_or(Ok(Vec::new()), |old| unpack_gaps(key, old))?;
            change(&mut rows);
            Ok((!rows.is_empty()).then(|| packed::pack_gaps(key, hour, &rows)))
        })
    }

    fn change(
        &self,
        key: Vec<u8>,
        change: impl FnOnce(&[u8], Option<&[u8]>) -> Result<Option<Vec<u8>>, IndexError>,
    ) -> Result<(), IndexError> {
        let mut inner = self.lock();
        let (mut old, mut unseen) = (None, false);
        match (inner.pending.get(&key), &inner.base) {
            (Some(value), _) => old = value.map(<[u8]>::to_vec),
            (None, None) => unseen = self.dir.is_some(),
            (None, Some(base)) => match base.get(&key) {
                Ok(value) => old = value,
                Err(fault) => {
                    drop(inner);
                    self.read_failed(fault);
                    inner = self.lock();
                    unseen = inner.base.is_none();
                }
            },
        }
        let new = change(&key, old.as_deref())?;
        inner.pending.change(key, new, unseen);
        Ok(())
    }

    /// Entries of both layers in [`from`, `to`).
    fn entries(&self, from: &[u8], to: &[u8]) -> Result<Entries, IndexError> {
        let (base, over) = {
            let inner = self.lock();
            (inner.base.clone(), inner.pending.range(from, to))
        };
        let below = match base.map(|base| base.range(from, to)).transpose() {
            Ok(below) => below.unwrap_or_default(),
            Err(fault) => return Err(self.read_failed(fault)),
        };
        Ok(pending::merge(below, over))
    }

    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        let base = {
            let inner = self.lock();
            if let Some(value) = inner.pending.get(key) {
                return Ok(value.map(<[u8]>::to_vec));
            }
            inner.base.clone()
        };
        base.map(|base| base.get(key))
            .transpose()
            .map(Option::flatten)
            .map_err(|fault| self.read_failed(fault))
    }

    fn first_key(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        let mut from = from.to_vec();
        loop {
            let (base, over) = {
                let inner = self.lock();
                (inner.base.clone(), inner.pending.first(&from, to))
            };
            let below = base.map(|base| base.first(&from, to)).transpose();
            let below = below.map(Option::flatten).map_err(|fault| self.read_failed(fault))?;
            match (below, over) {
                (below, None) => return Ok(below),
                (Some(below), Some((over, _))) if below < over => return Ok(Some(below)),
                (_, Some((over, true))) => return Ok(Some(over)),
                // Deleted: look behind it.
                (_, Some((mut over, false))) => {
                    over.push(0);
                    from = over;
                }
            }
        }
    }

    fn last_entry(&self, from: &[u8], to: &[u8]) -> Result<Option<Entry>, IndexError> {
        let mut to = to.to_vec();
        loop {
            let (base, over) = {
                let inner = self.lock();
                (inner.base.clone(), inner.pending.last(from, &to))
            };
            let below = base.map(|base| base.last(from, &to)).transpose();
            let below = below.map(Option::flatten).map_err(|fault| self.read_failed(fault))?;
            match (below, over) {
                (below, None) => return Ok(below),
                (Some(below), Some((over, _))) if below.0 > over => return Ok(Some(below)),
                (_, Some((over, Some(value)))) => return Ok(Some((over, value))),
                (_, Some((over, None))) => to = over,
            }
        }
    }

    fn read_failed(&self, fault: Fault) -> IndexError {
        let Some(dir) = &self.dir else {
            return IndexError::CorruptKey {
                what: format!("{fault:?}"),
            };
        };
        let base = self.lock().base.clone();
        self.went_wrong(dir, base, fault)
    }

    /// Gives up the base (and sets it aside if it cannot be trusted, for a new one) and says what
    /// that means. What is pending stays.
    fn went_wrong(&self, dir: &Path, base: Option<Base>, fault: Fault) -> IndexError {
        let mut inner = self.lock();
        let held = inner.base.take();
        match &fault {
            Fault::Panicked { .. } => [base, held].into_iter().flatten().for_each(Base::abandon),
            _ => {
                drop(base);
                held.into_iter().for_each(Base::close);
            }
        }
        let unavailable = |why: String, full| IndexError::Unavailable {
            dir: dir.to_owned(),
            why,
            full,
        };
        let (error, for_good) = match fault {
            Fault::Folder { why, full } => (unavailable(why, full), false),
            Fault::Newer { seen } => (
                IndexError::Newer {
                    dir: dir.to_owned(),
                    seen,
                    supported: base::FORMAT,
                },
                true,
            ),
            Fault::Broken { why } | Fault::Panicked { why } => match base::set_aside(dir) {
                Ok(to) => {
                    let reopened = Base::open(dir);
                    let error = IndexError::SetAside { to, why };
                    match reopened {
                        Ok((base, _)) => {
                            inner.base = Some(base);
                            inner.down = None;
                        }
                        Err(fault) => {
                            let error = unavailable(format!("a new one cannot be made: {fault:?}"), false);
                            inner.down = Some(Down { error, for_good: false });
                        }
                    }
                    return error;
                }
                Err(error) => (
                    unavailable(format!("{why}; it cannot be set aside: {error}"), false),
                    false,
                ),
            },
        };
        inner.down = Some(Down {
            error: error.clone(),
            for_good,
        });
        error
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Index {
    /// Does not flush: whoever wants that says so.
    fn drop(&mut self) {
        if let Some(base) = self.lock().base.take() {
            base.close();
        }
    }
}

fn identity(row: &SegmentRow) -> (Utc, VolumeId) {
    (row.start, row.volume)
}

fn unpack_segments(key: &[u8], value: &[u8]) -> Result<Vec<SegmentRow>, IndexError> {
    let (stream, hour) = key::parse(key).ok_or_else(|| corrupt_key(key))?;
    packed::unpack_segments(key, &stream, hour, value).map_err(|what| IndexError::Corrupt {
        hour: key::hour_start(hour),
        stream,
        what,
    })
}

fn unpack_gaps(key: &[u8], value: &[u8]) -> Result<Vec<GapRow>, IndexError> {
    let (stream, hour) = key::parse(key).ok_or_else(|| corrupt_key(key))?;
    packed::unpack_gaps(key, &stream, hour, value).map_err(|what| IndexError::Corrupt {
        hour: key::hour_start(hour),
        stream,
        what,
    })
}

fn corrupt_key(key: &[u8]) -> IndexError {
    IndexError::CorruptKey {
        what: format!(
            "an entry that makes no sense under {:?}",
            key.escape_ascii().to_string()
        ),
    }
}
