//! The registry's pen: entries go to the log in order, and a disk that hangs stops no alarm.
//!
//! Outlives the actor: what an actor that panics had not written stays to be written.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::task::JoinHandle;
use ulid::Ulid;
use vigie_storage::events::{Entry, EventLog, EventLogError, EventRecord};

use super::queue::NotDurable;

/// So long events wait for the disk before they are acted on.
const PATIENCE: Duration = Duration::from_millis(500);
/// What waits for a disk, at most: entries, and their bytes in the log.
const BACKLOG: usize = 65_536;
const BACKLOG_BYTES: usize = 64 << 20;
/// Entries written and synced as one.
const AT_ONCE: usize = 512;

pub(super) struct Journal {
    log: Arc<EventLog>,
    /// Not written yet, in order.
    backlog: VecDeque<Waiting>,
    /// Of the backlog.
    bytes: usize,
    most: (usize, usize),
    /// Nothing is written before it is known what the log holds.
    held: bool,
    writing: Option<Writing>,
    /// So many of the first go one by one: together they were refused.
    alone: usize,
    told: bool,
    pub dropped: u64,
}

struct Waiting {
    entry: Entry,
    bytes: usize,
}

struct Writing {
    entries: Arc<Vec<Entry>>,
    /// Of each.
    bytes: Vec<usize>,
    done: JoinHandle<Result<Vec<Arc<EventRecord>>, EventLogError>>,
}

/// What came of writing.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Events of which the log cannot hold something.
    pub left_out: BTreeSet<Ulid>,
    /// Events that outcomes changed, as they are now.
    pub changed: Vec<Arc<EventRecord>>,
    /// It waits, and is written later.
    pub late: Option<NotDurable>,
}

impl Journal {
    /// Holds what it is given until [`Journal::release`].
    pub fn new(log: Arc<EventLog>) -> Self {
        Self {
            log,
            backlog: VecDeque::new(),
            bytes: 0,
            most: (BACKLOG, BACKLOG_BYTES),
            held: true,
            writing: None,
            alone: 0,
            told: false,
            dropped: 0,
        }
    }

    pub fn release(&mut self) {
        self.held = false;
    }

    pub fn waiting(&self) -> usize {
        self.backlog.len()
    }

