//! The line to an output: what switches it.

use std::time::Duration;

use vigie_config::{HttpCall, HttpMethod, OutputKind, redact_url};

/// A device that takes longer counts as not there.
const TIMEOUT: Duration = Duration::from_secs(5);

pub struct Line {
    kind: OutputKind,
    client: reqwest::Client,
}

impl Line {
    pub fn new(kind: OutputKind) -> Self {
        Self {
            kind,
            client: crate::http::client(),
        }
    }

    /// Says what failed, which, and why.
    pub async fn switch(&self, on: bool) -> Result<(), String> {
        let OutputKind::Http { on: to_on, off: to_off } = &self.kind;
        match (on, to_off) {
            (true, _) => self.call(to_on).await,
            (false, Some(off)) => self.call(off).await,
            // It falls back by itself.
            (false, None) => Ok(()),
        }
    }

    async fn call(&self, call: &HttpCall) -> Result<(), String> {
        let shown = redact_url(call.url.as_str());
        let method = match call.method {
            HttpMethod::Get => reqwest::Method::GET,
            HttpMethod::Post => reqwest::Method::POST,
            HttpMethod::Put => reqwest::Method::PUT,
        };
        let mut request = self.client.request(method.clone(), call.url.clone()).timeout(TIMEOUT);
        if let Some(body) = &call.body {
            let json = serde_json::from_str::<serde_json::Value>(body).is_ok();
            let kind = if json {
                "application/json"
            } else {
                "text/plain; charset=utf-8"
            };
            request = request.header("content-type", kind).body(body.clone());
        }
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("{method} {shown}: answered {}, expected 2xx", answer.status())),
            Err(error) if error.is_timeout() => {
                Err(format!("{method} {shown}: no answer within {} s", TIMEOUT.as_secs()))
            }
            Err(error) => Err(format!(
                "{method} {shown}: {}",
                crate::http::root_of(&error.without_url())
            )),
        }
    }
}
