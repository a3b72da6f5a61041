//! A running pipeline: what it reports, and that it ends.

use gstreamer::{self as gst, prelude::*};
use tokio::sync::mpsc;

use super::{opening::Waiting, stop::stop};
use crate::source::SourceError;

/// What the pipeline's threads hand to the source's task.
#[derive(Debug)]
pub(super) enum Event {
    Sample(Waiting),
    /// We do not accept the peer, or what it sends.
    Rejected(SourceError),
    /// Something tolerated.
    Oddity(String),
    /// The peer accepted us.
    Connected,
    /// A seek or the preroll is done.
    Settled,
    /// The end of a looped segment.
    SegmentDone,
    EndOfStream,
    Failed(gst::glib::Error, Option<String>),
}

/// A pipeline that goes to `NULL` when dropped.
#[derive(Debug)]
pub(super) struct Pipeline(gst::Pipeline);

impl Pipeline {
    /// Bus messages go to `events` from whatever thread posts them; the bus keeps none.
    pub fn new(pipeline: gst::Pipeline, events: mpsc::Sender<Event>) -> Self {
        if let Some(bus) = pipeline.bus() {
            bus.set_sync_handler(move |_, message| {
                if let Some(event) = event_of(message) {
                    // A full queue means that samples wait, and the first failure is in it or
                    // comes again as the end of the queue.
                    let _ = events.try_send(event);
                }
                gst::BusSyncReply::Drop
            });
        }
        Pipeline(pipeline)
    }

    pub fn get(&self) -> &gst::Pipeline {
        &self.0
    }
}

fn event_of(message: &gst::MessageRef) -> Option<Event> {
    match message.view() {
        gst::MessageView::Error(error) => {
            Some(Event::Failed(error.error(), error.debug().map(|text| text.to_string())))
        }
        gst::MessageView::Eos(_) => Some(Event::EndOfStream),
        gst::MessageView::SegmentDone(_) => Some(Event::SegmentDone),
        gst::MessageView::AsyncDone(_) => Some(Event::Settled),
        gst::MessageView::Progress(progress) => {
            let (kind, code, _) = progress.get();
            (kind == gst::ProgressType::Complete && code == "request").then_some(Event::Connected)
        }
        _ => None,
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        stop(self.0.clone());
    }
}
