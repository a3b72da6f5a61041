//! Alarm inputs: one handle each, which outlives its actor, and what is said of them.
//!
//! While an input is active the event `sensor` goes on.
//! Belongs here: what a contact's position means, and where it is read. Does not belong here: what follows from it
//! ([`crate::registry`]), who may speak for an input (`vigie-web`).

mod actor;
mod line;
mod machine;
mod payload;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::json;
use tokio::sync::Notify;
use vigie_config::{Contact, EventKind, Input, InputId, Source, Utc};
use vigie_storage::events::EventRecord;

pub(crate) use actor::{input_child, name};
use machine::{Machine, Turn};
pub(crate) use payload::read as payload;

use crate::registry::{Event, Events, NotDurable, Told};

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
    /// `http`, `mqtt`, `gpio`
    pub kind: &'static str,
    pub active: bool,
    /// When it last changed; null: not since the start.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Utc>,
    /// Why it is not heard; null: nothing is known to be wrong.
    pub error: Option<String>,
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
    /// Somebody said how it stands, or time did.
    told: bool,
    error: Option<String>,
    /// The contact's position, where that was the last thing said.
    contact: Option<Contact>,
}

impl State {
    fn new(machine: Machine) -> State {
        State {
            machine,
            since: None,
            told: false,
            error: None,
            contact: None,
        }
    }
}

