//! The table `[camera.record]`: what is recorded, when, and for how long it is kept.

use std::time::Duration;

use super::section::{Found, Section, Text};
use crate::{Record, StreamName, When};

const STREAMS: &str = "a list of \"main\" and \"sub\"";

/// `there`: the streams this camera has.
pub fn read(camera: &Section<'_>, there: &[StreamName]) -> Record {
    let standard = Record {
        continuous: When::Always,
        streams: there.to_vec(),
        segment: Duration::from_secs(60),
        pre_alarm: Duration::from_secs(5),
        post_alarm: Duration::from_secs(10),
        max_age: None,
        min_age: None,
        alarm_after: Duration::from_secs(3600),
    };
    let Some(section) = camera.section("record") else {
        return standard;
    };
    let continuous = continuous(&section);
    let streams = streams(&section, there);
    let second = Duration::from_secs(1);
    let segment = section.duration("segment", second..=300 * second);
    let pre_alarm = section.duration("pre_alarm", Duration::ZERO..=60 * second);
    let post_alarm = section.duration("post_alarm", Duration::ZERO..=3600 * second);
    let max_age = section.duration("max_age", second..=36_500 * 86_400 * second);
    let min_age = section.duration("min_age", second..=36_500 * 86_400 * second);
    let alarm_after = section.duration("alarm_after", 10 * second..=36_500 * 86_400 * second);
    if let (Some(min), Some(max)) = (min_age, max_age)
        && min > max
    {
        section.problem("min_age", "longer than max_age");
    }
    for key in ["pre_alarm", "post_alarm"] {
        if section.has(key) {
            section.warning(key, "no effect: motion, sensor and analytics are off");
        }
    }
    section.finish(|_| None);
    Record {
        continuous: continuous.unwrap_or(standard.continuous),
        streams: streams.unwrap_or(standard.streams),
        segment: segment.unwrap_or(standard.segment),
        pre_alarm: pre_alarm.unwrap_or(standard.pre_alarm),
        post_alarm: post_alarm.unwrap_or(standard.post_alarm),
        max_age,
        min_age,
        alarm_after: alarm_after.unwrap_or(standard.alarm_after),
    }
}

/// `mode` is shorthand for `continuous` and the kinds of recording by event.
fn continuous(section: &Section<'_>) -> Option<When> {
    let mode = section.text("mode", "\"off\" or \"always\"").and_then(|text| {
        match text.value.value.as_str() {
            "off" => return Some((When::Off, text)),
            "always" => return Some((When::Always, text)),
            "events" | "schedule" => text.problem(
                section.walk,
                format!(
                    "mode {:?} is not in this version, expected \"off\" or \"always\"",
                    text.value.value
                ),
            ),
            _ => text.problem(
                section.walk,
                format!("seen {:?}, expected \"off\" or \"always\"", text.value.shown),
            ),
        }
        None
    });
    let own = section.text("continuous", "\"off\" or \"always\"").and_then(|text| {
        match text.value.value.as_str() {
            "off" => return Some((When::Off, text)),
            "always" => return Some((When::Always, text)),
            _ => text.problem(
                section.walk,
                format!(
                    "seen {:?}, expected \"off\" or \"always\"; schedules are not in this version",
                    text.value.shown
                ),
            ),
        }
        None
    });
    for key in ["motion", "sensor", "analytics"] {
        let Some(text) = section.text(key, "\"off\"") else {
            continue;
        };
        if text.value.value != "off" {
            text.problem(
                section.walk,
                format!(
                    "seen {:?}, recording by {key} is not in this version, expected \"off\"",
                    text.value.shown
                ),
            );
        }
    }
    if let (Some((mode, shown)), Some((own, text))) = (&mode, &own)
        && mode != own
    {
        text.problem(
            section.walk,
            format!("{:?} contradicts mode = {:?}", text.value.shown, shown.value.shown),
        );
    }
    own.or(mode).map(|(when, _)| when)
}

/// `streams` is shorthand for `continuous_streams` and `event_streams`.
fn streams(section: &Section<'_>, there: &[StreamName]) -> Option<Vec<StreamName>> {
    let all = stream_list(section, "streams", there);
    let own = stream_list(section, "continuous_streams", there);
    if stream_list(section, "event_streams", there).is_some() {
        section.warning("event_streams", "no effect: motion, sensor and analytics are off");
    }
    if let (Some(all), Some(own)) = (&all, &own)
        && let Some(extra) = own.iter().find(|stream| !all.contains(stream))
    {
        section.problem("continuous_streams", format!("\"{extra}\" is not among streams"));
    }
    own.or(all)
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
