//! A line that switches something.

use std::sync::{Arc, Mutex, TryLockError};

use vigie_config::{GpioLine, Level};

use super::{Driven, Gpio, within};

/// Held from the first call on, so that nobody else switches it; off when it is let go.
pub(crate) struct Relay {
    line: GpioLine,
    /// The line's level while it is on.
    on: Level,
    gpio: Arc<dyn Gpio>,
    held: Arc<Mutex<Option<Box<dyn Driven>>>>,
}

impl Relay {
    pub fn new(line: GpioLine, on: Level, gpio: Arc<dyn Gpio>) -> Relay {
        Relay {
            line,
            on,
            gpio,
            held: Arc::default(),
        }
    }

    /// Says what failed, which, and why.
    pub async fn switch(&self, on: bool) -> Result<(), String> {
        let (held, gpio, line) = (self.held.clone(), self.gpio.clone(), self.line.clone());
        let off = match self.on {
            Level::Low => Level::High,
            Level::High => Level::Low,
        };
        let level = if on { self.on } else { off };
        within(&self.line, move || {
            let mut held = match held.try_lock() {
                Ok(held) => held,
                Err(TryLockError::Poisoned(held)) => held.into_inner(),
                Err(TryLockError::WouldBlock) => return Err(format!("{line}: the call before has not returned yet")),
            };
            let mut driven = match held.take() {
                Some(driven) => driven,
                None => gpio.drive(&line, off)?,
            };
            // One that failed is let go, and asked for anew next time.
            driven.set(level)?;
            *held = Some(driven);
            Ok(())
        })
        .await
    }

    /// Let go: the line goes to its level of being off.
    pub async fn release(&self) {
        let held = self.held.clone();
        let released = within(&self.line, move || {
            if let Ok(mut held) = held.lock() {
                *held = None;
            }
            Ok(())
        });
        if let Err(error) = released.await {
            tracing::error!(error, "a line was not let go");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vigie_config::GpioName;

    use super::*;
    use crate::gpio::bench::Bench;

    fn relay(on: Level, bench: &Arc<Bench>) -> Relay {
        let line = GpioLine {
            chip: "/dev/gpiochip0".into(),
            line: GpioName::Name("RELAY1".into()),
        };
        Relay::new(line, on, Arc::new(bench.clone()))
    }

    #[tokio::test]
    async fn a_relay_is_held_and_left_off() {
        use Level::{High, Low};
        let bench = Bench::new();
        let relay = relay(Low, &bench);
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
        let (first, second) = (relay(Level::High, &bench), relay(Level::High, &bench));
        first.switch(true).await.unwrap();
        let error = second.switch(true).await.unwrap_err();
        assert_eq!(error, "line \"RELAY1\" of /dev/gpiochip0 is used by \"vigie\"");
        bench.fail("line \"RELAY1\" of /dev/gpiochip0: no such device");
        assert!(first.switch(false).await.unwrap_err().contains("no such device"));
        bench.mend();
        first.switch(true).await.unwrap();
        assert_eq!(bench.driven().last(), Some(&Level::High));
    }
}
