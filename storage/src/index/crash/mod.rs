//! The index under `kill -9`, power cuts and damaged files: what it must hold is known by heart.
//!
//! Batch after batch is put and flushed; the checkpoint in it says which one was the last. What
//! the index must hold after each is a function of its number, so that whoever opens it later
//! needs no record of what was written. With `VIGIE_SHOWN=1` the counts are those of the
//! acceptance list.
#![allow(clippy::unwrap_used)]

mod kill;
mod torn;

use std::{
    path::{Path, PathBuf},
    sync::mpsc,
    time::{Duration, Instant},
};

use ulid::Ulid;
use vigie_config::{CameraId, Causes, GapCause, StreamId, StreamName, Utc};

use super::*;
use crate::{
    rows::{GapRow, MarkRow, SegmentRow},
    uuid::VolumeId,
};

const STREAMS: u64 = 12;
/// So many batches later a row goes: the log's old segments are used again and again.
const KEPT: u64 = 400;
const GAP_EVERY: u64 = 16;
const MINUTE: i64 = 60_000_000;
const VOLUME: VolumeId = VolumeId(7);
/// Opening and reading all takes well under a second; a loaded machine may take longer.
const PATIENCE: Duration = Duration::from_secs(60);

fn counts<T>(small: T, full: T) -> T {
    match std::env::var_os("VIGIE_SHOWN").is_some_and(|v| v == "1") {
        true => full,
        false => small,
    }
}

fn stream(n: u64) -> StreamId {
    StreamId::new(CameraId::new(&format!("camera-{n:02}")).unwrap(), StreamName::Main)
}

fn at(batch: u64) -> Utc {
    Utc::from_micros(batch as i64 * MINUTE)
}

fn row(n: u64, batch: u64) -> SegmentRow {
    let noise = (batch * 31 + n).wrapping_mul(2_654_435_761) % 1_000_003;
    SegmentRow {
        stream: stream(n),
        start: at(batch),
        end: at(batch + 1),
        bytes: 30_000_000 + noise,
        causes: Causes::SCHEDULE,
        volume: VOLUME,
        run: Ulid::from(u128::from(batch / 100)),
        number: batch as u32,
        continued: false,
        synchronised: true,
        codec: "avc1.640028,mp4a.40.2".into(),
        units: 4300,
        init_bytes: 1400,
        format: 0xabcd,
        audio_format: 0x1234,
    }
}

fn gap(n: u64, batch: u64) -> GapRow {
    GapRow {
        stream: stream(n),
        start: at(batch),
        end: Some(at(batch).plus_micros(2_000_000)),
        cause: GapCause::Stalled,
    }
}

fn mark(n: u64, batch: u64) -> MarkRow {
    MarkRow {
        stream: stream(n),
        start: at(batch),
        end: Some(at(batch).plus_micros(MINUTE / 2)),
        cause: Causes::MOTION,
    }
}

/// Does a batch open a gap of this stream, and have a mark?
fn has_gap(n: u64, batch: u64) -> bool {
    (batch + n).is_multiple_of(GAP_EVERY)
}

/// Puts a batch, which is durable with the next flush. The first is 1.
fn put(index: &Index, batch: u64) {
    for n in 0..STREAMS {
        index.put_segment(&row(n, batch)).unwrap();
        if has_gap(n, batch) {
            index.put_gap(&gap(n, batch)).unwrap();
            index.put_mark(&mark(n, batch)).unwrap();
        }
        if let Some(old) = batch.checked_sub(KEPT) {
            index.remove_segment(&stream(n), at(old), VOLUME).unwrap();
            index.remove_gap(&stream(n), at(old)).unwrap();
            index.remove_mark(&mark(n, old)).unwrap();
        }
    }
    index.set_checkpoint(VOLUME, &batch.to_le_bytes(), index.generation());
}

/// What an index that was opened turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    /// Whole, as it was after this batch; 0: empty.
    Batch(u64),
    /// It knows that it is not what it was: rows are made anew from the volumes.
    Noticed(String),
    /// It serves what no flush ever held.
    Wrong(String),
}

/// Opens it and reads everything, within [`PATIENCE`].
fn look(dir: &Path) -> Found {
    let (done, found) = mpsc::channel();
    let own: PathBuf = dir.to_owned();
    std::thread::spawn(move || done.send(look_now(&own)));
    match found.recv_timeout(PATIENCE) {
        Ok(found) => found,
        Err(error) => Found::Wrong(format!("{}: it hangs or panics: {error}", dir.display())),
    }
}

/// As it was left, or empty; an error: it says that it is not what it was.
fn open(dir: &Path) -> Result<Index, String> {
    let begin = Instant::now();
    loop {
        match Index::open(dir) {
            (index, Opening::Found | Opening::Fresh) => return Ok(index),
            (_, Opening::SetAside { why, .. }) => return Err(why),
            // A thread of sled's may hold the folder a moment longer than its index.
            (_, Opening::Memory { error })
                if error.to_string().contains("WouldBlock") && begin.elapsed() < PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            (_, Opening::Memory { error }) => return Err(error.to_string()),
        }
    }
}

/// The last batch that was flushed; 0: none.
fn newest(index: &Index) -> Result<u64, IndexError> {
    let mark = index.checkpoint(VOLUME)?;
    Ok(mark.map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().unwrap())))
}

fn look_now(dir: &Path) -> Found {
    let index = match open(dir) {
        Ok(index) => index,
        Err(why) => return Found::Noticed(why),
    };
    // As the storage does when it has opened it.
    let verified = index
        .summed_streams()
        .and_then(|all| all.iter().try_for_each(|stream| index.verify(stream)));
    match verified.and_then(|()| compare(&index)) {
        Ok(found) => match index.damaged().first() {
            Some(damage) => Found::Noticed(damage.what.to_owned()),
            None => found,
        },
        Err(error) => Found::Noticed(error.to_string()),
    }
}

fn compare(index: &Index) -> Result<Found, IndexError> {
    let batch = newest(index)?;
    let mut wrong = Vec::new();
    for n in 0..STREAMS {
        let segments = index.segments(&stream(n), Utc::MIN, Utc::MAX)?;
        let gaps = index.gaps(&stream(n), Utc::MIN, Utc::MAX)?;
        let all = batch.saturating_sub(KEPT) + 1..=batch;
        let expected: Vec<SegmentRow> = all.clone().map(|batch| row(n, batch)).collect();
        if segments != expected {
            wrong.push(format!("{}: {} rows of {}", stream(n), segments.len(), expected.len()));
        }
        let with: Vec<u64> = all.filter(|batch| has_gap(n, *batch)).collect();
        let expected: Vec<GapRow> = with.iter().map(|batch| gap(n, *batch)).collect();
        if gaps != expected {
            wrong.push(format!("{}: {} gaps of {}", stream(n), gaps.len(), expected.len()));
        }
        let marks = index.marks(&stream(n), Utc::MIN, Utc::MAX)?;
        let expected: Vec<MarkRow> = with.iter().map(|batch| mark(n, *batch)).collect();
        if marks != expected {
            wrong.push(format!("{}: {} marks of {}", stream(n), marks.len(), expected.len()));
        }
    }
    let known = index.streams()?.len() as u64;
    if known != if batch == 0 { 0 } else { STREAMS } {
        wrong.push(format!("{known} streams"));
    }
    Ok(match wrong.is_empty() {
        true => Found::Batch(batch),
        false => Found::Wrong(format!("after batch {batch}: {}", wrong.join(", "))),
    })
}
