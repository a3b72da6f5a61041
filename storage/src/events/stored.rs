//! The lines of a day's file.
//!
//! ```text
//! {"log":{"format":1,"at":…,"first":51,"carried":2,"known_from":1,"strays":[[1,…,…]]}}
//! {"carried":{"times":0,"event":{…}}}               an event of before that is not settled
//! {"begun":{"seq":51,"event":{…}}}
//! {"ended":{"seq":52,"id":…,"at":…,"start":…,"kind":…,"source":…}}
//! {"outcome":{"seq":53,"id":…,"number":0,"state":"done","at":…,"detail":null}}
//! ```
//! Belongs here: their JSON, whole or at a glance. Does not belong here: the checksum around it
//! ([`crate::line`]), reading files ([`super::lines`]).

use serde::{Deserialize, Serialize, de::IgnoredAny};
use ulid::Ulid;
use vigie_config::{CameraId, EventKind, Severity, Source, Utc};

use super::record::{ActionState, Entry, EventRecord, Key};

pub(super) const FORMAT: u32 = 1;

/// The first line of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    pub format: u32,
    pub at: Utc,
    /// The sequence number of the first entry.
    pub first: u64,
    /// So many lines that follow are carried events.
    pub carried: usize,
    /// Of the files since this first number it is known which times they hold.
    pub known_from: u64,
    /// Earlier files with times outside their day: first number, earliest, latest (µs).
    pub strays: Vec<(u64, i64, i64)>,
}

// Externally tagged: the other forms are read by way of a buffer, which costs twice the time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stored {
    Log(Head),
    Carried {
        /// On how many days it was carried since it was over.
        times: u8,
        event: EventRecord,
    },
    Begun {
        seq: u64,
        event: EventRecord,
    },
    Ended {
        seq: u64,
        id: Ulid,
        at: Utc,
        /// Of its event, for who reads only this file; absent: the event was not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start: Option<Utc>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<EventKind>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<Source>,
    },
    Outcome {
        seq: u64,
        id: Ulid,
        number: u16,
        state: ActionState,
        at: Utc,
        detail: Option<String>,
    },
}

pub(super) enum Decoded {
    Line(Stored),
    /// The head of a newer format.
    Newer(u32),
    Damaged,
}

pub(super) fn decode(text: &[u8]) -> Decoded {
    #[derive(Deserialize)]
    struct Any {
        log: Format,
    }
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let head = |text| serde_json::from_slice::<Any>(text).map(|any| any.log.format);
    match serde_json::from_slice(text) {
        Ok(Stored::Log(head)) if head.format > FORMAT => Decoded::Newer(head.format),
        Ok(line) => Decoded::Line(line),
        Err(_) => match head(text) {
            Ok(format) if format > FORMAT => Decoded::Newer(format),
            _ => Decoded::Damaged,
        },
    }
}

impl Stored {
    /// `of`: the event that ends.
    pub fn new(seq: u64, entry: Entry, of: Option<&EventRecord>) -> Stored {
        match entry {
            Entry::Begun(event) => Stored::Begun { seq, event },
            Entry::Ended { id, at } => Stored::Ended {
                seq,
                id,
                at,
                start: of.map(|event| event.start),
                kind: of.map(|event| event.kind),
                source: of.map(|event| event.source.clone()),
            },
            Entry::Outcome {
                id,
                number,
                state,
                at,
                detail,
            } => Stored::Outcome {
                seq,
                id,
                number,
                state,
                at,
                detail,
            },
        }
    }

    /// The entry and its number; `None`: a head, or a carried event.
    pub fn into_entry(self) -> Option<(u64, Entry)> {
        match self {
            Stored::Log(_) | Stored::Carried { .. } => None,
            Stored::Begun { seq, event } => Some((seq, Entry::Begun(event))),
            Stored::Ended { seq, id, at, .. } => Some((seq, Entry::Ended { id, at })),
            Stored::Outcome {
                seq,
                id,
                number,
                state,
                at,
                detail,
            } => Some((
                seq,
                Entry::Outcome {
                    id,
                    number,
                    state,
                    at,
                    detail,
                },
            )),
        }
    }
}

/// What a query looks at first: nothing is copied.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Glance<'a> {
    Log(IgnoredAny),
    Carried {
        #[serde(borrow)]
        event: Seen<'a>,
    },
    Begun {
        #[serde(borrow)]
        event: Seen<'a>,
    },
    Ended {
        id: &'a str,
        at: &'a str,
    },
    Outcome {
        id: &'a str,
    },
}

#[derive(Deserialize)]
pub(super) struct Seen<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    pub source: &'a str,
    pub start: &'a str,
    pub end: Option<&'a str>,
    pub severity: Severity,
    pub payload: Option<IgnoredAny>,
}

impl Seen<'_> {
    /// `None`: not as we write it.
    pub fn key(&self) -> Option<Key> {
        Some((self.start.parse().ok()?, Ulid::from_string(self.id).ok()?))
    }

    /// Its source is this camera, or a stream of it.
    pub fn is_from(&self, camera: &CameraId) -> bool {
        match self.source.split_once(':') {
            Some(("camera", id)) => id == camera.as_str(),
            Some(("stream", id)) => id.split_once('/').is_some_and(|(id, _)| id == camera.as_str()),
            _ => false,
        }
    }
}

/// It tells of this event: the id comes early in every line, so most need not be parsed.
pub(super) fn is_of(text: &[u8], id: &str) -> bool {
    const EARLY: usize = 96;
    let early = text.get(..EARLY).unwrap_or(text);
    early.windows(id.len()).any(|part| part == id.as_bytes())
}

/// It begins an event, and changes none.
pub(super) fn is_begun(text: &[u8]) -> bool {
    text.starts_with(b"{\"begun\"")
}

impl<'a> Glance<'a> {
    pub fn at(text: &'a [u8]) -> Option<Glance<'a>> {
        serde_json::from_slice(text).ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The longest numbers do not push the id out of where it is looked for.
    #[test]
    fn a_line_is_known_by_its_beginning() {
        let event: EventRecord = serde_json::from_value(serde_json::json!({
            "id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "kind": "motion", "source": "house",
            "start": "2026-11-20T09:41:00Z", "end": null, "severity": "info", "text": "it moves",
        }))
        .unwrap();
        let (id, at, seq) = (event.id, event.start, u64::MAX);
        let outcome = Entry::Outcome {
            id,
            number: 0,
            state: ActionState::Done,
            at,
            detail: None,
        };
        let ended = Entry::Ended { id, at };
        let begun = Stored::new(seq, Entry::Begun(event.clone()), None);
        let carried = Stored::Carried {
            times: 255,
            event: event.clone(),
        };
        let changes = [outcome, ended].map(|entry| Stored::new(seq, entry, Some(&event)));
        for line in [begun, carried].iter().chain(&changes) {
            let text = serde_json::to_vec(line).unwrap();
            assert!(is_of(&text, &id.to_string()) && !is_of(&text, &Ulid::nil().to_string()));
            assert_eq!(is_begun(&text), matches!(line, Stored::Begun { .. }));
            assert!(Glance::at(&text).is_some());
            assert!(matches!(decode(&text), Decoded::Line(again) if again == *line));
        }
    }
}
