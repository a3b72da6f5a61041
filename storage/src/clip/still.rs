//! The picture that was shown at one moment, as what a decoder needs to make it.

use std::collections::BTreeMap;

use bytes::Bytes;
use vigie_config::Utc;

use super::{
    ClipError, place,
    search::{First, REORDERING, Search},
    source::{OpenSegment, Source, Unit, damaged},
};
use crate::{mp4::Boxes, rows::SegmentRow};

/// Units from the RAP up to the wanted picture, which is the last.
#[derive(Debug, Clone)]
pub struct Still {
    /// Type of the sample entry: `avc1`, `hvc1`, `mp4v`, … (ISO/IEC 14496-12 §8.5.2).
    pub entry: [u8; 4],
    pub width: u16,
    pub height: u16,
    /// Body of `avcC` or `hvcC`; empty where there is none.
    pub decoder_config: Bytes,
    pub units: Vec<StillUnit>,
    /// When the picture began to be shown.
    pub shown: Utc,
}

#[derive(Debug, Clone)]
pub struct StillUnit {
    /// µs since any moment.
    pub dts_us: i64,
    pub pts_us: i64,
    pub rap: bool,
    /// As a segment has it: `AccessUnit::data` of the media plane.
    pub data: Bytes,
}

/// Where the wanted picture lies.
struct Wanted {
    first: First,
    /// Among the units of its fragment.
    unit: usize,
}

impl Still {
    /// `rows`: the segments of one stream from [`super::LOOK_BACK`] before `at`.
    pub fn new(mut rows: Vec<SegmentRow>, at: Utc, open: OpenSegment) -> Result<Still, ClipError> {
        rows.sort_by_key(|row| (row.start, row.end));
        let to = at.plus_micros(1);
        let mut search = Search {
            rows,
            open,
            sources: BTreeMap::new(),
            from: at,
            to,
        };
        let wanted = wanted(&mut search, at)?.ok_or(ClipError::NoFootage { from: at, to })?;
        let lead = search.lead(&wanted.first)?;
        let source = search.source(wanted.first.row)?;
        let newest = lead.fragments.len().saturating_sub(1);
        let mut units = Vec::new();
        for (number, (row, _, of_fragment)) in lead.fragments.iter().enumerate() {
            let from = if number == 0 { lead.rap } else { 0 };
            let to = if number == newest {
                wanted.unit + 1
            } else {
                of_fragment.main.len()
            };
            let source = search.source(*row)?;
            for unit in of_fragment.main.get(from..to).unwrap_or_default() {
                units.push(read(&source, unit)?);
            }
        }
        let init = source.bytes(0, source.scan.init_len)?;
        let entry = entry(&init).ok_or_else(|| damaged(&source.row, "its sample entry".into()))?;
        let shown = place::micros(wanted.first.pts, source.tracks.main.timescale);
        Ok(Still {
            shown: source.row.start.plus_micros(shown),
            units,
            ..entry
        })
    }
}

/// The picture that is shown at `at`.
fn wanted(search: &mut Search, at: Utc) -> Result<Option<Wanted>, ClipError> {
    let near = |row: &SegmentRow| row.start <= at && row.end + REORDERING > at;
    let rows: Vec<usize> = (0..search.rows.len())
        .filter(|row| search.rows.get(*row).is_some_and(near))
        .collect();
    for row in rows.into_iter().rev() {
        let source = search.source(row)?;
        let at_us = at.micros_since(source.row.start);
        let reordering = i64::try_from(REORDERING.as_micros()).unwrap_or(i64::MAX);
        let mut best: Option<(Wanted, i64)> = None;
        let fragments = source.scan.fragments.iter().enumerate();
        let near = |start: i64, end: i64| start <= at_us && end.saturating_add(reordering) >= at_us;
        for (fragment, info) in fragments.filter(|(_, info)| near(info.start_us, info.end_us)) {
            for (unit, found) in source.units(info)?.main.iter().enumerate() {
                let pts = found.pts();
                let before = place::micros(pts, source.tracks.main.timescale) <= at_us;
                if before && best.as_ref().is_none_or(|(best, _)| best.first.pts < pts) {
                    let first = First { row, fragment, pts };
                    best = Some((Wanted { first, unit }, found.end()));
                }
            }
        }
        // Times of neighbours differ by roundings; a gap is far longer.
        let slack_us = 20_000;
        let lasts = |end: i64| place::micros(end, source.tracks.main.timescale) + slack_us > at_us;
        if let Some((wanted, _)) = best.filter(|(_, end)| lasts(*end)) {
            return Ok(Some(wanted));
        }
    }
    Ok(None)
}

fn read(source: &Source, unit: &Unit) -> Result<StillUnit, ClipError> {
    let start = source.row.start.as_micros();
    let micros = |ticks| start + place::micros(ticks, source.tracks.main.timescale);
    Ok(StillUnit {
        dts_us: micros(unit.dts),
        pts_us: micros(unit.pts()),
        rap: unit.sync(),
        data: source.bytes(unit.at, unit.size.into())?.into(),
    })
}

/// What the init segment says of the video, without units.
fn entry(init: &[u8]) -> Option<Still> {
    let moov = Boxes(Boxes(init).find(b"moov")?);
    let traks = moov.filter(|(kind, _)| &kind.0 == b"trak");
    let video = traks.filter_map(|(_, trak)| {
        let mdia = Boxes(trak).find(b"mdia")?;
        let is_video = Boxes(mdia).find(b"hdlr")?.get(8..12)? == b"vide";
        is_video.then_some(mdia)
    });
    let mdia = { video }.next()?;
    let stbl = Boxes(Boxes(mdia).find(b"minf")?).find(b"stbl")?;
    // Version, flags and the number of entries come first.
    let (kind, body) = Boxes(Boxes(stbl).find(b"stsd")?.get(8..)?).next()?;
    let size = |at: usize| body.get(at..)?.first_chunk().map(|two| u16::from_be_bytes(*two));
    let inner = Boxes(body.get(78..)?);
    let config = inner.find(b"avcC").or_else(|| inner.find(b"hvcC"));
    Some(Still {
        entry: kind.0,
        width: size(24)?,
        height: size(26)?,
        decoder_config: Bytes::copy_from_slice(config.unwrap_or_default()),
        units: Vec::new(),
        shown: Utc::from_micros(0),
    })
}
