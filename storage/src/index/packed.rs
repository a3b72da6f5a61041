//! The rows of one stream and one hour as one value; here those of segments, in [`super::spans`]
//! the others.
//!
//! ```text
//! version u8 = 1 · count · rows … · CRC-32 (little endian, over the key and all before it)
//! ```
//! Each number is the difference to what the row before lets one expect, so that an ordinary
//! row of 60 s takes about 13 bytes. What seldom changes (volume, run, codec, formats, causes)
//! is written only when it does.

use std::sync::Arc;

use ulid::Ulid;
use vigie_config::{Causes, StreamId, Utc};

use super::{key, varint};
use crate::{rows::SegmentRow, uuid::VolumeId};

const VERSION: u8 = 1;
/// Shortest possible row of either kind; bounds what a damaged count can ask for.
const LEAST_ROW_BYTES: usize = 2;

const CONTINUED: u8 = 1;
const SYNCHRONISED: u8 = 2;
/// Volume, run, codec, formats and causes are those of the row before.
const SAME: u8 = 4;

/// Why a value is not what it claims to be.
pub(super) type Damage = &'static str;

pub(super) fn pack_segments(key: &[u8], hour: i32, rows: &[SegmentRow]) -> Vec<u8> {
    let mut out = begin(rows.len(), 16);
    let mut before: Option<&SegmentRow> = None;
    for row in rows {
        let same = before.is_some_and(|b| {
            (b.volume, b.run, b.causes, b.format, b.audio_format)
                == (row.volume, row.run, row.causes, row.format, row.audio_format)
                && b.codec == row.codec
        });
        let flag = |on, bit| if on { bit } else { 0 };
        out.push(flag(row.continued, CONTINUED) | flag(row.synchronised, SYNCHRONISED) | flag(same, SAME));
        let expect = Expect::after(before, hour);
        varint::put_delta(&mut out, expect.start, micros(row.start));
        varint::put_delta(
            &mut out,
            expect.duration,
            micros(row.end).wrapping_sub(micros(row.start)),
        );
        varint::put_delta(&mut out, expect.bytes, row.bytes);
        varint::put_delta(&mut out, expect.units, row.units.into());
        varint::put_delta(&mut out, expect.number, row.number.into());
        varint::put_delta(&mut out, expect.init_bytes, row.init_bytes.into());
        if !same {
            out.extend(row.volume.0.to_le_bytes());
            out.extend(u128::from(row.run).to_le_bytes());
            out.extend(row.format.to_le_bytes());
            out.extend(row.audio_format.to_le_bytes());
            out.push(row.causes.bits());
            varint::put(&mut out, row.codec.len() as u64);
            out.extend(row.codec.as_bytes());
        }
        before = Some(row);
    }
    finish(out, key)
}

pub(super) fn unpack_segments(
    key: &[u8],
    stream: &StreamId,
    hour: i32,
    value: &[u8],
) -> Result<Vec<SegmentRow>, Damage> {
    let (mut bytes, count) = open(key, value)?;
    let mut rows: Vec<SegmentRow> = Vec::with_capacity(count);
    for _ in 0..count {
        let row = take_segment(&mut bytes, stream, hour, rows.last()).ok_or("a row is cut short")?;
        rows.push(row);
    }
    if bytes.is_empty() {
        Ok(rows)
    } else {
        Err("more bytes than rows")
    }
}

