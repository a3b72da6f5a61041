//! The registry's pen: entries go to the log in order, and a disk that hangs stops no alarm.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use vigie_storage::events::{Entry, EventLog, EventLogError};

use super::queue::NotDurable;

/// So long events wait for the disk before they are acted on.
const PATIENCE: Duration = Duration::from_millis(500);
/// Entries that wait for a disk, at most. Over it the oldest go.
const BACKLOG: usize = 65_536;

/// What was to be written, and what came of it.
type Written = (Vec<Entry>, Result<(), EventLogError>);

pub(super) struct Journal {
    log: Arc<EventLog>,
    /// Not written yet, in order.
    backlog: Vec<Entry>,
    writing: Option<JoinHandle<Written>>,
    told: bool,
    pub dropped: u64,
}

impl Journal {
    pub fn new(log: Arc<EventLog>) -> Self {
        Self {
            log,
            backlog: Vec::new(),
            writing: None,
            told: false,
            dropped: 0,
        }
    }

    pub fn waiting(&self) -> usize {
        self.backlog.len()
    }

    /// Returns when the entries are on the device, or when there is no use in waiting: then they are
    /// written later. Entries that can never be written are left out.
    pub async fn write(&mut self, entries: Vec<Entry>) -> Result<(), NotDurable> {
        self.backlog.extend(entries);
        let over = self.backlog.len().saturating_sub(BACKLOG);
        self.backlog.drain(..over);
        self.dropped += over as u64;
        let mut patience = PATIENCE;
        while !self.backlog.is_empty() || self.writing.is_some() {
            let writing = match &mut self.writing {
                Some(writing) => {
                    // Nobody waits twice for a disk that hangs.
                    patience = patience.min(PATIENCE / 10);
                    writing
                }
                None => {
                    let (log, entries) = (self.log.clone(), std::mem::take(&mut self.backlog));
                    let write = move || {
                        let written = log.append(&entries);
                        (entries, written)
                    };
                    self.writing.insert(tokio::task::spawn_blocking(write))
                }
            };
            let Ok(done) = tokio::time::timeout(patience, writing).await else {
                return Err(self.failed("the disk of state_dir does not answer".into()));
            };
            self.writing = None;
            match done {
                Ok((_, Ok(()))) => {
                    if std::mem::take(&mut self.told) {
                        tracing::info!("events are written down again");
                    }
                }
                Ok((entries, Err(error))) => {
                    // One at a time: what cannot be written must not keep the others out.
                    let refused = matches!(vigie_config::Kind::kind(&error), vigie_config::ErrorKind::Refused);
                    if refused && entries.len() == 1 {
                        tracing::warn!(%error, "an event is left out of the log");
                    } else if refused {
                        for entry in entries {
                            let log = self.log.clone();
                            let one = tokio::task::spawn_blocking(move || log.append(&[entry]));
                            if let Ok(Err(error)) = one.await {
                                tracing::warn!(%error, "an event is left out of the log");
                            }
                        }
                    } else {
                        self.backlog.splice(..0, entries);
                        return Err(self.failed(error.to_string()));
                    }
                }
                Err(panicked) => return Err(self.failed(panicked.to_string())),
            }
        }
        Ok(())
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
