#![allow(clippy::unwrap_used)]

use std::{process::Command, sync::Arc};

use vigie_config::Utc;

use super::{
    encoder::{ELEMENTS, Encoder, FRAME},
    *,
};
use crate::{
    AccessUnit, AudioFormat, StreamFormat, Track, VideoCodec, VideoFormat,
    fmp4::{FragmentBuilder, Last, init_segment},
};

fn g711(codec: AudioCodec) -> AudioFormat {
    AudioFormat {
        codec,
        sample_rate: 8000,
        channels: 1,
        decoder_config: Default::default(),
        rfc6381: "ulaw".into(),
    }
}

fn unit(format: &Arc<StreamFormat>, dts: i64, data: Vec<u8>) -> AccessUnit {
    AccessUnit {
        track: Track::Audio,
        data: data.into(),
        dts,
        pts: dts,
        utc: Utc::from_micros(1_763_632_860_000_000 + dts * 125),
        rap: true,
        epoch: 0,
        format: format.clone(),
        seq: 1,
    }
}

/// ITU-T G.711's own landmarks: the largest values, the smallest steps, both signs.
#[test]
fn tables_are_those_of_the_recommendation() {
    assert_eq!(
        [0x80, 0x00, 0xFF, 0x7F, 0xFE, 0xEF].map(|b: usize| g711::MU_LAW[b]),
        [32_124, -32_124, 0, 0, 8, 132]
    );
    assert_eq!(
        [0xAA, 0x2A, 0xD5, 0x55, 0xD4, 0xC5].map(|b: usize| g711::A_LAW[b]),
        [32_256, -32_256, 8, -8, 24, 264]
    );
}

/// All 256 bytes of both laws as ffmpeg decodes them.
#[test]
fn tables_are_those_of_ffmpeg() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in");
    std::fs::write(&path, (0..=255).collect::<Vec<u8>>()).unwrap();
    for (law, table) in [("mulaw", &g711::MU_LAW), ("alaw", &g711::A_LAW)] {
        let out = Command::new("ffmpeg")
            .args([
                "-v",
                "error",
                "-f",
                law,
                "-ar",
                "8000",
                "-ac",
                "1",
                "-i",
                path.to_str().unwrap(),
            ])
            .args(["-f", "s16le", "-"])
            .output()
            .unwrap();
        let samples: Vec<i16> = out
            .stdout
            .as_chunks()
            .0
            .iter()
            .map(|b| i16::from_le_bytes(*b))
            .collect();
        assert_eq!(samples, table, "{law}");
    }
}

