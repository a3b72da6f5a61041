//! Retention: asks storage for a pass every few seconds, and at once when space runs low; keeps the
//! log of events within its limits.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use vigie_config::{Config, Record, Utc};
use vigie_storage::{
    RetentionRules,
    events::{EventLog, EventLogError},
};

use crate::{
    recorder::Recorder,
    supervise::{ChildSpec, worker_child},
};

const EVERY: Duration = Duration::from_secs(10);
/// How often the index is made durable, so that a restart has little to look at.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);

pub fn retention_child(recorder: Arc<Recorder>, low: Arc<Notify>) -> ChildSpec {
    worker_child("retention", "retention", move |context| {
        let (recorder, low) = (recorder.clone(), low.clone());
        let (storage, log) = (recorder.storage().clone(), recorder.event_log().clone());
        Box::pin(async move {
            let mut deleted = 0u64;
            let mut stuck = false;
            let mut checkpoint = tokio::time::Instant::now() + CHECKPOINT_EVERY;
            loop {
                tokio::select! {
                    () = tokio::time::sleep(EVERY) => {}
                    () = low.notified() => {}
                    () = context.stopping() => return Ok(()),
                }
                let rules = rules_of(&recorder.config());
                let trusted = recorder.deps.clock.trusted();
                let due = tokio::time::Instant::now() >= checkpoint;
                if due {
                    checkpoint = tokio::time::Instant::now() + CHECKPOINT_EVERY;
                }
                let (pass_storage, log) = (storage.clone(), log.clone());
                let passed = tokio::task::spawn_blocking(move || {
                    if due {
                        pass_storage.checkpoint();
                    }
                    let report = pass_storage.retention_pass(&rules, Utc::now(), trusted);
                    // Last: the log's disk may hang.
                    let log = if due { expire(&log, trusted) } else { Ok(()) };
                    (report, log)
                })
                .await?;
                let (report, log) = passed;
                if due {
                    let was_stuck = std::mem::replace(&mut stuck, log.is_err());
                    if let Err(error) = log
                        && !was_stuck
                    {
                        tracing::error!(%error, "the oldest events cannot be deleted: look at the disk of state_dir");
                        context.node.note_error(&error);
                    }
                }
                deleted += report.deleted.len() as u64;
                if !report.deleted.is_empty() {
                    tracing::info!(
                        segments = report.deleted.len(),
                        bytes = report.freed_bytes,
                        "retention deleted the oldest"
                    );
                }
                context.node.publish(serde_json::json!({
                    "deleted_segments": deleted,
                    "age_paused": report.age_paused,
                    "failed": report.failed,
                }));
            }
        })
    })
}

fn expire(log: &EventLog, trusted: bool) -> Result<(), EventLogError> {
    let gone = log.expire(Utc::now(), trusted)?;
    if !gone.is_empty() {
        tracing::info!(files = gone.len(), "the oldest events were deleted");
    }
    Ok(())
}

/// What the configuration says of ages, and of snapshots.
pub fn rules_of(config: &Config) -> RetentionRules {
    let ages = |age: fn(&Record) -> Option<Duration>| {
        let some = config.cameras.iter();
        some.filter_map(|camera| Some((camera.id.clone(), age(&camera.record)?)))
            .collect()
    };
    RetentionRules {
        max_age: ages(|record| record.max_age),
        min_age: ages(|record| record.min_age),
        snapshots: config.snapshots.clone(),
        locked: Vec::new(),
    }
}
