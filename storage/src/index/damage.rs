//! Hours whose rows cannot be read: noted, and taken out for those who make them anew.

use std::{
    collections::BTreeMap,
    sync::{MutexGuard, PoisonError},
};

use vigie_config::{StreamId, Utc};

use super::{
    Index, IndexError,
    key::{self, Kind},
    packed,
    spans::{self, Span},
};
use crate::rows::{GapRow, MarkRow, SegmentRow};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    Segments,
    Gaps,
    Marks,
}

/// The rows of one hour of one stream that the index has and cannot read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub kind: RowKind,
    pub stream: StreamId,
    /// Its beginning.
    pub hour: Utc,
    pub what: &'static str,
}

impl Damage {
    /// Does a row that starts at `start` belong there?
    pub fn holds(&self, start: Utc) -> bool {
        key::hour(start) == key::hour(self.hour)
    }

    fn key(&self) -> Vec<u8> {
        let kind = match self.kind {
            RowKind::Segments => Kind::Segments,
            RowKind::Gaps => Kind::Gaps,
            RowKind::Marks => Kind::Marks,
        };
        key::bucket(kind, &self.stream, key::hour(self.hour))
    }
}

pub(super) type Noted = BTreeMap<Vec<u8>, Damage>;

impl Index {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rows of one value. Damage costs the rows of its hour only, and is noted.
    pub(super) fn sound<T>(&self, key: &[u8], rows: Result<Vec<T>, IndexError>) -> Result<Vec<T>, IndexError> {
        let Err(IndexError::Corrupt { stream, hour, what }) = rows else {
            return rows;
        };
        let kind = match Kind::of(key) {
            Some(Kind::Gaps) => RowKind::Gaps,
            Some(Kind::Marks) => RowKind::Marks,
            Some(Kind::Segments) | None => RowKind::Segments,
        };
        self.noted().entry(key.to_vec()).or_insert_with(|| {
            tracing::error!(%stream, %hour, what, "an hour of the index cannot be read: it is made anew");
            Damage {
                kind,
                stream,
                hour,
                what,
            }
        });
        Ok(Vec::new())
    }

    /// The same before a change: what cannot be read is not written over. Whatever was to be put
    /// there is on the volumes, and comes with the rest.
    pub(super) fn readable<T>(&self, key: &[u8], rows: Result<Vec<T>, IndexError>) -> Result<Vec<T>, IndexError> {
        if let Err(error @ IndexError::Corrupt { .. }) = &rows {
            self.sound::<T>(key, Err(error.clone()))?;
        }
        rows
    }

    /// What was found so far and not made anew.
    pub fn damaged(&self) -> Vec<Damage> {
        self.noted().values().cloned().collect()
    }

    /// As a bit that turned on the device does.
    #[cfg(test)]
    pub fn damage(&self, kind: RowKind, stream: &StreamId, hour: Utc) {
        let what = "by a test";
        let key = Damage {
            kind,
            stream: stream.clone(),
            hour,
            what,
        }
        .key();
        let mut value = self.value(&key).ok().flatten().unwrap_or_default();
        value.iter_mut().skip(5).take(1).for_each(|byte| *byte ^= 1);
        self.lock().pending.put(key, value);
    }

    /// As sled does that skips a part of its log: the base is without it, and nobody was told.
    #[cfg(test)]
    pub fn lose(&self, kind: RowKind, stream: &StreamId, hour: Utc) {
        let what = "by a test";
        let stream = stream.clone();
        let key = Damage {
            kind,
            stream,
            hour,
            what,
        }
        .key();
        if let Some(base) = &self.lock().base {
            base.lose(&key);
        }
    }

    /// Empties the hour if it still cannot be read: its rows can be put again.
    pub fn forget_damaged(&self, damage: &Damage) -> Result<(), IndexError> {
        let key = damage.key();
        self.change(key.clone(), |key, old| {
            let Some(old) = old else { return Ok(None) };
            let damaged = match damage.kind {
                RowKind::Segments => unpack_segments(key, old).is_err(),
                RowKind::Gaps => unpack_spans::<GapRow>(key, old).is_err(),
                RowKind::Marks => unpack_spans::<MarkRow>(key, old).is_err(),
            };
            Ok((!damaged).then(|| old.to_vec()))
        })?;
        self.noted().remove(&key);
        Ok(())
    }
}

pub(super) fn unpack_segments(key: &[u8], value: &[u8]) -> Result<Vec<SegmentRow>, IndexError> {
    let (stream, hour) = key::parse(key).ok_or_else(|| corrupt_key(key))?;
    packed::unpack_segments(key, &stream, hour, value).map_err(|what| IndexError::Corrupt {
        hour: key::hour_start(hour),
        stream,
        what,
    })
}

pub(super) fn unpack_spans<R: Span>(key: &[u8], value: &[u8]) -> Result<Vec<R>, IndexError> {
    let (stream, hour) = key::parse(key).ok_or_else(|| corrupt_key(key))?;
    spans::unpack(key, &stream, hour, value).map_err(|what| IndexError::Corrupt {
        hour: key::hour_start(hour),
        stream,
        what,
    })
}

pub(super) fn corrupt_key(key: &[u8]) -> IndexError {
    IndexError::CorruptKey {
        what: format!(
            "an entry that makes no sense under {:?}",
            key.escape_ascii().to_string()
        ),
    }
}
