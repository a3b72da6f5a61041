//! The words of a message, the same for mails and pushes. Pure.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use vigie_config::{Config, EventKind, Source, Utc};
use vigie_storage::{
    events::{Action, ActionState, EventRecord},
    outbox::{Message, Note},
};

use crate::registry::Command;

/// What things are called, and the clock of the site.
#[derive(Debug, Clone)]
pub struct Words {
    pub house: String,
    names: BTreeMap<Source, String>,
    zone: TimeZone,
}

impl Words {
    pub fn of(config: &Config, zone: TimeZone) -> Words {
        let cameras = config
            .cameras
            .iter()
            .map(|it| (Source::Camera(it.id.clone()), it.name.clone()));
        let inputs = config
            .inputs
            .iter()
            .map(|it| (Source::Input(it.id.clone()), it.name.clone()));
        let outputs = config
            .outputs
            .iter()
            .map(|it| (Source::Output(it.id.clone()), it.name.clone()));
        let name = plain(&config.server.name);
        Words {
            house: match name.to_lowercase().contains("vigie") {
                true => name,
                false => format!("Vigie {name}"),
            },
            names: cameras.chain(inputs).chain(outputs).collect(),
            zone,
        }
    }

    /// As people call it.
    pub fn source(&self, source: &Source) -> String {
        match (self.names.get(source), source) {
            (Some(name), _) => plain(name),
            (None, Source::House) => "the recorder".to_owned(),
            (None, Source::Stream(stream)) => {
                let camera = self.source(&Source::Camera(stream.camera.clone()));
                format!("{camera} ({})", stream.stream)
            }
            (None, Source::Camera(camera)) => camera.to_string(),
            (None, Source::Disk(disk)) => format!("disk {disk}"),
            (None, Source::Input(input)) => input.to_string(),
            (None, Source::Output(output)) => output.to_string(),
        }
    }

    /// Such as 14:03:07.
    pub fn clock(&self, at: Utc) -> String {
        at.timestamp()
            .to_zoned(self.zone.clone())
            .strftime("%H:%M:%S")
            .to_string()
    }

    /// One line that says it all.
    pub fn subject(&self, message: &Message) -> String {
        format!("{}: {}", self.house, self.headline(message))
    }

    /// The same without the house.
    pub fn headline(&self, message: &Message) -> String {
        let Some(first) = message.notes.first() else {
            return format!("{} events", message.count());
        };
        if message.count() == 1 {
            let source = self.source(&first.source);
            return format!("{source} — {}, {}", word(first.kind), self.clock(first.at));
        }
        let kinds: Vec<&str> = message.counts.keys().map(|kind| kind.as_str()).collect();
        let kinds = kinds.join(", ").replace('_', " ");
        let (from, to) = (self.clock(first.at), self.clock(message.last));
        format!("{} events — {kinds}, {from} to {to}", message.count())
    }

    /// What one event is.
    pub fn line(&self, note: &Note) -> String {
        let (clock, source, kind) = (self.clock(note.at), self.source(&note.source), word(note.kind));
        match plain(&note.text) {
            text if text.is_empty() => format!("{clock}  {source} — {kind}"),
            text => format!("{clock}  {source} — {kind}: {text}"),
        }
    }

    /// What is counted, where not every event has a line.
    pub fn tally(&self, message: &Message) -> Option<String> {
        let more = message.count().saturating_sub(message.notes.len() as u64);
        let counts = message
            .counts
            .iter()
            .map(|(kind, count)| format!("{count} × {}", word(*kind)));
        let counts: Vec<String> = counts.collect();
        (more > 0).then(|| format!("and {more} more; in all {}", counts.join(", ")))
    }

    /// What was done about an event, or why not.
    pub fn deeds(&self, event: &EventRecord) -> Vec<String> {
        let deed = |action: &Action| {
            let (done, what) = match Command::of(action)? {
                Command::Record(camera) => ("recorded", self.source(&Source::Camera(camera))),
                Command::Snapshot(camera) => ("photographed", self.source(&Source::Camera(camera))),
                Command::Buzzer => ("sounded", "buzzer".to_owned()),
                Command::Output(output) => ("switched on", self.source(&Source::Output(output))),
                Command::PopupVideo(_) | Command::PopupMessage | Command::Email(_) | Command::Push(_) => return None,
            };
            match (action.state, &action.detail) {
                (ActionState::Done, _) => Some(format!("{done}: {what}")),
                (ActionState::Planned, _) => Some(format!("to be {done}: {what}")),
                (_, Some(why)) => Some(format!("not {done}: {what} ({})", plain(why))),
                (_, None) => Some(format!("not {done}: {what}")),
            }
        };
        event.actions.iter().filter_map(deed).collect()
    }

    /// A few lines for a small screen.
    pub fn short(&self, message: &Message) -> String {
        const LINES: usize = 5;
        let mut lines: Vec<String> = message.notes.iter().take(LINES).map(|note| self.line(note)).collect();
        let more = message.count().saturating_sub(lines.len() as u64);
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        lines.join("\n")
    }
}

pub fn word(kind: EventKind) -> String {
    kind.as_str().replace('_', " ")
}

/// On one line, without what screens may take for orders.
pub fn plain(text: &str) -> String {
    let shown = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    shown.collect::<String>().trim().to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use ulid::Ulid;
    use vigie_storage::outbox::{ActionRef, Address};

    use super::*;

    pub fn words() -> Words {
        let text = "[server]\nname = \"Lobby\"\n[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n\
                    [[input]]\nid = \"door\"\nname = \"Back door\"\nkind = \"http\"\ntoken = \"0123456789abcdef\"\n\
                    [[camera]]\nid = \"gate\"\nname = \"Front gate\"\nmain.url = \"test://\"\n";
        let config = Config::parse(text, &|_| None).unwrap().0;
        Words::of(&config, TimeZone::get("Europe/Paris").unwrap())
    }

    pub fn message(count: u64, notes: u64) -> Message {
        let at: Utc = "2026-11-20T13:03:07Z".parse().unwrap();
        let note = |n: u64| Note {
            action: ActionRef(Ulid::from(u128::from(n)), 0),
            kind: EventKind::Sensor,
            source: "input:door".parse().unwrap(),
            at: at.plus_micros(i64::try_from(n).unwrap() * 1_000_000),
            text: "<b>bad</b>\nnews".into(),
        };
        Message {
            id: Ulid::from(99u128),
            to: Address {
                target: "owner".into(),
                part: String::new(),
            },
            opened: at,
            sealed: true,
            notes: (0..notes).map(note).collect(),
            counts: BTreeMap::from([(EventKind::Sensor, count)]),
            last: at.plus_micros(60_000_000),
            outcome: None,
        }
    }

    #[test]
    fn names_and_the_clock_of_the_site() {
        let words = words();
        let one = message(1, 1);
        assert_eq!(words.subject(&one), "Vigie Lobby: Back door — sensor, 14:03:07");
        assert_eq!(
            words.line(&one.notes[0]),
            "14:03:07  Back door — sensor: <b>bad</b> news"
        );
        let many = message(1000, 50);
        assert_eq!(
            words.subject(&many),
            "Vigie Lobby: 1000 events — sensor, 14:03:07 to 14:04:07"
        );
        assert_eq!(words.tally(&many).unwrap(), "and 950 more; in all 1000 × sensor");
        assert_eq!(words.short(&many).lines().count(), 6);
        assert_eq!(words.source(&"stream:gate/sub".parse().unwrap()), "Front gate (sub)");
    }
}
