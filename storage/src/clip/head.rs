//! The head of a clip: `ftyp`, `moov` and `sidx`, with the units before the first whole fragment
//! in the sample tables of `moov` (fragments cannot hold pictures that are decoded, not shown).

use vigie_config::Utc;

use super::{
    boxes::Write,
    source::{Track, Tracks, Unit},
};
use crate::mp4::Boxes;

/// Seconds from 1904, where ISO time begins, to 1970.
const ISO_EPOCH: i64 = 2_082_844_800;

/// A unit of the sample tables.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub unit: Unit,
    /// Ticks on the clip's time line of its track.
    pub dts: i64,
}

/// Units that lie in one stretch, here and in their file.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub units: Vec<Placed>,
}

impl Chunk {
    pub fn offset(&self) -> u64 {
        self.units.first().map_or(0, |first| first.unit.at)
    }
    pub fn bytes(&self) -> u64 {
        self.units.iter().map(|placed| u64::from(placed.unit.size)).sum()
    }
}

/// What the sample tables hold of one track.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// With their distance from the first byte of the head's media.
    pub chunks: Vec<(u64, Chunk)>,
    /// Where the first unit after them is decoded.
    pub next_dts: Option<i64>,
    /// Ticks of the track that are decoded and not shown.
    pub skip: i64,
    /// Ticks of the movie before the track begins.
    pub delay: u64,
}

/// A stretch of fragments that begins where a player may jump to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Jump {
    pub bytes: u64,
    /// Ticks of the main track.
    pub start: i64,
    pub rap: bool,
}

pub(super) struct Head<'a> {
    /// The init segment of the first file.
    pub init: &'a [u8],
    pub tracks: Tracks,
    pub main: Table,
    /// `None`: without sound.
    pub audio: Option<Table>,
    /// Of the shown range, in ticks of the main track, which are also the movie's.
    pub duration: u64,
    pub start: Utc,
    /// Bytes of the head's media.
    pub media_bytes: u64,
    pub jumps: Vec<Jump>,
    /// Ticks of the main track at which the last jump's stretch ends.
    pub end: i64,
}

