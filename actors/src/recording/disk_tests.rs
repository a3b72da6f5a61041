//! The branch on a real volume: what ends up in files and rows.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, process::Command, sync::Arc, time::Duration};

use tokio::sync::watch;
use vigie_config::{
    Camera, CameraId, Causes, GapCause, Record, SourceUrl, Stream, StreamId, StreamName, Tls, Transport, Utc, When,
};
use vigie_media::{AccessUnit, AudioCodec, AudioFormat, StreamFormat, Track, VideoCodec, VideoFormat};
use vigie_storage::{Storage, StorageOptions};

use super::{
    branch::Branch,
    footage::DiskGroup,
    wish::{Look, Wish},
};
use crate::{
    camera::CameraHandle,
    disks::{Disks, plain_disk},
    site::Site,
};

const START: i64 = 1_763_632_860_000_000;

/// Recorded all the time, on one disk group.
pub(crate) fn camera() -> Camera {
    let stream = Stream {
        url: SourceUrl::File("clip.mp4".into()),
        credentials: None,
        transport: Transport::Tcp,
        audio: true,
        stall_after: Duration::from_secs(10),
        tls: Tls::System,
    };
    Camera {
        id: CameraId::new("gate").unwrap(),
        name: "Gate".into(),
        enabled: true,
        disk_group: "default".into(),
        rtsp_anonymous: false,
        preview: false,
        streams: BTreeMap::from([(StreamName::Main, stream)]),
        record: Record {
            continuous: When::Always,
            motion: When::Off,
            sensor: When::Off,
            analytics: When::Off,
            continuous_streams: vec![StreamName::Main],
            event_streams: vec![StreamName::Main],
            segment: Duration::from_secs(1),
            pre_alarm: Duration::ZERO,
            post_alarm: Duration::ZERO,
            pre_alarm_memory_bytes: 32 << 20,
            max_age: None,
            min_age: None,
            alarm_after: Duration::from_secs(3600),
        },
        motion: vigie_config::Motion::default(),
    }
}

/// One real JPEG.
fn jpeg(folder: &std::path::Path) -> Vec<u8> {
    let path = folder.join("one.jpg");
    let made = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=64x48:duration=1:rate=1",
            "-frames:v",
            "1",
            "-y",
        ])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    std::fs::read(path).unwrap()
}

pub(super) fn mjpeg() -> VideoFormat {
    VideoFormat {
        codec: VideoCodec::Mjpeg,
        width: 64,
        height: 48,
        fps: None,
        rfc6381: "mp4v.6c".into(),
        parameter_sets: vec![],
        decoder_config: Default::default(),
    }
}

fn format() -> Arc<StreamFormat> {
    Arc::new(StreamFormat {
        video: Some(mjpeg()),
        audio: Some(AudioFormat {
            codec: AudioCodec::Pcma,
            sample_rate: 8000,
            channels: 1,
            decoder_config: Default::default(),
            rfc6381: "alaw".into(),
        }),
    })
}

