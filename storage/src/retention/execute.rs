//! Deleting what the plan names.

use std::{
    collections::{BTreeSet, HashSet},
    io,
    path::Path,
};

use vigie_config::{StreamId, Utc, WhenFull};

use super::{
    plan::{Candidate, Demand, too_much, too_old},
    rules::{Deleted, Reason, RetentionReport, RetentionRules},
    walk::{Merged, Walk},
};
use crate::{
    catalog::Catalog,
    file::Root,
    layout,
    recovery::{oldest_start, read_row, streams_on},
    volume::Volume,
};

/// What one pass looks at.
pub struct Pass<'a> {
    pub volume: &'a Volume,
    pub rules: &'a RetentionRules,
    pub now: Utc,
    /// Without it nothing goes by age, and the youngest footage is not told from the oldest.
    pub clock_trusted: bool,
}

impl Pass<'_> {
    /// Tells `take` of everything that is to go, in order; it answers how many bytes that frees.
    pub fn choose(&self, mut take: impl FnMut(&Candidate, Reason) -> u64) -> io::Result<()> {
        let Pass { volume, rules, .. } = self;
        let root = volume.root();
        // Looked at before anything goes: some file systems give room back late.
        let (footage, free) = (
            volume.knows_footage_bytes().then(|| volume.footage_bytes()),
            root.space()?.free,
        );
        let mut freed = 0;
        let mut chosen = HashSet::new();
        if self.clock_trusted && !rules.max_age.is_empty() {
            for stream in streams_on(root)? {
                let Some(max_age) = rules.max_age.get(&stream.camera) else {
                    continue;
                };
                let walk = Walk::new(root, &stream).filter(|c| !volume.is_open(&c.stream, c.start));
                for candidate in too_old(walk, self.now, *max_age, &rules.locked) {
                    freed += take(&candidate, Reason::Age);
                    chosen.insert((candidate.stream, candidate.start));
                }
            }
        }
        let limits = volume.limits();
        let demand = Demand::new(
            footage.map(|footage| footage.saturating_sub(freed)),
            limits.max_size_bytes,
            free.saturating_add(freed),
            limits.keep_free_bytes,
        );
        self.room(demand, &chosen, take)
    }

    /// As [`Pass::choose`], for want of room alone.
    pub fn make_room(&self, demand: Demand, take: impl FnMut(&Candidate, Reason) -> u64) -> io::Result<()> {
        self.room(demand, &HashSet::new(), take)
    }

    /// `gone`: chosen already, for another reason.
    fn room(
        &self,
        mut demand: Demand,
        gone: &HashSet<(StreamId, Utc)>,
        mut take: impl FnMut(&Candidate, Reason) -> u64,
    ) -> io::Result<()> {
        let Pass { volume, rules, now, .. } = self;
        if demand.is_met() || volume.limits().when_full == WhenFull::Stop {
            return Ok(());
        }
        let guaranteed = |c: &Candidate| self.clock_trusted && rules.is_guaranteed(c, *now);
        let closed =
            |c: &Candidate| !volume.is_open(&c.stream, c.start) && !gone.contains(&(c.stream.clone(), c.start));
        let free_to_go = Merged::new(volume.root(), |c| !guaranteed(c))?.filter(closed);
        for (candidate, reason) in too_much(free_to_go, &mut demand, &rules.locked) {
            take(&candidate, reason);
        }
        if demand.is_met() || rules.min_age.is_empty() {
            return Ok(());
        }
        let others = Merged::new(volume.root(), |_| true)?.filter(|c| closed(c) && guaranteed(c));
        for (candidate, _) in too_much(others, &mut demand, &rules.locked) {
            take(&candidate, Reason::LastResort);
        }
        Ok(())
    }
}

/// Deletes what the pass names.
pub fn pass(pass: &Pass<'_>, catalog: &Catalog, report: &mut RetentionReport) -> io::Result<()> {
    report.age_paused |= !pass.clock_trusted && !pass.rules.max_age.is_empty();
    pass.choose(|candidate, reason| delete(pass.volume, catalog, candidate, reason, report))
}

