//! The beginning of a pipeline, one kind per address: what offers pads with coded media.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use gstreamer::{self as gst, prelude::*};
use vigie_config::{ErrorKind, GapCause, SourceUrl, Stream, Transport};

use super::{branch::Branches, trust};
use crate::source::SourceError;

/// Silence of a peer at connect, in seconds, before its element gives up.
const CONNECT_TIMEOUT: u32 = 10;
/// Milliseconds in which re-ordered UDP packets are waited for.
const UDP_LATENCY: u32 = 200;

/// What a head for this address is made of; also what must be installed.
pub(super) fn elements(url: &SourceUrl) -> &'static [&'static str] {
    match url {
        SourceUrl::Network(url) => match url.scheme() {
            "rtmp" | "rtmps" => &["rtmp2src", "flvdemux", "h264parse"],
            "srt" => &["srtsrc", "tsdemux", "h264parse"],
            "http" | "https" => &["souphttpsrc", "multipartdemux", "jpegparse"],
            _ => &["rtspsrc", "rtph264depay", "h264parse"],
        },
        SourceUrl::V4l2(_) => &["v4l2src", "x264enc", "h264parse"],
        SourceUrl::File(_) => &["filesrc", "qtdemux", "h264parse"],
        SourceUrl::Test(_) => &["videotestsrc", "clockoverlay", "x264enc", "h264parse", "avenc_aac"],
    }
}

fn misconfigured(text: String) -> SourceError {
    SourceError {
        kind: ErrorKind::Misconfigured,
        cause: GapCause::Refused,
        text,
    }
}

fn broken(error: gst::glib::BoolError) -> SourceError {
    SourceError {
        kind: ErrorKind::Bug,
        cause: GapCause::CameraOffline,
        text: format!("pipeline: {error}"),
    }
}

/// A file that may yet come: a mount that is late, an authority that is being renewed.
pub(super) fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> SourceError {
    SourceError {
        kind: ErrorKind::Unavailable,
        cause: GapCause::CameraOffline,
        text: format!("{} cannot be read: {error}", path.display()),
    }
}

/// Adds the head to the pipeline. May block while a device is opened.
pub(super) fn build(pipeline: &gst::Pipeline, config: &Stream, branches: &Branches) -> Result<(), SourceError> {
    match &config.url {
        SourceUrl::Network(url) => match url.scheme() {
            "rtsp" | "rtsps" => rtsp(pipeline, url, config, branches),
            "rtmp" | "rtmps" => rtmp(pipeline, url, config, branches),
            "srt" => srt(pipeline, url, config, branches),
            "http" | "https" => http(pipeline, url, config, branches),
            scheme => Err(misconfigured(format!("{scheme}: no source for this kind of address"))),
        },
        SourceUrl::V4l2(device) => v4l2(pipeline, device, branches),
        SourceUrl::File(path) => file(pipeline, path, branches),
        SourceUrl::Test(url) => test(pipeline, url, config.audio, branches),
    }
}

fn make(name: &'static str) -> Result<gst::Element, SourceError> {
    gst::ElementFactory::make(name).build().map_err(broken)
}

/// `source ! parsebin`, whose pads go to the branches.
fn parsed(pipeline: &gst::Pipeline, source: &gst::Element, branches: &Branches) -> Result<(), SourceError> {
    demuxed(pipeline, source, "parsebin", branches)
}

fn demuxed(
    pipeline: &gst::Pipeline,
    source: &gst::Element,
    demuxer: &'static str,
    branches: &Branches,
) -> Result<(), SourceError> {
    let demuxer = make(demuxer)?;
    offer_pads(&demuxer, branches);
    let all = branches.clone();
    demuxer.connect_no_more_pads(move |_| all.complete());
    pipeline.add_many([source, &demuxer]).map_err(broken)?;
    source.link(&demuxer).map_err(broken)
}

/// A bound on what a peer sends that is never a picture.
fn guarded(source: &gst::Element, branches: &Branches) {
    if let Some(pad) = source.static_pad("src") {
        branches.guard(&pad);
    }
}

fn offer_pads(element: &gst::Element, branches: &Branches) {
    let branches = branches.clone();
    element.connect_pad_added(move |_, pad| {
        if pad.direction() == gst::PadDirection::Src {
            branches.attach(pad);
        }
    });
}

