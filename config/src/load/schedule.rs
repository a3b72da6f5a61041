//! The tables `[[schedule]]`, and the keys that name one.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    disk::{not_an_id, unique_id},
    display_name,
    section::{Found, Section, Text},
    suggest::nearest,
};
use crate::{Schedule, ScheduleId, Week, When, schedule::Span};

/// The key of each day, Monday first, and which of the shorter keys stand for it too.
const DAYS: [(&str, &str); 7] = [
    ("mon", "weekdays"),
    ("tue", "weekdays"),
    ("wed", "weekdays"),
    ("thu", "weekdays"),
    ("fri", "weekdays"),
    ("sat", "weekend"),
    ("sun", "weekend"),
];
const SPANS: &str = "a list of times such as [\"08:00-12:00\", \"22:00-06:00\"]";

/// Those that were defined and the fixed ones.
pub struct Schedules {
    own: Vec<Schedule>,
    all: Vec<Schedule>,
    /// False: one may be missing only because it has a fault of its own.
    complete: bool,
}

impl Schedules {
    pub fn into_own(self) -> Vec<Schedule> {
        self.own
    }

    /// `off`, `always`, or the id of a schedule.
    pub fn when(&self, section: &Section<'_>, key: &'static str) -> Option<Found<When>> {
        let text = section.text(key, "\"off\", \"always\" or the id of a schedule")?;
        let value = match text.value.value.as_str() {
            "off" => When::Off,
            "always" => When::Always,
            id => When::During(self.named(section, &text, id)?),
        };
        let Found { line, path, .. } = text;
        Some(Found { value, line, path })
    }

    fn named(&self, section: &Section<'_>, text: &Found<Text>, id: &str) -> Option<Schedule> {
        let found = self.all.iter().find(|schedule| schedule.id.as_str() == id);
        if found.is_none() && self.complete {
            let ids = self.all.iter().map(|schedule| schedule.id.as_str());
            let hint = match nearest(id, ids.clone().chain(["off", "always"])) {
                Some(word) => format!("did you mean {word:?}?"),
                None => format!("expected off, always, {}", ids.collect::<Vec<_>>().join(", ")),
            };
            text.problem(section.walk, format!("no schedule {:?}, {hint}", text.value.shown));
        }
        found.cloned()
    }
}

pub fn read_all(root: &Section<'_>) -> Schedules {
    let mut ids = BTreeMap::new();
    let mut all = Schedule::fixed();
    let fixed = all.len();
    let mut complete = true;
    for section in root.sections("schedule") {
        match read(section, &mut ids, all.get(..fixed).unwrap_or_default()) {
            Some(schedule) => all.push(schedule),
            None => complete = false,
        }
    }
    let own = all.get(fixed..).unwrap_or_default().to_vec();
    Schedules { own, all, complete }
}

fn read(section: Section<'_>, ids: &mut BTreeMap<String, usize>, fixed: &[Schedule]) -> Option<Schedule> {
    let walk = section.walk;
    let id = unique_id(&section, ids, "schedule").and_then(|text| {
        let word = text.value.value.as_str();
        if matches!(word, "off" | "always") || fixed.iter().any(|schedule| schedule.id.as_str() == word) {
            text.problem(
                walk,
                format!("{word:?} is there already and cannot be changed, expected another id"),
            );
            return None;
        }
        ScheduleId::new(word).map_err(|_| not_an_id(walk, &text)).ok()
    });
    let name = section.text("name", "a name").and_then(|text| display_name(walk, text));
    let daily = spans(&section, "daily");
    let short = BTreeMap::from([
        ("weekdays", spans(&section, "weekdays")),
        ("weekend", spans(&section, "weekend")),
    ]);
    let mut drawn: [Vec<Span>; 7] = Default::default();
    for (day, (key, group)) in drawn.iter_mut().zip(DAYS) {
        let own = spans(&section, key);
        let group = short.get(group).cloned().flatten();
        *day = own.or(group).or_else(|| daily.clone()).unwrap_or_default();
    }
    let week = Week::new(drawn);
    if week == Week::default() {
        section.warning("id", "no time at all: it is never on");
    }
    section.finish(|_| None);
    let id = id?;
    Some(Schedule {
        name: name.unwrap_or_else(|| id.to_string()),
        id,
        week: Arc::new(week),
    })
}

fn spans(section: &Section<'_>, key: &'static str) -> Option<Vec<Span>> {
    let texts = section.texts(key, SPANS)?;
    let mut spans = Vec::new();
    for text in &texts {
        match span(&text.value.value) {
            Some(span) => spans.push(span),
            None => text.problem(
                section.walk,
                format!(
                    "{:?} is no time of day, expected for example \"08:00-12:30\", up to \"24:00\"",
                    text.value.shown
                ),
            ),
        }
    }
    Some(spans)
}

fn span(text: &str) -> Option<Span> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minute(from.trim())?, minute(to.trim())?);
    (from < crate::schedule::DAY_MINUTES).then_some((from, to))
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !(digits(hour) && digits(minute)) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let fits = (hour < 24 && minute < 60) || (hour, minute) == (24, 0);
    fits.then_some(hour * 60 + minute)
}