/// Deletes in order of writing until the demand is met.
pub fn make_room(pass: &Pass<'_>, catalog: &Catalog, demand: Demand, report: &mut RetentionReport) -> io::Result<()> {
    pass.make_room(demand, |candidate, reason| {
        delete(pass.volume, catalog, candidate, reason, report)
    })
}

/// Says what a pass would delete.
pub fn plan(pass: &Pass<'_>) -> io::Result<Vec<Deleted>> {
    let mut all = Vec::new();
    pass.choose(|candidate, reason| {
        all.push(Deleted {
            disk: pass.volume.disk().clone(),
            stream: candidate.stream.clone(),
            start: candidate.start,
            bytes: candidate.bytes,
            reason,
        });
        candidate.bytes
    })?;
    Ok(all)
}

/// Every finished segment that touches [`from`, `to`), with its real end.
pub fn between(volume: &Volume, catalog: &Catalog, stream: &StreamId, from: Utc, to: Utc) -> Vec<Candidate> {
    let walk = Walk::since(volume.root(), stream, from).take_while(|candidate| candidate.start < to);
    let closed = walk.filter(|candidate| candidate.end > from && !volume.is_open(stream, candidate.start));
    let ended = closed.map(|candidate| Candidate {
        end: end_of(volume, catalog, &candidate),
        ..candidate
    });
    ended.filter(|candidate| candidate.end > from).collect()
}

/// By the index, or the file; the latest possible where neither can be read.
fn end_of(volume: &Volume, catalog: &Catalog, candidate: &Candidate) -> Utc {
    let Candidate { stream, start, end, .. } = candidate;
    let path = layout::segment_path(stream, *start);
    let rows = catalog.indexed(stream, *start, start.plus_micros(1000));
    let row = rows
        .into_iter()
        .find(|row| row.volume == volume.id() && row.relative_path() == path);
    let read = || {
        let file = volume.root().open_read(&path).ok()?;
        read_row(&file, volume.id()).ok().flatten()
    };
    row.or_else(read).map_or(*end, |row| row.end)
}

/// Deletes one of [`between`].
pub fn delete_asked(volume: &Volume, catalog: &Catalog, candidate: &Candidate, report: &mut RetentionReport) {
    delete(volume, catalog, candidate, Reason::Asked, report);
}

/// Bytes that are free now.
fn delete(
    volume: &Volume,
    catalog: &Catalog,
    candidate: &Candidate,
    reason: Reason,
    report: &mut RetentionReport,
) -> u64 {
    let Candidate {
        stream,
        start,
        bytes,
        end,
    } = candidate;

    let path = layout::segment_path(stream, *start);
    let ours = match volume.root().remove(&path) {
        Ok(()) => true,
        // Someone else was faster; the row goes all the same.
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => {
            report.failed += 1;
            tracing::warn!(volume = %volume.disk(), path = %path.display(), %error, "cannot delete a segment");
            return 0;
        }
    };
    // What was added when the file was finished is taken away again: its length, not its blocks.
    let (mut added, mut ended) = (None, *end);
    // The row's start is more exact than the name.
    for row in catalog.indexed(stream, *start, start.plus_micros(1000)) {
        if row.volume == volume.id() && row.relative_path() == path {
            (added, ended) = (Some(row.bytes), row.end);
            catalog.segment_gone(stream, row.start, row.volume);
        }
    }
    if ours {
        volume.footage_removed(added.unwrap_or(*bytes));
    }
    if reason != Reason::Asked {
        let key = (volume.disk().clone(), stream.clone());
        let until = report.expired.entry(key).or_insert(ended);
        *until = ended.max(*until);
    }
    report.freed_bytes += bytes;
    report.deleted.push(Deleted {
        disk: volume.disk().clone(),
        stream: stream.clone(),
        start: *start,
        bytes: *bytes,
        reason,
    });
    *bytes
}

