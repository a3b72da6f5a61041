//! What one file gives to a page.
//!
//! A file is read at a glance; only what comes onto the page is decoded whole. What such an event
//! became in later files is looked up last.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use ulid::Ulid;
use vigie_config::Utc;

use super::{
    day::Span,
    error::EventLogError,
    filter::{Admitted, Filter},
    lines::{Lines, Place},
    record::{EventRecord, Key},
    stored::{Glance, Stored},
    view::{Events, View, take},
};

pub(super) enum Hit {
    Known(Arc<EventRecord>),
    /// Over by the end of file `number`: its line there, and those that change it.
    Line {
        number: usize,
        line: Place,
        changes: Vec<Place>,
    },
}

/// The last few by their keys.
pub(super) struct Best {
    room: usize,
    hits: BTreeMap<Key, Hit>,
}

impl Best {
    pub fn new(room: usize) -> Best {
        Best {
            room,
            hits: BTreeMap::new(),
        }
    }

    fn wants(&self, key: Key) -> bool {
        self.hits.len() < self.room || self.hits.first_key_value().is_some_and(|(least, _)| key > *least)
    }

    pub fn offer(&mut self, key: Key, hit: Hit) {
        if self.wants(key) {
            self.hits.insert(key, hit);
        }
        if self.hits.len() > self.room {
            self.hits.pop_first();
        }
    }

    /// Full, and nothing that starts by `at` can come onto it.
    pub fn is_settled_above(&self, at: Utc) -> bool {
        let least = self.hits.first_key_value();
        self.hits.len() >= self.room && least.is_some_and(|((start, _), _)| *start > at)
    }

    pub fn known(self) -> Vec<EventRecord> {
        let hits = self.hits.into_values().rev();
        let known = hits.filter_map(|hit| match hit {
            Hit::Known(event) => Some(EventRecord::clone(&event)),
            Hit::Line { .. } => None,
        });
        known.collect()
    }
}

struct Told {
    key: Key,
    end: Option<Utc>,
    line: Place,
}

/// Offers what one file tells and is not `known`; says which times it holds.
pub(super) fn scan(
    view: &View,
    number: usize,
    known: &HashSet<Ulid>,
    filter: &Filter,
    best: &mut Best,
) -> Result<Span, EventLogError> {
    let mut told: HashMap<Ulid, Told> = HashMap::new();
    let mut changes: Vec<(Ulid, Place)> = Vec::new();
    let file = view.files.get(number);
    let mut span = file.map_or(Span::ALL, |file| Span::of_day(file.day));
    let unknown = file.is_some_and(|file| file.span.is_none());
    view.each_line(number, |line, text| {
        if unknown && let Some((_, entry)) = view.stored(number, text)?.and_then(Stored::into_entry) {
            span.take(&entry);
        }
        match Glance::at(text) {
            Some(Glance::Begun { event } | Glance::Carried { event }) => {
                let key = match filter.admits_seen(&event) {
                    Admitted::Yes(key) => key,
                    Admitted::Perhaps(key) => match view.stored(number, text)? {
                        Some(Stored::Begun { event, .. } | Stored::Carried { event, .. })
                            if filter.admits_whatever_its_end(&event) =>
                        {
                            key
                        }
                        _ => return Ok(()),
                    },
                    Admitted::No => return Ok(()),
                };
                if !known.contains(&key.1) {
                    let end = event.end.and_then(|end| end.parse().ok());
                    told.entry(key.1).or_insert(Told { key, end, line });
                }
            }
            Some(Glance::Ended { id, at }) => {
                if let (Ok(id), Ok(at)) = (Ulid::from_string(id), at.parse())
                    && let Some(event) = told.get_mut(&id)
                {
                    event.end.get_or_insert(event.key.0.max(at));
                    changes.push((id, line));
                }
            }
            Some(Glance::Outcome { id }) => {
                let id = Ulid::from_string(id).ok().filter(|id| told.contains_key(id));
                changes.extend(id.map(|id| (id, line)));
            }
            Some(Glance::Log(_)) | None => {
                // A newer format is no damage.
                view.stored(number, text)?;
            }
        }
        Ok(())
    })?;
    // In the order of writing for each event.
    changes.sort_by_key(|(id, _)| *id);
    let of = |id: Ulid| -> Vec<Place> {
        let begin = changes.partition_point(|(other, _)| *other < id);
        let mine = changes.iter().skip(begin).take_while(|(other, _)| *other == id);
        mine.map(|(_, line)| *line).collect()
    };
    let mut unsettled = Events::new();
    for (id, event) in told {
        match event.end {
            None => {
                let whole = read_again(view, number, event.line, &of(id))?;
                unsettled.extend(whole.map(|event| (id, event)));
            }
            Some(end) if best.wants(event.key) && (event.key.0 >= filter.from || end > filter.from) => {
                let hit = Hit::Line {
                    number,
                    line: event.line,
                    changes: of(id),
                };
                best.offer(event.key, hit);
            }
            Some(_) => {}
        }
    }
    // Not over in this file, and over now: when it ended decides whether it is asked for.
    for event in view.follow(number, unsettled)?.into_values() {
        if filter.admits(&event) {
            best.offer(event.key(), Hit::Known(Arc::new(event)));
        }
    }
    Ok(span)
}

/// A line of a file and what changes it there, read again.
fn read_again(
    view: &View,
    number: usize,
    line: Place,
    changes: &[Place],
) -> Result<Option<EventRecord>, EventLogError> {
    let path = view.path(number);
    let Some(mut lines) = Lines::open(&path, u64::MAX)? else {
        return Ok(None);
    };
    let mut events = Events::new();
    for place in [&[line], changes].concat() {
        if let Some(text) = lines.again(place)?
            && let Some(stored) = view.stored(number, text)?
        {
            take(&mut events, stored);
        }
    }
    Ok(events.into_values().next())
}

/// The page, newest first.
pub(super) fn decode(view: &View, best: Best) -> Result<Vec<EventRecord>, EventLogError> {
    let mut page: BTreeMap<Key, EventRecord> = BTreeMap::new();
    // With actions that were still planned at the end of their file.
    let mut planned: HashMap<usize, Events> = HashMap::new();
    for (key, hit) in best.hits {
        match hit {
            Hit::Known(event) => drop(page.insert(key, EventRecord::clone(&event))),
            Hit::Line { number, line, changes } => {
                let Some(event) = read_again(view, number, line, &changes)? else {
                    continue;
                };
                if event.is_settled() {
                    page.insert(key, event);
                } else {
                    planned.entry(number).or_default().insert(event.id, event);
                }
            }
        }
    }
    for (number, events) in planned {
        let followed = view.follow(number, events)?;
        page.extend(followed.into_values().map(|event| (event.key(), event)));
    }
    Ok(page.into_values().rev().collect())
}
