//! Sums over the entries: they tell a tree that some flush left from one that no flush ever did.
//!
//! What sled cannot read amid its log it takes for the end of that part, and goes on with the
//! next: entries may come back as an earlier flush left them, each of them whole. So every batch
//! holds a sum for each stream it changes, and one over these sums and the checkpoints. That one
//! is compared when the index is opened; the streams' by [`Index::verify`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::PoisonError,
};

use vigie_config::StreamId;

use super::{
    Index, IndexError,
    base::Changes,
    damage::corrupt_key,
    error::Fault,
    key::{self, Kind},
    packed,
};

/// How many values there are and the sum of their CRC-32, which is the end of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sum {
    count: u64,
    crcs: u64,
}

impl Sum {
    pub fn add(&mut self, value: &[u8]) {
        self.count = self.count.wrapping_add(1);
        self.crcs = self.crcs.wrapping_add(crc(value));
    }

    fn take(&mut self, value: &[u8]) {
        self.count = self.count.wrapping_sub(1);
        self.crcs = self.crcs.wrapping_sub(crc(value));
    }

    fn encode(self, key: &[u8]) -> Vec<u8> {
        let body = [self.count.to_le_bytes(), self.crcs.to_le_bytes()].concat();
        let crc = packed::checksum(key, &body).to_le_bytes();
        [body.as_slice(), &crc].concat()
    }

    /// Nothing is the sum of nothing.
    pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Sum, Fault> {
        let Some(value) = value else { return Ok(Sum::default()) };
        let body = value.split_last_chunk::<4>().and_then(|(body, crc)| {
            let sound = u32::from_le_bytes(*crc) == packed::checksum(key, body);
            let (count, crcs) = body.split_first_chunk::<8>()?;
            let crcs = <[u8; 8]>::try_from(crcs).ok()?;
            sound.then(|| (u64::from_le_bytes(*count), u64::from_le_bytes(crcs)))
        });
        body.map(|(count, crcs)| Sum { count, crcs }).ok_or(Fault::Broken {
            why: "a sum over its entries cannot be read".into(),
        })
    }
}

fn crc(value: &[u8]) -> u64 {
    value.last_chunk::<4>().map_or(0, |crc| u32::from_le_bytes(*crc).into())
}

/// The sums after these changes; `get` gives what there is before them.
pub(super) fn renewed(
    changes: &Changes,
    get: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, Fault>,
) -> Result<Changes, Fault> {
    let before = |key: &[u8]| Sum::decode(key, get(key)?.as_deref());
    let mut all = before(key::SUM_OF_ALL)?;
    let mut sums: BTreeMap<Vec<u8>, Sum> = BTreeMap::new();
    for (key, value) in changes {
        let sum = match key::sum_of(key) {
            None => &mut all,
            Some(of) => match sums.entry(of) {
                std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::btree_map::Entry::Vacant(new) => {
                    let sum = before(new.key())?;
                    new.insert(sum)
                }
            },
        };
        get(key)?.iter().for_each(|old| sum.take(old));
        value.iter().for_each(|new| sum.add(new));
    }
    let mut renewed = Changes::new();
    for (key, sum) in sums {
        get(&key)?.iter().for_each(|old| all.take(old));
        let value = (sum != Sum::default()).then(|| sum.encode(&key));
        value.iter().for_each(|new| all.add(new));
        renewed.insert(key, value);
    }
    renewed.insert(key::SUM_OF_ALL.to_vec(), Some(all.encode(key::SUM_OF_ALL)));
    Ok(renewed)
}

impl Index {
    /// Every stream that has rows, or ought to have.
    pub fn summed_streams(&self) -> Result<BTreeSet<StreamId>, IndexError> {
        let mut streams: BTreeSet<StreamId> = self.streams()?.into_iter().collect();
        let (from, to) = key::SUMS;
        for (key, _) in self.entries(from, to)? {
            streams.insert(key::summed_stream(&key).ok_or_else(|| corrupt_key(&key))?);
        }
        Ok(streams)
    }

    /// Reads all of a stream and compares it with the sum of its last flush; only a flush waits
    /// meanwhile. [`IndexError::SetAside`]: it was not the same.
    pub fn verify(&self, stream: &StreamId) -> Result<(), IndexError> {
        let Some(dir) = &self.dir else { return Ok(()) };
        let _one = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(base) = self.lock().base.clone() else {
            return Ok(());
        };
        let sum = key::sum(stream);
        let ranges = Kind::ALL.map(|kind| (key::prefix(kind, stream), key::behind(kind, stream)));
        let compared = base.sum(&ranges).and_then(|seen| {
            let told = Sum::decode(&sum, base.get(&sum)?.as_deref())?;
            match seen == told {
                true => Ok(()),
                false => Err(Fault::Broken {
                    why: format!("the entries of {stream} are of different flushes"),
                }),
            }
        });
        compared.map_err(|fault| self.went_wrong(dir, Some(base), fault))
    }
}
