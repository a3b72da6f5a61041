//! One HTTP request to a target, and what its answer means.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Method, StatusCode, header::HeaderMap};
use url::Url;

use crate::{http, notify::How};

/// A server that takes longer counts as not there.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Of what a server says about a refusal.
const SAID: usize = 200;

pub struct Request {
    pub method: Method,
    pub url: Url,
    /// Names and values; values may be secrets.
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
}

/// It was not taken.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    pub text: String,
    pub how: How,
    pub status: Option<u16>,
}

/// Tries once.
pub async fn send(client: &reqwest::Client, request: Request) -> Result<(), Refused> {
    let Request {
        method,
        mut url,
        headers,
        body,
    } = request;
    let shown = shown(&url);
    let of_network = |text: String| Refused {
        text: format!("{method} {shown}: {text}"),
        how: How::Retry,
        status: None,
    };
    // Credentials of an address go into a header, where reqwest puts them by itself.
    url.set_fragment(None);
    let mut call = client.request(method.clone(), url).timeout(TIMEOUT);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    if let Some(body) = body {
        call = call.body(body);
    }
    let mut answer = match call.send().await {
        Ok(answer) => answer,
        Err(error) if error.is_timeout() => {
            return Err(of_network(format!("no answer within {} s", TIMEOUT.as_secs())));
        }
        Err(error) if error.is_builder() => {
            let text = format!("{method} {shown}: {}", http::root_of(&error.without_url()));
            return Err(Refused {
                text,
                how: How::Slow,
                status: None,
            });
        }
        Err(error) => return Err(of_network(http::root_of(&error.without_url()))),
    };
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let how = how(status, answer.headers(), Timestamp::now());
    let mut said = Vec::new();
    while said.len() < SAID
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        said.extend(chunk);
    }
    let said: String = String::from_utf8_lossy(&said).chars().take(SAID).collect();
    let said = crate::notify::words::plain(&said);
    let said = if said.is_empty() { said } else { format!(" ({said})") };
    Err(Refused {
        text: format!("{method} {shown}: answered {status}, expected 2xx{said}"),
        how,
        status: Some(status.as_u16()),
    })
}

/// Whoever knows more of it may send there: paths and queries are topics, tokens, keys.
fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

fn how(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> How {
    let asked = || retry_after(headers, now);
    match status.as_u16() {
        429 | 503 => asked().map_or(How::Retry, How::After),
        408 | 425 | 500..=599 => How::Retry,
        // Somebody may mend address, token or server.
        401 | 403 | 404 | 405 | 410 | 300..=399 => How::Slow,
        _ => How::Never,
    }
}

/// RFC 9110, 10.2.3: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Duration::try_from(at.duration_since(now)).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        for (url, expected) in [
            ("https://ntfy.sh/my-secret-topic", "https://ntfy.sh"),
            (
                "https://ann:pw@api.telegram.org:8443/bot12:abc/send?k=v#x",
                "https://api.telegram.org:8443",
            ),
            ("http://[2001:db8::1]:81/hook", "http://[2001:db8::1]:81"),
        ] {
            assert_eq!(shown(&url.parse().unwrap()), expected);
        }
    }

    #[test]
    fn what_an_answer_means() {
        let now: Timestamp = "2026-11-20T13:00:00Z".parse().unwrap();
        let seen = |status: u16, after: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(after) = after {
                headers.insert("retry-after", after.parse().unwrap());
            }
            how(StatusCode::from_u16(status).unwrap(), &headers, now)
        };
        assert_eq!(seen(429, Some("17")), How::After(Duration::from_secs(17)));
        let date = Some("Fri, 20 Nov 2026 13:01:00 GMT");
        assert_eq!(seen(503, date), How::After(Duration::from_secs(60)));
        assert_eq!(seen(429, Some("soon")), How::Retry);
        assert_eq!(seen(500, Some("17")), How::Retry);
        for status in [301, 401, 403, 404, 410] {
            assert_eq!(seen(status, None), How::Slow, "{status}");
        }
        for status in [400, 413, 422] {
            assert_eq!(seen(status, None), How::Never, "{status}");
        }
    }
}
