//! Weeks drawn to the minute, and whether a moment lies in one.
//!
//! A week is read off the clock on the wall: on a day of 23 hours the hour that is not there is in
//! no schedule, on one of 25 hours the hour that comes twice counts twice.
//! Belongs here: minutes and time zones. Does not belong here: what is done on a schedule.

use std::{fmt, sync::Arc};

use jiff::{civil::Weekday, tz::TimeZone};
use serde::{Serialize, Serializer};

use crate::{ScheduleId, Utc};

/// Minutes of a day, and its end as it is written, "24:00".
pub const DAY_MINUTES: u16 = 24 * 60;

/// From the first minute up to, not with, the second.
pub type Span = (u16, u16);

/// Seven days of spans, Monday first: each sorted, apart from each other, within the day.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Week([Vec<Span>; 7]);

impl Week {
    /// Spans as they were drawn: they may overlap and stand in any order; one that ends no later
    /// than it begins goes on into the next day.
    pub fn new(drawn: [Vec<Span>; 7]) -> Week {
        let mut days: [Vec<Span>; 7] = Default::default();
        for (day, spans) in drawn.into_iter().enumerate() {
            for (from, to) in spans {
                if from < to {
                    add(&mut days, day, (from, to.min(DAY_MINUTES)));
                } else {
                    add(&mut days, day, (from, DAY_MINUTES));
                    add(&mut days, (day + 1) % 7, (0, to));
                }
            }
        }
        Week(days.map(merged))
    }

    /// The spans of a day, Monday is 0.
    pub fn day(&self, day: usize) -> &[Span] {
        self.0.get(day).map_or(&[], Vec::as_slice)
    }

    pub fn contains(&self, now: Utc, zone: &TimeZone) -> bool {
        let local = now.timestamp().to_zoned(zone.clone());
        let day = local.weekday().to_monday_zero_offset();
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or(0);
        let spans = self.day(usize::try_from(day).unwrap_or(0));
        spans.iter().any(|(from, to)| (*from..*to).contains(&minute))
    }
}

fn add(days: &mut [Vec<Span>; 7], day: usize, span: Span) {
    if let Some(spans) = days.get_mut(day).filter(|_| span.0 < span.1) {
        spans.push(span);
    }
}

fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut apart: Vec<Span> = Vec::with_capacity(spans.len());
    for (from, to) in spans {
        match apart.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => apart.push((from, to)),
        }
    }
    apart
}

/// A named week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub id: ScheduleId,
    pub name: String,
    pub week: Arc<Week>,
}

impl Schedule {
    /// Those that are always there and cannot be changed: `24x7`, `24x5`, `24x2`.
    pub fn fixed() -> Vec<Schedule> {
        let on = |days: &[Weekday]| {
            let mut drawn: [Vec<Span>; 7] = Default::default();
            for day in days {
                let day = usize::try_from(day.to_monday_zero_offset()).unwrap_or(0);
                add(&mut drawn, day, (0, DAY_MINUTES));
            }
            Arc::new(Week::new(drawn))
        };
        use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
        let work = [Monday, Tuesday, Wednesday, Thursday, Friday];
        let all = [Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday];
        let fixed = [
            ("24x7", "Always", on(&all)),
            ("24x5", "Monday to Friday", on(&work)),
            ("24x2", "Saturday and Sunday", on(&[Saturday, Sunday])),
        ];
        let schedule = |(id, name, week): (&str, &str, Arc<Week>)| {
            Some(Schedule {
                id: ScheduleId::new(id).ok()?,
                name: name.to_owned(),
                week,
            })
        };
        fixed.into_iter().filter_map(schedule).collect()
    }
}

/// When something is to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    Off,
    Always,
    During(Schedule),
}

impl When {
    /// It may be on at some time.
    pub fn is_ever(&self) -> bool {
        match self {
            When::Off => false,
            When::Always => true,
            When::During(schedule) => *schedule.week != Week::default(),
        }
    }

    pub fn is_on(&self, now: Utc, zone: &TimeZone) -> bool {
        match self {
            When::Off => false,
            When::Always => true,
            When::During(schedule) => schedule.week.contains(now, zone),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::Off => f.write_str("off"),
            When::Always => f.write_str("always"),
            When::During(schedule) => fmt::Display::fmt(&schedule.id, f),
        }
    }
}

/// As it is written in the configuration.
impl Serialize for When {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Utc {
        text.parse().unwrap()
    }

    fn daily(span: Span) -> Week {
        Week::new(std::array::from_fn(|_| vec![span]))
    }

