//! What is asked for.

use serde::Serialize;
use ulid::Ulid;
use vigie_config::{CameraId, EventKind, Severity, Source, Utc};

use super::{
    day::Span,
    record::{EventRecord, Key},
    stored::Seen,
};

/// Events that touch [from, to) and are what all of the others say. Nothing set: all of them.
#[derive(Debug, Default, Clone)]
pub struct Query {
    pub from: Option<Utc>,
    pub to: Option<Utc>,
    pub kinds: Vec<EventKind>,
    pub sources: Vec<Source>,
    /// Of the source, or in the list `cameras` of the payload.
    pub cameras: Vec<CameraId>,
    pub min_severity: Option<Severity>,
    /// The page that goes on after this event: [`Page::next`] of the one before.
    pub before: Option<Ulid>,
    pub limit: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page {
    /// Newest first, by start, then by id.
    pub events: Vec<EventRecord>,
    /// There are more: ask for what is before this one.
    pub next: Option<Ulid>,
}

/// A query made ready.
pub(super) struct Filter<'q> {
    query: &'q Query,
    pub from: Utc,
    pub to: Utc,
    before: Option<Key>,
    sources: Vec<String>,
}

impl<'q> Filter<'q> {
    pub fn new(query: &'q Query, before: Option<Key>) -> Filter<'q> {
        Filter {
            query,
            from: query.from.unwrap_or(Utc::MIN),
            to: query.to.unwrap_or(Utc::MAX),
            before,
            sources: query.sources.iter().map(Source::to_string).collect(),
        }
    }

    /// Each event that is asked for is told by a file that covers some of this: it touches `from`,
    /// or it starts after it and by `to`, and not after the page before.
    pub fn covers(&self) -> Span {
        let before = self.before.map_or(Utc::MAX, |(start, _)| start);
        Span {
            from: self.from,
            to: before.min(self.to.plus_micros(-1)).max(self.from),
        }
    }

    /// Is it asked for?
    pub fn admits(&self, event: &EventRecord) -> bool {
        event.touches(self.from, self.to) && self.admits_whatever_its_end(event)
    }

    pub fn admits_whatever_its_end(&self, event: &EventRecord) -> bool {
        let query = self.query;
        let cameras = &query.cameras;
        self.may_begin(event.key())
            && query.min_severity.is_none_or(|least| event.severity >= least)
            && (query.kinds.is_empty() || query.kinds.contains(&event.kind))
            && (query.sources.is_empty() || query.sources.contains(&event.source))
            && (cameras.is_empty() || cameras.iter().any(|camera| event.is_about(camera)))
    }

    fn may_begin(&self, key: Key) -> bool {
        key.0 < self.to && self.before.is_none_or(|before| key < before)
    }

    /// What a glance can tell, without its end.
    pub fn admits_seen(&self, seen: &Seen) -> Admitted {
        let query = self.query;
        let fits = query.min_severity.is_none_or(|least| seen.severity >= least)
            && (query.kinds.is_empty() || query.kinds.iter().any(|kind| kind.as_str() == seen.kind))
            && (self.sources.is_empty() || self.sources.iter().any(|source| source == seen.source));
        let Some(key) = seen.key().filter(|key| fits && self.may_begin(*key)) else {
            return Admitted::No;
        };
        if query.cameras.is_empty() || query.cameras.iter().any(|camera| seen.is_from(camera)) {
            return Admitted::Yes(key);
        }
        match seen.payload {
            Some(_) => Admitted::Perhaps(key),
            None => Admitted::No,
        }
    }
}

pub(super) enum Admitted {
    Yes(Key),
    /// Its payload tells.
    Perhaps(Key),
    No,
}
