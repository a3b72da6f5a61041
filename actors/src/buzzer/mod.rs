//! The buzzer of this machine: sounds for a while when a rule says so, until somebody silences it.
//!
//! Belongs here: when it sounds. Does not belong here: which event wants it ([`crate::registry`]),
//! pipelines (`vigie_media::sound`).

mod actor;
mod speaker;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use serde::Serialize;
use tokio::sync::Notify;
use ulid::Ulid;
use vigie_config::{Buzzer as Configured, BuzzerKind};
use vigie_storage::events::{ActionState, EventRecord};

use actor::Sounding;
pub(crate) use actor::buzzer_child;

use crate::{outputs::Machine, registry::Events};

/// Actions that are remembered as told.
const TOLD: usize = 256;
const TEST: Duration = Duration::from_secs(1);

/// `GET /api/v1/buzzer`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BuzzerSnapshot {
    /// `sound`, `pc_speaker`; null: there is none
    pub kind: Option<&'static str>,
    /// It is to sound.
    pub wanted: bool,
    pub sounding: bool,
    /// Why it was not heard the last time; null: it was.
    pub error: Option<String>,
}

/// What outlives the actor.
pub struct Buzzer {
    config: ArcSwapOption<Configured>,
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
    waiting: Vec<(Ulid, u16)>,
    /// The newest actions that were told: whoever tells one again rings no second time.
    told: VecDeque<(Ulid, u16)>,
}

impl Buzzer {
    pub fn new(config: Option<&Configured>, events: Events) -> Buzzer {
        let buzzer = Buzzer {
            config: ArcSwapOption::empty(),
            events,
            state: Mutex::default(),
            changed: Notify::new(),
        };
        buzzer.configure(config);
        buzzer
    }

    /// Silent at first, whatever events wanted.
    pub fn configure(&self, config: Option<&Configured>) {
        self.config.store(config.cloned().map(Arc::new));
        let hold = config.map_or(Duration::ZERO, |config| config.duration);
        self.state().machine = Machine::new(hold);
        self.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Action `number` of an event wants it to sound; once, however often it is told. The outcome
    /// is told to the registry.
    pub(crate) fn ring(&self, event: &EventRecord, number: u16) -> Result<(), String> {
        if self.config.load().is_none() {
            return Err("there is no buzzer any more".into());
        }
        let mut state = self.state();
        let action = (event.id, number);
        if state.told.contains(&action) {
            return Ok(());
        }
        if state.told.len() >= TOLD {
            state.told.pop_front();
        }
        state.told.push_back(action);
        state.machine.fire(event.id, true, Instant::now());
        state.waiting.push(action);
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
        let config = self.config.load_full().ok_or("no [buzzer] is configured")?;
        let start = move || {
            let sounding = Sounding::start(&config.kind)?;
            std::thread::sleep(TEST);
            sounding.look()
        };
        tokio::task::spawn_blocking(start)
            .await
            .map_err(|error| error.to_string())?
    }

    /// What is to sound now.
    fn wanted(&self, now: Instant) -> Option<BuzzerKind> {
        let config = self.config.load_full()?;
        self.state().machine.is_wanted(now).then(|| config.kind.clone())
    }

    fn told(&self, result: Result<(), String>) {
        self.state().error = result.err();
    }

    fn error(&self) -> Option<String> {
        self.state().error.clone()
    }

    fn sounds(&self, sounding: bool) {
        self.state().sounding = sounding;
    }

    /// What became of the actions that wait for it.
    fn settle(&self, outcome: ActionState, detail: Option<String>) {
        let waiting = std::mem::take(&mut self.state().waiting);
        for (event, number) in waiting {
            self.events.outcome(event, number, outcome, detail.clone());
        }
    }

    pub fn snapshot(&self) -> BuzzerSnapshot {
        let config = self.config.load();
        let state = self.state();
        BuzzerSnapshot {
            kind: config.as_ref().map(|config| config.kind.name()),
            wanted: state.machine.is_wanted(Instant::now()),
            sounding: state.sounding,
            error: state.error.clone(),
        }
    }
}
