//! An append-only file in `state_dir`: every change is a line with a checksum, synced before it is
//! answered for.
//!
//! A line is that of [`crate::line`]; the first one names the format. What a power cut leaves of a
//! last line is cut off; a damaged line in the middle costs that line, and a copy of the file is
//! kept.
//! What the entries mean belongs to who keeps them: [`crate::accounts`], [`crate::locks`].

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    marker::PhantomData,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use vigie_config::{ErrorKind, Kind, Utc};

use crate::line;

const FORMAT: u32 = 1;
/// Far above thousands of entries; a file beyond it is not ours.
const MAX_BYTES: u64 = 64 << 20;
/// Dead lines tolerated before the file is written anew, on top of twice the living.
const SLACK_LINES: usize = 256;

#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Head {
    Journal { format: u32 },
}

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("cannot {what} {}: {error}", path.display())]
    Io {
        what: &'static str,
        path: PathBuf,
        error: io::Error,
    },
    #[error("{} has format {seen}, newer than {supported}: it is left untouched, use the newer vigie that wrote it", path.display())]
    Newer { path: PathBuf, seen: u32, supported: u32 },
}

impl Kind for JournalError {
    fn kind(&self) -> ErrorKind {
        match self {
            JournalError::Newer { .. } => ErrorKind::Misconfigured,
            JournalError::Io { error, .. } => match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Full,
                io::ErrorKind::InvalidData => ErrorKind::Corrupt,
                _ => ErrorKind::Unavailable,
            },
        }
    }
}

/// What was found at opening.
pub struct Opened<E> {
    pub journal: Journal<E>,
    pub entries: Vec<E>,
    /// Lines in the middle that were not readable.
    pub damaged_lines: usize,
    pub torn_tail: bool,
}

pub struct Journal<E> {
    path: PathBuf,
    entry: PhantomData<fn(&E) -> E>,
    /// Opened by the first change, so that a folder that cannot be written to yet does no harm.
    file: Option<File>,
    /// Where the next line goes; what is behind it is rubbish.
    len: u64,
    lines: usize,
    damaged: bool,
}

impl<E: Serialize + DeserializeOwned> Journal<E> {
    pub fn open(path: &Path) -> Result<Opened<E>, JournalError> {
        let failed = |error| JournalError::Io {
            what: "read",
            path: path.to_owned(),
            error,
        };
        let mut text = Vec::new();
        match File::open(path) {
            Ok(file) => file.take(MAX_BYTES).read_to_end(&mut text).map(drop).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let mut journal = Journal {
            path: path.to_owned(),
            entry: PhantomData,
            file: None,
            len: 0,
            lines: 0,
            damaged: false,
        };
        let (mut entries, mut damaged_lines, mut position) = (Vec::new(), 0, 0u64);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            position += line.len() as u64;
            match decode(line) {
                Some(Line::Head(format)) if format > FORMAT => {
                    return Err(JournalError::Newer {
                        path: path.to_owned(),
                        seen: format,
                        supported: FORMAT,
                    });
                }
                Some(Line::Head(_)) => {}
                Some(Line::Entry(entry)) => entries.push(entry),
                None => {
                    damaged_lines += 1;
                    continue;
                }
            }
            journal.len = position;
            journal.lines += 1;
        }
        // A single bad line at the very end is what a cut leaves; nothing was answered for it.
        let torn_tail = journal.len < text.len() as u64;
        if torn_tail {
            let tail = text
                .get(usize::try_from(journal.len).unwrap_or(usize::MAX)..)
                .unwrap_or_default();
            damaged_lines -= tail.split_inclusive(|byte| *byte == b'\n').count().min(1);
        }
        journal.damaged = damaged_lines > 0;
        Ok(Opened {
            journal,
            entries,
            damaged_lines,
            torn_tail,
        })
    }

