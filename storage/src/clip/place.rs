//! Where each segment lies on the clip's time line, which is the wall clock's.

use vigie_config::Utc;

use crate::rows::SegmentRow;

/// The moments, in µs of wall clock, at which the segments' media times 0 are placed: their own
/// starts. Only where the clock was set back, so that a segment would begin before the one
/// before it ends, it is placed behind that one. `slack_us`: an overlap below one picture is the
/// rounding of two clocks and is left, or it would add up over a day.
pub(super) fn places(rows: &[SegmentRow], slack_us: i64) -> Vec<Utc> {
    let mut end: Option<Utc> = None;
    rows.iter()
        .map(|row| {
            let place = match end {
                Some(end) if row.start.plus_micros(slack_us) < end => end,
                _ => row.start,
            };
            end = Some(place.plus_micros(row.end.micros_since(row.start).max(0)));
            place
        })
        .collect()
}

/// µs to ticks, rounded down.
pub(super) fn ticks(micros: i64, timescale: u32) -> i64 {
    let ticks = (i128::from(micros) * i128::from(timescale)).div_euclid(1_000_000);
    i64::try_from(ticks).unwrap_or(i64::MAX)
}

/// Ticks to µs, rounded down.
pub(super) fn micros(ticks: i64, timescale: u32) -> i64 {
    let micros = (i128::from(ticks) * 1_000_000).div_euclid(i128::from(timescale.max(1)));
    i64::try_from(micros).unwrap_or(i64::MAX)
}