fn rtsp(pipeline: &gst::Pipeline, url: &url::Url, config: &Stream, branches: &Branches) -> Result<(), SourceError> {
    let source = make("rtspsrc")?;
    source.set_property("location", url.as_str());
    let udp = config.transport == Transport::Udp && url.scheme() == "rtsp";
    source.set_property_from_str("protocols", if udp { "udp" } else { "tcp" });
    source.set_property("latency", if udp { UDP_LATENCY } else { 0 });
    source.set_property("tcp-timeout", u64::from(CONNECT_TIMEOUT) * 1_000_000);
    source.set_property("timeout", u64::from(CONNECT_TIMEOUT) * 1_000_000);
    if let Some(credentials) = &config.credentials {
        source.set_property("user-id", &credentials.username);
        source.set_property("user-pw", credentials.password.reveal());
    }
    if url.scheme() == "rtsps" {
        trust::rtsps(&source, &config.tls, branches)?;
    }
    let (audio, silent) = (config.audio, Arc::new(AtomicBool::new(true)));
    let all = (branches.clone(), silent.clone());
    source.connect("select-stream", false, move |values| {
        let media = values
            .get(2)
            .and_then(|value| value.get::<gst::Caps>().ok())
            .and_then(|caps| caps.structure(0).and_then(|s| s.get::<String>("media").ok()));
        let sound = audio && media.as_deref() == Some("audio");
        if sound {
            silent.store(false, Ordering::Relaxed);
        }
        Some((sound || media.as_deref() == Some("video")).to_value())
    });
    // With sound, its parser has yet to say what it is.
    source.connect_no_more_pads(move |_| {
        let (branches, silent) = &all;
        if silent.load(Ordering::Relaxed) {
            branches.complete();
        }
    });
    let (weak, branches) = (pipeline.downgrade(), branches.clone());
    source.connect_pad_added(move |_, pad| {
        let Some(pipeline) = weak.upgrade() else { return };
        branches.guard(pad);
        if let Err(error) = parse_pad(&pipeline, pad, &branches) {
            branches.tell(format!("a track cannot be taken: {error}"));
        }
    });
    pipeline.add(&source).map_err(broken)
}

fn parse_pad(pipeline: &gst::Pipeline, pad: &gst::Pad, branches: &Branches) -> Result<(), SourceError> {
    let parser = make("parsebin")?;
    offer_pads(&parser, branches);
    pipeline.add(&parser).map_err(broken)?;
    parser.sync_state_with_parent().map_err(broken)?;
    let entry = parser
        .static_pad("sink")
        .ok_or_else(|| misconfigured("parsebin without input".into()))?;
    pad.link(&entry)
        .map_err(|error| misconfigured(format!("parsebin: {error}")))?;
    Ok(())
}

fn rtmp(pipeline: &gst::Pipeline, url: &url::Url, config: &Stream, branches: &Branches) -> Result<(), SourceError> {
    let source = make("rtmp2src")?;
    source.set_property("location", url.as_str());
    source.set_property("timeout", CONNECT_TIMEOUT);
    if let Some(credentials) = &config.credentials {
        source.set_property("username", &credentials.username);
        source.set_property("password", credentials.password.reveal());
    }
    guarded(&source, branches);
    demuxed(pipeline, &source, "flvdemux", branches)
}

fn srt(pipeline: &gst::Pipeline, url: &url::Url, config: &Stream, branches: &Branches) -> Result<(), SourceError> {
    let source = make("srtsrc")?;
    source.set_property("uri", url.as_str());
    source.set_property("do-timestamp", true);
    if source.has_property("auto-reconnect") {
        source.set_property("auto-reconnect", false);
    }
    if let Some(credentials) = &config.credentials {
        source.set_property("passphrase", credentials.password.reveal());
        if !credentials.username.is_empty() {
            source.set_property("streamid", &credentials.username);
        }
    }
    guarded(&source, branches);
    parsed(pipeline, &source, branches)
}

fn http(pipeline: &gst::Pipeline, url: &url::Url, config: &Stream, branches: &Branches) -> Result<(), SourceError> {
    let source = make("souphttpsrc")?;
    source.set_property("location", url.as_str());
    source.set_property("is-live", true);
    source.set_property("do-timestamp", true);
    source.set_property("timeout", CONNECT_TIMEOUT);
    source.set_property("retries", 0i32);
    if let Some(credentials) = &config.credentials {
        source.set_property("user-id", &credentials.username);
        source.set_property("user-pw", credentials.password.reveal());
    }
    trust::https(&source, &config.tls);
    guarded(&source, branches);
    parsed(pipeline, &source, branches)
}

