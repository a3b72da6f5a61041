//! The tables `[[rule]]`: which event does what.

use std::{collections::BTreeMap, time::Duration};

use super::{
    disk::{not_an_id, unique_id},
    display_name,
    schedule::Schedules,
    section::{Found, Section, Text},
    suggest::nearest,
};
use crate::{Actions, CameraId, Config, EventKind, OutputId, PushId, RecipientId, Rule, RuleId, Source, When};

/// So many actions an event may have in the log; some are left for what cameras do by themselves.
const MOST_ACTIONS: usize = 600;

/// What rules may name.
struct There<'a> {
    sound: &'a Config,
    /// With what could not be read: to whoever names it, no fault beside its own is told.
    root: &'a Section<'a>,
}

/// `there`: all that a rule may name.
pub fn read_all(root: &Section<'_>, schedules: &Schedules, there: &Config) -> Vec<Rule> {
    let mut ids = BTreeMap::new();
    let sections = root.sections("rule");
    let there = &There { sound: there, root };
    let read = |section| read(section, &mut ids, schedules, there);
    sections.into_iter().filter_map(read).collect()
}

fn read(
    section: Section<'_>,
    ids: &mut BTreeMap<String, usize>,
    schedules: &Schedules,
    there: &There<'_>,
) -> Option<Rule> {
    let walk = section.walk;
    let id = unique_id(&section, ids, "rule")
        .and_then(|text| RuleId::new(&text.value.value).map_err(|_| not_an_id(walk, &text)).ok());
    let name = section.text("name", "a name").and_then(|text| display_name(walk, text));
    let enabled = section.boolean("enabled").unwrap_or(true);
    let on = kinds(&section);
    let from = sources(&section, there);
    let schedule = schedules.when(&section, "schedule").map(|found| found.value);
    let min_interval = section.duration("min_interval", Duration::ZERO..=Duration::from_secs(7 * 86_400));
    let actions = actions(&section, there);
    if actions == Some(Actions::default()) {
        section.warning("id", "does nothing: no action is named");
    }
    section.finish(|_| None);
    let id = id?;
    Some(Rule {
        name: name.unwrap_or_else(|| id.to_string()),
        id,
        enabled,
        on: on?,
        from: from?,
        schedule: schedule.unwrap_or(When::Always),
        min_interval: min_interval.unwrap_or(Duration::ZERO),
        actions: actions?,
    })
}

fn kinds(section: &Section<'_>) -> Option<Vec<EventKind>> {
    const EXPECTED: &str = "a list of kinds of events such as [\"sensor\", \"motion\"]";
    section.require("on", EXPECTED);
    let texts = section.texts("on", EXPECTED)?;
    if texts.is_empty() {
        section.problem("on", format!("empty, expected {EXPECTED}"));
    }
    let read = texts.iter().map(|text| match text.value.value.parse::<EventKind>() {
        Ok(kind) => Some(kind),
        Err(_) => {
            let names = || EventKind::ALL.iter().map(|kind| kind.as_str());
            let hint = match nearest(&text.value.value, names()) {
                Some(word) => format!("did you mean {word:?}?"),
                None => format!("expected one of {}", names().collect::<Vec<_>>().join(", ")),
            };
            text.problem(section.walk, format!("no kind of event {:?}, {hint}", text.value.shown));
            None
        }
    });
    let kinds: Vec<Option<EventKind>> = read.collect();
    kinds
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .filter(|kinds| !kinds.is_empty())
}

/// `input:door`, or `door` where only one thing is called so.
fn sources(section: &Section<'_>, there: &There<'_>) -> Option<Vec<Source>> {
    if !section.has("from") {
        return Some(Vec::new());
    }
    let known = known(there.sound);
    let texts = section.texts("from", "a list of ids such as [\"door\", \"camera:gate\"]")?;
    let found: Vec<Option<Source>> = texts.iter().map(|text| source(section, text, &known, there)).collect();
    found.into_iter().collect()
}

/// All that events come from.
fn known(there: &Config) -> Vec<Source> {
    let cameras = there.cameras.iter().map(|camera| Source::Camera(camera.id.clone()));
    let disks = there.disks.iter().map(|disk| Source::Disk(disk.id.clone()));
    let inputs = there.inputs.iter().map(|input| Source::Input(input.id.clone()));
    let outputs = there.outputs.iter().map(|output| Source::Output(output.id.clone()));
    let streams = there.cameras.iter().flat_map(|camera| {
        let names = camera.streams.keys();
        names.map(|name| Source::Stream(crate::StreamId::new(camera.id.clone(), *name)))
    });
    let house = std::iter::once(Source::House);
    house
        .chain(cameras)
        .chain(streams)
        .chain(disks)
        .chain(inputs)
        .chain(outputs)
        .collect()
}

