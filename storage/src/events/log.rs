//! The log itself: its state, and what is answered from memory.
//!
//! Belongs here: the lock around it, and that a fault is a state of it. Does not belong here: how
//! entries come to disk ([`super::append`]) and are found there ([`super::query`]).

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use vigie_config::Utc;

use super::{
    bounds,
    error::EventLogError,
    load::{Damage, Loaded, load},
    record::{Entry, EventRecord, Position},
};

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct EventLogLimits {
    pub keep: Duration,
    pub max_bytes: u64,
    /// So many of the newest events are answered from memory.
    pub recent: usize,
    /// A file that has as much is followed by another one, on the same day too.
    pub file_bytes: u64,
}

impl Default for EventLogLimits {
    fn default() -> Self {
        EventLogLimits {
            keep: Duration::from_secs(400 * 86_400),
            max_bytes: 2 << 30,
            recent: 2000,
            file_bytes: 64 << 20,
        }
    }
}

/// What was found at opening.
#[derive(Debug, Default)]
pub struct OpenReport {
    pub damage: Vec<Damage>,
    /// Why nothing could be read; the next call tries again.
    pub fault: Option<EventLogError>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventLogState {
    /// Why the last append failed, or the log could not be read.
    pub fault: Option<String>,
    pub position: Position,
    /// Events that are not over.
    pub open: usize,
    pub files: usize,
    /// Lines that could not be read at opening.
    pub damaged_lines: usize,
}

pub struct EventLog {
    pub(super) dir: PathBuf,
    pub(super) limits: EventLogLimits,
    inner: Mutex<Inner>,
}

pub(super) struct Inner {
    dir: PathBuf,
    limits: EventLogLimits,
    /// `None`: it could not be read so far.
    loaded: Option<Loaded>,
    fault: Option<String>,
}

impl EventLog {
    /// Nothing is created before the first append, and nothing found is changed: the log goes on
    /// after a damaged file in a new one. A folder that cannot be read or written is a state of
    /// the log, not an end of it.
    pub fn open(dir: &Path, limits: EventLogLimits) -> (EventLog, OpenReport) {
        EventLog::open_at(dir, limits, Utc::now())
    }

    pub(super) fn open_at(dir: &Path, limits: EventLogLimits, now: Utc) -> (EventLog, OpenReport) {
        let mut inner = Inner {
            dir: dir.to_owned(),
            limits,
            loaded: None,
            fault: None,
        };
        let fault = inner.load(now).err();
        let damage = inner.loaded.as_ref().map(|loaded| loaded.damage.clone());
        let log = EventLog {
            dir: dir.to_owned(),
            limits,
            inner: Mutex::new(inner),
        };
        let damage = damage.unwrap_or_default();
        (log, OpenReport { damage, fault })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns once all of them are on the device, written and synced as one: the events that outcomes
    /// changed, as they are now. After an error none of them counts; of a batch that a crash
    /// interrupted, those that were written do.
    pub fn append(&self, entries: &[Entry]) -> Result<Vec<Arc<EventRecord>>, EventLogError> {
        self.append_at(Utc::now(), entries)
    }

    pub(super) fn append_at(&self, now: Utc, entries: &[Entry]) -> Result<Vec<Arc<EventRecord>>, EventLogError> {
        let checked: Result<Vec<Entry>, _> = entries.iter().map(bounds::checked).collect();
        let checked = checked?;
        let mut inner = self.lock();
        let written = inner.append(now, checked);
        inner.remember(written.as_ref().err());
        written
    }

    /// Those that are not over, oldest first. An error: the log could not be read so far, and cannot be
    /// now.
    pub fn open_events(&self) -> Result<Vec<EventRecord>, EventLogError> {
        self.select(|event| event.end.is_none())
    }

    /// Those with actions that are planned, oldest first. Errors as with [`EventLog::open_events`].
    pub fn planned(&self) -> Result<Vec<EventRecord>, EventLogError> {
        self.select(EventRecord::has_planned)
    }

    fn select(&self, wanted: impl Fn(&EventRecord) -> bool) -> Result<Vec<EventRecord>, EventLogError> {
        let mut inner = self.lock();
        let all = inner.loaded()?.memory.all().filter(|event| wanted(event));
        let mut found: Vec<EventRecord> = all.map(|event| EventRecord::clone(event)).collect();
        found.sort_unstable_by_key(EventRecord::key);
        Ok(found)
    }

    /// Of the last entry.
    pub fn position(&self) -> Position {
        let inner = self.lock();
        Position(inner.loaded.as_ref().map_or(0, |loaded| loaded.last))
    }

    pub fn state(&self) -> EventLogState {
        let inner = self.lock();
        let loaded = inner.loaded.as_ref();
        EventLogState {
            fault: inner.fault.clone(),
            position: Position(loaded.map_or(0, |loaded| loaded.last)),
            open: loaded.map_or(0, |loaded| {
                let all = loaded.memory.all();
                all.filter(|event| event.end.is_none()).count()
            }),
            files: loaded.map_or(0, |loaded| loaded.files.len()),
            damaged_lines: loaded.map_or(0, |loaded| loaded.damage.iter().map(|damage| damage.lines).sum()),
        }
    }
}

impl Inner {
    fn load(&mut self, now: Utc) -> Result<&mut Loaded, EventLogError> {
        let result = load(&self.dir, self.limits.recent, now);
        self.remember(result.as_ref().err());
        let loaded = result?;
        for damage in &loaded.damage {
            tracing::warn!(
                path = %damage.path.display(), lines = damage.lines, torn = damage.torn,
                "the log of events is damaged; it goes on in a new file"
            );
        }
        Ok(self.loaded.insert(loaded))
    }

    fn remember(&mut self, error: Option<&EventLogError>) {
        match (error, &self.fault) {
            (Some(error), None) => tracing::error!(%error, "the log of events fails"),
            (None, Some(_)) => tracing::info!("the log of events works again"),
            _ => {}
        }
        self.fault = error.map(EventLogError::to_string);
    }

    pub(super) fn loaded(&mut self) -> Result<&mut Loaded, EventLogError> {
        match self.loaded.take() {
            Some(loaded) => Ok(self.loaded.insert(loaded)),
            None => self.load(Utc::now()),
        }
    }

    fn append(&mut self, now: Utc, entries: Vec<Entry>) -> Result<Vec<Arc<EventRecord>>, EventLogError> {
        let (dir, file_bytes) = (self.dir.clone(), self.limits.file_bytes);
        self.loaded()?.append(&dir, now, file_bytes, entries)
    }
}
