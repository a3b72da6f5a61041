//! The buzzer of this machine: sounds for a while when a rule says so, until somebody silences it.
//!
//! Belongs here: when it sounds. Does not belong here: which event wants it ([`crate::registry`]),
//! pipelines (`vigie_media::sound`).

mod actor;
mod device;
mod speaker;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use serde::Serialize;
use tokio::sync::Notify;
use vigie_config::Buzzer as Configured;
use vigie_storage::events::{ActionState, EventRecord};

pub(crate) use actor::buzzer_child;
use device::Device;

use crate::{
    gpio::Gpio,
    outputs::{Machine, Waiting},
    registry::Events,
};

const TEST: Duration = Duration::from_secs(1);

/// `GET /api/v1/buzzer`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BuzzerSnapshot {
    /// `sound`, `pc_speaker`, `gpio`; null: there is none
    pub kind: Option<&'static str>,
    /// It is to sound.
    pub wanted: bool,
    pub sounding: bool,
    /// Why it was not heard the last time; null: it was.
    pub error: Option<String>,
}

/// What outlives the actor.
pub struct Buzzer {
    device: ArcSwapOption<Device>,
    gpio: Arc<dyn Gpio>,
    events: Events,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    machine: Machine,
    sounding: bool,
    error: Option<String>,
    /// Actions that are done once it sounds.
    waiting: Waiting,
    /// Somebody made it sound past the actor.
    touched: bool,
}

/// What the actor is to do, as of one moment.
struct Aim {
    device: Option<Arc<Device>>,
    wanted: bool,
    touched: bool,
    /// So many actions wait for it.
    waiting: usize,
}

/// While it lives it sounds past the actor, which then brings it to where it is wanted.
struct Touch<'a>(&'a Buzzer);

impl Drop for Touch<'_> {
    fn drop(&mut self) {
        self.0.state().touched = true;
        self.0.changed.notify_one();
    }
}

impl Buzzer {
    pub(crate) fn new(config: Option<&Configured>, events: Events, gpio: Arc<dyn Gpio>) -> Buzzer {
        let buzzer = Buzzer {
            device: ArcSwapOption::empty(),
            gpio,
            events,
            state: Mutex::default(),
            changed: Notify::new(),
        };
        buzzer.configure(config);
        buzzer
    }

    /// Silent at first, whatever events wanted.
    pub fn configure(&self, config: Option<&Configured>) {
        let hold = config.map_or(Duration::ZERO, |config| config.duration);
        let device = config.map(|config| Arc::new(Device::new(config.clone(), &self.gpio)));
        let mut state = self.state();
        self.device.store(device);
        state.machine = Machine::new(hold);
        drop(state);
        self.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Action `number` of an event wants it to sound; once, however often it is told. The outcome
    /// is told to the registry.
    pub(crate) fn ring(&self, event: &EventRecord, number: u16) -> Result<(), String> {
        if self.device.load().is_none() {
            return Err("there is no buzzer any more".into());
        }
        let mut state = self.state();
        if !state.waiting.take((event.id, number)) {
            return Ok(());
        }
        state.machine.fire(event.id, true, Instant::now());
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// A person has heard it.
    pub fn silence(&self) {
        self.state().machine.switch_off();
        self.changed.notify_one();
    }

    /// Sounds for a second: says exactly what failed.
    pub async fn test(&self) -> Result<(), String> {
        let device = self.device.load_full().ok_or("no [buzzer] is configured")?;
        // Told on every way out: whoever asks may hang up while it sounds.
        let _touch = Touch(self);
        let sounding = device.start().await?;
        tokio::time::sleep(TEST).await;
        let heard = sounding.look();
        drop(sounding);
        let wanted = self.state().machine.is_wanted(Instant::now());
        let silent = if wanted { Ok(()) } else { device.rest().await };
        heard.and(silent)
    }

    fn aim(&self, now: Instant) -> Aim {
        let mut state = self.state();
        let device = self.device.load_full();
        Aim {
            wanted: device.is_some() && state.machine.is_wanted(now),
            device,
            touched: std::mem::take(&mut state.touched),
            waiting: state.waiting.count(),
        }
    }

    fn told(&self, result: &Result<(), String>) {
        self.state().error = result.as_ref().err().cloned();
    }

    fn error(&self) -> Option<String> {
        self.state().error.clone()
    }

    fn sounds(&self, sounding: bool) {
        self.state().sounding = sounding;
    }

    /// What became of the first so many actions that wait for it.
    fn settle(&self, count: usize, outcome: ActionState, detail: Option<String>) {
        let settled = self.state().waiting.settle(count);
        for (event, number) in settled {
            self.events.outcome(event, number, outcome, detail.clone());
        }
    }

    pub fn snapshot(&self) -> BuzzerSnapshot {
        let device = self.device.load();
        let state = self.state();
        BuzzerSnapshot {
            kind: device.as_ref().map(|device| device.config.kind.name()),
            wanted: state.machine.is_wanted(Instant::now()),
            sounding: state.sounding,
            error: state.error.clone(),
        }
    }
}
