//! Entries of the audit log, newest first.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use ulid::Ulid;
use vigie_config::Utc;

use super::{Entry, Kind, MOST_BYTES_A_DAY, files};
use crate::line;

/// What is asked for; `None` and empty: everything.
#[derive(Debug, Clone, Default)]
pub struct Query {
    pub from: Option<Utc>,
    pub to: Option<Utc>,
    pub user: Option<String>,
    pub kinds: Vec<Kind>,
    /// Only those before this one.
    pub before: Option<Ulid>,
    pub limit: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    pub entries: Vec<Entry>,
    /// There are more before this one.
    pub next: Option<Ulid>,
}

impl Query {
    fn fits(&self, entry: &Entry) -> bool {
        self.from.is_none_or(|from| from <= entry.at)
            && self.to.is_none_or(|to| entry.at < to)
            && self.user.as_ref().is_none_or(|user| entry.user.as_ref() == Some(user))
            && (self.kinds.is_empty() || self.kinds.contains(&entry.kind))
            && self.before.is_none_or(|before| entry.id < before)
    }
}

pub(super) fn answer(folder: &Path, query: &Query) -> io::Result<Page> {
    let (from, to) = (query.from.map(files::day_of), query.to.map(files::day_of));
    let mut page = Page::default();
    for (day, _) in files::days(folder)?.into_iter().rev() {
        if to.as_ref().is_some_and(|to| day > *to) {
            continue;
        }
        if from.as_ref().is_some_and(|from| day < *from) {
            break;
        }
        let mut entries = read(folder, &day)?;
        entries.retain(|entry| query.fits(entry));
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.id));
        for entry in entries {
            if page.entries.len() >= query.limit {
                page.next = page.entries.last().map(|last| last.id);
                return Ok(page);
            }
            page.entries.push(entry);
        }
    }
    Ok(page)
}

/// What can be read of a day.
fn read(folder: &Path, day: &str) -> io::Result<Vec<Entry>> {
    let mut text = Vec::new();
    match File::open(files::path_of(folder, day)) {
        Ok(file) => drop(file.take(2 * MOST_BYTES_A_DAY).read_to_end(&mut text)?),
        // Pruned meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let entries = lines.filter_map(|text| serde_json::from_slice(line::entry(text)?).ok());
    Ok(entries.collect())
}
