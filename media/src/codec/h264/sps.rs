//! What a recorder needs of a sequence parameter set (H.264 7.3.2.1.1, Annex E).
//!
//! Written here and not taken from a library, because a camera whose VUI or trailing bits are
//! broken still has a right picture size: what can be read is used, the rest stays unknown.

use crate::codec::{bits::BitReader, nal};

/// Of an SPS. Width and height are after cropping, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sps {
    pub(super) chroma_format_idc: u8,
    pub(super) bit_depth_luma: u8,
    pub(super) bit_depth_chroma: u8,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) fps: Option<f64>,
    /// `max_num_reorder_frames`.
    pub(super) reorder: Option<usize>,
}

/// `seq_parameter_set_id` of an SPS, with nothing else parsed.
pub(super) fn sps_id(unit: &[u8]) -> Option<u32> {
    let mut head = [0; 12];
    BitReader::new(nal::rbsp_head(unit.get(4..)?, &mut head))
        .ue()
        .filter(|&id| id < 32)
}

/// Profiles with chroma format and scaling lists (7.3.2.1.1).
pub(super) fn has_chroma_info(profile_idc: u8) -> bool {
    matches!(
        profile_idc,
        100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135
    )
}

/// Reads an SPS with its NAL header. `None` when not even the picture size can be read.
pub(super) fn parse(unit: &[u8]) -> Option<Sps> {
    let rbsp = nal::rbsp(unit);
    let profile_idc = *rbsp.get(1)?;
    let mut r = BitReader::new(rbsp.get(4..)?);
    r.ue().filter(|&id| id < 32)?;
    let mut chroma_format_idc = 1;
    let mut depths = (0, 0);
    let mut separate_planes = false;
    if has_chroma_info(profile_idc) {
        chroma_format_idc = r.ue().filter(|&c| c <= 3)? as u8;
        separate_planes = chroma_format_idc == 3 && r.bit()?;
        depths = (r.ue().filter(|&d| d <= 6)? as u8, r.ue().filter(|&d| d <= 6)? as u8);
        r.bit()?; // qpprime_y_zero_transform_bypass_flag
        if r.bit()? {
            for list in 0..if chroma_format_idc == 3 { 12 } else { 8 } {
                if r.bit()? {
                    skip_scaling_list(&mut r, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    r.ue()?; // log2_max_frame_num_minus4
    match r.ue()? {
        0 => {
            r.ue()?; // log2_max_pic_order_cnt_lsb_minus4
        }
        1 => {
            r.bit()?;
            r.se()?;
            r.se()?;
            for _ in 0..r.ue().filter(|&n| n < 256)? {
                r.se()?;
            }
        }
        2 => {}
        _ => return None,
    }
    r.ue()?; // max_num_ref_frames
    r.bit()?; // gaps_in_frame_num_value_allowed_flag
    let width_mbs = r.ue()?.checked_add(1)?;
    let height_map_units = r.ue()?.checked_add(1)?;
    let frame_mbs_only = r.bit()?;
    if !frame_mbs_only {
        r.bit()?; // mb_adaptive_frame_field_flag
    }
    r.bit()?; // direct_8x8_inference_flag
    let field = if frame_mbs_only { 1 } else { 2 };
    let mut width = width_mbs.checked_mul(16)?;
    let mut height = height_map_units.checked_mul(16 * field)?;
    if width > 16384 || height > 16384 {
        return None;
    }
    if r.bit()? {
        let (unit_x, unit_y) = match (chroma_format_idc, separate_planes) {
            (1, _) => (2, 2 * field),
            (2, _) => (2, field),
            _ => (1, field),
        };
        let mut side = |unit: u32| r.ue()?.checked_mul(unit);
        let crop_x = side(unit_x)?.checked_add(side(unit_x)?)?;
        let crop_y = side(unit_y)?.checked_add(side(unit_y)?)?;
        width = width.checked_sub(crop_x).filter(|&w| w > 0)?;
        height = height.checked_sub(crop_y).filter(|&h| h > 0)?;
    }
    let mut sps = Sps {
        chroma_format_idc,
        bit_depth_luma: 8 + depths.0,
        bit_depth_chroma: 8 + depths.1,
        width,
        height,
        fps: None,
        reorder: None,
    };
    if r.bit() == Some(true) {
        // What a broken VUI does not say stays unknown.
        let _ = vui(&mut r, &mut sps);
    }
    Some(sps)
}

fn skip_scaling_list(r: &mut BitReader<'_>, size: u32) -> Option<()> {
    let (mut last, mut next) = (8i32, 8i32);
    for _ in 0..size {
        if next != 0 {
            next = last.wrapping_add(r.se()?) & 0xff;
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

/// `vui_parameters()`, E.1.1.
fn vui(r: &mut BitReader<'_>, sps: &mut Sps) -> Option<()> {
    if r.bit()? && r.bits(8)? == 255 {
        r.skip(32)?; // Extended_SAR
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
    if r.bit()? {
        let (units_in_tick, time_scale) = (r.bits(32)?, r.bits(32)?);
        r.skip(1)?; // fixed_frame_rate_flag
        // One tick is one field (E.2.1).
        let fps = f64::from(time_scale) / (2.0 * f64::from(units_in_tick));
        sps.fps = (fps.is_finite() && (0.01..=1000.0).contains(&fps)).then_some(fps);
    }
    let nal_hrd = r.bit()?;
    if nal_hrd {
        skip_hrd(r)?;
    }
    let vcl_hrd = r.bit()?;
    if vcl_hrd {
        skip_hrd(r)?;
    }
    if nal_hrd || vcl_hrd {
        r.skip(1)?;
    }
    r.skip(1)?; // pic_struct_present_flag
    if r.bit()? {
        r.skip(1)?;
        for _ in 0..4 {
            r.ue()?;
        }
        sps.reorder = r.ue().filter(|&n| n <= 16).map(|n| n as usize);
    }
    Some(())
}

/// `hrd_parameters()`, E.1.2.
fn skip_hrd(r: &mut BitReader<'_>) -> Option<()> {
    let count = r.ue().filter(|&c| c < 32)?;
    r.skip(8)?;
    for _ in 0..=count {
        r.ue()?;
        r.ue()?;
        r.skip(1)?;
    }
    r.skip(20)
}