/// A noise burst through the encoder and ffmpeg's decoder comes out where the time stamps say.
#[test]
fn the_delay_of_every_encoder_is_what_we_count_with() {
    let mut found = 0;
    for element in ELEMENTS {
        let Ok(mut encoder) = Encoder::of(element, 8000, 1) else {
            continue;
        };
        found += 1;
        let frames = 24;
        let mut state = 1u32;
        let sound: Vec<i16> = (0..frames * FRAME)
            .map(|i| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Loud for 40 ms at the 10th frame, otherwise silent; low-pass by repetition.
                if (10_000..10_320).contains(&i) {
                    ((state >> 16) as i16) / 4
                } else {
                    0
                }
            })
            .collect();
        let mut adts = Vec::new();
        for frame in sound.chunks(FRAME) {
            for packet in encoder.encode(frame).unwrap() {
                let len = packet.len() + 7;
                // ADTS: AAC LC, 8000 Hz, mono.
                adts.extend_from_slice(&[
                    0xFF,
                    0xF1,
                    1 << 6 | 11 << 2,
                    1 << 6 | (len >> 11) as u8,
                    (len >> 3) as u8,
                    ((len & 7) << 5) as u8 | 0x1F,
                    0xFC,
                ]);
                adts.extend_from_slice(&packet);
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.aac");
        std::fs::write(&path, adts).unwrap();
        let out = Command::new("ffmpeg")
            .args(["-v", "error", "-i", path.to_str().unwrap(), "-f", "s16le", "-"])
            .output()
            .unwrap();
        let heard: Vec<i16> = out
            .stdout
            .as_chunks()
            .0
            .iter()
            .map(|b| i16::from_le_bytes(*b))
            .collect();
        let best = (0..4096usize)
            .max_by_key(|shift| {
                (9900..10_400usize)
                    .filter_map(|i| Some(i64::from(sound[i]) * i64::from(*heard.get(i + shift)?)))
                    .sum::<i64>()
            })
            .unwrap();
        assert!(
            best.abs_diff(element.delay) <= 8,
            "{}: measured {best}, counted {}",
            element.name,
            element.delay
        );
    }
    assert!(found > 0, "no AAC encoder here: install gstreamer1.0-libav");
}

/// Tone bursts at whole seconds, lost packets, a long hole: what ffmpeg hears of the file lies
/// where it lay in time.
#[test]
fn sound_stays_in_step_over_losses_and_holes() {
    let video = VideoFormat {
        codec: VideoCodec::Mjpeg,
        width: 16,
        height: 16,
        fps: None,
        rfc6381: "mp4v.6c".into(),
        parameter_sets: vec![],
        decoder_config: Default::default(),
    };
    let format = Arc::new(StreamFormat {
        video: Some(video),
        audio: Some(g711(AudioCodec::Pcmu)),
    });
    let mut units = Mp4Units::new();
    let mut made = Vec::new();
    // Not a real picture: only the sound is decoded.
    let mut picture = AccessUnit {
        track: Track::Video,
        ..unit(&format, 0, vec![0xFF, 0xD8, 0xFF, 0xD9])
    };
    units.push(Arc::new(picture.clone()), |u| made.push(u));
    for packet in 0..50 * 12i64 {
        let dts = packet * 160;
        // Every 7th packet is lost, and all of 4.5 s to 7.5 s.
        if packet % 7 == 3 || (225..375).contains(&packet) {
            continue;
        }
        let second = packet / 50;
        // 60 ms of tone, in packets that are not lost.
        let tone = packet % 50 < 3 && packet % 7 != 3;
        let data = (0..160)
            .map(|i| {
                if tone {
                    if i % 8 < 4 { 0x90 } else { 0x10 }
                } else {
                    0xFF
                }
            })
            .collect();
        assert!(second < 12);
        units.push(Arc::new(unit(&format, dts, data)), |u| made.push(u));
    }
    picture.dts = 12 * 90_000;
    picture.pts = picture.dts;
    picture.utc = picture.utc.plus_micros(12_000_000);
    units.push(Arc::new(picture), |u| made.push(u));
    let stored = &made[0].format;
    assert_eq!(stored.audio.as_ref().unwrap().codec, AudioCodec::Aac);
    assert!(made.iter().all(|u| Arc::ptr_eq(&u.format, stored)));
    let audio: Vec<_> = made.iter().filter(|u| u.track == Track::Audio).collect();
    assert!(audio.is_sorted_by(|a, b| a.dts < b.dts));

    let mut builder = FragmentBuilder::new(&made[0]);
    let mut file = init_segment(stored, &[]).unwrap().to_vec();
    for unit in &made {
        builder.push(unit.clone());
        file.extend(builder.cut(Last::Hold).iter().flat_map(|f| f.to_bytes()));
    }
    file.extend(builder.cut(Last::Assume).iter().flat_map(|f| f.to_bytes()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mp4");
    std::fs::write(&path, &file).unwrap();
    let out = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-i",
            path.to_str().unwrap(),
            "-map",
            "a",
            "-af",
            "aresample=async=1:first_pts=0",
        ])
        .args(["-f", "s16le", "-"])
        .output()
        .unwrap();
    let heard: Vec<i16> = out
        .stdout
        .as_chunks()
        .0
        .iter()
        .map(|b| i16::from_le_bytes(*b))
        .collect();
    for second in [1, 2, 3, 4, 8, 9, 10, 11usize] {
        let loud = |from: usize, to: usize| {
            heard[from..to].iter().map(|s| u64::from(s.unsigned_abs())).sum::<u64>() / (to - from) as u64
        };
        // The first packet of the burst may be one of the lost.
        let at = second * 8000 + if (second * 50) % 7 == 3 { 160 } else { 0 };
        let (before, within) = (loud(at - 800, at - 240), loud(at, at + 480));
        assert!(
            within > 20 * (before + 1),
            "second {second}: {before} before, {within} within"
        );
        // The burst begins within 15 ms of its second.
        let onset = (at - 400..at + 400).find(|i| heard[*i].unsigned_abs() > 1500).unwrap();
        assert!(
            onset.abs_diff(at) < 120,
            "second {second} begins at {onset}, {at} expected"
        );
    }
}

#[test]
fn other_codecs_pass_untouched_and_undescribed_ones_are_left_out() {
    let mut format = StreamFormat {
        video: None,
        audio: Some(g711(AudioCodec::Aac)),
    };
    let undescribed = Arc::new(format.clone());
    let mut units = Mp4Units::new();
    units.push(Arc::new(unit(&undescribed, 0, vec![1])), |_| panic!("left out"));
    let picture = AccessUnit {
        track: Track::Video,
        ..unit(&undescribed, 0, vec![1])
    };
    let mut seen = Vec::new();
    units.push(Arc::new(picture), |u| seen.push(u));
    assert_eq!(seen[0].format.audio, None);
    format.audio.as_mut().unwrap().decoder_config = vec![0x15, 0x88].into();
    let described = Arc::new(format);
    let sent = Arc::new(unit(&described, 0, vec![1]));
    units.push(sent.clone(), |u| seen.push(u));
    assert!(Arc::ptr_eq(&seen[1], &sent));
    assert!(matches!(
        AacTranscoder::new(&g711(AudioCodec::Opus)),
        Err(TranscodeError::Unsupported { .. })
    ));
}

/// `cargo test -- --ignored cost --nocapture`: processor time of one camera's audio.
#[test]
#[ignore = "a measurement, not a test"]
fn cost_of_a_camera() {
    for element in ELEMENTS {
        let Ok(mut encoder) = Encoder::of(element, 8000, 1) else {
            continue;
        };
        let mut state = 1u32;
        let frames: Vec<Vec<i16>> = (0..64)
            .map(|n| {
                (0..FRAME)
                    .map(|i| {
                        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        let tone = ((n * FRAME + i) as f32 * 0.3).sin() * 6000.0;
                        tone as i16 + ((state >> 16) as i16) / 16
                    })
                    .collect()
            })
            .collect();
        // Of this thread alone: it is the one that encodes.
        let cpu_seconds = || {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
        };
        let start = cpu_seconds();
        let mut bytes = 0;
        for frame in frames.iter().cycle().take(2000) {
            bytes += encoder
                .encode(frame)
                .unwrap()
                .iter()
                .map(bytes::Bytes::len)
                .sum::<usize>();
        }
        let seconds = cpu_seconds() - start;
        let media = 2000.0 * FRAME as f64 / 8000.0;
        println!(
            "{}: {:.4} % of a core, {:.0} bit/s",
            element.name,
            100.0 * seconds / media,
            bytes as f64 * 8.0 / media
        );
    }
}
