//! How gaps open, change and close: every change is a ledger line first, and rows follow from
//! lines alone.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use vigie_config::{Causes, GapCause, StreamId, Utc};

use super::{Book, Catalog, lock};
use crate::{
    ledger::{Entry, GapState, Line, OpenGap},
    rows::GapRow,
};

/// Lines waiting for a volume to write them to.
const MAX_WAITING_LINES: usize = 10_000;
/// How far the last footage of streams recorded by one process may lie apart when it ends.
const CRASH_WINDOW_US: i64 = 120_000_000;

impl Catalog {
    pub(super) fn enter(&self, stream: &StreamId, book: &mut Book, entry: Option<Entry>) {
        let Some(entry) = entry else { return };
        let line = Line {
            seq: self.next_seq(),
            entry,
        };
        for row in book.gaps.apply(stream, &line) {
            self.told(self.index.put_gap(&row));
        }
        for piece in book.marks.apply(stream, &line) {
            self.put_mark(&piece);
        }
        if !(self.sink)(stream, &line) {
            let mut waiting = lock(&self.waiting);
            if waiting.len() < MAX_WAITING_LINES {
                waiting.push((stream.clone(), line));
            }
        }
    }

    /// Lines that no volume has taken yet: one is online now.
    pub fn send_waiting_lines(&self) {
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        for (stream, line) in waiting {
            if !(self.sink)(&stream, &line) {
                lock(&self.waiting).push((stream, line));
            }
        }
    }

    /// `start`: the end of the stream's last unit, or the beginning of its first one when not even
    /// that was stored. Nobody knows better here: never earlier.
    pub fn gap_opened(&self, stream: &StreamId, start: Utc, cause: GapCause) {
        let book = self.book(stream);
        let mut book = lock(&book);
        let entry = book.gaps.opening(start, cause);
        self.enter(stream, &mut book, entry);
    }

    /// Footage from `from` to `to` is not there any more. An open gap stays open.
    pub fn footage_lost(&self, stream: &StreamId, from: Utc, to: Utc) {
        let book = self.book(stream);
        self.enter_lost(stream, &mut lock(&book), from, to);
    }

    fn enter_lost(&self, stream: &StreamId, book: &mut Book, from: Utc, to: Utc) {
        let open = book.gaps.open().map(|gap| (gap.from, gap.cause));
        let (since, was, at) = (from, GapCause::Disk, to);
        self.enter(stream, book, Some(Entry::GapClose { since, from, was, at }));
        if let Some((at, cause)) = open {
            self.enter(stream, book, Some(Entry::GapOpen { at, cause }));
        }
    }

    /// A segment's file was deleted while it was written: its time is a gap, up to the next segment.
    pub fn segment_lost(&self, stream: &StreamId, token: u64) {
        let book = self.book(stream);
        let mut book = lock(&book);
        let Some(row) = book.open.remove(&token) else { return };
        let starts = book.open.values().map(|open| open.start);
        let next = starts.filter(|start| *start >= row.start).min();
        match next.or(book.gaps.open().map(|gap| gap.since)) {
            Some(end) if end > row.start => self.enter_lost(stream, &mut book, row.start, end),
            Some(_) => {}
            None => {
                let entry = book.gaps.opening(row.start, GapCause::Disk);
                self.enter(stream, &mut book, entry);
            }
        }
    }

    pub fn gap_cause(&self, stream: &StreamId, at: Utc, cause: GapCause) {
        let book = self.book(stream);
        let mut book = lock(&book);
        let entry = book.gaps.changing(at, cause);
        self.enter(stream, &mut book, entry);
    }

    pub fn gap_closed(&self, stream: &StreamId, end: Utc) {
        let book = self.book(stream);
        let mut book = lock(&book);
        let entry = book.gaps.closing(end);
        if entry.is_some() {
            book.explained = Some(end);
        }
        self.enter(stream, &mut book, entry);
    }

    pub fn recording_ended(&self, stream: &StreamId, at: Utc) {
        let book = self.book(stream);
        let mut book = lock(&book);
        self.close_marks(stream, &mut book, Causes::ALL, at);
        if book.gaps.ended() || (book.last_end.is_none() && book.gaps.open().is_none()) {
            return;
        }
        let close = book.gaps.closing(at);
        self.enter(stream, &mut book, close);
        self.enter(stream, &mut book, Some(Entry::Ended { at }));
    }