    /// Returns once the line is on the device. After an error nothing of it counts.
    pub fn append(&mut self, entry: &E) -> Result<(), JournalError> {
        if self.damaged {
            self.keep_copy()?;
        }
        let failed = |error| JournalError::Io {
            what: "write to",
            path: self.path.clone(),
            error,
        };
        let fresh = self.file.is_none();
        let file = match self.file.take() {
            Some(file) => file,
            None => OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&self.path)
                .map_err(failed)?,
        };
        let mut lines = Vec::new();
        if self.len == 0 {
            lines.extend(line::encode(&Head::Journal { format: FORMAT }).map_err(failed)?);
        }
        lines.extend(line::encode(entry).map_err(failed)?);
        // The old end first: whatever an earlier failed write or a cut left behind it goes.
        let written = (|| {
            file.set_len(self.len)?;
            file.write_all_at(&lines, self.len)?;
            file.sync_data()?;
            if fresh { sync_folder(&self.path) } else { Ok(()) }
        })();
        if let Err(error) = written {
            // Best effort: the next append starts with the same cut.
            let _ = file.set_len(self.len);
            return Err(failed(error));
        }
        self.lines += 1 + usize::from(self.len == 0);
        self.len += lines.len() as u64;
        self.file = Some(file);
        Ok(())
    }

    pub fn wants_compaction(&self, living: usize) -> bool {
        self.lines > living * 2 + SLACK_LINES
    }

    /// Replaces the file by one that holds only `entries`; the old one stays until the new one
    /// is on the device.
    pub fn compact(&mut self, entries: impl Iterator<Item = E>) -> Result<(), JournalError> {
        if self.damaged {
            self.keep_copy()?;
        }
        let failed = |error| JournalError::Io {
            what: "compact",
            path: self.path.clone(),
            error,
        };
        let mut text = line::encode(&Head::Journal { format: FORMAT }).map_err(failed)?;
        let mut lines = 1;
        for entry in entries {
            text.extend(line::encode(&entry).map_err(failed)?);
            lines += 1;
        }
        let temporary = self.path.with_extension("jsonl.new");
        let file = (|| {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&temporary)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&temporary, &self.path)?;
            Ok(file)
        })()
        .map_err(failed)?;
        // From here on the new file is the journal, whether or not the folder's sync succeeds.
        self.file = Some(file);
        self.len = text.len() as u64;
        self.lines = lines;
        sync_folder(&self.path).map_err(failed)
    }

    fn keep_copy(&mut self) -> Result<(), JournalError> {
        let copy = self
            .path
            .with_extension(format!("jsonl.broken-{}", Utc::now().strftime("%Y%m%dT%H%M%SZ")));
        let failed = |error| JournalError::Io {
            what: "keep a copy of the damaged",
            path: self.path.clone(),
            error,
        };
        fs::copy(&self.path, copy).map_err(failed)?;
        self.damaged = false;
        Ok(())
    }
}

/// Makes a new name of a file in this folder survive a power cut.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

enum Line<E> {
    /// The format.
    Head(u32),
    Entry(E),
}

fn decode<E: DeserializeOwned>(line: &[u8]) -> Option<Line<E>> {
    let text = line::entry(line)?;
    match serde_json::from_slice(text) {
        Ok(Head::Journal { format }) => Some(Line::Head(format)),
        Err(_) => serde_json::from_slice(text).ok().map(Line::Entry),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(tag = "op", rename_all = "snake_case")]
    enum Entry {
        Removed { name: String },
    }

    fn removed(name: &str) -> Entry {
        Entry::Removed { name: name.into() }
    }

    fn names(entries: &[Entry]) -> Vec<&str> {
        entries
            .iter()
            .map(|entry| match entry {
                Entry::Removed { name } => name.as_str(),
            })
            .collect()
    }

    #[test]
    fn lines_come_back_in_order_from_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.jsonl");
        let mut journal = Journal::open(&path).unwrap().journal;
        journal.append(&removed("a")).unwrap();
        journal.append(&removed("b")).unwrap();
        let again = Journal::open(&path).unwrap();
        assert_eq!(names(&again.entries), ["a", "b"]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_newer_format_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.jsonl");
        fs::write(&path, line::encode(&Head::Journal { format: 2 }).unwrap()).unwrap();
        assert!(matches!(
            Journal::<Entry>::open(&path),
            Err(JournalError::Newer { seen: 2, .. })
        ));
    }

    #[test]
    fn a_damaged_line_costs_only_itself_and_a_copy_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.jsonl");
        let mut journal = Journal::open(&path).unwrap().journal;
        for name in ["a", "b", "c"] {
            journal.append(&removed(name)).unwrap();
        }
        let text = fs::read_to_string(&path)
            .unwrap()
            .replace(r#""name":"b""#, r#""name":"x""#);
        fs::write(&path, &text).unwrap();
        let mut again = Journal::open(&path).unwrap();
        assert_eq!((names(&again.entries), again.damaged_lines), (vec!["a", "c"], 1));
        again.journal.compact(again.entries.into_iter()).unwrap();
        again.journal.append(&removed("d")).unwrap();
        let copies: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.to_string_lossy().contains("broken-"))
            .collect();
        assert_eq!(copies.len(), 1);
        assert_eq!(fs::read_to_string(&copies[0]).unwrap(), text);
        assert_eq!(names(&Journal::open(&path).unwrap().entries), ["a", "c", "d"]);
    }

    proptest! {
        /// Wherever a cut falls, what was answered for before it is there, and the file goes on.
        #[test]
        fn a_torn_tail_is_cut(cut in 0usize..400, rubbish in proptest::collection::vec(any::<u8>(), 0..20)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("accounts.jsonl");
            let mut journal = Journal::open(&path).unwrap().journal;
            let mut ends = Vec::new();
            for name in ["a", "b", "c", "d"] {
                journal.append(&removed(name)).unwrap();
                ends.push(journal.len);
            }
            let mut text = fs::read(&path).unwrap();
            let cut = cut.min(text.len());
            text.truncate(cut);
            text.extend(&rubbish);
            fs::write(&path, &text).unwrap();
            let whole = ends.iter().filter(|end| **end <= cut as u64).count();
            let mut again = Journal::open(&path).unwrap();
            prop_assert_eq!(again.entries.len(), whole);
            again.journal.append(&removed("new")).unwrap();
            let last = Journal::open(&path).unwrap();
            prop_assert_eq!(names(&last.entries).last().copied(), Some("new"));
            prop_assert_eq!(last.entries.len(), whole + 1);
            prop_assert!(!last.torn_tail);
        }
    }
}
