//! From rows and a range to the list of what the clip consists of.

use std::{collections::BTreeMap, ops::Range};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use vigie_config::Utc;

use super::{
    ClipError,
    body::{chunks, placed},
    head::{Head, Table},
    moof::Shift,
    place,
    search::{First, Last, Lead, REORDERING, Search},
    source::{OpenSegment, Track, Tracks, Unit, damaged},
};
use crate::rows::SegmentRow;

/// A stretch of the clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Bytes(Bytes),
    /// As they are in the file of this row.
    Media {
        row: usize,
        file: Range<u64>,
    },
    /// Whole fragments, moved in time by the row's shift.
    Fragments {
        row: usize,
        file: Range<u64>,
    },
}

impl Piece {
    pub fn len(&self) -> u64 {
        match self {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::Media { file, .. } | Piece::Fragments { file, .. } => file.end - file.start,
        }
    }
}

pub(super) struct Plan {
    pub rows: Vec<SegmentRow>,
    /// For each of `rows`; those before the clip have one that is not used.
    pub shifts: Vec<Shift>,
    pub pieces: Vec<Piece>,
    pub resolved: (Utc, Utc),
    pub etag: String,
    pub open: OpenSegment,
}

/// `rows` may begin before `from`: earlier segments of a run are needed where one does not begin
/// with a RAP.
pub(super) fn plan(rows: Vec<SegmentRow>, from: Utc, to: Utc, open: OpenSegment) -> Result<Plan, ClipError> {
    let rows = distinct(rows);
    let touched: Vec<usize> = (0..rows.len())
        .filter(|at| rows.get(*at).is_some_and(|row| row.end > from && row.start < to))
        .collect();
    let no_footage = || ClipError::NoFootage { from, to };
    let (Some(&lowest), Some(&highest)) = (touched.first(), touched.last()) else {
        return Err(no_footage());
    };
    // Re-ordered pictures at the end of a segment are shown after its end.
    let before = lowest.checked_sub(1).filter(|before| {
        let (before, row) = (rows.get(*before), rows.get(lowest));
        before
            .zip(row)
            .is_some_and(|(before, row)| before.format == row.format && before.end + REORDERING > from)
    });
    let range = rows.get(lowest..=highest).unwrap_or_default();
    let pairs = || range.iter().zip(range.iter().skip(1));
    let cuts: Vec<Utc> = pairs()
        .filter(|(a, b)| a.format != b.format)
        .map(|(_, b)| b.start)
        .collect();
    if !cuts.is_empty() {
        return Err(ClipError::MixedFormats { from, to, cuts });
    }
    let with_audio =
        range.iter().all(|row| row.audio_format != 0) && pairs().all(|(a, b)| a.audio_format == b.audio_format);
    let mut search = Search {
        rows,
        open,
        sources: BTreeMap::new(),
        from,
        to,
    };
    // Not being able to look there costs no picture that anyone was promised.
    let lowest = before.filter(|before| search.source(*before).is_ok()).unwrap_or(lowest);
    let first = search.first(lowest..=highest)?.ok_or_else(no_footage)?;
    let last = search.last(first.row, highest)?.ok_or_else(no_footage)?;
    if last.row == first.row && last.end <= first.pts {
        return Err(no_footage());
    }
    let lead = search.lead(&first)?;
    search.assemble(&first, &last, lead, with_audio)
}

/// By start; of two copies of one segment (its volume failed) the longer.
fn distinct(mut rows: Vec<SegmentRow>) -> Vec<SegmentRow> {
    rows.sort_by_key(|row| (row.start, row.end));
    rows.dedup_by(|later, earlier| {
        let same = later.start == earlier.start;
        if same {
            std::mem::swap(later, earlier);
        }
        same
    });
    rows
}

