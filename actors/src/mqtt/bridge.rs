//! What happens in the house, into the outbox.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::broadcast::{Receiver, error::RecvError};
use ulid::Ulid;
use vigie_config::{Config, Utc};
use vigie_storage::events::EventRecord;

use super::{
    discovery, house,
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
/// The log is waited for as long: a disk that hangs holds its lock.
const LOOK_BACK: Duration = Duration::from_secs(2);
/// Events that are over and remembered as told.
const REMEMBERED: usize = 1024;

/// Which events were heard of; outlives the actor.
pub(super) struct Heard {
    news: Receiver<News>,
    /// Since then.
    since: Utc,
    told: Told,
}

impl Heard {
    pub fn new(events: &Events) -> Self {
        Self {
            news: events.listen(),
            since: Utc::now(),
            told: Told::default(),
        }
    }
}

/// An event is told when it begins and when it ends; what is done about it is not. Pure.
#[derive(Debug, Default)]
struct Told {
    begun: BTreeSet<Ulid>,
    over: VecDeque<Ulid>,
}

impl Told {
    /// It began before anybody listened.
    fn known(&mut self, event: Ulid) {
        self.begun.insert(event);
    }

    /// There is something to tell of it.
    fn is_news(&mut self, event: &EventRecord) -> bool {
        if event.end.is_none() {
            return self.begun.insert(event.id);
        }
        self.begun.remove(&event.id);
        if self.over.contains(&event.id) {
            return false;
        }
        if self.over.len() >= REMEMBERED {
            self.over.pop_front();
        }
        self.over.push_back(event.id);
        true
    }
}

pub(super) async fn run(context: &JobContext, recorder: &Arc<Recorder>) {
    let mqtt = &recorder.mqtt;
    let mut heard = mqtt.heard.lock().await;
    let mut changed = mqtt.changed.subscribe();
    let mut going = look_back(recorder, &mut heard).await;
    let mut configurations = Configurations::default();
    loop {
        if let Some(config) = mqtt.config() {
            let mut all = states(recorder, &config, &going);
            all.extend(configurations.of(recorder));
            mqtt.outbox().stands(all);
            mqtt.ready.notify_one();
        }
        context.node.publish(mqtt.snapshot());
        tokio::select! {
            news = heard.news.recv() => match news {
                Ok(event) => {
                    going.hear(&event);
                    tell(recorder, &mut heard, &event);
                }
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "too many events at once: the broker is not told of all");
                    mqtt.outbox().missed(missed);
                    going = look_back(recorder, &mut heard).await;
                }
                Err(RecvError::Closed) => return,
            },
            _ = changed.changed() => {
                // Inputs that are new do not know it yet.
                let error = mqtt.status().error.clone();
                if let (Some(error), Some(config)) = (error, mqtt.config()) {
                    house::say_of_inputs(recorder, Some(&format!("{} is not connected: {error}", config.broker)));
                }
            }
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// What goes on by the log.
async fn look_back(recorder: &Arc<Recorder>, heard: &mut Heard) -> Going {
    let log = recorder.event_log().clone();
    let read = tokio::task::spawn_blocking(move || log.open_events());
    let Ok(Ok(Ok(open))) = tokio::time::timeout(LOOK_BACK, read).await else {
        tracing::error!("the log of events does not answer: the broker is not told what goes on since before");
        return Going::default();
    };
    let before = open.iter().filter(|event| event.start < heard.since);
    let before: Vec<Ulid> = before.map(|event| event.id).collect();
    before.into_iter().for_each(|event| heard.told.known(event));
    Going::of(&open)
}

fn tell(recorder: &Recorder, heard: &mut Heard, event: &EventRecord) {
    let Some(config) = recorder.mqtt.config() else { return };
    let of_before = event.start < heard.since && !heard.told.begun.contains(&event.id);
    if of_before || !heard.told.is_news(event) {
        return;
    }
    let mut json = serde_json::to_value(event).unwrap_or_default();
    if let Some(object) = json.as_object_mut() {
        object.remove("actions");
    }
    let topic = Topics(&config.prefix).events();
    recorder.mqtt.outbox().event(topic, json.to_string(), Instant::now());
    recorder.mqtt.ready.notify_one();
}

/// Home Assistant's configurations, made anew when ours changes.
#[derive(Default)]
struct Configurations {
    made_of: Option<Arc<Config>>,
    made: BTreeMap<String, String>,
}

impl Configurations {
    fn of(&mut self, recorder: &Recorder) -> BTreeMap<String, String> {
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
        self.made.clone()
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
        told.known(Ulid::from(3u128));
        assert!(!told.is_news(&event(3, None)));
        assert!(told.is_news(&event(3, Some(start))));
    }
}
