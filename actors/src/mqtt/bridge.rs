//! What happens in the house, into the outbox.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::broadcast::{
        Receiver,
        error::{RecvError, TryRecvError},
    },
    task::JoinHandle,
};
use ulid::Ulid;
use vigie_config::{Config, Mqtt as Configured, Utc};
use vigie_storage::events::{EventLog, EventRecord, Position};

use super::{
    backlog::{self, Backlog},
    discovery, house,
    outbox::LONGEST_WAIT,
    states::{Going, states},
    topics::Topics,
};
use crate::{
    recorder::Recorder,
    registry::{Events, News},
    supervise::JobContext,
};

/// What no event tells (a switched output, a camera that is back) may be told so much later.
const EVERY: Duration = Duration::from_secs(1);
/// What changes within so long is told together.
const TOGETHER: Duration = Duration::from_millis(50);
/// The log is waited for as long: a disk that hangs holds its lock.
const LOOK_BACK: Duration = Duration::from_secs(2);
/// Events that are over and remembered as told.
const REMEMBERED: usize = 1024;

/// Which events were heard of; outlives the actor.
pub(super) struct Heard {
    changes: Receiver<News>,
    told: Told,
    /// So far in the log everything was heard of.
    up_to: Position,
    /// So often the log came to know of events that nobody told.
    behind: u64,
}

impl Heard {
    pub fn new(events: &Events) -> Self {
        Self {
            changes: events.listen_to_changes(),
            told: Told::default(),
            up_to: Position::default(),
            behind: 0,
        }
    }

    /// `from`: where an earlier process ended.
    pub fn goes_on(&mut self, from: Option<Position>, log: &EventLog) {
        self.behind = u64::from(from.is_some());
        self.up_to = from.unwrap_or_else(|| log.position());
    }
}

/// An event is told when it begins and when it ends. Pure.
#[derive(Debug, Default)]
struct Told {
    begun: BTreeSet<Ulid>,
    over: VecDeque<Ulid>,
}

impl Told {
    /// There is something to tell of it.
    fn is_news(&mut self, event: &EventRecord) -> bool {
        if self.over.contains(&event.id) {
            return false;
        }
        if event.end.is_none() {
            return self.begun.insert(event.id);
        }
        self.begun.remove(&event.id);
        if self.over.len() >= REMEMBERED {
            self.over.pop_front();
        }
        self.over.push_back(event.id);
        true
    }
}

/// What is being read, and how often it had been missed before.
struct Reading {
    missed: u64,
    backlog: Pin<Box<dyn Future<Output = Backlog> + Send>>,
}

pub(super) async fn run(context: &JobContext, recorder: &Arc<Recorder>) {
    let mqtt = &recorder.mqtt;
    let mut heard = mqtt.heard.lock().await;
    let mut changed = mqtt.changed.subscribe();
    let mut going = look_back(recorder).await;
    let mut reading = catch_up(recorder, &heard);
    if let Some(waiting) = &mut reading
        && let Ok(backlog) = tokio::time::timeout(LOOK_BACK, &mut waiting.backlog).await
    {
        // In order, if it can be had.
        take_backlog(recorder, &mut heard, backlog, waiting.missed);
        reading = None;
    }
    let mut configurations = Configurations::default();
    let mut noting: Option<JoinHandle<()>> = None;
    let mut due = Instant::now();
    let mut first = None;
    loop {
        // Asked before what was told up to there is heard.
        let told = recorder.registry.told();
        while let Some(event) = first.take().or_else(|| next(&mut heard)) {
            going.hear(&event);
            tell(recorder, &mut heard, &event, Duration::ZERO);
            due = due.min(Instant::now() + TOGETHER);
        }
        if reading.is_none() {
            reading = catch_up(recorder, &heard);
        }
        if reading.is_none() {
            heard.up_to = told.max(heard.up_to);
            mqtt.outbox().heard_up_to(heard.up_to);
        }
        if due <= Instant::now() {
            due = Instant::now() + EVERY;
            if let Some(config) = mqtt.config() {
                say_how_it_stands(recorder, &config, &going, &mut configurations);
            }
            mqtt.outbox().expire(Instant::now());
            context.node.publish(mqtt.snapshot());
            if noting.as_ref().is_none_or(JoinHandle::is_finished) {
                noting = Some(note(recorder));
            }
        }
        tokio::select! {
            news = heard.changes.recv() => match news {
                Ok(event) => first = Some(event),
                Err(RecvError::Lagged(_)) => heard.behind += 1,
                Err(RecvError::Closed) => return,
            },
            (backlog, missed) = finished(&mut reading) => {
                take_backlog(recorder, &mut heard, backlog, missed);
                reading = None;
                going = look_back(recorder).await;
            }
            _ = changed.changed() => {
                due = Instant::now();
                // Inputs that are new do not know it yet.
                let error = mqtt.status().error.clone();
                if let (Some(error), Some(config)) = (error, mqtt.config()) {
                    house::say_of_inputs(recorder, Some(&format!("{} is not connected: {error}", config.broker)));
                }
            }
            () = tokio::time::sleep_until(due.into()) => {}
        }
    }
}

