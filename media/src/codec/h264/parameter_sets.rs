//! The parameter sets of an H.264 stream, and the format they make.

use bytes::{BufMut, Bytes, BytesMut};

use super::sps::{self, Sps};
use crate::{
    codec::{
        assembler::{Inspected, Role, Syntax},
        bits::BitReader,
        nal,
    },
    format::{VideoCodec, VideoFormat},
};

const SLICE: u8 = 1;
const PARTITION_A: u8 = 2;
const IDR: u8 = 5;
const SEI: u8 = 6;
const SPS: u8 = 7;
const PPS: u8 = 8;

/// Real ones have tens of bytes; `avcC` cannot hold more than 64 KiB.
const MAX_SET: usize = 4096;

/// Makes the format of a stream from its SPS and PPS NAL units (in any order, other units are
/// skipped). `None` when one of either is missing.
pub fn video_format<'a>(units: impl IntoIterator<Item = &'a [u8]>) -> Option<VideoFormat> {
    let mut sets = ParameterSets::default();
    for unit in units {
        sets.take(unit);
    }
    sets.rebuild();
    sets.format
}

/// All sets seen, by id; the newest of each id.
#[derive(Debug, Default)]
pub(super) struct ParameterSets {
    /// (id, unit, what it says), ascending.
    sps: Vec<(u32, Bytes, Option<Sps>)>,
    /// (id, id of its SPS, unit), ascending.
    pps: Vec<(u32, u32, Bytes)>,
    /// Id of the PPS of the last RAP.
    active_pps: Option<u32>,
    format: Option<VideoFormat>,
    reorder: usize,
    /// Picture size for an SPS that cannot be read.
    size_hint: Option<(u32, u32)>,
}

impl ParameterSets {
    pub(super) fn new(size_hint: Option<(u32, u32)>) -> Self {
        Self {
            size_hint,
            ..Self::default()
        }
    }

    /// Takes over a unit if it is an SPS or PPS. Returns whether that changed anything.
    pub(super) fn take(&mut self, unit: &[u8]) -> bool {
        if unit.len() > MAX_SET {
            return false;
        }
        match unit.first().map(|header| header & 0x1f) {
            Some(SPS) => self.take_sps(unit),
            Some(PPS) => self.take_pps(unit),
            _ => false,
        }
    }

    fn take_sps(&mut self, unit: &[u8]) -> bool {
        let Some(id) = sps::sps_id(unit) else {
            return false;
        };
        let at = self.sps.binary_search_by_key(&id, |s| s.0);
        if let Ok((_, known, _)) = at.map(|i| &self.sps[i])
            && known == unit
        {
            return false;
        }
        let parsed = sps::parse(unit);
        match at {
            // A readable one is not given up for one that is not: that is more likely damage.
            Ok(i) if parsed.is_some() || self.sps[i].2.is_none() => {
                self.sps[i] = (id, Bytes::copy_from_slice(unit), parsed);
            }
            Ok(_) => return false,
            Err(i) => self.sps.insert(i, (id, Bytes::copy_from_slice(unit), parsed)),
        }
        true
    }

    fn take_pps(&mut self, unit: &[u8]) -> bool {
        let mut head = [0; 12];
        let mut r = BitReader::new(nal::rbsp_head(unit.get(1..).unwrap_or_default(), &mut head));
        let (Some(id @ 0..256), Some(sps @ 0..32)) = (r.ue(), r.ue()) else {
            return false;
        };
        match self.pps.binary_search_by_key(&id, |p| p.0) {
            Ok(i) if self.pps[i].2 == unit => return false,
            Ok(i) => self.pps[i] = (id, sps, Bytes::copy_from_slice(unit)),
            Err(i) => self.pps.insert(i, (id, sps, Bytes::copy_from_slice(unit))),
        }
        true
    }

    /// Makes the format anew after a change.
    pub(super) fn rebuild(&mut self) {
        if self.pps.is_empty() {
            return;
        }
        let active = self
            .active_pps
            .and_then(|id| self.pps.iter().find(|p| p.0 == id))
            .and_then(|pps| self.sps.iter().find(|s| s.0 == pps.1))
            .or_else(|| self.sps.iter().find(|s| s.2.is_some()))
            .or_else(|| self.sps.first());
        let Some((_, unit, parsed)) = active else {
            return;
        };
        let Some(&[profile, compatibility, level]) = unit.get(1..4).and_then(|b| b.first_chunk()) else {
            return;
        };
        let size = parsed
            .map(|sps| (sps.width, sps.height))
            .or(self.size_hint)
            .unwrap_or_default();
        self.reorder = parsed.and_then(|sps| sps.reorder).unwrap_or(0);
        self.format = Some(VideoFormat {
            codec: VideoCodec::H264,
            width: size.0,
            height: size.1,
            fps: parsed.and_then(|sps| sps.fps),
            rfc6381: format!("avc1.{profile:02X}{compatibility:02X}{level:02X}"),
            parameter_sets: self
                .sps
                .iter()
                .map(|s| &s.1)
                .chain(self.pps.iter().map(|p| &p.2))
                .cloned()
                .collect(),
            decoder_config: self.avcc([profile, compatibility, level], parsed.as_ref()),
        });
    }

