//! Erasing what footage a disk holds: written down before and after, by camera.
//!
//! Does not belong here: whether a disk is to be erased (`prepare`).

use std::{io, path::Path};

use ulid::Ulid;
use vigie_config::{Disk, Utc};

use super::{Storage, prepare::PrepareError, survey::Survey};
use crate::{
    deletions::{Deleted, Deletion},
    error::VolumeError,
    file::Root,
    layout,
    ledger::SHORTEST_US,
    note::{self, NoteError},
    recovery::{hours_of, streams_on},
    retention::LONGEST_US,
    uuid::VolumeId,
    volume::marker::Identity,
};

/// Of one camera's footage on a disk; of more it is kept only when it began and ended.
const MOST_PARTS: usize = 1000;

/// Who has a disk erased, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    by: String,
    note: String,
}

impl Erasure {
    /// `note`: one line of at most 500 characters.
    pub fn new(by: &str, note: &str) -> Result<Erasure, NoteError> {
        note::check(note)?;
        Ok(Erasure {
            by: by.to_owned(),
            note: note.to_owned(),
        })
    }

    pub fn note(&self) -> &str {
        &self.note
    }
}

impl Storage {
    /// Gives how many files of footage are gone.
    pub(super) fn erase(
        &self,
        disk: &Disk,
        root: &Root,
        survey: &Survey,
        erasure: Option<&Erasure>,
    ) -> Result<u64, PrepareError> {
        self.check_unprotected(disk, survey)?;
        // An end amid it leaves less than the index knows of.
        let held = match &survey.identity {
            Identity::Marked(marker) => Some(marker.volume),
            _ => self.volume_before(&disk.id),
        };
        let ordered = match erasure {
            Some(erasure) => self.order_erasure(disk, survey, held, erasure)?,
            None => Vec::new(),
        };
        if let Some(held) = held {
            self.forget(held);
            self.flush_index();
        }
        let failed = |error: io::Error| VolumeError::io(&disk.id, "cannot erase", &disk.path, &error);
        let mut erased = 0;
        let done = erase_footage(root, &mut erased);
        done.map_err(|error| unfinished(failed(error), erased, survey))?;
        for (id, deleted) in &ordered {
            if let Err(error) = self.deletions.done(*id, *deleted) {
                // It tells of an interrupted deletion then: more than went is never told.
                tracing::error!(%error, disk = %disk.id, "that a disk was erased cannot be written down");
            }
        }
        Ok(if ordered.is_empty() { 0 } else { survey.holds.files() })
    }

    /// An order for each camera, written down; what is told when all of it is gone.
    fn order_erasure(
        &self,
        disk: &Disk,
        survey: &Survey,
        held: Option<VolumeId>,
        erasure: &Erasure,
    ) -> Result<Vec<(Ulid, Deleted)>, PrepareError> {
        let streams = self.streams();
        let mut ordered = Vec::new();
        for (camera, holding) in &survey.holds.cameras {
            let of_camera = streams.iter().filter(|stream| stream.camera == *camera);
            let rows = of_camera.flat_map(|stream| self.catalog.indexed(stream, holding.first, Utc::MAX));
            let rows = rows.filter(|row| Some(row.volume) == held);
            let spans: Vec<(Utc, Utc)> = rows.map(|row| (row.start, row.end)).collect();
            let longest = holding.last.plus_micros(LONGEST_US);
            let ends = spans.iter().map(|span| span.1);
            let last = ends.max().filter(|end| *end > holding.last).unwrap_or(longest);
            let deletion = Deletion {
                id: Ulid::generate(),
                camera: camera.clone(),
                from: holding.first,
                to: last,
                note: erasure.note.clone(),
                by: erasure.by.clone(),
                at: Utc::now(),
                snapshot: None,
                disk: Some(disk.id.clone()),
                parts: match spans.len() as u64 == holding.files {
                    true => joined(spans),
                    // The index does not know all of it.
                    false => Vec::new(),
                },
                done: None,
            };
            let deleted = Deleted {
                files: holding.files,
                bytes: holding.bytes,
                first: holding.first,
                last,
            };
            ordered.push((deletion.id, deleted));
            self.deletions.order(deletion).map_err(PrepareError::Journal)?;
        }
        Ok(ordered)
    }

    /// Footage of other recorders cannot be protected here.
    fn check_unprotected(&self, disk: &Disk, survey: &Survey) -> Result<(), PrepareError> {
        let ours = !matches!(&survey.identity, Identity::Marked(marker) if marker.recorder != self.recorder());
        if let Some(fault) = self.locks.fault().filter(|_| ours) {
            let disk = disk.id.clone();
            return Err(PrepareError::Locks { disk, fault });
        }
        let locks = self.locks.spans();
        let held = survey.holds.cameras.iter().filter(|(camera, held)| {
            let over = |from: Utc, to: Utc| from <= held.last.plus_micros(LONGEST_US) && to > held.first;
            ours && locks
                .iter()
                .any(|lock| lock.camera == **camera && over(lock.from, lock.to))
        });
        let cameras: Vec<&str> = held.map(|(camera, _)| camera.as_str()).collect();
        match cameras.is_empty() {
            true => Ok(()),
            false => Err(PrepareError::Protected {
                disk: disk.id.clone(),
                path: disk.path.clone(),
                cameras: cameras.join(", "),
            }),
        }
    }
}

/// What lies side by side is one; empty where there are too many.
fn joined(mut spans: Vec<(Utc, Utc)>) -> Vec<(Utc, Utc)> {
    spans.sort();
    let mut parts: Vec<(Utc, Utc)> = Vec::new();
    for (start, end) in spans {
        match parts.last_mut() {
            Some(last) if start.micros_since(last.1) <= SHORTEST_US => last.1 = last.1.max(end),
            _ => parts.push((start, end)),
        }
    }
    match parts.len() <= MOST_PARTS {
        true => parts,
        false => Vec::new(),
    }
}

pub(super) fn unfinished(error: VolumeError, erased: u64, survey: &Survey) -> PrepareError {
    match erased {
        0 => error.into(),
        erased => PrepareError::Unfinished {
            error,
            erased,
            of: survey.holds.files(),
        },
    }
}

/// What is named as footage and its ledgers are, and folders that hold nothing else. Counts files of
/// footage, also where it fails.
fn erase_footage(root: &Root, erased: &mut u64) -> io::Result<()> {
    for stream in streams_on(root)? {
        let dir = layout::stream_dir(&stream);
        for (_, hour) in hours_of(root, &stream, Utc::MIN)? {
            erase_files(root, &hour, layout::is_of_hour, erased)?;
        }
        let days = root.list(&dir)?.into_iter();
        for day in days.filter(|day| day.is_dir && layout::parse_day(&day.name).is_some()) {
            erase_files(root, &dir.join(day.name), |name| name == layout::LEDGER, erased)?;
        }
        erase_files(root, &dir, |name| name == layout::EXPIRED, erased)?;
        if let Some(camera) = dir.parent() {
            // Fails where something is left, as it should.
            let _ = root.remove_dir(camera);
        }
    }
    root.sync()
}

fn erase_files(root: &Root, dir: &Path, ours: fn(&str) -> bool, erased: &mut u64) -> io::Result<()> {
    let entries = root.list(dir)?.into_iter();
    for entry in entries.filter(|entry| !entry.is_dir && ours(&entry.name)) {
        root.remove(&dir.join(&entry.name))?;
        *erased += u64::from(layout::parse_segment_name(&entry.name).is_some());
    }
    let _ = root.remove_dir(dir);
    Ok(())
}
