//! The actor: takes facts, writes events and their actions down, then has them done.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use vigie_config::{EventKind, Source, Utc};
use vigie_storage::events::{Entry, EventLog, EventRecord, Position};

use super::{
    batch::{Decided, decide},
    by_hand::ByHand,
    dispatch::Dispatch,
    journal::{Journal, Written},
    lifecycle::{Change, Lifecycle},
    linkage::Linkage,
    past::{Left, Past},
    queue::{Events, Fact, Step},
    recordings::Recordings,
};
use crate::{
    recorder::Recorder,
    supervise::{ChildSpec, JobContext, JobError, Node, worker_child},
};

/// What could not be written down is tried again so often.
const RETRY: Duration = Duration::from_secs(1);
/// An end of recording by hand may be late by this much.
const EVERY: Duration = Duration::from_millis(500);

/// The log is waited for as long at the start: a disk that hangs holds its lock.
const LOOK_BACK: Duration = Duration::from_secs(2);
/// And as long with each round after that.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How often recordings by hand are looked after.
const WAKE: Duration = Duration::from_secs(5);

/// What outlives the actor: queue, log, what is not in it yet, what goes on, and when rules acted last.
pub struct Registry {
    pub events: Events,
    pub log: Arc<EventLog>,
    linkage: Mutex<Linkage>,
    lifecycle: Mutex<Lifecycle>,
    by_hand: Mutex<ByHand>,
    journal: tokio::sync::Mutex<Journal>,
    recordings: Arc<Mutex<Recordings>>,
    past: Past,
    /// A position in the log.
    told: AtomicU64,
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    pub fn new(events: Events, log: EventLog) -> Self {
        let log = Arc::new(log);
        Self {
            events,
            journal: tokio::sync::Mutex::new(Journal::new(log.clone())),
            told: AtomicU64::new(log.position().0),
            log,
            linkage: Mutex::default(),
            lifecycle: Mutex::new(Lifecycle::unknowing()),
            by_hand: Mutex::default(),
            recordings: Arc::default(),
            past: Past::default(),
        }
    }

    /// Listeners were told of everything up to there that is in the log.
    pub fn told(&self) -> Position {
        Position(self.told.load(Ordering::SeqCst))
    }
}

/// The registry as a child of the root.
pub fn registry_child(recorder: Arc<Recorder>) -> ChildSpec {
    worker_child("registry", "registry", move |context| {
        Box::pin(run(context, recorder.clone()))
    })
}

struct Router {
    node: Arc<Node>,
    recorder: Arc<Recorder>,
    registry: Arc<Registry>,
    dispatch: Dispatch,
    routed: u64,
    woken: Instant,
}

async fn run(context: JobContext, recorder: Arc<Recorder>) -> Result<(), JobError> {
    let registry = recorder.registry.clone();
    let mut router = Router {
        node: context.node.clone(),
        dispatch: Dispatch {
            cameras: recorder.cameras.clone(),
            outputs: recorder.outputs.clone(),
            snapshots: recorder.snapshots.clone(),
            buzzer: recorder.buzzer.clone(),
            email: recorder.notify.email.clone(),
            push: recorder.notify.push.clone(),
            deps: recorder.deps.clone(),
            events: registry.events.clone(),
            recordings: registry.recordings.clone(),
        },
        routed: 0,
        woken: Instant::now(),
        recorder,
        registry,
    };
    // Ends that an actor before did not come to.
    let going = lock(&router.registry.lifecycle).open().map(|event| event.id).collect();
    router.dispatch.end_all_but(&going);
    router.look_back(LOOK_BACK).await;
    loop {
        router.look_back(LOOK_AGAIN).await;
        router.end_what_is_due();
        router.wake();
        router.dispatch.settle_recordings();
        let facts = router.registry.events.take();
        if !facts.is_empty() {
            router.route(facts).await;
            continue;
        }
        let (waiting, dropped) = {
            let journal = router.registry.journal.lock().await;
            (journal.waiting(), journal.dropped)
        };
        context.node.publish(serde_json::json!({
            "routed": router.routed,
            "open": lock(&router.registry.lifecycle).open().count(),
            "not_written": waiting,
            "dropped": router.registry.events.dropped() + dropped,
            "counts": router.registry.events.counts(),
        }));
        let retry = if waiting > 0 { RETRY } else { EVERY };
        tokio::select! {
            () = router.registry.events.ready() => {}
            () = tokio::time::sleep(retry) => {
                let written = router.registry.journal.lock().await.write(Vec::new()).await;
                router.tell_outcomes(&written);
            }
            () = context.stopping() => {
                router.dispatch.settle_recordings();
                loop {
                    let facts = router.registry.events.take();
                    if facts.is_empty() {
                        return Ok(());
                    }
                    router.route(facts).await;
                }
            }
        }
    }
}

