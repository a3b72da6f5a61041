//! One way of telling people, and what outlives its actor: the inbox, the machine, the outbox.

use std::{
    collections::VecDeque,
    path::Path,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use tokio::{sync::Notify, task::JoinHandle};
use ulid::Ulid;
use vigie_storage::{
    events::{ActionState, EventRecord},
    outbox::{ActionRef, Change, Message, Note, Store},
};

use super::{
    machine::{Directory, Machine, Now, Told, Want},
    pace::Failure,
    status::Status,
};
use crate::registry::Events;

/// Wants that the actor has not taken yet, at most.
const INBOX: usize = 65_536;
/// So long a message waits for the disk before it is sent all the same: after a crash it would then
/// be sent under another key.
const PATIENCE: Duration = Duration::from_secs(5);
/// Of an event's text that a message tells.
const TEXT: usize = 300;

pub(crate) type Sending = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// How messages are delivered: as the configuration says now.
pub(crate) trait Way: Directory + Send + Sync {
    /// Tries once, and ends by itself.
    fn send(&self, message: Message) -> Sending;
    /// So many at once.
    fn parallel(&self) -> usize;
}

/// Since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ChannelCounts {
    /// Messages that wait or are being tried.
    pub queued: u64,
    pub sent: u64,
    pub failed: u64,
    pub expired: u64,
    pub failed_attempts: u64,
    /// Events that came too fast for any message.
    pub dropped: u64,
}

struct Inner {
    machine: Machine,
    inbox: VecDeque<Want>,
    /// Changes that are not in the outbox yet.
    unwritten: Vec<Change>,
    counts: ChannelCounts,
}

pub struct Channel {
    pub(super) name: &'static str,
    pub(super) events: Events,
    inner: Arc<Mutex<Inner>>,
    way: RwLock<Arc<dyn Way>>,
    store: Arc<Mutex<Store>>,
    writing: tokio::sync::Mutex<Option<JoinHandle<Result<(), String>>>>,
    /// A write was given up: what it held is not in the outbox.
    behind: AtomicBool,
    /// The outbox could not be read: it is not written either.
    lost: bool,
    fault: Mutex<Option<String>>,
    pub(super) changed: Notify,
}

/// What the actor does next.
pub(super) struct Next {
    pub send: Vec<Message>,
    pub refused: Vec<Told>,
}

