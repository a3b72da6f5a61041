//! The tables `[[input]]`: alarm inputs.

use std::{collections::BTreeMap, time::Duration};

use super::{
    disk::{not_an_id, unique_id},
    display_name, gpio, mqtt,
    section::Section,
};
use crate::{Bias, Contact, Input, InputId, InputKind, Level, Secret};

/// Shorter ones can be tried out.
const LEAST_TOKEN: usize = 16;

pub fn read_all(root: &Section<'_>) -> Vec<Input> {
    let mut ids = BTreeMap::new();
    let has_broker = root.has("mqtt");
    let sections = root.sections("input");
    sections
        .into_iter()
        .filter_map(|section| read(section, &mut ids, has_broker))
        .collect()
}

fn read(section: Section<'_>, ids: &mut BTreeMap<String, usize>, has_broker: bool) -> Option<Input> {
    let walk = section.walk;
    let id = unique_id(&section, ids, "input")
        .and_then(|text| InputId::new(&text.value.value).map_err(|_| not_an_id(walk, &text)).ok());
    let name = section.text("name", "a name").and_then(|text| display_name(walk, text));
    let enabled = section.boolean("enabled").unwrap_or(true);
    let normally = contact(&section).unwrap_or(Contact::Open);
    let debounce = section.duration("debounce", Duration::ZERO..=Duration::from_secs(60));
    let kind = kind(&section, has_broker);
    section.finish(|_| None);
    let id = id?;
    Some(Input {
        name: name.unwrap_or_else(|| id.to_string()),
        id,
        enabled,
        kind: kind?,
        normally,
        debounce: debounce.unwrap_or(Duration::ZERO),
    })
}

fn kind(section: &Section<'_>, has_broker: bool) -> Option<InputKind> {
    const EXPECTED: &str = "\"http\", \"mqtt\" or \"gpio\"";
    section.kind(EXPECTED, |kind| {
        Some(match kind {
            "http" => http(section),
            "mqtt" => {
                mqtt::require_broker(section, has_broker);
                over_mqtt(section)
            }
            "gpio" => over_gpio(section),
            _ => return None,
        })
    })
}

fn http(section: &Section<'_>) -> Option<InputKind> {
    const EXPECTED: &str = "a secret of 16 characters or more, for example \"${DOOR_TOKEN}\"";
    section.require("token", EXPECTED);
    let hold = hold(section);
    let token = section.text("token", EXPECTED)?;
    section.walk.secret(&token);
    let fits = token.value.value.len() >= LEAST_TOKEN && token.value.value.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits {
        token.problem(
            section.walk,
            format!("too short, or with spaces or letters beyond ASCII: expected {EXPECTED}"),
        );
        return None;
    }
    Some(InputKind::Http {
        token: Secret::new(token.value.value),
        hold: hold.unwrap_or(Duration::from_secs(10)),
    })
}

fn hold(section: &Section<'_>) -> Option<Duration> {
    section.duration("hold", Duration::from_millis(100)..=Duration::from_secs(86_400))
}

fn over_mqtt(section: &Section<'_>) -> Option<InputKind> {
    const EXPECTED: &str = "a topic such as \"zigbee2mqtt/back door\"";
    section.require("topic", EXPECTED);
    if section.has("normally") {
        section.problem(
            "normally",
            "of an input over MQTT the payloads active and inactive say it",
        );
    }
    let topic = mqtt::topic(section, "topic", EXPECTED);
    let field = section.text("field", "a key of the JSON object that is published");
    let (active, inactive) = (
        mqtt::payload(section, "active", "ON"),
        mqtt::payload(section, "inactive", "OFF"),
    );
    let hold = hold(section);
    if active.is_some() && active == inactive {
        section.problem("inactive", "the same payload as active");
        return None;
    }
    Some(InputKind::Mqtt {
        topic: topic?,
        field: field.map(|text| text.value.value),
        active: active?,
        inactive: inactive?,
        hold,
    })
}

fn over_gpio(section: &Section<'_>) -> Option<InputKind> {
    let (line, bias) = (gpio::line(section), gpio::bias(section));
    // With a pull-up a contact is wired to ground.
    let usual = match bias {
        Some(Bias::PullUp) => Level::Low,
        _ => Level::High,
    };
    let closed = gpio::level(section, "closed", usual);
    Some(InputKind::Gpio {
        line: line?,
        bias: bias?,
        closed: closed?,
    })
}

fn contact(section: &Section<'_>) -> Option<Contact> {
    let text = section.text("normally", "\"open\" or \"closed\"")?;
    match text.value.value.as_str() {
        "open" => Some(Contact::Open),
        "closed" => Some(Contact::Closed),
        _ => {
            text.problem(
                section.walk,
                format!("seen {:?}, expected \"open\" or \"closed\"", text.value.shown),
            );
            None
        }
    }
}
