//! One file after a crash: cut to its last whole fragment, removed when it has none, set aside
//! when it is not understood.

use std::{io, path::Path};

use vigie_config::{StreamId, Utc};

use crate::{
    file::{Footage, ReadAt, Root},
    layout,
    mp4::{ScanError, SegmentScan, SegmentTally, scan_segment},
    rows::SegmentRow,
    segment::SegmentStart,
    uuid::{RecorderId, VolumeId},
    volume::marker::Marker,
};

/// How many fragments at the end of a file are read to see that their media was written: at the
/// default tick more than two ticks and a slow sync can leave in doubt.
const CHECKED: usize = 30;
/// The unit in which file systems lose data.
const BLOCK: usize = 4096;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Whole,
    /// Bytes that were cut off.
    Cut(u64),
    /// Not one whole fragment: removed.
    Removed,
    /// Of a recorder that the disk's marker does not name: not touched.
    Foreign(RecorderId),
    /// Renamed to `….broken`: not understood, so not deleted.
    SetAside(String),
    /// Of a newer format: not touched.
    Newer,
}

/// The row of a finished file as it is, without changing it. `Ok(None)`: not one whole fragment.
pub fn read_row(file: &Footage, volume: VolumeId) -> Result<Option<SegmentRow>, String> {
    let scan = scan_segment(file).map_err(|error| error.to_string())?;
    if scan.fragments.is_empty() {
        return Ok(None);
    }
    let (segment, _) = SegmentStart::from_tags(&scan.moov.tags).map_err(|error| error.to_string())?;
    Ok(Some(scan.tally.row(&segment, volume)))
}

/// `path` may have a dot name: then the file gets its proper name if it has a whole fragment.
pub fn repair(
    root: &Root,
    marker: &Marker,
    stream: &StreamId,
    path: &Path,
) -> io::Result<(Outcome, Option<SegmentRow>)> {
    let file = root.open_write(path)?;
    let scan = match scan_segment(&file) {
        Ok(scan) => scan,
        Err(ScanError::Io(error)) => return Err(error),
        Err(ScanError::NoHead { .. }) => return Ok((without_head(root, path, &file)?, None)),
    };
    let (segment, owner) = match SegmentStart::from_tags(&scan.moov.tags) {
        Ok(found) => found,
        Err(crate::segment::TagError::Newer { .. }) => return Ok((Outcome::Newer, None)),
        Err(error) => return Ok((set_aside(root, path, &error.to_string())?, None)),
    };
    if !marker.owns(owner) {
        return Ok((Outcome::Foreign(owner), None));
    }
    if segment.stream != *stream || segment.path() != proper(path) {
        let why = format!("it says {} {} of recorder {owner}", segment.stream, segment.start);
        return Ok((set_aside(root, path, &why)?, None));
    }
    let tally = sound_part(&file, &scan)?;
    if tally.fragments == 0 {
        root.remove(path)?;
        return Ok((Outcome::Removed, None));
    }
    // Also frees what was reserved beyond the end.
    file.truncate(tally.bytes)?;
    let proper = proper(path);
    if proper != path {
        root.rename(path, &proper)?;
    }
    let lost = scan.file_len - tally.bytes;
    let outcome = if lost == 0 { Outcome::Whole } else { Outcome::Cut(lost) };
    Ok((outcome, Some(tally.row(&segment, marker.volume))))
}

/// Takes away the fragments that begin at `from` or later; the row of what is left, which is not
/// nothing.
pub fn cut_from(root: &Root, path: &Path, row: SegmentRow, from: Utc) -> io::Result<SegmentRow> {
    let path = proper(path);
    let file = root.open_write(&path)?;
    let Ok(scan) = scan_segment(&file) else { return Ok(row) };
    let Ok((segment, _)) = SegmentStart::from_tags(&scan.moov.tags) else {
        return Ok(row);
    };
    let mut tally = scan.tally.emptied();
    // Times are rounded to microseconds on the way.
    let before = |start_us: i64| segment.start.plus_micros(start_us + 1000) < from;
    scan.fragments
        .iter()
        .take_while(|fragment| before(fragment.start_us))
        .for_each(|fragment| tally.add(fragment));
    if tally.fragments == 0 || tally.fragments as usize == scan.fragments.len() {
        return Ok(row);
    }
    file.truncate(tally.bytes)?;
    Ok(tally.row(&segment, row.volume))
}

/// Without the dot of a file that has not been named yet.
pub(super) fn proper(path: &Path) -> std::path::PathBuf {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    path.with_file_name(name.strip_prefix('.').unwrap_or(name))
}

/// The fragments up to the first whose bytes did not all reach the device.
fn sound_part(file: &Footage, scan: &SegmentScan) -> io::Result<SegmentTally> {
    let hole = file.first_hole()?;
    let unchecked = scan.fragments.len().saturating_sub(CHECKED);
    let mut tally = scan.tally.emptied();
    let mut buf = Vec::new();
    for (index, fragment) in scan.fragments.iter().enumerate() {
        let end = fragment.offset + fragment.len;
        if end > hole {
            break;
        }
        if index >= unchecked && has_lost_block(file, fragment.offset, end, &mut buf)? {
            break;
        }
        tally.add(fragment);
    }
    Ok(tally)
}

/// A whole block of zeros: no coded video has one (NAL units never hold three zero bytes in a
/// row), a lost write leaves just that.
fn has_lost_block(file: &Footage, from: u64, to: u64, buf: &mut Vec<u8>) -> io::Result<bool> {
    let block = BLOCK as u64;
    let from = from.next_multiple_of(block);
    if from >= to {
        return Ok(false);
    }
    buf.resize(usize::try_from(to - from).unwrap_or(0), 0);
    let got = file.read_full_at(buf, from)?;
    Ok(buf
        .get(..got)
        .unwrap_or_default()
        .chunks_exact(BLOCK)
        .any(|b| b.iter().all(|byte| *byte == 0)))
}

/// Empty, zeros, or a torn head: nothing of it can ever be played. Anything else is not ours.
fn without_head(root: &Root, path: &Path, file: &Footage) -> io::Result<Outcome> {
    let mut head = [0u8; 64];
    let got = file.read_full_at(&mut head, 0)?;
    let head = head.get(..got).unwrap_or_default();
    let torn = head.iter().all(|byte| *byte == 0) || head.get(4..8) == Some(b"ftyp");
    if torn
        || path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().first() == Some(&b'.'))
    {
        root.remove(path)?;
        return Ok(Outcome::Removed);
    }
    set_aside(root, path, "it does not begin like an MP4 file")
}

fn set_aside(root: &Root, path: &Path, why: &str) -> io::Result<Outcome> {
    let mut name = proper(path).into_os_string();
    name.push(layout::BROKEN_SUFFIX);
    root.rename(path, Path::new(&name))?;
    Ok(Outcome::SetAside(why.to_owned()))
}
