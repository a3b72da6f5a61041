//! What a recorder needs of a sequence parameter set (H.265 7.3.2.2, Annex E).
//!
//! Written here: the library at hand (scuffle-h265 0.2) indexes and subtracts with values from
//! the stream, and refuses a whole SPS for a wrong bit after what matters.

use crate::codec::{bits::BitReader, nal};

/// Of an SPS. Width and height are after cropping, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sps {
    /// `general_profile_space` up to `general_level_idc`, as they stand (7.3.3): 12 bytes.
    pub(super) profile_tier_level: [u8; 12],
    pub(super) temporal_layers: u8,
    pub(super) temporal_id_nested: bool,
    pub(super) chroma_format_idc: u8,
    pub(super) bit_depth_luma: u8,
    pub(super) bit_depth_chroma: u8,
    pub(super) width: u32,
    pub(super) height: u32,
    /// `sps_max_num_reorder_pics` of the highest temporal layer.
    pub(super) reorder: usize,
    pub(super) fps: Option<f64>,
}

/// `sps_seq_parameter_set_id` of the payload after the NAL header.
pub(super) fn id(rbsp: &[u8]) -> Option<u32> {
    let mut r = BitReader::new(rbsp);
    r.skip(4)?;
    let max_sub_layers = r.bits(3).filter(|&n| n < 7)? + 1;
    r.skip(1 + 96)?;
    skip_sub_layer_levels(&mut r, max_sub_layers)?;
    r.ue().filter(|&id| id < 16)
}

/// Reads an SPS with its NAL header. `None` when not even the picture size can be read.
pub(super) fn parse(unit: &[u8]) -> Option<Sps> {
    let rbsp = nal::rbsp(unit);
    let profile_tier_level = *rbsp.get(3..15)?.first_chunk::<12>()?;
    let mut r = BitReader::new(rbsp.get(2..)?);
    r.skip(4)?; // sps_video_parameter_set_id
    let max_sub_layers = r.bits(3).filter(|&n| n < 7)? + 1;
    let temporal_id_nested = r.bit()?;
    r.skip(96)?;
    skip_sub_layer_levels(&mut r, max_sub_layers)?;
    r.ue().filter(|&id| id < 16)?;
    let chroma_format_idc = r.ue().filter(|&c| c <= 3)? as u8;
    let separate_planes = chroma_format_idc == 3 && r.bit()?;
    let mut width = r.ue().filter(|&w| (1..=16384).contains(&w))?;
    let mut height = r.ue().filter(|&h| (1..=16384).contains(&h))?;
    if r.bit()? {
        let (unit_x, unit_y) = match (chroma_format_idc, separate_planes) {
            (1, _) => (2, 2),
            (2, _) => (2, 1),
            _ => (1, 1),
        };
        let mut side = |unit: u32| r.ue()?.checked_mul(unit);
        let crop_x = side(unit_x)?.checked_add(side(unit_x)?)?;
        let crop_y = side(unit_y)?.checked_add(side(unit_y)?)?;
        width = width.checked_sub(crop_x).filter(|&w| w > 0)?;
        height = height.checked_sub(crop_y).filter(|&h| h > 0)?;
    }
    let bit_depth_luma = 8 + r.ue().filter(|&d| d <= 8)? as u8;
    let bit_depth_chroma = 8 + r.ue().filter(|&d| d <= 8)? as u8;
    let mut sps = Sps {
        profile_tier_level,
        temporal_layers: max_sub_layers as u8,
        temporal_id_nested,
        chroma_format_idc,
        bit_depth_luma,
        bit_depth_chroma,
        width,
        height,
        reorder: 0,
        fps: None,
    };
    // What a broken rest does not say stays unknown.
    let _ = rest(&mut r, &mut sps, max_sub_layers);
    Some(sps)
}

/// The end of `profile_tier_level()`: what is said of lower temporal layers.
fn skip_sub_layer_levels(r: &mut BitReader<'_>, max_sub_layers: u32) -> Option<()> {
    let lower = max_sub_layers - 1;
    if lower == 0 {
        return Some(());
    }
    let mut bits = 0;
    for layer in 0..8 {
        let (profile, level) = (r.bit()?, r.bit()?);
        if layer < lower {
            bits += if profile { 88 } else { 0 } + if level { 8 } else { 0 };
        }
    }
    r.skip(bits)
}

