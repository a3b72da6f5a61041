#![allow(clippy::unwrap_used)]

mod hostile;
mod mjpeg;

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
    /// Waits until nothing of it is left: libsrt does not outlive a thread at the end of a process.
    async fn close(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
        assert!(crate::gst::wait_for_stopped(Duration::from_secs(20)));
    }

    async fn unit(&mut self) -> Arc<AccessUnit> {
        tokio::select! {
            item = tokio::time::timeout(Duration::from_secs(30), self.subscriber.next()) => match item {
                Ok(Some(Item::Unit(unit))) => unit,
                other => panic!("no unit: {other:?}, facts {:?}", self.facts.lock().unwrap()),
            },
            ended = &mut self.task => panic!("ended: {:?}, facts {:?}", ended.unwrap(), self.facts.lock().unwrap()),
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
async fn the_first_unit_knows_the_formats_of_all_tracks() {
    for _ in 0..3 {
        let mut running = start(&stream(test_url(
            "test://?width=320&height=240&fps=10&bitrate=200000&audio=true",
        )));
        let units = running.units(10, 10).await;
        assert!(units[0].rap && units[0].track == Track::Video && units[0].seq == 1);
        for unit in &units {
            assert!(
                unit.format.video.is_some() && unit.format.audio.is_some(),
                "unit {}",
                unit.seq
            );
        }
        let facts = running.facts.lock().unwrap().clone();
        assert_eq!(
            facts.iter().filter(|fact| fact.starts_with("Format")).count(),
            1,
            "{facts:?}"
        );
    }
}

#[tokio::test]
async fn a_test_picture_that_cannot_be_is_misconfigured() {
    let mut running = start(&stream(test_url("test://?fps=many")));
    let error = running.end().await;
    assert_eq!(error.kind, vigie_config::ErrorKind::Misconfigured);
    assert!(error.text.contains("fps"), "{error}");
}

#[tokio::test]
async fn a_missing_file_is_asked_for_again() {
    let mut running = start(&stream(SourceUrl::File(PathBuf::from("/nonexistent/clip.mp4"))));
    assert_eq!(running.end().await.kind, vigie_config::ErrorKind::Unavailable);

    let mut config = network("rtsps://127.0.0.1:9/x");
    config.tls = Tls::Authority("/nonexistent/authority.pem".into());
    let error = start(&config).end().await;
    assert_eq!(error.kind, vigie_config::ErrorKind::Unavailable);
    assert!(error.text.contains("authority.pem"), "{error}");
}

/// A process of ours that ends with the test.
struct Peer(std::process::Child);

impl Peer {
    fn ffmpeg(arguments: &[&str]) -> Peer {
        let child = std::process::Command::new("ffmpeg")
            .args([
                "-v",
                "error",
                "-nostdin",
                "-re",
                "-f",
                "lavfi",
                "-i",
                "testsrc=size=320x240:rate=15",
            ])
            .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"])
            .args(arguments)
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        Peer(child)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn network(url: &str) -> Stream {
    stream(SourceUrl::Network(url::Url::parse(url).unwrap()))
}

/// Starts the source again while the peer is still coming up.
async fn start_when_up(config: &Stream) -> Running {
    for _ in 0..100 {
        let mut running = start(config);
        tokio::select! {
            item = running.subscriber.next() => {
                let Some(Item::Unit(unit)) = item else { panic!("{item:?}") };
                assert_eq!(unit.seq, 1);
                return running;
            }
            ended = &mut running.task => {
                let error = ended.unwrap();
                assert_eq!(error.kind, vigie_config::ErrorKind::Unavailable, "{error}");
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the peer never came up");
}

const H264: [&str; 10] = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-tune",
    "zerolatency",
    "-g",
    "15",
    "-pix_fmt",
    "yuv420p",
];

/// What RTMP carries. (RTMP itself has no test: the only server at hand, ffmpeg's, sends media in
/// message stream 0, which `rtmp2src` ignores.)
#[tokio::test]
async fn flv_over_http_from_ffmpeg() {
    let url = format!("http://127.0.0.1:{}/live.flv", free_port());
    let mut arguments = H264.to_vec();
    arguments.extend(["-c:a", "aac", "-f", "flv", "-listen", "1", &url]);
    let _peer = Peer::ffmpeg(&arguments);
    let mut running = start_when_up(&network(&url)).await;
    let mut units = running.units(40, 40).await;
    let first = units
        .iter()
        .position(|unit| unit.track == Track::Video && unit.rap)
        .unwrap();
    units.drain(..first);
    check_h264(&units);
    assert!(running.hub.format().unwrap().audio.is_some());
}

#[tokio::test]
async fn srt_from_gstreamer() {
    let port = free_port();
    let pipeline = format!(
        "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=15/1 ! x264enc tune=zerolatency \
         speed-preset=ultrafast key-int-max=15 ! h264parse config-interval=-1 ! mpegtsmux alignment=7 \
         ! srtsink uri=srt://127.0.0.1:{port}?mode=listener wait-for-connection=true"
    );
    let child = std::process::Command::new("gst-launch-1.0")
        .arg("-q")
        .args(pipeline.split_whitespace())
        .spawn();
    let _peer = Peer(child.unwrap());
    let mut running = start_when_up(&network(&format!("srt://127.0.0.1:{port}"))).await;
    let mut units = running.units(40, 0).await;
    let first = units.iter().position(|unit| unit.rap).unwrap();
    units.drain(..first);
    check_h264(&units);
    running.close().await;
}

#[tokio::test]
async fn mjpeg_over_http_from_ffmpeg() {
    let url = format!("http://127.0.0.1:{}/video.mjpg", free_port());
    let _peer = Peer::ffmpeg(&[
        "-an", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-f", "mpjpeg", "-listen", "1", &url,
    ]);
    let mut running = start_when_up(&network(&url)).await;
    let units = running.units(30, 0).await;
    let format = running.hub.format().unwrap();
    let video = format.video.as_ref().unwrap();
    assert_eq!((video.codec, video.width, video.height), (VideoCodec::Mjpeg, 320, 240));
    for unit in &units {
        assert!(unit.rap && unit.data.starts_with(&[0xff, 0xd8]));
    }
    assert!(units.windows(2).all(|pair| pair[0].dts < pair[1].dts));
}

#[tokio::test]
async fn mpeg_ts_over_http_from_ffmpeg() {
    let url = format!("http://127.0.0.1:{}/live.ts", free_port());
    let mut arguments = H264.to_vec();
    arguments.extend(["-c:a", "aac", "-f", "mpegts", "-listen", "1", &url]);
    let _peer = Peer::ffmpeg(&arguments);
    let mut running = start_when_up(&network(&url)).await;
    let mut units = running.units(40, 20).await;
    let first = units
        .iter()
        .position(|unit| unit.track == Track::Video && unit.rap)
        .unwrap();
    units.drain(..first);
    check_h264(&units);
}

#[tokio::test]
async fn a_file_is_looped_with_going_times() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    let mut arguments = vec!["-t", "1"];
    arguments.extend(H264);
    arguments.extend(["-c:a", "aac", path.to_str().unwrap()]);
    assert!(Peer::ffmpeg(&arguments).0.wait().unwrap().success());
    let mut running = start(&stream(SourceUrl::File(path)));
    // 15 pictures a loop.
    let units = running.units(50, 60).await;
    check_h264(&units);
    let video: Vec<_> = units.iter().filter(|unit| unit.track == Track::Video).collect();
    assert!(
        video.iter().all(|unit| unit.epoch == video[0].epoch),
        "{:?}",
        running.facts.lock().unwrap()
    );
    assert!(video.iter().filter(|unit| unit.rap).count() >= 4);
    let took = video[45].utc.since(video[0].utc).as_secs_f64();
    assert!((2.8..3.4).contains(&took), "{took} s for 3 loops");
}

/// Key and certificate for 127.0.0.1, signed by itself; (key and certificate, fingerprint).
fn certificate(folder: &std::path::Path) -> (String, [u8; 32]) {
    let (key, pem, der) = (folder.join("key.pem"), folder.join("cert.pem"), folder.join("cert.der"));
    let openssl = |arguments: &[&std::ffi::OsStr]| {
        let output = std::process::Command::new("openssl").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let os = std::ffi::OsStr::new;
    let mut make: Vec<_> = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
    ]
    .into_iter()
    .chain(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout"])
    .map(os)
    .collect();
    make.extend([key.as_os_str(), os("-out"), pem.as_os_str()]);
    openssl(&make);
    openssl(&[
        os("x509"),
        os("-in"),
        pem.as_os_str(),
        os("-outform"),
        os("der"),
        os("-out"),
        der.as_os_str(),
    ]);
    let both = std::fs::read_to_string(&key).unwrap() + &std::fs::read_to_string(&pem).unwrap();
    (
        both,
        <sha2::Sha256 as sha2::Digest>::digest(std::fs::read(der).unwrap()).into(),
    )
}

#[tokio::test]
async fn rtsps_with_a_pinned_or_trusted_certificate_and_with_neither() {
    use gstreamer_rtsp_server::{RTSPAuth, RTSPMediaFactory, RTSPServer, gio, glib, prelude::*};
    super::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (pem, fingerprint) = certificate(folder.path());
    let context = glib::MainContext::new();
    let server = RTSPServer::new();
    server.set_address("127.0.0.1");
    server.set_service("0");
    let auth = RTSPAuth::new();
    auth.set_tls_certificate(Some(&gio::TlsCertificate::from_pem(&pem).unwrap()));
    server.set_auth(Some(&auth));
    let factory = RTSPMediaFactory::new();
    factory.set_launch(
        "( videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=15/1 \
         ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph264pay name=pay0 )",
    );
    factory.set_shared(true);
    // Without a role for everyone a server with sign-in refuses all.
    factory.add_role_from_structure(
        &gstreamer::Structure::builder("anyone")
            .field("media.factory.access", true)
            .field("media.factory.construct", true)
            .build(),
    );
    let mut token = gstreamer_rtsp_server::RTSPToken::builder()
        .field("media.factory.role", "anyone")
        .build();
    gstreamer_rtsp_server::prelude::RTSPAuthExtManual::set_default_token(&auth, Some(&mut token));
    server.mount_points().unwrap().add_factory("/cam", factory);
    server.attach(Some(&context)).unwrap();
    let url = format!("rtsps://127.0.0.1:{}/cam", server.bound_port());
    let main_loop = glib::MainLoop::new(Some(&context), false);
    let thread = std::thread::spawn({
        let main_loop = main_loop.clone();
        move || context.with_thread_default(|| main_loop.run()).unwrap()
    });

    let mut config = network(&url);
    for tls in [
        Tls::Fingerprint(fingerprint),
        Tls::Authority(folder.path().join("cert.pem")),
    ] {
        config.tls = tls;
        let mut running = start(&config);
        let units = running.units(20, 0).await;
        check_h264(&units);
        assert!(
            running
                .facts
                .lock()
                .unwrap()
                .iter()
                .any(|fact| fact.starts_with("Connected"))
        );
    }
    for tls in [Tls::Fingerprint([7; 32]), Tls::System] {
        config.tls = tls;
        let error = start(&config).end().await;
        assert_eq!(
            error.kind,
            vigie_config::ErrorKind::Refused,
            "{:?}: {error}",
            config.tls
        );
    }
    main_loop.quit();
    thread.join().unwrap();
}

#[test]
fn what_a_head_cannot_honour_is_refused() {
    let id = || StreamId::new(CameraId::new("test").unwrap(), StreamName::Main);
    for url in ["https://cam/x.mjpg", "rtmps://cam/live"] {
        let mut config = network(url);
        assert!(GstSource::new(id(), &config).is_ok());
        config.tls = Tls::Fingerprint([1; 32]);
        let error = GstSource::new(id(), &config).unwrap_err();
        assert_eq!(error.kind, vigie_config::ErrorKind::Misconfigured);
    }
}

/// The seam of capture cards: `appsrc` in place of `v4l2src`.
#[tokio::test]
async fn captured_pictures_are_taken_as_they_are_or_encoded() {
    use gstreamer::{self as gst, prelude::*};
    super::init().unwrap();
    for (caps, frames, codec) in [
        (
            "video/x-raw,format=I420,width=320,height=240,framerate=25/1",
            "videotestsrc",
            VideoCodec::H264,
        ),
        (
            "image/jpeg,width=320,height=240,framerate=25/1",
            "jpegenc",
            VideoCodec::Mjpeg,
        ),
    ] {
        let text = match frames {
            "jpegenc" => "videotestsrc num-buffers=1 ! video/x-raw,width=320,height=240 ! jpegenc ! appsink name=out",
            _ => "videotestsrc num-buffers=1 ! video/x-raw,format=I420,width=320,height=240 ! appsink name=out",
        };
        let maker = gst::parse::launch(text).unwrap().downcast::<gst::Pipeline>().unwrap();
        maker.set_state(gst::State::Playing).unwrap();
        let out = maker
            .by_name("out")
            .unwrap()
            .downcast::<gstreamer_app::AppSink>()
            .unwrap();
        let picture = out.pull_sample().unwrap().buffer_owned().unwrap();
        maker.set_state(gst::State::Null).unwrap();

        let (events, mut queue) = tokio::sync::mpsc::channel(64);
        let pipeline = super::pipeline::Pipeline::new(gst::Pipeline::new(), events.clone());
        let offer = super::opening::Offer::default();
        let branches = super::branch::Branches::new(pipeline.get(), events, offer, false, false);
        let caps: gst::Caps = caps.parse().unwrap();
        let camera = gstreamer_app::AppSrc::builder()
            .caps(&caps)
            .is_live(true)
            .format(gst::Format::Time)
            .build();
        super::head::capture(pipeline.get(), camera.upcast_ref(), &caps, &branches).unwrap();
        pipeline.get().set_state(gst::State::Playing).unwrap();
        for n in 0..10u64 {
            let mut picture = picture.copy();
            picture
                .get_mut()
                .unwrap()
                .set_pts(gst::ClockTime::from_mseconds(n * 40));
            camera.push_buffer(picture).unwrap();
        }
        let event = tokio::time::timeout(Duration::from_secs(20), queue.recv())
            .await
            .unwrap();
        let Some(super::pipeline::Event::Sample(waiting)) = event else {
            panic!("{event:?}")
        };
        let caps = waiting.sample.caps().unwrap();
        assert_eq!(super::caps::video_format(caps).unwrap().codec, codec);
    }
}
