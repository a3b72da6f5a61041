//! Alarm inputs: one handle each, which outlives its actor, and what is said of them.
//!
//! While an input is active the event `sensor` goes on.
//! Belongs here: what a contact's position means. Does not belong here: what follows from it
//! ([`crate::registry`]), who may speak for an input (`vigie-web`).

mod actor;
mod machine;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::json;
use tokio::sync::Notify;
use vigie_config::{Contact, EventKind, Input, InputId, InputKind, Source, Utc};
use vigie_storage::events::EventRecord;

pub(crate) use actor::{input_child, name};
use machine::{Machine, Turn};

use crate::registry::{Event, Events, NotDurable};

/// What somebody says of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    Active,
    Inactive,
    Contact(Contact),
    /// Active for a moment.
    Pulse,
}

/// One entry of `GET /api/v1/inputs`.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct InputSnapshot {
    #[schema(value_type = String)]
    pub id: InputId,
    pub name: String,
    pub enabled: bool,
    /// `http`
    pub kind: &'static str,
    pub active: bool,
    /// When it last changed; null: not since the start.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Utc>,
}

/// One input, as long as it is configured.
pub struct InputHandle {
    pub config: Input,
    events: Events,
    state: Mutex<State>,
    /// The machine has something to wait for.
    changed: Notify,
}

struct State {
    machine: Machine,
    since: Option<Utc>,
}

impl InputHandle {
    fn new(config: Input, events: Events, machine: Machine) -> Self {
        Self {
            config,
            events,
            state: Mutex::new(State { machine, since: None }),
            changed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn source(&self) -> Source {
        Source::Input(self.config.id.clone())
    }

    /// Takes a report. Resolves when what follows is in the log, on the device, with the event that
    /// goes on or has just ended; `None`: there is none.
    pub async fn report(&self, report: Report) -> Result<Option<EventRecord>, NotDurable> {
        let now = Instant::now();
        let InputKind::Http { hold, .. } = &self.config.kind;
        let turn = {
            let mut state = self.state();
            match report {
                Report::Active => state.machine.see(true, now),
                Report::Inactive => state.machine.see(false, now),
                Report::Contact(contact) => state.machine.see(contact != self.config.normally, now),
                Report::Pulse => state.machine.pulse(*hold, now),
            }
        };
        self.changed.notify_one();
        match turn.and_then(|turn| self.event(turn)) {
            Some(event) => self.events.raise_durably(event).await,
            None => Ok(None),
        }
    }

    fn event(&self, turn: Turn) -> Option<Event> {
        self.state().since = Some(Utc::now());
        if !self.config.enabled {
            return None;
        }
        Some(match turn {
            Turn::Active => {
                let pulse = self.state().machine.is_pulse();
                let event = Event::new(EventKind::Sensor, self.source(), self.config.name.clone());
                event.with(json!({ "pulse": pulse }))
            }
            Turn::Inactive => Event::over(EventKind::Sensor, self.source()),
        })
    }

    /// Time passed: what it makes of the contact is told.
    fn tick(&self) {
        let turn = self.state().machine.tick(Instant::now());
        if let Some(event) = turn.and_then(|turn| self.event(turn)) {
            self.events.raise(event);
        }
    }

    fn next(&self) -> Option<Duration> {
        let next = self.state().machine.next()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    pub fn snapshot(&self) -> InputSnapshot {
        let state = self.state();
        InputSnapshot {
            id: self.config.id.clone(),
            name: self.config.name.clone(),
            enabled: self.config.enabled,
            kind: self.config.kind.name(),
            active: state.machine.is_active(),
            since: state.since,
        }
    }
}

/// All configured inputs.
#[derive(Default)]
pub struct Inputs(RwLock<BTreeMap<InputId, Arc<InputHandle>>>);

impl Inputs {
    /// `open`: events that go on since before this process.
    pub fn new(inputs: &[Input], events: &Events, open: &[EventRecord]) -> Inputs {
        let all = Inputs::default();
        for input in inputs {
            let source = Source::Input(input.id.clone());
            let going = open
                .iter()
                .find(|event| event.kind == EventKind::Sensor && event.source == source);
            let going = going.filter(|_| input.enabled);
            let pulse = going.is_some_and(|event| event.payload.as_ref().is_some_and(|it| it["pulse"] == true));
            let mut machine = Machine::new(input.debounce, going.is_some() && !pulse);
            let InputKind::Http { hold, .. } = &input.kind;
            if pulse {
                // How much of it had passed is not known.
                machine.pulse(*hold, Instant::now());
            }
            all.insert(InputHandle::new(input.clone(), events.clone(), machine));
        }
        // What is configured no more, or switched off, cannot say that it is over.
        for event in open.iter().filter(|event| event.kind == EventKind::Sensor) {
            let known = all
                .all()
                .iter()
                .any(|input| input.source() == event.source && input.config.enabled);
            if !known {
                events.raise(Event::over(event.kind, event.source.clone()));
            }
        }
        all
    }

    fn insert(&self, handle: InputHandle) -> Arc<InputHandle> {
        let handle = Arc::new(handle);
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(handle.config.id.clone(), handle.clone());
        handle
    }

    pub fn get(&self, id: &InputId) -> Option<Arc<InputHandle>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// By id.
    pub fn all(&self) -> Vec<Arc<InputHandle>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    /// A new input, or one whose configuration changed: a contact keeps its position.
    pub fn put(&self, input: Input, events: &Events) -> Arc<InputHandle> {
        let before = self.get(&input.id);
        let active = before.is_some_and(|before| before.state().machine.is_active());
        if active && !input.enabled {
            events.raise(Event::over(EventKind::Sensor, Source::Input(input.id.clone())));
        }
        let machine = Machine::new(input.debounce, active && input.enabled);
        self.insert(InputHandle::new(input, events.clone(), machine))
    }

    pub fn remove(&self, id: &InputId, events: &Events) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        events.raise(Event::over(EventKind::Sensor, Source::Input(id.clone())));
    }
}