impl Channel {
    /// `state_dir/outbox/<name>.jsonl` says what an earlier process left.
    pub(crate) fn open(name: &'static str, state_dir: &Path, events: Events, way: Arc<dyn Way>) -> Channel {
        let path = state_dir.join("outbox").join(format!("{name}.jsonl"));
        let opened = Store::open(&path);
        if opened.damaged_lines > 0 {
            let lines = opened.damaged_lines;
            tracing::error!(path = %path.display(), lines, "an outbox is damaged: some of what it held may be told twice");
        }
        let fault = opened
            .fault
            .map(|error| format!("{error}; what waits is kept in memory only"));
        if let Some(fault) = &fault {
            tracing::error!(fault, "an outbox cannot be read");
        }
        Channel {
            name,
            events,
            lost: fault.is_some(),
            inner: Arc::new(Mutex::new(Inner {
                machine: Machine::new(opened.waiting),
                inbox: VecDeque::new(),
                unwritten: Vec::new(),
                counts: ChannelCounts::default(),
            })),
            way: RwLock::new(way),
            store: Arc::new(Mutex::new(opened.store)),
            writing: tokio::sync::Mutex::default(),
            behind: AtomicBool::new(false),
            fault: Mutex::new(fault),
            changed: Notify::new(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn way(&self) -> Arc<dyn Way> {
        self.way.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another configuration. `anew`: what waits is tried at once.
    pub(crate) fn replace(&self, way: Arc<dyn Way>, anew: bool) {
        *self.way.write().unwrap_or_else(PoisonError::into_inner) = way;
        match anew {
            true => self.retry_now(),
            false => self.changed.notify_one(),
        }
    }

    /// Something shows that it works again: what waits is tried at once.
    pub(crate) fn retry_now(&self) {
        self.inner().machine.retry_now();
        self.changed.notify_one();
    }

    /// An action of an event wants a target told; once, however often it is said. What becomes of it
    /// is told to the registry.
    pub(crate) fn want(&self, event: &EventRecord, number: u16, target: &str) {
        let action = ActionRef(event.id, number);
        let note = Note {
            action,
            kind: event.kind,
            source: event.source.clone(),
            at: event.start,
            text: event.text.chars().take(TEXT).collect(),
        };
        let mut inner = self.inner();
        if inner.inbox.len() >= INBOX {
            inner.counts.dropped += 1;
            let why = Some("too many events at once".to_owned());
            self.events.outcome(event.id, number, ActionState::Failed, why);
            return;
        }
        inner.inbox.push_back(Want {
            target: target.to_owned(),
            note,
        });
        drop(inner);
        self.changed.notify_one();
    }

    pub(super) fn restart(&self) {
        self.inner().machine.restart();
    }

    pub(super) fn advance(&self) -> Next {
        let way = self.way();
        let mut inner = self.inner();
        let wants = std::mem::take(&mut inner.inbox).into();
        let todo = inner.machine.advance(wants, way.parallel(), &*way, Now::read());
        inner.unwritten.extend(todo.changes);
        let send = todo.send.iter().filter_map(|id| inner.machine.message(*id).cloned());
        let send = send.collect();
        Next {
            send,
            refused: todo.refused,
        }
    }

    pub(super) fn sent(&self, message: Ulid, result: Result<(), Failure>) {
        let mut inner = self.inner();
        let changes = inner.machine.sent(message, result, Now::read());
        inner.unwritten.extend(changes);
    }

    /// Outcomes of so many messages at most.
    pub(super) fn untold(&self, most: usize) -> Vec<(Ulid, Vec<Told>)> {
        self.inner().machine.untold(most)
    }

    /// So many merged actions at most.
    pub(super) fn untold_merged(&self, most: usize) -> Vec<ActionRef> {
        self.inner().machine.untold_merged(most)
    }

    /// `None`: of the merged actions.
    pub(super) fn told(&self, message: Option<Ulid>, durable: bool) {
        let way = self.way();
        let mut inner = self.inner();
        // What the registry told again before it wrote the outcome must be known as done.
        let wants = std::mem::take(&mut inner.inbox).into();
        let todo = inner.machine.advance(wants, 0, &*way, Now::read());
        inner.unwritten.extend(todo.changes);
        for (action, state, detail) in todo.refused {
            self.events.outcome(action.0, action.1, state, detail);
        }
        let changes = match message {
            Some(message) => inner.machine.told(message, durable),
            None => inner.machine.told_merged(durable),
        };
        inner.unwritten.extend(changes);
    }

    pub(super) fn next(&self) -> Option<std::time::Instant> {
        self.inner().machine.next(Now::read())
    }

    /// Returns when the outbox holds all changes, or when there is no use in waiting: then it is
    /// brought up to date later. False: it is not.
    pub(super) async fn write(&self) -> bool {
        if self.lost {
            self.inner().unwritten.clear();
            return true;
        }
        let mut writing = self.writing.lock().await;
        if let Some(hung) = &mut *writing {
            match tokio::time::timeout(PATIENCE / 10, hung).await {
                Ok(_) => *writing = None,
                Err(_) => {
                    self.inner().unwritten.clear();
                    self.behind.store(true, Ordering::SeqCst);
                    return false;
                }
            }
        }
        let changes = std::mem::take(&mut self.inner().unwritten);
        let behind = self.behind.swap(false, Ordering::SeqCst);
        if changes.is_empty() && !behind {
            return true;
        }
        let (store, inner) = (self.store.clone(), self.inner.clone());
        let work = move || {
            let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
            if behind {
                store.fell_behind();
            }
            let waiting = || {
                let inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
                inner.machine.waiting().clone()
            };
            store.write(changes, waiting).map_err(|error| error.to_string())
        };
        // Kept where it stays when whoever waits for it is gone.
        let done = writing.insert(tokio::task::spawn_blocking(work));
        let done = tokio::time::timeout(PATIENCE, done).await;
        let result = match done {
            Ok(done) => {
                *writing = None;
                done.unwrap_or_else(|panicked| Err(panicked.to_string()))
            }
            Err(_) => Err("the disk of state_dir does not answer".to_owned()),
        };
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(()) => {
                if fault.take().is_some() {
                    tracing::info!(actor = self.name, "the outbox is written again");
                }
                true
            }
            Err(error) => {
                self.behind.store(true, Ordering::SeqCst);
                if fault.is_none() {
                    tracing::error!(
                        actor = self.name,
                        error,
                        "the outbox is not written; messages are sent all the same"
                    );
                }
                *fault = Some(error);
                false
            }
        }
    }

    pub fn status(&self, target: &str) -> Status {
        self.inner().machine.status(target)
    }

    /// Why the outbox is not written.
    pub fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn counts(&self) -> ChannelCounts {
        let inner = self.inner();
        let mut counts = inner.machine.counts();
        counts.dropped = inner.counts.dropped;
        counts
    }
}
