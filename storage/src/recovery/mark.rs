//! A volume's checkpoint: how far the index is known to be complete.

use serde::{Deserialize, Serialize};
use vigie_config::{StreamId, Utc};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Every segment that starts earlier is finished, on the device and in the index.
    pub from: Utc,
    /// Bytes of those segments.
    pub footage_bytes: u64,
    /// Where each stream's footage on the volume began: rows from there on whose files went later
    /// may still be in the index, earlier ones are not. `None`: not known.
    #[serde(default)]
    pub oldest: Option<Vec<(StreamId, Utc)>>,
    /// A time of the latest day whose ledger says how each stream stood then; streams without one
    /// never had a gap. `None`: not known.
    #[serde(default)]
    pub gap_days: Option<Vec<(StreamId, Utc)>>,
    /// For each mark that was open: a time of the day whose ledger says so.
    #[serde(default)]
    pub mark_days: Vec<(StreamId, Utc)>,
}

impl Mark {
    /// Where a stream's rows may begin.
    pub fn rows_from(&self, stream: &StreamId) -> Utc {
        match &self.oldest {
            None => Utc::MIN,
            Some(all) => {
                let known = all.iter().find(|(other, _)| other == stream);
                known.map_or(Utc::MAX, |(_, at)| whole_millis(*at))
            }
        }
    }

    /// The latest day before this mark whose ledger says how the stream stood; the outer `None`:
    /// it has to be looked for.
    pub fn gap_day(&self, stream: &StreamId) -> Option<Option<Utc>> {
        let all = self.gap_days.as_ref()?;
        Some(all.iter().find(|(other, _)| other == stream).map(|(_, day)| *day))
    }

    /// The days whose ledgers say that a mark of the stream was open.
    pub fn mark_days_of(&self, stream: &StreamId) -> impl Iterator<Item = Utc> {
        let own = self.mark_days.iter().filter(move |(other, _)| other == stream);
        own.map(|(_, day)| *day)
    }

    pub fn encode(&self) -> Vec<u8> {
        // Plain figures: serialising cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
    pub fn decode(bytes: &[u8]) -> Option<Mark> {
        serde_json::from_slice(bytes).ok()
    }
}

/// Names tell the millisecond.
pub fn whole_millis(at: Utc) -> Utc {
    Utc::from_micros(at.as_micros().div_euclid(1000) * 1000)
}
