#![allow(clippy::unwrap_used)]

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use bytes::Bytes;
use vigie_config::{CameraId, SourceUrl, Stream, StreamId, StreamName, Tls, Transport};

use super::{AT_ONCE, DecodeError, Pictures, TURNS, kept_jpeg, snapshot_jpeg};
use crate::{
    AccessUnit, Track, VideoCodec,
    gst::GstSource,
    hub::{Hub, Item, Policy, Wake},
};

/// A clip of which picture n (from 0, at 5 a second, `codec` with B-frames) is grey of level 8 n.
fn clip(folder: &Path, codec: &[&str]) -> std::path::PathBuf {
    let path = folder.join("clip.mp4");
    let output = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "color=black:s=320x240:r=5:d=4,format=yuv420p",
        ])
        .args(["-vf", "geq=lum='16+8*N':cb=128:cr=128"])
        .args(codec)
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    path
}

/// The first `count` video units of a file.
async fn units(path: &Path, count: usize) -> Vec<Arc<AccessUnit>> {
    let id = StreamId::new(CameraId::new("clip").unwrap(), StreamName::Main);
    let hub = Hub::new(id.clone(), 1 << 24);
    let mut subscriber = hub.subscribe(Policy::MustNotDrop, Wake::EachBatch, 4096);
    let config = Stream {
        url: SourceUrl::File(path.to_owned()),
        credentials: None,
        transport: Transport::Tcp,
        audio: false,
        stall_after: Duration::from_secs(10),
        tls: Tls::System,
    };
    let source = GstSource::new(id, &config).unwrap();
    let publisher = hub.publisher();
    let task = tokio::spawn(async move {
        let error = source.run(publisher, Arc::new(|_| ())).await;
        panic!("{error}");
    });
    let mut units = Vec::new();
    while units.len() < count {
        match tokio::time::timeout(Duration::from_secs(20), subscriber.next())
            .await
            .unwrap()
        {
            Some(Item::Unit(unit)) if unit.track == Track::Video => units.push(unit),
            other => assert!(other.is_some()),
        }
    }
    task.abort();
    units
}

/// (width, height, mean luminance) of a JPEG, by a foreign decoder.
fn measure(folder: &Path, jpeg: &Bytes) -> (u32, u32, f64) {
    let path = folder.join("out.jpg");
    std::fs::write(&path, jpeg).unwrap();
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&path)
        .args(["-vf", "scale=iw:ih:out_range=pc,format=gray", "-f", "rawvideo", "-"])
        .output()
        .unwrap();
    let size = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "stream=width,height", "-of", "csv=p=0"])
        .arg(&path)
        .output()
        .unwrap();
    let size = String::from_utf8(size.stdout).unwrap();
    let (width, height) = size.trim().split_once(',').unwrap();
    let mean = output.stdout.iter().map(|b| f64::from(*b)).sum::<f64>() / output.stdout.len() as f64;
    (width.parse().unwrap(), height.parse().unwrap(), mean)
}

/// Luminance of picture n, full range.
fn level(n: f64) -> f64 {
    8.0 * n * 255.0 / 219.0
}

/// How ffmpeg makes a clip: pictures in their order and out of it.
const CODECS: [&[&str]; 3] = [
    &["-c:v", "libx264", "-g", "50", "-bf", "0"],
    &["-c:v", "libx264", "-g", "50", "-bf", "2"],
    &[
        "-c:v",
        "libx265",
        "-x265-params",
        "keyint=50:log-level=none",
        "-tag:v",
        "hvc1",
    ],
];

#[tokio::test]
async fn the_picture_is_that_of_the_last_unit() {
    let folder = tempfile::tempdir().unwrap();
    for codec in CODECS {
        let _ = std::fs::remove_file(folder.path().join("clip.mp4"));
        let all = units(&clip(folder.path(), codec), 15).await;
        let format = all[0].format.video.clone().unwrap();
        for count in [1, 8, 15] {
            let wanted = &all[count - 1];
            // Its place in the order of presentation.
            let n = (wanted.pts - all[0].pts) as f64 / 18_000.0;
            let jpeg = snapshot_jpeg(all[..count].to_vec(), &format, None).await.unwrap();
            let (width, height, mean) = measure(folder.path(), &jpeg);
            assert_eq!((width, height), (320, 240));
            assert!(
                (mean - level(n)).abs() < 4.0,
                "{codec:?} {count}: {mean}, expected {}",
                level(n)
            );
        }
        let jpeg = snapshot_jpeg(all[..3].to_vec(), &format, Some(160)).await.unwrap();
        assert_eq!(measure(folder.path(), &jpeg).0, 160);
    }
}

#[tokio::test]
async fn every_picture_comes_out_with_its_time() {
    let folder = tempfile::tempdir().unwrap();
    for codec in CODECS {
        let _ = std::fs::remove_file(folder.path().join("clip.mp4"));
        let all = units(&clip(folder.path(), codec), 15).await;
        let mut decoder = Pictures::new(all[0].format.video.as_ref().unwrap()).unwrap();
        let mut seen = 0;
        for unit in &all {
            for picture in decoder.decode(unit).unwrap() {
                let luma = picture.luma();
                assert_eq!((luma.width, luma.height), (320, 240));
                let pixels = luma.data.iter().take(luma.stride * luma.height);
                let mean = pixels.map(|pixel| f64::from(*pixel)).sum::<f64>() / (luma.stride * luma.height) as f64;
                assert!(
                    (mean - f64::from(16 + 8 * seen)).abs() < 3.0,
                    "{codec:?} {seen}: {mean}"
                );
                let its = |unit: &&Arc<AccessUnit>| (unit.pts - all[0].pts + 9_000) / 18_000 == i64::from(seen);
                let its = all.iter().find(its).unwrap();
                let utc = its.utc.plus_micros((its.pts - its.dts) * 100 / 9);
                assert!(picture.utc.micros_since(utc).abs() < 2_000, "{codec:?} {seen}");
                let since = 1.0 + 0.2 * f64::from(seen);
                assert!(
                    (picture.since.as_secs_f64() - since).abs() < 0.01,
                    "{:?}",
                    picture.since
                );
                seen += 1;
            }
        }
        assert!(seen >= 9, "{codec:?}: {seen} pictures of 15");
    }
}

#[tokio::test]
async fn what_cannot_be_decoded_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let all = units(&clip(folder.path(), &["-c:v", "libx264", "-g", "50"]), 3).await;
    let format = all[0].format.video.clone().unwrap();
    let error = snapshot_jpeg(all[1..].to_vec(), &format, None).await.unwrap_err();
    assert!(matches!(error, DecodeError::NoRap { units: 2 }), "{error}");
    let mut garbage = (*all[0]).clone();
    garbage.data = Bytes::from_static(&[0, 0, 0, 4, 0x65, 1, 2, 3]);
    let error = snapshot_jpeg(vec![Arc::new(garbage)], &format, None).await.unwrap_err();
    assert!(
        matches!(
            error,
            DecodeError::Corrupt {
                codec: VideoCodec::H264,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn whoever_looks_does_not_hold_up_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let all = units(&clip(folder.path(), CODECS[0]), 1).await;
    let format = all[0].format.video.clone().unwrap();
    let _viewers = TURNS.acquire_many(AT_ONCE as u32).await.unwrap();
    let looks = snapshot_jpeg(all.clone(), &format, None);
    assert!(tokio::time::timeout(Duration::from_millis(100), looks).await.is_err());
    assert!(kept_jpeg(all, &format).await.is_ok());
}
