//! Another program: JSON, signed so that it knows who says it.

use reqwest::Method;
use ring::hmac;
use serde_json::json;
use vigie_config::{Address, Secret, Utc};
use vigie_storage::outbox::Message;

use super::{Words, call::Request};

pub fn request(url: &Address, secret: &Secret, message: &Message, words: &Words, now: Utc) -> Request {
    let body = body(message, words).to_string();
    let timestamp = now.timestamp().as_second().to_string();
    let header = |name: &str, value: String| (name.to_owned(), value);
    let headers = vec![
        header("Content-Type", "application/json".to_owned()),
        header("Idempotency-Key", message.id.to_string()),
        header("X-Vigie-Timestamp", timestamp.clone()),
        header("X-Vigie-Signature", signature(secret, &timestamp, &body)),
    ];
    Request {
        method: Method::POST,
        url: url.0.clone(),
        headers,
        body: Some(body.into_bytes()),
    }
}

/// `v1=` and the HMAC-SHA256 over `<timestamp>.<body>` in hexadecimal.
fn signature(secret: &Secret, timestamp: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    for part in [timestamp, ".", body] {
        context.update(part.as_bytes());
    }
    format!("v1={}", hex::encode(context.sign()))
}

fn body(message: &Message, words: &Words) -> serde_json::Value {
    let events = message.notes.iter().map(|note| {
        json!({
            "id": note.action.0.to_string(),
            "kind": note.kind,
            "source": note.source.to_string(),
            "name": words.source(&note.source),
            "start": note.at,
            "text": note.text,
        })
    });
    let events: Vec<_> = events.collect();
    json!({
        "id": message.id.to_string(),
        "recorder": words.house,
        "text": words.headline(message),
        "count": message.count(),
        "counts": message.counts,
        // Further ones are only counted: GET /api/v1/events has them all.
        "events": events,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::words::tests::{message, words};

    #[test]
    fn the_signature_is_that_of_openssl() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let seen = signature(&Secret::new("0123456789abcdef"), "1700000000", "{\"a\":1}");
        assert_eq!(
            seen,
            "v1=9eb18f493f8ec135d9eb2dad817c369bb4e9cbfa818657897a7437c1cd8c3a23"
        );
    }

    #[test]
    fn every_event_that_fits_and_how_many_there_were() {
        let body = body(&message(1000, 50), &words());
        assert_eq!(
            (body["count"].as_u64(), body["counts"]["sensor"].as_u64()),
            (Some(1000), Some(1000))
        );
        assert_eq!(body["events"].as_array().map(Vec::len), Some(50));
        assert_eq!(body["events"][0]["name"], "Back door");
        let again = super::body(&message(1000, 50), &words());
        assert_eq!(body, again, "the same key, the same body");
    }
}
