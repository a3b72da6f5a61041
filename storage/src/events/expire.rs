//! What of the log is deleted, and when: whole files, the oldest first, never the newest two.

use std::{
    fs::{self, File},
    io,
};

use vigie_config::Utc;

use super::{
    day::{DAY_US, DayFile},
    error::EventLogError,
    log::EventLog,
};

/// A file that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredEvents {
    /// The start of the UTC day on which it was written.
    pub day: Utc,
    pub bytes: u64,
    pub why: WhyExpired,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyExpired {
    Age,
    Space,
}

const KEPT: usize = 2;

impl EventLog {
    /// `clock_trusted`: otherwise nothing is deleted for its age. An error: the oldest file cannot be
    /// deleted.
    pub fn expire(&self, now: Utc, clock_trusted: bool) -> Result<Vec<ExpiredEvents>, EventLogError> {
        let mut inner = self.lock();
        let loaded = inner.loaded()?;
        let mut sizes = Vec::new();
        for file in &loaded.files {
            // Gone already: someone deleted it.
            sizes.push(fs::metadata(file.path(&self.dir)).map_or(0, |found| found.len()));
        }
        let mut total: u64 = sizes.iter().sum();
        let aged = match clock_trusted {
            true => aged(&loaded.files, now, now - self.limits.keep),
            false => 0,
        };
        let most = loaded.files.len().saturating_sub(KEPT);
        let mut expired = Vec::new();
        for (number, bytes) in sizes.into_iter().enumerate().take(most) {
            let why = match () {
                () if number < aged => WhyExpired::Age,
                () if total > self.limits.max_bytes => WhyExpired::Space,
                () => break,
            };
            let Some(file) = loaded.files.first() else { break };
            let path = file.path(&self.dir);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    if expired.is_empty() {
                        let what = "delete";
                        return Err(EventLogError::Io { what, path, error });
                    }
                    break;
                }
                _ => {}
            }
            total -= bytes;
            expired.push(ExpiredEvents {
                day: file.day,
                bytes,
                why,
            });
            loaded.files.remove(0);
        }
        if !expired.is_empty() {
            // Best effort: what is there again after a power cut is deleted again.
            let _ = File::open(&self.dir).and_then(|folder| folder.sync_all());
        }
        Ok(expired)
    }
}

/// How many of the oldest files were written before `since`.
///
/// A file was written until the next one was begun. A day in the future says that the clock was
/// wrong: such a file is as old as what was written after it.
fn aged(files: &[DayFile], now: Utc, since: Utc) -> usize {
    let possible = |day: &Utc| *day <= now;
    let mut aged = 0;
    for (number, file) in files.iter().enumerate() {
        if !possible(&file.day) {
            continue;
        }
        let next = files.get(number + 1).map(|next| next.day).filter(possible);
        let until = file.day.plus_micros(DAY_US).max(next.unwrap_or(Utc::MIN));
        if until > since {
            break;
        }
        aged = number + 1;
    }
    aged
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn aged_of(days: &[&str]) -> usize {
        let at = |text: &str| format!("{text}T00:00:00Z").parse::<Utc>().unwrap();
        let files: Vec<DayFile> = days
            .iter()
            .zip(1..)
            .map(|(day, first)| DayFile::new(at(day), first))
            .collect();
        aged(&files, at("2026-11-20"), at("2026-11-10"))
    }

    #[test]
    fn a_file_is_as_old_as_the_next_one_is_young() {
        assert_eq!(aged_of(&[]), 0);
        assert_eq!(aged_of(&["2026-11-08", "2026-11-09", "2026-11-10", "2026-11-11"]), 2);
        // In force until the 15th.
        assert_eq!(aged_of(&["2026-11-01", "2026-11-15"]), 0);
        // A clock that started in 1970 amid others.
        assert_eq!(aged_of(&["2026-11-12", "1970-01-01", "1970-01-02", "2026-11-12"]), 0);
        // And one that was in the future for a while.
        assert_eq!(
            aged_of(&["2026-11-01", "2099-01-01", "2026-11-01", "2026-11-02", "2026-11-12"]),
            3
        );
        assert_eq!(aged_of(&["2026-11-01", "2099-01-01", "2026-11-12"]), 1);
    }
}
