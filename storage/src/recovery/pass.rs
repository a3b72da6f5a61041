//! A volume before it is recorded on.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use vigie_config::{StreamId, Utc};

use super::{
    mark::{Mark, whole_millis},
    repair::{Outcome, cut_from, proper, repair},
};
use crate::{
    catalog::{Catalog, LONGEST_SEAM_US},
    file::{Root, is_of_path},
    layout,
    ledger::{GapState, MarkState, joined, newest_gap_day, read_merged},
    rows::{Recordings, SegmentRow},
    shelf::{Shelf, shelves_on},
    volume::marker::Marker,
};

/// Without a checkpoint so many of a stream's newest hours are looked at; the rest is the
/// rebuild's.
const HOURS_WITHOUT_MARK: usize = 2;
const DAY_US: i64 = 86_400_000_000;

/// What was found and done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    pub files: u64,
    pub cut: u64,
    pub cut_bytes: u64,
    pub removed: u64,
    /// Paths below the root, and why.
    pub set_aside: Vec<(PathBuf, String)>,
    /// Files of recorders that this disk's marker does not name: left as they are.
    pub foreign: u64,
    /// Rows of the index whose file is not there any more.
    pub rows_dropped: u64,
    /// Of the volume; `None`: not known without reading all of it.
    pub footage_bytes: Option<u64>,
    /// The millisecond of each stream's oldest file.
    pub oldest: BTreeMap<StreamId, Utc>,
    /// A stream's folder could not be looked through.
    pub skipped: bool,
}

/// The streams that have a folder on a volume.
pub fn streams_on(root: &Root) -> io::Result<Vec<StreamId>> {
    let shelves = shelves_on(root)?.into_iter();
    let streams = shelves.filter_map(|shelf| match shelf {
        Shelf::Segments(stream) => Some(stream),
        Shelf::Snapshots(_) => None,
    });
    Ok(streams.collect())
}

/// A stream's hour folders, oldest first: (begin, path). `from`: hours that end earlier are left out.
pub fn hours_of(root: &Root, stream: &StreamId, from: Utc) -> io::Result<Vec<(Utc, PathBuf)>> {
    let mut found = Vec::new();
    let dir = layout::stream_dir(stream);
    for day in root.list(&dir)?.into_iter().filter(|e| e.is_dir) {
        let Some(midnight) = layout::parse_day(&day.name) else {
            continue;
        };
        if midnight.plus_micros(DAY_US) <= from {
            continue;
        }
        let day = dir.join(&day.name);
        for hour in root.list(&day)?.into_iter().filter(|e| e.is_dir) {
            let Some(number) = layout::parse_hour(&hour.name) else {
                continue;
            };
            let begin = midnight.plus_micros(i64::from(number) * 3_600_000_000);
            if begin.plus_micros(3_600_000_000) > from {
                found.push((begin, day.join(&hour.name)));
            }
        }
    }
    Ok(found)
}

fn newest_hours(root: &Root, stream: &StreamId) -> io::Result<Vec<(Utc, PathBuf)>> {
    let days = root.list(&layout::stream_dir(stream))?;
    let mut days = days.iter().rev().filter_map(|day| layout::parse_day(&day.name));
    let mut hours = Vec::new();
    while hours.len() < HOURS_WITHOUT_MARK
        && let Some(day) = days.next()
    {
        let mut these = hours_of(root, stream, day)?;
        these.retain(|(begin, _)| begin.micros_since(day) < DAY_US);
        hours.splice(0..0, these);
    }
    Ok(hours.split_off(hours.len().saturating_sub(HOURS_WITHOUT_MARK)))
}