impl Head<'_> {
    /// Everything before the media. `None`: the init segment makes no sense.
    pub fn write(&self) -> Option<Vec<u8>> {
        // The offsets do not change the length: written twice, the second time with the right ones.
        let len = self.write_at(0)?.len() as u64;
        self.write_at(len)
    }

    fn write_at(&self, len: u64) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(4096);
        out.plain(b"ftyp", |b| {
            b.extend(b"iso6");
            b.u32(0);
            b.extend(b"iso6isommp42");
        });
        let moov = Boxes(self.init).find(b"moov")?;
        let mut whole = Some(());
        out.plain(b"moov", |b| {
            self.mvhd(b);
            let tables = [
                (Some(self.tracks.main), Some(&self.main)),
                (self.tracks.audio, self.audio.as_ref()),
            ];
            for (track, table) in tables {
                let (Some(track), Some(table)) = (track, table) else {
                    continue;
                };
                let written = self.trak(b, moov, track, table, len);
                whole = whole.and(written);
            }
            self.mvex(b, moov);
        });
        whole?;
        self.sidx(&mut out);
        out.extend(self.media_header());
        Some(out)
    }

    /// Of the `mdat` box around the head's media.
    fn media_header(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.media_bytes > 0 {
            out.u32(1);
            out.extend(b"mdat");
            out.u64(self.media_bytes + 16);
        }
        out
    }

    fn mvhd(&self, b: &mut Vec<u8>) {
        let created = self.start.as_micros().div_euclid(1_000_000) + ISO_EPOCH;
        let created = u64::try_from(created).unwrap_or(0);
        b.full(b"mvhd", 1, 0, |b| {
            b.u64(created);
            b.u64(created);
            b.u32(self.tracks.main.timescale);
            b.u64(self.duration);
            b.u32(1 << 16); // rate
            b.u16(1 << 8); // volume
            b.zeros(10);
            for value in [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30] {
                b.u32(value);
            }
            b.zeros(24);
            let audio = self.tracks.audio.map_or(0, |audio| audio.id);
            b.u32(self.tracks.main.id.max(audio) + 1);
        });
    }

    fn trak(&self, b: &mut Vec<u8>, moov: &[u8], track: Track, table: &Table, media_at: u64) -> Option<()> {
        let trak = Boxes(moov)
            .filter(|(kind, _)| &kind.0 == b"trak")
            .map(|(_, body)| body)
            .find(|trak| track_id(trak) == Some(track.id))?;
        let tkhd = Boxes(trak).find(b"tkhd")?;
        // Reserved, layer, group, volume, matrix, width, height.
        let look = tkhd.last_chunk::<60>()?;
        let mdia = Boxes(trak).find(b"mdia")?;
        let mdhd = Boxes(mdia).find(b"mdhd")?;
        let language = mdhd.last_chunk::<4>()?;
        let hdlr = Boxes(mdia).find(b"hdlr")?;
        let minf = Boxes(mdia).find(b"minf")?;
        let stsd = Boxes(Boxes(minf).find(b"stbl")?).find(b"stsd")?;
        b.plain(b"trak", |b| {
            b.full(b"tkhd", 1, 3, |b| {
                b.zeros(16);
                b.u32(track.id);
                b.zeros(4);
                b.u64(self.duration);
                b.extend(look);
            });
            b.plain(b"edts", |b| self.elst(b, table));
            b.plain(b"mdia", |b| {
                b.full(b"mdhd", 1, 0, |b| {
                    b.zeros(16);
                    b.u32(track.timescale);
                    b.u64(table.span());
                    b.extend(language);
                });
                b.plain(b"hdlr", |b| b.extend(hdlr));
                b.plain(b"minf", |b| {
                    for (kind, body) in Boxes(minf).filter(|(kind, _)| &kind.0 != b"stbl") {
                        b.plain(&kind.0, |b| b.extend(body));
                    }
                    b.plain(b"stbl", |b| {
                        b.plain(b"stsd", |b| b.extend(stsd));
                        table.write(b, media_at);
                    });
                });
            });
        });
        Some(())
    }

    fn elst(&self, b: &mut Vec<u8>, table: &Table) {
        b.full(b"elst", 1, 0, |b| {
            let delayed = table.delay > 0;
            b.u32(1 + u32::from(delayed));
            if delayed {
                b.u64(table.delay);
                b.u64(u64::MAX); // -1: nothing is shown
                b.u32(1 << 16);
            }
            b.u64(self.duration.saturating_sub(table.delay));
            b.u64(u64::try_from(table.skip).unwrap_or(0));
            b.u32(1 << 16); // rate
        });
    }

    fn mvex(&self, b: &mut Vec<u8>, moov: &[u8]) {
        b.plain(b"mvex", |b| {
            b.full(b"mehd", 1, 0, |b| b.u64(self.duration));
            let audio = self.tracks.audio.filter(|_| self.audio.is_some());
            let wanted = [Some(self.tracks.main.id), audio.map(|audio| audio.id)];
            let trexs = Boxes(moov).find(b"mvex").map(Boxes).into_iter().flatten();
            for (_, trex) in trexs.filter(|(kind, _)| &kind.0 == b"trex") {
                let id = trex
                    .get(4..)
                    .and_then(|rest| rest.first_chunk::<4>())
                    .map(|id| u32::from_be_bytes(*id));
                if wanted.contains(&id) {
                    b.plain(b"trex", |b| b.extend(trex));
                }
            }
        });
    }

    /// Lets a player jump, and open the clip, without reading through all of it.
    fn sidx(&self, b: &mut Vec<u8>) {
        let fits = |jump: &Jump| jump.bytes < 1 << 31;
        if self.jumps.is_empty() || self.jumps.len() > usize::from(u16::MAX) || !self.jumps.iter().all(fits) {
            return;
        }
        b.full(b"sidx", 1, 0, |b| {
            b.u32(self.tracks.main.id);
            b.u32(self.tracks.main.timescale);
            // Times of presentation, so from the first shown picture on.
            let first = self.jumps.first().map_or(0, |jump| jump.start - self.main.skip);
            b.u64(u64::try_from(first).unwrap_or(0));
            let media = self.media_header().len() as u64 + self.media_bytes;
            b.u64(media);
            b.u16(0);
            b.u16(self.jumps.len() as u16);
            let ends = self.jumps.iter().skip(1).map(|jump| jump.start).chain([self.end]);
            for (jump, end) in self.jumps.iter().zip(ends) {
                b.u32(jump.bytes as u32);
                b.u32(u32::try_from(end - jump.start).unwrap_or(0));
                b.u32(if jump.rap { 0x9000_0000 } else { 0 }); // starts with a SAP of type 1
            }
        });
    }
}

