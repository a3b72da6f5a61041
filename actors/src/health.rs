//! Health: tells systemd that the house lives, watches the clock.
//!
//! The watchdog is fed only while the cameras' supervisor answers: a process that hangs is
//! restarted by systemd.

use std::{sync::Arc, time::Duration};

use ractor::call_t;

use vigie_config::EventKind;

use crate::{
    clock::ClockWatch,
    recorder::{Slot, actor_of},
    registry::{Event, Events},
    supervise::{ChildSpec, SupervisorMsg, worker_child},
};

/// Feeds the watchdog of whoever started us.
pub type Feed = Arc<dyn Fn() + Send + Sync>;

const EVERY: Duration = Duration::from_secs(1);
const ANSWER_TIMEOUT_MS: u64 = 5_000;

pub(crate) fn health_child(feed: Feed, cameras: Slot, clock: Arc<ClockWatch>, events: Events) -> ChildSpec {
    worker_child("health", "health", move |context| {
        let (feed, cameras, clock, events) = (feed.clone(), cameras.clone(), clock.clone(), events.clone());
        Box::pin(async move {
            loop {
                let watch = clock.clone();
                // It asks whoever keeps the clock.
                if let Some(seconds) = tokio::task::spawn_blocking(move || watch.look()).await? {
                    tracing::warn!(seconds, "the host's clock stepped");
                    events.raise(Event::house(EventKind::ClockStepped, format!("by {seconds:.1} s")));
                }
                let alive = match actor_of(&cameras) {
                    Some(actor) => call_t!(actor, SupervisorMsg::Ping, ANSWER_TIMEOUT_MS).is_ok(),
                    None => true,
                };
                if alive {
                    feed();
                } else {
                    tracing::error!("the supervision tree does not answer; the watchdog is not fed");
                }
                context.node.publish(serde_json::json!({
                    "answers": alive,
                    "clock_synchronised": clock.is_synchronised(),
                }));
                if !context.pause(EVERY).await {
                    return Ok(());
                }
            }
        })
    })
}
