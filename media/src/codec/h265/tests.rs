//! Packets by hand (RFC 7798 4.4), and arbitrary packets. What both NAL unit codecs share is
//! tested with H.264.

#![allow(clippy::unwrap_used)]

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;

use super::*;
use crate::codec::{
    Depacketized, Depacketizer, FormatChange, nal,
    testing::{Packet, losses, push, split, unit, units, whole_but_for_prefixes},
};

/// As a TP-Link camera puts them into its SDP: 2560x1440.
fn sets() -> [Vec<u8>; 3] {
    [
        "QAEMAf//AWAAAAMAAAMAAAMAAAMAlqwJ",
        "QgEBAWAAAAMAAAMAAAMAAAMAlqABQCAFof4qtO6JLuaAgA27oADN/mAE",
        "RAHAcvAbJA==",
    ]
    .map(|text| STANDARD.decode(text).unwrap())
}

/// IDR_W_RADL, first slice segment.
const IDR: &[u8] = &[0x26, 0x01, 0xaf, 0x11];
const MORE_IDR: &[u8] = &[0x26, 0x01, 0x2f, 0x12];
/// TRAIL_R.
const P1: &[u8] = &[0x02, 0x01, 0xd0, 0x21];
const MORE: &[u8] = &[0x02, 0x01, 0x50, 0x22];
const CRA: &[u8] = &[0x2a, 0x01, 0xaf, 0x31];
const SEI: &[u8] = &[0x4e, 0x01, 0xe5, 0x01, 0x55, 0x80];
const SUFFIX_SEI: &[u8] = &[0x50, 0x01, 0x84, 0x01, 0x55, 0x80];
const AUD: &[u8] = &[0x46, 0x01, 0x50];

fn new() -> H265Depacketizer {
    H265Depacketizer::new(sets().iter().map(Vec::as_slice), false)
}

fn aggregate(nals: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![48 << 1, 1];
    for nal in nals {
        out.extend_from_slice(&(nal.len() as u16).to_be_bytes());
        out.extend_from_slice(nal);
    }
    out
}

fn fragment(nal: &[u8], size: usize) -> Vec<Vec<u8>> {
    let chunks: Vec<&[u8]> = nal[2..].chunks(size - 3).collect();
    let last = chunks.len() - 1;
    let header = |i: usize| nal[0] >> 1 | u8::from(i == 0) << 7 | u8::from(i == last) << 6;
    chunks
        .iter()
        .enumerate()
        .map(|(i, chunk)| [&[49 << 1 | nal[0] & 0x81, nal[1], header(i)], *chunk].concat())
        .collect()
}

#[test]
fn single_aggregated_and_fragmented() {
    let [vps, sps, pps] = sets();
    let mut d = new();
    push(&mut d, 0, false, &aggregate(&[&vps, &sps, &pps, SEI])).unwrap();
    push(&mut d, 0, true, IDR).unwrap();
    for payload in fragment(P1, 4) {
        push(&mut d, 3000, false, &payload).unwrap();
    }
    push(&mut d, 3000, true, SUFFIX_SEI).unwrap();
    push(&mut d, 6000, true, CRA).unwrap();
    assert_eq!(
        units(&mut d),
        [
            unit(0, &[&vps, &sps, &pps, SEI, IDR], true),
            unit(3000, &[P1, SUFFIX_SEI], false),
            unit(6000, &[CRA], true)
        ]
    );
}

#[test]
fn a_first_slice_segment_begins_a_unit_whatever_markers_and_timestamps_say() {
    let mut d = new();
    for payload in [AUD, IDR, MORE_IDR, P1, MORE, P1, AUD] {
        push(&mut d, 0, false, payload).unwrap();
    }
    assert_eq!(
        units(&mut d),
        [unit(0, &[AUD, IDR, MORE_IDR], true), unit(0, &[P1, MORE], false)],
        "the last picture is still open"
    );
}

#[test]
fn decoding_order_numbers_are_skipped() {
    let mut d = H265Depacketizer::new(sets().iter().map(Vec::as_slice), true);
    let numbered = |payload: &[u8], at: usize| [&payload[..at], &[0xaa, 0xbb], &payload[at..]].concat();
    push(&mut d, 0, true, &numbered(IDR, 2)).unwrap();
    let fragments = fragment(P1, 4);
    push(&mut d, 3000, false, &numbered(&fragments[0], 3)).unwrap();
    push(&mut d, 3000, true, &fragments[1]).unwrap();
    let mut both = numbered(&aggregate(&[P1, MORE]), 2);
    both.insert(2 + 2 + 2 + P1.len(), 0);
    push(&mut d, 6000, true, &both).unwrap();
    assert_eq!(
        units(&mut d),
        [
            unit(0, &[IDR], true),
            unit(3000, &[P1], false),
            unit(6000, &[P1, MORE], false)
        ]
    );
}

