//! Alarm outputs: one handle each, which outlives its actor, and whoever wants it on.
//!
//! Safe state is off: outputs are switched off when the recorder starts and when it stops.
//! Belongs here: when an output is on. Does not belong here: which event wants it
//! ([`crate::registry`]).

mod actor;
mod line;
mod machine;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::sync::Notify;
use ulid::Ulid;
use vigie_config::{Output, OutputId, Utc};
use vigie_storage::events::{ActionState, EventRecord};

pub(crate) use actor::{name, output_child};
use line::Line;
pub(crate) use line::Means;
pub(crate) use machine::Machine;

use crate::registry::Events;

/// Actions that are remembered as fired.
const FIRED: usize = 256;

/// One entry of `GET /api/v1/outputs`.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct OutputSnapshot {
    #[schema(value_type = String)]
    pub id: OutputId,
    pub name: String,
    pub enabled: bool,
    /// `http`, `mqtt`, `gpio`
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
    line: Line,
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
    /// The newest actions that were fired: whoever tells one again fires nothing.
    fired: VecDeque<(Ulid, u16)>,
    /// Somebody switched the line past the actor.
    touched: bool,
}

/// While it lives the line is switched past the actor, which then brings it to where it is wanted.
struct Touch<'a>(&'a OutputHandle);

impl Drop for Touch<'_> {
    fn drop(&mut self) {
        self.0.touch();
    }
}

impl OutputHandle {
    fn new(config: Output, events: Events, means: Means) -> Self {
        let state = State {
            machine: Machine::new(config.hold),
            on: None,
            since: None,
            error: None,
            waiting: Vec::new(),
            fired: VecDeque::new(),
            touched: false,
        };
        Self {
            line: Line::new(config.kind.clone(), means),
            config,
            events,
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Action `number` of an event wants it on; once, however often it is told. The outcome is told
    /// to the registry.
    pub fn fire(&self, event: &EventRecord, number: u16) {
        let mut state = self.state();
        let action = (event.id, number);
        if state.fired.contains(&action) {
            return;
        }
        if state.fired.len() >= FIRED {
            state.fired.pop_front();
        }
        state.fired.push_back(action);
        state.machine.fire(event.id, event.end.is_some(), Instant::now());
        state.waiting.push(action);
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

    /// The line may not be where it was brought: it is told anew.
    pub(crate) fn touch(&self) {
        self.state().touched = true;
        self.changed.notify_one();
    }

    /// On and off again at once: says exactly what failed.
    pub async fn test(&self) -> Result<(), String> {
        // Told on every way out: whoever asks may hang up while it is on.
        let _touch = Touch(self);
        let on = self.line.switch(true).await;
        if on.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let wanted = self.state().machine.is_wanted(Instant::now());
        let off = self.line.switch(wanted).await;
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
pub struct Outputs {
    all: RwLock<BTreeMap<OutputId, Arc<OutputHandle>>>,
    means: Means,
}

impl Outputs {
    pub(crate) fn new(outputs: &[Output], events: &Events, means: Means) -> Outputs {
        let all = Outputs {
            all: RwLock::default(),
            means,
        };
        for output in outputs {
            all.put(output.clone(), events);
        }
        all
    }

    pub fn get(&self, id: &OutputId) -> Option<Arc<OutputHandle>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// By id.
    pub fn all(&self) -> Vec<Arc<OutputHandle>> {
        self.all
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    /// A new output, or one whose configuration changed: it begins switched off.
    pub fn put(&self, output: Output, events: &Events) -> Arc<OutputHandle> {
        let handle = Arc::new(OutputHandle::new(output, events.clone(), self.means.clone()));
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let before = all.insert(handle.config.id.clone(), handle.clone());
        drop(all);
        if let Some(before) = before {
            let why = "its configuration changed before it was switched";
            before.settle(ActionState::Failed, Some(why.into()));
        }
        handle
    }

    pub fn remove(&self, id: &OutputId) {
        let before = self.all.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        if let Some(before) = before {
            let why = "it was removed from the configuration before it was switched";
            before.settle(ActionState::Failed, Some(why.into()));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::registry::Event;

    fn outputs(events: &Events) -> (Outputs, Output) {
        let text = "[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n[[output]]\nid = \"siren\"\nkind = \"http\"\n\
                    on = \"http://192.0.2.1/on\"\nhold = \"0s\"\n";
        let config = vigie_config::Config::parse(text, &|_| None).unwrap().0;
        let means = Means {
            mqtt: crate::mqtt::Mqtt::new(None, events),
            gpio: Arc::new(crate::gpio::bench::Bench::new()),
        };
        (Outputs::new(&config.outputs, events, means), config.outputs[0].clone())
    }

    fn record() -> EventRecord {
        let event = Event::house(vigie_config::EventKind::Sensor, "");
        EventRecord {
            id: event.id,
            kind: event.kind,
            source: event.source,
            start: event.at,
            end: None,
            severity: event.kind.severity(),
            text: event.text,
            payload: None,
            actions: Vec::new(),
        }
    }

    #[test]
    fn an_action_is_fired_once() {
        let (all, siren) = outputs(&Events::default());
        let (handle, record) = (all.get(&siren.id).unwrap(), record());
        handle.fire(&record, 0);
        assert!(handle.snapshot().wanted);
        handle.switch_off();
        handle.fire(&record, 0);
        assert!(!handle.snapshot().wanted, "a person has the last word");
        handle.fire(&record, 1);
        assert!(handle.snapshot().wanted, "another action");
    }

    #[test]
    fn an_output_that_changes_or_goes_says_what_became_of_its_actions() {
        let events = Events::default();
        let (all, siren) = outputs(&events);
        let record = record();
        all.get(&siren.id).unwrap().fire(&record, 0);
        all.put(siren.clone(), &events).fire(&record, 1);
        all.remove(&siren.id);
        let failed = |number| (record.id, number, ActionState::Failed);
        assert_eq!(events.outcomes(), [failed(0), failed(1)]);
    }
}