fn file(pipeline: &gst::Pipeline, path: &Path, branches: &Branches) -> Result<(), SourceError> {
    std::fs::File::open(path).map_err(|error| unreadable(path, &error))?;
    let source = make("filesrc")?;
    source.set_property("location", path.display().to_string());
    parsed(pipeline, &source, branches)
}

fn v4l2(pipeline: &gst::Pipeline, device: &Path, branches: &Branches) -> Result<(), SourceError> {
    let source = make("v4l2src")?;
    source.set_property("device", device.display().to_string());
    source.set_property("do-timestamp", true);
    // What the device offers is known once it is open.
    source.set_state(gst::State::Ready).map_err(|_| SourceError {
        kind: ErrorKind::Unavailable,
        cause: GapCause::CameraOffline,
        text: format!("{} cannot be opened: is it plugged in, and free?", device.display()),
    })?;
    let offered = source
        .static_pad("src")
        .map(|pad| pad.query_caps(None))
        .unwrap_or_else(gst::Caps::new_empty);
    capture(pipeline, &source, &offered, branches)
}

/// From a capturing element to the branches: coded pictures are taken as they are, others encoded.
pub(super) fn capture(
    pipeline: &gst::Pipeline,
    source: &gst::Element,
    offered: &gst::CapsRef,
    branches: &Branches,
) -> Result<(), SourceError> {
    let offers = |name: &str| offered.iter().any(|s| s.name() == name);
    let chain = if offers("video/x-h264") {
        "capsfilter caps=video/x-h264"
    } else if offers("video/x-h265") {
        "capsfilter caps=video/x-h265"
    } else if offers("image/jpeg") {
        "capsfilter caps=image/jpeg"
    } else {
        "videoconvert ! video/x-raw,format=I420 \
         ! x264enc tune=zerolatency speed-preset=veryfast key-int-max=50 bitrate=4000 ! h264parse"
    };
    let chain =
        gst::parse::bin_from_description(chain, true).map_err(|error| misconfigured(format!("capture: {error}")))?;
    pipeline.add_many([source, chain.upcast_ref()]).map_err(broken)?;
    source.link(&chain).map_err(broken)?;
    attach(&chain, branches)?;
    branches.complete();
    Ok(())
}

/// Takes the single output of a bin.
fn attach(bin: &gst::Bin, branches: &Branches) -> Result<(), SourceError> {
    let pad = bin
        .static_pad("src")
        .ok_or_else(|| misconfigured("a chain without output".into()))?;
    branches.attach(&pad);
    Ok(())
}

fn test(pipeline: &gst::Pipeline, url: &url::Url, audio: bool, branches: &Branches) -> Result<(), SourceError> {
    let number = |name: &str, default: u32| {
        url.query_pairs()
            .find(|(key, _)| key == name)
            .map_or(Ok(default), |(_, value)| {
                value
                    .parse::<u32>()
                    .ok()
                    .filter(|n| (1..=100_000_000).contains(n))
                    .ok_or_else(|| {
                        misconfigured(format!(
                            "test picture: {name} = {value:?} is not a number from 1 to 100000000"
                        ))
                    })
            })
    };
    let (width, height) = (number("width", 1280)?, number("height", 720)?);
    let (fps, bitrate) = (number("fps", 25)?, number("bitrate", 2_000_000)?);
    let kbit = bitrate.div_ceil(1000);
    let gop = fps.saturating_mul(2);
    let mut chains = vec![format!(
        "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=180,framerate={fps}/1 \
         ! videoscale method=nearest-neighbour ! video/x-raw,width={width},height={height},pixel-aspect-ratio=1/1 \
         ! clockoverlay time-format=\"%Y-%m-%d %H:%M:%S\" \
         ! x264enc tune=zerolatency speed-preset=ultrafast threads=1 bitrate={kbit} key-int-max={gop} ! h264parse"
    )];
    let sound = url
        .query_pairs()
        .any(|(key, value)| key == "audio" && matches!(&*value, "true" | "1" | "aac"));
    if audio && sound {
        chains.push(
            "audiotestsrc is-live=true wave=ticks volume=0.3 samplesperbuffer=1024 \
             ! audio/x-raw,rate=48000,channels=1 ! avenc_aac bitrate=64000 ! aacparse"
                .into(),
        );
    }
    for chain in chains {
        let bin = gst::parse::bin_from_description(&chain, true)
            .map_err(|error| misconfigured(format!("test picture: {error}")))?;
        pipeline.add(&bin).map_err(broken)?;
        attach(&bin, branches)?;
    }
    branches.complete();
    Ok(())
}
