//! The table `[camera.record]`: what is recorded, when, and for how long it is kept.

use std::time::Duration;

use super::{
    schedule::Schedules,
    section::{Found, Section, Text},
};
use crate::{Record, StreamName, When, format_size};

/// What may wait in memory for an event, for each stream: 5 s of 25 Mbit/s and a GOP of as much again.
const PRE_ALARM_MEMORY: u64 = 32 << 20;
const LEAST_PRE_ALARM_MEMORY: u64 = 1 << 20;
const STREAMS: &str = "a list of \"main\" and \"sub\"";

/// `there`: the streams this camera has.
pub fn read(camera: &Section<'_>, there: &[StreamName], schedules: &Schedules) -> Record {
    let standard = Record {
        continuous: When::Always,
        motion: When::Off,
        sensor: When::Off,
        analytics: When::Off,
        continuous_streams: there.to_vec(),
        event_streams: there.to_vec(),
        segment: Duration::from_secs(60),
        pre_alarm: Duration::from_secs(5),
        post_alarm: Duration::from_secs(10),
        pre_alarm_memory_bytes: PRE_ALARM_MEMORY,
        max_age: None,
        min_age: None,
        alarm_after: Duration::from_secs(3600),
    };
    let Some(section) = camera.section("record") else {
        return standard;
    };
    let kinds = kinds(&section, schedules);
    let on_events = [&kinds.motion, &kinds.sensor, &kinds.analytics]
        .into_iter()
        .any(When::is_ever);
    let streams = stream_list(&section, "streams", there);
    let continuous_streams = some_of(&section, "continuous_streams", there, streams.as_deref());
    let event_streams = some_of(&section, "event_streams", there, streams.as_deref());
    let streams = streams.unwrap_or_else(|| there.to_vec());
    let second = Duration::from_secs(1);
    let segment = section.duration("segment", second..=300 * second);
    let pre_alarm = section.duration("pre_alarm", Duration::ZERO..=60 * second);
    let post_alarm = section.duration("post_alarm", Duration::ZERO..=3600 * second);
    let pre_alarm_memory = section.size("pre_alarm_memory").filter(|bytes| {
        let fits = *bytes >= LEAST_PRE_ALARM_MEMORY;
        if !fits {
            let text = format!("expected at least {}", format_size(LEAST_PRE_ALARM_MEMORY));
            section.problem("pre_alarm_memory", text);
        }
        fits
    });
    let max_age = section.duration("max_age", second..=36_500 * 86_400 * second);
    let min_age = section.duration("min_age", second..=36_500 * 86_400 * second);
    let alarm_after = section.duration("alarm_after", 10 * second..=36_500 * 86_400 * second);
    if let (Some(min), Some(max)) = (min_age, max_age)
        && min > max
    {
        section.problem("min_age", "longer than max_age");
    }
    // `event_streams` are those that are recorded by hand too.
    for key in ["pre_alarm", "post_alarm", "pre_alarm_memory"] {
        if section.has(key) && !on_events {
            section.warning(key, "no effect: motion, sensor and analytics are off");
        }
    }
    if kinds.analytics.is_ever() {
        let key = if section.has("analytics") { "analytics" } else { "mode" };
        let text = "analytics is recorded as other programs tell it (POST /api/v1/events): Vigie itself does not look for it yet";
        section.warning(key, text);
    }
    section.finish(|_| None);
    Record {
        continuous: kinds.continuous,
        motion: kinds.motion,
        sensor: kinds.sensor,
        analytics: kinds.analytics,
        continuous_streams: continuous_streams.unwrap_or_else(|| streams.clone()),
        event_streams: event_streams.unwrap_or(streams),
        segment: segment.unwrap_or(standard.segment),
        pre_alarm: pre_alarm.unwrap_or(standard.pre_alarm),
        post_alarm: post_alarm.unwrap_or(standard.post_alarm),
        pre_alarm_memory_bytes: pre_alarm_memory.unwrap_or(PRE_ALARM_MEMORY),
        max_age,
        min_age,
        alarm_after: alarm_after.unwrap_or(standard.alarm_after),
    }
}

