//! A fact on its way to the registry.

use serde_json::Value;
use ulid::Ulid;
use vigie_config::{DiskId, EventKind, Source, StreamId, Utc};
use vigie_storage::events::EventRecord;

/// Something happened, or is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Of the event that begins; of none that is over.
    pub id: Ulid,
    pub at: Utc,
    pub kind: EventKind,
    pub source: Source,
    /// What goes on since it was told is over. Of what goes on only once, so of each kind and
    /// source, the second beginning is none.
    pub over: bool,
    /// Over is only what goes on under this id; `None`: whatever goes on.
    pub of: Option<Ulid>,
    /// Another program tells it: its word neither counts for ours, nor ours for its.
    pub foreign: bool,
    pub text: String,
    pub payload: Option<Value>,
}

impl Event {
    pub fn new(kind: EventKind, source: Source, text: impl Into<String>) -> Self {
        let at = Utc::now();
        Self {
            id: new_id(at),
            at,
            kind,
            source,
            over: false,
            of: None,
            foreign: false,
            text: text.into(),
            payload: None,
        }
    }

    pub fn house(kind: EventKind, text: impl Into<String>) -> Self {
        Self::new(kind, Source::House, text)
    }

    pub fn stream(kind: EventKind, stream: StreamId, text: impl Into<String>) -> Self {
        Self::new(kind, Source::Stream(stream), text)
    }

    pub fn disk(kind: EventKind, disk: DiskId, text: impl Into<String>) -> Self {
        Self::new(kind, Source::Disk(disk), text)
    }

    /// The end of what goes on.
    pub fn over(kind: EventKind, source: Source) -> Self {
        Self {
            over: true,
            ..Self::new(kind, source, "")
        }
    }

    /// The end of this one, and of none that came after it.
    pub fn over_of(kind: EventKind, source: Source, of: Ulid) -> Self {
        Self {
            of: Some(of),
            ..Self::over(kind, source)
        }
    }

    /// Another program tells it.
    pub fn of_a_program(self) -> Self {
        Self { foreign: true, ..self }
    }

    /// It happened then, not now.
    pub fn at(self, at: Utc) -> Self {
        Self {
            at,
            id: new_id(at),
            ..self
        }
    }

    /// What it is in the log when it begins; a moment is over at once.
    pub fn begun(&self) -> EventRecord {
        EventRecord {
            id: self.id,
            kind: self.kind,
            source: self.source.clone(),
            start: self.at,
            end: (!self.kind.is_lasting()).then_some(self.at),
            severity: self.kind.severity(),
            text: self.text.clone(),
            payload: self.payload.clone(),
            actions: Vec::new(),
        }
    }

    pub fn with(self, payload: Value) -> Self {
        Self {
            payload: Some(payload),
            ..self
        }
    }
}

/// Ids sort by the time of their events.
fn new_id(at: Utc) -> Ulid {
    let millis = u64::try_from(at.as_micros() / 1000).unwrap_or(0);
    Ulid::from_parts(millis, Ulid::generate().random())
}
