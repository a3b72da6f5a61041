//! The audit log: who signed in, saw, took away and changed what, and from where.
//!
//! In `<state_dir>/audit/`, a file for each UTC day that is only added to, of lines as
//! [`crate::line`] makes them. Whoever tells something hands it to a bounded queue and goes on: a disk
//! that hangs holds up nobody, and costs entries, which the log says then. Kept for [`KEPT_DAYS`] and
//! up to [`MOST_BYTES`], the oldest days go first. Belongs here: the files. Does not belong here: what
//! is told (`vigie-web`, `vigie-actors`).

mod files;
mod query;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
};

use serde::{Deserialize, Serialize};
use ulid::Ulid;
use vigie_config::{CameraId, Utc};

pub use query::{Page, Query};

/// Entries that wait to be written.
const QUEUE: usize = 4096;
pub const KEPT_DAYS: i64 = 400;
const MOST_BYTES: u64 = 256 << 20;
/// Of one day; what comes then is counted only.
const MOST_BYTES_A_DAY: u64 = 16 << 20;
const LONGEST_TEXT: usize = 1000;

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    SignedIn,
    SignInRefused,
    SignedOut,
    /// Live pictures, begun or ended.
    Watched,
    Played,
    Exported,
    /// Of configuration, disks, whatever is set up.
    Configuration,
    /// Users, groups, sessions, tokens, passwords.
    Users,
    /// Footage and pictures deleted.
    FootageDeleted,
    /// Footage protected or released.
    FootageProtected,
    /// Recording, outputs and the buzzer by hand.
    Switched,
    /// Of the log itself.
    Audit,
}

impl FromStr for Kind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let value = serde_json::Value::String(text.to_owned());
        serde_json::from_value(value).map_err(|_| format!("{text:?} is no kind of entry"))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub id: Ulid,
    pub at: Utc,
    pub kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// An address, or how somebody came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<CameraId>,
    pub text: String,
}

impl Entry {
    /// Of now.
    pub fn new(kind: Kind, text: impl Into<String>) -> Entry {
        let text: String = text.into();
        Entry {
            id: Ulid::generate(),
            at: Utc::now(),
            kind,
            user: None,
            peer: None,
            camera: None,
            text: text.chars().take(LONGEST_TEXT).collect(),
        }
    }

    pub fn by(mut self, user: impl Into<String>) -> Entry {
        self.user = Some(user.into());
        self
    }

    pub fn from(mut self, peer: Option<impl ToString>) -> Entry {
        self.peer = peer.map(|peer| peer.to_string());
        self
    }

    pub fn of(mut self, camera: CameraId) -> Entry {
        self.camera = Some(camera);
        self
    }
}

/// One per recorder. Its thread ends with it, when all that was told is written.
pub struct Audit {
    folder: PathBuf,
    queue: Option<SyncSender<Entry>>,
    thread: Option<std::thread::JoinHandle<()>>,
    lost: Arc<AtomicU64>,
}

impl Audit {
    /// Nothing is created before the first entry.
    pub fn open(state_dir: &Path) -> Audit {
        let folder = state_dir.join("audit");
        let (queue, entries) = sync_channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = writer::Writer::new(folder.clone(), lost.clone());
        let thread = std::thread::Builder::new()
            .name("audit".into())
            .spawn(move || writer.run(&entries));
        if let Err(error) = &thread {
            tracing::error!(%error, "no thread for the audit log: nothing is written down");
        }
        Audit {
            folder,
            queue: Some(queue),
            thread: thread.ok(),
            lost,
        }
    }

    /// Never waits.
    pub fn tell(&self, entry: Entry) {
        let taken = self.queue.as_ref().is_some_and(|queue| queue.try_send(entry).is_ok());
        if !taken {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Newest first. Reads files: off threads that serve others.
    pub fn query(&self, query: &Query) -> std::io::Result<Page> {
        query::answer(&self.folder, query)
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A disk that hangs must not keep the process.
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(3);
            while !thread.is_finished() && std::time::Instant::now() < deadline {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
    }
}