fn rest(r: &mut BitReader<'_>, sps: &mut Sps, max_sub_layers: u32) -> Option<()> {
    let poc_bits = r.ue().filter(|&n| n <= 12)? + 4;
    let ordering_for_all = r.bit()?;
    for _ in if ordering_for_all { 0 } else { max_sub_layers - 1 }..max_sub_layers {
        r.ue()?; // sps_max_dec_pic_buffering_minus1
        sps.reorder = r.ue().filter(|&n| n <= 16)? as usize;
        r.ue()?; // sps_max_latency_increase_plus1
    }
    for _ in 0..6 {
        r.ue()?; // block sizes and transform hierarchy
    }
    if r.bit()? && r.bit()? {
        skip_scaling_lists(r)?;
    }
    r.skip(2)?; // amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if r.bit()? {
        r.skip(8)?; // PCM bit depths
        r.ue()?;
        r.ue()?;
        r.skip(1)?;
    }
    let mut pictures = 0;
    for index in 0..r.ue().filter(|&n| n <= 64)? {
        pictures = skip_short_term_set(r, index, pictures)?;
    }
    if r.bit()? {
        for _ in 0..r.ue().filter(|&n| n <= 32)? {
            r.skip(poc_bits as usize + 1)?;
        }
    }
    r.skip(2)?; // temporal MVP, strong intra smoothing
    if r.bit()? {
        vui(r, sps)?;
    }
    Some(())
}

/// `scaling_list_data()`, 7.3.4.
fn skip_scaling_lists(r: &mut BitReader<'_>) -> Option<()> {
    for size in 0..4u32 {
        for _ in (0..6).step_by(if size == 3 { 3 } else { 1 }) {
            if !r.bit()? {
                r.ue()?; // scaling_list_pred_matrix_id_delta
                continue;
            }
            if size > 1 {
                r.se()?; // scaling_list_dc_coef_minus8
            }
            for _ in 0..64.min(1 << (4 + 2 * size)) {
                r.se()?;
            }
        }
    }
    Some(())
}

/// `st_ref_pic_set()`, 7.3.7, in an SPS. `before`: NumDeltaPocs of the set before; returns this one's.
fn skip_short_term_set(r: &mut BitReader<'_>, index: u32, before: u32) -> Option<u32> {
    if index > 0 && r.bit()? {
        r.skip(1)?; // delta_rps_sign
        r.ue()?;
        let mut count = 0;
        for _ in 0..=before {
            let used = r.bit()?;
            let delta = used || r.bit()?;
            count += u32::from(delta);
        }
        return (count <= 32).then_some(count);
    }
    let negative = r.ue().filter(|&n| n <= 16)?;
    let positive = r.ue().filter(|&n| n <= 16)?;
    for _ in 0..negative + positive {
        r.ue()?;
        r.skip(1)?;
    }
    Some(negative + positive)
}

/// `vui_parameters()`, E.2.1, up to the timing.
fn vui(r: &mut BitReader<'_>, sps: &mut Sps) -> Option<()> {
    if r.bit()? && r.bits(8)? == 255 {
        r.skip(32)?; // extended sample aspect ratio
    }
    if r.bit()? {
        r.skip(1)?; // overscan_appropriate_flag
    }
    if r.bit()? {
        r.skip(4)?;
        if r.bit()? {
            r.skip(24)?;
        }
    }
    if r.bit()? {
        r.ue()?;
        r.ue()?;
    }
    r.skip(3)?; // neutral chroma, fields, frame field info
    if r.bit()? {
        for _ in 0..4 {
            r.ue()?; // default display window
        }
    }
    if r.bit()? {
        let (units_in_tick, time_scale) = (r.bits(32)?, r.bits(32)?);
        let fps = f64::from(time_scale) / f64::from(units_in_tick);
        sps.fps = (fps.is_finite() && (0.01..=1000.0).contains(&fps)).then_some(fps);
    }
    Some(())
}