#[test]
fn a_hole_costs_the_damaged_unit_or_up_to_the_next_rap() {
    let mut d = new();
    push(&mut d, 0, true, IDR).unwrap();
    d.lost(1);
    push(&mut d, 3000, true, &fragment(P1, 4)[1]).unwrap();
    push(&mut d, 6000, true, P1).unwrap();
    d.lost(1);
    push(&mut d, 9000, true, MORE_IDR).unwrap();
    push(&mut d, 12_000, true, P1).unwrap();
    push(&mut d, 15_000, true, CRA).unwrap();
    assert_eq!(
        units(&mut d),
        [
            unit(0, &[IDR], true),
            unit(6000, &[P1], false),
            unit(15_000, &[CRA], true)
        ]
    );
    assert_eq!(d.dropped(), 3);
}

#[test]
fn refused_packets() {
    let mut d = new();
    push(&mut d, 0, true, IDR).unwrap();
    for (payload, what) in [
        (&[50u8 << 1, 1, 0, 0][..], "PACI"),
        (&[0x82, 1, 0], "forbidden"),
        (&[0x02, 0, 0xd0], "nuh_temporal_id_plus1"),
        (&[0x02], "shorter"),
        (&[63 << 1, 1, 0], "type 63"),
        (&[48 << 1, 1, 0, 9, 1], "cut short"),
        (&[49 << 1, 1], "without a header"),
    ] {
        let error = push(&mut d, 3000, true, payload).unwrap_err();
        assert!(error.contains(what), "{error}");
    }
    push(&mut d, 6000, true, P1).unwrap();
    assert_eq!(units(&mut d).last(), Some(&unit(6000, &[P1], false)));
}

#[test]
fn formats() {
    let [vps, sps, pps] = sets();
    let format = video_format([&pps[..], &vps, &sps]).unwrap();
    assert_eq!((format.width, format.height), (2560, 1440));
    assert_eq!(format.rfc6381, "hvc1.1.6.L150");
    assert_eq!(format.parameter_sets, [&vps[..], &sps, &pps]);
    let theirs = scuffle_h265::HEVCDecoderConfigurationRecord::demux(&format.decoder_config[..]).unwrap();
    assert_eq!(
        (
            theirs.general_level_idc,
            theirs.length_size_minus_one,
            theirs.arrays.len()
        ),
        (150, 3, 3)
    );
    assert_eq!(
        theirs.arrays.iter().map(|a| &a.nalus[0][..]).collect::<Vec<_>>(),
        [&vps[..], &sps, &pps]
    );
    assert_eq!(video_format([&vps[..], &sps]), None);
}

#[test]
fn sps_agrees_with_an_independent_parser() {
    for text in [
        "QgEBAWAAAAMAAAMAAAMAAAMAlqABQCAFof4qtO6JLuaAgA27oADN/mAE",
        "QgEBAWAAAAMAsAAAAwAAAwBaoAWCAeFja5JFL83BQYFBAAADAAEAAAMADKE=",
        "QgEBAUAAAAMAAAMAAAMAAAMAmaACgIAsH+Wu5Gwa5VE1BQYFAIA=",
    ] {
        let unit = STANDARD.decode(text).unwrap();
        let ours = super::sps::parse(&unit).unwrap();
        // Theirs asks for trailing bits that the third one, cut short by its camera, has not.
        let Ok(theirs) = scuffle_h265::SpsNALUnit::parse(&unit[..]) else {
            continue;
        };
        let rbsp = theirs.rbsp;
        assert_eq!(
            (rbsp.cropped_width(), rbsp.cropped_height()),
            (ours.width.into(), ours.height.into()),
            "{text}"
        );
        let timing = rbsp.vui_parameters.and_then(|v| v.vui_timing_info);
        let fps = timing.map(|t| f64::from(t.time_scale.get()) / f64::from(t.num_units_in_tick.get()));
        assert_eq!(fps, ours.fps, "{text}");
        assert_eq!(
            rbsp.sub_layer_ordering_info
                .sps_max_num_reorder_pics
                .last()
                .map(|&n| n as usize),
            Some(ours.reorder)
        );
    }
}

