//! Packets by hand (RFC 3640 3.2, RFC 6416 6), and arbitrary packets.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::codec::{Depacketizer, FormatChange, testing::push};

/// AAC-LC, 16 kHz, mono.
const CONFIG: [u8; 2] = [0x14, 0x08];

fn new() -> Mpeg4GenericDepacketizer {
    Mpeg4GenericDepacketizer::new(AudioSpecificConfig::parse(&CONFIG).unwrap(), AuHeader::AAC_HBR, 16_000)
}

/// A packet of AAC-hbr: the sizes of its units, then `data`.
fn packet(sizes: &[u16], data: &[u8]) -> Vec<u8> {
    let mut out = (sizes.len() as u16 * 16).to_be_bytes().to_vec();
    out.extend(sizes.iter().flat_map(|size| (size << 3).to_be_bytes()));
    out.extend_from_slice(data);
    out
}

fn out(d: &mut dyn Depacketizer) -> Vec<(u32, Vec<u8>, u32)> {
    std::iter::from_fn(|| d.next())
        .map(|u| (u.rtp_timestamp, u.data.to_vec(), u.samples))
        .collect()
}

#[test]
fn configurations() {
    for (bytes, rate, channels, rfc6381, frame) in [
        (&[0x14, 0x08][..], 16_000, 1, "mp4a.40.2", 1024),
        (&[0x11, 0x90], 48_000, 2, "mp4a.40.2", 1024),
        (&[0x11, 0x88], 48_000, 1, "mp4a.40.2", 1024),
        (&[0x14, 0x0c], 16_000, 1, "mp4a.40.2", 960),
        // SBR over 24 kHz: 5, 6 (24000), 2, 3 (48000), 2
        (&[0x2b, 0x11, 0x88, 0x00], 24_000, 2, "mp4a.40.5", 1024),
        // An explicit rate of 12345 Hz.
        (&[0x17, 0x80, 0x18, 0x1c, 0x88], 12_345, 1, "mp4a.40.2", 1024),
    ] {
        let config = AudioSpecificConfig::parse(bytes).unwrap_or_else(|| panic!("{bytes:x?}"));
        let format = config.format();
        assert_eq!(
            (format.sample_rate, format.channels, &*format.rfc6381),
            (rate, channels, rfc6381),
            "{bytes:x?}"
        );
        assert_eq!(config.ticks(1, rate), frame);
        assert_eq!(format.decoder_config, bytes);
    }
    for bytes in [&[][..], &[0x14], &[0x14, 0x00], &[0xf8, 0, 0, 0], &[0x16, 0x88]] {
        assert_eq!(AudioSpecificConfig::parse(bytes), None, "{bytes:x?}");
    }
    assert_eq!(
        AudioSpecificConfig::low_complexity(16_000, 1),
        AudioSpecificConfig::parse(&CONFIG)
    );
    assert_eq!(AudioSpecificConfig::low_complexity(12_345, 1), None);
}

#[test]
fn several_units_in_a_packet() {
    let mut d = new();
    push(&mut d, 100, true, &packet(&[2, 3], &[1, 2, 3, 4, 5])).unwrap();
    let first = d.next().unwrap();
    assert_eq!(
        first.format,
        Some(FormatChange::Audio(
            AudioSpecificConfig::parse(&CONFIG).unwrap().format()
        ))
    );
    assert_eq!(
        (first.rtp_timestamp, &first.data[..], first.rap),
        (100, &[1u8, 2][..], true)
    );
    assert_eq!(out(&mut d), [(1124, vec![3, 4, 5], 1024)]);
}

#[test]
fn a_unit_in_several_packets() {
    let mut d = new();
    push(&mut d, 0, false, &packet(&[5], &[1, 2])).unwrap();
    push(&mut d, 0, true, &packet(&[5], &[3, 4, 5])).unwrap();
    assert_eq!(out(&mut d), [(0, vec![1, 2, 3, 4, 5], 1024)]);
    push(&mut d, 1024, false, &packet(&[5], &[1, 2])).unwrap();
    d.lost(1);
    push(&mut d, 2048, true, &packet(&[1], &[9])).unwrap();
    assert_eq!(out(&mut d), [(2048, vec![9], 1024)]);
    push(&mut d, 3072, false, &packet(&[5], &[1, 2])).unwrap();
    assert!(push(&mut d, 4096, true, &packet(&[5], &[3, 4, 5])).is_err());
    assert_eq!((out(&mut d), d.dropped()), (vec![], 2));
}

