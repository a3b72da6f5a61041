#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use ulid::Ulid;
use vigie_config::{CameraId, Causes, GapCause, StreamName};

use super::*;
use crate::{
    index::Index,
    rows::{GapRow, MarkRow, SegmentRow},
    uuid::VolumeId,
};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400;

fn stream() -> StreamId {
    StreamId::new(CameraId::new("gate").unwrap(), StreamName::Main)
}

fn at(seconds: i64) -> Utc {
    Utc::from_micros(seconds * SECOND)
}

fn segment(start: i64, length: i64) -> SegmentRow {
    SegmentRow {
        stream: stream(),
        start: at(start),
        end: at(start + length),
        bytes: 1,
        causes: Causes::SCHEDULE,
        volume: VolumeId(7),
        run: Ulid::from(99u128),
        number: 3,
        continued: false,
        synchronised: true,
        codec: "avc1.640028".into(),
        units: 1500,
        init_bytes: 900,
        format: 1,
        audio_format: 0,
    }
}

fn gap(start: i64, end: Option<i64>) -> GapRow {
    GapRow {
        stream: stream(),
        start: at(start),
        end: end.map(at),
        cause: GapCause::Network,
    }
}

#[derive(Debug, Clone)]
enum Change {
    Segment(i64, i64),
    Gone(usize),
    Gap(i64, i64),
    Mark(i64, i64),
    Clear,
    Ask(i64, i64, u64),
}

fn change() -> impl Strategy<Value = Change> {
    let time = || -20 * DAY..20 * DAY;
    prop_oneof![
        8 => (time(), 1i64..300).prop_map(|(start, length)| Change::Segment(start, length)),
        2 => any::<usize>().prop_map(Change::Gone),
        1 => (time(), 1i64..9 * DAY).prop_map(|(start, length)| Change::Gap(start, length)),
        2 => (time(), 1i64..3000).prop_map(|(start, length)| Change::Mark(start, length)),
        1 => Just(Change::Clear),
        6 => (time(), 3600i64..30 * DAY, 60u64..90_000).prop_map(|(from, length, step)| Change::Ask(from, length, step)),
    ]
}

