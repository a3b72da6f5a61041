//! From the registry's news to a listener's messages.

use std::time::Duration;

use actix::Addr;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use vigie_actors::registry::News;

use super::viewer::{Chunk, Viewer};
use crate::{
    api::events::{EventBody, may_see},
    sign_in::Viewer as SignedIn,
};

/// A listener hears something as often, be it `{}`: in a browser nothing else tells a line that is
/// dead from one on which nothing happens.
const ALIVE: Duration = Duration::from_secs(10);

/// Tells one listener until either is gone, or `user` no longer signed in. Who is too slow is told how
/// many were missed.
pub async fn run(user: impl Fn() -> Option<SignedIn>, mut news: Receiver<News>, listener: Addr<Viewer>) {
    let mut alive = tokio::time::interval_at(tokio::time::Instant::now() + ALIVE, ALIVE);
    loop {
        let told = tokio::select! {
            told = news.recv() => told,
            _ = alive.tick() => {
                if listener.send(Chunk::Json("{}".into())).await.is_err() {
                    return;
                }
                continue;
            }
        };
        let Some(user) = user() else { return };
        let text = match told {
            Ok(event) if !may_see(&user, &event.source) => continue,
            Ok(event) => {
                let event = vigie_storage::events::EventRecord::clone(&event);
                serde_json::to_string(&EventBody::of(event, &user))
            }
            Err(RecvError::Lagged(missed)) => Ok(serde_json::json!({ "missed": missed }).to_string()),
            Err(RecvError::Closed) => return,
        };
        let Ok(text) = text else { continue };
        // Waits for room in the mailbox: meanwhile the receiver falls behind, and is told so.
        if listener.send(Chunk::Json(text)).await.is_err() {
            return;
        }
    }
}