#[test]
fn malformed_packets() {
    let mut d = new();
    for payload in [
        &[0][..],
        &[0, 16, 1],
        &[0, 0, 1, 2],
        &[0, 8, 1],
        &packet(&[1, 5], &[1, 2]),
    ] {
        assert!(push(&mut d, 0, true, payload).is_err(), "{payload:x?}");
    }
    out(&mut d);
    push(&mut d, 9, true, &packet(&[1], &[9])).unwrap();
    assert_eq!(out(&mut d), [(9, vec![9], 1024)]);
}

#[test]
fn adts_headers_are_taken_off() {
    let mut d = new();
    push(
        &mut d,
        0,
        true,
        &packet(&[9], &[0xff, 0xf1, 0x60, 0x40, 0x01, 0x3f, 0xfc, 7, 8]),
    )
    .unwrap();
    assert_eq!(out(&mut d), [(0, vec![7, 8], 1024)]);
}

#[test]
fn latm() {
    // RFC 6416's example: one program, one layer, AAC-LC 24 kHz stereo.
    let mut d = LatmDepacketizer::new(&[0x40, 0x00, 0x26, 0x20, 0x3f, 0xc0], 24_000).unwrap();
    let Some(FormatChange::Audio(format)) = d.format() else {
        panic!("no format")
    };
    assert_eq!(
        (format.sample_rate, format.channels, &format.decoder_config[..]),
        (24_000, 2, &[0x13, 0x10][..])
    );
    push(&mut d, 0, false, &[4, 1, 2]).unwrap();
    push(&mut d, 0, true, &[3, 4]).unwrap();
    let long = [&[0xff, 1][..], &[7; 256]].concat();
    push(&mut d, 1024, true, &long).unwrap();
    assert_eq!(out(&mut d), [(0, vec![1, 2, 3, 4], 1024), (1024, vec![7; 256], 1024)]);
    assert!(push(&mut d, 2048, true, &[9, 1]).is_err());
    push(&mut d, 3072, false, &[4, 1, 2]).unwrap();
    d.lost(1);
    push(&mut d, 3072, true, &[4]).unwrap();
    push(&mut d, 4096, true, &[1, 5]).unwrap();
    assert_eq!(out(&mut d), [(4096, vec![5], 1024)]);
    assert!(
        LatmDepacketizer::new(&[0x80, 0, 0, 0, 0, 0], 24_000).is_none(),
        "audioMuxVersion 1"
    );
}

proptest! {
    #[test]
    fn whatever_comes_never_panics(
        packets in prop::collection::vec((0u32..3, any::<bool>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 0..30),
        sizes in (1u32..33, 0u32..33, 0u32..33),
        config in prop::collection::vec(any::<u8>(), 0..12),
    ) {
        let header = AuHeader { size: sizes.0, index: sizes.1, index_delta: sizes.2 };
        let config = AudioSpecificConfig::parse(&config).unwrap_or_else(|| AudioSpecificConfig::parse(&CONFIG).unwrap());
        let mut generic = Mpeg4GenericDepacketizer::new(config, header, 16_000);
        let mut latm = LatmDepacketizer::new(&[0x42, 0x00, 0x26, 0x20, 0x3f, 0xc0], 90_000).unwrap();
        for (ts, marker, hole, mut payload) in packets {
            for d in [&mut generic as &mut dyn Depacketizer, &mut latm] {
                if hole {
                    d.lost(1);
                }
                let _ = push(d, ts, marker, &payload);
                let _ = out(d);
                // Plausible AU header lengths as well.
                payload.splice(0..0, [0, 16]);
            }
        }
    }

    #[test]
    fn units_survive_packets(sizes in prop::collection::vec(1usize..600, 1..20), mtu in 20usize..300) {
        let mut d = new();
        let units: Vec<Vec<u8>> = sizes.iter().enumerate().map(|(i, &n)| vec![i as u8; n]).collect();
        for (i, unit) in units.iter().enumerate() {
            let chunks: Vec<&[u8]> = unit.chunks(mtu).collect();
            for (j, chunk) in chunks.iter().enumerate() {
                push(&mut d, i as u32 * 1024, j + 1 == chunks.len(), &packet(&[unit.len() as u16], chunk)).unwrap();
            }
        }
        prop_assert_eq!(out(&mut d).into_iter().map(|u| u.1).collect::<Vec<_>>(), units);
    }
}
