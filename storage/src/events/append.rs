//! How entries come to disk: numbered, to the newest file, or to a new one when the day is another or
//! the file has its size.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::Path,
    sync::Arc,
};

use ulid::Ulid;
use vigie_config::Utc;

use super::{
    bounds,
    current::Current,
    day::{DayFile, Span, midnight},
    error::EventLogError,
    load::Loaded,
    record::{Entry, EventRecord},
    stored::{FORMAT, Head, Stored},
};
use crate::line;

/// Of strays that a head lists: a line has 512 KiB.
const STRAYS: usize = 1000;

impl Loaded {
    /// The events that outcomes changed, as they are now.
    pub(super) fn append(
        &mut self,
        dir: &Path,
        now: Utc,
        file_bytes: u64,
        mut entries: Vec<Entry>,
    ) -> Result<Vec<Arc<EventRecord>>, EventLogError> {
        let mut begun: HashMap<Ulid, Arc<EventRecord>> = HashMap::new();
        entries.retain(|entry| match entry {
            Entry::Begun(event) if self.memory.get(event.id).is_some() || begun.contains_key(&event.id) => false,
            Entry::Begun(event) => begun.insert(event.id, Arc::new(event.clone())).is_none(),
            Entry::Ended { .. } | Entry::Outcome { .. } => true,
        });
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        self.current = self
            .current
            .take()
            .filter(|current| current.day == midnight(now) && current.appended() < file_bytes)
            .and_then(Current::still_ours);
        let first = self.last + 1;
        let mut lines = Vec::new();
        for (number, entry) in (first..).zip(&entries) {
            let of = match entry {
                Entry::Ended { id, .. } => begun.get(id).or_else(|| self.memory.get(*id)),
                _ => None,
            };
            let stored = Stored::new(number, entry.clone(), of.map(Arc::as_ref));
            lines.extend(line::encode(&stored).map_err(|error| self.failed(dir, error))?);
        }
        let written = match &mut self.current {
            Some(current) => current.append(&lines),
            None => self.begin_file(dir, now, &lines),
        };
        if let Err(error) = written {
            return Err(self.failed(dir, error));
        }
        self.last += entries.len() as u64;
        // `None`: memory holds it still.
        let mut changed: BTreeMap<Ulid, Option<Arc<EventRecord>>> = BTreeMap::new();
        for entry in entries {
            if let Some(span) = self.files.last_mut().and_then(|file| file.span.as_mut()) {
                span.take(&entry);
            }
            if let Entry::Outcome { id, .. } = &entry {
                changed.entry(*id).or_default();
            }
            if let Some(forgotten) = self.memory.apply(entry)
                && let Some(changed) = changed.get_mut(&forgotten.id)
            {
                *changed = Some(forgotten);
            }
        }
        let now = |(id, forgotten): (Ulid, Option<_>)| forgotten.or_else(|| self.memory.get(id).cloned());
        Ok(changed.into_iter().filter_map(now).collect())
    }

    fn begin_file(&mut self, dir: &Path, now: Utc, lines: &[u8]) -> io::Result<()> {
        let file = DayFile::new(now, self.last + 1);
        let new_day = self.files.last().is_none_or(|last| last.day != file.day);
        let carried = self.memory.to_carry(new_day);
        let mut text = line::encode(&Stored::Log(self.head(now, file.first, carried.len())))?;
        for (times, event) in &carried {
            text.extend(line::encode(&Stored::Carried {
                times: *times,
                event: bounds::carriable(event).into_owned(),
            })?);
        }
        let top = text.len() as u64;
        text.extend_from_slice(lines);
        let path = file.path(dir);
        match Current::create(&path, file.day, top, &text) {
            Ok(current) => {
                self.current = Some(current);
                self.files.push(file);
                self.memory.carried(&carried, now);
                Ok(())
            }
            Err(error) => {
                // The name is not used again: what is left of it may still be there.
                self.last += 1;
                Err(error)
            }
        }
    }

    fn head(&self, now: Utc, first: u64, carried: usize) -> Head {
        let stray = |file: &DayFile| {
            let span = file.span.filter(|span| *span != Span::of_day(file.day))?;
            Some((file.first, span.from.as_micros(), span.to.as_micros()))
        };
        let (mut strays, mut known_from) = (Vec::new(), first);
        for file in self.files.iter().rev().take_while(|file| file.span.is_some()) {
            if strays.len() == STRAYS {
                break;
            }
            strays.extend(stray(file));
            known_from = file.first;
        }
        Head {
            format: FORMAT,
            at: now,
            first,
            carried,
            known_from,
            strays,
        }
    }

    fn failed(&self, dir: &Path, error: io::Error) -> EventLogError {
        let path = match (&self.current, self.files.last()) {
            (Some(_), Some(file)) => file.path(dir),
            _ => dir.to_owned(),
        };
        EventLogError::Io {
            what: "write to",
            path,
            error,
        }
    }
}
