//! One pipeline for one picture.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use tokio::sync::mpsc;

use super::DecodeError;
use crate::{
    access_unit::AccessUnit,
    format::{VideoCodec, VideoFormat},
    gst::{GstError, ensure_elements, stop},
    restream::video_caps,
};

const QUALITY: i32 = 85;
/// JFIF is full range, BT.601; cameras are not, `jpegenc` does not convert, and `videoconvert` of
/// 1.22 changes the range only on its way through RGB.
const FULL_RANGE: &str = "videoconvert ! video/x-raw,format=I420,colorimetry=1:4:0:0";

enum Event {
    Picture(Bytes),
    End,
    Failed(String),
}

/// Feeds all units and takes the picture of the last one.
pub(super) async fn decode(
    units: &[Arc<AccessUnit>],
    format: &VideoFormat,
    width: Option<u32>,
) -> Result<Bytes, DecodeError> {
    ensure_elements(&["h264parse", "videoconvert", "jpegenc"])?;
    let failed = |why: String| DecodeError::Corrupt {
        codec: format.codec,
        why,
    };
    let last = units.last().map(|unit| time_of(units, unit)).unwrap_or_default();
    let (events, mut seen) = mpsc::unbounded_channel();
    let decoder = Decoder(build(format, width, last, events).map_err(GstError::from)?);
    let source = decoder.element::<gst_app::AppSrc>("in")?;
    source.set_caps(Some(&video_caps(format)));
    if decoder.0.set_state(gst::State::Playing).is_err() {
        return Err(failed("the decoder does not start".into()));
    }
    for unit in units {
        source
            .push_buffer(buffer(units, unit))
            .map_err(|error| failed(error.to_string()))?;
    }
    source.end_of_stream().map_err(|error| failed(error.to_string()))?;
    let mut picture = None;
    while let Some(event) = seen.recv().await {
        match event {
            Event::Picture(jpeg) => picture = Some(jpeg),
            Event::End => break,
            Event::Failed(why) => return Err(failed(why)),
        }
    }
    picture.ok_or_else(|| failed("no picture came out".into()))
}

/// Presentation time since the first unit, plus a second so that nothing lies before zero.
fn time_of(units: &[Arc<AccessUnit>], unit: &AccessUnit) -> gst::ClockTime {
    let begin = units.first().map_or(0, |first| first.dts);
    let ticks = u64::try_from(unit.pts - begin).unwrap_or(0);
    gst::ClockTime::SECOND + gst::ClockTime::from_nseconds(ticks * 100_000 / 9)
}

fn buffer(units: &[Arc<AccessUnit>], unit: &AccessUnit) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(unit.data.clone());
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(time_of(units, unit));
        if !unit.rap {
            buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
        }
    }
    buffer
}

/// `appsrc ! parser ! decodebin ! (only the wanted picture) ! jpegenc ! appsink`.
fn build(
    format: &VideoFormat,
    width: Option<u32>,
    wanted: gst::ClockTime,
    events: mpsc::UnboundedSender<Event>,
) -> Result<gst::Pipeline, gst::glib::Error> {
    let parser = match format.codec {
        VideoCodec::H264 => "h264parse",
        VideoCodec::H265 => "h265parse",
        VideoCodec::Mjpeg => "jpegparse",
    };
    let scale = width.map_or(String::new(), |width| {
        // The JPEG's chroma is halved both ways: even sizes only.
        let height = u64::from(format.height) * u64::from(width) / u64::from(format.width.max(1));
        let even = |n: u64| n.max(2) & !1;
        format!(
            "! videoscale ! video/x-raw,width={},height={} ",
            even(u64::from(width)),
            even(height)
        )
    });
    let text = format!(
        "appsrc name=in format=time max-bytes=0 ! {parser} ! decodebin name=decoder \
         videoconvert name=pictures ! video/x-raw,format=RGB {scale}! {FULL_RANGE} ! jpegenc quality={QUALITY} ! appsink name=out sync=false async=false"
    );
    let pipeline = gst::parse::launch(&text)?
        .downcast::<gst::Pipeline>()
        .map_err(|_| gst::glib::Error::new(gst::CoreError::Failed, "not a pipeline"))?;
    let missing = || gst::glib::Error::new(gst::CoreError::Failed, "an element of the pipeline is missing");
    let entry = pipeline
        .by_name("pictures")
        .and_then(|e| e.static_pad("sink"))
        .ok_or_else(missing)?;
    // Only the wanted picture is encoded: the first at its time or later, for B-frames leave the
    // decoder before pictures that were decoded earlier.
    let passed = AtomicBool::new(false);
    entry.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let wanted =
            matches!(&info.data, Some(gst::PadProbeData::Buffer(b)) if b.pts().is_some_and(|pts| pts >= wanted));
        if wanted && !passed.swap(true, Ordering::Relaxed) {
            return gst::PadProbeReturn::Ok;
        }
        // `Drop` would make GStreamer 1.22 release what the binding has released.
        info.data = None;
        gst::PadProbeReturn::Handled
    });
    if let Some(decoder) = pipeline.by_name("decoder") {
        decoder.connect_pad_added(move |_, pad| {
            let _ = pad.link(&entry);
        });
    }
    let sink = pipeline
        .by_name("out")
        .and_then(|e| e.downcast::<gst_app::AppSink>().ok())
        .ok_or_else(missing)?;
    let pictures = events.clone();
    sink.set_callbacks(
        gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let map = sample
                    .buffer_owned()
                    .and_then(|buffer| buffer.into_mapped_buffer_readable().ok());
                if let Some(map) = map {
                    let _ = pictures.send(Event::Picture(Bytes::copy_from_slice(&map)));
                }
                Ok(gst::FlowSuccess::Ok)
            })
            .build(),
    );
    if let Some(bus) = pipeline.bus() {
        bus.set_sync_handler(move |_, message| {
            let event = match message.view() {
                gst::MessageView::Eos(_) => Some(Event::End),
                gst::MessageView::Error(error) => Some(Event::Failed(error.error().message().to_owned())),
                _ => None,
            };
            if let Some(event) = event {
                let _ = events.send(event);
            }
            gst::BusSyncReply::Drop
        });
    }
    Ok(pipeline)
}

/// Goes to `NULL` when dropped, on a thread of its own: whoever drops it may not wait.
struct Decoder(gst::Pipeline);

impl Decoder {
    fn element<T: IsA<gst::Element>>(&self, name: &str) -> Result<T, GstError> {
        self.0
            .by_name(name)
            .and_then(|element| element.downcast().ok())
            .ok_or_else(|| GstError::Failed {
                what: "building the decoder",
                why: format!("no element `{name}`"),
            })
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        stop(self.0.clone());
    }
}
