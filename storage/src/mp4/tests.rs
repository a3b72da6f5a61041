#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use vigie_config::{CameraId, Causes, StreamId, StreamName};

use super::*;
use crate::{
    segment::SegmentStart,
    uuid::{RecorderId, VolumeId},
};

fn start() -> SegmentStart {
    SegmentStart {
        stream: StreamId::new(CameraId::new("gate").unwrap(), StreamName::Main),
        run: ulid::Ulid::from_parts(1, 2),
        number: 3,
        start: "2026-11-20T09:41:00.123456Z".parse().unwrap(),
        causes: Causes::SCHEDULE.union(Causes::MOTION),
        continued: true,
        synchronised: false,
        codec: "avc1.640028".into(),
    }
}

fn file(fragments: u64) -> Vec<u8> {
    let mut bytes = sample::init(&start().tags(RecorderId(5)), false).to_vec();
    for n in 0..fragments {
        let (header, media) = sample::fragment(n * 36_000, 3600, &[900; 10], n == 0);
        bytes.extend(header);
        media.iter().for_each(|unit| bytes.extend(unit));
        if n % 2 == 1 {
            bytes.extend(sample::boxed(b"free", &[0; 100]));
        }
    }
    bytes
}

#[test]
fn a_whole_file() {
    let bytes = file(5);
    let scan = scan_segment(bytes.as_slice()).unwrap();
    let (segment, recorder) = SegmentStart::from_tags(&scan.moov.tags).unwrap();
    assert_eq!((segment, recorder), (start(), RecorderId(5)));
    assert_eq!(scan.fragments.len(), 5);
    assert!(scan.fragments[0].rap && !scan.fragments[1].rap);
    assert_eq!(
        (scan.fragments[1].start_us, scan.fragments[1].end_us),
        (400_000, 800_000)
    );
    assert_eq!(scan.valid_len, bytes.len() as u64);
    let row = scan.tally.row(&start(), VolumeId(1));
    assert_eq!((row.units, row.bytes), (50, scan.valid_len));
    assert_eq!(row.end.micros_since(row.start), 2_000_000);
    assert!(row.causes == Causes::SCHEDULE.union(Causes::MOTION));
}

#[test]
fn every_cut_ends_at_a_whole_fragment() {
    let bytes = file(3);
    let whole = scan_segment(bytes.as_slice()).unwrap();
    for cut in 0..bytes.len() {
        match scan_segment(&bytes[..cut]) {
            Ok(scan) => {
                assert!(scan.valid_len <= cut as u64);
                assert_eq!(scan.fragments, whole.fragments[..scan.fragments.len()]);
                let next = whole.fragments.get(scan.fragments.len());
                assert!(next.is_none_or(|next| next.offset + next.len > cut as u64));
            }
            Err(ScanError::NoHead { .. }) => assert!((cut as u64) < whole.init_len),
            Err(error) => panic!("{error}"),
        }
        // The length reached the device, the bytes did not.
        let mut zeroed = bytes[..cut].to_vec();
        zeroed.resize(bytes.len(), 0);
        if let Ok(scan) = scan_segment(zeroed.as_slice()) {
            assert!(scan.fragments.len() <= whole.fragments.len());
        }
    }
}

#[test]
fn both_tracks_and_the_end_of_video() {
    let init = sample::init(&[], true);
    let moov = Moov::from_init(&init).unwrap();
    assert_eq!(moov.tracks.len(), 2);
    let (header, _) = sample::fragment(90_000, 3000, &[1, 2, 3], true);
    let info = FragmentInfo::parse(&moov, &header, 77).unwrap();
    assert_eq!((info.video_end_us, info.other_end_us), (Some(1_100_000), None));
    assert_eq!(info.len, header.len() as u64 + 6);
    let sound_only = Moov {
        tracks: moov
            .tracks
            .into_iter()
            .map(|mut t| {
                t.kind = TrackKind::Audio;
                t
            })
            .collect(),
        tags: vec![],
    };
    let info = FragmentInfo::parse(&sound_only, &header, 77).unwrap();
    assert_eq!(
        (info.video_end_us, info.other_end_us, info.end_us),
        (None, Some(1_100_000), 1_100_000)
    );
}

#[test]
fn a_fragment_is_moved_to_a_later_beginning() {
    let moov = Moov::from_init(&sample::init(&[], true)).unwrap();
    let (header, _) = sample::fragment(900_000, 3000, &[1, 2, 3], true);
    let before = FragmentInfo::parse(&moov, &header, 0).unwrap();
    let moved = FragmentInfo::parse(&moov, &rebase(&moov, &header, 9_500_000).unwrap(), 0).unwrap();
    assert_eq!(
        (moved.start_us, moved.end_us, moved.len, moved.units, moved.rap),
        (500_000, before.end_us - 9_500_000, before.len, before.units, before.rap)
    );
    // Sound that began a little earlier than the pictures.
    let moved = FragmentInfo::parse(&moov, &rebase(&moov, &header, 10_500_000).unwrap(), 0).unwrap();
    assert_eq!(moved.start_us, 0);
    assert_eq!(rebase(&Moov::default(), &header, 1), None);
}

proptest! {
    /// Any damage: no panic, no endless loop, nothing beyond the file.
    #[test]
    fn damaged_files(at in 0usize..12_000, with in proptest::collection::vec(any::<u8>(), 1..40)) {
        let mut bytes = file(3);
        let at = at % bytes.len();
        for (to, from) in bytes[at..].iter_mut().zip(&with) {
            *to = *from;
        }
        if let Ok(scan) = scan_segment(bytes.as_slice()) {
            prop_assert!(scan.valid_len <= bytes.len() as u64);
            for fragment in &scan.fragments {
                prop_assert!(fragment.offset + fragment.len <= bytes.len() as u64);
            }
            let _ = SegmentStart::from_tags(&scan.moov.tags);
            let _ = scan.tally.row(&start(), VolumeId(1));
        }
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = scan_segment(bytes.as_slice());
        let _ = Moov::from_init(&bytes);
        let _ = Moof::parse(&bytes).map(|moof| moof.trafs.iter().flat_map(|t| &t.truns).flat_map(|t| t.samples()).count());
    }
}
