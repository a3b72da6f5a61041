#![allow(clippy::unwrap_used)]

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use vigie_config::{CameraId, SourceUrl, Stream, StreamId, StreamName, Tls, Transport};

use super::GstSource;
use crate::{
    AccessUnit, AudioCodec, Track, VideoCodec,
    hub::{Hub, Item, Policy, Subscriber, Wake},
    source::{SourceError, SourceFact},
};

fn stream(url: SourceUrl) -> Stream {
    Stream {
        url,
        credentials: None,
        transport: Transport::Tcp,
        audio: true,
        stall_after: Duration::from_secs(10),
        tls: Tls::System,
    }
}

fn test_url(text: &str) -> SourceUrl {
    SourceUrl::Test(url::Url::parse(text).unwrap())
}

/// A source running into a hub, until dropped.
struct Running {
    hub: Arc<Hub>,
    subscriber: Subscriber,
    task: tokio::task::JoinHandle<SourceError>,
    facts: Arc<Mutex<Vec<String>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn start(config: &Stream) -> Running {
    let id = StreamId::new(CameraId::new("test").unwrap(), StreamName::Main);
    let hub = Hub::new(id.clone(), 1 << 24);
    let subscriber = hub.subscribe(Policy::MustNotDrop, Wake::EachBatch, 4096);
    let facts = Arc::new(Mutex::new(Vec::new()));
    let source = GstSource::new(id, config).unwrap();
    let task = tokio::spawn(source.run(hub.publisher(), {
        let facts = facts.clone();
        Arc::new(move |fact: SourceFact| facts.lock().unwrap().push(format!("{fact:?}")))
    }));
    Running {
        hub,
        subscriber,
        task,
        facts,
    }
}

impl Running {
    async fn unit(&mut self) -> Arc<AccessUnit> {
        let item = tokio::time::timeout(Duration::from_secs(30), self.subscriber.next()).await;
        match item {
            Ok(Some(Item::Unit(unit))) => unit,
            other => panic!("no unit: {other:?}, facts {:?}", self.facts.lock().unwrap()),
        }
    }

    async fn units(&mut self, video: usize, audio: usize) -> Vec<Arc<AccessUnit>> {
        let mut units: Vec<Arc<AccessUnit>> = Vec::new();
        let count = |units: &[Arc<AccessUnit>], track| units.iter().filter(|u| u.track == track).count();
        while count(&units, Track::Video) < video || count(&units, Track::Audio) < audio {
            units.push(self.unit().await);
            assert!(
                units.len() < 10 * (video + audio),
                "one track is missing, facts {:?}",
                self.facts.lock().unwrap()
            );
        }
        units
    }

    async fn end(&mut self) -> SourceError {
        tokio::time::timeout(Duration::from_secs(30), &mut self.task)
            .await
            .unwrap()
            .unwrap()
    }
}

/// Every unit is a row of whole NAL units, times grow, and RAPs come with their format.
fn check_h264(units: &[Arc<AccessUnit>]) {
    let video: Vec<_> = units.iter().filter(|unit| unit.track == Track::Video).collect();
    assert!(video[0].rap);
    for unit in &video {
        let format = unit.format.video.as_ref().unwrap();
        assert_eq!(format.codec, VideoCodec::H264);
        let nals: usize = crate::codec::nal::units(&unit.data).map(|nal| nal.len() + 4).sum();
        assert_eq!(nals, unit.data.len());
        assert!(unit.pts >= unit.dts);
        assert_eq!(
            unit.rap,
            crate::codec::nal::units(&unit.data).any(|nal| nal[0] & 0x1f == 5)
        );
    }
    for track in [Track::Video, Track::Audio] {
        let of: Vec<_> = units.iter().filter(|unit| unit.track == track).collect();
        for pair in of.windows(2) {
            assert!(pair[0].epoch != pair[1].epoch || pair[0].dts < pair[1].dts);
            assert!(pair[0].utc < pair[1].utc);
        }
    }
}

#[tokio::test]
async fn the_test_picture_has_video_and_sound() {
    let mut running = start(&stream(test_url(
        "test://?width=320&height=240&fps=10&bitrate=200000&audio=true",
    )));
    let units = running.units(25, 20).await;
    check_h264(&units);
    let format = running.hub.format().unwrap();
    let (video, audio) = (format.video.as_ref().unwrap(), format.audio.as_ref().unwrap());
    assert_eq!((video.width, video.height, video.fps), (320, 240, Some(10.0)));
    assert!(video.rfc6381.starts_with("avc1."), "{}", video.rfc6381);
    assert_eq!(
        (audio.codec, audio.sample_rate, audio.rfc6381.as_str()),
        (AudioCodec::Aac, 48_000, "mp4a.40.2")
    );
    let epochs: Vec<_> = units.iter().map(|unit| unit.epoch).collect();
    assert!(epochs.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn a_test_picture_that_cannot_be_is_misconfigured() {
    let mut running = start(&stream(test_url("test://?fps=many")));
    let error = running.end().await;
    assert_eq!(error.kind, vigie_config::ErrorKind::Misconfigured);
    assert!(error.text.contains("fps"), "{error}");
}

#[tokio::test]
async fn a_missing_file_is_misconfigured() {
    let mut running = start(&stream(SourceUrl::File(PathBuf::from("/nonexistent/clip.mp4"))));
    assert_eq!(running.end().await.kind, vigie_config::ErrorKind::Misconfigured);
}