/// 130 pictures and 5.2 s of G.711 with a pause of 3 s in the middle, in segments of 1 s.
#[test]
fn segments_play_and_the_books_balance() {
    let folder = tempfile::tempdir().unwrap();
    let (state, volume) = (folder.path().join("state"), folder.path().join("disk"));
    std::fs::create_dir(&volume).unwrap();
    let jpeg = jpeg(folder.path());
    let storage = Storage::open(&state, StorageOptions::default()).unwrap();
    let disks = Disks::new(storage.clone(), watch::Sender::new(BTreeMap::new()));
    disks.configure(&plain_disk("one", volume.clone()));
    storage.add_volume(&plain_disk("one", volume.clone())).unwrap();
    let camera = CameraHandle::new(&camera());
    let handle = camera.streams[&StreamName::Main].clone();
    let stream = StreamId::new(camera.id(), StreamName::Main);
    let footage = DiskGroup {
        storage: storage.clone(),
        disks,
        camera,
        stream: stream.clone(),
    };
    let format = format();
    let unit = |track, micros: i64, dts, data: Vec<u8>| AccessUnit {
        track,
        data: data.into(),
        dts,
        pts: dts,
        utc: Utc::from_micros(START + micros),
        rap: true,
        epoch: 0,
        format: format.clone(),
        seq: 0,
    };
    let look = Look {
        now: Utc::from_micros(START),
        idle: Duration::ZERO,
        cause: Some(GapCause::Network),
        wish: Wish {
            continuous: true,
            ..Wish::default()
        },
        synchronised: true,
        settled: true,
    };
    let mut tap = futures_now(handle.recording.hold());
    tap.begin(&handle.hub);
    let mut branch = Branch::new(stream.clone(), footage, Duration::from_secs(1), Utc::from_micros(START));
    let mut publisher = handle.hub.publisher();
    for i in 0..130i64 {
        let micros = i * 40_000 + if i >= 65 { 3_000_000 } else { 0 };
        publisher.publish(unit(Track::Video, micros, micros * 9 / 100, jpeg.clone()));
        for half in [0, 20_000] {
            publisher.publish(unit(
                Track::Audio,
                micros + half,
                (micros + half) / 125,
                vec![0xD5; 160],
            ));
        }
        if i % 8 == 7 {
            branch.look(&mut tap, &look);
        }
    }
    branch.finish(&mut tap, &look, GapCause::Shutdown);
    storage.close();

    let all = storage.recordings(&stream, Utc::MIN, Utc::MAX);
    let (mut pictures, mut sounds) = (0, 0);
    for row in &all.segments {
        let path = volume.join(row.relative_path());
        let probe = Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-count_packets",
                "-show_entries",
                "stream=codec_name,nb_read_packets:format_tags",
            ])
            .args(["-of", "flat"])
            .arg(&path)
            .output()
            .unwrap();
        let text = String::from_utf8(probe.stdout).unwrap();
        assert!(
            probe.stderr.is_empty(),
            "{}: {}",
            path.display(),
            String::from_utf8_lossy(&probe.stderr)
        );
        let value = |key: &str| {
            let line = text
                .lines()
                .find(|l| l.contains(key))
                .unwrap_or_else(|| panic!("no {key} in {text}"));
            line.split_once('=').unwrap().1.trim_matches('"').to_owned()
        };
        assert_eq!(
            (value("stream.0.codec_name"), value("stream.1.codec_name")),
            ("mjpeg".into(), "aac".into())
        );
        assert_eq!(value("tags.vigie_start").parse(), Ok(row.start));
        pictures += value("stream.0.nb_read_packets").parse::<u32>().unwrap();
        sounds += value("stream.1.nb_read_packets").parse::<u32>().unwrap();
        assert_eq!(row.causes, Causes::SCHEDULE);
        assert!(!row.continued && row.synchronised);
    }
    assert_eq!(pictures, 130);
    // 5.2 s in packets of 128 ms, without the last ones that are still in the encoder.
    assert!((36..=42).contains(&sounds), "{sounds}");
    let at = |micros: i64| Utc::from_micros(START + micros);
    let ends: Vec<_> = all.segments.iter().map(|r| (r.start, r.end)).collect();
    assert_eq!(ends.first().unwrap().0, at(0));
    assert_eq!(ends.last().unwrap().1, at(8_200_000));
    for pair in ends.windows(2) {
        let pause = pair[1].0.micros_since(pair[0].1);
        assert!(
            pause == 0 || (pair[0].1, pair[1].0) == (at(2_600_000), at(5_600_000)),
            "{pair:?}"
        );
    }
    let gaps: Vec<_> = all.gaps.iter().map(|g| (g.start, g.end, g.cause)).collect();
    assert_eq!(gaps[0], (at(2_600_000), Some(at(5_600_000)), GapCause::Network));
    assert_eq!(gaps.len(), 2, "{gaps:?}");
    assert_eq!((gaps[1].0, gaps[1].1), (at(8_200_000), None));
}

