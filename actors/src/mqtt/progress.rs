//! How far in the log of events the broker has been told everything: what survives an end of the process.
//!
//! The log is the outbox on disk; `<state_dir>/mqtt.json` holds a position in it. A process that ends
//! without a word tells again what was acknowledged since the file was written.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use serde::{Deserialize, Serialize};
use vigie_storage::{
    events::{EventLog, Position},
    write_atomically,
};

const FILE: &str = "mqtt.json";

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Kept {
    /// Up to here.
    acknowledged: Position,
}

/// Where it is kept, and what is kept there.
#[derive(Default)]
pub(super) struct Progress {
    folder: OnceLock<PathBuf>,
    saved: Mutex<Saved>,
}

#[derive(Default)]
struct Saved {
    position: Option<Position>,
    /// The last write failed, which was told.
    failed: bool,
}

impl Progress {
    /// Where an earlier process ended; `None`: the broker is told from now on.
    pub fn begin(&self, folder: &Path, log: &EventLog) -> Option<Position> {
        drop(self.folder.set(folder.to_owned()));
        let position = read(folder)?;
        let newest = log.position();
        // A log that lost entries numbers them anew.
        let position = match newest == Position::default() {
            true => position,
            false => position.min(newest),
        };
        self.saved().position = Some(position);
        Some(position)
    }

    fn saved(&self) -> MutexGuard<'_, Saved> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes it down if it is news; `None`: there is no broker. Waits for the disk.
    pub fn save(&self, position: Option<Position>) {
        let Some(folder) = self.folder.get() else { return };
        let mut saved = self.saved();
        if saved.position == position {
            return;
        }
        match write(folder, position) {
            Ok(()) => {
                saved.position = position;
                saved.failed = false;
            }
            Err(error) => {
                if !std::mem::replace(&mut saved.failed, true) {
                    let path = folder.join(FILE);
                    tracing::error!(path = %path.display(), %error, "cannot be written: after an end of vigie the broker is told some events again");
                }
            }
        }
    }
}

fn read(folder: &Path) -> Option<Position> {
    let path = folder.join(FILE);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::error!(path = %path.display(), %error, "cannot be read: the broker is not told what came before");
            return None;
        }
    };
    match serde_json::from_slice::<Kept>(&text) {
        Ok(kept) => Some(kept.acknowledged),
        Err(error) => {
            tracing::error!(path = %path.display(), %error, "cannot be understood: the broker is not told what came before");
            None
        }
    }
}

fn write(folder: &Path, position: Option<Position>) -> io::Result<()> {
    match position {
        Some(acknowledged) => write_atomically(folder, FILE, &serde_json::to_vec(&Kept { acknowledged })?),
        None => match fs::remove_file(folder.join(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vigie_config::{EventKind, Source, Utc};
    use vigie_storage::events::{Entry, EventLogLimits, EventRecord};

    use super::*;

    #[test]
    fn it_is_found_again_and_never_ahead_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let (log, _) = EventLog::open(&folder.path().join("events"), EventLogLimits::default());
        let progress = Progress::default();
        progress.save(Some(Position(7)));
        assert_eq!(progress.begin(folder.path(), &log), None, "nowhere to keep it, so far");
        progress.save(Some(Position(7)));
        let again = || Progress::default().begin(folder.path(), &log);
        assert_eq!(again(), Some(Position(7)), "the log cannot be read yet");
        let at = Utc::now();
        let event = EventRecord {
            id: ulid::Ulid::generate(),
            kind: EventKind::External,
            source: Source::House,
            start: at,
            end: Some(at),
            severity: EventKind::External.severity(),
            text: String::new(),
            payload: None,
            actions: Vec::new(),
        };
        log.append(&[Entry::Begun(event)]).unwrap();
        assert_eq!(again(), Some(Position(1)));
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(again(), None);
        progress.save(None);
        assert!(!folder.path().join(FILE).exists());
    }
}
