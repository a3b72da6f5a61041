//! The line to an output: what switches it.

use std::{
    sync::{Arc, Mutex, TryLockError},
    time::Duration,
};

use vigie_config::{GpioLine, HttpCall, HttpMethod, Level, OutputKind, redact_url};

use crate::{
    gpio::{Driven, Gpio, within},
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
    means: Means,
    /// A GPIO line, once it was asked for.
    driven: Arc<Mutex<Option<Box<dyn Driven>>>>,
}

impl Line {
    pub fn new(kind: OutputKind, means: Means) -> Self {
        Self {
            kind,
            client: crate::http::client(),
            means,
            driven: Arc::default(),
        }
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
                self.means.mqtt.publish(topic, payload, *retain).await
            }
            OutputKind::Gpio { line, on: level_on } => self.drive(line, *level_on, on).await,
        }
    }

    /// Nothing is held any more: a GPIO line goes to its safe level.
    pub async fn release(&self) {
        if let OutputKind::Gpio { line, .. } = &self.kind {
            let driven = self.driven.clone();
            let released = within(line, move || {
                if let Ok(mut driven) = driven.lock() {
                    *driven = None;
                }
                Ok(())
            });
            if let Err(error) = released.await {
                tracing::error!(error, "a line was not let go");
            }
        }
    }

    async fn drive(&self, line: &GpioLine, level_on: Level, on: bool) -> Result<(), String> {
        let (driven, gpio, asked) = (self.driven.clone(), self.means.gpio.clone(), line.clone());
        let level_off = match level_on {
            Level::Low => Level::High,
            Level::High => Level::Low,
        };
        within(line, move || {
            let mut driven = match driven.try_lock() {
                Ok(driven) => driven,
                Err(TryLockError::Poisoned(driven)) => driven.into_inner(),
                Err(TryLockError::WouldBlock) => return Err(format!("{asked}: the call before has not returned yet")),
            };
            let mut held = match driven.take() {
                Some(held) => held,
                None => gpio.drive(&asked, level_off)?,
            };
            // One that failed is let go, and asked for anew next time.
            held.set(if on { level_on } else { level_off })?;
            *driven = Some(held);
            Ok(())
        })
        .await
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

    fn line(on: &str, bench: &Arc<Bench>) -> Line {
        let text = format!(
            "[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n[[output]]\nid = \"siren\"\nkind = \"gpio\"\n\
             chip = \"/dev/gpiochip0\"\nline = \"RELAY1\"\non = \"{on}\"\n"
        );
        let config = vigie_config::Config::parse(&text, &|_| None).unwrap().0;
        let means = Means {
            mqtt: Mqtt::new(None, &Events::default()),
            gpio: Arc::new(bench.clone()),
        };
        Line::new(config.outputs[0].kind.clone(), means)
    }

    #[tokio::test]
    async fn a_relay_is_held_and_left_off() {
        use Level::{High, Low};
        let bench = Bench::new();
        let relay = line("low", &bench);
        for on in [false, true, false, true] {
            relay.switch(on).await.unwrap();
        }
        assert_eq!(bench.driven(), [High, High, Low, High, Low], "safe first");
        relay.release().await;
        assert_eq!(bench.driven().last(), Some(&High), "off");
        relay.switch(true).await.unwrap();
        drop(relay);
        assert_eq!(bench.driven().last(), Some(&High), "off, whoever lets it go");
    }

    #[tokio::test]
    async fn a_line_that_is_busy_or_gone_says_so_and_is_asked_for_again() {
        let bench = Bench::new();
        let (first, second) = (line("high", &bench), line("high", &bench));
        first.switch(true).await.unwrap();
        let error = second.switch(true).await.unwrap_err();
        assert_eq!(error, "line \"RELAY1\" of /dev/gpiochip0 is used by \"vigie\"");
        bench.fail("line \"RELAY1\" of /dev/gpiochip0: no such device");
        assert!(first.switch(false).await.unwrap_err().contains("no such device"));
        bench.mend();
        first.switch(true).await.unwrap();
        assert_eq!(bench.driven().last(), Some(&Level::High));
    }

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
