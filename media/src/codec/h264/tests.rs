//! Packets by hand (RFC 6184 5.6 to 5.8), quirks of cameras, and arbitrary packets.

#![allow(clippy::unwrap_used)]

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;

use super::*;
use crate::codec::{
    Depacketized, Depacketizer, FormatChange, nal,
    testing::{Packet, fragment, losses, push, split, unit, units, whole_but_for_prefixes},
};

/// 640x480 baseline, by x264.
const SPS: &[u8] = &[
    0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x3d, 0xa1, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x32,
    0x0f, 0x16, 0x2e, 0x48,
];
const PPS: &[u8] = &[0x68, 0xcb, 0x83, 0xcb, 0x20];
/// First slices: `first_mb_in_slice` 0, slice type 7 (I) or 5 (P), PPS 0.
const IDR: &[u8] = &[0x65, 0x88, 0x84, 0x21, 0xa0];
const P1: &[u8] = &[0x41, 0x9a, 0x21, 0x11];
const P2: &[u8] = &[0x41, 0x9a, 0x22, 0x22, 0x22];
/// A slice that continues its picture.
const MORE: &[u8] = &[0x41, 0x40, 0x33, 0x33];
const MORE_IDR: &[u8] = &[0x65, 0x40, 0x44];
const SEI: &[u8] = &[0x06, 0xe5, 0x01, 0x55, 0x80];
const AUD: &[u8] = &[0x09, 0xf0];

fn new() -> H264Depacketizer {
    H264Depacketizer::new([SPS, PPS], None)
}

fn stap_a(nals: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![24];
    for nal in nals {
        out.extend_from_slice(&(nal.len() as u16).to_be_bytes());
        out.extend_from_slice(nal);
    }
    out
}

/// A session in which the first RAP has come.
fn started() -> H264Depacketizer {
    let mut d = new();
    push(&mut d, 0, true, IDR).unwrap();
    assert_eq!(units(&mut d), [unit(0, &[IDR], true)]);
    d
}

#[test]
fn markers_end_units() {
    let mut d = new();
    for (ts, marker, payload) in [(0, true, IDR), (3000, false, P1), (3000, true, MORE), (6000, true, P2)] {
        push(&mut d, ts, marker, payload).unwrap();
    }
    assert_eq!(
        units(&mut d),
        [
            unit(0, &[IDR], true),
            unit(3000, &[P1, MORE], false),
            unit(6000, &[P2], false)
        ]
    );
}

#[test]
fn a_new_timestamp_ends_a_unit_whose_marker_is_missing() {
    let mut d = new();
    for (ts, payload) in [(0, IDR), (3000, P1), (6000, P2)] {
        push(&mut d, ts, false, payload).unwrap();
    }
    assert_eq!(units(&mut d), [unit(0, &[IDR], true), unit(3000, &[P1], false)]);
}

#[test]
fn aggregates() {
    let mut d = new();
    push(&mut d, 0, true, &stap_a(&[AUD, SPS, PPS, SEI, IDR])).unwrap();
    let mut stap_b = stap_a(&[P1, MORE]);
    stap_b.splice(0..1, [25, 0x12, 0x34]);
    push(&mut d, 3000, true, &stap_b).unwrap();
    assert_eq!(
        units(&mut d),
        [
            unit(0, &[AUD, SPS, PPS, SEI, IDR], true),
            unit(3000, &[P1, MORE], false)
        ]
    );
}

#[test]
fn an_aggregate_cut_short_costs_its_unit_only() {
    let mut d = started();
    let mut cut = stap_a(&[P1, MORE]);
    cut.pop();
    assert!(push(&mut d, 3000, true, &cut).unwrap_err().contains("cut short"));
    push(&mut d, 6000, true, P2).unwrap();
    assert_eq!(units(&mut d), [unit(6000, &[P2], false)]);
    assert_eq!(d.dropped(), 1);
}

