//! From ledger lines to gap rows.

use vigie_config::{GapCause, StreamId, Utc};

use super::line::{Entry, Line};
use crate::rows::GapRow;

/// A gap that is over after this long, or sooner, was none.
pub const SHORTEST_US: i64 = 1_000_000;

/// Where a stream stands. Pure: lines in, finished rows out; live recording and rebuilding feed
/// it the same lines and so get the same rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GapState {
    open: Option<OpenGap>,
    /// The line that took the stream out of recording.
    ended: Option<i64>,
    /// The last line that was applied; older and equal ones are ignored.
    seq: i64,
    /// The latest day whose ledger has a line that was applied.
    newest_day: Option<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenGap {
    /// Of the line that opened it.
    pub seq: i64,
    /// Begin of the whole loss.
    pub since: Utc,
    /// Begin of the present cause.
    pub from: Utc,
    pub cause: GapCause,
    /// Earlier causes, held back while the whole is still too short to be a gap.
    held: Vec<(Utc, Utc, GapCause)>,
}

impl GapState {
    pub fn open(&self) -> Option<&OpenGap> {
        self.open.as_ref()
    }
    /// The stream was taken out of recording.
    pub fn ended(&self) -> bool {
        self.ended.is_some()
    }
    /// Number of the line that took it out.
    pub fn ended_seq(&self) -> Option<i64> {
        self.ended
    }
    pub fn seq(&self) -> i64 {
        self.seq
    }
    /// A time of the latest day whose ledger says how the stream stands.
    pub fn newest_day(&self) -> Option<Utc> {
        self.newest_day
    }
    /// There are lines of that day too.
    pub fn saw_day(&mut self, day: Option<Utc>) {
        self.newest_day = self.newest_day.max(day);
    }

    /// The entry that opens a gap; `None` when one is open.
    pub fn opening(&self, at: Utc, cause: GapCause) -> Option<Entry> {
        self.open.is_none().then_some(Entry::GapOpen { at, cause })
    }
    /// The entry that changes the cause; `None` when no gap is open or it has that cause.
    pub fn changing(&self, at: Utc, cause: GapCause) -> Option<Entry> {
        let open = self.open.as_ref().filter(|open| open.cause != cause)?;
        Some(Entry::GapCause {
            since: open.since,
            from: open.from,
            was: open.cause,
            at: at.max(open.from),
            cause,
        })
    }
    pub fn closing(&self, at: Utc) -> Option<Entry> {
        let open = self.open.as_ref()?;
        Some(Entry::GapClose {
            since: open.since,
            from: open.from,
            was: open.cause,
            at,
        })
    }

    /// Rows that are final with this line.
    pub fn apply(&mut self, stream: &StreamId, line: &Line) -> Vec<GapRow> {
        if line.seq <= self.seq || !line.entry.is_about_gaps() {
            return Vec::new();
        }
        self.seq = line.seq;
        self.saw_day(Some(line.entry.day()));
        match &line.entry {
            Entry::GapOpen { at, cause } => {
                self.open = Some(OpenGap {
                    seq: line.seq,
                    since: *at,
                    from: *at,
                    cause: *cause,
                    held: Vec::new(),
                });
                self.ended = None;
                Vec::new()
            }
            Entry::GapCause {
                since,
                from,
                was,
                at,
                cause,
            } => {
                let opened = self.open.as_ref().filter(|open| open.since == *since);
                let seq = opened.map_or(line.seq, |open| open.seq);
                let mut held = self.take_held(*since);
                held.push((*from, *at, *was));
                let rows = release(stream, &mut held, *since, *at);
                self.open = Some(OpenGap {
                    seq,
                    since: *since,
                    from: *at,
                    cause: *cause,
                    held,
                });
                rows
            }
            Entry::GapClose { since, from, was, at } => {
                let mut held = self.take_held(*since);
                held.push((*from, *at, *was));
                release(stream, &mut held, *since, *at)
            }
            Entry::Ended { .. } => {
                self.open = None;
                self.ended = Some(line.seq);
                Vec::new()
            }
            Entry::MarkOpen { .. } | Entry::MarkClose { .. } | Entry::ClockStep { .. } => Vec::new(),
        }
    }

    fn take_held(&mut self, since: Utc) -> Vec<(Utc, Utc, GapCause)> {
        self.open
            .take()
            .filter(|open| open.since == since)
            .map(|open| open.held)
            .unwrap_or_default()
    }

    /// What to show for the gap that is not over: its pieces so far and the open one.
    pub fn open_rows(&self, stream: &StreamId) -> Vec<GapRow> {
        let Some(open) = &self.open else { return Vec::new() };
        let held = open.held.iter().map(|(from, to, cause)| (*from, Some(*to), *cause));
        held.chain([(open.from, None, open.cause)])
            .filter(|(start, end, _)| end.is_none_or(|end| end > *start))
            .map(|(start, end, cause)| GapRow {
                stream: stream.clone(),
                start,
                end,
                cause,
            })
            .collect()
    }
}

