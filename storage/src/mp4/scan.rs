//! A file from its beginning to its last whole fragment, without reading its media.

use std::io;

use super::{
    boxes::{BoxHeader, Boxes},
    moof::{Moof, Sample},
    moov::Moov,
    tally::{SegmentTally, ends},
};
use crate::file::ReadAt;

/// Larger heads and fragment tables are not ours.
const MAX_INIT: u64 = 1 << 20;
const MAX_MOOF: u64 = 1 << 20;
/// Covers the tables of an ordinary fragment and the header of its `mdat`.
const FIRST_READ: usize = 2048;

#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
    #[error("no whole ftyp and moov at the beginning of {len} bytes")]
    NoHead { len: u64 },
}

/// One `moof` + `mdat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FragmentInfo {
    /// Of the `moof` box in the file.
    pub offset: u64,
    /// Both boxes.
    pub len: u64,
    pub moof_len: u64,
    /// Decoding time of the first unit and end of the last, µs since media time 0: of video
    /// where there is any.
    pub start_us: i64,
    pub end_us: i64,
    pub video_end_us: Option<i64>,
    pub other_end_us: Option<i64>,
    /// Its first video unit (audio unit where there is no video) is a RAP.
    pub rap: bool,
    /// Access units of all tracks.
    pub units: u32,
}

#[derive(Debug, Clone)]
pub struct SegmentScan {
    pub moov: Moov,
    /// Bytes of `ftyp` and `moov`.
    pub init_len: u64,
    pub fragments: Vec<FragmentInfo>,
    pub tally: SegmentTally,
    /// Everything beyond the last whole fragment is torn.
    pub valid_len: u64,
    pub file_len: u64,
}

fn micros(ticks: u64, timescale: u32) -> i64 {
    let us = u128::from(ticks) * 1_000_000 / u128::from(timescale.max(1));
    i64::try_from(us).unwrap_or(i64::MAX)
}

impl FragmentInfo {
    /// From the `moof` box and the header of the `mdat` box at the beginning of `bytes`, which may
    /// go on. `None` when they are no fragment of this file.
    pub fn parse(moov: &Moov, bytes: &[u8], offset: u64) -> Option<FragmentInfo> {
        let header = BoxHeader::parse(bytes)?;
        let moof_len = header.len?;
        if &header.kind.0 != b"moof" {
            return None;
        }
        let (moof_bytes, rest) = bytes.split_at_checked(usize::try_from(moof_len).ok()?)?;
        let mdat = BoxHeader::parse(rest)?;
        if &mdat.kind.0 != b"mdat" {
            return None;
        }
        let mdat_len = mdat.len?;
        let moof = Moof::parse(moof_bytes.get(usize::try_from(header.header_len).ok()?..)?)?;

        let mut info = FragmentInfo {
            offset,
            len: moof_len.checked_add(mdat_len)?,
            moof_len,
            start_us: 0,
            end_us: 0,
            video_end_us: None,
            other_end_us: None,
            rap: false,
            units: 0,
        };
        offset.checked_add(info.len)?;
        let mut media_bytes = 0u64;
        let mut leading: Option<(bool, i64, bool)> = None;
        for traf in &moof.trafs {
            let track = moov.track(traf.track)?;
            let mut duration = 0u64;
            let mut first_flags = None;
            let mut samples = 0u32;
            for sample in traf.truns.iter().flat_map(|trun| trun.samples()) {
                let ticks = sample
                    .duration
                    .or(traf.default_duration)
                    .unwrap_or(track.default_duration);
                let size = sample.size.or(traf.default_size).unwrap_or(track.default_size);
                first_flags.get_or_insert(sample.flags.or(traf.default_flags).unwrap_or(track.default_flags));
                duration += u64::from(ticks);
                media_bytes += u64::from(size);
                samples = samples.saturating_add(1);
            }
            let Some(flags) = first_flags else { continue };
            info.units = info.units.saturating_add(samples);
            let start_us = micros(traf.base, track.timescale);
            let end_us = micros(traf.base.checked_add(duration)?, track.timescale);
            let (video, other) = ends(moov, traf.track, end_us);
            info.video_end_us = info.video_end_us.max(video);
            info.other_end_us = info.other_end_us.max(other);
            let is_video = video.is_some();
            if leading.is_none_or(|(was_video, ..)| is_video && !was_video) {
                leading = Some((is_video, start_us, Sample::is_sync(flags)));
            }
        }
        let (_, start_us, rap) = leading?;
        if media_bytes > mdat_len - mdat.header_len {
            return None;
        }
        info.start_us = start_us;
        info.end_us = info.video_end_us.or(info.other_end_us)?;
        info.rap = rap;
        Some(info)
    }
}

