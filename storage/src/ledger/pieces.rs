//! How the time of a mark is cut into lines and rows, and what rows its pieces make.
//!
//! Belongs here: arithmetic of stretches of time. Does not belong here: which marks are open.

use std::collections::BTreeMap;

use vigie_config::{Causes, StreamId, Utc};

use super::line::Entry;
use crate::rows::MarkRow;

/// A mark that begins this soon after the end of another of its cause continues it.
pub const SEAM_US: i64 = 2_000_000;

pub(super) const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;
/// Nothing is recorded in between: marks are split as footage goes on. More is a wrong clock.
pub(super) const LONGEST_US: i64 = 366 * DAY_US;

/// The lines of a mark that is over, one for each day it touches: the ledger of a day says all
/// about that day, and goes with it.
pub fn closed(cause: Causes, from: Utc, to: Utc) -> Vec<Entry> {
    let close = |(from, to)| Entry::MarkClose { cause, from, to };
    let mut entries: Vec<Entry> = cut(from, to, DAY_US).map(close).collect();
    if entries.is_empty() {
        // It leaves no row, and is not open either.
        entries.push(close((from, from)));
    }
    entries
}

pub(super) fn pieces(stream: &StreamId, cause: Causes, from: Utc, to: Utc) -> Vec<MarkRow> {
    let piece = |(start, end)| MarkRow {
        stream: stream.clone(),
        start,
        end: Some(end),
        cause,
    };
    cut(from, to, HOUR_US).map(piece).collect()
}

/// [`from`, `to`) at every full `step`.
fn cut(from: Utc, to: Utc, step: i64) -> impl Iterator<Item = (Utc, Utc)> {
    let to = to.min(from.plus_micros(LONGEST_US));
    let mut at = from;
    std::iter::from_fn(move || {
        let begin = at;
        at = Utc::from_micros(floor(begin, step).saturating_add(step)).min(to);
        (begin < at).then_some((begin, at))
    })
}

fn floor(at: Utc, step: i64) -> i64 {
    at.as_micros().div_euclid(step) * step
}

pub(super) fn full_hour(at: Utc) -> Utc {
    Utc::from_micros(floor(at, HOUR_US))
}

/// Adds a piece to the rows of its hour: rows of one cause that it touches become one with it.
pub fn join(rows: &mut Vec<MarkRow>, mut piece: MarkRow) {
    let near = |a: &MarkRow, b: &MarkRow| {
        let end = a.end.unwrap_or(Utc::MAX);
        b.start.micros_since(end) <= SEAM_US
    };
    rows.retain(|row| {
        let apart = row.cause != piece.cause || !near(row, &piece) || !near(&piece, row);
        if !apart {
            piece.start = piece.start.min(row.start);
            piece.end = piece.end.zip(row.end).map(|(a, b)| a.max(b));
        }
        apart
    });
    let at = rows.partition_point(|row| row.order() < piece.order());
    rows.insert(at, piece);
}

/// The rows that these pieces of one stream make, by start.
pub fn joined(pieces: impl IntoIterator<Item = MarkRow>) -> Vec<MarkRow> {
    let mut hours: BTreeMap<Utc, Vec<MarkRow>> = BTreeMap::new();
    for piece in pieces {
        join(hours.entry(full_hour(piece.start)).or_default(), piece);
    }
    hours.into_values().flatten().collect()
}
