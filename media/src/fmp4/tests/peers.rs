//! Real streams, made by ffmpeg, written by us, read by ffprobe, ffmpeg and `mp4-atom`.

use std::{path::Path, process::Command};

use mp4_atom::Decode;

use super::{
    demux::{TrackRead, child, demux},
    *,
};
use crate::fmp4::{FragmentBuilder, Last, LiveFragments, init_segment};

fn run(program: &str, arguments: &[&str]) -> String {
    let out = Command::new(program).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(
        out.status.success() && errors.is_empty(),
        "{program} {arguments:?}: {errors}"
    );
    String::from_utf8(out.stdout).unwrap()
}

/// A stream of ffmpeg's encoders, as access units in the order of their decoding times.
fn stream(folder: &Path, codec: VideoCodec, encode: &[&str]) -> Vec<AccessUnit> {
    let path = folder.join("in.mp4");
    let mut arguments = vec![
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x240:rate=25:duration=3",
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=440:sample_rate=48000:duration=3",
        "-pix_fmt",
        "yuv420p",
    ];
    arguments.extend(encode);
    arguments.extend([
        "-video_track_timescale",
        "90000",
        "-movflags",
        "empty_moov+default_base_moof+frag_keyframe",
        "-y",
        path.to_str().unwrap(),
    ]);
    run("ffmpeg", &arguments);
    let tracks = demux(&std::fs::read(&path).unwrap());
    let video = tracks.values().find(|t| &t.handler == b"vide").unwrap();
    let audio = tracks.values().find(|t| &t.handler == b"soun");
    assert_eq!(video.timescale, 90_000);
    let format = Arc::new(StreamFormat {
        video: Some(VideoFormat {
            codec,
            width: 320,
            height: 240,
            fps: None,
            rfc6381: "avc1.64000d".into(),
            parameter_sets: vec![],
            decoder_config: if codec == VideoCodec::Mjpeg {
                Bytes::new()
            } else {
                video.config.clone().into()
            },
        }),
        audio: audio.map(|audio| AudioFormat {
            codec: if &audio.entry == b"Opus" {
                AudioCodec::Opus
            } else {
                AudioCodec::Aac
            },
            sample_rate: audio.timescale,
            channels: 1,
            decoder_config: audio.config.clone().into(),
            rfc6381: "mp4a.40.2".into(),
        }),
    });
    let units = |track, read: &TrackRead| -> Vec<AccessUnit> {
        let made = read.samples.iter().map(|s| {
            let mut made = unit(&format, track, s.dts, s.sync, s.data.clone());
            made.pts += i64::from(s.cts);
            made
        });
        made.collect()
    };
    let mut all = units(Track::Video, video);
    all.extend(audio.into_iter().flat_map(|audio| units(Track::Audio, audio)));
    all.sort_by_key(|u| u.utc);
    let first = all.iter().position(|u| u.track == Track::Video).unwrap();
    let start = all[first].utc;
    all.retain(|u| u.utc >= start);
    all
}

fn tags() -> Vec<(String, String)> {
    [
        ("vigie.format", "1"),
        ("vigie.camera", "gate"),
        ("vigie.start", "2026-11-20T09:41:00.123456Z"),
        ("vigie.causes", "schedule,motion"),
        ("vigie.odd", "ünï=;\n"),
    ]
    .map(|(k, v)| (k.to_string(), v.to_string()))
    .to_vec()
}