impl Search {
    fn assemble(mut self, first: &First, last: &Last, lead: Lead, with_audio: bool) -> Result<Plan, ClipError> {
        let source = self.source(first.row)?;
        let tracks = Tracks {
            audio: source.tracks.audio.filter(|_| with_audio),
            ..source.tracks
        };
        let begin = lead.fragments.first().map_or(first.row, |(row, ..)| *row);
        let rap = lead
            .fragments
            .first()
            .and_then(|(.., units)| units.main.get(lead.rap))
            .copied();
        let Some(rap) = rap else {
            return Err(damaged(&source.row, "its first fragment has no units".into()));
        };
        let places = place::places(self.rows.get(begin..).unwrap_or_default(), slack_us(&rap, tracks.main));
        let place = |row: usize| row.checked_sub(begin).and_then(|at| places.get(at)).copied();
        let since = |row: usize, of: usize, track: Track| match (place(row), place(of)) {
            (Some(row), Some(of)) => place::ticks(row.micros_since(of), track.timescale),
            _ => 0,
        };
        // Nothing comes before the RAP in its fragment, and it is the first picture shown: then
        // the fragment can stay a fragment.
        let plain = lead.fragments.len() == 1 && lead.rap == 0 && rap.pts() == first.pts;

        // Pictures that are decoded and not shown take one tick each: so the clip is as long as
        // what it shows even for those who do not apply the edit list (Chromium's duration).
        let shown = |row: usize, unit: &Unit| row == first.row && unit.pts() >= first.pts;
        let lead_main = lead
            .fragments
            .iter()
            .flat_map(|(row, _, units)| units.main.iter().map(move |unit| (*row, unit)));
        let early = lead_main
            .clone()
            .skip(lead.rap)
            .take_while(|(row, unit)| !shown(*row, unit))
            .count();
        let first_decoded = lead_main
            .clone()
            .skip(lead.rap + early)
            .map(|(_, unit)| unit.dts)
            .next();
        let zero = first_decoded.unwrap_or(rap.dts) - early as i64;

        // The sound begins with the unit that lasts into the first picture.
        let sound_at = tracks
            .audio
            .map(|audio| place::ticks(place::micros(first.pts, tracks.main.timescale), audio.timescale));
        let wanted = |unit: &&Unit| plain || sound_at.is_some_and(|at| unit.dts + i64::from(unit.duration) > at);
        let lead_audio = lead
            .fragments
            .iter()
            .filter(|(row, ..)| *row == first.row)
            .flat_map(|(.., units)| &units.audio);
        let sound_zero = lead_audio
            .clone()
            .find(wanted)
            .map(|unit| unit.dts)
            .or(sound_at)
            .unwrap_or(0);
        let shifts: Vec<Shift> = (0..self.rows.len())
            .map(|row| Shift {
                tracks,
                main: since(row, first.row, tracks.main) - zero,
                audio: tracks.audio.map(|audio| since(row, first.row, audio) - sound_zero),
            })
            .collect();
        let shift = |row: usize| {
            shifts.get(row).copied().unwrap_or(Shift {
                tracks,
                main: 0,
                audio: None,
            })
        };

        let one_fragment = (first.row, first.fragment) == (last.row, last.fragment);
        let mut main = Table::default();
        let mut audio = Table::default();
        let mut pieces = Vec::new();
        let mut media_bytes = 0u64;
        let mut number_of_pictures = 0;
        if !plain {
            let newest = lead.fragments.len() - 1;
            for (number, (row, _, units)) in lead.fragments.iter().enumerate() {
                let ending = one_fragment && number == newest;
                let from = if number == 0 { lead.rap } else { 0 };
                let keep = units
                    .main
                    .get(from..if ending { last.main } else { units.main.len() })
                    .unwrap_or_default();
                let sound: Vec<Unit> = units
                    .audio
                    .iter()
                    .take(if ending { last.audio } else { usize::MAX })
                    .filter(|_| *row == first.row && tracks.audio.is_some())
                    .filter(wanted)
                    .copied()
                    .collect();
                let mut pictures = placed(keep, shift(*row).main);
                for picture in &mut pictures {
                    if number_of_pictures < early {
                        picture.dts = number_of_pictures as i64;
                        picture.unit.shift = 0;
                    }
                    number_of_pictures += 1;
                }
                let sound = placed(&sound, shift(*row).audio.unwrap_or(0));
                for (table, units) in [(&mut main, pictures), (&mut audio, sound)] {
                    for chunk in chunks(units) {
                        let bytes = chunk.bytes();
                        pieces.push(Piece::Media {
                            row: *row,
                            file: chunk.offset()..chunk.offset() + bytes,
                        });
                        table.chunks.push((media_bytes, chunk));
                        media_bytes += bytes;
                    }
                }
            }
        }
        main.skip = first.pts + shift(first.row).main;
        audio.skip = sound_at.map_or(0, |at| (at - sound_zero).max(0));
        if let (Some(at), Some(track)) = (sound_at, tracks.audio) {
            let late = place::micros((sound_zero - at).max(0), track.timescale);
            audio.delay = u64::try_from(place::ticks(late, tracks.main.timescale)).unwrap_or(0);
        }

        let mut jumps = Vec::new();
        if plain || !one_fragment {
            let after = if plain { first.fragment } else { first.fragment + 1 };
            if let Some(info) = source.scan.fragments.get(after) {
                let units = source.units(info)?;
                main.next_dts = units.main.first().map(|unit| unit.dts + shift(first.row).main);
                audio.next_dts = units
                    .audio
                    .first()
                    .and_then(|unit| Some(unit.dts + shift(first.row).audio?));
            }
            self.fragments(first, last, after, &shifts, &mut pieces, &mut jumps)?;
        }
        if main.next_dts.is_none() && !one_fragment {
            main.next_dts = Some(shift(first.row + 1).main);
        }

        let end = last.end + shift(last.row).main;
        let resolved_from = source
            .row
            .start
            .plus_micros(place::micros(first.pts, tracks.main.timescale));
        let resolved_to = self
            .row(last.row)?
            .start
            .plus_micros(place::micros(last.end, tracks.main.timescale));
        let init = source.bytes(0, source.scan.init_len)?;
        let head = Head {
            init: &init,
            tracks,
            duration: u64::try_from(end - main.skip).unwrap_or(0),
            main,
            audio: tracks.audio.map(|_| audio),
            start: resolved_from,
            media_bytes,
            jumps,
            end,
        };
        let head = head
            .write()
            .ok_or_else(|| damaged(&source.row, "its init segment".into()))?;
        pieces.insert(0, Piece::Bytes(head.into()));
        pieces.retain(|piece| piece.len() > 0);
        let resolved = (resolved_from, resolved_to);
        let etag = etag(&self.rows, &shifts, &pieces);
        Ok(Plan {
            rows: self.rows,
            shifts,
            pieces,
            resolved,
            etag,
            open: self.open,
        })
    }
}

/// Three quarters of a picture.
fn slack_us(unit: &Unit, track: Track) -> i64 {
    place::micros(i64::from(unit.duration) * 3 / 4, track.timescale)
}

/// Of all that decides about the bytes: equal tags, equal clips.
fn etag(rows: &[SegmentRow], shifts: &[Shift], pieces: &[Piece]) -> String {
    let mut hash = Sha256::new();
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => hash.update(bytes),
            Piece::Media { row, file } | Piece::Fragments { row, file } => {
                if let (Some(segment), Some(shift)) = (rows.get(*row), shifts.get(*row)) {
                    hash.update(segment.volume.0.to_le_bytes());
                    hash.update(segment.start.as_micros().to_le_bytes());
                    hash.update(u128::from(segment.run).to_le_bytes());
                    hash.update(shift.main.to_le_bytes());
                    hash.update(shift.audio.unwrap_or(i64::MIN).to_le_bytes());
                }
                hash.update(file.start.to_le_bytes());
                hash.update(file.end.to_le_bytes());
            }
        }
    }
    format!("\"{}\"", hex::encode(hash.finalize().get(..16).unwrap_or_default()))
}
