//! The days of the audit log: their names, and which have to go.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use vigie_config::Utc;

const SUFFIX: &str = ".jsonl";

/// `2026-11-22`
pub fn day_of(at: Utc) -> String {
    at.strftime("%Y-%m-%d")
}

pub fn path_of(folder: &Path, day: &str) -> PathBuf {
    folder.join(format!("{day}{SUFFIX}"))
}

/// Days there are with their bytes, oldest first.
pub fn days(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut days = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(day) = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)) else {
            continue;
        };
        let shaped = day.len() == 10 && day.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        if shaped {
            days.push((day.to_owned(), entry.metadata()?.len()));
        }
    }
    days.sort();
    Ok(days)
}

/// Pure: those that are older than `oldest`, and then the oldest, until no more than `most` bytes are
/// left. The last one stays.
pub fn surplus(days: &[(String, u64)], oldest: &str, most: u64) -> Vec<String> {
    let mut total: u64 = days.iter().map(|(_, bytes)| bytes).sum();
    let mut gone = Vec::new();
    for (day, bytes) in days.iter().take(days.len().saturating_sub(1)) {
        if day.as_str() >= oldest && total <= most {
            break;
        }
        total -= bytes;
        gone.push(day.clone());
    }
    gone
}