fn release(stream: &StreamId, held: &mut Vec<(Utc, Utc, GapCause)>, since: Utc, now: Utc) -> Vec<GapRow> {
    if now.micros_since(since) <= SHORTEST_US {
        return Vec::new();
    }
    held.drain(..)
        .filter(|(from, to, _)| to > from)
        .map(|(start, end, cause)| GapRow {
            stream: stream.clone(),
            start,
            end: Some(end),
            cause,
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use vigie_config::{CameraId, StreamName};

    use super::*;

    fn stream() -> StreamId {
        StreamId::new(CameraId::new("gate").unwrap(), StreamName::Main)
    }
    fn at(ms: i64) -> Utc {
        Utc::from_micros(1_700_000_000_000_000 + ms * 1000)
    }

    /// Drives a state as the catalog does, keeping the lines.
    struct Live {
        state: GapState,
        lines: Vec<Line>,
        rows: Vec<GapRow>,
    }
    impl Live {
        fn new() -> Self {
            Self {
                state: GapState::default(),
                lines: Vec::new(),
                rows: Vec::new(),
            }
        }
        fn put(&mut self, entry: Option<Entry>) {
            if let Some(entry) = entry {
                let line = Line {
                    seq: self.lines.len() as i64 + 1,
                    entry,
                };
                self.rows.extend(self.state.apply(&stream(), &line));
                self.lines.push(line);
            }
        }
    }

    #[test]
    fn causes_split_a_gap() {
        let mut live = Live::new();
        live.put(live.state.opening(at(0), GapCause::CameraOffline));
        assert_eq!(live.state.opening(at(1), GapCause::Network), None);
        live.put(live.state.changing(at(500), GapCause::Network));
        assert!(live.rows.is_empty());
        assert_eq!(live.state.open_rows(&stream()).len(), 2);
        assert_eq!(live.state.changing(at(600), GapCause::Network), None);
        live.put(live.state.closing(at(5000)));
        let rows: Vec<_> = live.rows.iter().map(|r| (r.start, r.end.unwrap(), r.cause)).collect();
        assert_eq!(
            rows,
            [
                (at(0), at(500), GapCause::CameraOffline),
                (at(500), at(5000), GapCause::Network)
            ]
        );
    }

    #[test]
    fn a_second_is_no_gap() {
        let mut live = Live::new();
        live.put(live.state.opening(at(0), GapCause::Network));
        live.put(live.state.changing(at(300), GapCause::Stalled));
        live.put(live.state.closing(at(1000)));
        assert!(live.rows.is_empty());
        assert!(live.state.open().is_none());
    }

    #[test]
    fn a_close_line_alone_is_enough() {
        let mut state = GapState::default();
        let line = Line {
            seq: 9,
            entry: Entry::GapClose {
                since: at(0),
                from: at(700),
                was: GapCause::Disk,
                at: at(2000),
            },
        };
        let rows = state.apply(&stream(), &line);
        assert_eq!(rows.len(), 1);
        assert!(state.apply(&stream(), &line).is_empty());
    }

    #[test]
    fn lines_survive_as_text_and_torn_ones_do_not() {
        let line = Line {
            seq: 7,
            entry: Entry::GapCause {
                since: at(0),
                from: at(0),
                was: GapCause::Refused,
                at: at(9),
                cause: GapCause::Clock,
            },
        };
        let text = line.encode();
        assert_eq!(Line::decode(text.trim_end().as_bytes()), Some(line));
        for cut in 0..text.len() - 1 {
            assert_eq!(Line::decode(&text.as_bytes()[..cut]), None);
        }
    }

    proptest! {
        /// Rows of a rebuild equal the live ones, whatever happened, and never overlap.
        #[test]
        fn fold_equals_live(steps in proptest::collection::vec((0u8..4, 0i64..3000, 0u8..3), 0..60)) {
            let causes = [GapCause::Network, GapCause::Stalled, GapCause::Disk];
            let mut live = Live::new();
            let mut now = 0;
            for (step, later, cause) in steps {
                now += later;
                let cause = causes[cause as usize];
                let entry = match step {
                    0 => live.state.opening(at(now), cause),
                    1 => live.state.changing(at(now), cause),
                    2 => live.state.closing(at(now)),
                    _ => None,
                };
                live.put(entry);
            }
            let mut state = GapState::default();
            let rows: Vec<_> = live.lines.iter().flat_map(|l| state.apply(&stream(), l)).collect();
            prop_assert_eq!(&rows, &live.rows);
            prop_assert_eq!(state, live.state);
            for pair in rows.windows(2) {
                prop_assert!(pair[0].end.unwrap() <= pair[1].start);
            }
        }
    }
}
