//! The connection kept up: what is to be told is sent, what comes is handed on and acknowledged.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::watch;
use vigie_config::{ErrorKind, Mqtt as Configured, Utc};

use super::{
    connection::{Connection, KEEP_ALIVE, LinkError},
    house::{self, Durable},
    outbox::LAST_ID,
    packet::{self, Incoming},
    pulse::{Beat, Pulse},
    topics::Topics,
};
use crate::{
    recorder::Recorder,
    supervise::{Attempts, Backoff, Jitter, JobContext},
};

/// A connection that lasted as long was one.
const FRUITFUL: Duration = Duration::from_secs(10);
/// Publications that are not acknowledged, before a log that takes nothing is not waited for. Mosquitto
/// sends 20, and then none.
const CROWD: usize = 10;
/// What is still to be told at the end has as long.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Why a connection ended.
enum Ended {
    Failed(LinkError),
    /// Another broker, or the same one in another way.
    Reconfigured,
    Stopped,
}

/// Runs until the actor is asked to stop.
pub(super) async fn run(context: &JobContext, recorder: &Arc<Recorder>) {
    let mqtt = &recorder.mqtt;
    // An actor before this one may have ended without a word.
    mqtt.outbox().disconnected("it is connected anew");
    {
        let mut status = mqtt.status();
        (status.connected, status.error) = (false, None);
    }
    let mut changed = mqtt.changed.subscribe();
    let (mut attempts, mut jitter) = (Attempts::default(), Jitter::default());
    loop {
        let Some(config) = mqtt.config() else {
            tokio::select! {
                _ = changed.changed() => continue,
                () = context.stopping() => return,
            }
        };
        let started = Instant::now();
        let ended = connect(context, recorder, &config, &mut changed).await;
        let now = Instant::now();
        let error = match ended {
            Ended::Stopped => {
                mqtt.outbox().disconnected("vigie stops");
                return;
            }
            Ended::Reconfigured => {
                attempts = Attempts::default();
                down(recorder, &config, None);
                continue;
            }
            Ended::Failed(error) => error,
        };
        let fruitful = now.duration_since(started) > FRUITFUL && mqtt.status().connected;
        let told = down(recorder, &config, Some(&error.text));
        if told {
            tracing::warn!(broker = %config.broker, %error, "the MQTT broker is not connected");
        }
        context.node.note_error(&error);
        // What is configured wrongly may be put right outside of our configuration.
        let kind = match error.kind {
            ErrorKind::Misconfigured => ErrorKind::Refused,
            kind => kind,
        };
        let pause = Backoff::pause(&mut attempts, kind, fruitful, started, now, jitter.draw());
        tokio::select! {
            () = tokio::time::sleep(pause.unwrap_or(Backoff::REFUSED)) => {}
            () = reconfigured(recorder, &config, &mut changed) => attempts = Attempts::default(),
            () = context.stopping() => return,
        }
    }
}