/// What was told and is not heard yet.
fn next(heard: &mut Heard) -> Option<News> {
    loop {
        match heard.changes.try_recv() {
            Ok(event) => return Some(event),
            Err(TryRecvError::Lagged(_)) => heard.behind += 1,
            Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
        }
    }
}

/// What goes on by the log.
async fn look_back(recorder: &Arc<Recorder>) -> Going {
    let log = recorder.event_log().clone();
    let read = tokio::task::spawn_blocking(move || log.open_events());
    let Ok(Ok(Ok(open))) = tokio::time::timeout(LOOK_BACK, read).await else {
        tracing::error!("the log of events does not answer: the broker is not told what goes on since before");
        return Going::default();
    };
    Going::of(&open)
}

/// Reads what nobody told.
fn catch_up(recorder: &Recorder, heard: &Heard) -> Option<Reading> {
    (heard.behind > 0).then(|| Reading {
        missed: heard.behind,
        backlog: Box::pin(backlog::after(recorder.event_log().clone(), heard.up_to)),
    })
}

async fn finished(reading: &mut Option<Reading>) -> (Backlog, u64) {
    match reading {
        Some(reading) => ((&mut reading.backlog).await, reading.missed),
        None => std::future::pending().await,
    }
}

/// `missed`: so often before it was read.
fn take_backlog(recorder: &Recorder, heard: &mut Heard, backlog: Backlog, missed: u64) {
    let now = Utc::now();
    for event in &backlog.events {
        tell(recorder, heard, event, now.since(event.end.unwrap_or(event.start)));
    }
    heard.up_to = backlog.up_to.max(heard.up_to);
    heard.behind = heard.behind.saturating_sub(missed);
}

/// It happened so long ago, as far as the clock can be trusted.
fn tell(recorder: &Recorder, heard: &mut Heard, event: &EventRecord, ago: Duration) {
    let Some(config) = recorder.mqtt.config() else { return };
    if !heard.told.is_news(event) {
        return;
    }
    if ago > LONGEST_WAIT {
        recorder.mqtt.outbox().missed();
        return;
    }
    let mut json = serde_json::to_value(event).unwrap_or_default();
    if let Some(object) = json.as_object_mut() {
        object.remove("actions");
    }
    let topic = Topics(&config.prefix).events();
    let now = Instant::now();
    let since = now.checked_sub(ago).unwrap_or(now);
    recorder.mqtt.outbox().event(topic, json.to_string(), since);
    recorder.mqtt.ready.notify_one();
}

fn say_how_it_stands(recorder: &Recorder, config: &Configured, going: &Going, configurations: &mut Configurations) {
    let mqtt = &recorder.mqtt;
    let states = states(recorder, config, going);
    let all = states.iter().chain(configurations.of(recorder));
    let all = all.map(|(topic, payload)| (topic.as_str(), payload.as_str()));
    mqtt.outbox().stands(&all.collect());
    mqtt.ready.notify_one();
}

/// How far the broker was told everything.
fn note(recorder: &Recorder) -> JoinHandle<()> {
    let mqtt = &recorder.mqtt;
    let reached = mqtt.outbox().acknowledged_up_to();
    let (broker, progress) = (mqtt.config().is_some(), mqtt.progress.clone());
    tokio::task::spawn_blocking(move || match (broker, reached) {
        (true, None) => {}
        (true, Some(_)) => progress.save(reached),
        (false, _) => progress.save(None),
    })
}

/// The actor ends.
pub(super) async fn note_at_last(recorder: &Recorder) {
    // A disk that hangs costs what is told twice.
    drop(tokio::time::timeout(LOOK_BACK, note(recorder)).await);
}

/// Home Assistant's configurations, made anew when ours changes.
#[derive(Default)]
struct Configurations {
    made_of: Option<Arc<Config>>,
    made: BTreeMap<String, String>,
}

impl Configurations {
    fn of(&mut self, recorder: &Recorder) -> &BTreeMap<String, String> {
        let config = recorder.config();
        if !self
            .made_of
            .as_ref()
            .is_some_and(|made_of| Arc::ptr_eq(made_of, &config))
        {
            let node = discovery::node(recorder.storage().recorder().0);
            let mqtt = config.mqtt.as_ref();
            self.made = mqtt
                .map(|mqtt| discovery::configurations(&config, mqtt, &node))
                .unwrap_or_default();
            self.made_of = Some(config);
        }
        &self.made
    }
}

#[cfg(test)]
mod tests {
    use vigie_config::{EventKind, Source};

    use super::*;

    #[test]
    fn an_event_is_told_when_it_begins_and_when_it_ends() {
        let start = Utc::now();
        let event = |id: u128, end| EventRecord {
            id: Ulid::from(id),
            kind: EventKind::Sensor,
            source: Source::House,
            start,
            end,
            severity: EventKind::Sensor.severity(),
            text: String::new(),
            payload: None,
            actions: Vec::new(),
        };
        let mut told = Told::default();
        assert!(told.is_news(&event(1, None)));
        assert!(!told.is_news(&event(1, None)), "what was done about it");
        assert!(told.is_news(&event(1, Some(start))));
        assert!(!told.is_news(&event(1, Some(start))));
        assert!(told.is_news(&event(2, Some(start))), "a moment");
        assert!(!told.is_news(&event(2, None)), "told late");
        assert!(told.is_news(&event(3, Some(start))), "it began before anybody listened");
    }
}
