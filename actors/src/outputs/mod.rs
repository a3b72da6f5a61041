//! Alarm outputs: one handle each, which outlives its actor, and whoever wants it on.
//!
//! Safe state is off: outputs are switched off when the recorder starts and when it stops.
//! Belongs here: when an output is on. Does not belong here: which event wants it
//! ([`crate::registry`]).

mod actor;
mod line;
mod machine;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::sync::Notify;
use ulid::Ulid;
use vigie_config::{Output, OutputId, Utc};
use vigie_storage::events::{ActionState, EventRecord};

pub(crate) use actor::{name, output_child};
use machine::Machine;

use crate::registry::Events;

/// One entry of `GET /api/v1/outputs`.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct OutputSnapshot {
    #[schema(value_type = String)]
    pub id: OutputId,
    pub name: String,
    pub enabled: bool,
    /// `http`
    pub kind: &'static str,
    /// It is to be on.
    pub wanted: bool,
    /// What was last told to it with success; null: it has not answered yet.
    pub on: Option<bool>,
    /// When that was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Utc>,
    /// Why it was not switched; null: it was.
    pub error: Option<String>,
}

/// One output, as long as it is configured.
pub struct OutputHandle {
    pub config: Output,
    events: Events,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    machine: Machine,
    on: Option<bool>,
    since: Option<Utc>,
    error: Option<String>,
    /// Actions that are done once it is on.
    waiting: Vec<(Ulid, u16)>,
}

impl OutputHandle {
    fn new(config: Output, events: Events) -> Self {
        let state = State {
            machine: Machine::new(config.hold),
            on: None,
            since: None,
            error: None,
            waiting: Vec::new(),
        };
        Self {
            config,
            events,
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Action `number` of an event wants it on. The outcome is told to the registry.
    pub fn fire(&self, event: &EventRecord, number: u16) {
        let mut state = self.state();
        state.machine.fire(event.id, event.end.is_some(), Instant::now());
        if !state.waiting.contains(&(event.id, number)) {
            state.waiting.push((event.id, number));
        }
        drop(state);
        self.changed.notify_one();
    }

    pub fn event_over(&self, event: Ulid) {
        self.state().machine.event_over(event);
        self.changed.notify_one();
    }

    /// Of all events only these go on.
    pub fn events_over_but(&self, going: &BTreeSet<Ulid>) {
        self.state().machine.keep_only(going);
        self.changed.notify_one();
    }

    /// A person wants it on, for so long or until told otherwise.
    pub fn switch_on(&self, time: Option<Duration>) {
        self.state().machine.switch_on(time, Instant::now());
        self.changed.notify_one();
    }

    /// A person wants it off, whatever events say.
    pub fn switch_off(&self) {
        self.state().machine.switch_off();
        self.changed.notify_one();
    }

    /// On and off again at once: says exactly what failed.
    pub async fn test(&self) -> Result<(), String> {
        let line = line::Line::new(self.config.kind.clone());
        let on = line.switch(true).await;
        if on.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let wanted = self.state().machine.is_wanted(Instant::now());
        let off = line.switch(wanted).await;
        on.and(off)
    }

    /// It was switched, or could not be.
    fn switched(&self, on: bool, result: Result<(), String>) {
        let mut state = self.state();
        match result {
            Ok(()) => {
                state.on = Some(on);
                state.since = Some(Utc::now());
                state.error = None;
            }
            Err(error) => state.error = Some(error),
        }
    }

    /// What became of the actions that wait for it.
    fn settle(&self, outcome: ActionState, detail: Option<String>) {
        let waiting = std::mem::take(&mut self.state().waiting);
        for (event, number) in waiting {
            self.events.outcome(event, number, outcome, detail.clone());
        }
    }

    pub fn snapshot(&self) -> OutputSnapshot {
        let state = self.state();
        OutputSnapshot {
            id: self.config.id.clone(),
            name: self.config.name.clone(),
            enabled: self.config.enabled,
            kind: self.config.kind.name(),
            wanted: state.machine.is_wanted(Instant::now()),
            on: state.on,
            since: state.since,
            error: state.error.clone(),
        }
    }
}

/// All configured outputs.
#[derive(Default)]
pub struct Outputs(RwLock<BTreeMap<OutputId, Arc<OutputHandle>>>);

impl Outputs {
    pub fn new(outputs: &[Output], events: &Events) -> Outputs {
        let all = Outputs::default();
        for output in outputs {
            all.put(output.clone(), events);
        }
        all
    }

    pub fn get(&self, id: &OutputId) -> Option<Arc<OutputHandle>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// By id.
    pub fn all(&self) -> Vec<Arc<OutputHandle>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    /// A new output, or one whose configuration changed: it begins switched off.
    pub fn put(&self, output: Output, events: &Events) -> Arc<OutputHandle> {
        let handle = Arc::new(OutputHandle::new(output, events.clone()));
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(handle.config.id.clone(), handle.clone());
        handle
    }

    pub fn remove(&self, id: &OutputId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}