/// Reads the head and every fragment's tables: about one small read per fragment.
pub fn scan_segment(file: &(impl ReadAt + ?Sized)) -> Result<SegmentScan, ScanError> {
    let file_len = file.len()?;
    let (moov, init_len, tally) = read_head(file, file_len)?.ok_or(ScanError::NoHead { len: file_len })?;
    let mut scan = SegmentScan {
        moov,
        init_len,
        fragments: Vec::new(),
        tally,
        valid_len: init_len,
        file_len,
    };
    let mut buf = vec![0u8; FIRST_READ];
    let mut at = init_len;
    while at < file_len {
        let mut got = file.read_full_at(buf.get_mut(..FIRST_READ).unwrap_or_default(), at)?;
        let Some(header) = buf.get(..got).and_then(BoxHeader::parse) else {
            break;
        };
        let Some(len) = header
            .len
            .filter(|len| at.checked_add(*len).is_some_and(|e| e <= file_len))
        else {
            break;
        };
        match &header.kind.0 {
            b"moof" => {
                // The header of `mdat` may be 16 bytes.
                let want = usize::try_from(len.min(MAX_MOOF)).unwrap_or(0) + 16;
                if want > got {
                    if buf.len() < want {
                        buf.resize(want, 0);
                    }
                    got = file.read_full_at(buf.get_mut(..want).unwrap_or_default(), at)?;
                }
                let Some(info) = buf
                    .get(..got)
                    .and_then(|bytes| FragmentInfo::parse(&scan.moov, bytes, at))
                else {
                    break;
                };
                let end = at + info.len;
                if end > file_len {
                    break;
                }
                scan.tally.add(&info);
                scan.fragments.push(info);
                scan.valid_len = end;
                at = end;
            }
            b"free" | b"skip" | b"styp" | b"sidx" | b"emsg" | b"prft" => at += len,
            _ => break,
        }
    }
    Ok(scan)
}

fn read_head(file: &(impl ReadAt + ?Sized), file_len: u64) -> io::Result<Option<(Moov, u64, SegmentTally)>> {
    let mut at = 0;
    let mut header = [0u8; 16];
    while at < file_len.min(MAX_INIT) {
        let got = file.read_full_at(&mut header, at)?;
        let Some(parsed) = header.get(..got).and_then(BoxHeader::parse) else {
            return Ok(None);
        };
        let Some(len) = parsed.len.filter(|len| *len <= MAX_INIT && at + len <= file_len) else {
            return Ok(None);
        };
        if at == 0 && &parsed.kind.0 != b"ftyp" {
            return Ok(None);
        }
        if &parsed.kind.0 == b"moov" {
            let mut bytes = vec![0u8; usize::try_from(len).unwrap_or(0)];
            let got = file.read_full_at(&mut bytes, at)?;
            let Some((_, body)) = bytes.get(..got).and_then(|b| Boxes(b).next()) else {
                return Ok(None);
            };
            let moov = Moov::parse(body);
            let tally = SegmentTally::new(at + len, bytes.get(..got).unwrap_or_default());
            return Ok((!moov.tracks.is_empty()).then_some((moov, at + len, tally)));
        }
        at += len;
    }
    Ok(None)
}
