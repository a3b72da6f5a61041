//! What a stream has over any length of time, as few spans as a screen can show.
//!
//! Belongs here: merging rows into spans, whichever way they are found. Does not belong here: the
//! rows themselves ([`crate::index`]).
//!
//! A question with a step below [`FINE`] reads its rows; it is short, as an answer has a bounded
//! number of steps. A longer one is put together from days that are kept merged in memory, unless it is
//! finer than they are: busy days are kept at [`COARSE`].

mod lanes;
#[cfg(test)]
mod tests;

use std::time::Duration;

use vigie_config::{StreamId, Utc};

pub use lanes::{Lane, Lanes, OPEN, Span};

use crate::{catalog::Catalog, rows::Recordings};

/// Days are kept with spans nearer than this merged,
pub const FINE: Duration = Duration::from_secs(5);
/// and those with many spans with these.
pub const COARSE: Duration = Duration::from_secs(60);

impl Catalog {
    /// What a stream has in [`from`, `to`), spans nearer than `step` merged: at most one more than
    /// steps fit in, of each lane. What is not over lasts until `now`.
    pub fn timeline(&self, stream: &StreamId, from: Utc, to: Utc, step: Duration, now: Utc) -> Lanes {
        let mut lanes = Lanes::default();
        // The open ones first: what closes in between is found twice, never lost.
        let (segments, gaps, marks) = self.open_rows(stream);
        let days = match step < FINE {
            true => None,
            false => self.indexed_days(stream, from, to, step),
        };
        match days {
            None => lanes.add(&self.recordings(stream, from, to)),
            Some(days) => {
                lanes.add(&Recordings { segments, gaps, marks });
                days.iter().for_each(|day| lanes.append(day));
            }
        }
        let ms = |at: Utc| at.as_micros().div_euclid(1000);
        lanes.merge(i64::try_from(step.as_millis()).unwrap_or(i64::MAX));
        lanes.clip(ms(from), ms(to), ms(now));
        lanes
    }
}
