//! The registry's pen: entries go to the log in order, and a disk that hangs stops no alarm.
//!
//! Outlives the actor: what an actor that panics had not written stays to be written.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::task::JoinHandle;
use ulid::Ulid;
use vigie_storage::events::{Entry, EventLog, EventLogError};

use super::queue::NotDurable;

/// So long events wait for the disk before they are acted on.
const PATIENCE: Duration = Duration::from_millis(500);
/// Entries that wait for a disk, at most. Over it the oldest go.
const BACKLOG: usize = 65_536;

pub(super) struct Journal {
    log: Arc<EventLog>,
    /// Not written yet, in order.
    backlog: Vec<Entry>,
    writing: Option<Writing>,
    /// So many of the first go one by one: together they were refused.
    alone: usize,
    told: bool,
    pub dropped: u64,
}

struct Writing {
    entries: Arc<Vec<Entry>>,
    done: JoinHandle<Result<(), EventLogError>>,
}

impl Journal {
    pub fn new(log: Arc<EventLog>) -> Self {
        Self {
            log,
            backlog: Vec::new(),
            writing: None,
            alone: 0,
            told: false,
            dropped: 0,
        }
    }

    pub fn waiting(&self) -> usize {
        self.backlog.len()
    }

    /// In order; the first ones may be in the log.
    pub fn unwritten(&self) -> impl Iterator<Item = &Entry> {
        let writing = self.writing.iter().flat_map(|writing| writing.entries.iter());
        writing.chain(&self.backlog)
    }

    /// Returns when the entries are on the device, or when there is no use in waiting: then they are
    /// written later. Entries that can never be written are left out: the ids of their events.
    pub async fn write(&mut self, entries: Vec<Entry>) -> Result<BTreeSet<Ulid>, NotDurable> {
        // Nobody waits twice for a disk that hangs.
        let patience = if self.writing.is_some() {
            PATIENCE / 10
        } else {
            PATIENCE
        };
        self.write_within(entries, patience).await
    }

    pub async fn write_within(
        &mut self,
        mut entries: Vec<Entry>,
        patience: Duration,
    ) -> Result<BTreeSet<Ulid>, NotDurable> {
        // What is told again until it is durable must not push out what is told once.
        let told: HashSet<_> = self.unwritten().filter_map(outcome_of).collect();
        entries.retain(|entry| outcome_of(entry).is_none_or(|outcome| !told.contains(&outcome)));
        self.backlog.extend(entries);
        let over = self.backlog.len().saturating_sub(BACKLOG);
        self.backlog.drain(..over);
        self.dropped += over as u64;
        let mut left_out = BTreeSet::new();
        while !self.backlog.is_empty() || self.writing.is_some() {
            // Kept here while it is waited for: whoever waits may be gone before it is done.
            let mut writing = match self.writing.take() {
                Some(writing) => writing,
                None => self.begin(),
            };
            let done = {
                let writing = self.writing.insert(writing);
                tokio::time::timeout(patience, &mut writing.done).await
            };
            let Ok(done) = done else {
                return Err(self.failed("the disk of state_dir does not answer".into()));
            };
            writing = match self.writing.take() {
                Some(writing) => writing,
                None => break,
            };
            self.take(
                writing.entries,
                done.map_err(|panicked| panicked.to_string()),
                &mut left_out,
            )?;
        }
        Ok(left_out)
    }

    fn begin(&mut self) -> Writing {
        let count = if self.alone > 0 { 1 } else { self.backlog.len() };
        let entries: Arc<Vec<Entry>> = Arc::new(self.backlog.drain(..count).collect());
        let (log, to_write) = (self.log.clone(), entries.clone());
        Writing {
            entries,
            done: tokio::task::spawn_blocking(move || log.append(&to_write)),
        }
    }

