//! One output: who wants it on, and what was told to it.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::sync::Notify;
use ulid::Ulid;
use vigie_config::{EventKind, Output, OutputId, Source, Utc};
use vigie_storage::events::{ActionState, EventLog, EventRecord, Query};

use super::{
    line::{Line, Means},
    machine::Machine,
    waiting::Waiting,
};
use crate::registry::{Event, Events, Told};

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
    pub(super) events: Events,
    pub(super) line: Line,
    state: Mutex<State>,
    pub(super) changed: Notify,
}

struct State {
    machine: Machine,
    on: Option<bool>,
    since: Option<Utc>,
    error: Option<String>,
    /// Actions that are done once it is on.
    waiting: Waiting,
    /// It is to be told anew: somebody switched the line past the actor, or it falls back by itself.
    touched: bool,
    /// Events from before this process that a person overruled.
    overruled: BTreeSet<Ulid>,
    /// Not switched off for certain since somebody tried to switch it on.
    may_be_on: bool,
}

/// What the actor is to do, as of one moment.
pub(super) struct Aim {
    pub wanted: bool,
    /// When time makes a difference to that.
    pub next: Option<Instant>,
    /// It is to be told anew.
    pub touched: bool,
    /// So many actions wait for it.
    pub waiting: usize,
}

/// While it lives the line is switched past the actor, which then brings it to where it is wanted.
struct Touch<'a>(&'a OutputHandle);

impl Drop for Touch<'_> {
    fn drop(&mut self) {
        self.0.touch();
    }
}

impl OutputHandle {
    pub(super) fn new(config: Output, events: Events, means: Means) -> Self {
        let state = State {
            machine: Machine::new(config.hold),
            on: None,
            since: None,
            error: None,
            waiting: Waiting::default(),
            touched: false,
            overruled: BTreeSet::new(),
            // What an earlier process left is not known.
            may_be_on: true,
        };
        Self {
            line: Line::new(config.kind.clone(), means),
            config,
            events,
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    pub(super) fn source(&self) -> Source {
        Source::Output(self.config.id.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Action `number` of an event wants it on; once, however often it is told. The outcome is told
    /// to the registry.
    pub fn fire(&self, event: &EventRecord, number: u16) {
        let mut state = self.state();
        if !state.waiting.take((event.id, number)) {
            return;
        }
        if state.overruled.contains(&event.id) {
            // The actor finds it unwanted.
            drop(state);
            self.changed.notify_one();
            return;
        }
        state.machine.fire(event.id, event.end.is_some(), Instant::now());
        state.touched |= self.line.falls_back();
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
        let mut state = self.state();
        state.machine.switch_on(time, Instant::now());
        state.touched |= self.line.falls_back();
        drop(state);
        self.changed.notify_one();
    }

    /// A person wants it off, whatever events say. `Some`: events that go on wanted it on; once this
    /// is in the log it stays off after a restart too.
    pub fn switch_off(&self) -> Option<Told> {
        let told = {
            let mut state = self.state();
            let overruled = state.machine.has_events();
            state.machine.switch_off();
            let event = || Event::new(EventKind::OutputSwitchedOff, self.source(), self.config.name.clone());
            overruled.then(|| self.events.enqueue(event()))
        };
        self.changed.notify_one();
        told
    }

    /// A person switched it off before this process began: what went on then wants it no more.
    pub(super) fn overrule(&self, log: &EventLog, open: &[EventRecord]) {
        let Some(oldest) = open.iter().map(|event| event.start).min() else {
            return;
        };
        let query = Query {
            from: Some(oldest),
            kinds: vec![EventKind::OutputSwitchedOff],
            sources: vec![self.source()],
            limit: 1,
            ..Query::default()
        };
        match log.query(&query) {
            Ok(page) => {
                if let Some(hand) = page.events.first() {
                    let before = open.iter().filter(|event| event.start <= hand.start);
                    self.state().overruled = before.map(|event| event.id).collect();
                }
            }
            Err(error) => {
                tracing::error!(output = %self.config.id, %error, "whether a person switched it off is not known");
            }
        }
    }

    /// The line may not be where it was brought: it is told anew.
    pub(crate) fn touch(&self) {
        self.state().touched = true;
        self.changed.notify_one();
    }

    /// On and off again at once: says exactly what failed.
    pub async fn test(&self) -> Result<(), String> {
        if !self.config.enabled {
            return Err(format!("{} is switched off in the configuration", self.config.id));
        }
        // Told on every way out: whoever asks may hang up while it is on.
        let _touch = Touch(self);
        self.state().may_be_on = true;
        let on = self.line.switch(true).await;
        if on.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let wanted = self.state().machine.is_wanted(Instant::now());
        let off = self.line.switch(wanted).await;
        on.and(off)
    }

    pub(super) fn aim(&self, now: Instant) -> Aim {
        let mut state = self.state();
        // Of one moment: what was wanted then and ends while the line is switched is due at once.
        let (wanted, next) = state.machine.at(now);
        Aim {
            wanted: self.config.enabled && wanted,
            next,
            touched: std::mem::take(&mut state.touched),
            waiting: state.waiting.count(),
        }
    }

    /// Switches the line, and notes what came of it.
    pub(super) async fn switch(&self, on: bool) -> Result<(), String> {
        self.state().may_be_on |= on;
        let result = self.line.switch(on).await;
        let mut state = self.state();
        match &result {
            Ok(()) => {
                state.on = Some(on);
                state.since = Some(Utc::now());
                state.error = None;
                state.may_be_on = on;
            }
            Err(error) => state.error = Some(error.clone()),
        }
        result
    }

    pub(super) fn may_be_on(&self) -> bool {
        self.state().may_be_on
    }

    /// What became of the first so many actions that wait for it.
    pub(super) fn settle(&self, count: usize, outcome: ActionState, detail: Option<String>) {
        let settled = self.state().waiting.settle(count);
        for (event, number) in settled {
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
