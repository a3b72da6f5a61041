//! Two synthetic RTSP cameras on this machine, for `vigie demo` and for tests.
//!
//! Each is an RTSP server of its own on a loopback port, as two real devices would be. A picture
//! is drawn and encoded once per stream whatever the number of clients, and not at all without.
//! Nothing here is shared with `crate::restream`: these stand for foreign cameras.

mod ground;
mod picture;

use std::{
    net::Ipv4Addr,
    thread::JoinHandle,
    time::{SystemTime, UNIX_EPOCH},
};

use gstreamer as gst;

use gstreamer_rtsp_server::{
    RTSPMedia, RTSPMediaFactory, RTSPMountPoints, RTSPServer, RTSPThreadPool,
    glib::{MainContext, MainLoop},
    prelude::*,
};

use crate::gst::{GstError, ensure_elements};
use ground::Ground;
use picture::{Picture, SCENE};

/// One synthetic camera and where its streams are played.
#[derive(Debug, Clone)]
pub struct DemoCamera {
    /// Fit for a [`vigie_config::CameraId`].
    pub id: &'static str,
    pub name: &'static str,
    /// H.264 1280×720, 25 pictures a second, with a burnt-in clock (local time).
    pub main: String,
    /// H.264 640×360, 15 pictures a second.
    pub sub: String,
    /// Whether `main` carries AAC.
    pub audio: bool,
}

/// Running cameras. They end when this is dropped.
#[derive(Debug)]
pub struct DemoCameras {
    cameras: Vec<DemoCamera>,
    main_loop: MainLoop,
    thread: Option<JoinHandle<()>>,
}

impl DemoCameras {
    /// Starts both cameras; they accept connections when this returns.
    pub fn start() -> Result<DemoCameras, GstError> {
        ensure_elements(&["x264enc", "clockoverlay", "rtph264pay", "avenc_aac", "rtpmp4gpay"])?;
        let context = MainContext::new();
        let main_loop = MainLoop::new(Some(&context), false);
        let started = Picture::ALL
            .iter()
            .map(|picture| serve(picture, &context))
            .collect::<Result<Vec<_>, GstError>>()?;
        let (servers, cameras) = started.into_iter().unzip::<RTSPServer, DemoCamera, Vec<_>, Vec<_>>();
        let thread = std::thread::Builder::new()
            .name("demo-cameras".into())
            .spawn({
                let main_loop = main_loop.clone();
                move || {
                    // Sockets and clients of a server end with its last reference.
                    let _servers = servers;
                    if context.with_thread_default(|| main_loop.run()).is_err() {
                        tracing::error!("demo cameras: their context belongs to another thread");
                    }
                }
            })
            .map_err(|error| GstError::Failed {
                what: "starting the demo cameras",
                why: error.to_string(),
            })?;
        Ok(DemoCameras {
            cameras,
            main_loop,
            thread: Some(thread),
        })
    }

    pub fn cameras(&self) -> &[DemoCamera] {
        &self.cameras
    }
}

impl Drop for DemoCameras {
    fn drop(&mut self) {
        // A loop that has not begun to run ignores `quit`, so the request is queued in the loop.
        let main_loop = self.main_loop.clone();
        self.main_loop.context().invoke(move || main_loop.quit());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(picture: &Picture, context: &MainContext) -> Result<(RTSPServer, DemoCamera), GstError> {
    let server = RTSPServer::new();
    server.set_address(&Ipv4Addr::LOCALHOST.to_string());
    server.set_service("0");
    let threads = RTSPThreadPool::new();
    threads.set_max_threads(1);
    server.set_thread_pool(Some(&threads));
    let mounts = RTSPMountPoints::new();
    for (path, launch) in [("/main", picture.main()), ("/sub", picture.sub())] {
        let factory = RTSPMediaFactory::new();
        factory.set_launch(&launch);
        factory.set_shared(true);
        let ground = picture.ground;
        factory.connect_media_configure(move |_, media| draw(media, ground));
        mounts.add_factory(path, factory);
    }
    server.set_mount_points(Some(&mounts));
    server.attach(Some(context)).map_err(|error| GstError::Failed {
        what: "listening as a demo camera",
        why: error.to_string(),
    })?;
    let port = server.bound_port();
    let url = |path: &str| format!("rtsp://{}:{port}{path}", Ipv4Addr::LOCALHOST);
    let camera = DemoCamera {
        id: picture.id,
        name: picture.name,
        main: url("/main"),
        sub: url("/sub"),
        audio: picture.sound,
    };
    Ok((server, camera))
}

/// Has the ground drawn over every picture of the scene. By the clock: the streams of a camera show the same.
fn draw(media: &RTSPMedia, ground: Ground) {
    use gst::prelude::*;
    let scene = media
        .element()
        .downcast::<gst::Bin>()
        .ok()
        .and_then(|bin| bin.by_name(SCENE));
    let Some(pad) = scene.and_then(|scene| scene.static_pad("src")) else {
        return;
    };
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer_mut()
            && let Ok(mut picture) = buffer.make_mut().map_writable()
        {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            ground.draw(&mut picture, now);
        }
        gst::PadProbeReturn::Ok
    });
}

#[cfg(test)]
mod tests;
