//! Fragments of the clip: those of the files with their times moved, and the last one anew.

use super::{
    boxes::Write,
    source::{Tracks, Unit},
};

/// How the times of one segment become those of the clip.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift {
    pub tracks: Tracks,
    /// Added to every decoding time, in ticks of the track.
    pub main: i64,
    /// `None`: the audio is left out.
    pub audio: Option<i64>,
}

impl Shift {
    fn of(&self, track: u32) -> Option<i64> {
        if track == self.tracks.main.id {
            return Some(self.main);
        }
        self.audio
            .filter(|_| self.tracks.audio.is_some_and(|audio| audio.id == track))
    }
}

/// Moves a whole `moof` box in time, in place. What the clip does not have (its audio, other
/// tracks) turns into `free` boxes of the same length. `None`: not a `moof` as we write it.
pub(super) fn patch(moof: &mut [u8], shift: &Shift, sequence: u32) -> Option<()> {
    for child in children(moof, 8) {
        let (at, len) = child?;
        match moof.get(at + 4..at + 8)? {
            b"mfhd" => put(moof, at + 12, &sequence.to_be_bytes())?,
            b"traf" => patch_traf(moof.get_mut(at..at + len)?, shift)?,
            _ => {}
        }
    }
    Some(())
}

fn patch_traf(traf: &mut [u8], shift: &Shift) -> Option<()> {
    let mut track = None;
    let mut tfdt = None;
    for child in children(traf, 8) {
        let (at, _) = child?;
        match traf.get(at + 4..at + 8)? {
            b"tfhd" => track = Some(u32::from_be_bytes(*traf.get(at + 12..)?.first_chunk()?)),
            b"tfdt" => tfdt = Some(at + 8),
            _ => {}
        }
    }
    let Some(by) = shift.of(track?) else {
        return put(traf, 4, b"free");
    };
    let at = tfdt?;
    match traf.get(at)? {
        1 => {
            let old = u64::from_be_bytes(*traf.get(at + 4..)?.first_chunk()?);
            put(traf, at + 4, &old.saturating_add_signed(by).to_be_bytes())
        }
        _ => {
            let old = u32::from_be_bytes(*traf.get(at + 4..)?.first_chunk()?);
            let new = u32::try_from(u64::from(old).saturating_add_signed(by)).ok()?;
            put(traf, at + 4, &new.to_be_bytes())
        }
    }
}

/// Offset and length of each box in `bytes` from `at` on; `None` for one that does not fit.
fn children(bytes: &[u8], at: usize) -> Vec<Option<(usize, usize)>> {
    let (mut at, mut found) = (at, Vec::new());
    while at < bytes.len() {
        let len = bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk::<4>())
            .map(|len| u32::from_be_bytes(*len) as usize);
        let child = len
            .filter(|len| *len >= 8 && at + len <= bytes.len())
            .map(|len| (at, len));
        found.push(child);
        match child {
            Some((_, len)) => at += len,
            None => break,
        }
    }
    found
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) -> Option<()> {
    bytes.get_mut(at..at + value.len())?.copy_from_slice(value);
    Some(())
}

/// A `moof` and the header of its `mdat`, for the main track's units, then the audio's, whose
/// bytes follow in this order.
pub(super) fn fragment(shift: &Shift, sequence: u32, main: &[Unit], audio: &[Unit]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut offsets = Vec::new();
    out.plain(b"moof", |b| {
        b.full(b"mfhd", 0, 0, |b| b.u32(sequence));
        let runs = [
            (Some(shift.tracks.main.id), Some(shift.main), main),
            (shift.tracks.audio.map(|audio| audio.id), shift.audio, audio),
        ];
        for (track, by, units) in runs {
            let (Some(track), Some(by), Some(first)) = (track, by, units.first()) else {
                continue;
            };
            b.plain(b"traf", |b| {
                // default-base-is-moof
                b.full(b"tfhd", 0, 0x02_0000, |b| b.u32(track));
                b.full(b"tfdt", 1, 0, |b| b.u64(u64::try_from(first.dts + by).unwrap_or(0)));
                // data offset; of each sample: duration, size, flags, composition offset
                b.full(b"trun", 1, 0x0f01, |b| {
                    b.u32(units.len() as u32);
                    offsets.push((b.len(), bytes_of(units)));
                    b.u32(0);
                    for unit in units {
                        b.u32(unit.duration);
                        b.u32(unit.size);
                        b.u32(unit.flags);
                        b.i32(unit.shift);
                    }
                });
            });
        }
    });
    let mut at = out.len() as u64 + 8;
    for (place, bytes) in offsets {
        // The place was written just above: it is there.
        let _ = put(&mut out, place, &u32::try_from(at).unwrap_or(0).to_be_bytes());
        at += bytes;
    }
    let body = at - out.len() as u64;
    out.u32(u32::try_from(body).unwrap_or(u32::MAX));
    out.extend(b"mdat");
    out
}

pub(super) fn bytes_of(units: &[Unit]) -> u64 {
    units.iter().map(|unit| u64::from(unit.size)).sum()
}
