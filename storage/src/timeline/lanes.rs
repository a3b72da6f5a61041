//! Spans of time by kind, and how near ones become one. Pure.

use serde::Serialize;
use vigie_config::{Causes, GapCause};

use crate::rows::Recordings;

/// Where something begins and ends that is not over.
pub const OPEN: i64 = i64::MAX;

/// Begin and end in whole milliseconds since 1970; in JSON `[begin, end]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Span(pub i64, pub i64);

/// What a span tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    Footage,
    /// One reason.
    Recorded(Causes),
    Missing(GapCause),
}

/// The spans of each lane that has any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lanes(Vec<(Lane, Vec<Span>)>);

impl Lanes {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn push(&mut self, lane: Lane, span: Span) {
        self.spans(lane).push(span);
    }

    /// Rows as spans, not merged; what is not over ends at [`OPEN`].
    pub fn add(&mut self, rows: &Recordings) {
        let end = |end: Option<vigie_config::Utc>| end.map_or(OPEN, |end| up(end.as_micros()));
        for row in &rows.segments {
            let span = Span(down(row.start.as_micros()), up(row.end.as_micros()));
            self.push(Lane::Footage, span);
            // What events bring about has marks, exact to the moment; recording all the time has none.
            if row.causes.contains(Causes::SCHEDULE) {
                self.push(Lane::Recorded(Causes::SCHEDULE), span);
            }
        }
        for row in &rows.marks {
            self.push(
                Lane::Recorded(row.cause),
                Span(down(row.start.as_micros()), end(row.end)),
            );
        }
        for row in &rows.gaps {
            self.push(
                Lane::Missing(row.cause),
                Span(down(row.start.as_micros()), end(row.end)),
            );
        }
    }

    pub fn append(&mut self, other: &Lanes) {
        for (lane, spans) in &other.0 {
            self.spans(*lane).extend(spans);
        }
    }

    /// Of each lane, spans that overlap or lie nearer than `step_ms` become one; in order.
    pub fn merge(&mut self, step_ms: i64) {
        for (_, spans) in &mut self.0 {
            merge(spans, step_ms);
            spans.shrink_to_fit();
        }
    }

    /// Only what lies in [`from`, `to`). What is not over lasts until `now`.
    pub fn clip(&mut self, from: i64, to: i64, now: i64) {
        for (_, spans) in &mut self.0 {
            for span in spans.iter_mut() {
                let end = if span.1 == OPEN { now } else { span.1 };
                *span = Span(span.0.max(from), end.min(to));
            }
            spans.retain(|span| span.0 < span.1);
        }
        self.0.retain(|(_, spans)| !spans.is_empty());
    }

    pub fn iter(&self) -> impl Iterator<Item = (Lane, &[Span])> {
        self.0.iter().map(|(lane, spans)| (*lane, spans.as_slice()))
    }

    pub fn spans_in_all(&self) -> usize {
        self.0.iter().map(|(_, spans)| spans.len()).sum()
    }

    /// What it takes in memory, about.
    pub fn bytes(&self) -> usize {
        let lanes = self.0.iter();
        lanes
            .map(|(_, spans)| size_of::<(Lane, Vec<Span>)>() + spans.capacity() * size_of::<Span>())
            .sum::<usize>()
            + size_of::<Self>()
    }

    fn spans(&mut self, lane: Lane) -> &mut Vec<Span> {
        let at = self.0.iter().position(|(known, _)| *known == lane);
        let at = at.unwrap_or_else(|| {
            self.0.push((lane, Vec::new()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }
}

fn merge(spans: &mut Vec<Span>, step_ms: i64) {
    spans.sort_unstable();
    spans.dedup_by(|next, kept| {
        let near = next.0 < kept.1.saturating_add(step_ms) || next.0 <= kept.1;
        if near {
            kept.1 = kept.1.max(next.1);
        }
        near
    });
}

fn down(micros: i64) -> i64 {
    micros.div_euclid(1000)
}

fn up(micros: i64) -> i64 {
    -(-micros).div_euclid(1000)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn lanes(spans: &[(i64, i64)]) -> Lanes {
        let mut lanes = Lanes::default();
        spans.iter().for_each(|(a, b)| lanes.push(Lane::Footage, Span(*a, *b)));
        lanes
    }

    fn footage(lanes: &Lanes) -> Vec<Span> {
        lanes.iter().next().map(|(_, spans)| spans.to_vec()).unwrap_or_default()
    }

    proptest! {
        #[test]
        fn merged_spans_cover_the_same_and_no_gap_is_left_that_is_nearer_than_a_step(
            spans in proptest::collection::vec((0i64..1000, 1i64..50), 0..60), step in 1i64..80, fine in 1i64..80,
        ) {
            let spans: Vec<_> = spans.into_iter().map(|(start, length)| (start, start + length)).collect();
            let mut merged = lanes(&spans);
            merged.merge(step);
            let found = footage(&merged);
            for (start, end) in &spans {
                prop_assert!(found.iter().any(|span| span.0 <= *start && span.1 >= *end));
            }
            for pair in found.windows(2) {
                prop_assert!(pair[1].0 - pair[0].1 >= step, "{found:?}");
            }
            for span in &found {
                prop_assert!(spans.iter().any(|s| s.0 == span.0) && spans.iter().any(|s| s.1 == span.1));
            }
            // Merging finely first changes nothing: what is cached is.
            let mut twice = lanes(&spans);
            twice.merge(fine.min(step));
            twice.merge(step);
            prop_assert_eq!(twice, merged);
        }
    }

    #[test]
    fn what_is_not_over_lasts_until_now_and_no_longer_than_asked_for() {
        let mut open = lanes(&[(10, OPEN), (2, 5)]);
        open.merge(1);
        let clip = |from, to, now| {
            let mut lanes = open.clone();
            lanes.clip(from, to, now);
            footage(&lanes)
        };
        assert_eq!(clip(0, 100, 50), [Span(2, 5), Span(10, 50)]);
        assert_eq!(clip(4, 30, 50), [Span(4, 5), Span(10, 30)]);
        assert_eq!(clip(0, 100, 10), [Span(2, 5)]);
        assert_eq!(clip(50, 60, 40), []);
    }

    #[test]
    fn milliseconds_never_cut_what_they_stand_for() {
        assert_eq!((down(1999), up(1001), up(2000), down(-1), up(-1)), (1, 2, 2, -1, 0));
    }
}