/// No disk from the start: it is told at once, and what was lost is a gap in the ledger of the
/// disk that comes.
#[test]
fn without_a_disk_the_camera_and_its_recordings_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let volume = folder.path().join("disk");
    let jpeg = jpeg(folder.path());
    let storage = Storage::open(&folder.path().join("state"), StorageOptions::default()).unwrap();
    let disks = Disks::new(storage.clone(), watch::Sender::new(BTreeMap::new()));
    disks.configure(&plain_disk("one", volume.clone()));
    let camera = CameraHandle::new(&camera());
    let handle = camera.streams[&StreamName::Main].clone();
    let stream = StreamId::new(camera.id(), StreamName::Main);
    let footage = DiskGroup {
        storage: storage.clone(),
        disks: disks.clone(),
        camera: camera.clone(),
        stream: stream.clone(),
    };
    let format = format();
    let begin = Utc::now();
    let mut publisher = handle.hub.publisher();
    let mut publish = |n: i64| {
        let micros = n * 40_000;
        publisher.publish(AccessUnit {
            track: Track::Video,
            data: jpeg.clone().into(),
            dts: micros * 9 / 100,
            pts: micros * 9 / 100,
            utc: begin.plus_micros(micros),
            rap: true,
            epoch: 0,
            format: format.clone(),
            seq: 0,
        });
    };
    let look = |n: i64| Look {
        now: begin.plus_micros(n * 40_000),
        idle: Duration::ZERO,
        cause: None,
        wish: Wish {
            continuous: true,
            ..Wish::default()
        },
        synchronised: true,
        settled: true,
    };
    let mut tap = futures_now(handle.recording.hold());
    tap.begin(&handle.hub);
    let mut branch = Branch::new(stream.clone(), footage, Duration::from_secs(60), begin);
    let told = || {
        let gaps = storage.recordings(&stream, Utc::MIN, Utc::MAX).gaps;
        gaps.iter().map(|g| (g.start, g.end, g.cause)).collect::<Vec<_>>()
    };
    branch.look(&mut tap, &look(0));
    // 60 s: more than waits in memory.
    let (mut shown_from, mut n) = (None, 0);
    while n < 1500 {
        publish(n);
        n += 1;
        if n % 8 == 0 {
            branch.look(&mut tap, &look(n));
            if !told().is_empty() {
                shown_from.get_or_insert(n);
            }
        }
    }
    assert_eq!(told(), [(begin, None, GapCause::Disk)]);
    assert!(shown_from.unwrap() < 50, "shown after {} units", shown_from.unwrap());
    let site = Site::new(&vigie_config::Server::default());
    let snapshot = camera.snapshot(&disks, &site);
    assert_eq!(snapshot.recording, Causes::NONE);
    let why = snapshot.not_recording.unwrap();
    assert!(why.starts_with("no disk of group default takes footage: "), "{why}");

    std::fs::create_dir(&volume).unwrap();
    let online = storage.add_volume(&plain_disk("one", volume.clone())).unwrap();
    assert_eq!(camera.snapshot(&disks, &site).not_recording, None);
    assert_eq!(camera.snapshot(&disks, &site).recording, Causes::SCHEDULE);
    while n < 1600 {
        publish(n);
        n += 1;
        if n % 8 == 0 {
            branch.look(&mut tap, &look(n));
        }
    }
    assert_eq!(branch.take_overload(), 0, "it was the disk");
    branch.finish(&mut tap, &look(n), GapCause::Shutdown);
    assert!(online.settle(Duration::from_secs(60)));
    let rows = storage.recordings(&stream, Utc::MIN, Utc::MAX);
    let stored: u32 = rows.segments.iter().map(|row| row.units).sum();
    let over: Vec<_> = told().into_iter().filter(|gap| gap.1.is_some()).collect();
    let missing: i64 = over.iter().map(|gap| gap.1.unwrap().micros_since(gap.0) / 40_000).sum();
    assert!(
        over.iter().all(|gap| gap.2 == GapCause::Disk) && missing > 100,
        "{over:?}"
    );
    assert_eq!(i64::from(stored) + missing, n, "the books balance");
    storage.index_rebuild().unwrap();
    assert_eq!(storage.recordings(&stream, Utc::MIN, Utc::MAX), rows);
}

/// The output of a future that does not wait.
fn futures_now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("it waits"),
    }
}