/// Writes in fragments of 400 ms, checks with every reader, returns the codecs ffprobe names.
fn check(codec: VideoCodec, encode: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let units = stream(folder.path(), codec, encode);
    let init = init_segment(&units[0].format, &tags()).unwrap();
    let mut file = init.to_vec();
    let mut builder = FragmentBuilder::new(&units[0]);
    let mut count = 0;
    for (i, unit) in units.iter().enumerate() {
        builder.push(Arc::new(AccessUnit {
            seq: i as u64 + 1,
            ..unit.clone()
        }));
        if builder.span_micros() >= 400_000
            && let Some(fragment) = builder.cut(Last::Hold)
        {
            count += fragment.units as usize;
            file.extend_from_slice(&fragment.to_bytes());
        }
    }
    let last = builder.cut(Last::Assume).unwrap();
    assert_eq!(last.video_seq.max(last.audio_seq), units.len() as u64);
    assert_eq!(count + last.units as usize, units.len());
    file.extend_from_slice(&last.to_bytes());
    let path = folder.path().join("out.mp4");
    std::fs::write(&path, &file).unwrap();
    let path = path.to_str().unwrap();

    // Our own reader: every byte and time.
    let read = demux(&file);
    for (id, track) in [(1, Track::Video), (2, Track::Audio)] {
        let sent: Vec<_> = units.iter().filter(|u| u.track == track).collect();
        let Some(got) = read.get(&id) else {
            assert!(sent.is_empty());
            continue;
        };
        assert_eq!(got.samples.len(), sent.len());
        for (got, sent) in got.samples.iter().zip(&sent) {
            assert_eq!(got.data, sent.data);
            assert_eq!(got.sync, sent.rap);
            assert_eq!(i64::from(got.cts), sent.pts - sent.dts);
            // Audio goes through microseconds once.
            assert!(
                (got.dts - sent.dts).abs() <= i64::from(track == Track::Audio),
                "{got:?}"
            );
        }
    }
    // mp4-atom: every box.
    let mut rest = &file[..];
    let mut moofs = 0;
    while !rest.is_empty() {
        match mp4_atom::Any::decode(&mut rest).unwrap() {
            mp4_atom::Any::Unknown(kind, _) => panic!("mp4-atom does not know {kind}"),
            mp4_atom::Any::Moof(moof) => {
                moofs += 1;
                assert_eq!(moof.mfhd.sequence_number, moofs);
            }
            _ => {}
        }
    }
    assert!(moofs >= 7, "{moofs}");
    // ffmpeg: decodes all of it without a word.
    run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-xerror",
            "-err_detect",
            "explode",
            "-i",
            path,
            "-f",
            "null",
            "-",
        ],
    );
    let shown = run(
        "ffprobe",
        &["-v", "error", "-show_entries", "format_tags", "-of", "json", path],
    );
    for (key, value) in tags() {
        let line = format!("\"{key}\": \"{}\"", value.replace('\n', "\\n"));
        assert!(shown.contains(&line), "{line} in {shown}");
    }
    let packets = run(
        "ffprobe",
        &[
            "-v",
            "error",
            "-select_streams",
            "v",
            "-show_entries",
            "packet=pts,dts,duration,size,flags",
            "-of",
            "csv=p=0",
            path,
        ],
    );
    let packets: Vec<&str> = packets.lines().collect();
    let pictures: Vec<_> = units.iter().filter(|u| u.track == Track::Video).collect();
    assert_eq!(packets.len(), pictures.len());
    for (i, (line, sent)) in packets.iter().zip(&pictures).enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        let base = units[0].dts;
        assert_eq!(fields[0].parse::<i64>().unwrap(), sent.pts - base, "{line}");
        assert_eq!(fields[1].parse::<i64>().unwrap(), sent.dts - base, "{line}");
        // ffprobe tells no durations of MJPEG, not even of its own files.
        if let Some(next) = pictures.get(i + 1).filter(|_| codec != VideoCodec::Mjpeg) {
            assert_eq!(fields[2].parse::<i64>().unwrap(), next.dts - sent.dts, "{line}");
        }
        assert_eq!(fields[3].parse::<usize>().unwrap(), sent.data.len());
        assert_eq!(fields[4].starts_with('K'), sent.rap);
    }
    // The same as live fragments.
    let mut live = LiveFragments::new();
    let mut file = init.to_vec();
    for unit in &units {
        file.extend_from_slice(&live.push(Arc::new(unit.clone())).unwrap().to_bytes());
    }
    let live = folder.path().join("live.mp4");
    std::fs::write(&live, &file).unwrap();
    run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-xerror",
            "-i",
            live.to_str().unwrap(),
            "-f",
            "null",
            "-",
        ],
    );
    run(
        "ffprobe",
        &[
            "-v",
            "error",
            "-show_entries",
            "stream=codec_name",
            "-of",
            "csv=p=0",
            path,
        ],
    )
    .replace('\n', " ")
}

#[test]
fn h264_with_b_frames_and_aac() {
    let seen = check(
        VideoCodec::H264,
        &[
            "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "25", "-c:a", "aac",
        ],
    );
    assert_eq!(seen.trim(), "h264 aac");
}

#[test]
fn h265_and_opus() {
    let seen = check(
        VideoCodec::H265,
        &[
            "-c:v",
            "libx265",
            "-preset",
            "ultrafast",
            "-x265-params",
            "log-level=none:keyint=25",
            "-tag:v",
            "hvc1",
            "-c:a",
            "libopus",
        ],
    );
    assert_eq!(seen.trim(), "hevc opus");
}

#[test]
fn mjpeg_alone() {
    let seen = check(VideoCodec::Mjpeg, &["-c:v", "mjpeg", "-color_range", "pc", "-an"]);
    assert_eq!(seen.trim(), "mjpeg");
}

#[test]
fn the_init_segment_is_what_mp4_atom_reads() {
    let init = init_segment(&plain_format(), &tags()).unwrap();
    let moov = child(&init, &[b"moov"]).unwrap();
    let mut bytes = moov;
    let moov = <mp4_atom::Moov as mp4_atom::Atom>::decode_body(&mut bytes).unwrap();
    assert_eq!(moov.trak.len(), 2);
    assert_eq!(moov.mvex.unwrap().trex.len(), 2);
    assert_eq!(moov.trak[1].mdia.mdhd.timescale, 8000);
    let meta = moov.meta.unwrap();
    assert_eq!(meta.get::<mp4_atom::Keys>().unwrap().entries.len(), tags().len());
    assert_eq!(meta.get::<mp4_atom::Ilst>().unwrap().mdta.len(), tags().len());
}
