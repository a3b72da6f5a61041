//! The files of the log, and which times each of them tells about.
//!
//! A file is named `<day>.<number>.jsonl` for the UTC day on which it was written and for the
//! sequence number from which it goes on. Files in the order of their numbers are the log in the
//! order of writing, wherever the clock stood; on most days there is one, and one for each 64 MiB of a day with
//! very many events.
//!
//! A file **covers** the span from the start of its day, or from the earliest time in it, to the
//! end of its day, the start of the next file's day, or the latest time in it; the newest covers
//! all that is to come. Its times are starts and ends of the events begun and ended in it, and
//! when their ids were made. Two files in a row always touch: both cover the start of the
//! second one's day, also when the clock was put back. An event is told by the file in which it
//! began and by all others up to the one in which it ended (they carry it), so the spans of
//! these have no hole, and whoever looks for the events of some time needs the files that cover
//! it and no others.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use vigie_config::Utc;

use super::{record::Entry, record::made_at};
use crate::layout::parse_day;

pub(super) const DAY_US: i64 = 86_400_000_000;

/// Both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub from: Utc,
    pub to: Utc,
}

impl Span {
    pub const ALL: Span = Span {
        from: Utc::MIN,
        to: Utc::MAX,
    };

    pub fn of_day(day: Utc) -> Span {
        Span {
            from: day,
            to: day.plus_micros(DAY_US - 1),
        }
    }

    pub fn meets(&self, other: Span) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    pub fn stretch(&mut self, at: Utc) {
        self.from = self.from.min(at);
        self.to = self.to.max(at);
    }

    /// The times of an entry.
    pub fn take(&mut self, entry: &Entry) {
        match entry {
            Entry::Begun(event) => {
                self.stretch(event.start);
                self.stretch(made_at(event.id));
                self.stretch(event.end.unwrap_or(event.start));
            }
            Entry::Ended { at, .. } => self.stretch(*at),
            Entry::Outcome { .. } => {}
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DayFile {
    pub day: Utc,
    /// No entry in it has a lower number, and none in earlier files has it or a higher one.
    pub first: u64,
    /// Its day and the times in it; `None`: not known before it is read.
    pub span: Option<Span>,
}

impl DayFile {
    pub fn new(now: Utc, first: u64) -> DayFile {
        let day = midnight(now);
        DayFile {
            day,
            first,
            span: Some(Span::of_day(day)),
        }
    }

    pub fn path(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{}.{:010}.jsonl", self.day.strftime("%Y-%m-%d"), self.first))
    }

    fn parse(name: &str) -> Option<DayFile> {
        let (day, rest) = name.split_once('.')?;
        let file = DayFile {
            day: parse_day(day)?,
            first: rest.strip_suffix(".jsonl")?.parse().ok()?,
            span: None,
        };
        (file.path(Path::new("")) == Path::new(name)).then_some(file)
    }
}

pub(super) fn midnight(at: Utc) -> Utc {
    Utc::from_micros(at.as_micros().div_euclid(DAY_US) * DAY_US)
}

/// In the order of writing; nothing is read but names.
pub(super) fn list(dir: &Path) -> io::Result<Vec<DayFile>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        files.extend(entry?.file_name().to_str().and_then(DayFile::parse));
    }
    files.sort_unstable_by_key(|file| (file.first, file.day));
    Ok(files)
}

/// The span that each file covers.
pub(super) fn coverage(files: &[DayFile]) -> Vec<Span> {
    let next = files.iter().skip(1).map(Some).chain([None]);
    let cover = |(file, next): (&DayFile, Option<&DayFile>)| match (file.span, next) {
        (None, _) => Span::ALL,
        (Some(mut span), Some(next)) => {
            // Up to the next file's day, and not into it: that day's queries need not read this one.
            let forward = next.day > file.day;
            span.stretch(if forward { next.day.plus_micros(-1) } else { next.day });
            span
        }
        (Some(span), None) => Span { to: Utc::MAX, ..span },
    };
    files.iter().zip(next).map(cover).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(text: &str) -> Utc {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_days_and_numbers() {
        let file = DayFile::new(at("2026-11-20T09:41:00Z"), 51);
        let path = file.path(Path::new(""));
        assert_eq!(path.to_str().unwrap(), "2026-11-20.0000000051.jsonl");
        let parsed = DayFile::parse("2026-11-20.0000000051.jsonl").unwrap();
        assert_eq!((parsed.day, parsed.first), (at("2026-11-20T00:00:00Z"), 51));
        for name in [
            "",
            "2026-11-20.jsonl",
            "2026-11-20.51.jsonl",
            "2026-11-20.0000000051.jsonl.broken",
            "2026-13-20.0000000051.jsonl",
            "2026-11-20.+000000051.jsonl",
        ] {
            assert_eq!(DayFile::parse(name), None, "{name}");
        }
    }

    #[test]
    fn two_files_in_a_row_always_touch() {
        let days = ["2026-11-20", "2026-11-23", "2099-01-01", "2026-11-23", "1970-01-01"];
        let files: Vec<DayFile> = days
            .iter()
            .zip(1..)
            .map(|(day, first)| DayFile::new(at(&format!("{day}T12:00:00Z")), first))
            .collect();
        let spans = coverage(&files);
        for (file, pair) in files[1..].iter().zip(spans.windows(2)) {
            assert!(pair[0].to >= file.day.plus_micros(-1) && pair[0].from <= file.day);
            assert!(pair[1].from <= file.day && pair[1].to >= file.day);
        }
        assert_eq!(spans[0].to, at("2026-11-22T23:59:59.999999Z"));
        assert_eq!(spans[4].to, Utc::MAX);
    }
}