/// Resolves when the broker's own configuration is another one.
async fn reconfigured(recorder: &Recorder, config: &Arc<Configured>, changed: &mut watch::Receiver<u64>) {
    while same(recorder, config) {
        if changed.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

fn same(recorder: &Recorder, config: &Arc<Configured>) -> bool {
    recorder.mqtt.config().as_deref() == Some(&**config)
}

/// True: it is news.
fn down(recorder: &Recorder, config: &Configured, error: Option<&str>) -> bool {
    let mqtt = &recorder.mqtt;
    let news = {
        let mut status = mqtt.status();
        let news = status.connected || status.error.as_deref() != error;
        if status.connected {
            (status.connected, status.since) = (false, Utc::now());
        }
        status.error = error.map(str::to_owned);
        news
    };
    let why = error.unwrap_or("it is connected anew");
    mqtt.outbox().disconnected(why);
    let text = format!("{} is not connected: {why}", config.broker);
    house::say_of_inputs(recorder, Some(&text));
    news
}

async fn connect(
    context: &JobContext,
    recorder: &Arc<Recorder>,
    config: &Arc<Configured>,
    changed: &mut watch::Receiver<u64>,
) -> Ended {
    let client_id = config.client_id.clone().unwrap_or_else(|| house::node(recorder));
    let status_topic = Topics(&config.prefix).status();
    let opened = tokio::select! {
        opened = Connection::open(config, &client_id, (&status_topic, "offline")) => opened,
        () = reconfigured(recorder, config, changed) => return Ended::Reconfigured,
        () = context.stopping() => return Ended::Stopped,
    };
    let connection = match opened {
        Ok(connection) => connection,
        Err(error) => return Ended::Failed(error),
    };
    tracing::info!(broker = %config.broker, client_id, "the MQTT broker is connected");
    {
        let mut status = recorder.mqtt.status();
        (status.connected, status.since, status.error) = (true, Utc::now(), None);
        status.connections += 1;
    }
    house::connected(recorder);
    let link = Link {
        connection,
        recorder,
        config,
        subscribed: BTreeMap::new(),
        asked: BTreeMap::new(),
        last_id: LAST_ID,
        unacknowledged: VecDeque::new(),
        crowded: Arc::default(),
        pulse: Pulse::new(KEEP_ALIVE, Instant::now()),
    };
    link.serve(context, changed).await
}

/// One connection, signed in.
struct Link<'a> {
    connection: Connection,
    recorder: &'a Arc<Recorder>,
    config: &'a Arc<Configured>,
    subscribed: BTreeMap<String, u8>,
    /// Subscriptions that are not answered yet.
    asked: BTreeMap<u16, String>,
    last_id: u16,
    /// In the order of their coming; so they are acknowledged (§4.6).
    unacknowledged: VecDeque<(u16, Option<Durable>)>,
    crowded: Arc<AtomicBool>,
    pulse: Pulse,
}

impl Link<'_> {
    async fn serve(mut self, context: &JobContext, changed: &mut watch::Receiver<u64>) -> Ended {
        match self.talk(context, changed).await {
            Ok(Ended::Stopped) => {
                if let Ok(Err(error)) = tokio::time::timeout(LAST_WORDS, self.last_words()).await {
                    tracing::warn!(%error, "the MQTT broker was not told everything");
                }
                Ended::Stopped
            }
            Ok(Ended::Reconfigured) => {
                drop(tokio::time::timeout(LAST_WORDS, self.say_offline()).await);
                Ended::Reconfigured
            }
            Ok(ended) => ended,
            Err(error) => Ended::Failed(error),
        }
    }

    async fn talk(&mut self, context: &JobContext, changed: &mut watch::Receiver<u64>) -> Result<Ended, LinkError> {
        self.subscribe().await?;
        loop {
            self.send_what_waits().await?;
            tokio::select! {
                packet = self.connection.receive() => {
                    let packet = packet?;
                    self.pulse.heard(Instant::now());
                    self.take(packet).await?;
                }
                id = first(&mut self.unacknowledged) => {
                    self.unacknowledged.pop_front();
                    self.note_crowd();
                    self.send(&packet::acknowledge(id)).await?;
                }
                () = self.recorder.mqtt.ready.notified() => {}
                () = tokio::time::sleep_until(self.pulse.due().into()) => {
                    if self.pulse.beat(Instant::now()) == Beat::Gone {
                        let text = format!("it has not answered for {} s", KEEP_ALIVE.as_secs());
                        return Err(LinkError::new(ErrorKind::Timeout, text));
                    }
                    self.send(&packet::PING).await?;
                }
                _ = changed.changed() => {
                    if !same(self.recorder, self.config) {
                        return Ok(Ended::Reconfigured);
                    }
                    self.subscribe().await?;
                }
                () = context.stopping() => return Ok(Ended::Stopped),
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        self.connection.send(bytes).await?;
        self.pulse.sent(Instant::now());
        Ok(())
    }

    async fn send_what_waits(&mut self) -> Result<(), LinkError> {
        loop {
            let next = self.recorder.mqtt.outbox().next(Instant::now());
            let Some(message) = next else { return Ok(()) };
            let packet = packet::publish(message.id, &message.topic, message.payload.as_bytes(), message.retain);
            self.send(&packet).await?;
        }
    }

    /// Brings subscriptions to where they are wanted.
    async fn subscribe(&mut self) -> Result<(), LinkError> {
        let wanted = house::subscriptions(self.recorder, self.config);
        let before = std::mem::replace(&mut self.subscribed, wanted.clone());
        for (filter, qos) in &wanted {
            if before.get(filter) != Some(qos) {
                let id = self.next_id();
                self.asked.insert(id, filter.clone());
                self.send(&packet::subscribe(id, filter, *qos)).await?;
            }
        }
        for filter in before.keys().filter(|filter| !wanted.contains_key(*filter)) {
            let id = self.next_id();
            self.send(&packet::unsubscribe(id, filter)).await?;
        }
        Ok(())
    }

    /// Of subscriptions: apart from those of publications.
    fn next_id(&mut self) -> u16 {
        self.last_id = self.last_id.checked_add(1).unwrap_or(LAST_ID + 1);
        self.last_id
    }

    async fn take(&mut self, packet: Incoming) -> Result<(), LinkError> {
        match packet {
            Incoming::Publish(publication) => {
                let taken = match self.is_of_before(&publication.topic) {
                    true => Ok(None),
                    false => house::take(self.recorder, self.config, &publication, &self.crowded),
                };
                if taken.is_err() && publication.id.is_some() {
                    // The broker knows this client from a time when it was configured otherwise.
                    let id = self.next_id();
                    self.send(&packet::unsubscribe(id, &publication.topic)).await?;
                }
                if let Some(id) = publication.id {
                    self.unacknowledged.push_back((id, taken.unwrap_or_default()));
                    self.note_crowd();
                }
            }
            Incoming::PubAck(id) => self.recorder.mqtt.outbox().acknowledged(id),
            Incoming::SubAck { id, refused } => {
                if let Some(filter) = self.asked.remove(&id).filter(|_| refused) {
                    house::refused(self.recorder, &filter);
                }
            }
            Incoming::UnsubAck | Incoming::Pong => {}
            Incoming::ConnAck { .. } => {
                return Err(LinkError::new(ErrorKind::Corrupt, "it accepted the connection twice"));
            }
        }
        Ok(())
    }

    /// A command that the broker kept for this client while it was away: it tells those of now when it has
    /// answered this connection's subscriptions.
    fn is_of_before(&self, topic: &str) -> bool {
        let topics = Topics(&self.config.prefix);
        let unanswered = |filter: &String| self.asked.values().any(|asked| asked == filter);
        topics.command(topic).is_some() && topics.commands().iter().any(unanswered)
    }

    fn note_crowd(&self) {
        self.crowded.store(self.unacknowledged.len() > CROWD, Ordering::Relaxed);
    }

    /// What still waits, then that this is the end.
    async fn last_words(&mut self) -> Result<(), LinkError> {
        self.tell_rest().await?;
        self.say_offline().await
    }

    async fn say_offline(&mut self) -> Result<(), LinkError> {
        let topic = Topics(&self.config.prefix).status();
        self.recorder.mqtt.outbox().close(topic, "offline".into());
        self.tell_rest().await?;
        self.send(&packet::DISCONNECT).await
    }

    async fn tell_rest(&mut self) -> Result<(), LinkError> {
        loop {
            self.send_what_waits().await?;
            if self.recorder.mqtt.outbox().is_empty() {
                return Ok(());
            }
            let packet = self.connection.receive().await?;
            self.take(packet).await?;
        }
    }
}

/// The first one that waits for its acknowledgement, when it may have it.
async fn first(unacknowledged: &mut VecDeque<(u16, Option<Durable>)>) -> u16 {
    match unacknowledged.front_mut() {
        Some((id, durable)) => {
            if let Some(waiting) = durable {
                waiting.await;
                *durable = None;
            }
            *id
        }
        None => std::future::pending().await,
    }
}