/// The millisecond of a stream's oldest file: reads one folder of each level where nothing was
/// left empty.
pub fn oldest_start(root: &Root, stream: &StreamId) -> io::Result<Option<Utc>> {
    let dir = layout::stream_dir(stream);
    for day in root
        .list(&dir)?
        .into_iter()
        .filter(|e| e.is_dir && layout::parse_day(&e.name).is_some())
    {
        let day = dir.join(&day.name);
        for hour in root
            .list(&day)?
            .into_iter()
            .filter(|e| e.is_dir && layout::parse_hour(&e.name).is_some())
        {
            let names = root.list(&day.join(&hour.name))?;
            let starts = names.iter().filter(|e| !e.name.starts_with('.'));
            if let Some(oldest) = starts.filter_map(|e| layout::parse_segment_name(&e.name)).min() {
                return Ok(Some(oldest));
            }
        }
    }
    Ok(None)
}

/// What is needed to look through one volume.
pub struct Pass<'a> {
    pub root: &'a Root,
    pub marker: &'a Marker,
    /// What is older needs no look.
    pub mark: Option<&'a Mark>,
    pub catalog: &'a Catalog,
    /// The volumes online already: their ledgers count too.
    pub others: &'a [&'a Root],
    /// Nothing was ever written there.
    pub fresh: bool,
    /// It failed: its files are read from the device, not from memory.
    pub distrusted: bool,
}

