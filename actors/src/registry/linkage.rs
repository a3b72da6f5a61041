//! From an event to what is done about it. Pure: rules, schedules and the clock are given.

use std::{
    collections::{HashMap, hash_map},
    time::Duration,
};

use jiff::tz::TimeZone;
use ulid::Ulid;
use vigie_config::{CameraId, Causes, Config, EventKind, OutputId, PushId, RecipientId, Rule, RuleId, Source, Utc};
use vigie_storage::events::{Action, ActionState, EventRecord, Query};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Record(CameraId),
    Snapshot(CameraId),
    Output(OutputId),
    Buzzer,
    PopupVideo(CameraId),
    PopupMessage,
    Email(RecipientId),
    Push(PushId),
}

impl Command {
    /// As it stands in the log.
    fn parts(&self) -> (&'static str, Option<String>) {
        match self {
            Command::Record(camera) => ("record", Some(camera.to_string())),
            Command::Snapshot(camera) => ("snapshot", Some(camera.to_string())),
            Command::Output(output) => ("output", Some(output.to_string())),
            Command::Buzzer => ("buzzer", None),
            Command::PopupVideo(camera) => ("popup_video", Some(camera.to_string())),
            Command::PopupMessage => ("popup_message", None),
            Command::Email(recipient) => ("email", Some(recipient.to_string())),
            Command::Push(target) => ("push", Some(target.to_string())),
        }
    }

    /// What an action in the log meant; `None`: this build does not know it.
    pub fn of(action: &Action) -> Option<Command> {
        let target = action.target.as_deref();
        match action.what.as_str() {
            "record" => Some(Command::Record(CameraId::new(target?).ok()?)),
            "snapshot" => Some(Command::Snapshot(CameraId::new(target?).ok()?)),
            "output" => Some(Command::Output(OutputId::new(target?).ok()?)),
            "buzzer" => Some(Command::Buzzer),
            "popup_video" => Some(Command::PopupVideo(CameraId::new(target?).ok()?)),
            "popup_message" => Some(Command::PopupMessage),
            "email" => Some(Command::Email(RecipientId::new(target?).ok()?)),
            "push" => Some(Command::Push(PushId::new(target?).ok()?)),
            _ => None,
        }
    }
}

/// The cause that footage gets which is recorded because of such an event.
pub fn cause_of(kind: EventKind) -> Causes {
    match kind {
        EventKind::Motion => Causes::MOTION,
        EventKind::Analytics => Causes::ANALYTICS,
        EventKind::Manual => Causes::MANUAL,
        _ => Causes::SENSOR,
    }
}

/// A camera is recorded on its own motion without a rule, unless it never is on motion; when is its own
/// schedule's to say.
fn is_own(kind: EventKind, camera: &CameraId, config: &Config) -> bool {
    let cause = match kind {
        EventKind::Manual => return true,
        EventKind::Motion | EventKind::Analytics => cause_of(kind),
        _ => return false,
    };
    let camera = config.cameras.iter().find(|one| one.id == *camera);
    camera.is_some_and(|camera| {
        let kinds = camera.record.event_kinds();
        kinds.iter().any(|(kind, when)| *kind == cause && when.is_ever())
    })
}

/// Of one event, at most: as many as the log takes.
const MOST_ACTIONS: usize = 640;

/// Events of the log, at most, that tell when rules acted last.
const LOOKED_AT: usize = 2000;

/// An event is told later than another and is earlier by so much at most: a detector's has the time of
/// its picture. What is still earlier says that the clock was set back.
const LATE: Duration = Duration::from_secs(10);

/// Remembers when a rule acted last, for each source.
#[derive(Debug, Default)]
pub struct Linkage {
    last: HashMap<(RuleId, Source), (Utc, Ulid)>,
}

