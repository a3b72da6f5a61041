//! Comparing an index with the rows that the volumes give.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Damage, Index, IndexError,
    damage::{unpack_segments, unpack_spans},
    key::Kind,
    spans::Span,
};
use crate::rows::{GapRow, MarkRow, SegmentRow};

/// At most so many rows of each kind are named; all are counted.
const NAMED: usize = 100;

/// The values of one key: the index's and the truth's.
type Pair = (Option<Vec<u8>>, Option<Vec<u8>>);

/// In what an index differs from the truth.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Differences {
    /// Rows compared, of all kinds, as the truth has them.
    pub rows: u64,
    /// On the volumes, not in the index.
    pub missing: u64,
    /// In the index, not on the volumes.
    pub surplus: u64,
    /// In both, but not alike.
    pub different: u64,
    /// Hours of one stream that the index has but cannot read.
    pub corrupt: u64,
    /// The first of them, in words.
    pub examples: Vec<String>,
}

impl Differences {
    pub fn is_empty(&self) -> bool {
        (self.missing, self.surplus, self.different, self.corrupt) == (0, 0, 0, 0)
    }

    /// What the index could not read while its rows were taken out of it.
    pub fn damaged(&mut self, damaged: &[Damage]) {
        for damage in damaged {
            self.corrupt += 1;
            self.name(format!("{} from {}: {}", damage.stream, damage.hour, damage.what));
        }
    }

    fn name(&mut self, what: String) {
        if self.examples.len() < NAMED {
            self.examples.push(what);
        }
    }

    fn compare<K: Ord, R: PartialEq + std::fmt::Debug>(&mut self, seen: Vec<R>, truth: Vec<R>, id: impl Fn(&R) -> K) {
        self.rows += truth.len() as u64;
        if seen == truth {
            return;
        }
        let mut seen: BTreeMap<K, R> = seen.into_iter().map(|row| (id(&row), row)).collect();
        for row in truth {
            match seen.remove(&id(&row)) {
                None => {
                    self.missing += 1;
                    self.name(format!("missing in the index: {row:?}"));
                }
                Some(other) if other != row => {
                    self.different += 1;
                    self.name(format!("the index has {other:?}, the volumes have {row:?}"));
                }
                Some(_) => {}
            }
        }
        for row in seen.into_values() {
            self.surplus += 1;
            self.name(format!("not on the volumes: {row:?}"));
        }
    }
}

impl Index {
    /// Compares with an index made of the truth ([`Index::in_memory`]); checkpoints do not count.
    /// Memory: one stream's packed rows of both.
    pub fn differences(&self, truth: &Index) -> Result<Differences, IndexError> {
        let mut found = Differences::default();
        let mut streams = self.streams()?;
        streams.extend(truth.streams()?);
        streams.sort();
        streams.dedup();
        for stream in streams {
            for kind in Kind::ALL {
                let (from, to) = (super::key::prefix(kind, &stream), super::key::behind(kind, &stream));
                let mut pairs: BTreeMap<Vec<u8>, Pair> = BTreeMap::new();
                for (key, value) in self.entries(&from, &to)? {
                    pairs.entry(key).or_default().0 = Some(value);
                }
                for (key, value) in truth.entries(&from, &to)? {
                    pairs.entry(key).or_default().1 = Some(value);
                }
                for (key, (seen, truth)) in pairs {
                    match kind {
                        Kind::Segments => compare_segments(&mut found, &key, seen, truth)?,
                        Kind::Gaps => compare_spans::<GapRow>(&mut found, &key, seen, truth)?,
                        Kind::Marks => compare_spans::<MarkRow>(&mut found, &key, seen, truth)?,
                    }
                }
            }
        }
        Ok(found)
    }
}

fn compare_segments(
    found: &mut Differences,
    key: &[u8],
    seen: Option<Vec<u8>>,
    truth: Option<Vec<u8>>,
) -> Result<(), IndexError> {
    let truth = truth.map_or(Ok(Vec::new()), |value| unpack_segments(key, &value))?;
    match seen.map_or(Ok(Vec::new()), |value| unpack_segments(key, &value)) {
        Ok(seen) => found.compare(seen, truth, |row: &SegmentRow| (row.start, row.volume)),
        Err(error) => {
            found.corrupt += 1;
            found.name(error.to_string());
        }
    }
    Ok(())
}

fn compare_spans<R: Span>(
    found: &mut Differences,
    key: &[u8],
    seen: Option<Vec<u8>>,
    truth: Option<Vec<u8>>,
) -> Result<(), IndexError> {
    let truth = truth.map_or(Ok(Vec::new()), |value| unpack_spans(key, &value))?;
    match seen.map_or(Ok(Vec::new()), |value| unpack_spans(key, &value)) {
        Ok(seen) => found.compare(seen, truth, R::identity),
        Err(error) => {
            found.corrupt += 1;
            found.name(error.to_string());
        }
    }
    Ok(())
}
