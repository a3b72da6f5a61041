//! Failed sign-ins: an event and a line of the log for the first of an address, then one a minute
//! with the count. And after too many of them a wait. Sessions that ended by themselves are told too.
//!
//! Belongs here: how often they are told, when another try is too soon. Does not belong here: who may sign in
//! (`vigie-storage`), what a client is answered (`vigie-web`, the RTSP server).

mod lock_out;
mod tally;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use vigie_config::EventKind;
use vigie_storage::{
    Storage,
    audit::{Entry, Kind},
};

use crate::{
    registry::{Event, Events},
    supervise::{ChildSpec, worker_child},
};
use lock_out::LockOut;
use tally::{Guest, Report, Tally};

pub use tally::With;

/// How often it is looked whether a count is due.
const LOOK: Duration = Duration::from_secs(1);

/// Where whoever checks passwords and tokens tells of those that were wrong. Outlives its actor.
pub struct FailedSignIns {
    tally: Mutex<Tally>,
    lock_out: Mutex<LockOut>,
    events: Events,
    storage: Arc<Storage>,
}

impl FailedSignIns {
    pub(crate) fn new(events: &Events, storage: &Arc<Storage>) -> Arc<Self> {
        Arc::new(Self {
            tally: Mutex::default(),
            lock_out: Mutex::default(),
            events: events.clone(),
            storage: storage.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_out(&self) -> MutexGuard<'_, LockOut> {
        self.lock_out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a password or token may be checked now; else how long it is to be waited for. What comes
    /// earlier is not looked at.
    pub fn may_try(&self, from: Option<IpAddr>, with: With<'_>) -> Result<(), Duration> {
        self.lock_out().may_try(Guest::of(from), with, Instant::now())
    }

    /// Somebody at this address knew the password.
    pub fn passed(&self, from: Option<IpAddr>, name: &str) {
        self.lock_out().passed(Guest::of(from), name, Instant::now());
    }

    /// Somebody at this address was refused; not for requests without credentials.
    pub fn tell(&self, from: Option<IpAddr>, with: With<'_>) {
        self.lock_out().failed(Guest::of(from), with, Instant::now());
        let first = self.lock().failed(Guest::of(from), with, Instant::now());
        self.raise(first);
    }

    fn raise(&self, reports: impl IntoIterator<Item = Report>) {
        for report in reports {
            let text = report.to_string();
            tracing::warn!(peer = %report.guest, "{text}");
            let entry = Entry::new(Kind::SignInRefused, text.clone());
            self.storage.audit().tell(entry.from(Some(report.guest)));
            let payload = serde_json::json!({
                "from": report.guest.to_string(),
                "count": report.count,
                "names": report.names,
            });
            self.events
                .raise(Event::house(EventKind::IllegalAccess, text).with(payload));
        }
    }
}

/// Tells the counts, as a child of the root.
pub(crate) fn sign_ins_child(failed: Arc<FailedSignIns>) -> ChildSpec {
    worker_child("sign_ins", "sign_ins", move |context| {
        let failed = failed.clone();
        Box::pin(async move {
            loop {
                let due = failed.lock().due(Instant::now());
                failed.raise(due);
                let ending = failed.storage.clone();
                // It writes to the journal of accounts.
                tokio::task::spawn_blocking(move || end_idle(&ending)).await?;
                let watched = failed.lock().guests();
                context.node.publish(serde_json::json!({ "watched": watched }));
                if !context.pause(LOOK).await {
                    let rest = failed.lock().rest(Instant::now());
                    failed.raise(rest);
                    return Ok(());
                }
            }
        })
    })
}

/// Sessions in which nobody gave input for too long.
fn end_idle(storage: &Storage) {
    for ended in storage.accounts().end_idle() {
        tracing::info!(
            viewer = ended.user,
            peer = ended.peer,
            "signed out: no input for too long"
        );
        let entry = Entry::new(Kind::SignedOut, "signed out: no input for too long").by(ended.user);
        storage.audit().tell(entry.from(ended.peer));
    }
}
