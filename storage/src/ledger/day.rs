//! Reading the ledgers of a stream.

use std::{collections::BTreeMap, io, path::Path};

use vigie_config::{StreamId, Utc};

use super::line::Line;
use crate::{file::Root, layout};

/// A day of one stream has a few lines per gap and per alarm; more is not ours.
const MAX_BYTES: u64 = 256 << 20;

/// One day's lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayLedger {
    /// In the order of writing.
    pub lines: Vec<Line>,
    /// Lines that did not match their checksum.
    pub torn: usize,
    /// Length up to the last good line.
    pub valid_len: u64,
    pub file_len: u64,
}

impl DayLedger {
    pub fn parse(bytes: &[u8]) -> DayLedger {
        let mut day = DayLedger {
            file_len: bytes.len() as u64,
            ..DayLedger::default()
        };
        let mut at = 0u64;
        for text in bytes.split_inclusive(|b| *b == b'\n') {
            at += text.len() as u64;
            match text.strip_suffix(b"\n").and_then(Line::decode) {
                Some(line) => {
                    day.lines.push(line);
                    day.valid_len = at;
                }
                None => day.torn += 1,
            }
        }
        day
    }
}

/// The ledger of the day `at` lies in; empty when there is none.
pub fn read_day(root: &Root, stream: &StreamId, at: Utc) -> io::Result<DayLedger> {
    match root.read(&layout::ledger_path(stream, at), MAX_BYTES) {
        Ok(bytes) => Ok(DayLedger::parse(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(DayLedger::default()),
        Err(error) => Err(error),
    }
}

/// All lines of a stream from the day of `from` on, and of the days of `also`, over several
/// volumes, in order, each once. What cannot be read is left out and counted.
pub fn read_merged<'a>(
    roots: impl IntoIterator<Item = &'a Root>,
    stream: &StreamId,
    from: Utc,
    also: &[Utc],
) -> (Vec<Line>, usize) {
    let first_day = from.strftime("%Y-%m-%d");
    let also: Vec<String> = also.iter().map(|day| day.strftime("%Y-%m-%d")).collect();
    let mut lines = BTreeMap::new();
    let mut failed = 0;
    for root in roots {
        let Ok(days) = root.list(&layout::stream_dir(stream)) else {
            failed += 1;
            continue;
        };
        let wanted = |name: &String| *name >= first_day || also.contains(name);
        for day in days.iter().filter(|e| e.is_dir && wanted(&e.name)) {
            let Some(at) = layout::parse_day(&day.name) else {
                continue;
            };
            match read_day(root, stream, at) {
                Ok(day) => {
                    failed += day.torn;
                    for line in day.lines {
                        lines.insert(line.seq, line);
                    }
                }
                Err(_) => failed += 1,
            }
        }
    }
    (lines.into_values().collect(), failed)
}

/// The newest day (any volume) whose ledger says how the stream stands, or `None`. Looks into
/// every day since.
pub fn newest_gap_day<'a>(roots: impl IntoIterator<Item = &'a Root>, stream: &StreamId) -> Option<Utc> {
    roots
        .into_iter()
        .filter_map(|root| {
            let days = root.list(&layout::stream_dir(stream)).ok()?;
            days.iter().rev().filter(|e| e.is_dir).find_map(|day| {
                let at = layout::parse_day(&day.name)?;
                let known = root.exists(
                    &layout::stream_dir(stream)
                        .join(Path::new(&day.name))
                        .join(layout::LEDGER),
                );
                let ledger = known.ok()?.then(|| read_day(root, stream, at).ok())??;
                ledger.lines.iter().any(|l| l.entry.is_about_gaps()).then_some(at)
            })
        })
        .max()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::Entry;

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let day = DayLedger::parse(&bytes);
            prop_assert!(day.valid_len <= bytes.len() as u64);
        }
    }

    #[test]
    fn a_torn_tail_is_skipped() {
        let at = Utc::from_micros(1_700_000_000_000_000);
        let line = |seq| Line {
            seq,
            entry: Entry::Ended { at },
        };
        let mut text = line(1).encode().into_bytes();
        text.extend(line(2).encode().into_bytes());
        let whole = text.len() as u64;
        text.extend(&[0u8; 4000]);
        let day = DayLedger::parse(&text);
        assert_eq!((day.lines.len(), day.torn, day.valid_len), (2, 1, whole));
        // What is appended after a torn tail is on a line of its own.
        text.push(b'\n');
        text.extend(line(3).encode().into_bytes());
        let day = DayLedger::parse(&text);
        assert_eq!((day.lines.len(), day.valid_len), (3, text.len() as u64));
    }
}