#[test]
fn an_empty_nal_unit_in_an_aggregate_is_told_and_skipped() {
    let mut d = started();
    assert!(push(&mut d, 3000, true, &stap_a(&[P1, &[], MORE])).is_err());
    assert_eq!(units(&mut d), [unit(3000, &[P1, MORE], false)]);
}

#[test]
fn fragments_with_empty_ones_and_start_and_end_in_one() {
    let mut d = new();
    push(&mut d, 0, false, &[0x7c, 0x85, 0x88]).unwrap();
    push(&mut d, 0, false, &[0x7c, 0x05]).unwrap();
    push(&mut d, 0, false, &[0x7c, 0x05, 0x84, 0x21]).unwrap();
    push(&mut d, 0, true, &[0x7c, 0x45, 0xa0]).unwrap();
    push(&mut d, 3000, true, &[0x5c, 0xc1, 0x9a, 0x21, 0x11]).unwrap();
    assert_eq!(units(&mut d), [unit(0, &[IDR], true), unit(3000, &[P1], false)]);
}

#[test]
fn fu_b_has_a_decoding_order_number() {
    let mut d = new();
    push(&mut d, 0, false, &[0x7d, 0x85, 0xaa, 0xbb, 0x88, 0x84]).unwrap();
    push(&mut d, 0, true, &[0x7c, 0x45, 0x21, 0xa0]).unwrap();
    assert_eq!(units(&mut d), [unit(0, &[IDR], true)]);
}

#[test]
fn a_last_fragment_without_its_end_bit_ends_with_the_marker() {
    let mut d = new();
    push(&mut d, 0, false, &[0x7c, 0x85, 0x88, 0x84]).unwrap();
    push(&mut d, 0, true, &[0x7c, 0x05, 0x21, 0xa0]).unwrap();
    push(&mut d, 3000, true, P1).unwrap();
    assert_eq!(units(&mut d), [unit(0, &[IDR], true), unit(3000, &[P1], false)]);
}

#[test]
fn a_fragment_without_its_start_costs_its_unit_only() {
    let mut d = started();
    assert!(
        push(&mut d, 3000, false, &[0x5c, 0x01, 1, 2])
            .unwrap_err()
            .contains("without its start")
    );
    assert!(
        push(&mut d, 3000, true, &[0x5c, 0x41, 3]).is_ok(),
        "one oddity is enough"
    );
    push(&mut d, 6000, true, P2).unwrap();
    assert_eq!(units(&mut d), [unit(6000, &[P2], false)]);
}

#[test]
fn interleaved_packets_are_refused_clearly() {
    let mut d = started();
    assert!(
        push(&mut d, 3000, true, &[26, 0, 0, 0, 5, 0, 0, 0, 1])
            .unwrap_err()
            .contains("interleaved")
    );
    push(&mut d, 6000, true, P1).unwrap();
    assert_eq!(units(&mut d), [unit(6000, &[P1], false)]);
}

#[test]
fn reserved_and_forbidden_nal_units() {
    let mut d = started();
    assert!(push(&mut d, 3000, false, &[0x00, 1, 2]).unwrap_err().contains("type 0"));
    push(&mut d, 3000, true, P1).unwrap();
    assert_eq!(
        units(&mut d),
        [unit(3000, &[P1], false)],
        "a vendor's own NAL unit harms nothing"
    );
    assert!(
        push(&mut d, 6000, false, &[0xc1, 0x9a])
            .unwrap_err()
            .contains("forbidden")
    );
    push(&mut d, 6000, true, P1).unwrap();
    push(&mut d, 9000, true, P2).unwrap();
    assert_eq!(
        units(&mut d),
        [unit(9000, &[P2], false)],
        "a damaged packet costs its unit"
    );
}

#[test]
fn markers_and_timestamps_of_parameter_sets_and_sei_end_nothing() {
    // The H264DVR firmware sends SPS, PPS and SEI each with a marker; others with older timestamps.
    for (a, b, c) in [(3000, 3000, 3000), (0, 0, 2999), (2990, 2995, 3000)] {
        for marker in [true, false] {
            let mut d = started();
            push(&mut d, a, marker, SPS).unwrap();
            push(&mut d, b, marker, PPS).unwrap();
            push(&mut d, c, marker, SEI).unwrap();
            push(&mut d, 3000, true, IDR).unwrap();
            assert_eq!(units(&mut d), [unit(3000, &[SPS, PPS, SEI, IDR], true)]);
        }
    }
}