impl Pass<'_> {
    /// Repairs and re-indexes what is newer than the mark. Errors are those of the disk; a
    /// stream's folder that cannot be read is left for later.
    pub fn run(&self) -> io::Result<Recovered> {
        let mut done = Recovered::default();
        let mut found_bytes = 0;
        let mut streams: BTreeSet<StreamId> = streams_on(self.root)?.into_iter().collect();
        streams.extend(self.catalog.index().streams().unwrap_or_default());
        let mut told = 0;
        for stream in &streams {
            match self.stream(stream, &mut told, &mut done) {
                Ok(bytes) => found_bytes += bytes,
                Err(error) if is_of_path(&error) => {
                    done.skipped = true;
                    tracing::error!(%stream, path = %self.root.path().display(), %error, "a stream's folder cannot be looked through");
                }
                Err(error) => return Err(error),
            }
        }
        done.footage_bytes = self.mark.map(|mark| mark.footage_bytes + found_bytes);
        for stream in &streams {
            self.catalog.close_overtaken_gap(stream);
        }
        Ok(done)
    }

    /// Bytes of the footage that was found. `told`: the newest line of all ledgers seen so far.
    fn stream(&self, stream: &StreamId, told: &mut i64, done: &mut Recovered) -> io::Result<u64> {
        let root = self.root;
        let from = self.mark.map(|mark| whole_millis(mark.from));
        let hours = match from {
            Some(from) => hours_of(root, stream, from)?,
            None => newest_hours(root, stream)?,
        };
        let (mut starts, mut bytes) = (BTreeSet::new(), 0);
        for (_, dir) in &hours {
            bytes += self.hour(stream, dir, from, done, &mut starts)?;
        }
        // Without a mark these hours were read whole.
        let looked_from = from.or(hours.first().map(|(begin, _)| *begin));
        if let Some(from) = looked_from {
            self.drop_rows(stream, from, &starts, done);
        }
        let rows_from = match self.mark {
            Some(mark) => mark.rows_from(stream),
            None if self.fresh => Utc::MAX,
            None => Utc::MIN,
        };
        self.drop_older_rows(stream, rows_from, done)?;
        self.ledgers(stream, looked_from, told);
        Ok(bytes)
    }

    fn hour(
        &self,
        stream: &StreamId,
        dir: &Path,
        from: Option<Utc>,
        done: &mut Recovered,
        starts: &mut BTreeSet<Utc>,
    ) -> io::Result<u64> {
        let mut bytes = 0;
        for entry in self.root.list(dir)?.into_iter().filter(|e| !e.is_dir) {
            let Some(at) = layout::parse_segment_name(&entry.name) else {
                continue;
            };
            if from.is_some_and(|from| at < from) {
                continue;
            }
            let path = dir.join(&entry.name);
            if self.distrusted {
                self.root.open_read(&path)?.forget_cached()?;
            }
            let (outcome, row) = repair(self.root, self.marker, stream, &path)?;
            done.files += 1;
            match outcome {
                Outcome::Whole | Outcome::Newer => {}
                Outcome::Cut(lost) => {
                    done.cut += 1;
                    done.cut_bytes += lost;
                }
                Outcome::Removed => done.removed += 1,
                Outcome::Foreign(owner) => {
                    tracing::warn!(path = %path.display(), %owner, "a file is left alone: it is another recorder's");
                    done.foreign += 1;
                }
                Outcome::SetAside(why) => {
                    tracing::warn!(path = %path.display(), why, "a file is set aside: it is not footage of this recorder");
                    done.set_aside.push((path.clone(), why));
                }
            }
            if let Some(row) = row {
                let Some(row) = self.without_copy(&path, row)? else {
                    done.removed += 1;
                    continue;
                };
                bytes += row.bytes;
                starts.insert(row.start);
                self.tell_vanished(&row);
                self.catalog.segment_found(&row);
            }
        }
        Ok(bytes)
    }

    /// What this disk had not synced when it was given up was written to another one, as one
    /// segment or several; if it reached this one after all, that copy stands. `None`: nothing is
    /// left.
    fn without_copy(&self, path: &Path, row: SegmentRow) -> io::Result<Option<SegmentRow>> {
        let mut copies = self.catalog.recordings(&row.stream, row.start, row.end).segments;
        copies.retain(|other| other.volume != row.volume && (other.run, other.number) == (row.run, row.number));
        // From there on all of it is elsewhere. Times are rounded to microseconds on the way.
        let (mut from, mut all_there) = (row.end, true);
        for copy in copies.iter().rev() {
            if copy.start >= from || copy.end.plus_micros(1000) < from {
                continue;
            }
            from = copy.start;
            let copied = copy.relative_path();
            all_there &= self.others.iter().any(|root| root.exists(&copied).unwrap_or(false));
        }
        if from == row.end {
            return Ok(Some(row));
        }
        // The last word is the other file's, not its row's: twice is better than not at all.
        if !all_there {
            return Ok(Some(row));
        }
        if from > row.start.plus_micros(1000) {
            return cut_from(self.root, path, row, from).map(Some);
        }
        self.root.remove(&proper(path))?;
        Ok(None)
    }

    /// What a failed disk had confirmed and does not hold, as far as it is nowhere else, is a gap.
    fn tell_vanished(&self, row: &SegmentRow) {
        if !self.distrusted {
            return;
        }
        let known = self.catalog.indexed(&row.stream, row.start, row.start.plus_micros(1));
        let same = |other: &SegmentRow| (other.start, other.volume) == (row.start, row.volume);
        let Some(to) = known.iter().find(|known| same(known)).map(|known| known.end) else {
            return;
        };
        let Recordings { segments, gaps, .. } = self.catalog.recordings(&row.stream, row.end, to);
        let others = segments.iter().filter(|other| !same(other));
        let mut told: Vec<(Utc, Utc)> = others.map(|other| (other.start, other.end)).collect();
        told.extend(gaps.iter().map(|gap| (gap.start, gap.end.unwrap_or(Utc::MAX))));
        told.sort_unstable();
        let mut from = row.end;
        for (start, end) in told.into_iter().chain([(to, to)]) {
            if start.micros_since(from) > LONGEST_SEAM_US {
                tracing::warn!(stream = %row.stream, %from, to = %start, "the disk had confirmed footage that it does not hold");
                self.catalog.footage_lost(&row.stream, from, start);
            }
            from = from.max(end);
        }
    }

    /// Rows from `from` on whose file is gone.
    fn drop_rows(&self, stream: &StreamId, from: Utc, starts: &BTreeSet<Utc>, done: &mut Recovered) {
        let mut dropped = 0;
        for row in self.catalog.indexed(stream, from, Utc::MAX) {
            if row.volume == self.marker.volume && row.start >= from && !starts.contains(&row.start) {
                self.catalog.segment_gone(stream, row.start, self.marker.volume);
                dropped += 1;
            }
        }
        self.dropped(stream, dropped, done);
    }

    /// Rows of footage that retention deleted after the last checkpoint; `from`: none is earlier.
    fn drop_older_rows(&self, stream: &StreamId, from: Utc, done: &mut Recovered) -> io::Result<()> {
        let oldest = oldest_start(self.root, stream)?;
        done.oldest.extend(oldest.map(|at| (stream.clone(), at)));
        let oldest = oldest.unwrap_or(Utc::MAX);
        if from >= oldest {
            return Ok(());
        }
        let mut dropped = 0;
        for row in self.catalog.indexed(stream, from, oldest) {
            if row.volume == self.marker.volume && row.start < oldest {
                self.catalog.segment_gone(stream, row.start, self.marker.volume);
                dropped += 1;
            }
        }
        self.dropped(stream, dropped, done);
        Ok(())
    }

    fn dropped(&self, stream: &StreamId, rows: u64, done: &mut Recovered) {
        if rows > 0 {
            self.catalog.forget_last_end(stream);
            done.rows_dropped += rows;
        }
    }

    /// How the stream stands, and its recent gaps and marks, by the ledgers of all volumes.
    /// `looked_from`: where the footage begins that was looked at.
    fn ledgers(&self, stream: &StreamId, looked_from: Option<Utc>, seen: &mut i64) {
        let catalog = self.catalog;
        let roots = || self.others.iter().copied().chain([self.root]);
        let recent = self.mark.map(|mark| whole_millis(mark.from).plus_micros(-DAY_US));
        let told = self.mark.and_then(|mark| mark.gap_day(stream));
        let looked_for = || newest_gap_day(roots(), stream);
        let newest = told.unwrap_or_else(looked_for);
        let Some(begin) = recent.or([newest, looked_from].into_iter().flatten().min()) else {
            return;
        };
        let open = self.mark.iter().flat_map(|mark| mark.mark_days_of(stream));
        let mut also: Vec<Utc> = open.chain(newest).collect();
        let (mut lines, mut failed) = read_merged(roots(), stream, begin, &also);
        if told.flatten().is_some() && !lines.iter().any(|line| line.entry.is_about_gaps()) {
            // The line that the mark knew of was not durable.
            also.extend(looked_for());
            (lines, failed) = read_merged(roots(), stream, begin, &also);
        }
        if failed > 0 {
            tracing::warn!(%stream, failed, "lines of the ledger are torn or cannot be read");
        }
        // Before anything was recorded, what only the index knows was not durable: it goes.
        let complete = self.others.is_empty() && catalog.seq() == *seen;
        *seen = lines.iter().map(|line| line.seq).fold(*seen, i64::max);
        let (mut state, mut open_marks) = (GapState::default(), MarkState::default());
        let gaps: Vec<_> = lines.iter().flat_map(|line| state.apply(stream, line)).collect();
        let marks = joined(lines.iter().flat_map(|line| open_marks.apply(stream, line)));
        if let Some(recent) = recent.filter(|_| complete) {
            for row in catalog.indexed_gaps(stream, recent, Utc::MAX) {
                if row.start >= recent && !gaps.iter().any(|known| known.start == row.start) {
                    catalog.remove_gap(stream, row.start);
                }
            }
            // All lines of a mark's day have been read.
            let midnight = Utc::from_micros(recent.as_micros().div_euclid(DAY_US) * DAY_US);
            for row in catalog.indexed_marks(stream, midnight, Utc::MAX) {
                if !marks.contains(&row) {
                    catalog.remove_mark(&row);
                }
            }
        }
        for row in &gaps {
            catalog.put_gap(row);
        }
        for row in &marks {
            catalog.put_mark(row);
        }
        catalog.restore_gaps(stream, state);
        catalog.restore_marks(stream, open_marks);
    }
}
