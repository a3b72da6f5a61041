//! The pictures of a stream, one after the other, decoded on the caller's thread.
//!
//! Elements are pushed into and out of by pads of ours: no pipeline, no clock, and no thread for
//! each camera.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use gstreamer::{self as gst, prelude::*};
use vigie_config::Utc;

use super::DecodeError;
use crate::{
    access_unit::AccessUnit,
    format::{VideoCodec, VideoFormat, video_micros},
    gst::{GstError, ensure_elements},
    motion::Luma,
    restream::video_caps,
};

/// Formats whose first plane is luma, with lines of a multiple of 4 bytes.
const LUMA_FIRST: [&str; 8] = ["I420", "NV12", "GRAY8", "YV12", "NV21", "Y42B", "Y444", "Y41B"];
/// Pictures inside a decoder at once, at most: 16 reorder in H.264 and H.265.
const INSIDE: usize = 64;

/// One decoded picture.
#[derive(Debug)]
pub struct Picture {
    data: gst::MappedBuffer<gst::buffer::Readable>,
    size: (usize, usize),
    /// By the camera's clock, from about a second before the first unit.
    pub since: Duration,
    /// By the host's clock.
    pub utc: Utc,
    /// Of its unit.
    pub seq: u64,
}

impl Picture {
    pub fn luma(&self) -> Luma<'_> {
        let (width, height) = self.size;
        Luma {
            width,
            height,
            stride: width.next_multiple_of(4),
            data: &self.data,
        }
    }
}

/// What the pads' functions leave for the caller.
#[derive(Debug, Default)]
struct Shared {
    size: (usize, usize),
    /// Times of the units inside the decoder, what the host's clock said, and their numbers.
    inside: VecDeque<(gst::ClockTime, Utc, u64)>,
    pictures: Vec<Picture>,
    failed: Option<String>,
}

/// Decodes the units of one format and epoch.
///
/// Its calls block while a picture is decoded, as does dropping it.
#[derive(Debug)]
pub struct Pictures {
    codec: VideoCodec,
    bin: gst::Bin,
    entry: gst::Pad,
    /// A link keeps no pad alive.
    exit: gst::Pad,
    shared: Arc<Mutex<Shared>>,
    /// Presentation time of the first unit; its picture has the time 1 s.
    begin: Option<i64>,
}

impl Pictures {
    /// The decoder that ranks highest here and can be opened; `libav` with one thread.
    pub fn new(format: &VideoFormat) -> Result<Self, DecodeError> {
        let parser = match format.codec {
            VideoCodec::H264 => "h264parse",
            VideoCodec::H265 => "h265parse",
            VideoCodec::Mjpeg => "jpegparse",
        };
        ensure_elements(&[parser, "videoconvert"])?;
        let caps = video_caps(format);
        let kind = gst::ElementFactoryType::DECODER | gst::ElementFactoryType::MEDIA_VIDEO;
        let factories = gst::ElementFactory::factories_with_type(kind, gst::Rank::MARGINAL);
        let fits = |factory: &gst::ElementFactory| factory.can_sink_any_caps(&caps);
        let mut fitting: Vec<gst::ElementFactory> = factories.into_iter().filter(fits).collect();
        fitting.sort_by_key(|factory| std::cmp::Reverse(factory.rank()));
        let mut why = format!("GStreamer has no decoder for {:?}", format.codec);
        for factory in fitting {
            match Self::with(&factory, parser, format.codec, &caps) {
                Ok(pictures) => return Ok(pictures),
                Err(error) => why = format!("{}: {error}", factory.name()),
            }
        }
        let what = "opening a decoder";
        Err(GstError::Failed { what, why }.into())
    }

    fn with(
        factory: &gst::ElementFactory,
        parser: &str,
        codec: VideoCodec,
        caps: &gst::Caps,
    ) -> Result<Self, gst::glib::BoolError> {
        let parser = gst::ElementFactory::make(parser).build()?;
        let decoder = factory.create().build()?;
        if decoder.find_property("max-threads").is_some() {
            decoder.set_property_from_str("max-threads", "1");
        }
        let convert = gst::ElementFactory::make("videoconvert").build()?;
        let chain = [&parser, &decoder, &convert];
        let bin = gst::Bin::new();
        bin.add_many(chain)?;
        gst::Element::link_many(chain)?;
        let shared = Arc::new(Mutex::new(Shared::default()));
        listen(&bin, &shared);
        let (entry, exit) = (gst::Pad::builder(gst::PadDirection::Src).build(), exit(&shared)?);
        let missing = || gst::glib::bool_error!("an element has no such pad");
        let (first, last) = (parser.static_pad("sink"), convert.static_pad("src"));
        let link = |from: &gst::Pad, to: &gst::Pad| {
            from.link(to)
                .map_err(|error| gst::glib::bool_error!("pads do not link: {:?}", error))
        };
        link(&entry, &first.ok_or_else(missing)?)?;
        link(&last.ok_or_else(missing)?, &exit)?;
        exit.set_active(true)?;
        let pictures = Self {
            codec,
            bin,
            entry,
            exit,
            shared,
            begin: None,
        };
        let started = pictures.bin.set_state(gst::State::Playing);
        started.map_err(|_| gst::glib::bool_error!("it does not start"))?;
        pictures.entry.set_active(true)?;
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        for event in [
            gst::event::StreamStart::new("vigie"),
            gst::event::Caps::new(caps),
            gst::event::Segment::new(&segment),
        ] {
            if !pictures.entry.push_event(event) {
                return Err(gst::glib::bool_error!("it refuses the format"));
            }
        }
        Ok(pictures)
    }