    /// What came of a write.
    fn take(
        &mut self,
        entries: Arc<Vec<Entry>>,
        done: Result<Result<(), EventLogError>, String>,
        left_out: &mut BTreeSet<Ulid>,
    ) -> Result<(), NotDurable> {
        let why = match done {
            Ok(Ok(())) => {
                self.alone = self.alone.saturating_sub(entries.len());
                if std::mem::take(&mut self.told) {
                    tracing::info!("events are written down again");
                }
                return Ok(());
            }
            Ok(Err(error)) if matches!(vigie_config::Kind::kind(&error), vigie_config::ErrorKind::Refused) => {
                if let [entry] = entries.as_slice() {
                    tracing::warn!(%error, "an event is left out of the log");
                    left_out.insert(event_of(entry));
                    self.alone = self.alone.saturating_sub(1);
                } else {
                    // What cannot be written must not keep the others out.
                    self.alone = entries.len();
                    self.backlog.splice(..0, entries.iter().cloned());
                }
                return Ok(());
            }
            Ok(Err(error)) => error.to_string(),
            Err(panicked) => panicked,
        };
        self.backlog.splice(..0, entries.iter().cloned());
        Err(self.failed(why))
    }

    fn failed(&mut self, why: String) -> NotDurable {
        if !std::mem::replace(&mut self.told, true) {
            tracing::error!(
                error = why,
                "events are not written down; they are acted on all the same"
            );
        }
        NotDurable(why)
    }
}

/// The first outcome of an action counts.
fn outcome_of(entry: &Entry) -> Option<(Ulid, u16)> {
    match entry {
        Entry::Outcome { id, number, .. } => Some((*id, *number)),
        Entry::Begun(_) | Entry::Ended { .. } => None,
    }
}

fn event_of(entry: &Entry) -> Ulid {
    match entry {
        Entry::Begun(event) => event.id,
        Entry::Ended { id, .. } | Entry::Outcome { id, .. } => *id,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vigie_config::{EventKind, Source, Utc};
    use vigie_storage::events::{EventLogLimits, EventRecord};

    use super::*;

    fn begun(payload: usize) -> Entry {
        let at = Utc::now();
        Entry::Begun(EventRecord {
            id: Ulid::generate(),
            kind: EventKind::External,
            source: Source::House,
            start: at,
            end: Some(at),
            severity: EventKind::External.severity(),
            text: String::new(),
            payload: Some(serde_json::Value::String("x".repeat(payload))),
            actions: Vec::new(),
        })
    }

    #[tokio::test]
    async fn what_cannot_be_written_keeps_nothing_else_out_and_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (log, _) = EventLog::open(folder.path(), EventLogLimits::default());
        let mut journal = Journal::new(Arc::new(log));
        let entries = vec![begun(1), begun(1 << 20), begun(1)];
        let ids: Vec<Ulid> = entries.iter().map(event_of).collect();
        let left_out = journal.write(entries).await.unwrap();
        assert_eq!(left_out, BTreeSet::from([ids[1]]));
        assert!(journal.log.get(ids[0]).unwrap().is_some() && journal.log.get(ids[2]).unwrap().is_some());
        assert_eq!((journal.waiting(), journal.alone), (0, 0));
    }

    #[tokio::test]
    async fn an_outcome_that_is_told_again_waits_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        std::fs::write(&path, "in the way").unwrap();
        let (log, _) = EventLog::open(&path, EventLogLimits::default());
        let mut journal = Journal::new(Arc::new(log));
        let outcome = |number| Entry::Outcome {
            id: Ulid::from(7u128),
            number,
            state: vigie_storage::events::ActionState::Done,
            at: Utc::now(),
            detail: None,
        };
        for number in [0, 1, 0, 0] {
            assert!(journal.write(vec![begun(1), outcome(number)]).await.is_err());
        }
        let told: Vec<_> = journal.unwritten().filter_map(outcome_of).collect();
        assert_eq!((journal.unwritten().count(), told.len()), (6, 2));
    }

    #[tokio::test]
    async fn what_was_not_written_waits_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        std::fs::write(&path, "in the way").unwrap();
        let (log, _) = EventLog::open(&path, EventLogLimits::default());
        let mut journal = Journal::new(Arc::new(log));
        let (first, second) = (begun(1), begun(2));
        assert!(journal.write(vec![first.clone()]).await.is_err());
        assert!(journal.write(vec![second.clone()]).await.is_err());
        let waiting: Vec<Entry> = journal.unwritten().cloned().collect();
        assert_eq!(waiting, [first.clone(), second]);
        std::fs::remove_file(&path).unwrap();
        journal.write(Vec::new()).await.unwrap();
        assert!(journal.log.get(event_of(&first)).unwrap().is_some());
        assert_eq!(journal.unwritten().count(), 0);
    }
}