struct Kinds {
    continuous: When,
    motion: When,
    sensor: When,
    analytics: When,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Off,
    Always,
    Events,
    /// Each kind by its own key.
    Schedule,
}

/// `mode` is what holds for kinds of recording that have no key of their own.
fn kinds(section: &Section<'_>, schedules: &Schedules) -> Kinds {
    const EXPECTED: &str = "\"off\", \"always\", \"events\" or \"schedule\"";
    let mode = section.text("mode", EXPECTED).and_then(|text| {
        let mode = match text.value.value.as_str() {
            "off" => Mode::Off,
            "always" => Mode::Always,
            "events" => Mode::Events,
            "schedule" => Mode::Schedule,
            _ => {
                text.problem(
                    section.walk,
                    format!("seen {:?}, expected {EXPECTED}", text.value.shown),
                );
                return None;
            }
        };
        Some((mode, text))
    });
    let own = ["continuous", "motion", "sensor", "analytics"].map(|key| schedules.when(section, key));
    if let Some((mode, shown)) = &mode {
        let contradicts = |index: usize, when: &When| match mode {
            Mode::Off => *when != When::Off,
            Mode::Always => index == 0 && *when != When::Always,
            Mode::Events | Mode::Schedule => false,
        };
        for (index, found) in own.iter().enumerate() {
            if let Some(found) = found.as_ref().filter(|found| contradicts(index, &found.value)) {
                let text = format!("\"{}\" contradicts mode = {:?}", found.value, shown.value.shown);
                section.walk.problem(found.line, &*found.path, text);
            }
        }
        if *mode == Mode::Schedule && own.iter().all(Option::is_none) {
            shown.problem(
                section.walk,
                "mode \"schedule\" needs at least one of continuous, motion, sensor, analytics",
            );
        }
    }
    let mode = mode.map_or(Mode::Always, |(mode, _)| mode);
    let [continuous, motion, sensor, analytics] = own.map(|found| found.map(|found| found.value));
    let of_mode = |modes: &[Mode]| if modes.contains(&mode) { When::Always } else { When::Off };
    Kinds {
        continuous: continuous.unwrap_or_else(|| of_mode(&[Mode::Always])),
        motion: motion.unwrap_or_else(|| of_mode(&[Mode::Events])),
        sensor: sensor.unwrap_or_else(|| of_mode(&[Mode::Events])),
        analytics: analytics.unwrap_or_else(|| of_mode(&[Mode::Events])),
    }
}

/// Streams that must be among `all`, where that is given.
fn some_of(
    section: &Section<'_>,
    key: &'static str,
    there: &[StreamName],
    all: Option<&[StreamName]>,
) -> Option<Vec<StreamName>> {
    let own = stream_list(section, key, there);
    if let (Some(all), Some(own)) = (all, &own)
        && let Some(extra) = own.iter().find(|stream| !all.contains(stream))
    {
        section.problem(key, format!("\"{extra}\" is not among streams"));
    }
    own
}

fn stream_list(section: &Section<'_>, key: &'static str, there: &[StreamName]) -> Option<Vec<StreamName>> {
    let texts = section.texts(key, STREAMS)?;
    if texts.is_empty() {
        section.problem(
            key,
            "empty, expected at least one stream; to record nothing write mode = \"off\"",
        );
        return None;
    }
    let mut streams = Vec::new();
    for text in &texts {
        let stream = stream(section, text)?;
        if !there.contains(&stream) {
            text.problem(section.walk, format!("this camera has no [camera.{stream}]"));
        } else if streams.contains(&stream) {
            text.problem(section.walk, format!("\"{stream}\" is listed twice"));
        } else {
            streams.push(stream);
        }
    }
    streams.sort_unstable();
    Some(streams)
}

fn stream(section: &Section<'_>, text: &Found<Text>) -> Option<StreamName> {
    let stream = text.value.value.parse().ok();
    if stream.is_none() {
        text.problem(
            section.walk,
            format!("seen {:?}, expected \"main\" or \"sub\"", text.value.shown),
        );
    }
    stream
}