    /// Did the process before this one record the stream when it ended? Its footage then reaches
    /// about as far as that of any other stream.
    pub(super) fn was_recording(&self, stream: &StreamId) -> bool {
        let ends: Vec<(StreamId, Arc<Mutex<Book>>)> = {
            let streams = self.streams.read().unwrap_or_else(PoisonError::into_inner);
            streams.iter().map(|(id, book)| (id.clone(), book.clone())).collect()
        };
        let found = ends.iter().filter_map(|(id, book)| Some((id, lock(book).found_end?)));
        let found: HashMap<&StreamId, Utc> = found.collect();
        let newest = found.values().copied().max();
        match (found.get(stream), newest) {
            (Some(own), Some(newest)) => newest.micros_since(*own) <= CRASH_WINDOW_US,
            _ => false,
        }
    }

    /// Closes the marks of a crash, and opens its gap for a stream that was being recorded, had no
    /// gap open, and has not come back yet. Call when all volumes have been looked at.
    pub fn open_crash_gap(&self, stream: &StreamId) {
        let was_recording = self.was_recording(stream);
        let book = self.book(stream);
        let mut book = lock(&book);
        self.close_left_marks(stream, &mut book);
        if was_recording
            && !book.recorded
            && !book.gaps.ended()
            && let Some(end) = book.last_end
        {
            let began = self.began;
            // Opened while no disk was there: only the time of this process is the disk's.
            let blind =
                |gap: &&OpenGap| gap.cause == GapCause::Disk && gap.from < began && gap.seq >= began.as_micros();
            match book.gaps.open().filter(blind).map(|gap| gap.since) {
                Some(at) => {
                    let cause = GapCause::Crash;
                    self.enter(stream, &mut book, Some(Entry::GapOpen { at, cause }));
                    let entry = book.gaps.changing(began, GapCause::Disk);
                    self.enter(stream, &mut book, entry);
                }
                None => {
                    let entry = book.gaps.opening(end, GapCause::Crash);
                    self.enter(stream, &mut book, entry);
                }
            }
        }
    }

    /// A gap that the ledgers leave open, although footage that began later was found: its end
    /// was not written any more.
    pub fn close_overtaken_gap(&self, stream: &StreamId) {
        let (Some(since), _, false) = self.standing(stream) else {
            return;
        };
        let later = self.indexed(stream, since, Utc::MAX).into_iter().map(|row| row.start);
        if let Some(end) = later.filter(|start| *start >= since).min() {
            self.gap_closed(stream, end);
        }
    }

    /// Brings a stream to where the ledgers say it stands, unless this process has gone on since.
    pub fn restore_gaps(&self, stream: &StreamId, state: GapState) {
        self.seen_seq(state.seq());
        let book = self.book(stream);
        let mut book = lock(&book);
        let first = !std::mem::replace(&mut book.restored, true);
        let newest = book.gaps.newest_day().max(state.newest_day());
        book.gaps.saw_day(newest);
        if book.gaps.seq() < state.seq() {
            book.gaps = state;
            book.gaps.saw_day(newest);
        } else if first && let Some(entry) = self.joined(&book, &state) {
            self.enter(stream, &mut book, Some(entry));
        }
    }

    /// A gap was opened while no disk was there to say how the stream stood: what the ledgers say
    /// of the time before this process is true.
    fn joined(&self, book: &Book, ledgers: &GapState) -> Option<Entry> {
        let ours = book.gaps.open()?;
        let begin = ours.since.max(self.began);
        match ledgers.open() {
            Some(theirs) => Some(Entry::GapCause {
                since: theirs.since,
                from: theirs.from,
                was: theirs.cause,
                at: begin.max(theirs.from),
                cause: ours.cause,
            }),
            None if ledgers.ended() => Some(Entry::GapOpen {
                at: begin,
                cause: ours.cause,
            }),
            None => None,
        }
    }

    /// For each stream that ever had a gap: a time of the latest day whose ledger tells of one.
    pub fn gap_days(&self) -> Vec<(StreamId, Utc)> {
        let day = |stream: StreamId| Some((lock(&self.book(&stream)).gaps.newest_day()?, stream));
        let known = self.known_streams().into_iter().filter_map(day);
        known.map(|(day, stream)| (stream, day)).collect()
    }

    pub fn put_gap(&self, row: &GapRow) {
        self.told(self.index.put_gap(row));
    }

    pub fn remove_gap(&self, stream: &StreamId, start: Utc) {
        self.told(self.index.remove_gap(stream, start));
    }
}
