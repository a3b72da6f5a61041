//! Retention, checking and rebuilding the index, the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use vigie_config::{DiskId, ErrorKind, GapCause, Kind, StreamId, Utc};

use super::{Storage, list, lock};
use crate::{
    file::Root,
    index::{Differences, Index, IndexError},
    rebuild::{self, Rebuilt},
    retention::{self, Deleted, RetentionReport, RetentionRules},
    uuid::VolumeId,
    volume::Volume,
};

/// How long a check waits for what is queued to reach the disks.
const SETTLE: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    #[error("cannot read the volume at {}: {error}", path.display())]
    Volume { path: PathBuf, error: io::Error },
    #[error("the index: {0}")]
    Index(#[from] IndexError),
}

impl Kind for UpkeepError {
    fn kind(&self) -> ErrorKind {
        match self {
            UpkeepError::Volume { .. } => ErrorKind::Unavailable,
            UpkeepError::Index(error) => error.kind(),
        }
    }
}

/// What a comparison of index and volumes found.
#[derive(Debug, Clone, Default)]
pub struct CheckReport {
    pub segments: u64,
    pub gaps: u64,
    pub marks: u64,
    pub differences: Differences,
    /// Stretches of footage whose files are gone: they are gaps from now on.
    pub holes: u64,
    /// Disks that were not compared, and why.
    pub absent: BTreeMap<DiskId, String>,
    /// Files that give no row, and why.
    pub unreadable: Vec<(PathBuf, String)>,
    pub took: Duration,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RebuildReport {
    pub segments: u64,
    pub gaps: u64,
    pub marks: u64,
    pub bytes: u64,
    /// Disks whose footage is in the index again only when they are back, and why they are not.
    pub absent: BTreeMap<DiskId, String>,
    pub unreadable: Vec<(PathBuf, String)>,
    pub took: Duration,
}

impl Storage {
    /// Deletes what the rules and the disks' limits no longer allow. `clock_trusted`: the host's
    /// clock is synchronised and has not stepped by more than an hour; without it nothing goes by
    /// age.
    pub fn retention_pass(&self, rules: &RetentionRules, now: Utc, clock_trusted: bool) -> RetentionReport {
        let _one = lock(&self.upkeep);
        *lock(&self.rules) = rules.clone();
        let rules = self.rules();
        // What is protected but cannot be read must not go for its age.
        let clock_trusted = clock_trusted && self.locks.fault().is_none();
        let mut report = RetentionReport::default();
        let volumes = list(&self.volumes);
        let mut lost_days = BTreeSet::new();
        // One that hangs would hold up the others.
        for volume in volumes.iter().filter(|volume| volume.is_prompt()) {
            let pass = retention::Pass {
                volume,
                rules: &rules,
                now,
                clock_trusted,
            };
            let passed = retention::pass(&pass, &self.catalog, &mut report);
            if let Err(error) = passed {
                report.failed += 1;
                tracing::warn!(volume = %volume.disk(), %error, "retention cannot look through this disk");
            }
            lost_days.extend(retention::tidy(volume, &report));
        }
        let all: Vec<&Volume> = volumes.iter().map(Arc::as_ref).collect();
        // Their ledgers are read too.
        if !volumes.iter().all(|volume| volume.is_prompt()) {
            lost_days.clear();
        }
        for stream in lost_days {
            retention::forget_ledgers(&all, &self.catalog, &stream);
        }
        if !report.deleted.is_empty() {
            self.checkpoint();
        }
        report
    }

    /// What a pass with these rules would delete now, in order, disk by disk.
    pub fn retention_plan(&self, rules: &RetentionRules, now: Utc) -> Result<Vec<Deleted>, UpkeepError> {
        let rules = self.with_locks(rules);
        let mut all = Vec::new();
        for volume in list(&self.volumes).iter().filter(|volume| volume.is_prompt()) {
            let pass = retention::Pass {
                volume,
                rules: &rules,
                now,
                clock_trusted: true,
            };
            all.extend(retention::plan(&pass).map_err(|error| UpkeepError::Volume {
                path: volume.path().to_owned(),
                error,
            })?);
        }
        Ok(all)
    }

    /// Those of the last pass, and what people protect now.
    pub(super) fn rules(&self) -> RetentionRules {
        let rules = lock(&self.rules).clone();
        self.with_locks(&rules)
    }

    fn with_locks(&self, rules: &RetentionRules) -> RetentionRules {
        let mut rules = rules.clone();
        rules.locked.extend(self.locks.spans());
        rules
    }