impl Router {
    /// Sees to what an earlier process left, as soon as the log tells it.
    async fn look_back(&mut self, patience: Duration) {
        if self.registry.past.is_settled() {
            return;
        }
        let Some(Left { open, planned }) = self.registry.past.ask(&self.registry.log, patience).await else {
            return;
        };
        let now = Utc::now();
        // Of this process nothing is in the log yet.
        let mut lifecycle = lock(&self.registry.lifecycle).clone();
        let begun: BTreeSet<_> = lifecycle.open().map(|event| event.id).collect();
        let gone = |source: &Source| match source.camera() {
            Some(camera) => self.dispatch.cameras.get(camera).is_none(),
            None => false,
        };
        let before = open.clone();
        let ended = lifecycle.learn(open, now, gone);
        let going: Vec<Arc<EventRecord>> = lifecycle
            .open()
            .filter(|open| !begun.contains(&open.id))
            .cloned()
            .collect();
        if self.registry.past.dare() {
            going.iter().for_each(|event| self.dispatch.resume(event, now));
            let ids: BTreeSet<_> = going.iter().map(|event| event.id).collect();
            // What was written down, is over, and may not have been acted on.
            for event in planned.into_iter().filter(|event| !ids.contains(&event.id)) {
                let end = event.end.or(Some(event.start));
                self.dispatch.resume(&EventRecord { end, ..event }, now);
            }
            for event in &going {
                self.recorder.inputs.learn(event, &self.registry.events);
            }
        } else {
            tracing::error!(
                "what an earlier process left is not acted on: the registry failed over it again and again"
            );
        }
        let mut journal = self.registry.journal.lock().await;
        journal.release();
        *lock(&self.registry.lifecycle) = lifecycle;
        self.registry.past.settle();
        // Not durable is said where it is asked for.
        let written = journal.write(ended.clone()).await;
        drop(journal);
        for entry in ended {
            if let Entry::Ended { id, at } = entry
                && let Some(event) = before.iter().find(|event| event.id == id)
            {
                let event = EventRecord {
                    end: Some(at),
                    ..event.clone()
                };
                self.registry.events.tell(Arc::new(event));
            }
        }
        self.tell_outcomes(&written);
        self.remember_rules().await;
    }

    /// When rules acted last. A log that takes its time tells it later.
    async fn remember_rules(&self) {
        let Some(query) = Linkage::asks(&self.recorder.config().rules, Utc::now()) else {
            return;
        };
        let registry = self.registry.clone();
        let remember = move || match registry.log.query(&query) {
            Ok(page) => lock(&registry.linkage).remember(&page.events),
            Err(error) => tracing::error!(%error, "rules may act again within their min_interval"),
        };
        drop(tokio::time::timeout(LOOK_BACK, tokio::task::spawn_blocking(remember)).await);
    }

    /// A recording by hand goes on whatever becomes of the actor that did it.
    fn wake(&mut self) {
        if self.woken.elapsed() < WAKE {
            return;
        }
        self.woken = Instant::now();
        let lifecycle = lock(&self.registry.lifecycle);
        for event in lifecycle.open().filter(|event| event.kind == EventKind::Manual) {
            self.dispatch.wake(event);
        }
    }

    fn end_what_is_due(&self) {
        let lifecycle = lock(&self.registry.lifecycle);
        let due = lock(&self.registry.by_hand).due(lifecycle.open(), Instant::now(), Utc::now());
        due.into_iter().for_each(|over| self.registry.events.raise(over));
    }

    /// What follows from facts; kept before anything is done about it.
    fn decide(&self, facts: &[Fact]) -> Arc<Decided> {
        let (config, zone) = (self.recorder.config(), self.recorder.deps.site.zone());
        let events = &self.registry.events;
        let mut lifecycle = lock(&self.registry.lifecycle);
        // Whoever panics here has changed nothing.
        let mut next = lifecycle.clone();
        let decided = {
            let mut linkage = lock(&self.registry.linkage);
            linkage.keep(&config.rules);
            let plan = |event: &EventRecord| linkage.plan(event, &config, &zone);
            decide(facts, &mut next, plan, |number| events.dare(Step::Fact(number)))
        };
        *lifecycle = next;
        let decided = events.decide(decided);
        let mut by_hand = lock(&self.registry.by_hand);
        for change in &decided.changes {
            if let Change::Begun(event) = change {
                by_hand.begun(event, Instant::now());
            }
        }
        decided
    }

    async fn route(&mut self, facts: Vec<Fact>) {
        let events = self.registry.events.clone();
        let decided = events.decided().unwrap_or_else(|| self.decide(&facts));
        for (number, change) in decided.changes.iter().enumerate() {
            if let Change::Begun(event) = change
                && events.dare(Step::Change(number))
            {
                self.dispatch.foresee(event);
            }
        }
        events.survived();
        self.routed += facts.len() as u64;
        let written = {
            let mut journal = self.registry.journal.lock().await;
            journal.write(decided.entries.clone()).await
        };
        self.node.fault_point_at("written");
        for (number, change) in decided.changes.iter().enumerate() {
            if !events.dare(Step::Change(number)) {
                tracing::error!(event = %change.event().id, "it is not acted on: the registry failed over it again and again");
                continue;
            }
            match change {
                Change::Begun(event) => {
                    tracing::debug!(event = %event.id, kind = %event.kind, source = %event.source, text = event.text, "event");
                    self.dispatch.begin(event);
                }
                Change::Ended(event) => self.dispatch.end(event),
            }
        }
        events.survived();
        if decided.tell_now() {
            for change in &decided.changes {
                events.tell(Arc::new(change.event().clone()));
            }
        }
        self.tell_outcomes(&written);
        if written.late.is_none() {
            let told = self.registry.log.position().0;
            self.registry.told.store(told, Ordering::SeqCst);
        }
        self.node.fault_point_at("acted");
        let answer = |event: &Result<Option<EventRecord>, _>| match (event, &written.late) {
            (Ok(Some(event)), None) if written.left_out.contains(&event.id) => {
                Err(super::NotDurable("the log cannot hold it".into()))
            }
            (Ok(_), Some(late)) => Err(late.clone()),
            (event, _) => event.clone(),
        };
        events.done(decided.answers.iter().map(answer).collect());
    }

    fn tell_outcomes(&self, written: &Written) {
        for event in &written.changed {
            self.registry.events.tell_outcome(event.clone());
        }
    }
}