#[test]
fn prefixes_after_a_picture_without_marker_open_the_next_unit() {
    for prefixes_at in [0, 3000] {
        let mut d = new();
        push(&mut d, 0, false, IDR).unwrap();
        push(&mut d, prefixes_at, false, AUD).unwrap();
        push(&mut d, prefixes_at, false, SEI).unwrap();
        push(&mut d, 3000, true, P1).unwrap();
        assert_eq!(
            units(&mut d),
            [unit(0, &[IDR], true), unit(3000, &[AUD, SEI, P1], false)]
        );
    }
}

#[test]
fn equal_timestamps_and_no_markers_are_told_apart_by_delimiters() {
    let mut d = new();
    for payload in [AUD, IDR, AUD, P1, MORE, AUD, P2, AUD] {
        push(&mut d, 0, false, payload).unwrap();
    }
    push(&mut d, 0, true, P1).unwrap();
    assert_eq!(
        units(&mut d).into_iter().map(|u| u.1.len()).collect::<Vec<_>>(),
        [2, 3, 2, 2],
    );
}

#[test]
fn sei_between_the_slices_of_a_picture_stays_there() {
    let mut d = new();
    for (marker, payload) in [(false, IDR), (false, SEI), (true, MORE_IDR)] {
        push(&mut d, 0, marker, payload).unwrap();
    }
    assert_eq!(units(&mut d), [unit(0, &[IDR, SEI, MORE_IDR], true)]);
}

#[test]
fn a_marker_on_every_slice_is_found_out_by_the_first_picture() {
    let mut d = new();
    for (ts, payload) in [
        (0, IDR),
        (0, MORE_IDR),
        (3000, P1),
        (3000, MORE),
        (6000, P2),
        (6000, MORE),
        (9000, P1),
    ] {
        push(&mut d, ts, true, payload).unwrap();
    }
    assert_eq!(
        units(&mut d),
        [
            unit(0, &[IDR], true),
            unit(0, &[MORE_IDR], true),
            unit(3000, &[P1, MORE], false),
            unit(6000, &[P2, MORE], false)
        ],
        "nothing is lost, and from the second picture on units are whole"
    );
}

#[test]
fn a_slice_under_another_timestamp_continues_its_picture() {
    let mut d = started();
    push(&mut d, 3000, false, P1).unwrap();
    push(&mut d, 3003, true, MORE).unwrap();
    assert_eq!(units(&mut d), [unit(3000, &[P1, MORE], false)]);
}

#[test]
fn start_codes_inside_nal_units_split_them() {
    let start = |nals: &[&[u8]]| {
        nals.iter()
            .flat_map(|n| [&[0, 0, 0, 1][..], n].concat())
            .collect::<Vec<u8>>()
    };
    let whole = start(&[SPS, PPS, IDR]);
    let expected = [unit(0, &[SPS, PPS, IDR], true)];

    let mut d = new();
    push(&mut d, 0, true, &whole).unwrap();
    assert_eq!(units(&mut d), expected, "a byte stream in a single packet");

    let mut d = new();
    push(&mut d, 0, true, &whole[4..]).unwrap();
    assert_eq!(units(&mut d), expected, "without the first start code");

    let mut d = new();
    push(&mut d, 0, true, &stap_a(&[&start(&[SPS, PPS]), &start(&[IDR])])).unwrap();
    assert_eq!(units(&mut d), expected, "in an aggregate");

    let mut d = new();
    let fragments = fragment(&whole[4..], 9);
    for (i, payload) in fragments.iter().enumerate() {
        push(&mut d, 0, i + 1 == fragments.len(), payload).unwrap();
    }
    assert_eq!(units(&mut d), expected, "cut anywhere by fragments");
    push(&mut d, 3000, true, &[P1, &[0, 0, 1], MORE, &[0, 0]].concat()).unwrap();
    assert_eq!(
        units(&mut d),
        [unit(3000, &[P1, MORE], false)],
        "between slices, once seen"
    );
}

