//! Browsers, by way of their push services: RFC 8030, 8188, 8291, 8292.

mod encrypt;
mod vapid;

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::json;
use url::Url;
use vigie_config::Utc;
use vigie_storage::{outbox::Message, subscriptions::Subscription};

use super::{Text, call::Request};

pub use vapid::Vapid;

/// Push services take 4096 bytes of body; of characters that take four bytes this is 3000.
const LONGEST_TITLE: usize = 150;
const LONGEST_BODY: usize = 600;

pub fn request(
    subscription: &Subscription,
    vapid: &Vapid,
    contact: &str,
    message: &Message,
    text: &Text,
    expire: Duration,
) -> Result<Request, String> {
    let url = Url::parse(&subscription.endpoint).map_err(|error| format!("the endpoint is no address: {error}"))?;
    // Where a press on it leads: the newest of those that the text names.
    let event = message
        .notes
        .last()
        .map(|note| json!({ "id": note.action.0.to_string(), "source": note.source, "at": note.at }));
    let payload = json!({
        "id": message.id.to_string(),
        "at": message.opened,
        "title": text.title.chars().take(LONGEST_TITLE).collect::<String>(),
        "body": text.body.chars().take(LONGEST_BODY).collect::<String>(),
        "alarm": text.alarm,
        "event": event,
    });
    let key = |text: &str| {
        BASE64_URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|error| format!("the browser's key: {error}"))
    };
    let (public, secret) = (key(&subscription.p256dh)?, key(&subscription.auth)?);
    let body = encrypt::encrypt(&public, &secret, payload.to_string().as_bytes())?;
    let header = |name: &str, value: String| (name.to_owned(), value);
    let headers = vec![
        header("Content-Type", "application/octet-stream".to_owned()),
        header("Content-Encoding", "aes128gcm".to_owned()),
        header("TTL", expire.as_secs().to_string()),
        header("Urgency", if text.alarm { "high" } else { "normal" }.to_owned()),
        // A message with the topic of one that the browser did not get yet takes its place.
        header("Topic", message.id.to_string()),
        header("Idempotency-Key", message.id.to_string()),
        header("Authorization", vapid.authorization(&url, contact, Utc::now())?),
    ];
    Ok(Request {
        method: Method::POST,
        url,
        headers,
        body: Some(body),
    })
}
