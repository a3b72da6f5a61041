//! Every row of a volume, made from its files and ledgers alone.
//!
//! Belongs here: reading. Nothing on the volume is changed, so it may run while footage is
//! written beside it. Does not belong here: where the rows go.

use std::{io, path::PathBuf};

use vigie_config::{StreamId, Utc};

use crate::{
    file::Root,
    layout,
    ledger::{GapState, MarkState, joined, read_merged},
    recovery::{hours_of, read_row, streams_on},
    rows::{GapRow, MarkRow, SegmentRow},
    uuid::VolumeId,
};

/// How a reading went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebuilt {
    pub segments: u64,
    pub gaps: u64,
    pub bytes: u64,
    /// Files that gave no row, and why.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// Gives every finished segment of a volume to `row`, stream by stream, oldest first. `skip`:
/// files that are being written (by stream and the millisecond of their name). Returning false
/// from `row` ends it.
pub fn read_segments(
    root: &Root,
    volume: VolumeId,
    skip: impl Fn(&StreamId, Utc) -> bool,
    mut row: impl FnMut(SegmentRow) -> bool,
) -> io::Result<Rebuilt> {
    let mut done = Rebuilt::default();
    for stream in streams_on(root)? {
        for (begin, _) in hours_of(root, &stream, Utc::MIN)? {
            if !read_hour(root, volume, &stream, begin, &skip, &mut row, &mut done)? {
                return Ok(done);
            }
        }
    }
    Ok(done)
}

/// The same for the hour of one stream that `begin` lies in. False: `row` ended it.
pub fn read_hour(
    root: &Root,
    volume: VolumeId,
    stream: &StreamId,
    begin: Utc,
    skip: impl Fn(&StreamId, Utc) -> bool,
    mut row: impl FnMut(SegmentRow) -> bool,
    done: &mut Rebuilt,
) -> io::Result<bool> {
    let dir = layout::hour_dir(stream, begin);
    for entry in root
        .list(&dir)?
        .into_iter()
        .filter(|e| !e.is_dir && !e.name.starts_with('.'))
    {
        let Some(at) = layout::parse_segment_name(&entry.name) else {
            continue;
        };
        if skip(stream, at) {
            continue;
        }
        let path = dir.join(&entry.name);
        let file = match root.open_read(&path) {
            Ok(file) => file,
            // Retention was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        match read_row(&file, volume) {
            Ok(Some(found)) if found.relative_path() == path => {
                done.segments += 1;
                done.bytes += found.bytes;
                if !row(found) {
                    return Ok(false);
                }
            }
            Ok(Some(found)) => {
                let why = format!("it says {} {}", found.stream, found.start);
                done.unreadable.push((path, why));
            }
            Ok(None) => done.unreadable.push((path, "it has no whole fragment".into())),
            Err(why) => done.unreadable.push((path, why)),
        }
    }
    Ok(true)
}

/// What the ledgers of a stream say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    pub gaps: Vec<GapRow>,
    pub marks: Vec<MarkRow>,
}

/// All rows of gaps and marks of a stream that are over, by the ledgers of these volumes together.
pub fn read_ledgers<'a>(roots: impl IntoIterator<Item = &'a Root>, stream: &StreamId) -> Told {
    let (lines, failed) = read_merged(roots, stream, Utc::MIN, &[]);
    if failed > 0 {
        tracing::warn!(%stream, failed, "lines of the ledger are torn or cannot be read");
    }
    let (mut gaps, mut marks) = (GapState::default(), MarkState::default());
    Told {
        gaps: lines.iter().flat_map(|line| gaps.apply(stream, line)).collect(),
        marks: joined(lines.iter().flat_map(|line| marks.apply(stream, line))),
    }
}
