//! How long the parts of an entry may be, so that a line stays below 512 KiB.
//!
//! What people read is cut, for an event is worth more than the end of its text. What programs
//! read (a payload, a target) is refused: cut, it would say something else.

use std::{borrow::Cow, io};

use ulid::Ulid;

use super::{
    error::EventLogError,
    record::{Entry, EventRecord},
};

const TEXT: usize = 4 << 10;
const PAYLOAD: usize = 64 << 10;
const ACTIONS: usize = 640;
/// Of a line as it is read; a longer one is damage.
pub(super) const LINE: usize = 512 << 10;
/// Of an event as it is appended: its actions may grow by their times, and it is carried on.
const EVENT: usize = 448 << 10;

/// The entry as it is kept.
pub(super) fn checked(entry: &Entry) -> Result<Entry, EventLogError> {
    let mut kept = entry.clone();
    match &mut kept {
        Entry::Begun(event) => check_event(event)?,
        Entry::Outcome {
            detail: Some(detail), ..
        } => cut(detail),
        Entry::Ended { .. } | Entry::Outcome { .. } => {}
    }
    Ok(kept)
}

fn check_event(event: &mut EventRecord) -> Result<(), EventLogError> {
    let (id, seen) = (event.id, event.actions.len());
    if seen > ACTIONS {
        return Err(EventLogError::TooMany {
            id,
            seen,
            limit: ACTIONS,
        });
    }
    if let Some(payload) = &event.payload {
        fits(id, "its payload", length(payload), PAYLOAD)?;
    }
    for action in &mut event.actions {
        fits(id, "what an action does", action.what.len(), TEXT)?;
        let target = action.target.as_ref().map_or(0, String::len);
        fits(id, "the target of an action", target, TEXT)?;
        if let Some(detail) = &mut action.detail {
            cut(detail);
        }
    }
    event.end = event.end.map(|end| end.max(event.start));
    cut(&mut event.text);
    fits(id, "all of it", length(event), EVENT)
}

fn fits(id: Ulid, what: &'static str, seen: usize, limit: usize) -> Result<(), EventLogError> {
    match seen <= limit {
        true => Ok(()),
        false => Err(EventLogError::TooLong { id, what, seen, limit }),
    }
}

/// As JSON, where a control character takes six bytes.
fn length(value: &impl serde::Serialize) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0 += text.len();
            Ok(text.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // What cannot be JSON is too long for it.
    serde_json::to_writer(&mut count, value).map_or(usize::MAX, |()| count.0)
}

impl Entry {
    /// About as many as it takes in the log.
    pub fn bytes(&self) -> usize {
        length(self)
    }
}

fn cut(text: &mut String) {
    const MARK: &str = "…";
    if text.len() > TEXT {
        let at = (0..=TEXT - MARK.len()).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(at.unwrap_or(0));
        text.push_str(MARK);
    }
}

/// An event that is carried on, with the outcomes since: without their details if it has to be.
pub(super) fn carriable(event: &EventRecord) -> Cow<'_, EventRecord> {
    if length(event) <= EVENT {
        return Cow::Borrowed(event);
    }
    let mut kept = event.clone();
    kept.actions.iter_mut().for_each(|action| action.detail = None);
    Cow::Owned(kept)
}
