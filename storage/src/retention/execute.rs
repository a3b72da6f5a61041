//! Deleting what the plan names.

use std::{
    collections::{BTreeSet, HashSet},
    io,
    path::Path,
    time::Duration,
};

use vigie_config::{Snapshots, StreamId, Utc, WhenFull};

use super::{
    plan::{Candidate, Demand, too_much, too_old},
    rules::{Deleted, Reason, RetentionReport, RetentionRules},
    walk::{Merged, Walk},
};
use crate::{
    catalog::Catalog,
    file::Root,
    layout,
    recovery::{oldest_start, read_row},
    shelf::{Shelf, What, shelves_on},
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

/// What a pass has chosen so far.
#[derive(Default)]
struct Chosen {
    files: HashSet<What>,
    freed: u64,
    /// Of it, pictures.
    freed_snapshots: u64,
}

impl Chosen {
    fn add(&mut self, what: What, bytes: u64) {
        self.freed += bytes;
        if let What::Snapshot(_) = what {
            self.freed_snapshots += bytes;
        }
        self.files.insert(what);
    }
}

impl Pass<'_> {
    /// Tells `take` of everything that is to go, in order; it answers how many bytes that frees.
    pub fn choose(&self, mut take: impl FnMut(&Candidate, Reason) -> u64) -> io::Result<()> {
        let Pass { volume, .. } = self;
        let root = volume.root();
        // Looked at before anything goes: some file systems give room back late.
        let (used, free) = (
            volume.knows_footage_bytes().then(|| volume.used_bytes()),
            root.space()?.free,
        );
        let shelves = shelves_on(root)?;
        let mut chosen = Chosen::default();
        for shelf in &shelves {
            if let Some(max_age) = self.max_age(shelf) {
                let walk = Walk::new(root, shelf).filter(|c| !self.is_open(c));
                for candidate in too_old(walk, self.now, max_age, &self.rules.locked) {
                    let freed = take(&candidate, Reason::Age);
                    chosen.add(candidate.what, freed);
                }
            }
        }
        self.snapshots(&shelves, &mut chosen, &mut take);
        let limits = volume.limits();
        let demand = Demand::new(
            used.map(|used| used.saturating_sub(chosen.freed)),
            limits.max_size_bytes,
            free.saturating_add(chosen.freed),
            limits.keep_free_bytes,
        );
        self.room(demand, &shelves, &chosen.files, take);
        Ok(())
    }

    /// `None`: nothing of the shelf goes for its age.
    fn max_age(&self, shelf: &Shelf) -> Option<Duration> {
        let max_age = match shelf {
            Shelf::Segments(stream) => self.rules.max_age.get(&stream.camera).copied(),
            Shelf::Snapshots(_) => self.rules.snapshots.max_age,
        };
        max_age.filter(|_| self.clock_trusted)
    }

    fn is_open(&self, candidate: &Candidate) -> bool {
        match &candidate.what {
            What::Segment(stream, start) => self.volume.is_open(stream, *start),
            What::Snapshot(_) => false,
        }
    }

    /// More pictures than `[snapshots]` allows on one disk.
    fn snapshots(&self, shelves: &[Shelf], chosen: &mut Chosen, take: &mut impl FnMut(&Candidate, Reason) -> u64) {
        let Snapshots { max_size_bytes, .. } = self.rules.snapshots;
        let left = self
            .volume
            .snapshot_bytes()
            .map(|bytes| bytes.saturating_sub(chosen.freed_snapshots));
        // A plan frees nothing of what it counts.
        let mut demand = Demand::new(left, max_size_bytes, 0, 0);
        if demand.is_met() {
            return;
        }
        let pictures = shelves.iter().filter(|shelf| matches!(shelf, Shelf::Snapshots(_)));
        let pictures: Vec<Shelf> = pictures.cloned().collect();
        let all = Merged::new(self.volume.root(), &pictures, |_| true);
        let all = all.filter(|c| !chosen.files.contains(&c.what));
        let going: Vec<(Candidate, Reason)> = too_much(all, &mut demand, &self.rules.locked).collect();
        for (candidate, reason) in going {
            let freed = take(&candidate, reason);
            chosen.add(candidate.what, freed);
        }
    }

    /// As [`Pass::choose`], for want of room alone.
    pub fn make_room(&self, demand: Demand, take: impl FnMut(&Candidate, Reason) -> u64) -> io::Result<()> {
        let shelves = shelves_on(self.volume.root())?;
        self.room(demand, &shelves, &HashSet::new(), take);
        Ok(())
    }

    /// `gone`: chosen already, for another reason.
    fn room(
        &self,
        mut demand: Demand,
        shelves: &[Shelf],
        gone: &HashSet<What>,
        mut take: impl FnMut(&Candidate, Reason) -> u64,
    ) {
        let Pass { volume, rules, now, .. } = self;
        if demand.is_met() || volume.limits().when_full == WhenFull::Stop {
            return;
        }
        let guaranteed = |c: &Candidate| self.clock_trusted && rules.is_guaranteed(c, *now);
        let closed = |c: &Candidate| !self.is_open(c) && !gone.contains(&c.what);
        let free_to_go = Merged::new(volume.root(), shelves, |c| !guaranteed(c)).filter(closed);
        for (candidate, reason) in too_much(free_to_go, &mut demand, &rules.locked) {
            take(&candidate, reason);
        }
        if demand.is_met() || rules.min_age.is_empty() {
            return;
        }
        let others = Merged::new(volume.root(), shelves, |_| true).filter(|c| closed(c) && guaranteed(c));
        for (candidate, _) in too_much(others, &mut demand, &rules.locked) {
            take(&candidate, Reason::LastResort);
        }
    }
}

