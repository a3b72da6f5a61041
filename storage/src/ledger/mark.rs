//! From ledger lines to mark rows.

use vigie_config::{Causes, StreamId, Utc};

use super::{
    line::{Entry, Line},
    pieces::{closed, full_hour, pieces},
};
use crate::rows::MarkRow;

/// Footage goes on in the next hour for so long before marks are split: what ends a mark may be
/// told a little later than the footage around it is stored.
const SPLIT_AFTER_US: i64 = 60_000_000;

/// Which marks of a stream are open. Pure: lines in, pieces of rows out; live recording and
/// rebuilding feed it the same lines. Pieces lie within one hour each, and the rows of an hour are
/// what [`join`] makes of its pieces, whatever their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MarkState {
    /// At most one of each cause.
    open: Vec<OpenMark>,
    /// Left open by a process that ended without closing them.
    left: Vec<OpenMark>,
    /// The last line that was applied; older and equal ones are ignored.
    seq: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenMark {
    /// Of the line that opened it.
    pub seq: i64,
    pub cause: Causes,
    pub from: Utc,
}

impl MarkState {
    pub fn open(&self) -> &[OpenMark] {
        &self.open
    }

    pub fn left(&self) -> &[OpenMark] {
        &self.left
    }

    /// What the ledgers leave open of the time before the line `own`, the first of this process.
    pub fn found(&mut self, ledgers: MarkState, own: Option<i64>) {
        self.left = ledgers.left;
        self.left.extend(ledgers.open);
        self.left.retain(|mark| own.is_none_or(|own| mark.seq < own));
    }

    /// Since when the mark of this cause is open.
    pub fn since(&self, cause: Causes) -> Option<Utc> {
        self.open.iter().find(|open| open.cause == cause).map(|open| open.from)
    }

    pub fn seq(&self) -> i64 {
        self.seq
    }

    /// The entry that opens a mark, or lets an open one begin earlier; `None` when there is
    /// nothing to change.
    pub fn opening(&self, cause: Causes, from: Utc) -> Option<Entry> {
        let known = self.since(cause).is_some_and(|since| since <= from);
        (!known).then_some(Entry::MarkOpen { cause, from })
    }

    /// The entries that close it; none when it is not open.
    pub fn closing(&self, cause: Causes, to: Utc) -> Vec<Entry> {
        self.since(cause).map_or(Vec::new(), |from| closed(cause, from, to))
    }

    /// The entries that split what is open at the last full hour, with footage up to `end`.
    pub fn splits(&self, end: Utc) -> Vec<Entry> {
        let hour = full_hour(end);
        if end.micros_since(hour) < SPLIT_AFTER_US {
            return Vec::new();
        }
        let due = self.open.iter().filter(|open| open.from < hour);
        due.flat_map(|OpenMark { cause, from, .. }| {
            let again = Entry::MarkOpen {
                cause: *cause,
                from: hour,
            };
            closed(*cause, *from, hour).into_iter().chain([again])
        })
        .collect()
    }

    /// Pieces that are final with this line.
    pub fn apply(&mut self, stream: &StreamId, line: &Line) -> Vec<MarkRow> {
        if line.seq <= self.seq || !line.entry.is_about_marks() {
            return Vec::new();
        }
        self.seq = line.seq;
        match line.entry {
            Entry::MarkOpen { cause, from } if is_one(cause) => {
                // Whoever opened one goes on with it or lets it begin earlier.
                let older = self.open.extract_if(.., |open| open.cause == cause);
                self.left.extend(older.filter(|open| open.from < from));
                let seq = line.seq;
                self.open.push(OpenMark { seq, cause, from });
                Vec::new()
            }
            Entry::MarkClose { cause, from, to } if is_one(cause) => {
                let known = self.left.len();
                self.left.retain(|left| (left.cause, left.from) != (cause, from));
                if self.left.len() == known {
                    // One that begins later is another.
                    let other = |open: &OpenMark| open.from > from && open.from >= to;
                    self.open.retain(|open| open.cause != cause || other(open));
                }
                pieces(stream, cause, from, to)
            }
            _ => Vec::new(),
        }
    }

