use proptest::prelude::*;

use super::{demux::demux, *};
use crate::fmp4::{Fmp4Error, FragmentBuilder, Last, LiveFragments, VIDEO_TRACK, init_segment};

fn file(init: &[u8], fragments: &[crate::fmp4::Fragment]) -> Vec<u8> {
    let mut file = init.to_vec();
    for fragment in fragments {
        file.extend_from_slice(&fragment.to_bytes());
    }
    file
}

#[test]
fn formats_that_cannot_be_written_are_refused() {
    assert_eq!(init_segment(&StreamFormat::default(), &[]), Err(Fmp4Error::NoTrack));
    let mut format = (*plain_format()).clone();
    format.audio.as_mut().unwrap().codec = AudioCodec::Pcma;
    assert_eq!(
        init_segment(&format, &[]),
        Err(Fmp4Error::NotStorable {
            codec: AudioCodec::Pcma
        })
    );
    format.audio = None;
    format.video.as_mut().unwrap().width = 70_000;
    assert!(matches!(init_segment(&format, &[]), Err(Fmp4Error::PictureSize { .. })));
    format.video.as_mut().unwrap().width = 640;
    format.video.as_mut().unwrap().decoder_config = Bytes::new();
    assert!(matches!(
        init_segment(&format, &[]),
        Err(Fmp4Error::NoDecoderConfig { .. })
    ));
}

#[test]
fn a_held_unit_goes_with_the_next_cut_and_no_time_is_lost_at_a_seam() {
    let format = plain_format();
    let at = |dts, rap| Arc::new(unit(&format, Track::Video, dts, rap, vec![1; 10]));
    let mut builder = FragmentBuilder::new(&at(9000, true));
    builder.push(at(9000, true));
    assert!(builder.cut(Last::Hold).is_none());
    builder.push(at(12_600, false));
    builder.push(at(16_900, false));
    let first = builder.cut(Last::Hold).unwrap();
    assert_eq!((first.units, first.rap), (2, true));
    assert_eq!(
        first.end.micros_since(first.start),
        (16_900 - 9000) * 1_000_000 / 90_000
    );
    let next = at(20_000, true);
    let second = builder.cut(Last::Before(&next)).unwrap();
    assert_eq!((second.units, second.rap), (1, false));
    assert_eq!(second.start, first.end);
    // Rounded down to whole microseconds.
    assert_eq!(second.end.micros_since(builder.start()), 11_000 * 1_000_000 / 90_000);
    assert!(builder.cut(Last::Assume).is_none());

    let read = demux(&file(&init_segment(&format, &[]).unwrap(), &[first, second]));
    let durations: Vec<_> = read[&VIDEO_TRACK].samples.iter().map(|s| s.duration).collect();
    assert_eq!(durations, [3600, 4300, 3100]);
}

#[test]
fn an_assumed_duration_does_not_move_what_follows() {
    let format = plain_format();
    let mut live = LiveFragments::new();
    let mut fragments = Vec::new();
    assert!(live.needs_init(&unit(&format, Track::Video, 0, true, vec![])));
    assert!(
        live.push(Arc::new(unit(&format, Track::Video, 0, false, vec![])))
            .is_none()
    );
    for (i, dts) in [0i64, 3600, 7300, 10_800].into_iter().enumerate() {
        let unit = unit(&format, Track::Video, dts, i == 0, vec![i as u8; 5]);
        fragments.push(live.push(Arc::new(unit)).unwrap());
    }
    let read = demux(&file(&init_segment(&format, &[]).unwrap(), &fragments));
    let times: Vec<_> = read[&VIDEO_TRACK].samples.iter().map(|s| (s.dts, s.duration)).collect();
    assert_eq!(times, [(0, 3600), (3600, 3600), (7300, 3700), (10_800, 3500)]);
}

