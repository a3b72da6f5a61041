//! Who watches what live in a browser now.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use actix_web::web;
use vigie_actors::Recorder;
use vigie_config::StreamId;
use vigie_storage::audit::{Entry, Kind};

/// One who watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    pub user: String,
    pub peer: Option<String>,
    /// `None`: with a password or a token, and without a session.
    pub session: Option<String>,
    pub stream: StreamId,
}

#[derive(Default)]
pub struct Watching {
    all: Mutex<BTreeMap<u64, Watch>>,
    next: AtomicU64,
}

impl Watching {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Watch>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a session watches now.
    pub fn of_session(&self, session: &str) -> Vec<StreamId> {
        let all = self.lock();
        let of = all.values().filter(|watch| watch.session.as_deref() == Some(session));
        of.map(|watch| watch.stream.clone()).collect()
    }
}

/// As long as this is there, they watch; its end is told to the audit log.
pub struct Eye {
    watching: web::Data<Watching>,
    recorder: web::Data<Recorder>,
    number: u64,
}

impl Eye {
    pub fn open(watching: web::Data<Watching>, recorder: web::Data<Recorder>, watch: Watch) -> Eye {
        let number = watching.next.fetch_add(1, Ordering::Relaxed);
        watching.lock().insert(number, watch);
        Eye {
            watching,
            recorder,
            number,
        }
    }
}

impl Drop for Eye {
    fn drop(&mut self) {
        let Some(watch) = self.watching.lock().remove(&self.number) else {
            return;
        };
        let text = format!("{} in a browser no more", watch.stream.stream);
        let entry = Entry::new(Kind::Watched, text).by(watch.user).from(watch.peer);
        self.recorder.storage().audit().tell(entry.of(watch.stream.camera));
    }
}