    /// What to show for the marks that are not over.
    pub fn open_rows(&self, stream: &StreamId) -> Vec<MarkRow> {
        let row = |open: &OpenMark| MarkRow {
            stream: stream.clone(),
            start: open.from,
            end: None,
            cause: open.cause,
        };
        self.open.iter().map(row).collect()
    }
}

fn is_one(cause: Causes) -> bool {
    cause.bits().is_power_of_two()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use vigie_config::{CameraId, StreamName};

    use super::*;
    use crate::ledger::pieces::{HOUR_US, LONGEST_US, joined};

    const HOUR_S: i64 = 3600;

    fn stream() -> StreamId {
        StreamId::new(CameraId::new("gate").unwrap(), StreamName::Main)
    }
    /// Seconds since a midnight.
    fn at(seconds: i64) -> Utc {
        Utc::from_micros((20_000 * 24 * HOUR_S + seconds) * 1_000_000)
    }

    /// Drives a state as the catalog does, keeping the lines.
    #[derive(Default)]
    struct Live {
        state: MarkState,
        lines: Vec<Line>,
        pieces: Vec<MarkRow>,
    }
    impl Live {
        fn put(&mut self, entries: impl IntoIterator<Item = Entry>) {
            for entry in entries {
                let seq = self.lines.len() as i64 + 1;
                let line = Line { seq, entry };
                self.pieces.extend(self.state.apply(&stream(), &line));
                self.lines.push(line);
            }
        }
        fn open(&mut self, cause: Causes, from: i64) {
            self.put(self.state.opening(cause, at(from)));
        }
        fn close(&mut self, cause: Causes, to: i64) {
            self.put(self.state.closing(cause, at(to)));
        }
        fn rows(&self) -> Vec<(i64, i64, Causes)> {
            let rows = joined(self.pieces.clone()).into_iter();
            let seconds = |time: Utc| time.micros_since(at(0)) / 1_000_000;
            rows.map(|row| (seconds(row.start), seconds(row.end.unwrap()), row.cause))
                .collect()
        }
    }

    #[test]
    fn a_mark_is_opened_earlier_never_later_and_closed_once() {
        let mut live = Live::default();
        live.close(Causes::MOTION, 5);
        assert_eq!(live.lines, []);
        live.open(Causes::MOTION, 10);
        live.open(Causes::MOTION, 12);
        assert_eq!(live.state.since(Causes::MOTION), Some(at(10)));
        live.open(Causes::MOTION, 7);
        live.open(Causes::SENSOR, 8);
        assert_eq!(live.state.open_rows(&stream()).len(), 2);
        live.close(Causes::MOTION, 20);
        live.close(Causes::SENSOR, 3);
        live.close(Causes::SENSOR, 30);
        assert_eq!(live.rows(), [(7, 20, Causes::MOTION)]);
        assert_eq!(live.state.open(), []);
        assert_eq!(live.lines.len(), 5);
    }

    #[test]
    fn rows_are_cut_at_hours_and_lines_at_days() {
        let mut live = Live::default();
        let begin = 22 * HOUR_S + 1800;
        live.open(Causes::MANUAL, begin);
        live.close(Causes::MANUAL, begin + 2 * HOUR_S);
        let midnight = 24 * HOUR_S;
        assert_eq!(
            live.rows(),
            [
                (begin, midnight - HOUR_S, Causes::MANUAL),
                (midnight - HOUR_S, midnight, Causes::MANUAL),
                (midnight, midnight + 1800, Causes::MANUAL)
            ]
        );
        let days: Vec<Utc> = live.lines.iter().skip(1).map(|line| line.entry.day()).collect();
        assert_eq!(days, [at(begin), at(midnight)]);
    }

    #[test]
    fn what_goes_on_is_split_when_footage_does() {
        let mut live = Live::default();
        live.open(Causes::SCHEDULE, 600);
        live.open(Causes::MOTION, 3590);
        assert_eq!(live.state.splits(at(3659)), []);
        live.put(live.state.splits(at(3660)));
        assert_eq!(
            live.rows(),
            [(600, 3600, Causes::SCHEDULE), (3590, 3600, Causes::MOTION)]
        );
        assert_eq!(live.state.since(Causes::SCHEDULE), Some(at(3600)));
        assert_eq!(live.state.splits(at(3700)), []);
        live.close(Causes::MOTION, 3605);
        assert_eq!(live.rows().last(), Some(&(3600, 3605, Causes::MOTION)));
    }

    #[test]
    fn a_close_line_alone_is_enough_and_a_wrong_clock_harmless() {
        let close = |from, to| Line {
            seq: 9,
            entry: Entry::MarkClose {
                cause: Causes::MOTION,
                from,
                to,
            },
        };
        assert_eq!(MarkState::default().apply(&stream(), &close(at(3), at(5))).len(), 1);
        let rows = MarkState::default().apply(&stream(), &close(Utc::MIN, Utc::MAX));
        assert!(rows.len() as i64 <= LONGEST_US / HOUR_US + 1);
        let rows = MarkState::default().apply(&stream(), &close(Utc::MAX, Utc::MAX));
        assert_eq!(rows, []);
    }

    #[test]
    fn what_another_process_left_open_is_told_from_what_is_open_now() {
        let mut before = Live::default();
        before.open(Causes::MOTION, 10);
        let mut live = Live {
            lines: before.lines.clone(),
            ..Live::default()
        };
        live.open(Causes::MOTION, 100);
        live.state.found(before.state, Some(2));
        assert_eq!(
            (live.state.left().len(), live.state.since(Causes::MOTION)),
            (1, Some(at(100)))
        );
        live.put(closed(Causes::MOTION, at(10), at(40)));
        assert_eq!(live.state.left(), []);
        live.close(Causes::MOTION, 110);
        assert_eq!(live.rows(), [(10, 40, Causes::MOTION), (100, 110, Causes::MOTION)]);
        // A third one reads the same, at any time.
        for count in 2..=live.lines.len() {
            let mut state = MarkState::default();
            live.lines.iter().take(count).for_each(|line| {
                state.apply(&stream(), line);
            });
            assert_eq!(state.left().len(), usize::from(count == 2));
            assert_eq!(state.open().len(), usize::from(count < 4));
        }
    }

    proptest! {
        /// Rows of a rebuild equal the live ones, whatever happened and in whatever order the
        /// pieces come; those of one cause never overlap, and none leaves its hour.
        #[test]
        fn fold_equals_live(
            steps in proptest::collection::vec((0u8..4, 0i64..2000, 0i64..30, 0u8..3), 0..60),
            reversed: bool,
        ) {
            let causes = [Causes::MOTION, Causes::SENSOR, Causes::SCHEDULE];
            let mut live = Live::default();
            let (mut now, mut covered) = (0, Vec::new());
            for (step, later, back, cause) in steps {
                now += later / if step == 3 { 1 } else { 100 };
                let cause = causes[cause as usize];
                match step {
                    0 | 1 => live.open(cause, now - back),
                    2 => {
                        covered.extend(live.state.since(cause).map(|from| (cause, from, at(now - back))));
                        live.close(cause, now - back);
                    }
                    _ => live.put(live.state.splits(at(now))),
                }
            }
            let mut state = MarkState::default();
            let mut pieces: Vec<_> = live.lines.iter().flat_map(|l| state.apply(&stream(), l)).collect();
            if reversed {
                pieces.reverse();
            }
            let rows = joined(pieces);
            prop_assert_eq!(&rows, &joined(live.pieces.clone()));
            prop_assert_eq!(state, live.state);
            for cause in causes {
                let own: Vec<_> = rows.iter().filter(|row| row.cause == cause).collect();
                for pair in own.windows(2) {
                    prop_assert!(pair[0].end.unwrap() <= pair[1].start);
                }
            }
            for row in &rows {
                let end = row.end.unwrap();
                prop_assert!(row.start < end && end <= full_hour(row.start).plus_micros(HOUR_US));
            }
            for (cause, from, to) in covered {
                let own = rows.iter().filter(|row| row.cause == cause);
                let reached = own.fold(from, |at, row| if row.start <= at { at.max(row.end.unwrap()) } else { at });
                prop_assert!(reached >= to, "{} is covered up to {} of {}", from, reached, to);
            }
        }
    }
}
