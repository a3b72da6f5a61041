//! How everything stands, as retained payloads by topic.

use std::collections::{BTreeMap, BTreeSet};

use vigie_config::{CameraId, EventKind, Mqtt, StreamName};
use vigie_storage::events::EventRecord;

use super::topics::Topics;
use crate::{recorder::Recorder, stream::StreamState};

/// Events that go on and are shown as states, by what the log says of them.
#[derive(Debug, Default)]
pub(super) struct Going(BTreeSet<(EventKind, CameraId, ulid::Ulid)>);

impl Going {
    pub fn of(open: &[EventRecord]) -> Going {
        let mut going = Going::default();
        open.iter().for_each(|event| going.hear(event));
        going
    }

    pub fn hear(&mut self, event: &EventRecord) {
        let Some(camera) = event.source.camera() else { return };
        let key = (event.kind, camera.clone(), event.id);
        match event.end {
            None => self.0.insert(key),
            Some(_) => self.0.remove(&key),
        };
    }

    fn is(&self, kind: EventKind, camera: &CameraId) -> bool {
        self.0.iter().any(|(of, at, _)| *of == kind && at == camera)
    }
}

pub(super) fn states(recorder: &Recorder, mqtt: &Mqtt, going: &Going) -> BTreeMap<String, String> {
    let topics = Topics(&mqtt.prefix);
    let mut all = BTreeMap::from([(topics.status(), "online".to_owned())]);
    for camera in recorder.cameras.all().iter() {
        let config = camera.config();
        if !config.enabled {
            continue;
        }
        let main = camera.streams.get(&StreamName::Main);
        let live = main.is_some_and(|main| main.status().state == StreamState::Live);
        let id = &config.id;
        all.insert(topics.motion(id), word(going.is(EventKind::Motion, id)));
        all.insert(topics.connectivity(id), word(live));
        all.insert(topics.record(id), word(going.is(EventKind::Manual, id)));
    }
    for input in recorder.inputs.all().iter().filter(|input| input.config.enabled) {
        all.insert(topics.input(&input.config.id), word(input.snapshot().active));
    }
    for output in recorder.outputs.all().iter().filter(|output| output.config.enabled) {
        all.insert(
            topics.output(&output.config.id),
            word(output.snapshot().on == Some(true)),
        );
    }
    all
}

fn word(on: bool) -> String {
    if on { "ON" } else { "OFF" }.to_owned()
}