#[test]
fn a_hole_costs_the_damaged_unit_alone() {
    let mut d = started();
    push(&mut d, 3000, false, &[0x5c, 0x81, 0x9a, 1]).unwrap();
    d.lost(1);
    push(&mut d, 3000, true, &[0x5c, 0x41, 2]).unwrap();
    push(&mut d, 6000, true, P2).unwrap();
    assert_eq!(units(&mut d), [unit(6000, &[P2], false)]);
    d.lost(3); // whole units
    push(&mut d, 12_000, true, P1).unwrap();
    assert_eq!(units(&mut d), [unit(12_000, &[P1], false)]);
    d.lost(1); // the first slice
    push(&mut d, 15_000, true, MORE).unwrap();
    push(&mut d, 18_000, true, P2).unwrap();
    assert_eq!(units(&mut d), [unit(18_000, &[P2], false)]);
    assert_eq!(d.dropped(), 2);
}

#[test]
fn after_a_damaged_rap_units_are_dropped_until_the_next_but_not_for_ever() {
    let mut d = started();
    d.lost(1);
    push(&mut d, 3000, true, &[0x7c, 0x45, 2]).unwrap();
    push(&mut d, 6000, true, P1).unwrap();
    push(&mut d, 9000, true, IDR).unwrap();
    push(&mut d, 12_000, true, P2).unwrap();
    assert_eq!(units(&mut d), [unit(9000, &[IDR], true), unit(12_000, &[P2], false)]);
    assert_eq!(d.dropped(), 2);

    d.lost(1);
    push(&mut d, 15_000, true, &[0x7c, 0x45, 2]).unwrap();
    push(&mut d, 15_000 + 179_999, true, P1).unwrap();
    push(&mut d, 15_000 + 180_000, true, P2).unwrap();
    assert_eq!(units(&mut d), [unit(195_000, &[P2], false)]);
}

#[test]
fn a_picture_lost_after_its_parameter_sets_does_not_lend_them_to_the_next() {
    let mut d = started();
    push(&mut d, 3000, false, SPS).unwrap();
    push(&mut d, 3000, false, PPS).unwrap();
    d.lost(4);
    push(&mut d, 6000, true, P1).unwrap();
    assert_eq!(units(&mut d), [unit(6000, &[P1], false)]);
}

#[test]
fn parameter_sets_that_changed_in_a_lost_unit_wait_for_a_rap() {
    let mut d = started();
    let other_pps = [0x68, 0xce, 0x38, 0x80];
    push(&mut d, 3000, false, &other_pps).unwrap();
    push(&mut d, 3000, false, &[0x7c, 0x85, 0x88]).unwrap();
    d.lost(1);
    push(&mut d, 300_000, true, P1).unwrap();
    assert_eq!(units(&mut d), []);
    push(&mut d, 303_000, true, IDR).unwrap();
    let rap = d.next().unwrap();
    let Some(FormatChange::Video(format)) = rap.format else {
        panic!("no format with the RAP")
    };
    assert_eq!(format.parameter_sets[1], other_pps[..]);
}

#[test]
fn nothing_is_handed_out_before_parameter_sets_are_known() {
    let mut d = H264Depacketizer::new([], None);
    assert_eq!(d.format(), None);
    push(&mut d, 0, true, IDR).unwrap();
    push(&mut d, 3000, true, P1).unwrap();
    assert_eq!(units(&mut d), []);
    push(&mut d, 6000, true, &stap_a(&[SPS, PPS, IDR])).unwrap();
    let first = d.next().unwrap();
    assert!(first.rap);
    assert_eq!(first.format, d.format());
    assert!(first.format.is_some());
}