    #[test]
    fn spans_go_over_midnight_and_over_the_week() {
        let mut drawn: [Vec<Span>; 7] = Default::default();
        drawn[6] = vec![(22 * 60, 6 * 60)];
        let week = Week::new(drawn);
        assert_eq!(week.day(6), [(22 * 60, DAY_MINUTES)]);
        assert_eq!(week.day(0), [(0, 6 * 60)]);
        // From and to the same minute: a whole day from there on.
        let mut drawn: [Vec<Span>; 7] = Default::default();
        drawn[2] = vec![(60, 60)];
        let week = Week::new(drawn);
        assert_eq!((week.day(2), week.day(3)), (&[(60, DAY_MINUTES)][..], &[(0, 60)][..]));
    }

    #[test]
    fn the_hour_that_is_not_there_is_in_no_schedule() {
        // 2026-03-29 in Paris: 02:00 to 03:00 is left out.
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let night = daily((2 * 60, 3 * 60));
        let minutes = |from: &str, hours: i64| {
            let minute = |minute: &i64| night.contains(at(from).plus_micros(minute * 60_000_000), &paris);
            (0..hours * 60).filter(minute).count()
        };
        assert_eq!(minutes("2026-03-28T23:00:00Z", 23), 0, "a day of 23 hours");
        assert_eq!(minutes("2026-03-29T22:00:00Z", 24), 60);
        assert_eq!(minutes("2026-10-24T22:00:00Z", 25), 120, "a day of 25 hours");
        assert!(!night.contains(at("2026-03-29T00:59:59Z"), &paris));
        assert!(!night.contains(at("2026-03-29T01:00:00Z"), &paris));
        assert!(daily((3 * 60, 4 * 60)).contains(at("2026-03-29T01:00:00Z"), &paris));
    }

    #[test]
    fn the_hour_that_comes_twice_counts_twice() {
        // 2026-10-25 in Paris: 02:00 to 03:00 comes twice.
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let night = daily((2 * 60, 3 * 60));
        for (text, on) in [
            ("2026-10-24T23:59:59Z", false),
            ("2026-10-25T00:00:00Z", true),
            ("2026-10-25T00:59:59Z", true),
            ("2026-10-25T01:00:00Z", true),
            ("2026-10-25T01:59:59Z", true),
            ("2026-10-25T02:00:00Z", false),
        ] {
            assert_eq!(night.contains(at(text), &paris), on, "{text}");
        }
    }

    #[test]
    fn fixed_schedules() {
        let fixed = Schedule::fixed();
        let on = |id: &str, text: &str| {
            let schedule = fixed.iter().find(|schedule| schedule.id.as_str() == id).unwrap();
            schedule.week.contains(at(text), &TimeZone::UTC)
        };
        // 2026-11-20 is a Friday.
        let (friday, saturday, sunday, monday) = (
            "2026-11-20T23:59:59Z",
            "2026-11-21T00:00:00Z",
            "2026-11-22T23:59:59Z",
            "2026-11-23T00:00:00Z",
        );
        assert_eq!(
            [friday, saturday, sunday, monday].map(|t| on("24x5", t)),
            [true, false, false, true]
        );
        assert_eq!(
            [friday, saturday, sunday, monday].map(|t| on("24x2", t)),
            [false, true, true, false]
        );
        assert_eq!([friday, saturday, sunday, monday].map(|t| on("24x7", t)), [true; 4]);
    }

    proptest! {
        /// However spans are drawn, a week holds exactly their minutes, sorted and apart.
        #[test]
        fn a_week_holds_what_was_drawn(
            drawn in proptest::collection::vec(proptest::collection::vec((0u16..1440, 0u16..=1440), 0..5), 7)
        ) {
            let mut expected = vec![false; 7 * 1440];
            for (day, spans) in drawn.iter().enumerate() {
                for (from, to) in spans {
                    let length = if from < to { to - from } else { 1440 - from + to };
                    for minute in 0..usize::from(length) {
                        let at = (day * 1440 + usize::from(*from) + minute) % (7 * 1440);
                        expected[at] = true;
                    }
                }
            }
            let week = Week::new(drawn.try_into().unwrap());
            let mut seen = vec![false; 7 * 1440];
            for day in 0..7 {
                prop_assert!(week.day(day).windows(2).all(|pair| pair[0].1 < pair[1].0));
                for (from, to) in week.day(day) {
                    prop_assert!(from < to && *to <= DAY_MINUTES);
                    seen[day * 1440 + usize::from(*from)..day * 1440 + usize::from(*to)].fill(true);
                }
            }
            prop_assert_eq!(seen, expected);
        }
    }
}
