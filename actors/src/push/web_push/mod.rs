//! Browsers, by way of their push services: RFC 8030, 8188, 8291, 8292.

mod encrypt;
mod reach;
mod vapid;

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::json;
use url::Url;
use vigie_config::Utc;
use vigie_storage::{outbox::Message, subscriptions::Subscription};

use super::{Text, call::Request};
use crate::notify::{Failure, How};

pub use reach::{client, is_push_service};
pub use vapid::Vapid;

/// Push services take 4096 bytes of body; of characters that take four bytes this is 3000.
const LONGEST_TITLE: usize = 150;
const LONGEST_BODY: usize = 600;

/// Reads the key of this installation from its file.
pub fn request(
    subscription: &Subscription,
    vapid: &Vapid,
    contact: &str,
    message: &Message,
    text: &Text,
    expire: Duration,
) -> Result<Request, Failure> {
    // Another browser's may be right; ours (the key) somebody has to mend.
    let of_browser = |text: String| Failure::new(How::Never, text);
    if !is_push_service(&subscription.endpoint) {
        return Err(of_browser(
            "the endpoint is no push service that may be called".to_owned(),
        ));
    }
    let url = Url::parse(&subscription.endpoint);
    let url = url.map_err(|error| of_browser(format!("the endpoint is no address: {error}")))?;
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
            .map_err(|error| of_browser(format!("the browser's key: {error}")))
    };
    let (public, secret) = (key(&subscription.p256dh)?, key(&subscription.auth)?);
    let body = encrypt::encrypt(&public, &secret, payload.to_string().as_bytes()).map_err(of_browser)?;
    let signed = vapid.authorization(&url, contact, Utc::now());
    let signed = signed.map_err(|text| Failure::new(How::Slow, text))?;
    let header = |name: &str, value: String| (name.to_owned(), value);
    let headers = vec![
        header("Content-Type", "application/octet-stream".to_owned()),
        header("Content-Encoding", "aes128gcm".to_owned()),
        header("TTL", expire.as_secs().to_string()),
        header("Urgency", if text.alarm { "high" } else { "normal" }.to_owned()),
        // A message with the topic of one that the browser did not get yet takes its place.
        header("Topic", message.id.to_string()),
        header("Idempotency-Key", message.id.to_string()),
        header("Authorization", signed),
    ];
    Ok(Request {
        method: Method::POST,
        url,
        headers,
        body: Some(body),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ulid::Ulid;

    use super::*;
    use crate::notify::words::tests::message;

    #[test]
    fn a_fault_of_our_own_is_no_fault_of_the_browser() {
        let folder = tempfile::tempdir().unwrap();
        let key = BASE64_URL_SAFE_NO_PAD.decode(Vapid::new(folder.path()).public_key().unwrap());
        let subscription = Subscription {
            id: Ulid::generate(),
            user: "ann".into(),
            user_created: Utc::now(),
            endpoint: "https://push.example.org/x".into(),
            p256dh: BASE64_URL_SAFE_NO_PAD.encode(key.unwrap()),
            auth: BASE64_URL_SAFE_NO_PAD.encode([7u8; 16]),
            since: Utc::now(),
        };
        let text = || Text {
            title: String::new(),
            body: String::new(),
            alarm: false,
        };
        let how = |one: &Subscription, vapid: &Vapid| {
            let asked = request(
                one,
                vapid,
                "mailto:ann@example.org",
                &message(1, 1),
                &text(),
                Duration::from_secs(60),
            );
            asked.map(drop).map_err(|failure| failure.how)
        };
        let vapid = Vapid::new(folder.path());
        assert_eq!(how(&subscription, &vapid), Ok(()));
        let bad = Subscription {
            p256dh: "AAAA".into(),
            ..subscription.clone()
        };
        assert_eq!(how(&bad, &vapid), Err(How::Never));
        let own = Subscription {
            endpoint: "https://push.example.org:x@192.168.1.1:8443/x".into(),
            ..subscription.clone()
        };
        assert_eq!(how(&own, &vapid), Err(How::Never));
        std::fs::write(folder.path().join("vapid.pk8"), b"torn").unwrap();
        assert_eq!(how(&subscription, &Vapid::new(folder.path())), Err(How::Slow));
    }
}
