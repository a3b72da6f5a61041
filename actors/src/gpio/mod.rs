//! GPIO lines, and the seam at which tests stand in for the kernel.
//!
//! Belongs here: asking for a line, reading and setting it. Does not belong here: what its level means
//! ([`crate::inputs`], [`crate::outputs`], [`crate::buzzer`]).

#[cfg(test)]
pub(crate) mod bench;
mod kernel;
mod relay;
mod watch;

use std::{future::Future, pin::Pin, time::Duration};

use vigie_config::{Bias, GpioLine, Level};

pub(crate) use kernel::Kernel;
pub(crate) use relay::Relay;
pub(crate) use watch::Watch;

/// A line behind a slow bus (I2C) takes milliseconds.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Who has lines. Whatever is no future blocks; errors say what failed, which line, and what to do.
pub(crate) trait Gpio: Send + Sync {
    fn watch(&self, line: &GpioLine, bias: Bias) -> Result<Box<dyn Watched>, String>;

    /// The line is driven, at `safe`, from now on; and at `safe` when it is let go.
    fn drive(&self, line: &GpioLine, safe: Level) -> Result<Box<dyn Driven>, String>;
}

/// An input. Let go when it is dropped.
pub(crate) trait Watched: Send {
    fn level(&self) -> Result<Level, String>;

    /// The level after each edge that was not read yet, in order.
    fn edges(&mut self) -> Result<Vec<Level>, String>;

    /// Resolves when there may be edges. Loses none when it is given up while it waits.
    fn ready(&mut self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>>;
}

/// An output. Let go, at its safe level, when it is dropped.
pub(crate) trait Driven: Send {
    fn set(&mut self, level: Level) -> Result<(), String>;
}

/// Does what may block elsewhere, and does not wait for ever.
async fn within<T: Send + 'static>(
    line: &GpioLine,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    match tokio::time::timeout(TIMEOUT, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => done,
        Ok(Err(panicked)) => Err(format!("{line}: {panicked}")),
        Err(_) => Err(format!("{line}: no answer within {} s", TIMEOUT.as_secs())),
    }
}
