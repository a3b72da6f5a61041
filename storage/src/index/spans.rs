//! Rows that are a stretch of time and its cause: gaps and marks. In a value: start, end (0: open,
//! else 1 and the length), cause.

use vigie_config::{Causes, GapCause, StreamId, Utc};

use super::{
    key::{self, Kind},
    packed::{self, Damage, micros, take},
    varint,
};
use crate::{
    ledger,
    rows::{GapRow, MarkRow},
};

pub(super) trait Span: Clone + PartialEq + std::fmt::Debug {
    const KIND: Kind;

    fn new(stream: &StreamId, start: Utc, end: Option<Utc>, code: u8) -> Option<Self>;
    fn stream(&self) -> &StreamId;
    fn start(&self) -> Utc;
    fn end(&self) -> Option<Utc>;
    /// Of its cause.
    fn code(&self) -> u8;
    /// No two rows of an hour have the same one; they lie in the order of it.
    fn identity(&self) -> (Utc, u8);
    /// Adds a row to those of its hour.
    fn put(self, rows: &mut Vec<Self>);
}

impl Span for GapRow {
    const KIND: Kind = Kind::Gaps;

    fn new(stream: &StreamId, start: Utc, end: Option<Utc>, code: u8) -> Option<Self> {
        let (_, cause) = *CAUSES.iter().find(|(known, _)| *known == code)?;
        let stream = stream.clone();
        Some(GapRow {
            stream,
            start,
            end,
            cause,
        })
    }
    fn stream(&self) -> &StreamId {
        &self.stream
    }
    fn start(&self) -> Utc {
        self.start
    }
    fn end(&self) -> Option<Utc> {
        self.end
    }
    fn code(&self) -> u8 {
        let known = CAUSES.iter().find(|(_, known)| *known == self.cause);
        known.map_or(u8::MAX, |(code, _)| *code)
    }
    fn identity(&self) -> (Utc, u8) {
        (self.start, 0)
    }
    /// A row of the same start is replaced.
    fn put(self, rows: &mut Vec<Self>) {
        match rows.binary_search_by_key(&self.start, |row| row.start) {
            Ok(at) => {
                if let Some(slot) = rows.get_mut(at) {
                    *slot = self;
                }
            }
            Err(at) => rows.insert(at, self),
        }
    }
}

impl Span for MarkRow {
    const KIND: Kind = Kind::Marks;

    fn new(stream: &StreamId, start: Utc, end: Option<Utc>, code: u8) -> Option<Self> {
        let cause = Causes::from_bits(code);
        let stream = stream.clone();
        (cause.bits() == code && code.is_power_of_two()).then_some(MarkRow {
            stream,
            start,
            end,
            cause,
        })
    }
    fn stream(&self) -> &StreamId {
        &self.stream
    }
    fn start(&self) -> Utc {
        self.start
    }
    fn end(&self) -> Option<Utc> {
        self.end
    }
    fn code(&self) -> u8 {
        self.cause.bits()
    }
    fn identity(&self) -> (Utc, u8) {
        self.order()
    }
    /// Rows of the same cause that it touches become one with it.
    fn put(self, rows: &mut Vec<Self>) {
        ledger::join(rows, self);
    }
}

/// These numbers are on disk: add, never change.
const CAUSES: [(u8, GapCause); 10] = [
    (0, GapCause::CameraOffline),
    (1, GapCause::Network),
    (2, GapCause::Stalled),
    (3, GapCause::Refused),
    (4, GapCause::Overload),
    (5, GapCause::Disk),
    (6, GapCause::Shutdown),
    (7, GapCause::Crash),
    (8, GapCause::Disabled),
    (9, GapCause::Clock),
];

pub(super) fn pack<R: Span>(key: &[u8], hour: i32, rows: &[R]) -> Vec<u8> {
    let mut out = packed::begin(rows.len(), 8);
    let mut expected = micros(key::hour_start(hour));
    for row in rows {
        varint::put_delta(&mut out, expected, micros(row.start()));
        let length = row.end().map(|end| micros(end).wrapping_sub(micros(row.start())));
        out.push(u8::from(length.is_some()));
        varint::put_delta(&mut out, 0, length.unwrap_or(0));
        out.push(row.code());
        expected = micros(row.end().unwrap_or(row.start()));
    }
    packed::finish(out, key)
}

pub(super) fn unpack<R: Span>(key: &[u8], stream: &StreamId, hour: i32, value: &[u8]) -> Result<Vec<R>, Damage> {
    let (mut bytes, count) = packed::open(key, value)?;
    let mut rows: Vec<R> = Vec::with_capacity(count);
    let mut expected = micros(key::hour_start(hour));
    for _ in 0..count {
        let row: R = take_span(&mut bytes, stream, expected).ok_or("a row is cut short")?;
        expected = micros(row.end().unwrap_or(row.start()));
        rows.push(row);
    }
    if bytes.is_empty() {
        Ok(rows)
    } else {
        Err("more bytes than rows")
    }
}

fn take_span<R: Span>(bytes: &mut &[u8], stream: &StreamId, expected: u64) -> Option<R> {
    let start = varint::take_delta(bytes, expected)?;
    let closed = take(bytes, 1)?.first().copied()? != 0;
    let length = varint::take_delta(bytes, 0)?;
    let code = take(bytes, 1)?.first().copied()?;
    let end = closed.then(|| Utc::from_micros(start.wrapping_add(length) as i64));
    R::new(stream, Utc::from_micros(start as i64), end, code)
}
