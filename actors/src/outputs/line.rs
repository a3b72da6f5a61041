//! The line to an output: what switches it.

use std::{sync::Arc, time::Duration};

use vigie_config::{HttpCall, HttpMethod, OutputKind, redact_url};

use crate::{
    gpio::{Gpio, Relay},
    mqtt::Mqtt,
};

/// A device that takes longer counts as not there.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What lines are made of.
#[derive(Clone)]
pub struct Means {
    pub(crate) mqtt: Arc<Mqtt>,
    pub(crate) gpio: Arc<dyn Gpio>,
}

pub struct Line {
    kind: OutputKind,
    client: reqwest::Client,
    mqtt: Arc<Mqtt>,
    /// Of a GPIO line.
    relay: Option<Relay>,
}

impl Line {
    pub fn new(kind: OutputKind, means: Means) -> Self {
        let relay = match &kind {
            OutputKind::Gpio { line, on } => Some(Relay::new(line.clone(), *on, means.gpio)),
            OutputKind::Http { .. } | OutputKind::Mqtt { .. } => None,
        };
        Self {
            kind,
            client: crate::http::strict_client(),
            mqtt: means.mqtt,
            relay,
        }
    }

    /// It is switched on for a while of its own, and nobody switches it off.
    pub fn falls_back(&self) -> bool {
        matches!(&self.kind, OutputKind::Http { off: None, .. })
    }

    /// Says what failed, which, and why.
    pub async fn switch(&self, on: bool) -> Result<(), String> {
        match &self.kind {
            OutputKind::Http { on: to_on, off: to_off } => match (on, to_off) {
                (true, _) => self.call(to_on).await,
                (false, Some(off)) => self.call(off).await,
                // It falls back by itself.
                (false, None) => Ok(()),
            },
            OutputKind::Mqtt {
                topic,
                on: to_on,
                off: to_off,
                retain,
            } => {
                let payload = if on { to_on } else { to_off };
                self.mqtt.publish(topic, payload, *retain).await
            }
            OutputKind::Gpio { .. } => match &self.relay {
                Some(relay) => relay.switch(on).await,
                None => Ok(()),
            },
        }
    }

    /// Nothing is held any more: a GPIO line goes to its safe level.
    pub async fn release(&self) {
        if let Some(relay) = &self.relay {
            relay.release().await;
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{gpio::bench::Bench, registry::Events};

    #[tokio::test]
    async fn without_a_broker_it_says_so() {
        let means = Means {
            mqtt: Mqtt::new(None, &Events::default()),
            gpio: Arc::new(Bench::new()),
        };
        let kind = OutputKind::Mqtt {
            topic: "siren/set".into(),
            on: "ON".into(),
            off: "OFF".into(),
            retain: false,
        };
        let error = Line::new(kind, means).switch(true).await.unwrap_err();
        assert_eq!(error, "no broker is configured");
    }
}
