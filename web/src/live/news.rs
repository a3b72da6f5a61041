//! From the registry's news to a listener's messages.

use actix::Addr;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use vigie_actors::registry::News;

use super::viewer::{Chunk, Viewer};
use crate::{
    api::events::{EventBody, may_see},
    sign_in::Viewer as SignedIn,
};

/// Tells one listener until either is gone, or `user` no longer signed in. Who is too slow is told how
/// many were missed.
pub async fn run(user: impl Fn() -> Option<SignedIn>, mut news: Receiver<News>, listener: Addr<Viewer>) {
    loop {
        let news = news.recv().await;
        let Some(user) = user() else { return };
        let text = match news {
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
