//! An event, what was done about it, and the entries that tell both.
//!
//! Belongs here: what the entries mean for an event. Does not belong here: how they lie on disk
//! ([`super::stored`]).

use serde::{Deserialize, Serialize};
use ulid::Ulid;
use vigie_config::{CameraId, EventKind, RuleId, Severity, Source, Utc};

/// What happened, as far as it is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRecord {
    pub id: Ulid,
    pub kind: EventKind,
    pub source: Source,
    pub start: Utc,
    /// `None`: not over yet. Equal to `start`: a moment. Never before it.
    pub end: Option<Utc>,
    pub severity: Severity,
    pub text: String,
    #[serde(default)]
    pub payload: Option<serde_json::Value>,
    #[serde(default)]
    pub actions: Vec<Action>,
}

/// One thing that follows an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Its place in the event: (event, number) says that it is the same when it is tried again.
    pub number: u16,
    pub rule: Option<RuleId>,
    /// Such as `record` or `email`.
    pub what: String,
    pub target: Option<String>,
    pub state: ActionState,
    pub at: Option<Utc>,
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionState {
    /// To be done, or being tried again.
    Planned,
    Done,
    Failed,
    /// It was too late for it.
    Expired,
    /// Another action did it too.
    Merged,
}

/// What is appended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// Ignored when the event is known already.
    Begun(EventRecord),
    /// The first one counts; before the start (a clock that stepped) it means the start.
    Ended { id: Ulid, at: Utc },
    /// Counts while the action is planned: once it is anything else it stays so.
    Outcome {
        id: Ulid,
        number: u16,
        state: ActionState,
        at: Utc,
        detail: Option<String>,
    },
}

/// A place in the order of writing; 0: before the first entry.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl EventRecord {
    /// Over, and none of its actions is planned: nothing changes it any more.
    pub fn is_settled(&self) -> bool {
        self.end.is_some() && !self.has_planned()
    }

    pub fn has_planned(&self) -> bool {
        self.actions.iter().any(|action| action.state == ActionState::Planned)
    }

    pub(super) fn end_at(&mut self, at: Utc) {
        let start = self.start;
        self.end.get_or_insert(at.max(start));
    }

    pub(super) fn outcome(&mut self, number: u16, state: ActionState, at: Utc, detail: Option<String>) {
        let mut actions = self.actions.iter_mut();
        let planned = |action: &&mut Action| action.number == number && action.state == ActionState::Planned;
        if let Some(action) = actions.find(planned) {
            action.state = state;
            action.at = Some(at);
            action.detail = detail;
        }
    }

    /// Some of it lies in [from, to).
    pub(super) fn touches(&self, from: Utc, to: Utc) -> bool {
        self.start < to && (self.start >= from || self.end.is_none_or(|end| end > from))
    }

    /// The cameras it is about: that of its source, and those that its payload lists.
    pub(super) fn is_about(&self, camera: &CameraId) -> bool {
        let listed = self
            .payload
            .as_ref()
            .and_then(|payload| payload.get("cameras")?.as_array());
        let mut listed = listed.into_iter().flatten();
        self.source.camera() == Some(camera) || listed.any(|id| id.as_str() == Some(camera.as_str()))
    }

    /// The order of pages: newest last.
    pub(super) fn key(&self) -> Key {
        (self.start, self.id)
    }
}

/// Start and id.
pub(super) type Key = (Utc, Ulid);

/// When the id was made.
pub(super) fn made_at(id: Ulid) -> Utc {
    Utc::from_micros(i64::try_from(id.timestamp_ms()).map_or(i64::MAX, |ms| ms.saturating_mul(1000)))
}