#[test]
fn audio_is_placed_by_the_wall_clock_and_put_back_when_it_slips() {
    let format = plain_format();
    let mut builder = FragmentBuilder::new(&unit(&format, Track::Video, 0, true, vec![]));
    let mut fragments = Vec::new();
    for i in 0..10i64 {
        builder.push(Arc::new(unit(&format, Track::Video, i * 90_000, true, vec![0])));
        // Its own clock starts anywhere; it is 100 ms after the video; half way it slips by 1 s.
        let mut audio = unit(&format, Track::Audio, 777_000 + i * 8000, true, vec![1]);
        audio.utc = Utc::from_micros(START + i * 1_000_000 + 100_000 + if i >= 5 { 1_000_000 } else { 0 });
        builder.push(Arc::new(audio));
        fragments.extend(builder.cut(Last::Hold));
    }
    fragments.extend(builder.cut(Last::Assume));
    let read = demux(&file(&init_segment(&format, &[]).unwrap(), &fragments));
    let audio: Vec<_> = read[&crate::fmp4::AUDIO_TRACK].samples.iter().map(|s| s.dts).collect();
    let expected: Vec<_> = (0..10)
        .map(|i| 800 + i * 8000 + if i >= 5 { 8000 } else { 0 })
        .collect();
    assert_eq!(audio, expected);
}

proptest! {
    /// Whatever is pushed and wherever it is cut: every byte, time and flag comes back once, in
    /// order, and `mp4-atom` reads the boxes.
    #[test]
    fn everything_comes_back(
        units in prop::collection::vec(
            (any::<bool>(), 0usize..3000, 1i64..9000, 0i64..20_000, any::<bool>(), prop::bool::weighted(0.2)),
            1..80,
        ),
        reordering: bool,
    ) {
        let format = plain_format();
        let mut video = vec![unit(&format, Track::Video, 0, true, vec![7; 3])];
        let mut audio: Vec<AccessUnit> = vec![];
        let mut builder = FragmentBuilder::new(&video[0]);
        builder.push(Arc::new(video[0].clone()));
        let mut fragments = Vec::new();
        for (n, (is_video, len, step, shift, rap, cut)) in units.into_iter().enumerate() {
            let data = (0..len).map(|i| (i + n) as u8).collect();
            let next = if is_video {
                let mut next = unit(&format, Track::Video, video.last().unwrap().dts + step, rap, data);
                next.pts += if reordering { shift } else { 0 };
                video.push(next.clone());
                next
            } else {
                let dts = audio.last().map_or(0, |a| a.dts + step % 1024 + 1);
                let mut next = unit(&format, Track::Audio, dts, true, data);
                // In step with the video, so that it is never put back.
                next.utc = video.last().unwrap().utc;
                next.dts = (next.utc.as_micros() - START) * 8 / 1000;
                if audio.last().is_some_and(|a| a.dts >= next.dts) { continue }
                next.pts = next.dts;
                audio.push(next.clone());
                next
            };
            builder.push(Arc::new(next));
            if cut {
                fragments.extend(builder.cut(if n % 2 == 0 { Last::Hold } else { Last::Assume }));
            }
        }
        fragments.extend(builder.cut(Last::Assume));
        prop_assert!(builder.is_empty() && builder.bytes() == 0);

        let init = init_segment(&format, &[("vigie.format".into(), "1".into())]).unwrap();
        let read = demux(&file(&init, &fragments));
        for (track, sent) in [(1, &video), (2, &audio)] {
            let got = &read[&track];
            prop_assert_eq!(got.samples.len(), sent.len());
            for (i, (got, sent)) in got.samples.iter().zip(sent).enumerate() {
                prop_assert_eq!(&got.data[..], &sent.data[..]);
                prop_assert_eq!(i64::from(got.cts), sent.pts - sent.dts);
                prop_assert_eq!(got.sync, sent.rap);
                prop_assert_eq!(got.dts, sent.dts, "unit {}", i);
            }
        }
        prop_assert_eq!(fragments.iter().map(|f| f.units as usize).sum::<usize>(), video.len() + audio.len());
        for fragment in &fragments {
            let mut bytes = &fragment.header[..];
            let moof = <mp4_atom::Moof as mp4_atom::Decode>::decode(&mut bytes).unwrap();
            let counted: usize = moof.traf.iter().flat_map(|t| &t.trun).map(|r| r.samples.len()).sum();
            prop_assert_eq!(counted, fragment.units as usize);
            prop_assert_eq!(bytes.len(), 8, "the header of mdat");
        }
    }
}
