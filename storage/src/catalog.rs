//! What is known about each stream now: the segments being written, the open gap, the end of the
//! last stored unit. The index lies below it.
//!
//! Belongs here: the one way in which gaps and marks open, change and close, so that ledger, index
//! and what users see agree. Does not belong here: files.

mod gaps;
mod marks;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use vigie_config::{GapCause, StreamId, Utc};

use crate::{
    index::{Index, IndexError},
    ledger::{GapState, Line, MarkState},
    rows::{GapRow, MarkRow, Recordings, SegmentRow},
    timeline::Lanes,
    uuid::VolumeId,
};

/// A hole in a stream's footage up to this long is no gap.
pub(crate) const LONGEST_SEAM_US: i64 = 1_000_000;

/// Takes lines to every volume that is online; false: there was none.
pub type LineSink = Box<dyn Fn(&StreamId, &Line) -> bool + Send + Sync>;

pub struct Catalog {
    index: Index,
    /// When this process took over.
    began: Utc,
    streams: RwLock<HashMap<StreamId, Arc<Mutex<Book>>>>,
    /// Of the last ledger line.
    seq: AtomicI64,
    tokens: AtomicU64,
    sink: LineSink,
    waiting: Mutex<Vec<(StreamId, Line)>>,
    /// The index refused a call, and that was told.
    index_refused: AtomicBool,
}

/// One stream.
#[derive(Debug, Default)]
struct Book {
    /// Segments that have a file and are not finished, by token.
    open: BTreeMap<u64, SegmentRow>,
    gaps: GapState,
    marks: MarkState,
    /// Number of the first line about marks of this process.
    marks_since: Option<i64>,
    /// What the ledgers say has been looked at.
    restored: bool,
    /// End of the last stored unit.
    last_end: Option<Utc>,
    /// End of what the process before this one stored.
    found_end: Option<Utc>,
    /// Something was stored since this process started.
    recorded: bool,
    /// Where that began.
    recorded_from: Option<Utc>,
    /// Time up to it is explained: the end of the last gap that was told to be over, or of what a
    /// failed volume gave back. Either may be told before the segment that it leads to is there.
    explained: Option<Utc>,
}

impl Book {
    /// From there on nobody has said why nothing is stored. After the clock was set back an
    /// explanation lies in the future, and explains nothing.
    fn explained_up_to(&self, end: Utc, next: Utc) -> Utc {
        let explained = self.explained.filter(|at| at.micros_since(next) <= LONGEST_SEAM_US);
        explained.map_or(end, |at| at.max(end))
    }

    /// Of several open ones the latest counts: what another disk failed to store may still come.
    fn see_end(&mut self) {
        self.last_end = self.open.values().map(|row| row.end).max().or(self.last_end);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog")
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}

impl Catalog {
    pub fn new(index: Index, sink: LineSink) -> Self {
        Self {
            index,
            began: Utc::now(),
            streams: RwLock::default(),
            seq: AtomicI64::new(0),
            tokens: AtomicU64::new(0),
            sink,
            waiting: Mutex::default(),
            index_refused: AtomicBool::new(false),
        }
    }

    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Names a segment within this process.
    pub fn next_token(&self) -> u64 {
        self.tokens.fetch_add(1, Ordering::Relaxed)
    }

    /// The number of the newest ledger line: what happens next has a greater one.
    pub fn seq(&self) -> i64 {
        self.seq.load(Ordering::SeqCst)
    }

    /// Lines up to this number exist on some volume.
    pub fn seen_seq(&self, seq: i64) {
        self.seq.fetch_max(seq, Ordering::SeqCst);
    }

    pub fn next_seq(&self) -> i64 {
        let now = Utc::now().as_micros();
        let next = |last: i64| Some(now.max(last + 1));
        self.seq
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, next)
            .map_or(now, |last| now.max(last + 1))
    }

