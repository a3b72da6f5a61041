//! The body of a clip: from the first whole fragment to the last picture.

use super::{
    ClipError,
    head::{Chunk, Jump, Placed},
    moof::{self, Shift},
    place,
    plan::Piece,
    search::{First, Last, Search},
    source::{Source, Unit},
};
use crate::mp4::FragmentInfo;

impl Search {
    /// From fragment `after` of the first row to the last picture.
    pub fn fragments(
        &mut self,
        first: &First,
        last: &Last,
        after: usize,
        shifts: &[Shift],
        pieces: &mut Vec<Piece>,
        jumps: &mut Vec<Jump>,
    ) -> Result<(), ClipError> {
        for row in first.row..=last.row {
            let shift = shifts.get(row).copied().ok_or(ClipError::NoFootage {
                from: self.from,
                to: self.to,
            })?;
            let this = self.row(row)?.clone();
            if row != first.row && row != last.row {
                let file = u64::from(this.init_bytes)..this.bytes;
                jumps.push(Jump {
                    bytes: file.end.saturating_sub(file.start),
                    start: shift.main,
                    rap: !this.continued,
                });
                pieces.push(Piece::Fragments { row, file });
                continue;
            }
            let source = self.source(row)?;
            let fragments = &source.scan.fragments;
            let skipped = if row == first.row { after } else { 0 };
            let count = if row == last.row {
                last.fragment + usize::from(last.whole)
            } else {
                fragments.len()
            };
            let mut whole = fragments
                .iter()
                .skip(skipped)
                .take(count.saturating_sub(skipped))
                .peekable();
            let start = whole.peek().map(|info| info.offset);
            let mut end = start;
            for info in whole {
                // From the end of the one before: a `free` box may lie between.
                let bytes = info.offset + info.len - end.unwrap_or(info.offset);
                end = Some(info.offset + info.len);
                jump(jumps, &source, info, shift.main, bytes)?;
            }
            if let (Some(start), Some(end)) = (start, end) {
                pieces.push(Piece::Fragments { row, file: start..end });
            }
            if let Some(info) = fragments.get(last.fragment).filter(|_| row == last.row && !last.whole) {
                let units = source.units(info)?;
                let main = units.main.get(..last.main).unwrap_or_default();
                let audio = units
                    .audio
                    .get(..last.audio)
                    .filter(|_| shift.audio.is_some())
                    .unwrap_or_default();
                let before = pieces.len();
                pieces.push(Piece::Bytes(moof::fragment(&shift, u32::MAX, main, audio).into()));
                for chunk in chunks(placed(main, 0)).into_iter().chain(chunks(placed(audio, 0))) {
                    pieces.push(Piece::Media {
                        row,
                        file: chunk.offset()..chunk.offset() + chunk.bytes(),
                    });
                }
                let bytes = pieces.iter().skip(before).map(Piece::len).sum();
                jump(jumps, &source, info, shift.main, bytes)?;
            }
        }
        Ok(())
    }
}

/// Adds `bytes` that begin with this fragment: a new place to jump to where it begins with a RAP.
fn jump(jumps: &mut Vec<Jump>, source: &Source, info: &FragmentInfo, by: i64, bytes: u64) -> Result<(), ClipError> {
    // A fragment of sound alone begins with a RAP too, but not with a picture.
    let rap = info.rap && (source.tracks.audio.is_none() || info.video_end_us.is_some());
    match jumps.last_mut().filter(|_| !rap) {
        Some(jump) => jump.bytes += bytes,
        None => {
            let first = source.units(info)?.main.first().map(|unit| unit.dts);
            let start = first.unwrap_or_else(|| place::ticks(info.start_us, source.tracks.main.timescale)) + by;
            jumps.push(Jump { bytes, start, rap });
        }
    }
    Ok(())
}

/// Where they lie on the clip's time line.
pub(super) fn placed(units: &[Unit], by: i64) -> Vec<Placed> {
    let place = |unit: &Unit| Placed {
        unit: *unit,
        dts: unit.dts + by,
    };
    units.iter().map(place).collect()
}

/// Units side by side in the file.
pub(super) fn chunks(units: Vec<Placed>) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    for placed in units {
        match chunks.last_mut() {
            Some(chunk) if chunk.offset() + chunk.bytes() == placed.unit.at => chunk.units.push(placed),
            _ => chunks.push(Chunk { units: vec![placed] }),
        }
    }
    chunks
}