impl Table {
    fn units(&self) -> impl Iterator<Item = &Placed> {
        self.chunks.iter().flat_map(|(_, chunk)| &chunk.units)
    }

    /// How long each unit lasts, up to the next one.
    fn durations(&self) -> Vec<u32> {
        let next = self
            .units()
            .skip(1)
            .map(|placed| Some(placed.dts))
            .chain([self.next_dts]);
        self.units()
            .zip(next)
            .map(|(placed, next)| {
                let distance = next.map(|next| next - placed.dts).filter(|distance| *distance > 0);
                distance
                    .and_then(|distance| u32::try_from(distance).ok())
                    .unwrap_or(placed.unit.duration)
            })
            .collect()
    }

    fn span(&self) -> u64 {
        self.durations().into_iter().map(u64::from).sum()
    }

    /// The tables behind `stsd` (ISO/IEC 14496-12 §8.6, §8.7).
    fn write(&self, b: &mut Vec<u8>, media_at: u64) {
        b.full(b"stts", 0, 0, |b| runs(b, self.durations().into_iter()));
        if self.units().any(|placed| placed.unit.shift != 0) {
            b.full(b"ctts", 1, 0, |b| {
                runs(b, self.units().map(|placed| placed.unit.shift.cast_unsigned()))
            });
        }
        if self.units().any(|placed| !placed.unit.sync()) {
            let syncs: Vec<u32> = (1..)
                .zip(self.units())
                .filter(|(_, placed)| placed.unit.sync())
                .map(|(number, _)| number)
                .collect();
            b.full(b"stss", 0, 0, |b| {
                b.u32(syncs.len() as u32);
                syncs.iter().for_each(|number| b.u32(*number));
            });
        }
        b.full(b"stsc", 0, 0, |b| {
            b.u32(self.chunks.len() as u32);
            for (number, (_, chunk)) in (1..).zip(&self.chunks) {
                b.u32(number);
                b.u32(chunk.units.len() as u32);
                b.u32(1); // sample description
            }
        });
        b.full(b"stsz", 0, 0, |b| {
            b.u32(0); // sizes differ
            b.u32(self.units().count() as u32);
            self.units().for_each(|placed| b.u32(placed.unit.size));
        });
        b.full(b"co64", 0, 0, |b| {
            b.u32(self.chunks.len() as u32);
            self.chunks.iter().for_each(|(offset, _)| b.u64(media_at + offset));
        });
    }
}

/// Equal neighbours as (count, value).
fn runs(b: &mut Vec<u8>, values: impl Iterator<Item = u32>) {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some((count, last)) if *last == value => *count += 1,
            _ => runs.push((1, value)),
        }
    }
    b.u32(runs.len() as u32);
    for (count, value) in runs {
        b.u32(count);
        b.u32(value);
    }
}

fn track_id(trak: &[u8]) -> Option<u32> {
    let tkhd = Boxes(trak).find(b"tkhd")?;
    let at = if tkhd.first() == Some(&1) { 20 } else { 12 };
    Some(u32::from_be_bytes(*tkhd.get(at..)?.first_chunk()?))
}
