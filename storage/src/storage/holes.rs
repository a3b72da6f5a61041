//! Footage whose whole files are gone: nobody wrote a gap for it, but the numbers of a run tell.

use std::collections::BTreeSet;

use vigie_config::{StreamId, Utc};

use super::{Storage, list, lock};
use crate::{
    index::{Index, IndexError},
    ledger::SHORTEST_US,
    retention,
    rows::{GapRow, Recordings, SegmentRow},
    uuid::VolumeId,
};

/// Where segments of a run are missing between two others, and neither a gap nor another segment
/// covers the time. Pure.
fn holes(rows: &Recordings) -> Vec<(Utc, Utc)> {
    let mut runs: Vec<&SegmentRow> = rows.segments.iter().collect();
    runs.sort_by_key(|row| (row.run, row.number, row.start));
    let segments = rows.segments.iter().map(|row| (row.start, row.end));
    let gaps = rows
        .gaps
        .iter()
        .map(|row: &GapRow| (row.start, row.end.unwrap_or(Utc::MAX)));
    let mut covered: Vec<(Utc, Utc)> = segments.chain(gaps).collect();
    covered.sort();
    let pairs = runs.iter().zip(runs.iter().skip(1));
    pairs
        .filter(|(a, b)| {
            // The rest of a segment whose first part is gone.
            let rest = b.continued && a.number != b.number && b.start.micros_since(a.end) > SHORTEST_US;
            a.run == b.run && (b.number.saturating_sub(a.number) > 1 || rest) && a.end < b.start
        })
        .flat_map(|(a, b)| uncovered(a.end, b.start, &covered))
        .collect()
}

fn uncovered(from: Utc, to: Utc, covered: &[(Utc, Utc)]) -> Vec<(Utc, Utc)> {
    let mut at = from;
    let mut found = Vec::new();
    for (start, end) in covered.iter().filter(|(start, end)| *start < to && *end > from) {
        found.push((at, *start));
        at = at.max(*end);
    }
    found.push((at, to));
    found.retain(|(from, to)| to.micros_since(*from) > SHORTEST_US);
    found
}

impl Storage {
    /// Makes gaps of them; how many. Nothing is known to be gone while a disk that was ever
    /// recorded on is not there.
    pub(super) fn close_holes(&self, stream: &StreamId) -> u64 {
        let online: BTreeSet<VolumeId> = list(&self.volumes).iter().map(|volume| volume.id()).collect();
        let known = lock(&self.state).volumes();
        if !self.absent().is_empty() || known.iter().any(|volume| !online.contains(volume)) {
            return 0;
        }
        let there = self.catalog.recordings(stream, Utc::MIN, Utc::MAX);
        self.tell_holes(stream, &self.unexplained(stream, &there))
    }

    /// Holes that neither retention nor a person has made.
    fn unexplained(&self, stream: &StreamId, there: &Recordings) -> Vec<(Utc, Utc)> {
        let volumes = list(&self.volumes);
        let expired = volumes
            .iter()
            .filter_map(|volume| retention::expired(volume.root(), stream))
            .max();
        // What is protected retention passes over.
        let mut locks = self.locks.spans();
        locks.retain(|lock| lock.camera == stream.camera);
        let mut locked: Vec<(Utc, Utc)> = locks.iter().map(|lock| (lock.from, lock.to)).collect();
        locked.sort();
        let mut deliberate = expired.map_or(Vec::new(), |expired| uncovered(Utc::MIN, expired, &locked));
        deliberate.extend(self.deletions.spans(&stream.camera));
        deliberate.sort();
        let found = holes(there).into_iter();
        found.flat_map(|(from, to)| uncovered(from, to, &deliberate)).collect()
    }

    /// The same with the rows that were read from the volumes; rows of the index for what is gone
    /// go too.
    pub(super) fn find_holes(
        &self,
        stream: &StreamId,
        truth: &Index,
        online: &BTreeSet<VolumeId>,
    ) -> Result<u64, IndexError> {
        if !self.absent().is_empty() {
            return Ok(0);
        }
        let mut there = self.catalog.recordings(stream, Utc::MIN, Utc::MAX);
        // Of disks that are no longer used the index alone knows.
        there.segments.retain(|row| !online.contains(&row.volume));
        there.segments.extend(truth.segments(stream, Utc::MIN, Utc::MAX)?);
        let found = self.unexplained(stream, &there);
        for (from, to) in &found {
            for row in self.catalog.indexed(stream, *from, *to) {
                let known = there
                    .segments
                    .iter()
                    .any(|other| (other.start, other.volume) == (row.start, row.volume));
                if !known && online.contains(&row.volume) && row.start >= *from {
                    self.catalog.segment_gone(stream, row.start, row.volume);
                }
            }
        }
        Ok(self.tell_holes(stream, &found))
    }

    fn tell_holes(&self, stream: &StreamId, found: &[(Utc, Utc)]) -> u64 {
        for (from, to) in found {
            tracing::error!(%stream, %from, %to, "files of footage are gone: their time is a gap");
            self.catalog.footage_lost(stream, *from, *to);
        }
        found.len() as u64
    }
}
