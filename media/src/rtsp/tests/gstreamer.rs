//! Against gst-rtsp-server: bytes that no code of ours has made.

use std::time::Duration;

use gstreamer_rtsp_server::{RTSPMediaFactory, RTSPServer, glib, prelude::*};
use vigie_config::Transport;

use super::{check, start};
use crate::{AudioCodec, Track, VideoCodec, hub::Wake};

/// A server on a free port, with its own loop on its own thread.
struct Server {
    main: glib::MainLoop,
    thread: Option<std::thread::JoinHandle<()>>,
    port: i32,
}

impl Server {
    fn start(launch: &str) -> Self {
        crate::gst::init().unwrap();
        let context = glib::MainContext::new();
        let main = glib::MainLoop::new(Some(&context), false);
        let server = RTSPServer::new();
        server.set_address("127.0.0.1");
        server.set_service("0");
        let factory = RTSPMediaFactory::new();
        factory.set_launch(launch);
        factory.set_shared(true);
        server.mount_points().unwrap().add_factory("/live", factory);
        server.attach(Some(&context)).unwrap();
        let port = server.bound_port();
        let thread = std::thread::spawn({
            let main = main.clone();
            move || {
                let _server = server;
                main.run();
            }
        });
        Self {
            main,
            thread: Some(thread),
            port,
        }
    }

    fn url(&self) -> String {
        format!("rtsp://127.0.0.1:{}/live", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.main.quit();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

const H264: &str = "( videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! \
    x264enc tune=zerolatency key-int-max=25 bitrate=500 ! rtph264pay name=pay0 pt=96 )";

async fn records_h264(transport: Transport, wake: Wake) {
    let server = Server::start(H264);
    let mut running = start(&server.url(), transport, wake);
    // Long enough to go over from watching to polling.
    let units = running.units(100).await;
    check(&units);
    assert!(units.iter().all(|u| u.epoch == units[0].epoch), "{:?}", running.facts);
    let video = units[0].format.video.as_ref().unwrap();
    assert_eq!((video.codec, video.width, video.height), (VideoCodec::H264, 320, 240));
    assert!(
        units.windows(2).all(|w| w[1].dts - w[0].dts == 3600),
        "every picture, evenly"
    );
    let behind = vigie_config::Utc::now().since(units[99].utc);
    assert!(behind < Duration::from_secs(2), "the last unit is {behind:?} old");
    assert!(!running.told("PacketsLost"));
}

#[tokio::test]
async fn h264_over_tcp_while_nobody_watches() {
    records_h264(Transport::Tcp, Wake::Lazy).await;
}

#[tokio::test]
async fn h264_over_tcp_while_somebody_watches() {
    records_h264(Transport::Tcp, Wake::EachBatch).await;
}

#[tokio::test]
async fn h264_over_udp() {
    records_h264(Transport::Udp, Wake::EachBatch).await;
}

#[tokio::test]
async fn sound_and_picture_in_step() {
    let server = Server::start(
        "( videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! \
         x264enc tune=zerolatency key-int-max=25 bitrate=500 ! rtph264pay name=pay0 pt=96 \
         audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay1 pt=0 )",
    );
    let mut running = start(&server.url(), Transport::Tcp, Wake::EachBatch);
    let units = running.units(250).await;
    check(&units);
    let audio = units[0].format.audio.as_ref().unwrap();
    assert_eq!((audio.codec, audio.sample_rate), (AudioCodec::Pcmu, 8000));
    let last = |track| units.iter().rev().find(|u| u.track == track).unwrap().utc;
    let apart = last(Track::Video).micros_since(last(Track::Audio)).abs();
    assert!(apart < 1_000_000, "{apart} µs apart at the same moment");
}
