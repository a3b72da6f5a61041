//! A shelf's files from the oldest on, read folder by folder only as far as someone asks: the
//! cost is that of what expires, and the index is not needed.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    io,
    path::{Path, PathBuf},
};

use vigie_config::Utc;

use super::plan::Candidate;
use crate::{
    file::Root,
    layout,
    shelf::{Shelf, What},
};

/// No segment is longer (without a RAP it is cut at 5 min).
pub const LONGEST_US: i64 = 10 * 60 * 1_000_000;
const DAY_US: i64 = 86_400_000_000;

/// One shelf on one volume, oldest first.
pub struct Walk<'a> {
    root: &'a Root,
    shelf: Shelf,
    days: VecDeque<PathBuf>,
    hours: VecDeque<PathBuf>,
    files: VecDeque<(What, PathBuf)>,
}

impl<'a> Walk<'a> {
    pub fn new(root: &'a Root, shelf: &Shelf) -> Walk<'a> {
        Walk::since(root, shelf, Utc::MIN)
    }

    /// Without the days before `from`.
    pub fn since(root: &'a Root, shelf: &Shelf, from: Utc) -> Walk<'a> {
        // A segment that began the day before may reach into this one.
        let first = from.as_micros().saturating_sub(DAY_US + LONGEST_US);
        let mut walk = Walk {
            root,
            shelf: shelf.clone(),
            days: VecDeque::new(),
            hours: VecDeque::new(),
            files: VecDeque::new(),
        };
        walk.days = walk.folders(shelf.dir(), |name| {
            layout::parse_day(name).is_some_and(|day| day.as_micros() > first)
        });
        walk
    }

    fn folders(&mut self, dir: PathBuf, ours: impl Fn(&str) -> bool) -> VecDeque<PathBuf> {
        match self.root.list(&dir) {
            Ok(list) => list
                .into_iter()
                .filter(|e| e.is_dir && ours(&e.name))
                .map(|e| dir.join(e.name))
                .collect(),
            Err(error) => {
                unreadable(&dir, &error);
                VecDeque::new()
            }
        }
    }

    /// Reads on until a file is known, or nothing is left.
    fn fill(&mut self) {
        while self.files.is_empty() {
            if let Some(hour) = self.hours.pop_front() {
                match self.root.list(&hour) {
                    Ok(list) => {
                        let names = list.into_iter().filter(|e| !e.is_dir);
                        self.files = names
                            .filter_map(|e| Some((self.shelf.parse(&e.name)?, hour.join(&e.name))))
                            .collect();
                    }
                    Err(error) => unreadable(&hour, &error),
                }
            } else if let Some(day) = self.days.pop_front() {
                self.hours = self.folders(day, |name| layout::parse_hour(name).is_some());
            } else {
                return;
            }
        }
    }
}

/// What cannot be read cannot go; the rest still can.
fn unreadable(dir: &Path, error: &io::Error) {
    tracing::warn!(path = %dir.display(), %error, "retention cannot read a folder");
}

impl Iterator for Walk<'_> {
    type Item = Candidate;

    fn next(&mut self) -> Option<Candidate> {
        self.fill();
        let (what, path) = self.files.pop_front()?;
        self.fill();
        let end = match &what {
            What::Segment(_, start) => {
                let longest = start.plus_micros(LONGEST_US);
                let next = self.files.front().map(|(next, _)| next.start());
                next.map_or(longest, |next| next.min(longest))
            }
            What::Snapshot(id) => id.at.plus_micros(1000),
        };
        let bytes = self.root.allocated(&path).unwrap_or(0);
        Some(Candidate { what, end, bytes })
    }
}

/// Several shelves of a volume as one, by start; each ends at the first candidate that `goes_on` does
/// not want.
pub struct Merged<'a, F> {
    goes_on: F,
    walks: Vec<Walk<'a>>,
    heads: BinaryHeap<Reverse<(Utc, usize)>>,
    waiting: Vec<Option<Candidate>>,
}

impl<'a, F: Fn(&Candidate) -> bool> Merged<'a, F> {
    pub fn new(root: &'a Root, shelves: &[Shelf], goes_on: F) -> Merged<'a, F> {
        let mut walks: Vec<Walk> = shelves.iter().map(|shelf| Walk::new(root, shelf)).collect();
        let waiting: Vec<_> = walks
            .iter_mut()
            .map(|walk| walk.next().filter(|candidate| goes_on(candidate)))
            .collect();
        let heads = waiting
            .iter()
            .enumerate()
            .filter_map(|(i, c)| Some(Reverse((c.as_ref()?.start(), i))))
            .collect();
        Merged {
            goes_on,
            walks,
            heads,
            waiting,
        }
    }
}

impl<F: Fn(&Candidate) -> bool> Iterator for Merged<'_, F> {
    type Item = Candidate;

    fn next(&mut self) -> Option<Candidate> {
        let Reverse((_, index)) = self.heads.pop()?;
        let next = self
            .walks
            .get_mut(index)?
            .next()
            .filter(|candidate| (self.goes_on)(candidate));
        if let Some(next) = &next {
            self.heads.push(Reverse((next.start(), index)));
        }
        std::mem::replace(self.waiting.get_mut(index)?, next)
    }
}