fn covers(lanes: &Lanes, wanted: Lane, at_ms: i64) -> bool {
    let spans = lanes.iter().filter(|(lane, _)| *lane == wanted);
    spans
        .flat_map(|(_, spans)| spans)
        .any(|span| span.0 <= at_ms && at_ms < span.1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever was asked and changed before: an answer is what all rows give.
    #[test]
    fn answers_are_those_of_the_rows(changes in proptest::collection::vec(change(), 1..60)) {
        let catalog = Catalog::new(Index::in_memory(), Box::new(|_, _| true));
        let (mut segments, mut gaps, mut marks) = (Vec::new(), Vec::<GapRow>::new(), Vec::new());
        for change in changes {
            match change {
                Change::Segment(start, length) => {
                    let row = segment(start, length);
                    catalog.segment_found(&row);
                    segments.retain(|other: &SegmentRow| other.start != row.start);
                    segments.push(row);
                }
                Change::Gone(n) if !segments.is_empty() => {
                    let row = segments.swap_remove(n % segments.len());
                    catalog.segment_gone(&row.stream, row.start, row.volume);
                }
                Change::Gone(_) => {}
                Change::Gap(start, length) => {
                    let row = gap(start, Some(start + length));
                    let apart = |other: &GapRow| other.end < Some(row.start) || row.end < Some(other.start);
                    if gaps.iter().all(apart) {
                        // Open for a while, then over.
                        catalog.put_gap(&gap(start, None));
                        catalog.timeline(&stream(), at(start), at(start + length), COARSE, at(30 * DAY));
                        catalog.put_gap(&row);
                        gaps.push(row);
                    }
                }
                Change::Mark(start, length) => {
                    let end = (start + length).min((start.div_euclid(3600) + 1) * 3600);
                    let row = MarkRow { stream: stream(), start: at(start), end: Some(at(end)), cause: Causes::MOTION };
                    catalog.put_mark(&row);
                    marks.push(row);
                }
                Change::Clear => {
                    catalog.index().clear().unwrap();
                    (segments, gaps, marks) = Default::default();
                }
                Change::Ask(from, length, step) => {
                    let (to, now) = (from + length, at(40 * DAY));
                    let seen = catalog.timeline(&stream(), at(from), at(to), Duration::from_secs(step), now);
                    let mut truth = Lanes::default();
                    truth.add(&Recordings { segments: segments.clone(), gaps: gaps.clone(), marks: marks.clone() });
                    truth.merge(step as i64 * 1000);
                    for (lane, spans) in seen.iter() {
                        let most = length / step as i64 + 1;
                        prop_assert!(spans.len() as i64 <= most, "{lane:?}: {} of {most}", spans.len());
                    }
                    // Near the edges of a question spans that lie outside of it may join or not.
                    let step = step as i64;
                    for n in 0..200 {
                        let ms = (from + step + (length - 2 * step).max(0) * n / 200) * 1000;
                        for lane in [Lane::Footage, Lane::Missing(GapCause::Network), Lane::Recorded(Causes::MOTION)] {
                            let inside = length > 2 * step;
                            prop_assert!(!inside || covers(&seen, lane, ms) == covers(&truth, lane, ms), "{lane:?} at {ms}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_not_over_is_there_at_any_step() {
    let catalog = Catalog::new(Index::in_memory(), Box::new(|_, _| true));
    let (gate, now) = (stream(), at(10 * DAY + 600));
    catalog.segment_opened(1, segment(10 * DAY, 590), 0);
    catalog.mark_opened(&gate, Causes::MOTION, at(10 * DAY + 100));
    for step in [1, 60, 3600] {
        let step = Duration::from_secs(step);
        let seen = catalog.timeline(&gate, at(0), at(20 * DAY), step, now);
        let seen: Vec<_> = seen.iter().map(|(lane, spans)| (lane, spans.to_vec())).collect();
        let ms = |seconds: i64| (10 * DAY + seconds) * 1000;
        assert_eq!(seen[0], (Lane::Footage, vec![Span(ms(0), ms(590))]));
        assert_eq!(seen[1].0, Lane::Recorded(Causes::SCHEDULE));
        assert_eq!(seen[2], (Lane::Recorded(Causes::MOTION), vec![Span(ms(100), ms(600))]));
    }
    catalog.segment_closed(&gate, 1);
    catalog.gap_opened(&gate, at(10 * DAY + 590), GapCause::Stalled);
    let seen = catalog.timeline(&gate, at(9 * DAY), at(20 * DAY), COARSE, now);
    assert!(covers(&seen, Lane::Footage, (10 * DAY + 1) * 1000));
    assert!(covers(&seen, Lane::Missing(GapCause::Stalled), (10 * DAY + 599) * 1000));
    assert!(!covers(
        &seen,
        Lane::Missing(GapCause::Stalled),
        (10 * DAY + 601) * 1000
    ));
}

/// Years without footage, and a clock that once stood at 1970, cost nothing.
#[test]
fn all_of_time_is_a_question_like_any_other() {
    let catalog = Catalog::new(Index::in_memory(), Box::new(|_, _| true));
    catalog.segment_found(&segment(3 * DAY, 60));
    catalog.segment_found(&segment(20_000 * DAY, 60));
    for _ in 0..2 {
        let step = Duration::from_secs(1 << 30);
        let seen = catalog.timeline(&stream(), Utc::MIN, Utc::MAX, step, at(20_001 * DAY));
        let spans = seen.iter().map(|(_, spans)| spans.len()).sum::<usize>();
        // Footage, and why it was recorded.
        assert_eq!(spans, 4);
        assert!(catalog.index().days_bytes() < 4096, "{}", catalog.index().days_bytes());
    }
}

#[test]
fn memory_is_bounded() {
    let catalog = Catalog::new(Index::in_memory(), Box::new(|_, _| true));
    for n in 0..40 {
        let mut row = segment(0, 10);
        row.stream = StreamId::new(CameraId::new(&format!("cam{n}")).unwrap(), StreamName::Main);
        for minute in 0..400 {
            (row.start, row.end) = (at(minute * 200), at(minute * 200 + 10));
            catalog.segment_found(&row);
        }
        catalog.timeline(&row.stream, at(0), at(DAY), COARSE, at(DAY));
        assert!(catalog.index().days_bytes() <= crate::index::MOST_BYTES_OF_DAYS);
    }
    assert!(catalog.index().days_bytes() > 1000);
}

/// Days are kept more coarsely where they hold much; an answer never is.
#[test]
fn a_busy_day_is_told_as_finely_as_it_is_asked_for() {
    for count in [100, 2000] {
        let catalog = Catalog::new(Index::in_memory(), Box::new(|_, _| true));
        // Ten seconds, and twenty without.
        for n in 0..count {
            catalog.segment_found(&segment(n * 30, 10));
        }
        // The second time from what is kept.
        for (step, expected) in [(1, count), (5, count), (20, count), (30, 1), (60, 1)].repeat(2) {
            let step = Duration::from_secs(step);
            let seen = catalog.timeline(&stream(), at(0), at(DAY), step, at(DAY));
            let (lane, spans) = seen.iter().next().unwrap();
            assert_eq!(
                (lane, spans.len() as i64),
                (Lane::Footage, expected),
                "{count} at {step:?}"
            );
        }
    }
}
