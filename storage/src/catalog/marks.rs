//! How marks open and close, and go on over full hours: every change is a ledger line first, and
//! rows follow from lines alone.
//!
//! Marks are split as footage goes on ([`MarkState::splits`]), so that their rows reach the index
//! and what is open began no more than an hour before the newest footage.

use vigie_config::{Causes, StreamId, Utc};

use super::{Book, Catalog, lock};
use crate::{
    ledger::{Entry, MarkState, SEAM_US, closed},
    rows::MarkRow,
};

impl Catalog {
    pub fn mark_opened(&self, stream: &StreamId, causes: Causes, from: Utc) {
        let book = self.book(stream);
        let mut book = lock(&book);
        for cause in causes.each() {
            if book.marks.opening(cause, from).is_some() {
                let from = self.continued(stream, cause, from);
                let entry = book.marks.opening(cause, from);
                self.enter_marks(stream, &mut book, entry);
            }
        }
    }

    pub fn mark_closed(&self, stream: &StreamId, causes: Causes, to: Utc) {
        let book = self.book(stream);
        self.close_marks(stream, &mut lock(&book), causes, to);
    }

    /// Whoever records the stream ended and left them open.
    pub fn marks_ended(&self, stream: &StreamId) {
        let book = self.book(stream);
        let mut book = lock(&book);
        if let Some(end) = book.last_end {
            self.close_marks(stream, &mut book, Causes::ALL, end);
        }
    }

    pub(super) fn close_marks(&self, stream: &StreamId, book: &mut Book, causes: Causes, to: Utc) {
        for cause in causes.each() {
            let entries = book.marks.closing(cause, to);
            self.enter_marks(stream, book, entries);
        }
    }

    /// There is footage up to `end`.
    pub(super) fn marks_go_on(&self, stream: &StreamId, book: &mut Book, end: Utc) {
        let entries = book.marks.splits(end);
        self.enter_marks(stream, book, entries);
    }

    fn enter_marks(&self, stream: &StreamId, book: &mut Book, entries: impl IntoIterator<Item = Entry>) {
        for entry in entries {
            self.enter(stream, book, Some(entry));
            book.marks_since.get_or_insert(book.marks.seq());
        }
    }

    /// Where the mark begins that one from `from` on would continue.
    fn continued(&self, stream: &StreamId, cause: Causes, from: Utc) -> Utc {
        let near = self.indexed_marks(stream, from.plus_micros(-SEAM_US - 1), from.plus_micros(1));
        let same = near.iter().filter(|row| row.cause == cause);
        same.map(|row| row.start).fold(from, Utc::min)
    }

    /// How marks stand by the ledgers; what another process left open is closed when all volumes
    /// have been looked at.
    pub fn restore_marks(&self, stream: &StreamId, state: MarkState) {
        self.seen_seq(state.seq());
        let book = self.book(stream);
        let mut book = lock(&book);
        let own = book.marks_since;
        book.marks.found(state, own);
    }

    /// A mark that was open when a process ended unasked is over where its footage ends.
    pub(super) fn close_left_marks(&self, stream: &StreamId, book: &mut Book) {
        for mark in book.marks.left().to_vec() {
            let until = book.recorded_from.unwrap_or(Utc::MAX);
            let rows = self.indexed(stream, mark.from, until);
            let end = rows.iter().map(|row| row.end).max().unwrap_or(mark.from);
            let ours = book.marks.since(mark.cause);
            self.enter_marks(stream, book, closed(mark.cause, mark.from, end));
            // It may go on with the old one, or the lines of that one ended it too.
            let from = ours.map(|from| self.continued(stream, mark.cause, from));
            let again = from.and_then(|from| book.marks.opening(mark.cause, from));
            self.enter_marks(stream, book, again);
        }
    }

    /// For each mark that is not over: a time of the day whose ledger says so.
    pub fn mark_days(&self) -> Vec<(StreamId, Utc)> {
        let days = |stream: StreamId| {
            let book = self.book(&stream);
            let book = lock(&book);
            let marks = book.marks.open().iter().chain(book.marks.left());
            marks.map(|mark| (stream.clone(), mark.from)).collect::<Vec<_>>()
        };
        self.known_streams().into_iter().flat_map(days).collect()
    }

    pub fn indexed_marks(&self, stream: &StreamId, from: Utc, to: Utc) -> Vec<MarkRow> {
        self.told(self.index.marks(stream, from, to)).unwrap_or_default()
    }

    pub fn put_mark(&self, row: &MarkRow) {
        self.told(self.index.put_mark(row));
    }

    pub fn remove_mark(&self, row: &MarkRow) {
        self.told(self.index.remove_mark(row));
    }
}