impl Linkage {
    /// What an event that begins leads to, numbered.
    pub fn plan(&mut self, event: &EventRecord, config: &Config, zone: &TimeZone) -> Vec<Action> {
        let mut wanted: Vec<(Option<RuleId>, Command)> = Vec::new();
        if let Some(camera) = event
            .source
            .camera()
            .filter(|camera| is_own(event.kind, camera, config))
        {
            wanted.push((None, Command::Record(camera.clone())));
        }
        for rule in config.rules.iter().filter(|rule| rule.enabled) {
            if self.acts(rule, event, zone) {
                wanted.extend(commands(rule).map(|command| (Some(rule.id.clone()), command)));
            }
        }
        let mut actions: Vec<Action> = Vec::with_capacity(wanted.len());
        for (rule, command) in wanted {
            let (what, target) = command.parts();
            // The first rule that wants it gets it done.
            if actions
                .iter()
                .any(|action| action.what == what && action.target == target)
            {
                continue;
            }
            if actions.len() == MOST_ACTIONS {
                tracing::warn!(event = %event.id, "its rules want more than {MOST_ACTIONS} actions: the others are left out");
                break;
            }
            actions.push(Action {
                number: u16::try_from(actions.len()).unwrap_or(u16::MAX),
                rule,
                what: what.to_owned(),
                target,
                state: ActionState::Planned,
                at: None,
                detail: None,
            });
        }
        actions
    }

    fn acts(&mut self, rule: &Rule, event: &EventRecord, zone: &TimeZone) -> bool {
        if !rule.is_about(event.kind, &event.source) || !rule.schedule.is_on(event.start, zone) {
            return false;
        }
        let last = self.last.entry((rule.id.clone(), event.source.clone()));
        let quiet = i64::try_from(rule.min_interval.as_micros()).unwrap_or(i64::MAX);
        match last {
            hash_map::Entry::Occupied(mut last) => {
                let (at, id) = *last.get();
                let since = event.start.micros_since(at);
                // After the clock was set back nothing is known of the time between. The same event
                // comes again where the registry began anew before it had decided.
                let set_back = at.since(event.start) > LATE;
                let again = since >= quiet || quiet == 0 || set_back || id == event.id;
                if again && (since >= 0 || set_back) {
                    last.insert((event.start, event.id));
                }
                again
            }
            hash_map::Entry::Vacant(last) => {
                last.insert((event.start, event.id));
                true
            }
        }
    }

    /// Which events of the log tell when rules acted last; `None`: no rule asks for it.
    pub fn asks(rules: &[Rule], now: Utc) -> Option<Query> {
        let rare = || rules.iter().filter(|rule| !rule.min_interval.is_zero());
        let longest = rare().map(|rule| rule.min_interval).max()?;
        Some(Query {
            from: Some(now - longest),
            kinds: rare().flat_map(|rule| rule.on.iter().copied()).collect(),
            limit: LOOKED_AT,
            ..Query::default()
        })
    }

    /// Events of before, with what was done about them.
    pub fn remember(&mut self, events: &[EventRecord]) {
        for event in events {
            for rule in event.actions.iter().filter_map(|action| action.rule.clone()) {
                let last = self.last.entry((rule, event.source.clone()));
                let last = last.or_insert((event.start, event.id));
                if last.0 < event.start {
                    *last = (event.start, event.id);
                }
            }
        }
    }

    /// Forgets rules that are no more.
    pub fn keep(&mut self, rules: &[Rule]) {
        self.last.retain(|(id, _), _| rules.iter().any(|rule| rule.id == *id));
    }
}

