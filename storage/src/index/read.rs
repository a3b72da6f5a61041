//! Questions to the index: both layers as one, and what cannot be read left out and noted.

use std::collections::BTreeSet;

use vigie_config::{StreamId, Utc};

use super::{
    Index, IndexError,
    base::{Entries, Entry, Range},
    damage::{corrupt_key, unpack_segments, unpack_spans},
    key::{self, Kind},
    packed, pending,
    spans::Span,
};
use crate::{
    rows::{GapRow, MarkRow, Recordings, SegmentRow},
    uuid::VolumeId,
};

/// One bucket earlier: a segment that began at the end of an hour reaches into the next.
fn segment_keys(stream: &StreamId, from: Utc, to: Utc) -> Range {
    let first = key::bucket(Kind::Segments, stream, key::hour(from).saturating_sub(1));
    let last = key::bucket(Kind::Segments, stream, key::hour(to).saturating_add(1));
    (first, last)
}

fn span_keys(kind: Kind, stream: &StreamId, from: Utc, to: Utc) -> Range {
    let first = key::bucket(kind, stream, key::hour(from));
    let last = key::bucket(kind, stream, key::hour(to).saturating_add(1));
    (first, last)
}

impl Index {
    /// Everything that touches [`from`, `to`), by start.
    pub fn recordings(&self, stream: &StreamId, from: Utc, to: Utc) -> Result<Recordings, IndexError> {
        let segments = segment_keys(stream, from, to);
        let [gaps, marks] = [Kind::Gaps, Kind::Marks].map(|kind| span_keys(kind, stream, from, to));
        let earlier = (key::prefix(Kind::Gaps, stream), gaps.0.clone());
        let (base, over) = {
            let inner = self.lock();
            let over = [&segments, &gaps, &marks, &earlier].map(|(from, to)| inner.pending.range(from, to));
            (inner.base.clone(), over)
        };
        let [over_segments, over_gaps, over_marks, over_earlier] = over;
        let below = base
            .map(|base| base.look([&segments, &gaps, &marks], &earlier))
            .transpose();
        let below = below.map_err(|fault| self.read_failed(fault))?;
        let ([below_segments, below_gaps, below_marks], last) = below.unwrap_or_default();
        let last = match over_earlier.is_empty() {
            true => last,
            false => self.last_entry(&earlier.0, &earlier.1)?,
        };
        let gaps = pending::merge(below_gaps, over_gaps);
        Ok(Recordings {
            segments: self.segments_in(pending::merge(below_segments, over_segments), from, to)?,
            gaps: self.spans_in(last.into_iter().chain(gaps), from, to)?,
            marks: self.spans_in(pending::merge(below_marks, over_marks), from, to)?,
        })
    }

    /// The segments alone.
    pub fn segments(&self, stream: &StreamId, from: Utc, to: Utc) -> Result<Vec<SegmentRow>, IndexError> {
        let keys = segment_keys(stream, from, to);
        self.segments_in(self.entries(&keys.0, &keys.1)?, from, to)
    }

    fn segments_in(&self, entries: Entries, from: Utc, to: Utc) -> Result<Vec<SegmentRow>, IndexError> {
        let touches = |row: &SegmentRow| row.start < to && (row.end > from || row.start >= from);
        let mut found = Vec::new();
        for (key, value) in entries {
            let mut rows = self.sound(&key, unpack_segments(&key, &value))?;
            rows.retain(touches);
            found.append(&mut rows);
        }
        Ok(found)
    }

    /// The gaps alone. Rows of one stream do not overlap.
    pub fn gaps(&self, stream: &StreamId, from: Utc, to: Utc) -> Result<Vec<GapRow>, IndexError> {
        let keys = span_keys(Kind::Gaps, stream, from, to);
        // A gap may have begun any time ago: then it is the last one before this hour.
        let earlier = self.last_entry(&key::prefix(Kind::Gaps, stream), &keys.0)?;
        let entries = self.entries(&keys.0, &keys.1)?;
        self.spans_in(earlier.into_iter().chain(entries), from, to)
    }

    /// The marks alone. None reaches into another hour.
    pub fn marks(&self, stream: &StreamId, from: Utc, to: Utc) -> Result<Vec<MarkRow>, IndexError> {
        let keys = span_keys(Kind::Marks, stream, from, to);
        self.spans_in(self.entries(&keys.0, &keys.1)?, from, to)
    }

    fn spans_in<R: Span>(
        &self,
        entries: impl IntoIterator<Item = Entry>,
        from: Utc,
        to: Utc,
    ) -> Result<Vec<R>, IndexError> {
        let touches = |row: &R| row.start() < to && (row.start() >= from || row.end().is_none_or(|end| end > from));
        let mut found = Vec::new();
        for (key, value) in entries {
            let rows = self.sound(&key, unpack_spans(&key, &value))?;
            found.extend(rows.into_iter().filter(touches));
        }
        Ok(found)
    }

    /// The segment that began first.
    pub fn first_segment(&self, stream: &StreamId) -> Result<Option<SegmentRow>, IndexError> {
        let (mut from, to) = (key::prefix(Kind::Segments, stream), key::behind(Kind::Segments, stream));
        while let Some(key) = self.first_key(&from, &to)? {
            let mut behind = key.clone();
            behind.push(0);
            for (key, value) in self.entries(&key, &behind)? {
                let rows = self.sound(&key, unpack_segments(&key, &value))?;
                if let Some(first) = rows.into_iter().next() {
                    return Ok(Some(first));
                }
            }
            from = behind;
        }
        Ok(None)
    }

    /// The segment that began last.
    pub fn last_segment(&self, stream: &StreamId) -> Result<Option<SegmentRow>, IndexError> {
        Ok(self.last_rows(Kind::Segments, stream, unpack_segments)?.pop())
    }

    /// End of the newest footage.
    pub fn last_end(&self, stream: &StreamId) -> Result<Option<Utc>, IndexError> {
        let rows = self.last_rows(Kind::Segments, stream, unpack_segments)?;
        Ok(rows.into_iter().map(|row| row.end).max())
    }

    /// The gap that began last.
    pub fn last_gap(&self, stream: &StreamId) -> Result<Option<GapRow>, IndexError> {
        Ok(self.last_rows(Kind::Gaps, stream, unpack_spans)?.pop())
    }

    /// Of the newest hour that can be read.
    fn last_rows<T>(
        &self,
        kind: Kind,
        stream: &StreamId,
        unpack: impl Fn(&[u8], &[u8]) -> Result<Vec<T>, IndexError>,
    ) -> Result<Vec<T>, IndexError> {
        let (from, mut to) = (key::prefix(kind, stream), key::behind(kind, stream));
        while let Some((key, value)) = self.last_entry(&from, &to)? {
            let rows = self.sound(&key, unpack(&key, &value))?;
            if !rows.is_empty() {
                return Ok(rows);
            }
            to = key;
        }
        Ok(Vec::new())
    }

    /// Every stream with a segment, a gap or a mark.
    pub fn streams(&self) -> Result<Vec<StreamId>, IndexError> {
        let mut found = BTreeSet::new();
        for kind in Kind::ALL {
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

    /// Entries of both layers in [`from`, `to`).
    pub(super) fn entries(&self, from: &[u8], to: &[u8]) -> Result<Entries, IndexError> {
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

    pub(super) fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
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

    pub(super) fn first_key(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
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
}