    /// Gaps and marks that were over before `until`, into the index; counts both.
    fn ledger_rows<'a>(
        &self,
        roots: &[&Root],
        streams: impl IntoIterator<Item = &'a StreamId>,
        until: Utc,
        index: &Index,
    ) -> Result<(u64, u64), IndexError> {
        let (mut gaps, mut marks) = (0, 0);
        for stream in streams {
            let told = rebuild::read_ledgers(roots.iter().copied(), stream);
            for row in told.gaps.iter().filter(|row| row.end.is_some_and(|end| end < until)) {
                index.put_gap(row)?;
                gaps += 1;
            }
            for row in told.marks.iter().filter(|row| row.is_final(until)) {
                index.put_mark(row)?;
                marks += 1;
            }
        }
        Ok((gaps, marks))
    }

    /// Into the index; counts the footage.
    fn segment_rows(&self, volume: &Volume, index: &Index) -> Result<Rebuilt, UpkeepError> {
        let mut failed = None;
        let mut settled_bytes = 0;
        let settled = volume.settled_before(Utc::now());
        let read = rebuild::read_segments(
            volume.root(),
            volume.id(),
            |stream, at| volume.is_open(stream, at),
            |row| {
                if row.start < settled {
                    settled_bytes += row.bytes;
                }
                match index.put_segment(&row) {
                    Ok(()) => !self.closed.load(Ordering::SeqCst),
                    Err(error) => {
                        failed = Some(error);
                        false
                    }
                }
            },
        );
        let read = read.map_err(|error| UpkeepError::Volume {
            path: volume.path().to_owned(),
            error,
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        if !self.closed.load(Ordering::SeqCst) {
            // What was finished meanwhile is in the index, whether it was read here or not.
            volume.footage_counted(settled_bytes + self.bytes_since(volume, settled));
        }
        Ok(read)
    }

    /// Reads a whole volume into the index while recording goes on.
    pub(super) fn read_all_of(&self, volume: &Arc<Volume>) {
        let _one = lock(&self.upkeep);
        let begin = Instant::now();
        let generation = *lock(&self.generation);
        let read = self.segment_rows(volume, self.catalog.index());
        let (volumes, streams) = (list(&self.volumes), self.streams());
        let prompt = volumes.iter().filter(|volume| volume.is_prompt());
        let roots: Vec<&Root> = prompt.map(|volume| volume.root()).collect();
        let told = self.ledger_rows(&roots, &streams, Utc::MAX, self.catalog.index());
        match (read, told) {
            (Ok(read), Ok((gaps, marks))) if !self.closed.load(Ordering::SeqCst) => {
                // Lost meanwhile: it is read once more.
                volume.set_indexed(generation == self.catalog.index().generation());
                for stream in &streams {
                    self.catalog.close_overtaken_gap(stream);
                    self.close_holes(stream);
                }
                for (path, why) in &read.unreadable {
                    tracing::warn!(volume = %volume.disk(), path = %path.display(), why, "a file gives no footage");
                }
                if read.segments > 0 {
                    let millis = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
                    tracing::info!(volume = %volume.disk(), segments = read.segments, gaps, marks, millis, "older footage is in the index again");
                }
            }
            (Ok(_), Ok(_)) => {}
            (Err(error), _) => tracing::error!(volume = %volume.disk(), %error, "older footage cannot be read back"),
            (_, Err(error)) => {
                tracing::error!(volume = %volume.disk(), %error, "older gaps and marks cannot be read back")
            }
        }
    }

    /// Forgets the index and makes it anew from the volumes that are online, while recording goes
    /// on. Footage of other volumes is found again when they come back.
    pub fn index_rebuild(&self) -> Result<RebuildReport, UpkeepError> {
        let _one = lock(&self.upkeep);
        self.rebuilding.fetch_add(1, Ordering::SeqCst);
        let result = self.rebuild();
        self.rebuilding.fetch_sub(1, Ordering::SeqCst);
        result
    }

    fn rebuild(&self) -> Result<RebuildReport, UpkeepError> {
        let begin = Instant::now();
        let mut report = RebuildReport::default();
        let volumes = list(&self.volumes);
        self.settle_all();
        // A crash before all is there again costs another reading.
        for volume in &volumes {
            volume.set_indexed(false);
        }
        {
            let mut known = lock(&self.generation);
            self.catalog.index().clear()?;
            *known = self.catalog.index().generation();
        }
        for volume in &volumes {
            let read = self.segment_rows(volume, self.catalog.index())?;
            report.segments += read.segments;
            report.bytes += read.bytes;
            report.unreadable.extend(read.unreadable);
        }
        let streams = self.streams();
        let roots: Vec<&Root> = volumes.iter().map(|volume| volume.root()).collect();
        (report.gaps, report.marks) = self.ledger_rows(&roots, &streams, Utc::MAX, self.catalog.index())?;
        report.gaps += streams.iter().map(|stream| self.close_holes(stream)).sum::<u64>();
        report.absent = self.absent();
        for volume in &volumes {
            volume.set_indexed(true);
        }
        self.checkpoint();
        report.took = begin.elapsed();
        Ok(report)
    }

    /// Compares the index with the volumes that are online. What is being written now, and what
    /// was finished since the call, does not count.
    pub fn index_check(&self) -> Result<CheckReport, UpkeepError> {
        let _one = lock(&self.upkeep);
        let begin = Instant::now();
        let mut report = CheckReport::default();
        self.settle_all();
        let volumes = list(&self.volumes);
        let until = volumes
            .iter()
            .map(|v| v.settled_before(Utc::now()))
            .min()
            .unwrap_or_else(Utc::now);
        let online: BTreeSet<VolumeId> = volumes.iter().map(|volume| volume.id()).collect();

        let (seen, truth) = (Index::in_memory(), Index::in_memory());
        let streams: BTreeSet<StreamId> = self.streams().into_iter().collect();
        for stream in &streams {
            for row in self.catalog.index().segments(stream, Utc::MIN, until)? {
                if online.contains(&row.volume) && row.start < until {
                    seen.put_segment(&row)?;
                }
            }
            for row in self.catalog.index().gaps(stream, Utc::MIN, until)? {
                if row.end.is_some_and(|end| end < until) {
                    seen.put_gap(&row)?;
                }
            }
            for row in self.catalog.index().marks(stream, Utc::MIN, until)? {
                if row.is_final(until) {
                    seen.put_mark(&row)?;
                }
            }
        }
        for volume in &volumes {
            let read = rebuild::read_segments(
                volume.root(),
                volume.id(),
                |stream, at| volume.is_open(stream, at),
                |row| {
                    if row.start < until {
                        report.segments += 1;
                        // In memory: cannot fail.
                        let _ = truth.put_segment(&row);
                    }
                    true
                },
            );
            let read = read.map_err(|error| UpkeepError::Volume {
                path: volume.path().to_owned(),
                error,
            })?;
            report.unreadable.extend(read.unreadable);
        }
        let roots: Vec<&Root> = volumes.iter().map(|volume| volume.root()).collect();
        let mut streams = streams;
        streams.extend(truth.streams()?);
        (report.gaps, report.marks) = self.ledger_rows(&roots, &streams, until, &truth)?;
        report.differences = seen.differences(&truth)?;
        report.differences.damaged(&self.catalog.index().damaged());
        report.absent = self.absent();
        for stream in &streams {
            report.holes += self.find_holes(stream, &truth, &online)?;
        }
        report.took = begin.elapsed();
        Ok(report)
    }

    fn settle_all(&self) {
        let until = Instant::now() + SETTLE;
        for volume in list(&self.volumes) {
            let left = until.saturating_duration_since(Instant::now());
            if volume.is_prompt() && !volume.settle(left) {
                tracing::warn!(volume = %volume.disk(), "the disk is slow: what is queued has not reached it yet");
            }
        }
    }

    /// Graceful end: open segments are finished, open marks end with them, a `shutdown` gap is opened
    /// for every stream that was being recorded, everything is synced. Later calls write nothing.
    pub fn close(&self) {
        if self.closed.swap(true, Ordering::SeqCst) {
            return;
        }
        drop(lock(&self.guard).take());
        self.open_due_crash_gaps(Duration::ZERO);
        for volume in list(&self.volumes)
            .iter()
            .filter(|volume| !volume.is_prompt() && !volume.has_failed())
        {
            // Told while the other disks still write it down.
            volume.give_up();
        }
        // So that the ends of the streams are known.
        self.settle_all();
        for stream in self.catalog.known_streams() {
            let (open, ended, recorded) = self.catalog.standing(&stream);
            if let (None, false, true, Some(end)) = (open, ended, recorded, self.catalog.last_end(&stream)) {
                self.catalog.gap_opened(&stream, end, GapCause::Shutdown);
            }
            self.catalog.marks_ended(&stream);
        }
        let volumes = list(&self.volumes);
        for volume in &volumes {
            volume.stop();
        }
        for volume in volumes.iter().filter(|volume| !volume.has_failed()) {
            self.set_mark(volume, Utc::now());
        }
        self.flush_index();
        self.volumes
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clear();
    }
}
