//! The parameter sets of an H.265 stream, and the format they make.

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

const VPS: u8 = 32;
const SPS: u8 = 33;
const PPS: u8 = 34;

/// Real ones have tens of bytes; `hvcC` cannot hold more than 64 KiB.
const MAX_SET: usize = 4096;
/// Sets of one kind that are kept: ids go to 15 (VPS, SPS) and 63 (PPS).
const MAX_IDS: u32 = 64;

/// Makes the format of a stream from its VPS, SPS and PPS NAL units (in any order, other units
/// are skipped). `None` when one of them is missing or the SPS cannot be read.
pub fn video_format<'a>(units: impl IntoIterator<Item = &'a [u8]>) -> Option<VideoFormat> {
    let mut sets = ParameterSets::default();
    for unit in units {
        sets.take(unit);
    }
    sets.rebuild();
    sets.format
}

/// All sets seen, by kind and id; the newest of each.
#[derive(Debug, Default)]
pub(super) struct ParameterSets {
    /// (kind, id, unit), ascending: as they stand in `hvcC`.
    sets: Vec<(u8, u32, Bytes)>,
    format: Option<VideoFormat>,
    reorder: usize,
}

impl ParameterSets {
    /// Takes over a unit if it is a VPS, SPS or PPS of the base layer. Returns whether that
    /// changed anything.
    pub(super) fn take(&mut self, unit: &[u8]) -> bool {
        let Some(kind @ (VPS | SPS | PPS)) = base_layer_type(unit) else {
            return false;
        };
        let Some(id) = set_id(kind, unit).filter(|&id| id < MAX_IDS && unit.len() <= MAX_SET) else {
            return false;
        };
        match self.sets.binary_search_by_key(&(kind, id), |s| (s.0, s.1)) {
            Ok(i) if self.sets[i].2 == unit => return false,
            // A readable SPS is not given up for one that is not: that is more likely damage.
            Ok(_) | Err(_) if kind == SPS && sps::parse(unit).is_none() => return false,
            Ok(i) => self.sets[i].2 = Bytes::copy_from_slice(unit),
            Err(i) => self.sets.insert(i, (kind, id, Bytes::copy_from_slice(unit))),
        }
        true
    }

    /// Makes the format anew after a change.
    pub(super) fn rebuild(&mut self) {
        let sps = self.sets.iter().find(|s| s.0 == SPS).and_then(|s| sps::parse(&s.2));
        let whole = [VPS, SPS, PPS]
            .iter()
            .all(|&kind| self.sets.iter().any(|s| s.0 == kind));
        let (Some(sps), true) = (sps, whole) else {
            return;
        };
        self.reorder = sps.reorder;
        self.format = Some(VideoFormat {
            codec: VideoCodec::H265,
            width: sps.width,
            height: sps.height,
            fps: sps.fps,
            rfc6381: rfc6381(&sps.profile_tier_level),
            parameter_sets: self.sets.iter().map(|s| s.2.clone()).collect(),
            decoder_config: self.hvcc(&sps),
        });
    }

    pub(super) fn reorder(&self) -> usize {
        self.reorder
    }

    /// `HEVCDecoderConfigurationRecord`, ISO/IEC 14496-15 8.3.3.1, with lengths of 4 bytes.
    ///
    /// The arrays are marked complete (`hvc1`), although the sets are also in the samples as the
    /// camera sent them: other sets make another format.
    fn hvcc(&self, sps: &Sps) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u8(1);
        out.put_slice(&sps.profile_tier_level);
        out.put_u16(0xf000); // min_spatial_segmentation_idc: unknown
        out.put_u8(0xfc); // parallelismType: unknown
        out.put_u8(0xfc | sps.chroma_format_idc);
        out.put_u8(0xf8 | (sps.bit_depth_luma - 8));
        out.put_u8(0xf8 | (sps.bit_depth_chroma - 8));
        out.put_u16(0); // avgFrameRate: unspecified
        out.put_u8(sps.temporal_layers << 3 | u8::from(sps.temporal_id_nested) << 2 | 3);
        out.put_u8(3);
        for kind in [VPS, SPS, PPS] {
            let sets = || self.sets.iter().filter(move |s| s.0 == kind);
            out.put_u8(0x80 | kind);
            out.put_u16(sets().count() as u16);
            for (_, _, unit) in sets() {
                out.put_u16(unit.len() as u16);
                out.put_slice(unit);
            }
        }
        out.freeze()
    }
}

/// `hvc1.` profile, compatibility, tier and level, constraints: ISO/IEC 14496-15 Annex E.
fn rfc6381(profile_tier_level: &[u8; 12]) -> String {
    let [general, c0, c1, c2, c3, constraints @ .., level] = profile_tier_level;
    let space = ["", "A", "B", "C"][usize::from(general >> 6)];
    let tier = if general & 0x20 != 0 { 'H' } else { 'L' };
    let compatibility = u32::from_be_bytes([*c0, *c1, *c2, *c3]).reverse_bits();
    let mut text = format!("hvc1.{space}{}.{compatibility:X}.{tier}{level}", general & 0x1f);
    let used = constraints.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    for byte in constraints.iter().take(used) {
        text.push_str(&format!(".{byte:X}"));
    }
    text
}

fn base_layer_type(unit: &[u8]) -> Option<u8> {
    match unit {
        [first, second, ..] if first & 0x81 == 0 && second & 0xf8 == 0 => Some(first >> 1),
        _ => None,
    }
}

fn set_id(kind: u8, unit: &[u8]) -> Option<u32> {
    let body = unit.get(2..)?;
    match kind {
        VPS => body.first().map(|b| u32::from(b >> 4)),
        PPS => BitReader::new(body).ue(),
        _ => {
            let mut head = [0; 128];
            let rbsp = nal::rbsp_head(body, &mut head);
            sps::id(rbsp)
        }
    }
}

impl Syntax for ParameterSets {
    const FIRST_SLICE_SEPARATES: bool = true;

    fn role(unit: &[u8]) -> Role {
        let &[first, second, ..] = unit else {
            return Role::Foreign;
        };
        if first & 0x80 != 0 || second & 7 == 0 {
            return Role::Foreign;
        }
        let kind = first >> 1;
        if base_layer_type(unit).is_none() {
            // Other layers belong to the picture of the base layer.
            return if kind < 48 { Role::Other } else { Role::Foreign };
        }
        match kind {
            0..=31 => Role::Slice {
                first: unit.get(2).is_none_or(|b| b & 0x80 != 0),
                rap: (16..=23).contains(&kind),
            },
            // Delimiter 35, SEI before the picture 39.
            VPS | SPS | PPS | 35 | 39 | 41..=44 => Role::Prefix,
            36..=38 | 40 | 45..=47 => Role::Other,
            _ => Role::Foreign,
        }
    }

    fn inspect(&mut self, unit: &[u8], rap: bool) -> Inspected {
        let mut changed = false;
        for nal in nal::units(unit) {
            changed |= self.take(nal);
        }
        if changed {
            self.rebuild();
        }
        Inspected { rap, changed }
    }

    fn format(&self) -> Option<&VideoFormat> {
        self.format.as_ref()
    }
}
