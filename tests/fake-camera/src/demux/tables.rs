//! `moov`: tracks, their sample entries, sample tables, edit lists and tags.

use std::ops::Range;

use anyhow::{Context, Result};

use super::{
    Defaults, Edit, Movie, Sample, Track, TrackKind,
    boxes::{Boxes, Cursor},
};

pub fn moov(data: &[u8], body: Range<usize>, movie: &mut Movie) -> Result<()> {
    for item in Boxes::new(data, body) {
        let item = item?;
        let mut cursor = Cursor::new(data, item.body.clone());
        match &item.kind {
            b"mvhd" => {
                let version = cursor.u32()? >> 24;
                cursor.take(if version == 1 { 16 } else { 8 })?;
                movie.timescale = cursor.u32()?;
            }
            b"trak" => {
                let track = trak(data, item.body)?;
                movie.tracks.push(track);
            }
            b"mvex" => mvex(data, item.body, &mut movie.tracks)?,
            b"meta" => meta(data, item.body, movie)?,
            b"udta" => {
                for inner in Boxes::new(data, item.body) {
                    // Old files end this box with four zero bytes instead of a box.
                    let Ok(inner) = inner else { break };
                    if &inner.kind == b"meta" {
                        meta(data, inner.body, movie)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn mvex(data: &[u8], body: Range<usize>, tracks: &mut [Track]) -> Result<()> {
    for item in Boxes::new(data, body) {
        let item = item?;
        if &item.kind == b"trex" {
            let mut cursor = Cursor::new(data, item.body);
            cursor.u32()?;
            let id = cursor.u32()?;
            cursor.u32()?;
            let defaults = Defaults {
                duration: cursor.u32()?,
                size: cursor.u32()?,
                flags: cursor.u32()?,
            };
            tracks
                .iter_mut()
                .filter(|t| t.id == id)
                .for_each(|t| t.defaults = defaults);
        }
    }
    Ok(())
}

fn trak(data: &[u8], body: Range<usize>) -> Result<Track> {
    let mut track = Track {
        id: 0,
        kind: TrackKind::Other,
        sample_entry: String::new(),
        size: (0, 0),
        timescale: 0,
        parameter_sets: Vec::new(),
        nal_length_len: 4,
        edits: Vec::new(),
        samples: Vec::new(),
        defaults: Defaults::default(),
    };
    let mut tables = Tables::default();
    walk(data, body, &mut track, &mut tables)?;
    tables.fill(&mut track)?;
    Ok(track)
}

/// The tables of a file without fragments, unfolded.
#[derive(Default)]
struct Tables {
    sizes: Vec<u32>,
    /// (samples, ticks)
    durations: Vec<(u32, u32)>,
    /// (samples, ticks)
    shifts: Vec<(u32, i32)>,
    /// Sample numbers from 1; `None`: every sample.
    syncs: Option<Vec<u32>>,
    /// (first chunk from 1, samples a chunk)
    chunks: Vec<(u32, u32)>,
    offsets: Vec<u64>,
}

fn walk(data: &[u8], body: Range<usize>, track: &mut Track, tables: &mut Tables) -> Result<()> {
    for item in Boxes::new(data, body) {
        let item = item?;
        let mut cursor = Cursor::new(data, item.body.clone());
        match &item.kind {
            b"mdia" | b"minf" | b"stbl" | b"edts" => walk(data, item.body, track, tables)?,
            b"tkhd" => {
                let version = cursor.u32()? >> 24;
                cursor.take(if version == 1 { 16 } else { 8 })?;
                track.id = cursor.u32()?;
            }
            b"mdhd" => {
                let version = cursor.u32()? >> 24;
                cursor.take(if version == 1 { 16 } else { 8 })?;
                track.timescale = cursor.u32()?;
            }
            b"hdlr" => {
                cursor.take(8)?;
                // QuickTime files have a second handler box, of the data, inside `minf`.
                match cursor.take(4)? {
                    b"vide" => track.kind = TrackKind::Video,
                    b"soun" => track.kind = TrackKind::Audio,
                    _ => {}
                }
            }
            b"elst" => {
                let version = cursor.u32()? >> 24;
                for _ in 0..cursor.u32()? {
                    let (segment_duration, media_time) = match version {
                        1 => (cursor.u64()?, cursor.u64()? as i64),
                        _ => (u64::from(cursor.u32()?), i64::from(cursor.u32()? as i32)),
                    };
                    cursor.u32()?;
                    track.edits.push(Edit {
                        segment_duration,
                        media_time,
                    });
                }
            }
            b"stsd" => {
                cursor.take(8)?;
                if let Some(entry) = Boxes::new(data, cursor.rest()).next() {
                    let entry = entry?;
                    sample_entry(data, entry.kind, entry.body, track)?;
                }
            }
            b"stsz" => {
                cursor.u32()?;
                let fixed = cursor.u32()?;
                let count = cursor.u32()?;
                for _ in 0..count {
                    tables.sizes.push(if fixed == 0 { cursor.u32()? } else { fixed });
                }
            }
            b"stts" | b"ctts" => {
                cursor.u32()?;
                for _ in 0..cursor.u32()? {
                    let (count, ticks) = (cursor.u32()?, cursor.u32()?);
                    match &item.kind {
                        b"stts" => tables.durations.push((count, ticks)),
                        _ => tables.shifts.push((count, ticks as i32)),
                    }
                }
            }
            b"stss" => {
                cursor.u32()?;
                let count = cursor.u32()?;
                tables.syncs = Some((0..count).map(|_| cursor.u32()).collect::<Result<_>>()?);
            }
            b"stsc" => {
                cursor.u32()?;
                for _ in 0..cursor.u32()? {
                    tables.chunks.push((cursor.u32()?, cursor.u32()?));
                    cursor.u32()?;
                }
            }
            b"stco" | b"co64" => {
                cursor.u32()?;
                for _ in 0..cursor.u32()? {
                    let wide = &item.kind == b"co64";
                    tables
                        .offsets
                        .push(if wide { cursor.u64()? } else { u64::from(cursor.u32()?) });
                }
            }
            _ => {}
        }
    }
    Ok(())
}

impl Tables {
    fn fill(&self, track: &mut Track) -> Result<()> {
        let unfold = |runs: &[(u32, u32)]| -> Vec<u32> {
            runs.iter()
                .flat_map(|(n, v)| std::iter::repeat_n(*v, *n as usize))
                .collect()
        };
        let durations = unfold(&self.durations);
        let shifts: Vec<i32> = self
            .shifts
            .iter()
            .flat_map(|(n, v)| std::iter::repeat_n(*v, *n as usize))
            .collect();
        let mut sizes = self.sizes.iter();
        let mut dts = 0;
        for (chunk, offset) in self.offsets.iter().enumerate() {
            let run = self.chunks.iter().rev().find(|(first, _)| *first as usize <= chunk + 1);
            let mut at = usize::try_from(*offset)?;
            for _ in 0..run.context("a chunk without samples")?.1 {
                let size = *sizes.next().context("more samples than sizes")? as usize;
                let place = track.samples.len();
                let duration = durations.get(place).copied().unwrap_or(0);
                track.samples.push(Sample {
                    dts,
                    pts: dts + i64::from(shifts.get(place).copied().unwrap_or(0)),
                    duration,
                    sync: self
                        .syncs
                        .as_ref()
                        .is_none_or(|s| s.binary_search(&(place as u32 + 1)).is_ok()),
                    bytes: at..at + size,
                });
                dts += i64::from(duration);
                at += size;
            }
        }
        Ok(())
    }
}

fn sample_entry(data: &[u8], kind: [u8; 4], body: Range<usize>, track: &mut Track) -> Result<()> {
    track.sample_entry = String::from_utf8_lossy(&kind).into_owned();
    if track.kind != TrackKind::Video {
        return Ok(());
    }
    let mut cursor = Cursor::new(data, body);
    cursor.take(24)?;
    track.size = (cursor.u16()?, cursor.u16()?);
    cursor.take(50)?;
    for item in Boxes::new(data, cursor.rest()) {
        let item = item?;
        let mut cursor = Cursor::new(data, item.body);
        match &item.kind {
            b"avcC" => {
                cursor.take(4)?;
                track.nal_length_len = usize::from(cursor.u8()? & 3) + 1;
                for mask in [0x1f, 0xff] {
                    for _ in 0..cursor.u8()? & mask {
                        let len = cursor.u16()?;
                        track.parameter_sets.push(cursor.take(usize::from(len))?.to_vec());
                    }
                }
            }
            b"hvcC" => {
                cursor.take(21)?;
                track.nal_length_len = usize::from(cursor.u8()? & 3) + 1;
                for _ in 0..cursor.u8()? {
                    cursor.u8()?;
                    for _ in 0..cursor.u16()? {
                        let len = cursor.u16()?;
                        track.parameter_sets.push(cursor.take(usize::from(len))?.to_vec());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn meta(data: &[u8], body: Range<usize>, movie: &mut Movie) -> Result<()> {
    // QuickTime's box has no version and flags, ISO's has.
    let plain = data.get(body.start + 4..body.start + 8) == Some(b"hdlr");
    let body = if plain { body } else { body.start + 4..body.end };
    let mut keys = Vec::new();
    for item in Boxes::new(data, body) {
        let item = item?;
        let mut cursor = Cursor::new(data, item.body.clone());
        match &item.kind {
            b"keys" => {
                cursor.u32()?;
                for _ in 0..cursor.u32()? {
                    let len = cursor.u32()?.checked_sub(8).context("length of a key")?;
                    cursor.u32()?;
                    keys.push(String::from_utf8_lossy(cursor.take(len as usize)?).into_owned());
                }
            }
            b"ilst" => {
                for entry in Boxes::new(data, item.body) {
                    let entry = entry?;
                    let place = (u32::from_be_bytes(entry.kind) as usize).wrapping_sub(1);
                    let Some(key) = keys.get(place) else { continue };
                    for value in Boxes::new(data, entry.body) {
                        let mut cursor = Cursor::new(data, value?.body);
                        cursor.take(8)?;
                        let text = cursor.take(cursor.rest().len())?;
                        movie
                            .tags
                            .insert(key.clone(), String::from_utf8_lossy(text).into_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}