fn take_segment(bytes: &mut &[u8], stream: &StreamId, hour: i32, before: Option<&SegmentRow>) -> Option<SegmentRow> {
    let flags = take(bytes, 1)?.first().copied()?;
    let expect = Expect::after(before, hour);
    let start = varint::take_delta(bytes, expect.start)?;
    let duration = varint::take_delta(bytes, expect.duration)?;
    let size = varint::take_delta(bytes, expect.bytes)?;
    let units = varint::take_delta(bytes, expect.units)?.try_into().ok()?;
    let number = varint::take_delta(bytes, expect.number)?.try_into().ok()?;
    let init_bytes = varint::take_delta(bytes, expect.init_bytes)?.try_into().ok()?;
    let row = |shared: Shared| SegmentRow {
        stream: stream.clone(),
        start: Utc::from_micros(start as i64),
        end: Utc::from_micros(start.wrapping_add(duration) as i64),
        bytes: size,
        causes: shared.causes,
        volume: shared.volume,
        run: shared.run,
        number,
        continued: flags & CONTINUED != 0,
        synchronised: flags & SYNCHRONISED != 0,
        codec: shared.codec,
        units,
        init_bytes,
        format: shared.format,
        audio_format: shared.audio_format,
    };
    if flags & SAME != 0 {
        let b = before?;
        return Some(row(Shared {
            causes: b.causes,
            volume: b.volume,
            run: b.run,
            codec: b.codec.clone(),
            format: b.format,
            audio_format: b.audio_format,
        }));
    }
    let volume = u128::from_le_bytes(take(bytes, 16)?.try_into().ok()?);
    let run = u128::from_le_bytes(take(bytes, 16)?.try_into().ok()?);
    let format = u32::from_le_bytes(take(bytes, 4)?.try_into().ok()?);
    let audio_format = u32::from_le_bytes(take(bytes, 4)?.try_into().ok()?);
    let causes = take(bytes, 1)?.first().copied()?;
    let codec_len = varint::take(bytes)?.try_into().ok()?;
    let codec = std::str::from_utf8(take(bytes, codec_len)?).ok()?.into();
    Some(row(Shared {
        causes: Causes::from_bits(causes),
        volume: VolumeId(volume),
        run: Ulid::from(run),
        codec,
        format,
        audio_format,
    }))
}

/// What seldom changes.
struct Shared {
    causes: Causes,
    volume: VolumeId,
    run: Ulid,
    codec: Arc<str>,
    format: u32,
    audio_format: u32,
}

/// What a row is measured against: segments of a run follow each other without a break.
struct Expect {
    start: u64,
    duration: u64,
    bytes: u64,
    units: u64,
    number: u64,
    init_bytes: u64,
}

impl Expect {
    fn after(before: Option<&SegmentRow>, hour: i32) -> Expect {
        match before {
            None => Expect {
                start: micros(key::hour_start(hour)),
                duration: 0,
                bytes: 0,
                units: 0,
                number: 0,
                init_bytes: 0,
            },
            Some(b) => Expect {
                start: micros(b.end),
                duration: micros(b.end).wrapping_sub(micros(b.start)),
                bytes: b.bytes,
                units: b.units.into(),
                number: u64::from(b.number) + 1,
                init_bytes: b.init_bytes.into(),
            },
        }
    }
}

pub(super) fn micros(at: Utc) -> u64 {
    at.as_micros() as u64
}

pub(super) fn begin(count: usize, row_bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(96 + count * row_bytes);
    out.push(VERSION);
    varint::put(&mut out, count as u64);
    out
}

pub(super) fn finish(mut out: Vec<u8>, key: &[u8]) -> Vec<u8> {
    let crc = checksum(key, &out);
    out.extend(crc.to_le_bytes());
    out
}

/// Checks the frame of a value; what is left are its rows.
pub(super) fn open<'a>(key: &[u8], value: &'a [u8]) -> Result<(&'a [u8], usize), Damage> {
    let (body, crc) = value.split_last_chunk::<4>().ok_or("the value is cut short")?;
    if checksum(key, body) != u32::from_le_bytes(*crc) {
        return Err("the checksum is wrong");
    }
    let (version, mut bytes) = body.split_first().ok_or("the value is cut short")?;
    if *version != VERSION {
        return Err("the value is of a version this vigie does not know");
    }
    let count = varint::take(&mut bytes).and_then(|count| usize::try_from(count).ok());
    match count.filter(|count| *count <= bytes.len() / LEAST_ROW_BYTES) {
        Some(count) => Ok((bytes, count)),
        None => Err("the number of rows is wrong"),
    }
}

/// The key is part of it: a value under a wrong key is damage too.
pub(super) fn checksum(key: &[u8], body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(key);
    crc.update(body);
    crc.finalize()
}

pub(super) fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(head)
}
