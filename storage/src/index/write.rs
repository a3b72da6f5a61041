//! Changes of the index: in memory first, durable with a flush.

use std::sync::PoisonError;

use vigie_config::{StreamId, Utc};

use super::{
    Index, IndexError,
    base::Base,
    damage::{unpack_segments, unpack_spans},
    key::{self, Kind},
    packed,
    pending::Pending,
    spans::{self, Span},
};
use crate::{
    rows::{GapRow, MarkRow, SegmentRow},
    uuid::VolumeId,
};

impl Index {
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
        self.put_span(row)
    }

    /// Nothing happens when there is no such row.
    pub fn remove_gap(&self, stream: &StreamId, start: Utc) -> Result<(), IndexError> {
        self.change_spans(stream, start, |rows: &mut Vec<GapRow>| {
            rows.retain(|row| row.start != start)
        })
    }

    /// Within one hour. Rows of the same cause that it touches become one with it.
    pub fn put_mark(&self, row: &MarkRow) -> Result<(), IndexError> {
        self.put_span(row)
    }

    /// Nothing happens when there is no such row.
    pub fn remove_mark(&self, row: &MarkRow) -> Result<(), IndexError> {
        self.change_spans(&row.stream, row.start, |rows: &mut Vec<MarkRow>| {
            rows.retain(|other| other.order() != row.order())
        })
    }

    /// True from the next flush on, together with every row put before it. Nothing happens when
    /// the index is not that `generation` any more: the rows went with it.
    pub fn set_checkpoint(&self, volume: VolumeId, mark: &[u8], generation: u64) {
        let key = key::checkpoint(volume);
        let crc = packed::checksum(&key, mark).to_le_bytes();
        let mut inner = self.lock();
        if inner.generation == generation {
            inner.pending.put(key, [mark, &crc].concat());
        }
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
                let back = inner.base.replace(base).is_none();
                inner.down = None;
                drop(inner);
                if back {
                    self.days.clear();
                }
                Ok(())
            }
            Err(fault) => Err(self.went_wrong(dir, Some(base), fault)),
        }
    }

    /// Forgets everything, checkpoints too: the beginning of a rebuild.
    pub fn clear(&self) -> Result<(), IndexError> {
        let cleared = self.empty();
        self.days.clear();
        cleared
    }

    fn empty(&self) -> Result<(), IndexError> {
        let _one = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut inner = self.lock();
        inner.pending = Pending::default();
        inner.generation += 1;
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

    fn change_segments(
        &self,
        stream: &StreamId,
        start: Utc,
        change: impl FnOnce(&mut Vec<SegmentRow>),
    ) -> Result<(), IndexError> {
        let hour = key::hour(start);
        let key = key::bucket(Kind::Segments, stream, hour);
        self.change(key, |key, old| {
            let mut rows = old.map_or(Ok(Vec::new()), |old| self.readable(key, unpack_segments(key, old)))?;
            change(&mut rows);
            Ok((!rows.is_empty()).then(|| packed::pack_segments(key, hour, &rows)))
        })
    }

    fn put_span<R: Span>(&self, row: &R) -> Result<(), IndexError> {
        self.change_spans(row.stream(), row.start(), |rows| row.clone().put(rows))
    }

    fn change_spans<R: Span>(
        &self,
        stream: &StreamId,
        start: Utc,
        change: impl FnOnce(&mut Vec<R>),
    ) -> Result<(), IndexError> {
        let hour = key::hour(start);
        let key = key::bucket(R::KIND, stream, hour);
        self.change(key, |key, old| {
            let mut rows = old.map_or(Ok(Vec::new()), |old| self.readable(key, unpack_spans(key, old)))?;
            change(&mut rows);
            Ok((!rows.is_empty()).then(|| spans::pack(key, hour, &rows)))
        })
    }

    pub(super) fn change(
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
        inner.pending.change(key.clone(), new, unseen);
        drop(inner);
        self.days.changed(&key);
        Ok(())
    }
}

fn identity(row: &SegmentRow) -> (Utc, VolumeId) {
    (row.start, row.volume)
}