#[test]
fn a_stream_joined_inside_a_gop_starts_with_the_next_rap() {
    let mut d = new();
    push(&mut d, 0, true, P1).unwrap();
    push(&mut d, 3000, true, IDR).unwrap();
    assert_eq!(units(&mut d), [unit(3000, &[IDR], true)]);
    // Intra refresh: there is none.
    let mut d = new();
    push(&mut d, 0, true, P1).unwrap();
    push(&mut d, 900_000, true, P2).unwrap();
    assert_eq!(units(&mut d), [unit(900_000, &[P2], false)]);
}

#[test]
fn open_gops_have_raps_without_idr() {
    let intra: &[u8] = &[0x61, 0x88, 0x84, 0x21];
    let recovery = |payload: u8| [0x06, 0x06, 0x01, payload, 0x80];
    let mut d = new();
    push(&mut d, 0, true, &stap_a(&[&recovery(0xc4), intra])).unwrap();
    push(&mut d, 3000, true, &stap_a(&[&recovery(0x44), intra])).unwrap();
    push(&mut d, 6000, true, &stap_a(&[&recovery(0xc4), P1])).unwrap();
    push(&mut d, 9000, true, &stap_a(&[SPS, PPS, intra])).unwrap();
    push(&mut d, 12_000, true, intra).unwrap();
    assert_eq!(
        units(&mut d).iter().map(|u| u.2).collect::<Vec<_>>(),
        [true, false, false, true, false]
    );
}

#[test]
fn formats() {
    let format = video_format([PPS, SPS]).unwrap();
    assert_eq!((format.width, format.height, format.fps), (640, 480, Some(25.0)));
    assert_eq!(format.rfc6381, "avc1.42C01E");
    assert_eq!(format.parameter_sets, [SPS, PPS]);
    let mut avcc = vec![1, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, SPS.len() as u8];
    avcc.extend_from_slice(SPS);
    avcc.extend_from_slice(&[1, 0, PPS.len() as u8]);
    avcc.extend_from_slice(PPS);
    assert_eq!(format.decoder_config, avcc);
    assert_eq!(video_format([SPS]), None);
    assert_eq!(video_format([PPS]), None);
}

#[test]
fn an_unreadable_sps_still_makes_a_format_and_never_replaces_a_readable_one() {
    let broken = [0x67, 0x42, 0xc0, 0x1e, 0xd9];
    let mut d = H264Depacketizer::new([&broken[..], PPS], Some((704, 576)));
    let Some(FormatChange::Video(format)) = d.format() else {
        panic!("no format")
    };
    assert_eq!(
        (format.width, format.height, &*format.rfc6381),
        (704, 576, "avc1.42C01E")
    );
    push(&mut d, 0, true, &stap_a(&[SPS, PPS, IDR])).unwrap();
    let Some(FormatChange::Video(format)) = d.next().unwrap().format else {
        panic!("no format")
    };
    assert_eq!((format.width, format.height), (640, 480));
    push(&mut d, 3000, true, &stap_a(&[&broken, PPS, IDR])).unwrap();
    assert_eq!(d.next().unwrap().format, None);
}

#[test]
fn sps_agrees_with_an_independent_parser() {
    use h264_reader::nal::{Nal, RefNal, sps::SeqParameterSet};
    // As cameras put them into their SDP.
    for text in [
        "Z2QAHqwsaoLA9puCgIKgAAADACAAAAMD0IAA",
        "Z00AKZpkA8ARPyzUBAQFAAADA+gAAOpgBA==",
        "Z2QAM6zoAoALWQ==",
        "Z00AH5WoFAFuQA==",
        "Z01AMpWgCoAwfiZuAgICgAAB9AAAdTBC",
        "Z01AKo2NQDwBE/LgLcBAQFAAAD6AABX5CdoIhGo=",
        "Z0IAKZY1QPAET8s3AQEBQAAAAwBAAAAHoQ==",
        "J00AII1qBQB5oQAAAwABAAADACiE",
        "Z01AH5WgLASabAQ=",
    ] {
        let unit = STANDARD.decode(text).unwrap();
        let reader = RefNal::new(&unit, &[], true);
        let theirs = SeqParameterSet::from_bits(reader.rbsp_bits()).unwrap();
        let ours = super::sps::parse(&unit).unwrap();
        assert_eq!(theirs.pixel_dimensions().unwrap(), (ours.width, ours.height), "{text}");
        assert_eq!(theirs.fps(), ours.fps, "{text}");
        let restrictions = theirs.vui_parameters.and_then(|v| v.bitstream_restrictions);
        assert_eq!(
            restrictions.map(|b| b.max_num_reorder_frames as usize),
            ours.reorder,
            "{text}"
        );
    }
}

