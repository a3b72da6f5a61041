//! What one stream's actors share, and what outlives each of them: the hub, the published
//! status, and the cause that a gap opening now would have.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::sync::watch;
use vigie_config::{GapCause, StreamId, Utc};
use vigie_media::hub::Hub;

/// Where a stream (and, by its main stream, a camera) stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StreamState {
    /// The first attempt since the start or a change of configuration.
    Connecting,
    Live,
    /// Connected, but nothing decodable comes.
    Stalled,
    Offline,
    Refused,
    Misconfigured,
    Disabled,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StreamStatus {
    pub state: StreamState,
    /// Why it is not live; without credentials.
    pub error: Option<String>,
    pub since: Utc,
}

/// The cause that a gap opening now would have; `None` while nothing is known to be wrong.
#[derive(Debug, Default)]
pub struct CauseCell(AtomicU8);

impl CauseCell {
    const ALL: [GapCause; 10] = [
        GapCause::CameraOffline,
        GapCause::Network,
        GapCause::Stalled,
        GapCause::Refused,
        GapCause::Overload,
        GapCause::Disk,
        GapCause::Shutdown,
        GapCause::Crash,
        GapCause::Disabled,
        GapCause::Clock,
    ];

    pub fn get(&self) -> Option<GapCause> {
        let at = self.0.load(Ordering::Acquire);
        usize::from(at).checked_sub(1).and_then(|i| Self::ALL.get(i).copied())
    }

    pub fn set(&self, cause: Option<GapCause>) {
        let at = cause
            .and_then(|c| Self::ALL.iter().position(|k| *k == c))
            .map_or(0, |i| i + 1);
        self.0.store(u8::try_from(at).unwrap_or(0), Ordering::Release);
    }
}

/// One stream, as long as it is configured.
pub struct StreamHandle {
    pub id: StreamId,
    pub hub: Arc<Hub>,
    pub cause: Arc<CauseCell>,
    /// What outlives the recording's actor.
    pub recording: crate::recording::Tap,
    status: watch::Sender<StreamStatus>,
    /// A source actor runs, or ended without being asked to.
    source_runs: AtomicBool,
}

impl StreamHandle {
    pub fn new(id: StreamId, gop_cache_bytes: usize, state: StreamState) -> Arc<Self> {
        let status = StreamStatus {
            state,
            error: None,
            since: Utc::now(),
        };
        Arc::new(Self {
            hub: Hub::new(id.clone(), gop_cache_bytes),
            id,
            cause: Arc::new(CauseCell::default()),
            recording: crate::recording::Tap::default(),
            status: watch::Sender::new(status),
            source_runs: AtomicBool::new(false),
        })
    }

    /// A source actor begins; true if the one before it failed.
    pub fn resumes(&self) -> bool {
        self.source_runs.swap(true, Ordering::AcqRel)
    }

    /// The source actor ended in order.
    pub fn source_stopped(&self) {
        self.source_runs.store(false, Ordering::Release);
    }

    pub fn status(&self) -> StreamStatus {
        self.status.borrow().clone()
    }

    /// When the last video unit came.
    pub fn last_video(&self, now: Instant) -> Option<Instant> {
        now.checked_sub(Duration::from_millis(self.hub.stats().idle_ms?))
    }

    /// Publishes a state; `since` moves only when the state does.
    pub fn set_status(&self, state: StreamState, error: Option<String>) {
        self.status.send_if_modified(|s| {
            let moved = s.state != state;
            if moved {
                s.since = Utc::now();
                s.state = state;
            }
            let told = s.error != error;
            s.error = error;
            moved || told
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_cell_gives_back_what_was_set() {
        let cell = CauseCell::default();
        assert_eq!(cell.get(), None);
        for cause in CauseCell::ALL {
            cell.set(Some(cause));
            assert_eq!(cell.get(), Some(cause));
        }
        cell.set(None);
        assert_eq!(cell.get(), None);
    }
}