/// Deletes what the pass names.
pub fn pass(pass: &Pass<'_>, catalog: &Catalog, report: &mut RetentionReport) -> io::Result<()> {
    let by_age = !pass.rules.max_age.is_empty() || pass.rules.snapshots.max_age.is_some();
    report.age_paused |= !pass.clock_trusted && by_age;
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
            what: candidate.what.clone(),
            bytes: candidate.bytes,
            reason,
        });
        candidate.bytes
    })?;
    Ok(all)
}

/// Every finished file of a shelf that touches [`from`, `to`), with its real end.
pub fn between(volume: &Volume, catalog: &Catalog, shelf: &Shelf, from: Utc, to: Utc) -> Vec<Candidate> {
    let walk = Walk::since(volume.root(), shelf, from).take_while(|candidate| candidate.start() < to);
    let closed = walk.filter(|candidate| {
        let open = matches!(&candidate.what, What::Segment(stream, start) if volume.is_open(stream, *start));
        candidate.end > from && !open
    });
    let ended = closed.map(|candidate| match &candidate.what {
        What::Segment(stream, start) => Candidate {
            end: end_of(volume, catalog, stream, *start, candidate.end),
            ..candidate
        },
        What::Snapshot(_) => candidate,
    });
    ended.filter(|candidate| candidate.end > from).collect()
}

/// By the index, or the file; the latest possible where neither can be read.
fn end_of(volume: &Volume, catalog: &Catalog, stream: &StreamId, start: Utc, latest: Utc) -> Utc {
    let path = layout::segment_path(stream, start);
    let rows = catalog.indexed(stream, start, start.plus_micros(1000));
    let row = rows
        .into_iter()
        .find(|row| row.volume == volume.id() && row.relative_path() == path);
    let read = || {
        let file = volume.root().open_read(&path).ok()?;
        read_row(&file, volume.id()).ok().flatten()
    };
    row.or_else(read).map_or(latest, |row| row.end)
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
    let Candidate { what, bytes, end } = candidate;
    let path = what.path();
    let ours = match volume.root().remove(&path) {
        Ok(()) => true,
        // Someone else was faster; the row goes all the same.
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => {
            report.failed += 1;
            tracing::warn!(volume = %volume.disk(), path = %path.display(), %error, "cannot delete a file");
            return 0;
        }
    };
    match what {
        What::Segment(stream, start) => {
            let (added, ended) = forget_rows(volume, catalog, stream, *start, &path);
            if ours {
                // What was added when the file was finished is taken away again: its length, not its
                // blocks.
                volume.footage_removed(added.unwrap_or(*bytes));
            }
            if reason != Reason::Asked {
                let ended = ended.unwrap_or(*end);
                let key = (volume.disk().clone(), stream.clone());
                let until = report.expired.entry(key).or_insert(ended);
                *until = ended.max(*until);
            }
        }
        What::Snapshot(id) if ours => volume.snapshot_removed(id.at, *bytes),
        What::Snapshot(_) => {}
    }
    report.freed_bytes += bytes;
    report.deleted.push(Deleted {
        disk: volume.disk().clone(),
        what: what.clone(),
        bytes: *bytes,
        reason,
    });
    *bytes
}

/// The rows of a file that is gone: its bytes and its end, as far as there were any.
fn forget_rows(
    volume: &Volume,
    catalog: &Catalog,
    stream: &StreamId,
    start: Utc,
    path: &Path,
) -> (Option<u64>, Option<Utc>) {
    let (mut added, mut ended) = (None, None);
    // The row's start is more exact than the name.
    for row in catalog.indexed(stream, start, start.plus_micros(1000)) {
        if row.volume == volume.id() && row.relative_path() == path {
            (added, ended) = (Some(row.bytes), Some(row.end));
            catalog.segment_gone(stream, row.start, row.volume);
        }
    }
    (added, ended)
}

/// Removes the folders that deletions left empty. Returns the streams that lost a whole day.
pub fn tidy(volume: &Volume, report: &RetentionReport) -> BTreeSet<StreamId> {
    let root = volume.root();
    let mine = report.deleted.iter().filter(|d| d.disk == *volume.disk());
    let (mut hours, mut snapshots) = (BTreeSet::new(), BTreeSet::new());
    for deleted in mine {
        match &deleted.what {
            What::Segment(stream, start) => drop(hours.insert((stream.clone(), layout::hour_dir(stream, *start)))),
            What::Snapshot(id) => drop(snapshots.insert(layout::snapshots_hour_dir(&id.camera, id.at))),
        }
    }
    for hour in snapshots {
        if root.remove_dir(&hour).is_ok()
            && let Some(day) = hour.parent()
        {
            let _ = root.remove_dir(day);
        }
    }
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