fn arbitrary_packets() -> impl Strategy<Value = Vec<(u32, bool, bool, Vec<u8>)>> {
    let payload = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        (
            prop::sample::select(vec![0x7c, 0x5c, 0x7d, 24, 25, 0x65, 0x41, 0x67, 0x68, 6, 9]),
            prop::collection::vec(any::<u8>(), 0..40)
        )
            .prop_map(|(first, rest)| [vec![first], rest].concat()),
        Just(SPS.to_vec()),
        Just(PPS.to_vec()),
        Just(IDR.to_vec()),
    ];
    prop::collection::vec((0u32..4, any::<bool>(), any::<bool>(), payload), 0..60)
}

proptest! {
    #[test]
    fn whatever_comes_units_are_well_formed(packets in arbitrary_packets(), known in any::<bool>()) {
        let mut d = H264Depacketizer::new(if known { vec![SPS, PPS] } else { vec![] }, None);
        for (ts, marker, hole, payload) in packets {
            if hole {
                d.lost(1);
            }
            let _ = push(&mut d, ts * 3000, marker, &payload);
            while let Some(unit) = d.next() {
                let length: usize = nal::units(&unit.data).map(|n| n.len() + 4).sum();
                prop_assert_eq!(length, unit.data.len());
                prop_assert!(nal::units(&unit.data).all(|n| !n.is_empty()));
            }
            let _ = d.format();
        }
    }

    #[test]
    fn an_sps_of_any_bytes_never_panics(mut unit in prop::collection::vec(any::<u8>(), 0..80), head in 0usize..23) {
        unit.splice(0..head.min(unit.len()), SPS[..head].iter().copied());
        let _ = super::sps::parse(&unit);
        let _ = video_format([&unit[..], PPS]);
    }

    /// Whole pictures, cut into packets of any size, come out as they went in; with holes, each
    /// picture comes out whole or not at all.
    #[test]
    fn pictures_survive_packets(
        sizes in prop::collection::vec(prop::collection::vec(1usize..400, 1..5), 1..12),
        mtu in 20usize..200,
        seed in any::<u64>(),
        lossy in any::<bool>(),
    ) {
        let mut pictures = Vec::new();
        let mut packets = Vec::new();
        for (i, slices) in sizes.iter().enumerate() {
            let idr = i % 4 == 0;
            let mut nals: Vec<Vec<u8>> = if idr { vec![SPS.to_vec(), PPS.to_vec()] } else { vec![AUD.to_vec()] };
            for (j, &size) in slices.iter().enumerate() {
                let mut nal = vec![if idr { 0x65 } else { 0x41 }, if j == 0 { 0x88 } else { 0x42 }];
                nal.extend((0..size).map(|n| (n * 7 + i * 13 + j) as u8 | 1));
                nals.push(nal);
            }
            split(i as u32 * 3000, &nals, mtu, stap_a, fragment, &mut packets);
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
        let mut last = None;
        for unit in &out {
            let i = (unit.rtp_timestamp / 3000) as usize;
            prop_assert!(last < Some(i), "in order, none twice");
            last = Some(i);
            let nals: Vec<Vec<u8>> = nal::units(&unit.data).map(<[u8]>::to_vec).collect();
            prop_assert!(whole_but_for_prefixes(&nals, &pictures[i], |n| n[0] & 0x1f < 6));
            prop_assert_eq!(unit.rap, i.is_multiple_of(4));
        }
        if !lossy {
            prop_assert_eq!(out.len(), pictures.len());
        }
    }
}
