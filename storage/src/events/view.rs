//! What a reader needs of the log, taken at one moment: files are read without holding up who
//! appends.
//!
//! Belongs here: events and entries out of files. Does not belong here: which events make a page
//! ([`super::query`]).

use std::{
    collections::{HashMap, hash_map},
    path::PathBuf,
    sync::Arc,
};

use ulid::Ulid;
use vigie_config::Utc;

use super::{
    day::{DayFile, Span, coverage},
    error::EventLogError,
    lines::Lines,
    load::{Loaded, Top, newer},
    record::{Entry, EventRecord, Position, made_at},
    stored::{Decoded, Glance, Stored, decode, is_begun, is_of},
};

pub(super) type Events = HashMap<Ulid, EventRecord>;

pub(super) struct View {
    dir: PathBuf,
    pub files: Vec<DayFile>,
    pub spans: Vec<Span>,
    /// Of the newest file.
    len: u64,
}

impl View {
    pub fn of(dir: PathBuf, loaded: &Loaded) -> View {
        View {
            dir,
            spans: coverage(&loaded.files),
            files: loaded.files.clone(),
            len: loaded.current.as_ref().map_or(u64::MAX, |current| current.len),
        }
    }

    pub fn path(&self, number: usize) -> PathBuf {
        self.files
            .get(number)
            .map(|file| file.path(&self.dir))
            .unwrap_or_default()
    }

    pub fn len(&self, number: usize) -> u64 {
        if number + 1 == self.files.len() {
            self.len
        } else {
            u64::MAX
        }
    }

    /// Reads every line of a file; `each` is told its text.
    pub fn each_line(
        &self,
        number: usize,
        mut each: impl FnMut(super::lines::Place, &[u8]) -> Result<(), EventLogError>,
    ) -> Result<(), EventLogError> {
        let path = self.path(number);
        // Deleted since: what was in it is no longer kept.
        let Some(mut lines) = Lines::open(&path, self.len(number))? else {
            return Ok(());
        };
        while let Some(line) = lines.next()? {
            if let Some(text) = line.text {
                each(line.place, text)?;
            }
        }
        Ok(())
    }

    pub fn stored(&self, number: usize, text: &[u8]) -> Result<Option<Stored>, EventLogError> {
        match decode(text) {
            Decoded::Line(stored) => Ok(Some(stored)),
            Decoded::Newer(seen) => Err(newer(&self.path(number), seen)),
            Decoded::Damaged => Ok(None),
        }
    }

    /// One event that memory does not hold.
    pub fn find(&self, id: Ulid) -> Result<Option<EventRecord>, EventLogError> {
        let made = made_at(id);
        let may_hold = |span: &Span| span.from <= made && made <= span.to;
        let numbers = self.spans.iter().enumerate().rev();
        for (number, _) in numbers.filter(|(_, span)| may_hold(span)) {
            let mut found = Events::new();
            let name = id.to_string();
            self.each_line(number, |_, text| {
                if is_of(text, &name)
                    && let Some(stored) = self.stored(number, text)?
                {
                    take(&mut found, stored);
                }
                Ok(())
            })?;
            if !found.is_empty() {
                return Ok(self.follow(number, found)?.remove(&id));
            }
        }
        Ok(None)
    }

    /// What became of events after the end of a file that tells of them.
    ///
    /// Each of the files that follow carries those that were not settled, up to the one that
    /// settled them: of the others only the top is read.
    pub fn follow(&self, number: usize, mut events: Events) -> Result<Events, EventLogError> {
        let (mut settled, mut waiting) = (Events::new(), Events::new());
        for (id, event) in events.drain() {
            let to = if event.is_settled() { &mut settled } else { &mut waiting };
            to.insert(id, event);
        }
        for next in number + 1..self.files.len() {
            if waiting.is_empty() {
                break;
            }
            let Some(top) = Top::read(&self.path(next), self.len(next))? else {
                // Nobody knows whom it carries: all of it is read.
                self.changes(next, &mut waiting)?;
                continue;
            };
            let carried: HashMap<Ulid, Arc<EventRecord>> =
                top.carried.into_iter().map(|(_, event)| (event.id, event)).collect();
            let gone = |id: &Ulid, _: &mut EventRecord| !carried.contains_key(id);
            let mut ending: Events = waiting.extract_if(gone).collect();
            if !ending.is_empty() && next > number + 1 {
                self.changes(next - 1, &mut ending)?;
            }
            // Its last line was damaged: it was over by then.
            ending.values_mut().for_each(|event| event.end_at(top.head.at));
            settled.extend(ending);
            for (id, event) in &mut waiting {
                if let Some(copy) = carried.get(id) {
                    *event = EventRecord::clone(copy);
                }
            }
        }
        if !waiting.is_empty() && number + 1 < self.files.len() {
            self.changes(self.files.len() - 1, &mut waiting)?;
        }
        settled.extend(waiting);
        Ok(settled)
    }

    /// What a file says of events that are known already.
    fn changes(&self, number: usize, events: &mut Events) -> Result<(), EventLogError> {
        self.each_line(number, |_, text| {
            if is_begun(text) {
                return Ok(());
            }
            let Some(Glance::Ended { id, .. } | Glance::Outcome { id }) = Glance::at(text) else {
                return Ok(());
            };
            if Ulid::from_string(id).is_ok_and(|id| events.contains_key(&id))
                && let Some(stored) = self.stored(number, text)?
            {
                take(events, stored);
            }
            Ok(())
        })
    }

    pub fn since(&self, position: Position) -> Result<Vec<(Position, Entry)>, EventLogError> {
        let mut found = Vec::new();
        let next = self.files.iter().skip(1).map(|file| file.first);
        for (number, next) in next.chain([u64::MAX]).take(self.files.len()).enumerate() {
            if next <= position.0.saturating_add(1) {
                continue;
            }
            self.each_line(number, |_, text| {
                let entry = self.stored(number, text)?.and_then(Stored::into_entry);
                let later = entry.filter(|(number, _)| *number > position.0);
                found.extend(later.map(|(number, entry)| (Position(number), entry)));
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// The latest time in any of these files.
    pub fn latest_of(&self, numbers: &[usize]) -> Utc {
        let spans = numbers.iter().filter_map(|number| self.spans.get(*number));
        spans.map(|span| span.to).max().unwrap_or(Utc::MIN)
    }
}

pub(super) fn take(events: &mut Events, stored: Stored) {
    match stored {
        Stored::Log(_) => {}
        Stored::Begun { event, .. } | Stored::Carried { event, .. } => {
            if let hash_map::Entry::Vacant(place) = events.entry(event.id) {
                place.insert(event);
            }
        }
        Stored::Ended { id, at, .. } => {
            if let Some(event) = events.get_mut(&id) {
                event.end_at(at);
            }
        }
        Stored::Outcome {
            id,
            number,
            state,
            at,
            detail,
            ..
        } => {
            if let Some(event) = events.get_mut(&id) {
                event.outcome(number, state, at, detail);
            }
        }
    }
}
