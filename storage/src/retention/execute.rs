//! Deleting what the plan names.

use std::{collections::BTreeSet, io, path::Path};

use vigie_config::{StreamId, Utc};

use super::{
    plan::{Candidate, Demand, too_much, too_old},
    rules::{Deleted, Reason, RetentionReport, RetentionRules},
    walk::{Merged, Walk},
};
use crate::{
    catalog::Catalog,
    layout,
    recovery::{oldest_start, streams_on},
    volume::Volume,
};

/// One pass over one volume. `footage`: bytes of footage, if known.
pub fn pass(
    volume: &Volume,
    catalog: &Catalog,
    rules: &RetentionRules,
    now: Utc,
    clock_trusted: bool,
    footage: Option<u64>,
    report: &mut RetentionReport,
) -> io::Result<()> {
    let root = volume.root();
    report.age_paused |= !clock_trusted && !rules.max_age.is_empty();
    if clock_trusted && !rules.max_age.is_empty() {
        for stream in streams_on(root)? {
            let Some(max_age) = rules.max_age.get(&stream.camera) else {
                continue;
            };
            let walk = Walk::new(root, &stream).filter(|c| !volume.is_open(&c.stream, c.start));
            for candidate in too_old(walk, now, *max_age, &rules.locked) {
                delete(volume, catalog, &candidate, Reason::Age, report);
            }
        }
    }
    let limits = volume.limits();
    // Deleting by age may have helped already.
    let footage = footage.map(|_| volume.footage_bytes());
    let demand = Demand::new(
        footage,
        limits.max_size_bytes,
        root.space()?.free,
        limits.keep_free_bytes,
    );
    if !demand.is_met() {
        make_room(volume, catalog, rules, demand, report)?;
    }
    Ok(())
}

/// Deletes in order of writing until the demand is met.
pub fn make_room(
    volume: &Volume,
    catalog: &Catalog,
    rules: &RetentionRules,
    demand: Demand,
    report: &mut RetentionReport,
) -> io::Result<()> {
    let merged = Merged::new(volume.root())?.filter(|c| !volume.is_open(&c.stream, c.start));
    for (candidate, reason) in too_much(merged, demand, &rules.locked) {
        delete(volume, catalog, &candidate, reason, report);
    }
    Ok(())
}

fn delete(volume: &Volume, catalog: &Catalog, candidate: &Candidate, reason: Reason, report: &mut RetentionReport) {
    let Candidate {
        stream, start, bytes, ..
    } = candidate;
    let path = layout::segment_path(stream, *start);
    let ours = match volume.root().remove(&path) {
        Ok(()) => true,
        // Someone else was faster; the row goes all the same.
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => {
            report.failed += 1;
            tracing::warn!(volume = %volume.disk(), path = %path.display(), %error, "cannot delete a segment");
            return;
        }
    };
    // What was added when the file was finished is taken away again: its length, not its blocks.
    let mut added = None;
    // The row's start is more exact than the name.
    for row in catalog.indexed(stream, *start, start.plus_micros(1000)) {
        if row.volume == volume.id() && row.relative_path() == path {
            added = Some(row.bytes);
            catalog.segment_gone(stream, row.start, row.volume);
        }
    }
    if ours {
        volume.footage_removed(added.unwrap_or(*bytes));
    }
    report.freed_bytes += bytes;
    report.deleted.push(Deleted {
        disk: volume.disk().clone(),
        stream: stream.clone(),
        start: *start,
        bytes: *bytes,
        reason,
    });
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

/// Ledgers of days before a stream's oldest footage on any of these volumes go, and their gap
/// rows with them.
pub fn forget_gaps(volumes: &[&Volume], catalog: &Catalog, stream: &StreamId) {
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
    }
}
