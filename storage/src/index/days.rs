//! Days of a stream as merged spans, kept in memory: a question over months reads each day once.
//!
//! A day is kept as fine as [`FINE`] where few spans say it, else as [`COARSE`]; a question finer than
//! one of its days has to read rows. A row belongs to the day in which it begins, so a change of an hour's rows makes one day wrong,
//! and only that one is forgotten. Nothing here depends on the clock.

use std::{
    collections::{BTreeMap, HashMap},
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use vigie_config::{StreamId, Utc};

use super::{
    Index, IndexError,
    key::{self, Kind},
};
use crate::{
    rows::Recordings,
    timeline::{COARSE, FINE, Lanes},
};

const HOURS: i32 = 24;
/// Read in one go: about 12,000 rows of a stream.
const CHUNK: i32 = 8;
/// What all days may take; the streams asked for longest ago go first.
pub(crate) const MOST_BYTES: usize = if cfg!(test) { 100 << 10 } else { 32 << 20 };
/// More spans than these are no day to keep fine: 90 days of 16 cameras are to fit in.
const MOST_FINE: usize = 600;
/// What an entry takes beside its spans.
const ENTRY_BYTES: usize = 64;

#[derive(Default)]
pub(super) struct Days(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    streams: HashMap<StreamId, Known>,
    /// Counts changes and questions.
    clock: u64,
    bytes: usize,
}

#[derive(Default)]
struct Known {
    /// By first day: one day, or many of which none has a row.
    runs: BTreeMap<i32, Run>,
    /// Of [`Inner::clock`].
    changed: u64,
    asked: u64,
    bytes: usize,
}

struct Run {
    last: i32,
    kept: Kept,
}

/// Spans of some days, and what nearer ones were merged by.
#[derive(Clone)]
struct Kept {
    lanes: Arc<Lanes>,
    step: Duration,
}

impl Kept {
    /// Merged as fine as is worth its room.
    fn new(mut lanes: Lanes) -> Self {
        let merge = |lanes: &mut Lanes, step: Duration| lanes.merge(step.as_millis() as i64);
        merge(&mut lanes, FINE);
        let step = match lanes.spans_in_all() > MOST_FINE {
            true => COARSE,
            false => FINE,
        };
        if step > FINE {
            merge(&mut lanes, step);
        }
        let lanes = Arc::new(lanes);
        Self { lanes, step }
    }
}

impl Run {
    fn bytes(&self) -> usize {
        self.kept.lanes.bytes() + ENTRY_BYTES
    }
}

impl Known {
    fn put(&mut self, first: i32, last: i32, kept: Kept) {
        // Two questions at once read the same, in runs of other lengths.
        self.take_out(first, last);
        let run = Run { last, kept };
        self.bytes += run.bytes();
        self.runs.insert(first, run);
    }

    /// Runs never overlap: at most one reaches in from before.
    fn take_out(&mut self, first: i32, last: i32) {
        let before = self.runs.range(..first).next_back();
        let before = before.filter(|(_, run)| run.last >= first).map(|(begin, _)| *begin);
        let inside = self.runs.range(first..=last).map(|(begin, _)| *begin);
        let gone: Vec<i32> = before.into_iter().chain(inside).collect();
        for run in gone.iter().filter_map(|begin| self.runs.remove(begin)) {
            self.bytes -= run.bytes();
        }
    }
}

/// First and last day, and what begins on them.
type Found = (i32, i32, Kept);

/// The day that an hour is in.
fn day_of(hour: i32) -> i32 {
    hour.div_euclid(HOURS)
}

fn start_of(day: i32) -> Utc {
    key::hour_start(day.saturating_mul(HOURS))
}

impl Days {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rows under this key are not what they were.
    pub fn changed(&self, key: &[u8]) {
        if let Some((stream, hour)) = Kind::of(key).and_then(|_| key::parse(key)) {
            self.lock().forget(&stream, day_of(hour));
        }
    }

    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.clock += 1;
        inner.bytes = 0;
        inner.streams.clear();
    }
}

impl Inner {
    /// Known runs that touch these days, and the moment at which they were looked up.
    fn find(&mut self, stream: &StreamId, days: &RangeInclusive<i32>) -> (Vec<Found>, u64) {
        self.clock += 1;
        let clock = self.clock;
        let known = self.streams.entry(stream.clone()).or_insert_with(|| Known {
            changed: clock,
            ..Known::default()
        });
        known.asked = clock;
        let before = known.runs.range(..days.start()).next_back();
        let runs = before.into_iter().chain(known.runs.range(days.clone()));
        let runs = runs.filter(|(_, run)| run.last >= *days.start());
        let found = runs.map(|(first, run)| (*first, run.last, run.kept.clone()));
        (found.collect(), clock)
    }

    fn forget(&mut self, stream: &StreamId, day: i32) {
        self.clock += 1;
        let Some(known) = self.streams.get_mut(stream) else {
            return;
        };
        known.changed = self.clock;
        let before = known.bytes;
        known.take_out(day, day);
        self.bytes = self.bytes + known.bytes - before;
    }

