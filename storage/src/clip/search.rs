//! Finding what a clip begins and ends with.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use vigie_config::Utc;

use super::{
    ClipError, place,
    source::{OpenSegment, Source, Unit, Units},
};
use crate::{mp4::FragmentInfo, rows::SegmentRow};

/// How much later than it is decoded a picture may be shown: some units, so this is plenty.
pub(super) const REORDERING: Duration = Duration::from_secs(1);

/// The first shown picture.
pub(super) struct First {
    pub row: usize,
    pub fragment: usize,
    pub pts: i64,
}

/// The last shown picture, and what of its fragment belongs to the clip.
pub(super) struct Last {
    pub row: usize,
    pub fragment: usize,
    pub main: usize,
    pub audio: usize,
    pub whole: bool,
    /// Where that picture ends.
    pub end: i64,
}

impl Last {
    /// `main`: how many of the fragment's pictures; `None` for none.
    fn of(source: &Source, row: usize, fragment: usize, units: &Units, main: usize) -> Option<Last> {
        let end = units.main.iter().take(main).map(Unit::end).max()?;
        let end_us = place::micros(end, source.tracks.main.timescale);
        let audio_end = source
            .tracks
            .audio
            .map_or(0, |audio| place::ticks(end_us, audio.timescale));
        let audio = units.audio.iter().take_while(|unit| unit.dts < audio_end).count();
        let whole = main == units.main.len() && audio == units.audio.len();
        Some(Last {
            row,
            fragment,
            main,
            audio,
            whole,
            end,
        })
    }
}

/// Fragments from the RAP to the one with the first shown picture.
pub(super) struct Lead {
    pub fragments: Vec<(usize, FragmentInfo, Units)>,
    /// The RAP's position in the first of them.
    pub rap: usize,
}

pub(super) struct Search {
    pub rows: Vec<SegmentRow>,
    pub open: OpenSegment,
    pub sources: BTreeMap<usize, Arc<Source>>,
    pub from: Utc,
    pub to: Utc,
}

impl Search {
    pub fn row(&self, at: usize) -> Result<&SegmentRow, ClipError> {
        self.rows.get(at).ok_or(ClipError::NoFootage {
            from: self.from,
            to: self.to,
        })
    }

    pub fn source(&mut self, at: usize) -> Result<Arc<Source>, ClipError> {
        if let Some(source) = self.sources.get(&at) {
            return Ok(source.clone());
        }
        let source = Arc::new(Source::open(self.row(at)?, &self.open)?);
        self.sources.insert(at, source.clone());
        Ok(source)
    }

    /// The first picture shown at or after `from`, if that is before `to`.
    pub fn first(&mut self, range: std::ops::RangeInclusive<usize>) -> Result<Option<First>, ClipError> {
        for row in range {
            let source = self.source(row)?;
            let (from, to) = (
                source.tick(self.from, source.tracks.main),
                source.tick(self.to, source.tracks.main),
            );
            let from_us = self
                .from
                .plus_micros(-(REORDERING.as_micros() as i64))
                .micros_since(source.row.start);
            let fragments = &source.scan.fragments;
            for (fragment, info) in (0..).zip(fragments).filter(|(_, info)| info.end_us >= from_us) {
                let earliest = |units: &Units| units.main.iter().map(Unit::pts).filter(|pts| *pts >= from).min();
                let Some(here) = earliest(&source.units(info)?) else {
                    continue;
                };
                // Of re-ordered pictures the first may be decoded later.
                let next = fragments.get(fragment + 1).map(|info| source.units(info)).transpose()?;
                let pts = next
                    .and_then(|units| earliest(&units))
                    .map_or(here, |next| next.min(here));
                return Ok((pts < to).then_some(First { row, fragment, pts }));
            }
        }
        Ok(None)
    }

    /// The last picture shown before `to`. Where pictures are re-ordered it is one behind which
    /// nothing is decoded that is shown before it, so that no picture is missing in between.
    pub fn last(&mut self, lowest: usize, highest: usize) -> Result<Option<Last>, ClipError> {
        for row in (lowest..=highest).rev() {
            let source = self.source(row)?;
            let to = source.tick(self.to, source.tracks.main);
            let to_us = self.to.micros_since(source.row.start);
            let mut last: Option<Last> = None;
            let fragments = source.scan.fragments.iter().enumerate().rev();
            for (fragment, info) in fragments.filter(|(_, info)| info.start_us < to_us) {
                let units = source.units(info)?;
                let late = units.main.iter().position(|unit| unit.pts() >= to);
                if let Some(last) = last.as_mut().filter(|_| late.is_none()) {
                    // Its last picture may be shown after those of the next fragment.
                    let end = units.main.iter().map(Unit::end).max();
                    last.end = last.end.max(end.unwrap_or(last.end));
                    break;
                }
                let main = late.unwrap_or(units.main.len());
                last = Last::of(&source, row, fragment, &units, main);
            }
            if last.is_some() {
                return Ok(last);
            }
        }
        Ok(None)
    }

    /// Goes back from the first shown picture to where decoding can begin.
    pub fn lead(&mut self, first: &First) -> Result<Lead, ClipError> {
        let mut fragments = Vec::new();
        let mut at = first.row;
        loop {
            let source = self.source(at)?;
            let newest = if at == first.row {
                first.fragment + 1
            } else {
                source.scan.fragments.len()
            };
            for info in source.scan.fragments.iter().take(newest).rev() {
                let units = source.units(info)?;
                let usable = |unit: &Unit| unit.sync() && (at != first.row || unit.pts() <= first.pts);
                let rap = units.main.iter().rposition(usable);
                fragments.push((at, info.clone(), units));
                if let Some(rap) = rap {
                    fragments.reverse();
                    return Ok(Lead { fragments, rap });
                }
            }
            // None in this file: in the one before, if this one goes on with it.
            let before = at.checked_sub(1).and_then(|before| self.rows.get(before));
            let row = self.row(at)?;
            if !(row.continued && before.is_some_and(|before| goes_on(before, row))) {
                // Nowhere: some decoders make do with what comes.
                fragments.reverse();
                return Ok(Lead { fragments, rap: 0 });
            }
            at -= 1;
        }
    }
}

/// Times of neighbours differ by roundings; a missing picture is more.
const ROUNDING_US: i64 = 10_000;

/// The pictures of the second refer to those of the first: the next of its run, or of another run that
/// took over without a hole, as after a recording that was started again.
fn goes_on(before: &SegmentRow, row: &SegmentRow) -> bool {
    // The rest of a segment, on another disk, has its number.
    let next = before.number == row.number || before.number.wrapping_add(1) == row.number;
    let touches = row.start.micros_since(before.end).abs() <= ROUNDING_US;
    before.format == row.format && (before.run == row.run && next || touches)
}
