//! A line that is watched.

use std::sync::Arc;

use vigie_config::{Bias, GpioLine, Level};

use super::{Gpio, Watched, within};

/// Asking for it, reading it and letting go of it may block: that is done elsewhere.
pub(crate) struct Watch {
    line: GpioLine,
    /// `None`: a call did not come back.
    held: Option<Box<dyn Watched>>,
}

impl Watch {
    pub async fn begin(gpio: &Arc<dyn Gpio>, line: &GpioLine, bias: Bias) -> Result<Watch, String> {
        let (gpio, asked) = (gpio.clone(), line.clone());
        let held = within(line, move || gpio.watch(&asked, bias)).await?;
        Ok(Watch {
            line: line.clone(),
            held: Some(held),
        })
    }

    /// The level after each edge since the last time, in order, and how the line stands now: edges
    /// may have been lost. After an error it is to be begun anew.
    pub async fn read(&mut self) -> Result<Vec<Level>, String> {
        let mut watched = self.take()?;
        let (levels, watched) = within(&self.line, move || {
            let mut levels = watched.edges()?;
            levels.push(watched.level()?);
            Ok((levels, watched))
        })
        .await?;
        self.held = Some(watched);
        Ok(levels)
    }

    /// Waits for edges.
    pub async fn ready(&mut self) -> Result<(), String> {
        match &mut self.held {
            Some(watched) => watched.ready().await,
            None => self.take().map(drop),
        }
    }

    fn take(&mut self) -> Result<Box<dyn Watched>, String> {
        let gone = || format!("{}: the call before has not returned yet", self.line);
        self.held.take().ok_or_else(gone)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let (Some(held), Ok(runtime)) = (self.held.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn_blocking(move || drop(held));
        }
    }
}
