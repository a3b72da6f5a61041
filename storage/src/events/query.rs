//! Pages of events.
//!
//! Memory is asked first: it holds every event that is later than what it forgot. If that does
//! not fill the page, the files that cover the time asked for are read (see [`super::day`]),
//! the latest first, until the page is full and no file that is left can hold a later start.

use std::collections::HashSet;

use ulid::Ulid;

use super::{
    day::Span,
    error::EventLogError,
    filter::{Filter, Page, Query},
    log::EventLog,
    record::{Entry, EventRecord, Position, made_at},
    scan::{Best, Hit, decode, scan},
    view::View,
};

impl EventLog {
    pub fn get(&self, id: Ulid) -> Result<Option<EventRecord>, EventLogError> {
        let view = {
            let mut inner = self.lock();
            let loaded = inner.loaded()?;
            if let Some(event) = loaded.memory.get(id) {
                return Ok(Some(EventRecord::clone(event)));
            }
            View::of(self.dir.clone(), loaded)
        };
        view.find(id)
    }

    /// What was appended after a position, in order. A position ahead of the log (its files were
    /// lost) is followed by nothing.
    pub fn since(&self, position: Position) -> Result<Vec<(Position, Entry)>, EventLogError> {
        let view = View::of(self.dir.clone(), self.lock().loaded()?);
        view.since(position)
    }

    pub fn query(&self, query: &Query) -> Result<Page, EventLogError> {
        let before = match query.before {
            // Not kept any more: it began about when its id was made.
            Some(id) => Some(self.get(id)?.map_or((made_at(id), id), |event| event.key())),
            None => None,
        };
        let filter = Filter::new(query, before);
        if query.limit == 0 || filter.from >= filter.to {
            return Ok(Page {
                events: Vec::new(),
                next: None,
            });
        }
        // One more tells whether there is another page.
        let mut best = Best::new(query.limit.saturating_add(1));
        let mut known = HashSet::new();
        let view = {
            let mut inner = self.lock();
            let loaded = inner.loaded()?;
            for event in loaded.memory.all().filter(|event| filter.admits(event)) {
                best.offer(event.key(), Hit::Known(event.clone()));
            }
            let forgotten = loaded.memory.forgotten();
            if filter.from > forgotten || best.is_settled_above(forgotten) {
                None
            } else {
                // Memory holds them whole: they need no file.
                known.extend(loaded.memory.all().map(|event| event.id));
                Some(View::of(self.dir.clone(), loaded))
            }
        };
        let mut events = match view {
            Some(view) => self.read(&view, &known, &filter, best)?,
            None => best.known(),
        };
        let more = events.len() > query.limit;
        events.truncate(query.limit);
        let next = events.last().filter(|_| more).map(|event| event.id);
        Ok(Page { events, next })
    }

    fn read(
        &self,
        view: &View,
        known: &HashSet<Ulid>,
        filter: &Filter,
        mut best: Best,
    ) -> Result<Vec<EventRecord>, EventLogError> {
        let asked = filter.covers();
        let wanted = view.spans.iter().enumerate().filter(|(_, span)| span.meets(asked));
        let mut left: Vec<usize> = wanted.map(|(number, _)| number).collect();
        left.sort_by_key(|number| view.spans.get(*number).map(|span| span.to));
        while let Some(number) = left.pop() {
            let span = scan(view, number, known, filter, &mut best)?;
            self.learn(view, number, span);
            if best.is_settled_above(view.latest_of(&left).min(asked.to)) {
                break;
            }
        }
        decode(view, best)
    }

    /// A file whose times were not known was read.
    fn learn(&self, view: &View, number: usize, span: Span) {
        let Some(file) = view.files.get(number).filter(|file| file.span.is_none()) else {
            return;
        };
        if let Ok(loaded) = self.lock().loaded() {
            let same = loaded.files.iter_mut().find(|known| known.first == file.first);
            if let Some(known) = same {
                known.span.get_or_insert(span);
            }
        }
    }
}