    pub(super) fn reorder(&self) -> usize {
        self.reorder
    }

    /// `AVCDecoderConfigurationRecord`, ISO/IEC 14496-15 5.3.3.1, with lengths of 4 bytes.
    fn avcc(&self, profile: [u8; 3], sps: Option<&Sps>) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u8(1);
        out.put_slice(&profile);
        out.put_u8(0xfc | 3);
        let count = self.sps.len().min(31);
        out.put_u8(0xe0 | count as u8);
        for (_, unit, _) in self.sps.iter().take(count) {
            out.put_u16(unit.len() as u16);
            out.put_slice(unit);
        }
        let count = self.pps.len().min(255);
        out.put_u8(count as u8);
        for (_, _, unit) in self.pps.iter().take(count) {
            out.put_u16(unit.len() as u16);
            out.put_slice(unit);
        }
        if let (true, Some(sps)) = (sps::has_chroma_info(profile[0]), sps) {
            out.put_u8(0xfc | sps.chroma_format_idc);
            out.put_u8(0xf8 | (sps.bit_depth_luma - 8));
            out.put_u8(0xf8 | (sps.bit_depth_chroma - 8));
            out.put_u8(0); // numOfSequenceParameterSetExt
        }
        out.freeze()
    }
}

impl Syntax for ParameterSets {
    const FIRST_SLICE_SEPARATES: bool = false;

    fn role(unit: &[u8]) -> Role {
        // first_mb_in_slice is 0: the code of 0 is a single 1 bit.
        let first = unit.get(1).is_none_or(|b| b & 0x80 != 0);
        match unit.first().map(|header| header & 0x9f) {
            Some(kind @ (SLICE | PARTITION_A | IDR)) => Role::Slice {
                first,
                rap: kind == IDR,
            },
            Some(3 | 4 | 19..=21) => Role::Slice {
                first: false,
                rap: false,
            },
            // 9: delimiter; 13, 15: further sequence parameter sets.
            Some(SEI | SPS | PPS | 9 | 13 | 15) => Role::Prefix,
            Some(10..=12 | 14 | 16..=18 | 22 | 23) => Role::Other,
            _ => Role::Foreign,
        }
    }

    /// A RAP is an IDR picture; or a picture of I slices alone that comes with a recovery point of
    /// 0 frames (D.2.8) or with its SPS: streams with open GOPs may never send an IDR picture.
    fn inspect(&mut self, unit: &[u8], idr: bool) -> Inspected {
        let (mut changed, mut entry, mut intra, mut pps) = (false, false, true, None);
        for nal in nal::units(unit) {
            match nal.first().map(|header| header & 0x1f) {
                Some(SPS) => {
                    entry = true;
                    changed |= self.take(nal);
                }
                Some(PPS) => changed |= self.take(nal),
                Some(SEI) => entry |= recovers_at_once(nal),
                Some(SLICE | PARTITION_A | IDR) if idr || entry => {
                    let slice = slice_head(nal);
                    intra &= matches!(slice, Some((2 | 7, _)));
                    pps = pps.or(slice.map(|s| s.1));
                }
                _ => {}
            }
        }
        let rap = idr || (entry && intra && pps.is_some());
        if rap && pps.is_some() && pps != self.active_pps {
            self.active_pps = pps;
            self.rebuild();
        } else if changed {
            self.rebuild();
        }
        Inspected { rap, changed }
    }

    fn format(&self) -> Option<&VideoFormat> {
        self.format.as_ref()
    }
}

/// `slice_type` and `pic_parameter_set_id` (7.3.3).
fn slice_head(unit: &[u8]) -> Option<(u32, u32)> {
    let mut head = [0; 16];
    let mut r = BitReader::new(nal::rbsp_head(unit.get(1..)?, &mut head));
    r.ue()?; // first_mb_in_slice
    Some((r.ue()?, r.ue()?))
}

/// Whether an SEI holds a recovery point with `recovery_frame_cnt` 0.
fn recovers_at_once(unit: &[u8]) -> bool {
    let mut head = [0; 256];
    let mut rest = nal::rbsp_head(unit.get(1..).unwrap_or_default(), &mut head);
    // The last byte holds the trailing bits.
    while rest.len() > 2 {
        let (Some(kind), Some(size)) = (ff_coded(&mut rest), ff_coded(&mut rest)) else {
            return false;
        };
        let Some((payload, after)) = rest.split_at_checked(size) else {
            return false;
        };
        if kind == 6 {
            return BitReader::new(payload).ue() == Some(0);
        }
        rest = after;
    }
    false
}

/// A number as a run of `ff` and a last byte (7.3.2.3.1).
fn ff_coded(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0usize;
    loop {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value += usize::from(byte);
        if byte != 0xff {
            return Some(value);
        }
    }
}
