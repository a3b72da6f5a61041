//! From a pad with coded media to samples: one parser and one appsink per track.

use std::{sync::Arc, time::Duration};

use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use tokio::sync::mpsc;
use vigie_config::{ErrorKind, GapCause};

use super::{
    guard::{self, Guard},
    opening::{Offer, Waiting},
    pipeline::Event,
};
use crate::{access_unit::Track, source::SourceError};

/// Takes the pads that a head offers: the first video, the first audio if wanted; the others run
/// into nothing, for an unlinked pad would stop its siblings.
#[derive(Debug, Clone)]
pub(super) struct Branches(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pipeline: gst::glib::WeakRef<gst::Pipeline>,
    events: mpsc::Sender<Event>,
    audio: bool,
    /// Units leave at the pace of their timestamps: for files.
    paced: bool,
    offer: Offer,
    guard: Guard,
}

impl Branches {
    pub fn new(pipeline: &gst::Pipeline, events: mpsc::Sender<Event>, offer: Offer, audio: bool, paced: bool) -> Self {
        let pipeline = pipeline.downgrade();
        Branches(Arc::new(Inner {
            pipeline,
            events,
            audio,
            paced,
            offer,
            guard: Guard::default(),
        }))
    }

    /// Links a pad that has caps. Failures are told as oddities: the other tracks may do.
    pub fn attach(&self, pad: &gst::Pad) {
        let Some(pipeline) = self.0.pipeline.upgrade() else {
            return;
        };
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let linked = match track_and_parser(&caps).filter(|(track, _)| self.take(*track)) {
            Some((track, parser)) => self.link(&pipeline, pad, track, parser),
            None => discard(&pipeline, pad),
        };
        if let Err(error) = linked {
            self.tell(format!("a track of type {} cannot be taken: {error}", name_of(&caps)));
        }
    }

    /// No further pad will be attached.
    pub fn complete(&self) {
        self.0.offer.complete();
    }

    /// Bounds what comes out of `pad` without a picture coming of it.
    pub fn guard(&self, pad: &gst::Pad) {
        let events = self.0.events.clone();
        self.0.guard.watch(pad, move || {
            let _ = events.try_send(Event::Rejected(SourceError {
                kind: ErrorKind::Corrupt,
                cause: GapCause::CameraOffline,
                text: format!(
                    "the peer sent {} MiB without one whole picture: is this the address of its video?",
                    guard::MOST >> 20
                ),
            }));
        });
    }

    /// Says why a peer is not accepted; ends the source.
    pub fn refuse(&self, why: String) {
        let _ = self.0.events.try_send(Event::Rejected(SourceError {
            kind: ErrorKind::Refused,
            cause: GapCause::Refused,
            text: why,
        }));
    }

    pub fn tell(&self, what: String) {
        let _ = self.0.events.try_send(Event::Oddity(what));
    }

    fn take(&self, track: Track) -> bool {
        (track == Track::Video || self.0.audio) && self.0.offer.take(track)
    }

    fn link(
        &self,
        pipeline: &gst::Pipeline,
        pad: &gst::Pad,
        track: Track,
        parser: &'static str,
    ) -> Result<(), gst::glib::BoolError> {
        let sink = self.sink(track);
        let parser = gst::ElementFactory::make(parser).build()?;
        if track == Track::Video && parser.has_property("disable-passthrough") {
            // Parameter sets inside the stream are noticed only by a parser that looks. (Raw AAC
            // has nothing to look for: its parser would wait for ever.)
            parser.set_property("disable-passthrough", true);
        }
        let filter = gst::ElementFactory::make("capsfilter")
            .property("caps", wanted_caps(track))
            .build()?;
        // A sink that waits for its time must not hold up the other track.
        let queue = self
            .0
            .paced
            .then(|| gst::ElementFactory::make("queue").build())
            .transpose()?;
        let elements: Vec<&gst::Element> = queue.iter().chain([&parser, &filter, sink.upcast_ref()]).collect();
        pipeline.add_many(&elements)?;
        gst::Element::link_many(&elements)?;
        for element in elements.iter().rev() {
            element.sync_state_with_parent()?;
        }
        let entry = elements.first().and_then(|first| first.static_pad("sink"));
        let entry = entry.ok_or_else(|| gst::glib::bool_error!("parser without input"))?;
        pad.link(&entry)
            .map(|_| ())
            .map_err(|error| gst::glib::bool_error!("{error}"))
    }

    fn sink(&self, track: Track) -> gst_app::AppSink {
        let (events, guard) = (self.0.events.clone(), self.0.guard.clone());
        gst_app::AppSink::builder()
            .sync(self.0.paced)
            .async_(self.0.paced)
            // The callback takes every sample at once: the queue before the task is `events`.
            .max_buffers(2)
            .callbacks(
                gst_app::AppSinkCallbacks::builder()
                    .new_sample(move |sink| {
                        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                        if track == Track::Video {
                            guard.picture();
                        }
                        // Waits while the task is behind; ends when it is gone.
                        events
                            .blocking_send(Event::Sample(Waiting {
                                track,
                                sample,
                                arrival: monotonic_micros(),
                            }))
                            .map_err(|_| gst::FlowError::Eos)?;
                        Ok(gst::FlowSuccess::Ok)
                    })
                    .build(),
            )
            .build()
    }
}

/// Microseconds on the host's monotonic clock.
pub(super) fn monotonic_micros() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let now = Duration::try_from(now).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}

fn name_of(caps: &gst::Caps) -> String {
    caps.structure(0)
        .map_or_else(|| "unknown".into(), |s| s.name().to_string())
}

fn track_and_parser(caps: &gst::Caps) -> Option<(Track, &'static str)> {
    let s = caps.structure(0)?;
    Some(match s.name().as_str() {
        "video/x-h264" => (Track::Video, "h264parse"),
        "video/x-h265" => (Track::Video, "h265parse"),
        "image/jpeg" => (Track::Video, "jpegparse"),
        // Version 1 is MP3; a parser that has seen nothing yet offers a list of versions.
        "audio/mpeg" if s.get::<i32>("mpegversion") != Ok(1) => (Track::Audio, "aacparse"),
        "audio/x-opus" => (Track::Audio, "opusparse"),
        "audio/x-mulaw" | "audio/x-alaw" => (Track::Audio, "identity"),
        _ => return None,
    })
}

fn wanted_caps(track: Track) -> gst::Caps {
    let text = match track {
        Track::Video => {
            "video/x-h264,stream-format=avc,alignment=au; video/x-h265,stream-format=hvc1,alignment=au; image/jpeg"
        }
        Track::Audio => "audio/mpeg,mpegversion=4,stream-format=raw; audio/x-opus; audio/x-mulaw; audio/x-alaw",
    };
    // The text is a constant: a test attaches every one of them.
    text.parse().unwrap_or_else(|_| gst::Caps::new_any())
}

fn discard(pipeline: &gst::Pipeline, pad: &gst::Pad) -> Result<(), gst::glib::BoolError> {
    let sink = gst::ElementFactory::make("fakesink").property("async", false).build()?;
    pipeline.add(&sink)?;
    sink.sync_state_with_parent()?;
    let entry = sink
        .static_pad("sink")
        .ok_or_else(|| gst::glib::bool_error!("fakesink without input"))?;
    pad.link(&entry)
        .map(|_| ())
        .map_err(|error| gst::glib::bool_error!("{error}"))
}