#[test]
fn format_changes_come_with_a_rap() {
    let [vps, sps, mut pps] = sets();
    let mut d = new();
    push(&mut d, 0, true, IDR).unwrap();
    assert!(matches!(d.next().unwrap().format, Some(FormatChange::Video(_))));
    *pps.last_mut().unwrap() ^= 0x40;
    push(&mut d, 3000, true, &aggregate(&[&vps, &sps, &pps, P1])).unwrap();
    assert_eq!(d.next().unwrap().format, None);
    push(&mut d, 6000, true, IDR).unwrap();
    let Some(FormatChange::Video(format)) = d.next().unwrap().format else {
        panic!("no format")
    };
    assert_eq!(format.parameter_sets[2], pps);
}

proptest! {
    #[test]
    fn whatever_comes_units_are_well_formed(
        packets in prop::collection::vec(
            (0u32..4, any::<bool>(), any::<bool>(), prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                (prop::sample::select(vec![96u8, 98, 100, 0x26, 2, 0x40, 0x42, 0x44, 0x4e]), prop::collection::vec(any::<u8>(), 0..40))
                    .prop_map(|(first, rest)| [vec![first, 1], rest].concat()),
                prop::sample::select(sets().to_vec()),
                Just(IDR.to_vec()),
            ]),
            0..60,
        ),
        known in any::<bool>(),
        numbered in any::<bool>(),
    ) {
        let all = sets();
        let known = if known { &all[..] } else { &[] };
        let mut d = H265Depacketizer::new(known.iter().map(Vec::as_slice), numbered);
        for (ts, marker, hole, payload) in packets {
            if hole {
                d.lost(1);
            }
            let _ = push(&mut d, ts * 3000, marker, &payload);
            while let Some(unit) = d.next() {
                let length: usize = nal::units(&unit.data).map(|n| n.len() + 4).sum();
                prop_assert_eq!(length, unit.data.len());
            }
        }
    }

    #[test]
    fn an_sps_of_any_bytes_never_panics(mut unit in prop::collection::vec(any::<u8>(), 0..80), head in 0usize..40) {
        let sps = &sets()[1];
        unit.splice(0..head.min(unit.len()), sps[..head].iter().copied());
        let _ = super::sps::parse(&unit);
        let _ = video_format([&sets()[0][..], &unit, &sets()[2]]);
    }

    #[test]
    fn pictures_survive_packets(
        sizes in prop::collection::vec(prop::collection::vec(1usize..400, 1..5), 1..12),
        mtu in 70usize..200,
        seed in any::<u64>(),
        lossy in any::<bool>(),
    ) {
        let mut pictures = Vec::new();
        let mut packets = Vec::new();
        for (i, slices) in sizes.iter().enumerate() {
            let idr = i % 4 == 0;
            let mut nals: Vec<Vec<u8>> = if idr { sets().to_vec() } else { vec![AUD.to_vec()] };
            for (j, &size) in slices.iter().enumerate() {
                let mut nal = vec![if idr { 0x26 } else { 2 }, 1, if j == 0 { 0x88 } else { 0x42 }];
                nal.extend((0..size).map(|n| (n * 7 + i * 13 + j) as u8 | 1));
                nals.push(nal);
            }
            split(i as u32 * 3000, &nals, mtu, aggregate, fragment, &mut packets);
            pictures.push(nals);
        }
        let holes = losses(seed, packets.len(), lossy);
        let mut d = new();
        let mut out: Vec<Depacketized> = Vec::new();
        for (packet, hole) in packets.iter().zip(holes) {
            let Packet { timestamp, marker, payload } = packet;
            match hole {
                true => d.lost(1),
                false => push(&mut d, *timestamp, *marker, payload).unwrap(),
            }
            out.extend(std::iter::from_fn(|| d.next()));
        }
        for unit in &out {
            let i = (unit.rtp_timestamp / 3000) as usize;
            let nals: Vec<Vec<u8>> = nal::units(&unit.data).map(<[u8]>::to_vec).collect();
            prop_assert!(whole_but_for_prefixes(&nals, &pictures[i], |n| n[0] < 32 << 1));
            prop_assert_eq!(unit.rap, i.is_multiple_of(4));
        }
        if !lossy {
            prop_assert_eq!(out.len(), pictures.len());
        }
    }
}
