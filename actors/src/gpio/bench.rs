//! A line of a test, in place of the kernel's.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;
use vigie_config::{Bias, GpioLine, Level};

use super::{Driven, Gpio, Watched};

/// One line, whatever is asked for.
pub(crate) struct Bench {
    state: Mutex<State>,
    edge: Notify,
    answers: Condvar,
}

struct State {
    /// Whoever reads it waits.
    hangs: bool,
    /// So many wait.
    hung: usize,
    level: Level,
    edges: Vec<Level>,
    error: Option<String>,
    /// Levels that it was driven to, in order.
    driven: Vec<Level>,
    held: bool,
}

impl Bench {
    pub fn new() -> Arc<Bench> {
        Arc::new(Bench {
            state: Mutex::new(State {
                hangs: false,
                hung: 0,
                level: Level::Low,
                edges: Vec::new(),
                error: None,
                driven: Vec::new(),
                held: false,
            }),
            edge: Notify::new(),
            answers: Condvar::new(),
        })
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something outside brings it there.
    pub fn set(&self, level: Level) {
        self.with(|state| {
            if state.level != level && state.held {
                state.edges.push(level);
            }
            state.level = level;
        });
        self.edge.notify_one();
    }

    pub fn fail(&self, error: &str) {
        self.with(|state| state.error = Some(error.to_owned()));
        self.edge.notify_one();
    }

    pub fn mend(&self) {
        self.with(|state| state.error = None);
    }

    /// Its bus does not answer, from now on.
    pub fn hang(&self) {
        self.with(|state| state.hangs = true);
    }

    pub fn hangs_on_somebody(&self) -> bool {
        self.with(|state| state.hung > 0)
    }

    pub fn answer(&self) {
        self.with(|state| state.hangs = false);
        self.answers.notify_all();
    }

    fn wait_for_answer(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.hung += 1;
        let waited = self
            .answers
            .wait_timeout_while(state, Duration::from_secs(30), |state| state.hangs);
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        state.hung -= 1;
        assert!(!waited.timed_out(), "nobody answered");
    }

    pub fn is_watched(&self) -> bool {
        self.with(|state| state.held)
    }

    pub fn driven(&self) -> Vec<Level> {
        self.with(|state| state.driven.clone())
    }

    fn hold(self: &Arc<Self>, line: &GpioLine) -> Result<Line, String> {
        self.with(|state| {
            if let Some(error) = &state.error {
                return Err(error.clone());
            }
            if std::mem::replace(&mut state.held, true) {
                return Err(format!("{line} is used by \"vigie\""));
            }
            state.edges.clear();
            Ok(())
        })?;
        Ok(Line {
            bench: self.clone(),
            safe: None,
        })
    }
}

/// For the trait is implemented by those who share it.
impl Gpio for Arc<Bench> {
    fn watch(&self, line: &GpioLine, _: Bias) -> Result<Box<dyn Watched>, String> {
        Ok(Box::new(self.hold(line)?))
    }

    fn drive(&self, line: &GpioLine, safe: Level) -> Result<Box<dyn Driven>, String> {
        let mut held = self.hold(line)?;
        held.safe = Some(safe);
        held.set(safe)?;
        Ok(Box::new(held))
    }
}

struct Line {
    bench: Arc<Bench>,
    /// Of one that is driven.
    safe: Option<Level>,
}

impl Watched for Line {
    fn level(&self) -> Result<Level, String> {
        self.bench.with(|state| match &state.error {
            Some(error) => Err(error.clone()),
            None => Ok(state.level),
        })
    }

    fn edges(&mut self) -> Result<Vec<Level>, String> {
        self.bench.wait_for_answer();
        self.level()?;
        Ok(self.bench.with(|state| std::mem::take(&mut state.edges)))
    }

    fn ready(&mut self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(async move {
            self.bench.edge.notified().await;
            Ok(())
        })
    }
}

impl Driven for Line {
    fn set(&mut self, level: Level) -> Result<(), String> {
        self.bench.with(|state| {
            if let Some(error) = &state.error {
                return Err(error.clone());
            }
            state.driven.push(level);
            state.level = level;
            Ok(())
        })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(safe) = self.safe {
            drop(self.set(safe));
        }
        self.bench.with(|state| state.held = false);
    }
}
