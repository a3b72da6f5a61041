//! A GStreamer AAC encoder without a pipeline: a buffer in, its packets out, on one thread.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use gstreamer::{self as gst, prelude::*};

use super::TranscodeError;

/// Samples of one channel in an AAC packet (ISO/IEC 14496-3, AAC LC).
pub(super) const FRAME: usize = 1024;

/// An encoder that Debian has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element {
    pub name: &'static str,
    format: &'static str,
    /// How many samples its packets come late: what a decoder makes of packet n begins this
    /// many samples before the n-th frame that went in. Measured by a test.
    pub delay: usize,
    properties: &'static [(&'static str, &'static str)],
}

/// In order of preference.
pub(super) const ELEMENTS: [Element; 2] = [
    // The fast coder needs a quarter of the processor time of the default one.
    Element {
        name: "avenc_aac",
        format: "F32LE",
        delay: 1024,
        properties: &[("aac-coder", "fast"), ("aac-tns", "false"), ("aac-pns", "false")],
    },
    Element {
        name: "voaacenc",
        format: "S16LE",
        delay: 1600,
        properties: &[],
    },
];

pub(super) struct Encoder {
    element: Element,
    encoder: gst::Element,
    /// Linked to the encoder's sink pad.
    into: gst::Pad,
    /// Linked to the encoder's source pad; fills `packets`.
    _out: gst::Pad,
    packets: Arc<Mutex<Vec<Bytes>>>,
}

impl Encoder {
    /// The first element that exists and works.
    pub fn new(sample_rate: u32, channels: u16) -> Result<Encoder, TranscodeError> {
        gst::init().map_err(|_| TranscodeError::NoEncoder)?;
        let mut failure = TranscodeError::NoEncoder;
        for element in ELEMENTS {
            match Encoder::of(element, sample_rate, channels) {
                Ok(encoder) => return Ok(encoder),
                Err(TranscodeError::NoEncoder) => {}
                Err(other) => failure = other,
            }
        }
        Err(failure)
    }

    pub fn of(element: Element, sample_rate: u32, channels: u16) -> Result<Encoder, TranscodeError> {
        gst::init().map_err(|_| TranscodeError::NoEncoder)?;
        let encoder = gst::ElementFactory::make(element.name)
            .build()
            .map_err(|_| TranscodeError::NoEncoder)?;
        let broken = |what: &str| TranscodeError::Encoder {
            element: element.name,
            what: what.into(),
        };
        for (property, value) in element.properties {
            if encoder.find_property(property).is_some() {
                encoder.set_property_from_str(property, value);
            }
        }
        if encoder.find_property("bitrate").is_some() {
            encoder.set_property_from_str("bitrate", &(24_000 * u32::from(channels)).to_string());
        }
        let packets = Arc::new(Mutex::new(Vec::new()));
        let raw = gst::Caps::builder("audio/mpeg")
            .field("mpegversion", 4)
            .field("stream-format", "raw")
            .build();
        let template = gst::PadTemplate::new("sink", gst::PadDirection::Sink, gst::PadPresence::Always, &raw)
            .map_err(|_| broken("no pad template"))?;
        let out = gst::Pad::builder_from_template(&template)
            .chain_function({
                let packets = packets.clone();
                move |_, _, buffer| {
                    let map = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
                    let packet = Bytes::copy_from_slice(&map);
                    packets.lock().unwrap_or_else(PoisonError::into_inner).push(packet);
                    Ok(gst::FlowSuccess::Ok)
                }
            })
            .build();
        let into = gst::Pad::builder(gst::PadDirection::Src).build();
        let link = |from: &gst::Pad, to: &gst::Pad| from.link(to).map_err(|_| broken("its pads do not link"));
        let sink = encoder.static_pad("sink").ok_or_else(|| broken("no sink pad"))?;
        let source = encoder.static_pad("src").ok_or_else(|| broken("no source pad"))?;
        link(&into, &sink)?;
        link(&source, &out)?;
        let made = Encoder {
            element,
            encoder,
            into,
            _out: out.clone(),
            packets,
        };
        out.set_active(true).map_err(|_| broken("pad not active"))?;
        made.into.set_active(true).map_err(|_| broken("pad not active"))?;
        made.encoder
            .set_state(gst::State::Playing)
            .map_err(|_| broken("does not start"))?;
        let caps = gst::Caps::builder("audio/x-raw")
            .field("format", element.format)
            .field("layout", "interleaved")
            .field("rate", sample_rate as i32)
            .field("channels", i32::from(channels))
            .build();
        made.into.push_event(gst::event::StreamStart::new("audio"));
        if !made.into.push_event(gst::event::Caps::new(&caps)) {
            return Err(broken("refuses the sample rate or channels"));
        }
        made.into
            .push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
        Ok(made)
    }

    pub fn name(&self) -> &'static str {
        self.element.name
    }

    pub fn delay(&self) -> usize {
        self.element.delay
    }

    /// Encodes one frame of [`FRAME`] samples a channel, interleaved; returns the packets that
    /// are ready: one a frame, the first after a frame or two.
    pub fn encode(&mut self, frame: &[i16]) -> Result<Vec<Bytes>, TranscodeError> {
        let data: Vec<u8> = match self.element.format {
            "S16LE" => frame.iter().flat_map(|s| s.to_le_bytes()).collect(),
            _ => frame
                .iter()
                .flat_map(|s| (f32::from(*s) / 32_768.0).to_le_bytes())
                .collect(),
        };
        self.into
            .push(gst::Buffer::from_slice(data))
            .map_err(|e| TranscodeError::Encoder {
                element: self.element.name,
                what: e.to_string(),
            })?;
        Ok(std::mem::take(
            &mut *self.packets.lock().unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let _ = self.into.set_active(false);
        let _ = self.encoder.set_state(gst::State::Null);
    }
}
