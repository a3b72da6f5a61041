//! Packets by hand (RFC 2435 3), and arbitrary packets. Whole pictures made by others are in
//! `codec::foreign_tests`.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::codec::{Depacketizer, FormatChange, testing::push};

/// A packet of type 1, 64x48.
fn packet(offset: u32, kind: u8, q: u8, size: (u8, u8), rest: &[u8]) -> Vec<u8> {
    let mut out = offset.to_be_bytes().to_vec();
    out.extend_from_slice(&[kind, q, size.0, size.1]);
    out.extend_from_slice(rest);
    out
}

fn next_segment(jpeg: &[u8], marker: u8) -> Option<&[u8]> {
    let at = jpeg.windows(2).position(|w| w == [0xff, marker])?;
    let length = u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]) as usize;
    Some(&jpeg[at + 4..at + 2 + length])
}

#[test]
fn headers_are_made_for_standard_tables() {
    let mut d = MjpegDepacketizer::new(None);
    push(&mut d, 9, false, &packet(0, 1, 50, (8, 6), &[1, 2, 3])).unwrap();
    assert!(d.next().is_none());
    push(&mut d, 9, true, &packet(3, 1, 50, (8, 6), &[4, 5])).unwrap();
    let unit = d.next().unwrap();
    assert!(unit.rap && unit.rtp_timestamp == 9);
    assert!(unit.data.starts_with(&[0xff, 0xd8]) && unit.data.ends_with(&[1, 2, 3, 4, 5, 0xff, 0xd9]));
    assert_eq!(
        next_segment(&unit.data, 0xc0).unwrap()[..9],
        [8, 0, 48, 0, 64, 3, 1, 0x22, 0]
    );
    assert_eq!(
        next_segment(&unit.data, 0xdb).unwrap()[..4],
        [0, 16, 11, 12],
        "Q 50 is the table itself"
    );
    assert_eq!(unit.format, Some(FormatChange::Video(video_format(64, 48))));
    push(&mut d, 10, true, &packet(0, 0, 50, (8, 6), &[1])).unwrap();
    let unit = d.next().unwrap();
    assert_eq!(unit.format, None);
    assert_eq!(next_segment(&unit.data, 0xc0).unwrap()[7], 0x21, "type 0 is 4:2:2");
}

#[test]
fn in_band_tables_are_kept_for_packets_without() {
    let mut d = MjpegDepacketizer::new(None);
    assert!(
        push(&mut d, 0, true, &packet(0, 1, 200, (8, 6), &[0, 0, 0, 0, 1]))
            .unwrap_err()
            .contains("no quant")
    );
    let tables: Vec<u8> = (1..=128).collect();
    push(
        &mut d,
        1,
        true,
        &packet(0, 1, 200, (8, 6), &[&[0, 0, 0, 128], &tables[..], &[7]].concat()),
    )
    .unwrap();
    push(&mut d, 2, true, &packet(0, 1, 200, (8, 6), &[0, 0, 0, 0, 8])).unwrap();
    for (last, unit) in [7, 8]
        .into_iter()
        .zip(std::iter::from_fn(|| d.next()).collect::<Vec<_>>())
    {
        assert_eq!(next_segment(&unit.data, 0xdb).unwrap()[1..], tables[..64]);
        assert!(unit.data.ends_with(&[last, 0xff, 0xd9]));
    }
}

#[test]
fn restart_intervals() {
    let mut d = MjpegDepacketizer::new(None);
    push(&mut d, 0, true, &packet(0, 65, 50, (8, 6), &[0, 4, 0xff, 0xff, 1])).unwrap();
    assert_eq!(next_segment(&d.next().unwrap().data, 0xdd), Some(&[0u8, 4][..]));
}

#[test]
fn large_pictures_need_their_size_from_sdp() {
    let large = packet(0, 1, 50, (0, 0), &[1]);
    let mut d = MjpegDepacketizer::new(None);
    assert!(push(&mut d, 0, true, &large).unwrap_err().contains("x-dimensions"));
    let mut d = MjpegDepacketizer::new(Some((3840, 2160)));
    push(&mut d, 0, true, &large).unwrap();
    assert_eq!(
        d.next().unwrap().format,
        Some(FormatChange::Video(video_format(3840, 2160)))
    );
}

#[test]
fn refused_packets() {
    let mut d = MjpegDepacketizer::new(None);
    for (payload, what) in [
        (packet(0, 1, 50, (8, 6), &[])[..7].to_vec(), "shorter"),
        (packet(0, 2, 50, (8, 6), &[1]), "type 2"),
        (packet(0, 1, 0, (8, 6), &[1]), "reserved"),
        (packet(0, 1, 100, (8, 6), &[1]), "reserved"),
        (packet(0, 1, 255, (8, 6), &[0, 1, 0, 128]), "shorter"),
        (
            packet(0, 1, 255, (8, 6), &[&[0, 1, 0, 128][..], &[1; 128]].concat()),
            "16 bit",
        ),
        (
            packet(0, 1, 255, (8, 6), &[&[0, 0, 0, 1][..], &[1; 128]].concat()),
            "1 bytes of",
        ),
    ] {
        let error = push(&mut d, 0, true, &payload).unwrap_err();
        assert!(error.contains(what), "{error}");
    }
    assert!(d.next().is_none());
}

#[test]
fn a_hole_costs_its_picture() {
    let mut d = MjpegDepacketizer::new(None);
    push(&mut d, 0, false, &packet(0, 1, 50, (8, 6), &[1])).unwrap();
    d.lost(1);
    push(&mut d, 0, true, &packet(2, 1, 50, (8, 6), &[3])).unwrap();
    assert!(push(&mut d, 3000, true, &packet(2, 1, 50, (8, 6), &[3])).is_err());
    push(&mut d, 6000, false, &packet(0, 1, 50, (8, 6), &[1])).unwrap();
    assert!(
        push(&mut d, 6000, true, &packet(9, 1, 50, (8, 6), &[3]))
            .unwrap_err()
            .contains("offset")
    );
    push(&mut d, 9000, true, &packet(0, 1, 50, (8, 6), &[1])).unwrap();
    assert_eq!(
        std::iter::from_fn(|| d.next())
            .map(|u| u.rtp_timestamp)
            .collect::<Vec<_>>(),
        [9000]
    );
    assert_eq!(d.dropped(), 3);
}

#[test]
fn a_missing_marker_is_made_up_for_by_the_end_of_the_image() {
    let mut d = MjpegDepacketizer::new(None);
    push(&mut d, 0, false, &packet(0, 1, 50, (8, 6), &[1, 0xff, 0xd9])).unwrap();
    push(&mut d, 3000, false, &packet(0, 1, 50, (8, 6), &[1])).unwrap();
    assert_eq!(d.next().unwrap().rtp_timestamp, 0);
}

proptest! {
    #[test]
    fn whatever_comes_is_a_jpeg_or_nothing(
        packets in prop::collection::vec(
            (0u32..3, any::<bool>(), any::<bool>(), 0u8..70, any::<u8>(), 0u32..60, prop::collection::vec(any::<u8>(), 0..200)),
            0..40,
        )
    ) {
        let mut d = MjpegDepacketizer::new(None);
        for (ts, marker, hole, kind, q, offset, rest) in packets {
            if hole {
                d.lost(1);
            }
            let _ = push(&mut d, ts, marker, &packet(offset / 20, kind, q, (8, 6), &rest));
            while let Some(unit) = d.next() {
                prop_assert!(unit.data.starts_with(&[0xff, 0xd8]) && unit.data.ends_with(&[0xff, 0xd9]));
            }
        }
    }
}
