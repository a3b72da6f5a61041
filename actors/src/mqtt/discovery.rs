//! What Home Assistant is told of this recorder, so that its cameras, inputs and outputs appear there:
//! one retained configuration for each entity (MQTT discovery, one entity a topic). Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vigie_config::{Config, Mqtt};

use super::topics::Topics;

/// The name of this recorder among Home Assistant's nodes and clients of the broker: 22 characters,
/// which every broker takes.
pub(super) fn node(recorder: u128) -> String {
    format!("vigie_{:016x}", recorder as u64)
}

/// A filter of all configurations of one recorder.
pub(super) fn filter(discovery: &str, node: &str) -> String {
    format!("{discovery}/+/{node}/+/config")
}

/// The topic is one of those of the filter.
pub(super) fn is_ours(discovery: &str, node: &str, topic: &str) -> bool {
    let rest = topic.strip_prefix(discovery).and_then(|rest| rest.strip_prefix('/'));
    let parts: Option<Vec<&str>> = rest.map(|rest| rest.split('/').collect());
    matches!(parts.as_deref(), Some([_, of, _, "config"]) if *of == node)
}

/// Configurations by topic; empty where Home Assistant is told nothing.
pub(super) fn configurations(config: &Config, mqtt: &Mqtt, node: &str) -> BTreeMap<String, String> {
    let Some(discovery) = &mqtt.discovery else {
        return BTreeMap::new();
    };
    let topics = Topics(&mqtt.prefix);
    let house = House {
        discovery,
        node,
        about: json!({
            "availability_topic": topics.status(),
            "qos": 1,
            "device": {
                "identifiers": [node],
                "name": config.server.name,
                "manufacturer": "Vigie",
                "model": "Network video recorder",
                "sw_version": env!("CARGO_PKG_VERSION"),
            },
            "origin": { "name": "Vigie", "sw_version": env!("CARGO_PKG_VERSION") },
        }),
    };
    let mut all = BTreeMap::new();
    for camera in config.cameras.iter().filter(|camera| camera.enabled) {
        let (id, name) = (&camera.id, &camera.name);
        all.extend([
            house.sensor(
                &format!("camera_{id}_motion"),
                &format!("{name} motion"),
                &topics.motion(id),
                Some("motion"),
            ),
            house.sensor(
                &format!("camera_{id}_connectivity"),
                &format!("{name} connection"),
                &topics.connectivity(id),
                Some("connectivity"),
            ),
            house.switch(
                &format!("camera_{id}_record"),
                &format!("{name} record"),
                &topics.record(id),
            ),
        ]);
    }
    for input in config.inputs.iter().filter(|input| input.enabled) {
        all.extend([house.sensor(
            &format!("input_{}", input.id),
            &input.name,
            &topics.input(&input.id),
            None,
        )]);
    }
    for output in config.outputs.iter().filter(|output| output.enabled) {
        all.extend([house.switch(
            &format!("output_{}", output.id),
            &output.name,
            &topics.output(&output.id),
        )]);
    }
    all
}

struct House<'a> {
    discovery: &'a str,
    node: &'a str,
    /// What every entity says of the recorder.
    about: Value,
}

impl House<'_> {
    fn sensor(&self, object: &str, name: &str, state: &str, class: Option<&str>) -> (String, String) {
        let own = match class {
            Some(class) => json!({ "device_class": class }),
            None => json!({}),
        };
        self.entity("binary_sensor", object, name, state, own)
    }

    fn switch(&self, object: &str, name: &str, state: &str) -> (String, String) {
        let own = json!({ "command_topic": Topics::set(state) });
        self.entity("switch", object, name, state, own)
    }

    fn entity(&self, component: &str, object: &str, name: &str, state: &str, own: Value) -> (String, String) {
        let mut all = json!({
            "unique_id": format!("{}_{object}", self.node),
            "name": name,
            "state_topic": state,
        });
        if let Value::Object(all) = &mut all {
            for part in [&self.about, &own] {
                all.extend(
                    part.as_object()
                        .into_iter()
                        .flatten()
                        .map(|(key, value)| (key.clone(), value.clone())),
                );
            }
        }
        let topic = format!("{}/{component}/{}/{object}/config", self.discovery, self.node);
        (topic, all.to_string())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HOUSE: &str = "
        [server]
        name = \"Lobby\"
        [mqtt]
        broker = \"mqtt://192.0.2.30\"
        [[disk]]
        id = \"d1\"
        path = \"/srv/d1\"
        [[camera]]
        id = \"gate\"
        name = \"Front gate\"
        main.url = \"rtsp://192.0.2.1/1\"
        [[camera]]
        id = \"old\"
        enabled = false
        main.url = \"rtsp://192.0.2.1/2\"
        [[input]]
        id = \"door\"
        kind = \"mqtt\"
        topic = \"door\"
        [[output]]
        id = \"siren\"
        kind = \"mqtt\"
        topic = \"siren/set\"
    ";

    fn told(text: &str) -> BTreeMap<String, Value> {
        let config = Config::parse(text, &|_| None).unwrap().0;
        let all = configurations(&config, config.mqtt.as_ref().unwrap(), "vigie_1");
        all.into_iter()
            .map(|(topic, text)| (topic, serde_json::from_str(&text).unwrap()))
            .collect()
    }

    #[test]
    fn each_camera_input_and_output_has_its_entities() {
        let all = told(HOUSE);
        let topics: Vec<&str> = all.keys().map(String::as_str).collect();
        assert_eq!(
            topics,
            [
                "homeassistant/binary_sensor/vigie_1/camera_gate_connectivity/config",
                "homeassistant/binary_sensor/vigie_1/camera_gate_motion/config",
                "homeassistant/binary_sensor/vigie_1/input_door/config",
                "homeassistant/switch/vigie_1/camera_gate_record/config",
                "homeassistant/switch/vigie_1/output_siren/config",
            ]
        );
        let siren = &all["homeassistant/switch/vigie_1/output_siren/config"];
        assert_eq!(siren["command_topic"], "vigie/output/siren/set");
        assert_eq!(siren["state_topic"], "vigie/output/siren");
        assert_eq!(siren["availability_topic"], "vigie/status");
        assert_eq!(siren["unique_id"], "vigie_1_output_siren");
        assert_eq!(siren["device"]["identifiers"], json!(["vigie_1"]));
        let motion = &all["homeassistant/binary_sensor/vigie_1/camera_gate_motion/config"];
        assert_eq!(
            (&motion["device_class"], &motion["name"]),
            (&json!("motion"), &json!("Front gate motion"))
        );
        let unique: std::collections::BTreeSet<&str> =
            all.values().map(|it| it["unique_id"].as_str().unwrap()).collect();
        assert_eq!(unique.len(), all.len());
        assert!(topics.iter().all(|topic| is_ours("homeassistant", "vigie_1", topic)));
        assert!(!is_ours("homeassistant", "vigie_2", topics[0]));
    }

    #[test]
    fn nothing_is_told_where_nobody_listens() {
        let text = HOUSE.replace("[mqtt]", "[mqtt]\ndiscovery = \"\"");
        assert!(told(&text).is_empty());
    }
}
