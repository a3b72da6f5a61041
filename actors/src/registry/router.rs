//! The actor: takes facts, writes events and their actions down, then has them done.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use vigie_config::{EventKind, Utc};
use vigie_storage::events::{Entry, EventLog, EventRecord, Position};

use super::{
    dispatch::Dispatch,
    journal::Journal,
    lifecycle::{Change, Lifecycle},
    linkage::Linkage,
    queue::{Events, Fact, News, NotDurable},
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

/// The log is waited for as long when the actor begins: a disk that hangs holds its lock.
const LOOK_BACK: Duration = Duration::from_secs(2);
/// How often recordings by hand are looked after.
const WAKE: Duration = Duration::from_secs(5);

/// What outlives the actor: queue, log, what is not in it yet, and when rules acted last.
pub struct Registry {
    pub events: Events,
    pub log: Arc<EventLog>,
    linkage: Mutex<Linkage>,
    journal: tokio::sync::Mutex<Journal>,
    /// What an earlier process left open was seen to.
    settled: AtomicBool,
    /// Events that are being written down, as listeners are to be told of them.
    untold: Mutex<Vec<News>>,
    /// A position in the log.
    told: AtomicU64,
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
            settled: AtomicBool::new(false),
            untold: Mutex::default(),
        }
    }

    /// Listeners were told of everything up to there that is in the log.
    pub fn told(&self) -> Position {
        Position(self.told.load(Ordering::SeqCst))
    }

    /// What goes on, and what was planned, by the log and by what is not in it yet; the second is true
    /// when the log answered.
    async fn look_back(&self) -> (Lifecycle, Vec<EventRecord>, bool) {
        let mut journal = self.journal.lock().await;
        // Not durable is said where it is asked for.
        drop(journal.write_within(Vec::new(), LOOK_BACK).await);
        let log = self.log.clone();
        let read = tokio::task::spawn_blocking(move || (log.open_events(), log.planned()));
        let read = tokio::time::timeout(LOOK_BACK, read).await;
        let (open, planned, answered) = match read {
            Ok(Ok((open, planned))) => (open, planned, true),
            Ok(Err(_)) | Err(_) => {
                tracing::error!("the log of events does not answer: what went on before is not known");
                (Vec::new(), Vec::new(), false)
            }
        };
        let mut lifecycle = Lifecycle::restore(open);
        journal.unwritten().for_each(|entry| lifecycle.replay(entry));
        (lifecycle, planned, answered)
    }

    fn linkage(&self) -> MutexGuard<'_, Linkage> {
        self.linkage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn untold(&self) -> MutexGuard<'_, Vec<News>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The registry as a child of the root.
pub fn registry_child(recorder: Arc<Recorder>) -> ChildSpec {
    worker_child("registry", "registry", move |context| {
        Box::pin(run(context, recorder.clone()))
    })
}

/// Goes on where the process before it ended: a person's or a contact's word still holds.
fn survives(kind: EventKind) -> bool {
    matches!(kind, EventKind::Sensor | EventKind::Manual)
}

fn news(change: &Change) -> News {
    match change {
        Change::Begun(event) | Change::Ended(event) => Arc::new(event.clone()),
    }
}

struct Router {
    node: Arc<Node>,
    recorder: Arc<Recorder>,
    registry: Arc<Registry>,
    lifecycle: Lifecycle,
    dispatch: Dispatch,
    routed: u64,
    woken: Instant,
}