    fn book(&self, stream: &StreamId) -> Arc<Mutex<Book>> {
        let known = self
            .streams
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(stream)
            .cloned();
        known.unwrap_or_else(|| {
            let last_end = self.told(self.index.last_segment(stream)).flatten().map(|row| row.end);
            let mut streams = self.streams.write().unwrap_or_else(PoisonError::into_inner);
            let fresh = || {
                Arc::new(Mutex::new(Book {
                    last_end,
                    found_end: last_end,
                    ..Book::default()
                }))
            };
            streams.entry(stream.clone()).or_insert_with(fresh).clone()
        })
    }

    /// Logs, once, that the index could not do something; the caller goes on without.
    fn told<T>(&self, result: Result<T, IndexError>) -> Option<T> {
        result
            .inspect_err(|error| {
                if !self.index_refused.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "the index cannot be used; recording goes on");
                }
            })
            .ok()
    }

    /// Every stream that has been asked for or recorded since the start.
    pub fn known_streams(&self) -> Vec<StreamId> {
        self.streams
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .cloned()
            .collect()
    }

    // ---- segments ----

    /// The first whole fragment of a segment is in its file. `created_seq`: [`Catalog::seq`] when
    /// the segment was asked for; a gap that was open then is over, and one that began no later. A
    /// stream that has ended since has ended all the same: the segment is of the time before.
    pub fn segment_opened(&self, token: u64, row: SegmentRow, created_seq: i64) {
        let stream = row.stream.clone();
        let was_recording = self.was_recording(&stream);
        let book = self.book(&stream);
        let mut book = lock(&book);
        let gap_before = book
            .gaps
            .open()
            .is_some_and(|gap| gap.seq <= created_seq || gap.since <= row.start);
        let ended = book.gaps.ended_seq();
        // Lines of an earlier process may have been found after the segment was asked for.
        let of_before = ended.is_some_and(|seq| seq > created_seq && seq >= self.began.as_micros());
        if ended.is_some() && !of_before {
            // Recorded again: said by a gap without length, which makes no row, so that what is
            // missing after a crash is not taken for wanted.
            let open = book.gaps.opening(row.start, GapCause::Disabled);
            self.enter(&stream, &mut book, open);
            let close = book.gaps.closing(row.start);
            self.enter(&stream, &mut book, close);
        } else if of_before {
            // What is missing around it nobody wanted.
        } else if gap_before {
            let close = book.gaps.closing(row.start);
            self.enter(&stream, &mut book, close);
        } else if let Some(end) = book.last_end
            && book.open.is_empty()
            && book.gaps.open().is_none()
            && row.start.micros_since(book.explained_up_to(end, row.start)) > LONGEST_SEAM_US
            && (book.recorded || was_recording)
        {
            // Nobody said why. Within one process what is missing was not taken in time.
            let cause = if book.recorded {
                GapCause::Overload
            } else {
                GapCause::Crash
            };
            let open = book.gaps.opening(end, cause);
            self.enter(&stream, &mut book, open);
            let close = book.gaps.closing(row.start);
            self.enter(&stream, &mut book, close);
        }
        if !book.recorded {
            self.close_left_marks(&stream, &mut book);
            (book.recorded, book.recorded_from) = (true, Some(row.start));
        }
        self.marks_go_on(&stream, &mut book, row.end);
        book.open.insert(token, row);
        book.see_end();
    }

    /// A further fragment is in the file.
    pub fn segment_grew(&self, stream: &StreamId, token: u64, change: impl FnOnce(&mut SegmentRow)) {
        let book = self.book(stream);
        let mut book = lock(&book);
        if let Some(row) = book.open.get_mut(&token) {
            change(row);
            let end = row.end;
            book.see_end();
            self.marks_go_on(stream, &mut book, end);
        }
    }

    /// The file is finished; its row goes to the index.
    pub fn segment_closed(&self, stream: &StreamId, token: u64) -> Option<SegmentRow> {
        let book = self.book(stream);
        let row = lock(&book).open.get(&token).cloned()?;
        // In the index before it leaves the open ones: readers see it at least once.
        self.told(self.index.put_segment(&row));
        lock(&book).open.remove(&token);
        Some(row)
    }

    /// A failed volume gave back what ends here: it goes to another one, or is told to be lost.
    pub fn on_its_way(&self, stream: &StreamId, end: Utc) {
        let book = self.book(stream);
        let mut book = lock(&book);
        book.explained = book.explained.max(Some(end));
    }

    /// A row found on a volume. Does not touch what is being written.
    pub fn segment_found(&self, row: &SegmentRow) {
        self.told(self.index.put_segment(row));
        let book = self.book(&row.stream);
        let mut book = lock(&book);
        if !book.recorded && book.last_end.is_none_or(|end| row.end > end) {
            book.last_end = Some(row.end);
            book.found_end = Some(row.end);
        }
    }

    pub fn segment_gone(&self, stream: &StreamId, start: Utc, volume: VolumeId) {
        self.told(self.index.remove_segment(stream, start, volume));
    }

    /// `None`: as the index says (after rows were removed).
    pub fn forget_last_end(&self, stream: &StreamId) {
        let end = self.told(self.index.last_segment(stream)).flatten().map(|row| row.end);
        let book = self.book(stream);
        let mut book = lock(&book);
        if !book.recorded {
            book.last_end = end;
            book.found_end = end;
        }
    }

    pub fn indexed(&self, stream: &StreamId, from: Utc, to: Utc) -> Vec<SegmentRow> {
        self.told(self.index.segments(stream, from, to)).unwrap_or_default()
    }

    pub fn indexed_gaps(&self, stream: &StreamId, from: Utc, to: Utc) -> Vec<GapRow> {
        self.told(self.index.gaps(stream, from, to)).unwrap_or_default()
    }

    // ---- questions ----

    pub fn last_end(&self, stream: &StreamId) -> Option<Utc> {
        lock(&self.book(stream)).last_end
    }

    /// How a stream stands: (gap open since, ended, recorded by this process).
    pub fn standing(&self, stream: &StreamId) -> (Option<Utc>, bool, bool) {
        let book = self.book(stream);
        let book = lock(&book);
        (book.gaps.open().map(|gap| gap.since), book.gaps.ended(), book.recorded)
    }

    /// What is not over.
    pub fn open_rows(&self, stream: &StreamId) -> (Vec<SegmentRow>, Vec<GapRow>, Vec<MarkRow>) {
        let book = self.book(stream);
        let book = lock(&book);
        (
            book.open.values().cloned().collect(),
            book.gaps.open_rows(stream),
            book.marks.open_rows(stream),
        )
    }

    /// What the index has of the days that [`from`, `to`) touches; see [`Index::days`].
    pub fn indexed_days(&self, stream: &StreamId, from: Utc, to: Utc, step: Duration) -> Option<Vec<Arc<Lanes>>> {
        // What cannot be read is told of, and not there.
        self.told(self.index.days(stream, from, to, step))
            .unwrap_or_else(|| Some(Vec::new()))
    }

    /// Everything that touches [`from`, `to`).
    pub fn recordings(&self, stream: &StreamId, from: Utc, to: Utc) -> Recordings {
        let (open, open_gaps, open_marks) = self.open_rows(stream);
        // Read after the open ones: a segment that closes in between is found twice, never lost.
        let found = self.told(self.index.recordings(stream, from, to));
        let Recordings {
            mut segments,
            mut gaps,
            mut marks,
        } = found.unwrap_or_default();
        for row in open {
            let known = segments.iter().any(|s| (s.start, s.volume) == (row.start, row.volume));
            if !known && row.start < to && (row.end > from || row.start >= from) {
                segments.push(row);
            }
        }
        segments.sort_by_key(|row| row.start);
        for row in open_gaps {
            let known = gaps.iter().any(|g| g.start == row.start);
            if !known && row.start < to && row.end.is_none_or(|end| end > from) {
                gaps.push(row);
            }
        }
        gaps.sort_by_key(|row| row.start);
        for row in open_marks.into_iter().filter(|row| row.start < to) {
            // What was closed in between is still open here.
            marks.retain(|known| known.cause != row.cause || known.start < row.start);
            marks.push(row);
        }
        marks.sort_by_key(MarkRow::order);
        Recordings { segments, gaps, marks }
    }
}
