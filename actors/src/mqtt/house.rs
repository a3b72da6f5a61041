//! What the broker says, to those it concerns.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use vigie_config::{EventKind, InputKind, Mqtt, OutputKind, Source};

use super::{
    discovery,
    packet::Publication,
    topics::{Command, Topics},
};
use crate::{
    inputs::{self, InputHandle},
    recorder::Recorder,
    registry::{Event, Told},
};

/// A log that takes nothing is asked again so often.
const RETRY: Duration = Duration::from_secs(1);

/// Resolves when what follows from a publication is in the log, on the device.
pub(super) type Durable = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Filters, and the QoS of each. A command that came while nobody was there is not carried out late.
pub(super) fn subscriptions(recorder: &Recorder, mqtt: &Mqtt) -> BTreeMap<String, u8> {
    let mut all = BTreeMap::new();
    all.extend(Topics(&mqtt.prefix).commands().map(|filter| (filter, 0)));
    if let Some(discovery) = &mqtt.discovery {
        all.insert(discovery::filter(discovery, &node(recorder)), 0);
    }
    for input in recorder.inputs.all().iter().filter(|input| input.config.enabled) {
        if let InputKind::Mqtt { topic, .. } = &input.config.kind {
            all.insert(topic.clone(), 1);
        }
    }
    all
}

pub(super) fn node(recorder: &Recorder) -> String {
    discovery::node(recorder.storage().recorder().0)
}

/// Those that listen to a topic.
fn listeners(recorder: &Recorder, topic: &str) -> Vec<Arc<InputHandle>> {
    let listens = |input: &Arc<InputHandle>| {
        input.config.enabled && matches!(&input.config.kind, InputKind::Mqtt { topic: own, .. } if own == topic)
    };
    recorder.inputs.all().into_iter().filter(listens).collect()
}

/// Takes a publication. `Err`: nobody listens to its topic.
pub(super) fn take(
    recorder: &Recorder,
    mqtt: &Mqtt,
    publication: &Publication,
    crowded: &Arc<AtomicBool>,
) -> Result<Option<Durable>, ()> {
    let listeners = listeners(recorder, &publication.topic);
    if !listeners.is_empty() {
        let told: Vec<_> = listeners
            .iter()
            .filter_map(|input| report(input, publication))
            .collect();
        return Ok(match told.is_empty() {
            true => None,
            false => Some(Box::pin(durable(told, crowded.clone()))),
        });
    }
    if let Some(command) = Topics(&mqtt.prefix).command(&publication.topic) {
        // One that is retained was meant for then.
        if !publication.retained {
            carry_out(recorder, &command, &publication.payload);
        }
        return Ok(None);
    }
    let ours = |discovery: &String| discovery::is_ours(discovery, &node(recorder), &publication.topic);
    if mqtt.discovery.as_ref().is_some_and(ours) {
        // Left by an earlier process, of what is there no more.
        let mut outbox = recorder.mqtt.outbox();
        if !publication.payload.is_empty() && !outbox.has(&publication.topic) {
            outbox.forget(publication.topic.clone());
            recorder.mqtt.ready.notify_one();
        }
        return Ok(None);
    }
    Err(())
}

fn report(input: &Arc<InputHandle>, publication: &Publication) -> Option<(Arc<InputHandle>, Told)> {
    let kind = &input.config.kind;
    // A broker keeps the last press of a button: that is none now.
    if publication.retained && kind.hold().is_some() {
        return None;
    }
    let read = match publication.whole {
        true => inputs::payload(kind, &publication.payload),
        false => Err("a payload of more than 256 KiB".into()),
    };
    match read {
        Ok(report) => {
            input.set_error(None);
            input.tell(report).map(|told| (input.clone(), told))
        }
        Err(error) => {
            input.set_error(Some(format!("topic {}: {error}", publication.topic)));
            None
        }
    }
}

/// Asks again until the log holds it. Where others wait behind it, it is asked once: an alarm that is
/// acted on is worth more than one that waits at the broker.
async fn durable(told: Vec<(Arc<InputHandle>, Told)>, crowded: Arc<AtomicBool>) {
    for (input, told) in told {
        let mut waiting = Some(told);
        while let Some(told) = waiting.take() {
            if told.durable().await.is_err() && !crowded.load(Ordering::Relaxed) {
                tokio::time::sleep(RETRY).await;
                waiting = input.tell_standing();
            }
        }
    }
}

fn carry_out(recorder: &Recorder, command: &Command, payload: &[u8]) {
    let on = match payload.trim_ascii() {
        b"ON" => true,
        b"OFF" => false,
        _ => {
            tracing::warn!(?command, "a command over MQTT is neither ON nor OFF");
            return;
        }
    };
    match command {
        Command::Output(id) => {
            let output = recorder.outputs.get(id).filter(|output| output.config.enabled);
            match (output, on) {
                (Some(output), true) => output.switch_on(None),
                // Nobody waits for an answer.
                (Some(output), false) => drop(output.switch_off()),
                (None, _) => tracing::warn!(output = %id, "a command over MQTT: no such output, or it is switched off"),
            }
        }
        Command::Record(id) => {
            let there = recorder.cameras.get(id).is_some_and(|camera| camera.config().enabled);
            let source = Source::Camera(id.clone());
            match (there, on) {
                (true, true) => {
                    let event = Event::new(EventKind::Manual, source, "over MQTT");
                    recorder.events().raise(event.with(json!({ "by": "mqtt" })));
                }
                (true, false) => recorder.events().raise(Event::over(EventKind::Manual, source)),
                (false, _) => {
                    tracing::warn!(camera = %id, "a command over MQTT: no such camera, or it is switched off")
                }
            }
        }
    }
}

/// The broker refuses to tell of this topic.
pub(super) fn refused(recorder: &Recorder, filter: &str) {
    tracing::warn!(filter, "the broker refuses a subscription");
    for input in listeners(recorder, filter) {
        input.set_error(Some(format!(
            "the broker refuses to tell of topic {filter}: may this client read it?"
        )));
    }
}

/// The connection is there: outputs are told anew, as a device may have missed the last word.
pub(super) fn connected(recorder: &Recorder) {
    say_of_inputs(recorder, None);
    for output in recorder.outputs.all() {
        if matches!(output.config.kind, OutputKind::Mqtt { .. }) {
            output.touch();
        }
    }
}

/// What every input over MQTT has for an error.
pub(super) fn say_of_inputs(recorder: &Recorder, error: Option<&str>) {
    for input in recorder.inputs.all() {
        if matches!(input.config.kind, InputKind::Mqtt { .. }) {
            input.set_error(error.map(str::to_owned));
        }
    }
}