    /// Returns when the entries are on the device, or when there is no use in waiting.
    pub async fn write(&mut self, entries: Vec<Entry>) -> Written {
        // What is told again until it is durable must not push out what is told once.
        let waiting = self.backlog.iter().map(|waiting| &waiting.entry);
        let on_its_way = self.writing.iter().flat_map(|writing| writing.entries.iter());
        let mut told: HashSet<_> = waiting.chain(on_its_way).filter_map(outcome_of).collect();
        for entry in entries {
            if outcome_of(&entry).is_some_and(|outcome| !told.insert(outcome)) {
                continue;
            }
            let bytes = entry.bytes();
            self.bytes += bytes;
            self.backlog.push_back(Waiting { entry, bytes });
        }
        self.make_room();
        let mut written = Written::default();
        if self.held {
            written.late = Some(NotDurable("the log does not say yet what went on before".into()));
            return written;
        }
        // Nobody waits twice for a disk that hangs.
        let patience = if self.writing.is_some() {
            PATIENCE / 10
        } else {
            PATIENCE
        };
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
                written.late = Some(self.failed("the disk of state_dir does not answer".into()));
                break;
            };
            writing = match self.writing.take() {
                Some(writing) => writing,
                None => break,
            };
            let done = done.map_err(|panicked| panicked.to_string());
            if let Err(late) = self.take(writing.entries, writing.bytes, done, &mut written) {
                written.late = Some(late);
                break;
            }
        }
        written
    }

    /// Over the bounds the oldest go: whole events as far as nothing of them is in the log, so that no
    /// end stays without its beginning.
    fn make_room(&mut self) {
        let (most, most_bytes) = self.most;
        if self.backlog.len() <= most && self.bytes <= most_bytes {
            return;
        }
        // Some more at once: it is gone through for each.
        let (most, most_bytes) = (most - most / 8, most_bytes - most_bytes / 8);
        let before = self.backlog.len();
        let mut parts: BTreeMap<Ulid, (usize, usize)> = BTreeMap::new();
        for waiting in &self.backlog {
            let (count, bytes) = parts.entry(event_of(&waiting.entry)).or_default();
            (*count, *bytes) = (*count + 1, *bytes + waiting.bytes);
        }
        let (mut count, mut bytes) = (self.backlog.len(), self.bytes);
        let mut gone = BTreeSet::new();
        for waiting in &self.backlog {
            if count <= most && bytes <= most_bytes {
                break;
            }
            if let Entry::Begun(event) = &waiting.entry
                && gone.insert(event.id)
                && let Some((of_it, its_bytes)) = parts.get(&event.id)
            {
                (count, bytes) = (count - of_it, bytes - its_bytes);
            }
        }
        self.backlog.retain(|waiting| !gone.contains(&event_of(&waiting.entry)));
        while count > most || bytes > most_bytes {
            let Some(oldest) = self.backlog.pop_front() else { break };
            (count, bytes) = (count - 1, bytes - oldest.bytes);
        }
        self.bytes = bytes;
        self.alone = 0;
        self.dropped += (before - self.backlog.len()) as u64;
    }

    fn begin(&mut self) -> Writing {
        let count = if self.alone > 0 { 1 } else { AT_ONCE };
        let first = self.backlog.drain(..count.min(self.backlog.len()));
        let (entries, bytes): (Vec<Entry>, Vec<usize>) = first.map(|waiting| (waiting.entry, waiting.bytes)).unzip();
        self.bytes -= bytes.iter().sum::<usize>();
        let entries = Arc::new(entries);
        let (log, to_write) = (self.log.clone(), entries.clone());
        Writing {
            entries,
            bytes,
            done: tokio::task::spawn_blocking(move || log.append(&to_write)),
        }
    }

    /// What came of a write.
    fn take(
        &mut self,
        entries: Arc<Vec<Entry>>,
        bytes: Vec<usize>,
        done: Result<Result<Vec<Arc<EventRecord>>, EventLogError>, String>,
        written: &mut Written,
    ) -> Result<(), NotDurable> {
        let why = match done {
            Ok(Ok(changed)) => {
                self.alone = self.alone.saturating_sub(entries.len());
                written.changed.extend(changed);
                if std::mem::take(&mut self.told) {
                    tracing::info!("events are written down again");
                }
                return Ok(());
            }
            Ok(Err(error)) if matches!(vigie_config::Kind::kind(&error), vigie_config::ErrorKind::Refused) => {
                if let [entry] = entries.as_slice() {
                    tracing::warn!(%error, "an event is left out of the log");
                    written.left_out.insert(event_of(entry));
                    self.alone = self.alone.saturating_sub(1);
                } else {
                    // What cannot be written must not keep the others out.
                    self.alone = entries.len();
                    self.put_back(entries, bytes);
                }
                return Ok(());
            }
            Ok(Err(error)) => error.to_string(),
            Err(panicked) => panicked,
        };
        self.put_back(entries, bytes);
        Err(self.failed(why))
    }

    fn put_back(&mut self, entries: Arc<Vec<Entry>>, bytes: Vec<usize>) {
        // Whoever wrote them is done with them: nothing is copied.
        let entries = Arc::unwrap_or_clone(entries);
        for (entry, bytes) in entries.into_iter().zip(bytes).rev() {
            self.bytes += bytes;
            self.backlog.push_front(Waiting { entry, bytes });
        }
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

    fn journal(folder: &std::path::Path) -> Journal {
        let (log, _) = EventLog::open(folder, EventLogLimits::default());
        let mut journal = Journal::new(Arc::new(log));
        journal.release();
        journal
    }

    fn waiting(journal: &Journal) -> Vec<Entry> {
        journal.backlog.iter().map(|waiting| waiting.entry.clone()).collect()
    }

    #[tokio::test]
    async fn what_cannot_be_written_keeps_nothing_else_out_and_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = journal(folder.path());
        let entries = vec![begun(1), begun(1 << 20), begun(1)];
        let ids: Vec<Ulid> = entries.iter().map(event_of).collect();
        let written = journal.write(entries).await;
        assert_eq!((written.left_out, written.late), (BTreeSet::from([ids[1]]), None));
        assert!(journal.log.get(ids[0]).unwrap().is_some() && journal.log.get(ids[2]).unwrap().is_some());
        assert_eq!((journal.waiting(), journal.alone, journal.bytes), (0, 0, 0));
    }

    #[tokio::test]
    async fn an_outcome_that_is_told_again_waits_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        std::fs::write(&path, "in the way").unwrap();
        let mut journal = journal(&path);
        let outcome = |number| Entry::Outcome {
            id: Ulid::from(7u128),
            number,
            state: vigie_storage::events::ActionState::Done,
            at: Utc::now(),
            detail: None,
        };
        for number in [0, 1, 0, 0] {
            assert!(journal.write(vec![begun(1), outcome(number)]).await.late.is_some());
        }
        let told = journal.backlog.iter().filter_map(|waiting| outcome_of(&waiting.entry));
        assert_eq!((journal.waiting(), told.count()), (6, 2));
    }

    #[tokio::test]
    async fn what_was_not_written_waits_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        std::fs::write(&path, "in the way").unwrap();
        let mut journal = journal(&path);
        let entries: Vec<Entry> = (0..1000).map(|_| begun(1)).collect();
        for entries in entries.chunks(700) {
            assert!(journal.write(entries.to_vec()).await.late.is_some());
        }
        assert_eq!(waiting(&journal), entries);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(journal.write(Vec::new()).await.late, None);
        let since = journal.log.since(Default::default()).unwrap();
        assert!(since.into_iter().map(|(_, entry)| entry).eq(entries));
        assert_eq!((journal.waiting(), journal.bytes), (0, 0));
    }

    #[tokio::test]
    async fn nothing_is_written_before_the_log_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = journal(folder.path());
        journal.held = true;
        let entry = begun(1);
        assert!(journal.write(vec![entry.clone()]).await.late.is_some());
        assert_eq!(journal.log.position().0, 0);
        journal.release();
        assert_eq!(journal.write(Vec::new()).await.late, None);
        assert!(journal.log.get(event_of(&entry)).unwrap().is_some());
    }

    /// An end is nothing without its beginning, and one whose beginning is in the log is not lost.
    #[tokio::test]
    async fn what_waits_has_bounds_and_goes_by_whole_events() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = journal(folder.path());
        journal.held = true;
        let end = |id| Entry::Ended { id, at: Utc::now() };
        for by_bytes in [false, true] {
            (journal.backlog, journal.bytes, journal.dropped) = (VecDeque::new(), 0, 0);
            let pairs: Vec<Entry> = (0..40)
                .flat_map(|_| {
                    let entry = begun(1000);
                    let id = event_of(&entry);
                    [entry, end(id)]
                })
                .collect();
            journal.most = match by_bytes {
                true => (BACKLOG, 20 * (pairs[0].bytes() + pairs[1].bytes())),
                false => (40, BACKLOG_BYTES),
            };
            let of_the_log = end(Ulid::generate());
            journal.write(vec![of_the_log.clone()]).await;
            for pair in pairs.chunks(2) {
                journal.write(pair.to_vec()).await;
                assert!(journal.backlog.len() <= journal.most.0 && journal.bytes <= journal.most.1);
            }
            let left = waiting(&journal);
            assert_eq!(left[0], of_the_log);
            assert!(left.len() > 30 && pairs.ends_with(&left[1..]), "{}", left.len());
            assert!(matches!(left[1], Entry::Begun(_)));
            assert_eq!(journal.dropped as usize, pairs.len() + 1 - left.len());
        }
    }
}
