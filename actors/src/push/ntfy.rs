//! A topic of an ntfy server (<https://docs.ntfy.sh/publish/>).

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::Method;
use vigie_config::{Address, SignIn};
use vigie_storage::outbox::Message;

use super::{Text, call::Request};

/// Bytes; what is longer becomes a file.
const LONGEST: usize = 4096;

pub fn request(url: &Address, sign_in: Option<&SignIn>, message: &Message, text: &Text) -> Request {
    let key = message.id.to_string();
    let mut headers = vec![
        ("X-Title".to_owned(), encoded(&text.title)),
        (
            "X-Priority".to_owned(),
            if text.alarm { "high" } else { "default" }.to_owned(),
        ),
        // A message with the id of an earlier one takes its place.
        ("X-Sequence-ID".to_owned(), key.clone()),
        ("Idempotency-Key".to_owned(), key),
    ];
    match sign_in {
        Some(SignIn::Token(token)) => headers.push(("Authorization".to_owned(), format!("Bearer {}", token.reveal()))),
        Some(SignIn::Basic(credentials)) => {
            let pair = format!("{}:{}", credentials.username, credentials.password.reveal());
            headers.push((
                "Authorization".to_owned(),
                format!("Basic {}", BASE64_STANDARD.encode(pair)),
            ));
        }
        None => {}
    }
    Request {
        method: Method::POST,
        url: url.0.clone(),
        headers,
        body: Some(cut(&text.body).as_bytes().to_vec()),
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST)).unwrap_or_default()
}

/// RFC 2047, where it is not ASCII.
fn encoded(text: &str) -> String {
    match text.is_ascii() {
        true => text.to_owned(),
        false => format!("=?UTF-8?B?{}?=", BASE64_STANDARD.encode(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = format!("a{}", "é".repeat(3000));
        assert_eq!(cut(&long).len(), LONGEST - 1);
    }
}
