//! What is read at the start: the newest file, and what it needs of those before.
//!
//! The newest file begins with the events that were not settled, so it is enough. The one before is
//! read too while the newest is younger than an hour, for the newest events are in it; and as
//! many more as it takes to come to one whose head and carried events are whole.

use std::{path::Path, sync::Arc};

use vigie_config::Utc;

use super::{
    current::Current,
    day::{self, DayFile, Span},
    error::EventLogError,
    lines::Lines,
    memory::Memory,
    record::EventRecord,
    stored::{Decoded, FORMAT, Head, Stored, decode},
};

const HOUR_US: i64 = 3_600_000_000;
/// Shorter than any line: a damaged file had fewer entries than its length by this.
const SHORTEST: u64 = 64;

/// Lines that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub path: std::path::PathBuf,
    pub lines: usize,
    /// Bytes behind the last whole line: what a power cut leaves, and nothing was answered for.
    pub torn: u64,
}

pub(super) struct Loaded {
    pub files: Vec<DayFile>,
    pub memory: Memory,
    /// The number of the last entry.
    pub last: u64,
    /// What is appended to; `None`: the next entries begin a file.
    pub current: Option<Current>,
    pub damage: Vec<Damage>,
}

/// The first lines of a file.
pub(super) struct Top {
    pub head: Head,
    pub carried: Vec<(u8, Arc<EventRecord>)>,
}

impl Top {
    /// `None`: not there, or not whole.
    pub fn read(path: &Path, len: u64) -> Result<Option<Top>, EventLogError> {
        let Some(mut lines) = Lines::open(path, len)? else {
            return Ok(None);
        };
        let mut top: Option<Top> = None;
        // What cannot be read is not whole.
        while let Ok(Some(line)) = lines.next() {
            match (line.text.map(decode), &mut top) {
                (Some(Decoded::Newer(seen)), _) => return Err(newer(path, seen)),
                (Some(Decoded::Line(Stored::Log(head))), None) => {
                    let carried = Vec::new();
                    top = Some(Top { head, carried });
                }
                (Some(Decoded::Line(Stored::Carried { times, event })), Some(top)) => {
                    top.carried.push((times, Arc::new(event)));
                }
                _ => break,
            }
            if top.as_ref().is_some_and(Top::is_whole) {
                return Ok(top);
            }
        }
        Ok(None)
    }

    fn is_whole(&self) -> bool {
        self.carried.len() == self.head.carried
    }
}

pub(super) fn newer(path: &Path, seen: u32) -> EventLogError {
    EventLogError::Newer {
        path: path.to_owned(),
        seen,
        known: FORMAT,
    }
}

pub(super) fn load(dir: &Path, recent: usize, now: Utc) -> Result<Loaded, EventLogError> {
    let mut files = day::list(dir).map_err(|error| EventLogError::Io {
        what: "read the folder",
        path: dir.to_owned(),
        error,
    })?;
    // The file to begin with, and what is at the top of those looked at, newest first.
    let mut tops = Vec::new();
    for (number, file) in files.iter().enumerate().rev() {
        let top = Top::read(&file.path(dir), u64::MAX)?;
        let newest = number + 1 == files.len();
        let young = |top: &Top| newest && now.micros_since(top.head.at) < HOUR_US;
        let enough = top.as_ref().is_some_and(|top| !young(top));
        tops.push(top);
        if enough {
            break;
        }
    }
    let begin = files.len() - tops.len();
    for top in tops.iter().flatten() {
        learn(&mut files, &top.head);
    }
    let (unread, read) = files.split_at_mut(begin);
    let unread = unread.iter().map(|file| file.span.unwrap_or(Span::ALL).to);
    // What the first file that is read does not carry was over when it was begun.
    let begun = tops.last().and_then(|top| Some(top.as_ref()?.head.at));
    let forgotten = unread.max().map(|latest| latest.max(begun.unwrap_or(latest)));
    let mut loaded = Loaded {
        memory: Memory::new(recent, forgotten.unwrap_or(Utc::MIN)),
        last: 0,
        current: None,
        damage: Vec::new(),
        files: Vec::new(),
    };
    for (file, top) in read.iter_mut().zip(tops.into_iter().rev()) {
        loaded.read(&file.path(dir), file, top)?;
    }
    loaded.files = files;
    Ok(loaded)
}

/// What a head tells of the files before it.
fn learn(files: &mut [DayFile], head: &Head) {
    let before = |file: &&mut DayFile| file.first >= head.known_from && file.first < head.first;
    for file in files.iter_mut().filter(before) {
        let mut span = Span::of_day(file.day);
        let stray = head.strays.iter().find(|(first, ..)| *first == file.first);
        if let Some((_, from, to)) = stray {
            span.stretch(Utc::from_micros(*from));
            span.stretch(Utc::from_micros(*to));
        }
        file.span.get_or_insert(span);
    }
}

impl Loaded {
    fn read(&mut self, path: &Path, file: &mut DayFile, top: Option<Top>) -> Result<(), EventLogError> {
        let mut span = Span::of_day(file.day);
        let (mut top_end, mut end, mut whole, mut damaged, mut bad_behind) = (0, 0, 0, 0, 0);
        if let Some(top) = &top {
            self.memory.carried(&top.carried, top.head.at);
        }
        self.last = self.last.max(file.first.saturating_sub(1));
        let Some(mut lines) = Lines::open(path, u64::MAX)? else {
            return Ok(());
        };
        // What a process that was killed had written and not synced is built upon from now on.
        lines.sync();
        loop {
            let line = match lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(_) => {
                    // A bad sector: what is behind it counts as damaged.
                    damaged += 1;
                    end = lines.len().max(end);
                    break;
                }
            };
            end = line.place.at + line.place.len as u64;
            let stored = match line.text.map(decode) {
                Some(Decoded::Line(stored)) => stored,
                Some(Decoded::Newer(seen)) => return Err(newer(path, seen)),
                Some(Decoded::Damaged) | None => {
                    bad_behind += 1;
                    continue;
                }
            };
            whole = end;
            damaged += std::mem::take(&mut bad_behind);
            match stored {
                // Without a whole head it is not known that these are all of them.
                Stored::Carried { times, event } if top.is_none() => self.memory.carry(times, &Arc::new(event)),
                stored => match stored.into_entry() {
                    Some((number, entry)) => {
                        self.last = self.last.max(number);
                        span.take(&entry);
                        self.memory.apply(entry);
                    }
                    None => top_end = end,
                },
            }
        }
        // A single bad line at the very end is what a cut leaves.
        damaged += usize::saturating_sub(bad_behind, 1);
        let torn = end - whole;
        file.span = Some(span);
        // A file that is not as it was written is never written to again: the log goes on in another,
        // with numbers that none of its entries can have had.
        let sound = top.is_some() && damaged == 0 && torn == 0;
        self.current = sound.then(|| Current::found(path, file.day, top_end, end));
        if !sound {
            self.last = self.last.max(file.first + end / SHORTEST);
        }
        if damaged > 0 || torn > 0 {
            self.damage.push(Damage {
                path: path.to_owned(),
                lines: damaged,
                torn,
            });
        }
        Ok(())
    }
}