fn source(section: &Section<'_>, text: &Found<Text>, known: &[Source], there: &There<'_>) -> Option<Source> {
    let seen = text.value.value.as_str();
    let names: Vec<(String, &Source)> = known.iter().map(|source| (source.to_string(), source)).collect();
    let called = |name: &str| name == seen || name.split_once(':').is_some_and(|(_, id)| id == seen);
    let fitting: Vec<&(String, &Source)> = names.iter().filter(|(name, _)| called(name)).collect();
    match fitting.as_slice() {
        [(_, source)] => Some((*source).clone()),
        [] if is_unsound(seen, there) => None,
        [] => {
            let words = names.iter().map(|(name, _)| name.as_str());
            let ids = names.iter().filter_map(|(name, _)| Some(name.split_once(':')?.1));
            let hint =
                nearest(seen, words.chain(ids)).map_or(String::new(), |word| format!(", did you mean {word:?}?"));
            text.problem(
                section.walk,
                format!("no camera, input, output or disk {:?}{hint}", text.value.shown),
            );
            None
        }
        several => {
            let names: Vec<&str> = several.iter().map(|(name, _)| name.as_str()).collect();
            text.problem(
                section.walk,
                format!("{:?} may be {}: write which", text.value.shown, names.join(" or ")),
            );
            None
        }
    }
}

/// It stands in the text, and its own fault is told there.
fn is_unsound(seen: &str, there: &There<'_>) -> bool {
    let (kind, id) = seen.split_once(':').map_or((None, seen), |(kind, id)| (Some(kind), id));
    let (kind, id) = match (kind, id.split_once('/')) {
        (Some("stream"), Some((camera, _))) => (Some("camera"), camera),
        _ => (kind, id),
    };
    let tables = ["camera", "disk", "input", "output"].into_iter();
    let mut tables = tables.filter(|table| kind.is_none_or(|kind| kind == *table));
    tables.any(|table| there.root.has_entry(table, id))
}

fn actions(section: &Section<'_>, there: &There<'_>) -> Option<Actions> {
    let There { sound: there, root } = there;
    let cameras: Vec<&CameraId> = there.cameras.iter().map(|camera| &camera.id).collect();
    let outputs: Vec<&OutputId> = there.outputs.iter().map(|output| &output.id).collect();
    let record = named(section, root, "record", "camera", &cameras);
    let snapshot = named(section, root, "snapshot", "camera", &cameras);
    let popup_video = named(section, root, "popup_video", "camera", &cameras);
    let outputs = named(section, root, "outputs", "output", &outputs);
    let buzzer = section.boolean("buzzer").unwrap_or(false);
    if buzzer && there.buzzer.is_none() {
        section.problem("buzzer", "there is no buzzer: write the table [buzzer]");
    }
    let popup_message = section.boolean("popup_message").unwrap_or(false);
    let recipients: Vec<&RecipientId> = there.recipients.iter().map(|recipient| &recipient.id).collect();
    let email = named(section, root, "email", "recipient", &recipients);
    let targets: Vec<&PushId> = there.pushes.iter().map(|push| &push.id).collect();
    let push = named(section, root, "push", "push target", &targets);
    let actions = Actions {
        record: record?,
        snapshot: snapshot?,
        outputs: outputs?,
        buzzer,
        popup_video: popup_video?,
        popup_message,
        email: email?,
        push: push?,
    };
    let Actions {
        record,
        snapshot,
        outputs,
        buzzer,
        popup_video,
        popup_message,
        email,
        push,
    } = &actions;
    let lists = [
        record.len(),
        snapshot.len(),
        outputs.len(),
        popup_video.len(),
        email.len(),
        push.len(),
    ];
    let count = lists.iter().sum::<usize>() + usize::from(*buzzer) + usize::from(*popup_message);
    if count > MOST_ACTIONS {
        section.problem(
            "id",
            format!("{count} actions, expected at most {MOST_ACTIONS}: name fewer cameras"),
        );
        return None;
    }
    Some(actions)
}

/// A list of ids that must be there; `*` stands for all.
fn named<T: Clone + PartialEq + std::fmt::Display>(
    section: &Section<'_>,
    root: &Section<'_>,
    key: &'static str,
    what: &str,
    there: &[&T],
) -> Option<Vec<T>> {
    if !section.has(key) {
        return Some(Vec::new());
    }
    let texts = section.texts(key, &format!("a list of ids, one for each {what}, or [\"*\"]"))?;
    let mut found: Vec<T> = Vec::new();
    let mut sound = true;
    for text in &texts {
        let seen = text.value.value.as_str();
        let ids: Vec<(String, &T)> = there.iter().map(|id| (id.to_string(), *id)).collect();
        let mut fitting = ids.iter().filter(|(name, _)| seen == "*" || name == seen).peekable();
        let table = if key == "push" { key } else { what };
        if fitting.peek().is_none() && root.has_entry(table, seen) {
            // Its own fault is told.
            sound = false;
        } else if fitting.peek().is_none() && seen != "*" {
            let hint = nearest(seen, ids.iter().map(|(name, _)| name.as_str()));
            let hint = hint.map_or(String::new(), |word| format!(", did you mean {word:?}?"));
            text.problem(section.walk, format!("no {what} {:?}{hint}", text.value.shown));
            sound = false;
        }
        for (_, id) in fitting {
            if !found.contains(id) {
                found.push((*id).clone());
            }
        }
    }
    sound.then_some(found)
}