impl InputHandle {
    fn new(config: Input, events: Events, state: State) -> Self {
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

    fn source(&self) -> Source {
        Source::Input(self.config.id.clone())
    }

    /// Takes a report. Resolves when what follows is in the log, on the device, with the event that
    /// goes on or has just ended; `None`: there is none.
    pub async fn report(&self, report: Report) -> Result<Option<EventRecord>, NotDurable> {
        match self.tell(report) {
            Some(told) => told.durable().await,
            None => Ok(None),
        }
    }

    /// Takes a report now; what follows is waited for elsewhere. `None`: it is switched off.
    pub(crate) fn tell(&self, report: Report) -> Option<Told> {
        let now = Instant::now();
        let hold = self.config.kind.hold().unwrap_or_default();
        let told = {
            let mut state = self.state();
            state.told = true;
            let turn = match report {
                Report::Active => state.machine.see(true, now),
                Report::Inactive => state.machine.see(false, now),
                Report::Contact(contact) => state.machine.see(contact != self.config.normally, now),
                Report::Pulse => state.machine.pulse(hold, now),
            };
            state.contact = match report {
                Report::Contact(contact) => Some(contact),
                Report::Active | Report::Inactive | Report::Pulse => None,
            };
            // Queued while nobody else has a turn, so that events come in the order of turns.
            match turn {
                Some(turn) => self.event(&mut state, turn).map(|event| self.events.enqueue(event)),
                // What goes on already may not be in the log yet, though it was told before.
                None => self.standing(&state).map(|event| self.events.enqueue_uncounted(event)),
            }
        };
        self.changed.notify_one();
        told
    }

    /// How it stands, told once more: whatever was told before is in the log when this is.
    pub(crate) fn tell_standing(&self) -> Option<Told> {
        let state = self.state();
        self.standing(&state).map(|event| self.events.enqueue_uncounted(event))
    }

    /// Why it is not heard. True: it is news.
    pub(crate) fn set_error(&self, error: Option<String>) -> bool {
        let mut state = self.state();
        if state.error == error {
            return false;
        }
        state.error = error;
        drop(state);
        self.changed.notify_one();
        true
    }

    fn event(&self, state: &mut State, turn: Turn) -> Option<Event> {
        debug_assert_eq!(state.machine.is_active(), turn != Turn::Inactive);
        if turn != Turn::Stays {
            state.since = Some(Utc::now());
        } else if self.config.enabled {
            // A log that knows it as a pulse would tell that it is over after a restart.
            self.events.raise(Event::over(EventKind::Sensor, self.source()));
        }
        self.standing(state)
    }

    /// How it stands, as an event.
    fn standing(&self, state: &State) -> Option<Event> {
        if !self.config.enabled {
            return None;
        }
        Some(if state.machine.is_active() {
            let event = Event::new(EventKind::Sensor, self.source(), self.config.name.clone());
            event.with(json!({ "pulse": state.machine.is_pulse() }))
        } else {
            Event::over(EventKind::Sensor, self.source())
        })
    }

    /// Time passed: what it makes of the contact is told.
    fn tick(&self) {
        let mut state = self.state();
        let turn = state.machine.tick(Instant::now());
        state.told |= turn.is_some();
        if let Some(event) = turn.and_then(|turn| self.event(&mut state, turn)) {
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
            error: state.error.clone(),
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
            let machine = Machine::new(input.debounce, false);
            all.insert(InputHandle::new(input.clone(), events.clone(), State::new(machine)));
        }
        open.iter().for_each(|event| all.learn(event, events));
        all
    }

    /// An event that goes on since before this process. Told twice it changes nothing.
    pub(crate) fn learn(&self, open: &EventRecord, events: &Events) {
        let input = match &open.source {
            Source::Input(id) if open.kind == EventKind::Sensor => self.get(id),
            _ => return,
        };
        let Some(input) = input.filter(|input| input.config.enabled) else {
            // What is configured no more, or switched off, cannot say that it is over.
            events.raise(Event::over(open.kind, open.source.clone()));
            return;
        };
        let mut state = input.state();
        if state.told || state.machine.is_active() {
            return;
        }
        if open.payload.as_ref().is_some_and(|it| it["pulse"] == true) {
            // How much of it had passed is not known.
            let hold = input.config.kind.hold().unwrap_or_default();
            state.machine.pulse(hold, Instant::now());
        } else {
            state.machine = Machine::new(input.config.debounce, true);
        }
        drop(state);
        input.changed.notify_one();
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

    /// A new input, or one whose configuration changed: a contact keeps its position, and a pulse its
    /// time. The actor of the one before has stopped.
    pub fn put(&self, input: Input, events: &Events) -> Arc<InputHandle> {
        let before = self.get(&input.id);
        let mut state = State::new(Machine::new(input.debounce, false));
        let mut moved = None;
        if let Some(before) = before {
            let old = before.state();
            state.since = old.since;
            if input.enabled {
                state.machine = old.machine.clone().with_debounce(input.debounce);
                state.contact = old.contact;
                // It means something else where the contact is usually elsewhere.
                moved = old.contact.filter(|_| before.config.normally != input.normally);
            } else if old.machine.is_active() {
                events.raise(Event::over(EventKind::Sensor, Source::Input(input.id.clone())));
            }
        }
        let handle = self.insert(InputHandle::new(input, events.clone(), state));
        if let Some(contact) = moved {
            // Nobody waits for an answer.
            drop(handle.tell(Report::Contact(contact)));
        }
        handle
    }

    pub fn remove(&self, id: &InputId, events: &Events) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        events.raise(Event::over(EventKind::Sensor, Source::Input(id.clone())));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn input(more: &str) -> Input {
        let text = format!(
            "[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n[[input]]\nid = \"door\"\nkind = \"http\"\n\
             token = \"0123456789abcdef\"\nhold = \"100ms\"\n{more}"
        );
        vigie_config::Config::parse(&text, &|_| None)
            .unwrap()
            .0
            .inputs
            .remove(0)
    }

    /// What goes on since before this process.
    fn open(payload: serde_json::Value) -> EventRecord {
        let event = Event::new(EventKind::Sensor, "input:door".parse().unwrap(), "").with(payload);
        event.begun()
    }

    #[test]
    fn what_was_active_before_is_active_and_a_pulse_for_its_time() {
        let events = Events::default();
        for (pulse, ends) in [(false, false), (true, true)] {
            let inputs = Inputs::new(&[input("")], &events, &[open(json!({ "pulse": pulse }))]);
            let door = inputs.get(&InputId::new("door").unwrap()).unwrap();
            assert!(door.snapshot().active);
            assert_eq!(door.next().is_some(), ends, "by itself");
        }
    }

    /// The log could be read late only.
    #[test]
    fn what_was_active_before_is_learnt_late_where_nobody_said_more() {
        let events = Events::default();
        let still = open(json!({ "pulse": false }));
        let inputs = Inputs::new(&[input("")], &events, &[]);
        let door = inputs.get(&InputId::new("door").unwrap()).unwrap();
        inputs.learn(&still, &events);
        assert!(door.snapshot().active);
        drop(door.tell(Report::Inactive));
        inputs.learn(&still, &events);
        assert!(!door.snapshot().active, "it was told since");
    }

    #[test]
    fn a_pulse_stays_one_when_the_configuration_changes() {
        let events = Events::default();
        let inputs = Inputs::new(&[input("")], &events, &[]);
        let door = inputs.get(&InputId::new("door").unwrap()).unwrap();
        door.state().machine.pulse(Duration::from_millis(100), Instant::now());
        let door = inputs.put(input("name = \"Door\""), &events);
        assert!(door.snapshot().active);
        let until = Instant::now() + Duration::from_secs(10);
        while door.snapshot().active && Instant::now() < until {
            std::thread::sleep(door.next().unwrap());
            door.tick();
        }
        assert!(!door.snapshot().active, "it is over by itself");
        // Switched off it says nothing, and does not come back active.
        door.state().machine.pulse(Duration::from_secs(60), Instant::now());
        assert!(!inputs.put(input("enabled = false"), &events).snapshot().active);
    }

    #[test]
    fn a_pulse_that_becomes_a_state_is_another_event() {
        let events = Events::default();
        let inputs = Inputs::new(&[input("")], &events, &[]);
        let door = inputs.get(&InputId::new("door").unwrap()).unwrap();
        drop(door.tell(Report::Pulse));
        let since = door.snapshot().since;
        drop(door.tell(Report::Active));
        assert!(door.snapshot().active && door.snapshot().since == since);
        let told = events.raised().into_iter().map(|event| (event.over, event.payload));
        let told: Vec<_> = told.collect();
        let begun = |pulse: bool| (false, Some(json!({ "pulse": pulse })));
        assert_eq!(told, [begun(true), (true, None), begun(false)]);
    }

    #[test]
    fn a_contact_keeps_its_position_whatever_is_usual() {
        let events = Events::default();
        let inputs = Inputs::new(&[input("")], &events, &[]);
        let door = inputs.get(&InputId::new("door").unwrap()).unwrap();
        let normally = |contact: &str| input(&format!("normally = \"{contact}\""));
        assert!(
            !inputs.put(normally("closed"), &events).snapshot().active,
            "nobody has said how it stands"
        );
        drop(inputs.put(input(""), &events).tell(Report::Contact(Contact::Open)));
        assert!(!door.snapshot().active);
        assert!(inputs.put(normally("closed"), &events).snapshot().active, "open");
        assert!(inputs.put(normally("closed"), &events).snapshot().active);
        assert!(!inputs.put(normally("open"), &events).snapshot().active);
        let door = inputs.put(normally("open"), &events);
        drop(door.tell(Report::Active));
        assert!(
            inputs.put(normally("closed"), &events).snapshot().active,
            "in so many words"
        );
    }
}
