//! The tables `[[output]]`: alarm outputs.

use std::{collections::BTreeMap, time::Duration};

use super::{
    disk::{not_an_id, unique_id},
    display_name, gpio, mqtt,
    schedule::Schedules,
    section::Section,
    source_url::redact_url,
};
use crate::{HttpCall, HttpMethod, Level, Output, OutputId, OutputKind, When};

pub fn read_all(root: &Section<'_>, schedules: &Schedules) -> Vec<Output> {
    let mut ids = BTreeMap::new();
    let has_broker = root.has("mqtt");
    let sections = root.sections("output");
    let read = |section| read(section, &mut ids, schedules, has_broker);
    sections.into_iter().filter_map(read).collect()
}

fn read(
    section: Section<'_>,
    ids: &mut BTreeMap<String, usize>,
    schedules: &Schedules,
    has_broker: bool,
) -> Option<Output> {
    let walk = section.walk;
    let id = unique_id(&section, ids, "output").and_then(|text| {
        OutputId::new(&text.value.value)
            .map_err(|_| not_an_id(walk, &text))
            .ok()
    });
    let name = section.text("name", "a name").and_then(|text| display_name(walk, text));
    let enabled = section.boolean("enabled").unwrap_or(true);
    let hold = section.duration("hold", Duration::ZERO..=Duration::from_secs(86_400));
    let schedule = schedules.when(&section, "schedule").map(|found| found.value);
    let kind = kind(&section, has_broker);
    section.finish(|_| None);
    let id = id?;
    Some(Output {
        name: name.unwrap_or_else(|| id.to_string()),
        id,
        enabled,
        kind: kind?,
        hold: hold.unwrap_or(Duration::from_secs(10)),
        schedule: schedule.unwrap_or(When::Always),
    })
}

fn kind(section: &Section<'_>, has_broker: bool) -> Option<OutputKind> {
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

fn over_gpio(section: &Section<'_>) -> Option<OutputKind> {
    let (line, on) = (gpio::line(section), gpio::level(section, "on", Level::High));
    Some(OutputKind::Gpio { line: line?, on: on? })
}

fn over_mqtt(section: &Section<'_>) -> Option<OutputKind> {
    const EXPECTED: &str = "a topic such as \"zigbee2mqtt/siren/set\"";
    section.require("topic", EXPECTED);
    let topic = mqtt::topic(section, "topic", EXPECTED);
    let (on, off) = (mqtt::payload(section, "on", "ON"), mqtt::payload(section, "off", "OFF"));
    let retain = section.boolean("retain").unwrap_or(false);
    if on.is_some() && on == off {
        section.problem("off", "the same payload as on: it could never be switched off");
        return None;
    }
    Some(OutputKind::Mqtt {
        topic: topic?,
        on: on?,
        off: off?,
        retain,
    })
}

fn http(section: &Section<'_>) -> Option<OutputKind> {
    section.require("on", "the address to call to switch it on");
    let method = method(section);
    let on = call(section, "on", "on_body", method);
    let off = call(section, "off", "off_body", method);
    if section.has("off_body") && !section.has("off") {
        section.problem("off_body", "a body without an address: off is missing");
    }
    Some(OutputKind::Http { on: on?, off })
}

fn call(section: &Section<'_>, key: &'static str, body: &'static str, method: HttpMethod) -> Option<HttpCall> {
    let body = section.text(body, "a text").map(|text| text.value.value);
    let text = section.text(key, "an address such as \"http://192.0.2.20/relay/1/on\"")?;
    match url::Url::parse(&text.value.value) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            if url.password().is_some() {
                section.walk.secret(&text);
            }
            Some(HttpCall { method, url, body })
        }
        _ => {
            text.problem(
                section.walk,
                format!(
                    "{:?} is no address to call, expected http://HOST/… or https://HOST/…",
                    redact_url(&text.value.shown)
                ),
            );
            None
        }
    }
}

/// `method`, POST where it is absent.
pub fn method(section: &Section<'_>) -> HttpMethod {
    const EXPECTED: &str = "\"GET\", \"POST\" or \"PUT\"";
    let Some(text) = section.text("method", EXPECTED) else {
        return HttpMethod::Post;
    };
    match text.value.value.as_str() {
        "GET" => HttpMethod::Get,
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        _ => {
            text.problem(
                section.walk,
                format!("seen {:?}, expected {EXPECTED}", text.value.shown),
            );
            HttpMethod::Post
        }
    }
}
