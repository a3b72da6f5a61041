//! Changes that are not on disk yet: whole values that lie over those of the base.

use std::{collections::BTreeMap, ops::Bound};

use vigie_config::StreamId;

use super::{
    base::{Base, Changes, Entries},
    error::Fault,
    key::{self, Kind},
    packed,
    spans::{self, Span},
};
use crate::rows::{GapRow, MarkRow};

#[derive(Clone)]
struct Change {
    /// `None`: the key goes.
    value: Option<Vec<u8>>,
    /// Grows with every change: tells whether a flush wrote the latest.
    generation: u64,
    /// Made without sight of the base's value: their rows belong together.
    unite: bool,
}

#[derive(Default)]
pub(super) struct Pending {
    changes: BTreeMap<Vec<u8>, Change>,
    generation: u64,
}

/// The changes as they were at one moment.
pub(super) struct Snapshot(BTreeMap<Vec<u8>, Change>);

impl Pending {
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// `None`: not changed; `Some(None)`: removed.
    pub fn get(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.changes.get(key).map(|change| change.value.as_deref())
    }

    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.change(key, Some(value), false);
    }

    pub fn remove(&mut self, key: Vec<u8>) {
        self.change(key, None, false);
    }

    /// What they stand for was lost.
    pub fn forget_checkpoints(&mut self) {
        self.changes.retain(|key, _| !key::is_checkpoint(key));
    }

    /// `unite`: the base could not be looked at.
    pub fn change(&mut self, key: Vec<u8>, value: Option<Vec<u8>>, unite: bool) {
        self.generation += 1;
        let unite = self.changes.get(&key).map_or(unite, |before| before.unite);
        self.changes.insert(
            key,
            Change {
                value,
                generation: self.generation,
                unite,
            },
        );
    }

    pub fn range(&self, from: &[u8], to: &[u8]) -> Changes {
        let changes = self
            .changes
            .range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        changes
            .map(|(key, change)| (key.clone(), change.value.clone()))
            .collect()
    }

    /// The first changed key in [`from`, `to`), and whether it has a value.
    pub fn first(&self, from: &[u8], to: &[u8]) -> Option<(Vec<u8>, bool)> {
        let mut changes = self
            .changes
            .range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        changes
            .next()
            .map(|(key, change)| (key.clone(), change.value.is_some()))
    }

    /// The last changed key in [`from`, `to`), and its value.
    pub fn last(&self, from: &[u8], to: &[u8]) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let mut changes = self
            .changes
            .range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        changes
            .next_back()
            .map(|(key, change)| (key.clone(), change.value.clone()))
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.changes.clone())
    }

    /// Drops what was written, unless it has changed since.
    pub fn forget(&mut self, written: &Snapshot) {
        for (key, change) in &written.0 {
            if self
                .changes
                .get(key)
                .is_some_and(|now| now.generation == change.generation)
            {
                self.changes.remove(key);
            }
        }
    }
}

impl Snapshot {
    /// What to write so that nothing of the base is lost.
    pub fn changes(&self, base: &Base) -> Result<Changes, Fault> {
        let mut changes = Changes::new();
        for (key, change) in &self.0 {
            let below = if change.unite { base.get(key)? } else { None };
            let value = match (below, &change.value) {
                (Some(below), Some(over)) => Some(unite(key, &below, over)?),
                (_, value) => value.clone(),
            };
            changes.insert(key.clone(), value);
        }
        Ok(changes)
    }
}

/// The rows of both; of two for the same thing the one above.
fn unite(key: &[u8], below: &[u8], over: &[u8]) -> Result<Vec<u8>, Fault> {
    let broken = |what: &str| Fault::Broken { why: what.to_owned() };
    let (stream, hour) = key::parse(key).ok_or_else(|| broken("an entry makes no sense"))?;
    match Kind::of(key) {
        Some(Kind::Gaps) => return unite_spans::<GapRow>(key, &stream, hour, below, over),
        Some(Kind::Marks) => return unite_spans::<MarkRow>(key, &stream, hour, below, over),
        Some(Kind::Segments) | None => {}
    }
    let unpack = |value| packed::unpack_segments(key, &stream, hour, value).map_err(broken);
    let rows = unpack(below)?.into_iter().chain(unpack(over)?);
    let rows: BTreeMap<_, _> = rows.map(|row| ((row.start, row.volume), row)).collect();
    Ok(packed::pack_segments(
        key,
        hour,
        &rows.into_values().collect::<Vec<_>>(),
    ))
}

fn unite_spans<R: Span>(key: &[u8], stream: &StreamId, hour: i32, below: &[u8], over: &[u8]) -> Result<Vec<u8>, Fault> {
    let unpack =
        |value| spans::unpack::<R>(key, stream, hour, value).map_err(|what| Fault::Broken { why: what.to_owned() });
    let mut rows = unpack(below)?;
    for row in unpack(over)? {
        row.put(&mut rows);
    }
    Ok(spans::pack(key, hour, &rows))
}

/// Both layers as one, by key.
pub(super) fn merge(below: Entries, over: Changes) -> Entries {
    if over.is_empty() {
        return below;
    }
    let mut all: BTreeMap<_, _> = below.into_iter().map(|(key, value)| (key, Some(value))).collect();
    all.extend(over);
    all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}