async fn run(context: JobContext, recorder: Arc<Recorder>) -> Result<(), JobError> {
    let registry = recorder.registry.clone();
    let (lifecycle, planned, answered) = registry.look_back().await;
    let mut router = Router {
        node: context.node.clone(),
        lifecycle,
        dispatch: Dispatch {
            cameras: recorder.cameras.clone(),
            outputs: recorder.outputs.clone(),
            snapshots: recorder.snapshots.clone(),
            buzzer: recorder.buzzer.clone(),
            email: recorder.notify.email.clone(),
            push: recorder.notify.push.clone(),
            deps: recorder.deps.clone(),
            events: registry.events.clone(),
            recordings: Recordings::default(),
        },
        routed: 0,
        woken: Instant::now(),
        recorder,
        registry,
    };
    router.resume(planned, answered).await;
    loop {
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
            "open": router.lifecycle.open().count(),
            "not_written": waiting,
            "dropped": router.registry.events.dropped() + dropped,
            "counts": router.registry.events.counts(),
        }));
        let retry = if waiting > 0 { RETRY } else { EVERY };
        tokio::select! {
            () = router.registry.events.ready() => {}
            () = tokio::time::sleep(retry) => {
                // Not durable is said where it is asked for.
                drop(router.write(Vec::new()).await);
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
    /// Events that went on when the actor, or the process, began.
    async fn resume(&mut self, planned: Vec<EventRecord>, answered: bool) {
        // The fact comes again, but changes nothing any more: nobody else would tell of it.
        let untold = std::mem::take(&mut *self.registry.untold());
        untold.into_iter().for_each(|event| self.registry.events.tell(event));
        if answered && !self.registry.settled.swap(true, Ordering::SeqCst) {
            let now = Utc::now();
            let gone = |event: &EventRecord| match event.source.camera() {
                Some(camera) => self.dispatch.cameras.get(camera).is_none(),
                None => false,
            };
            let ends = |event: &&Arc<EventRecord>| !survives(event.kind) || gone(event);
            let over: Vec<Arc<EventRecord>> = self.lifecycle.open().filter(ends).cloned().collect();
            let (mut entries, mut ended) = (Vec::new(), Vec::new());
            for event in over {
                ended.extend(self.lifecycle.end(event.kind, &event.source, now));
                entries.push(Entry::Ended { id: event.id, at: now });
            }
            drop(self.write(entries).await);
            ended.iter().for_each(|change| self.registry.events.tell(news(change)));
        }
        // Ends that were written down and not acted on.
        if answered {
            self.dispatch
                .end_all_but(&self.lifecycle.open().map(|event| event.id).collect());
        }
        let now = Utc::now();
        for event in self.lifecycle.open() {
            self.dispatch.resume(event, now);
        }
        // What was written down, is over, and may not have been acted on.
        let going: BTreeSet<_> = self.lifecycle.open().map(|event| event.id).collect();
        for event in planned.into_iter().filter(|event| !going.contains(&event.id)) {
            let end = event.end.or(Some(event.start));
            self.dispatch.resume(&EventRecord { end, ..event }, now);
        }
    }

    async fn write(&self, entries: Vec<Entry>) -> Result<BTreeSet<ulid::Ulid>, NotDurable> {
        self.registry.journal.lock().await.write(entries).await
    }

    /// A recording by hand goes on whatever becomes of the actor that did it.
    fn wake(&mut self) {
        if self.woken.elapsed() < WAKE {
            return;
        }
        self.woken = Instant::now();
        for event in self.lifecycle.open().filter(|event| event.kind == EventKind::Manual) {
            self.dispatch.wake(event);
        }
    }

    /// Recordings by hand that were to last so long.
    fn end_what_is_due(&self) {
        let now = Utc::now();
        for event in self.lifecycle.open() {
            let until = event
                .payload
                .as_ref()
                .and_then(|payload| payload.get("until")?.as_str());
            let until = until.and_then(|text| text.parse::<Utc>().ok());
            if event.kind == EventKind::Manual && until.is_some_and(|until| until <= now) {
                let over = super::Event::over_of(event.kind, event.source.clone(), event.id);
                self.registry.events.raise(over);
            }
        }
    }

    async fn route(&mut self, facts: Vec<Fact>) {
        let (config, zone) = (self.recorder.config(), self.recorder.deps.site.zone());
        let mut entries = Vec::with_capacity(facts.len());
        // What happened, in order, and for each fact the event that it is answered with.
        let mut changes: Vec<Change> = Vec::new();
        let mut answers: Vec<Option<EventRecord>> = Vec::with_capacity(facts.len());
        let mut outcomes = Vec::new();
        {
            let mut linkage = self.registry.linkage();
            linkage.keep(&config.rules);
            for fact in &facts {
                match fact {
                    Fact::Event(event) => {
                        let mut changed = self.lifecycle.take(event);
                        for change in &mut changed {
                            match change {
                                Change::Begun(event) => {
                                    event.actions = linkage.plan(event, &config, &zone);
                                    self.lifecycle.update(event);
                                    self.dispatch.foresee(event);
                                    entries.push(Entry::Begun(event.clone()));
                                }
                                Change::Ended(event) => {
                                    let at = event.end.unwrap_or(event.start);
                                    entries.push(Entry::Ended { id: event.id, at });
                                }
                            }
                        }
                        let last = changed.last().map(|change| match change {
                            Change::Begun(event) | Change::Ended(event) => event.clone(),
                        });
                        // It goes on already, or an actor that panicked had written it down.
                        let open = || {
                            self.lifecycle
                                .of(event.kind, &event.source)
                                .map(|e| EventRecord::clone(e))
                        };
                        answers.push(last.or_else(open));
                        // What takes over begins before the other ends: nothing is missing in between.
                        changed.sort_by_key(|change| matches!(change, Change::Ended(_)));
                        changes.append(&mut changed);
                    }
                    Fact::Outcome {
                        event,
                        number,
                        state,
                        at,
                        detail,
                    } => {
                        entries.push(Entry::Outcome {
                            id: *event,
                            number: *number,
                            state: *state,
                            at: *at,
                            detail: detail.clone(),
                        });
                        outcomes.push(*event);
                        answers.push(None);
                    }
                }
            }
        }
        self.routed += facts.len() as u64;
        *self.registry.untold() = changes.iter().map(news).collect();
        let written = self.write(entries).await;
        self.node.fault_point_at("written");
        for change in changes {
            match change {
                Change::Begun(event) => {
                    tracing::debug!(event = %event.id, kind = %event.kind, source = %event.source, text = event.text, "event");
                    self.dispatch.begin(&event);
                }
                Change::Ended(event) => self.dispatch.end(&event),
            }
        }
        let untold = std::mem::take(&mut *self.registry.untold());
        untold.into_iter().for_each(|event| self.registry.events.tell(event));
        outcomes.dedup();
        // A log whose disk hangs is not asked.
        for id in outcomes.into_iter().filter(|_| written.is_ok()) {
            if let Ok(Some(event)) = self.registry.log.get(id) {
                self.lifecycle.update(&event);
                self.registry.events.tell_outcome(Arc::new(event));
            }
        }
        if written.is_ok() {
            let told = self.registry.log.position().0;
            self.registry.told.store(told, Ordering::SeqCst);
        }
        let answer = |event: Option<EventRecord>| match &written {
            Ok(left_out) if event.as_ref().is_some_and(|event| left_out.contains(&event.id)) => {
                Err(NotDurable("the log cannot hold it".into()))
            }
            Ok(_) => Ok(event),
            Err(NotDurable(why)) => Err(NotDurable(why.clone())),
        };
        self.node.fault_point_at("acted");
        self.registry.events.done(answers.into_iter().map(answer).collect());
    }
}