fn commands(rule: &Rule) -> impl Iterator<Item = Command> {
    let vigie_config::Actions {
        record,
        snapshot,
        outputs,
        buzzer,
        popup_video,
        popup_message,
        email,
        push,
    } = &rule.actions;
    let record = record.iter().cloned().map(Command::Record);
    let snapshots = snapshot.iter().cloned().map(Command::Snapshot);
    let outputs = outputs.iter().cloned().map(Command::Output);
    let videos = popup_video.iter().cloned().map(Command::PopupVideo);
    let buzzer = buzzer.then_some(Command::Buzzer);
    let message = popup_message.then_some(Command::PopupMessage);
    let mails = email.iter().cloned().map(Command::Email);
    let pushes = push.iter().cloned().map(Command::Push);
    record
        .chain(snapshots)
        .chain(outputs)
        .chain(buzzer)
        .chain(videos)
        .chain(message)
        .chain(mails)
        .chain(pushes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::registry::{
        Event,
        lifecycle::{Change, Lifecycle},
    };

    fn config(rules: &str) -> Config {
        let text = format!(
            "[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n\
             [[camera]]\nid = \"gate\"\nmain.url = \"test://\"\nrecord.mode = \"events\"\n[[camera]]\nid = \"yard\"\nmain.url = \"test://\"\n\
             [[input]]\nid = \"door\"\nkind = \"http\"\ntoken = \"0123456789abcdef\"\n\
             [[schedule]]\nid = \"nights\"\ndaily = [\"22:00-06:00\"]\n{rules}"
        );
        Config::parse(&text, &|_| None).unwrap().0
    }

    fn at(text: &str) -> Utc {
        text.parse().unwrap()
    }

    fn record(kind: EventKind, source: &str, at: Utc) -> EventRecord {
        let event = Event::new(kind, source.parse().unwrap(), "").at(at);
        match Lifecycle::default().take(&event).remove(0) {
            Change::Begun(record) => record,
            other => panic!("{other:?}"),
        }
    }

    fn shown(actions: &[Action]) -> Vec<String> {
        let show = |action: &Action| {
            let rule = action.rule.as_ref().map_or("-", RuleId::as_str);
            let target = action.target.as_deref().unwrap_or("-");
            format!("{} {rule} {} {target}", action.number, action.what)
        };
        actions.iter().map(show).collect()
    }

    #[test]
    fn rules_act_on_their_schedule_and_not_too_often() {
        let config = config(
            "[[rule]]\nid = \"night\"\non = [\"sensor\"]\nfrom = [\"door\"]\nschedule = \"nights\"\nmin_interval = \"30s\"\n\
             record = [\"*\"]\npopup_message = true",
        );
        let mut linkage = Linkage::default();
        let mut plan = |text: &str| {
            let event = record(EventKind::Sensor, "input:door", at(text));
            shown(&linkage.plan(&event, &config, &TimeZone::UTC))
        };
        let all = ["0 night record gate", "1 night record yard", "2 night popup_message -"];
        assert!(plan("2026-11-20T21:59:59Z").is_empty());
        assert_eq!(plan("2026-11-20T22:00:00Z"), all);
        assert!(plan("2026-11-20T22:00:29Z").is_empty());
        assert_eq!(plan("2026-11-20T22:00:30Z"), all);
        assert!(plan("2026-11-20T22:00:29.7Z").is_empty(), "told late");
        assert!(plan("2026-11-20T22:00:59Z").is_empty());
        assert_eq!(plan("2026-11-20T22:00:10Z"), all, "the clock was set back");
    }

    #[test]
    fn a_rule_keeps_its_interval_over_restarts() {
        let config = config(
            "[[rule]]\nid = \"r\"\non = [\"sensor\"]\nmin_interval = \"7d\"\nrecord = [\"gate\"]\n\
             [[rule]]\nid = \"always\"\non = [\"sensor\", \"motion\"]\nrecord = [\"yard\"]",
        );
        let mut before = Linkage::default();
        let mut told = Vec::new();
        for text in ["2026-11-20T22:00:00Z", "2026-11-21T22:00:00Z"] {
            let mut event = record(EventKind::Sensor, "input:door", at(text));
            event.actions = before.plan(&event, &config, &TimeZone::UTC);
            told.push(event);
        }
        let asked = Linkage::asks(&config.rules, at("2026-11-27T22:00:00Z")).unwrap();
        assert_eq!(asked.from, Some(at("2026-11-20T22:00:00Z")));
        assert_eq!(asked.kinds, [EventKind::Sensor]);
        assert!(Linkage::asks(&config.rules[1..], at("2026-11-27T22:00:00Z")).is_none());
        told.reverse();
        let mut after = Linkage::default();
        after.remember(&told);
        let mut plan = |text: &str| {
            let event = record(EventKind::Sensor, "input:door", at(text));
            shown(&after.plan(&event, &config, &TimeZone::UTC))
        };
        assert_eq!(plan("2026-11-27T21:59:59Z"), ["0 always record yard"]);
        assert_eq!(
            plan("2026-11-27T22:00:00Z"),
            ["0 r record gate", "1 always record yard"]
        );
    }

    #[test]
    fn the_same_event_again_leads_to_the_same() {
        let config = config("[[rule]]\nid = \"r\"\non = [\"sensor\"]\nmin_interval = \"30s\"\nrecord = [\"gate\"]");
        let mut linkage = Linkage::default();
        let event = record(EventKind::Sensor, "input:door", at("2026-11-20T22:00:00Z"));
        let first = linkage.plan(&event, &config, &TimeZone::UTC);
        assert_eq!(first.len(), 1);
        assert_eq!(linkage.plan(&event, &config, &TimeZone::UTC), first);
    }

    #[test]
    fn a_camera_is_recorded_on_its_own_motion_once() {
        let without_rules = config("");
        let config = config("[[rule]]\nid = \"r\"\non = [\"motion\"]\nrecord = [\"gate\", \"yard\"]");
        let event = record(EventKind::Motion, "camera:gate", at("2026-11-20T22:00:00Z"));
        let actions = Linkage::default().plan(&event, &config, &TimeZone::UTC);
        assert_eq!(shown(&actions), ["0 - record gate", "1 r record yard"]);
        // One that is never recorded on motion is not told to have failed at it.
        let event = record(EventKind::Motion, "camera:yard", at("2026-11-20T22:00:00Z"));
        let nothing = Linkage::default().plan(&event, &without_rules, &TimeZone::UTC);
        assert_eq!(shown(&nothing), [""; 0]);
        assert_eq!(
            Command::of(&actions[1]),
            Some(Command::Record(CameraId::new("yard").unwrap()))
        );
    }

    proptest! {
        /// Against a plain reading of the rules: each acts on what it is about, at its time, at most
        /// once in its interval for each source, also where one is told late; and numbers are places.
        #[test]
        fn as_the_rules_say(
            rules in proptest::collection::vec((0usize..3, 0usize..4, any::<bool>(), 0i64..50, any::<bool>()), 1..5),
            events in proptest::collection::vec((0usize..3, 0usize..3, prop_oneof![8 => 0i64..40, 2 => -15i64..0]), 1..40),
        ) {
            let kinds = ["motion", "sensor", "disk_error"];
            let from = ["", "from = [\"camera:gate\"]", "from = [\"input:door\"]", "from = [\"disk:d1\", \"camera:yard\"]"];
            let text: String = rules.iter().enumerate().map(|(n, (kind, source, night, interval, enabled))| format!(
                "[[rule]]\nid = \"r{n}\"\non = [\"{}\"]\n{}\nenabled = {enabled}\nmin_interval = \"{interval}s\"\n{}record = [\"yard\"]\n",
                kinds[*kind], from[*source], if *night { "schedule = \"nights\"\n" } else { "" },
            )).collect();
            let config = config(&text);
            let mut linkage = Linkage::default();
            let mut last = std::collections::BTreeMap::new();
            let sources = [("camera:gate", [0, 1]), ("input:door", [0, 2]), ("disk:d1", [0, 3])];
            let mut now = at("2026-11-20T21:58:00Z");
            for (kind, source, later) in events {
                now = now.plus_micros(later * 1_000_000);
                let (name, fitting) = sources[source];
                let event = record(kinds[kind].parse().unwrap(), name, now);
                let actions = linkage.plan(&event, &config, &TimeZone::UTC);
                let mut expected = None;
                for (n, (of, from, night, interval, enabled)) in rules.iter().enumerate() {
                    let right = *of == kind && fitting.contains(from) && *enabled
                        && (!night || now >= at("2026-11-20T22:00:00Z"));
                    let since = last.get(&(n, source)).map(|at: &Utc| now.micros_since(*at) / 1_000_000);
                    let due = since.is_none_or(|since| since >= *interval || since < -10 || *interval == 0);
                    if right && due {
                        if since.is_none_or(|since| !(-10..0).contains(&since)) {
                            last.insert((n, source), now);
                        }
                        expected.get_or_insert(format!("r{n}"));
                    }
                }
                let own = kind == 0 && source == 0;
                let seen: Vec<_> = actions.iter().filter_map(|a| a.rule.as_ref().map(|r| r.as_str().to_owned())).collect();
                prop_assert_eq!(seen, expected.into_iter().collect::<Vec<_>>());
                prop_assert_eq!(actions.iter().any(|a| a.rule.is_none()), own);
                for (place, action) in actions.iter().enumerate() {
                    prop_assert_eq!(usize::from(action.number), place);
                }
            }
        }
    }
}
