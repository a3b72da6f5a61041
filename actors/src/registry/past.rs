//! What an earlier process left: asked of the log until it answers.
//!
//! Until then events are acted on all the same and nothing is written down, so that whatever the log
//! tells is of before.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{sync::Mutex, task::JoinHandle};
use vigie_storage::events::{EventLog, EventLogError, EventRecord};

/// After an error it is asked again so much later.
const AGAIN: Duration = Duration::from_secs(1);
/// Actors that panicked over what is left, before it is let be.
const TRIES: u8 = 3;

/// By the log.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Left {
    pub open: Vec<EventRecord>,
    pub planned: Vec<EventRecord>,
}

/// Outlives the actor.
#[derive(Default)]
pub(super) struct Past {
    reading: Mutex<Reading>,
    settled: AtomicBool,
    tries: AtomicU8,
}

#[derive(Default)]
struct Reading {
    /// One at a time, however long a disk hangs.
    job: Option<JoinHandle<Result<Left, EventLogError>>>,
    failed: Option<Instant>,
    told: bool,
}

fn read(log: &EventLog) -> Result<Left, EventLogError> {
    Ok(Left {
        open: log.open_events()?,
        planned: log.planned()?,
    })
}

impl Past {
    /// It was seen to: nothing is asked any more.
    pub fn settle(&self) {
        self.settled.store(true, Ordering::SeqCst);
    }

    pub fn is_settled(&self) -> bool {
        self.settled.load(Ordering::SeqCst)
    }

    /// What is left is acted on now. False: too many panicked over it.
    pub fn dare(&self) -> bool {
        self.tries.fetch_add(1, Ordering::SeqCst) < TRIES
    }

    /// `None`: the log does not answer.
    pub async fn ask(&self, log: &Arc<EventLog>, patience: Duration) -> Option<Left> {
        let mut reading = self.reading.lock().await;
        if reading.job.is_none() && reading.failed.is_some_and(|at| at.elapsed() < AGAIN) {
            return None;
        }
        let job = reading.job.get_or_insert_with(|| {
            let log = log.clone();
            tokio::task::spawn_blocking(move || read(&log))
        });
        let why = match tokio::time::timeout(patience, job).await {
            Ok(Ok(Ok(left))) => {
                reading.job = None;
                return Some(left);
            }
            Ok(done) => {
                (reading.job, reading.failed) = (None, Some(Instant::now()));
                done.map_or_else(
                    |panicked| panicked.to_string(),
                    |left| match left {
                        Ok(_) => String::new(),
                        Err(error) => error.to_string(),
                    },
                )
            }
            Err(_) => "it does not answer".into(),
        };
        if !std::mem::replace(&mut reading.told, true) {
            tracing::error!(
                error = why,
                "what went on before is not known until the log of events can be read"
            );
        }
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vigie_config::{EventKind, Source, Utc};
    use vigie_storage::events::{Entry, EventLogLimits};

    use super::*;
    use crate::registry::{
        Event,
        lifecycle::{Change, Lifecycle},
    };

    fn open(folder: &std::path::Path) -> Arc<EventLog> {
        Arc::new(EventLog::open(folder, EventLogLimits::default()).0)
    }

    fn begun(lifecycle: &mut Lifecycle, kind: EventKind, source: &str) -> EventRecord {
        let event = Event::new(kind, source.parse().unwrap(), "");
        match lifecycle.take(&event).remove(0) {
            Change::Begun(record) => record,
            other => panic!("{other:?}"),
        }
    }

    /// A process ends and another begins: what is open in the log goes on or is over there.
    #[tokio::test]
    async fn an_outage_of_the_network_goes_on_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut before = Lifecycle::default();
        let (net, moves) = (
            begun(&mut before, EventKind::NetworkDown, "house"),
            begun(&mut before, EventKind::Motion, "camera:gate"),
        );
        let entries = [net.clone(), moves.clone()].map(Entry::Begun);
        open(folder.path()).append(&entries).unwrap();
        for restart in 0..2 {
            let (log, past, mut after) = (open(folder.path()), Past::default(), Lifecycle::unknowing());
            let left = past.ask(&log, Duration::from_secs(60)).await.unwrap();
            let ended = after.learn(left.open, Utc::now(), |_| false);
            assert_eq!(ended.len(), 1 - restart);
            log.append(&ended).unwrap();
            let going: Vec<_> = after.open().map(|event| event.id).collect();
            assert_eq!(going, [net.id], "restart {restart}");
            assert_eq!(log.open_events().unwrap(), std::slice::from_ref(&net));
        }
        assert_eq!(
            before.take(&Event::over(EventKind::NetworkDown, Source::House)).len(),
            1
        );
    }

    #[tokio::test]
    async fn a_log_that_cannot_be_read_is_asked_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        std::fs::write(&path, "in the way").unwrap();
        let (log, past) = (open(&path), Past::default());
        assert_eq!(past.ask(&log, Duration::from_secs(60)).await, None);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(past.ask(&log, Duration::from_secs(60)).await, None, "not at once");
        past.reading.lock().await.failed = None;
        let nothing = Left {
            open: Vec::new(),
            planned: Vec::new(),
        };
        assert_eq!(past.ask(&log, Duration::from_secs(60)).await, Some(nothing));
    }
}