    /// Keeps what was read since `asked`, unless something changed in the meantime.
    fn keep(&mut self, stream: &StreamId, asked: u64, runs: &[Found]) {
        let Some(known) = self.streams.get_mut(stream).filter(|known| known.changed <= asked) else {
            return;
        };
        let before = known.bytes;
        for (first, last, kept) in runs {
            known.put(*first, *last, kept.clone());
        }
        self.bytes = self.bytes + known.bytes - before;
        while self.bytes > MOST_BYTES {
            let oldest = self.streams.iter().filter(|(_, known)| known.bytes > 0);
            let oldest = oldest
                .min_by_key(|(_, known)| known.asked)
                .map(|(stream, _)| stream.clone());
            let Some(gone) = oldest.and_then(|stream| self.streams.remove(&stream)) else {
                return;
            };
            self.bytes -= gone.bytes;
        }
    }
}

impl Index {
    /// Days that nobody asked for yet may be read too.
    pub fn has_room_for_days(&self) -> bool {
        self.days.lock().bytes < MOST_BYTES / 2
    }

    #[cfg(test)]
    pub fn days_bytes(&self) -> usize {
        self.days.lock().bytes
    }

    /// What begins on the days that [`from`, `to`) touches and on the one before, and the gap that
    /// began last before them, spans nearer than `step` merged within each day at most. `None`: some of
    /// these days are kept coarser.
    pub fn days(
        &self,
        stream: &StreamId,
        from: Utc,
        to: Utc,
        step: Duration,
    ) -> Result<Option<Vec<Arc<Lanes>>>, IndexError> {
        let first = day_of(key::hour(from)).saturating_sub(1);
        let last = day_of(key::hour(to));
        let mut all = self.last_gap_before(stream, first)?;
        let mut next = first;
        while next <= last {
            let (known, asked) = self.days.lock().find(stream, &(next..=last));
            let read = |to: i32| self.read_days(stream, next, to);
            let (found, upto) = match known.first() {
                // In order and without a hole for as long as it goes.
                Some((begin, ..)) if *begin <= next => {
                    let mut upto = next - 1;
                    for (begin, end, kept) in known {
                        if begin > upto.saturating_add(1) {
                            break;
                        }
                        if kept.step > step {
                            return Ok(None);
                        }
                        upto = end;
                        all.push(kept.lanes);
                    }
                    (Vec::new(), upto)
                }
                Some((begin, ..)) => read(*begin - 1)?,
                None => read(last)?,
            };
            if !found.is_empty() {
                self.days.lock().keep(stream, asked, &found);
                if found.iter().any(|(_, _, kept)| kept.step > step) {
                    return Ok(None);
                }
                all.extend(found.into_iter().map(|(_, _, kept)| kept.lanes));
            }
            next = upto.saturating_add(1);
        }
        all.retain(|lanes| !lanes.is_empty());
        Ok(Some(all))
    }

    /// Days from `first` on, at most up to `last`: those without rows as one run, then some with
    /// rows. Says how far it came.
    fn read_days(&self, stream: &StreamId, first: i32, last: i32) -> Result<(Vec<Found>, i32), IndexError> {
        let mut begin = None;
        for kind in Kind::ALL {
            let from = key::bucket(kind, stream, first.saturating_mul(HOURS));
            let to = key::bucket(kind, stream, last.saturating_add(1).saturating_mul(HOURS));
            let hour = self.first_key(&from, &to)?.and_then(|key| key::parse(&key));
            let day = hour.map(|(_, hour)| day_of(hour));
            begin = begin.into_iter().chain(day).min();
        }
        let empty = Kept::new(Lanes::default());
        let Some(begin) = begin else {
            return Ok((vec![(first, last, empty)], last));
        };
        let mut found = Vec::new();
        if begin > first {
            found.push((first, begin - 1, empty));
        }
        let end = begin.saturating_add(CHUNK - 1).min(last);
        let mut days = vec![Lanes::default(); usize::try_from(end - begin + 1).unwrap_or(1)];
        for (day, rows) in self.rows_by_day(stream, begin, end)? {
            if let Some(lanes) = usize::try_from(day - begin).ok().and_then(|at| days.get_mut(at)) {
                lanes.add(&rows);
            }
        }
        found.extend((begin..).zip(days).map(|(day, lanes)| (day, day, Kept::new(lanes))));
        Ok((found, end))
    }

    /// Rows that begin on these days.
    fn rows_by_day(&self, stream: &StreamId, first: i32, last: i32) -> Result<Vec<(i32, Recordings)>, IndexError> {
        let (from, to) = (start_of(first), start_of(last.saturating_add(1)));
        let rows = self.recordings(stream, from, to)?;
        let mut days: BTreeMap<i32, Recordings> = BTreeMap::new();
        let inside = |start: Utc| (start >= from && start < to).then(|| day_of(key::hour(start)));
        for row in rows.segments {
            if let Some(day) = inside(row.start) {
                days.entry(day).or_default().segments.push(row);
            }
        }
        for row in rows.gaps {
            if let Some(day) = inside(row.start) {
                days.entry(day).or_default().gaps.push(row);
            }
        }
        for row in rows.marks {
            if let Some(day) = inside(row.start) {
                days.entry(day).or_default().marks.push(row);
            }
        }
        Ok(days.into_iter().collect())
    }

    /// A gap may have begun any time ago.
    fn last_gap_before(&self, stream: &StreamId, day: i32) -> Result<Vec<Arc<Lanes>>, IndexError> {
        let from = start_of(day);
        let mut lanes = Lanes::default();
        lanes.add(&Recordings {
            gaps: self.gaps(stream, from, from.plus_micros(1))?,
            ..Recordings::default()
        });
        Ok(vec![Arc::new(lanes)])
    }
}