    /// Takes the next unit in decoding order; the first is a RAP. Answers the pictures that are
    /// ready, in the order of presentation.
    pub fn decode(&mut self, unit: &AccessUnit) -> Result<Vec<Picture>, DecodeError> {
        let begin = *self.begin.get_or_insert(unit.pts);
        let since = u64::try_from(video_micros(unit.pts - begin) + 1_000_000).unwrap_or(0);
        let pts = gst::ClockTime::from_useconds(since);
        let mut buffer = gst::Buffer::from_slice(unit.data.clone());
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(pts);
            if !unit.rap {
                buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
            }
        }
        {
            let mut shared = lock(&self.shared);
            if shared.inside.len() == INSIDE {
                shared.inside.pop_front();
            }
            let utc = unit.utc.plus_micros(video_micros(unit.pts - unit.dts));
            shared.inside.push_back((pts, utc, unit.seq));
        }
        let pushed = self.entry.push(buffer);
        let mut shared = lock(&self.shared);
        match (shared.failed.take(), pushed) {
            (None, Ok(_)) => Ok(std::mem::take(&mut shared.pictures)),
            (Some(why), _) => Err(self.failed(why)),
            (None, Err(error)) => Err(self.failed(error.to_string())),
        }
    }

    fn failed(&self, why: String) -> DecodeError {
        DecodeError::Corrupt { codec: self.codec, why }
    }
}

impl Drop for Pictures {
    fn drop(&mut self) {
        let _ = self.entry.set_active(false);
        let _ = self.bin.set_state(gst::State::Null);
        let _ = self.exit.set_active(false);
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the first error of the elements, and nothing else.
fn listen(bin: &gst::Bin, shared: &Arc<Mutex<Shared>>) {
    let (bus, shared) = (gst::Bus::new(), shared.clone());
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::Error(error) = message.view() {
            let text = error.error().message().to_owned();
            lock(&shared).failed.get_or_insert(text);
        }
        gst::BusSyncReply::Drop
    });
    bin.set_bus(Some(&bus));
}

/// The pad that takes pictures.
fn exit(shared: &Arc<Mutex<Shared>>) -> Result<gst::Pad, gst::glib::BoolError> {
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", gst::List::new(LUMA_FIRST))
        .build();
    let template = gst::PadTemplate::new("sink", gst::PadDirection::Sink, gst::PadPresence::Always, &caps)?;
    let (sizes, pictures) = (shared.clone(), shared.clone());
    let pad = gst::Pad::builder_from_template(&template)
        .event_function(move |_, _, event| {
            if let gst::EventView::Caps(caps) = event.view() {
                let caps = caps.caps_owned();
                let side = |name| caps.structure(0).and_then(|s| s.get::<i32>(name).ok());
                let side = |name| side(name).and_then(|side| usize::try_from(side).ok()).unwrap_or(0);
                lock(&sizes).size = (side("width"), side("height"));
            }
            true
        })
        .chain_function(move |_, _, buffer| {
            let pts = buffer.pts().unwrap_or(gst::ClockTime::ZERO);
            let data = buffer
                .into_mapped_buffer_readable()
                .map_err(|_| gst::FlowError::Error)?;
            let mut shared = lock(&pictures);
            let unit = shared.inside.iter().find(|(time, ..)| *time == pts).copied();
            if let Some((_, utc, seq)) = unit {
                let size = shared.size;
                shared.inside.retain(|(time, ..)| *time > pts);
                shared.pictures.push(Picture {
                    data,
                    size,
                    since: Duration::from_nanos(pts.nseconds()),
                    utc,
                    seq,
                });
            }
            Ok(gst::FlowSuccess::Ok)
        })
        .build();
    Ok(pad)
}