/// Removes the folders that deletions left empty. Returns the streams that lost a whole day.
pub fn tidy(volume: &Volume, report: &RetentionReport) -> BTreeSet<StreamId> {
    let root = volume.root();
    let mine = report.deleted.iter().filter(|d| d.disk == *volume.disk());
    let hours: BTreeSet<_> = mine
        .map(|d| (d.stream.clone(), layout::hour_dir(&d.stream, d.start)))
        .collect();
    for stream in hours.iter().map(|(stream, _)| stream).collect::<BTreeSet<_>>() {
        volume.look_for_oldest(stream);
        note_expired(root, stream, report, volume);
    }
    let mut days_gone = BTreeSet::new();
    for (stream, hour) in hours {
        // Fails where something is left, as it should. A writer that is about to create a file
        // there makes the folder anew.
        if root.remove_dir(&hour).is_ok()
            && let Some(day) = hour.parent()
            && root.list(day).is_ok_and(|rest| !rest.iter().any(|e| e.is_dir))
        {
            let _ = root.remove_dir(day);
            days_gone.insert(stream);
        }
    }
    days_gone
}

/// Up to when retention has taken footage of a stream on this volume: what is missing before is
/// no loss. `None`: it never has.
pub fn expired(root: &Root, stream: &StreamId) -> Option<Utc> {
    let text = root.read(&layout::stream_dir(stream).join(layout::EXPIRED), 100).ok()?;
    std::str::from_utf8(&text).ok()?.trim().parse().ok()
}

fn note_expired(root: &Root, stream: &StreamId, report: &RetentionReport, volume: &Volume) {
    let key = (volume.disk().clone(), stream.clone());
    let Some(until) = report.expired.get(&key).copied() else {
        return;
    };
    if expired(root, stream).is_some_and(|known| known >= until) {
        return;
    }
    let dir = layout::stream_dir(stream);
    let (temporary, path) = (dir.join(".expired.txt"), dir.join(layout::EXPIRED));
    let write = || {
        let _ = root.remove(&temporary);
        root.create_new(&temporary)?
            .write_at(&[until.to_string().as_bytes()], 0)?;
        root.replace(&temporary, &path)
    };
    if let Err(error) = write() {
        tracing::debug!(%stream, %error, "what has expired could not be noted");
    }
}

/// Ledgers of days before a stream's oldest footage on any of these volumes go, and the rows of
/// their gaps and marks with them.
pub fn forget_ledgers(volumes: &[&Volume], catalog: &Catalog, stream: &StreamId) {
    let oldest: io::Result<Vec<_>> = volumes.iter().map(|v| oldest_start(v.root(), stream)).collect();
    let Ok(oldest) = oldest else { return };
    let Some(oldest) = oldest.into_iter().flatten().min() else {
        return;
    };
    let day = oldest.strftime("%Y-%m-%d");
    let Some(midnight) = layout::parse_day(&day) else {
        return;
    };
    let mut failed = false;
    for volume in volumes {
        let root = volume.root();
        let dir = layout::stream_dir(stream);
        let Ok(days) = root.list(&dir) else { continue };
        for old in days
            .iter()
            .filter(|e| e.is_dir && e.name < day && layout::parse_day(&e.name).is_some())
        {
            let old = dir.join(Path::new(&old.name));
            if root
                .list(&old)
                .is_ok_and(|rest| rest.iter().all(|e| !e.is_dir && e.name == layout::LEDGER))
            {
                match root.remove(&old.join(layout::LEDGER)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => failed = true,
                    _ => {
                        let _ = root.remove_dir(&old);
                    }
                }
            }
        }
    }
    if !failed {
        // A line lies in the ledger of the day its piece ended.
        for gap in catalog.indexed_gaps(stream, Utc::MIN, midnight) {
            if gap.end.is_some_and(|end| end < midnight) {
                catalog.remove_gap(stream, gap.start);
            }
        }
        // A mark's line lies in the ledger of its own day.
        for mark in catalog.indexed_marks(stream, Utc::MIN, midnight) {
            catalog.remove_mark(&mark);
        }
    }
}
