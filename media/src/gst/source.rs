//! The source itself: one connection, until it ends.

use std::{sync::Arc, time::Duration};

use gstreamer::{self as gst, prelude::*};
use tokio::sync::mpsc;
use vigie_config::{ErrorKind, GapCause, Kind, SourceUrl, Stream, StreamId, Utc};

use super::{
    branch::{Branches, monotonic_micros},
    fault::{Redaction, failure},
    head, init,
    opening::{Offer, Opening, Waiting},
    pipeline::{Event, Pipeline},
    timeline::{Arrival, Timeline},
    tracks::Tracks,
    trust,
};
use crate::{
    access_unit::{AccessUnit, Track},
    format::{AudioCodec, StreamFormat, VideoCodec},
    hub::Publisher,
    rtp::clock::read_together,
    source::{Facts, SourceError, SourceFact},
};

/// Samples between the pipeline's threads and the task: a second or two.
const QUEUE: usize = 64;
/// From the start to the first unit.
const FIRST_UNIT: Duration = Duration::from_secs(15);

/// A source of any kind that GStreamer knows, behind the contract of [`crate::source`].
#[derive(Debug)]
pub struct GstSource {
    stream: StreamId,
    config: Stream,
}

impl GstSource {
    /// Fails when this installation or this kind of address cannot honour the configuration.
    pub fn new(stream: StreamId, config: &Stream) -> Result<Self, SourceError> {
        init::ensure_elements(head::elements(&config.url)).map_err(|error| SourceError {
            kind: error.kind(),
            cause: GapCause::Disabled,
            text: error.to_string(),
        })?;
        if let SourceUrl::Network(url) = &config.url {
            trust::supported(url.scheme(), &config.tls)?;
        }
        Ok(GstSource {
            stream,
            config: config.clone(),
        })
    }

    pub fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// Publishes until the source ends, and says why. Dropping the future ends the pipeline.
    pub async fn run(self, publisher: Publisher, facts: Facts) -> SourceError {
        let (events, queue) = mpsc::channel(QUEUE);
        // Shared with the thread that starts it: whichever lets go last, stops it.
        let pipeline = Arc::new(Pipeline::new(gst::Pipeline::new(), events.clone()));
        let paced = matches!(self.config.url, SourceUrl::File(_));
        let offer = Offer::default();
        let branches = Branches::new(pipeline.get(), events, offer.clone(), self.config.audio, paced);
        let state = if paced { gst::State::Paused } else { gst::State::Playing };
        let started = tokio::task::spawn_blocking({
            let (pipeline, config) = (pipeline.clone(), self.config.clone());
            move || {
                head::build(pipeline.get(), &config, &branches)?;
                // Why it failed is an event.
                let _ = pipeline.get().set_state(state);
                Ok(())
            }
        });
        match started.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error,
            Err(error) => {
                return SourceError {
                    kind: ErrorKind::Bug,
                    cause: GapCause::CameraOffline,
                    text: error.to_string(),
                };
            }
        }
        let redaction = redaction(&self.config);
        Session {
            pipeline,
            queue,
            redaction,
            peer: self.config.url.to_string(),
            stall_after: self.config.stall_after,
            looped: paced,
            publisher,
            facts,
            tracks: Tracks::default(),
            audio: self.config.audio,
            offer,
            opening: Some(Opening::default()),
            timeline: Timeline::new(),
            connected: false,
        }
        .run()
        .await
    }
}

fn redaction(config: &Stream) -> Redaction {
    let redaction = Redaction::of(config.credentials.as_ref());
    match &config.url {
        SourceUrl::Network(url) => url
            .query_pairs()
            .filter(|(key, _)| key == "passphrase" || key.contains("pass") || key.contains("token"))
            .fold(redaction, |redaction, (_, value)| redaction.and(value)),
        _ => redaction,
    }
}

struct Session {
    pipeline: Arc<Pipeline>,
    queue: mpsc::Receiver<Event>,
    redaction: Redaction,
    peer: String,
    stall_after: Duration,
    /// A file: begins anew at its end.
    looped: bool,
    publisher: Publisher,
    facts: Facts,
    tracks: Tracks,
    /// Sound is wanted.
    audio: bool,
    offer: Offer,
    /// `None` once units are published.
    opening: Option<Opening>,
    timeline: Timeline,
    connected: bool,
}

impl Session {
    async fn run(mut self) -> SourceError {
        loop {
            let patience = if self.connected { self.stall_after } else { FIRST_UNIT };
            let opening = self
                .opening
                .as_ref()
                .and_then(|opening| opening.patience(monotonic_micros()));
            let opening = opening.map(|micros| Duration::from_micros(micros.unsigned_abs()));
            let wait = opening.map_or(patience, |opening| opening.min(patience));
            let mut next = match tokio::time::timeout(wait, self.queue.recv()).await {
                Ok(Some(event)) => Some(event),
                Ok(None) => return self.ended("the pipeline ended"),
                Err(_) if opening.is_some() => None,
                Err(_) => return self.silent(patience),
            };
            while let Some(event) = next {
                if let Some(error) = self.take(event) {
                    return error;
                }
                next = self.queue.try_recv().ok();
            }
            self.open();
            self.publisher.flush();
        }
    }

    fn take(&mut self, event: Event) -> Option<SourceError> {
        match event {
            Event::Sample(waiting) => {
                self.connected();
                match &mut self.opening {
                    Some(opening) => {
                        if let Some(caps) = waiting.sample.caps() {
                            self.tracks.see(waiting.track, caps);
                        }
                        opening.hold(waiting);
                        self.open();
                    }
                    None => self.sample(&waiting),
                }
            }
            Event::Oddity(what) => (self.facts)(SourceFact::Oddity {
                what: self.redaction.apply(&what),
            }),
            Event::Rejected(error) => return Some(error),
            Event::Connected => self.connected(),
            Event::Settled if self.looped => self.begin_loop(),
            Event::Settled => {}
            Event::SegmentDone => self.seek(gst::SeekFlags::SEGMENT),
            // Not every container can be played in segments: then with a jump.
            Event::EndOfStream if self.looped => self.seek(gst::SeekFlags::FLUSH | gst::SeekFlags::SEGMENT),
            Event::EndOfStream => return Some(self.ended("the peer ended the stream")),
            Event::Failed(error, debug) => {
                return Some(failure(&error, debug.as_deref(), &self.redaction));
            }
        }
        None
    }

    /// Asks for a segment instead of the whole, so that its end does not end the pipeline.
    fn begin_loop(&mut self) {
        if self.pipeline.get().current_state() != gst::State::Playing {
            if !self.connected {
                self.connected();
                self.seek(gst::SeekFlags::FLUSH | gst::SeekFlags::SEGMENT);
                return;
            }
            let _ = self.pipeline.get().set_state(gst::State::Playing);
        }
    }

    fn seek(&mut self, flags: gst::SeekFlags) {
        // A file that cannot seek ends with its end: the caller begins anew.
        if self.pipeline.get().seek_simple(flags, gst::ClockTime::ZERO).is_err() {
            let _ = self.pipeline.get().set_state(gst::State::Playing);
        }
    }

    fn connected(&mut self) {
        if !self.connected {
            self.connected = true;
            (self.facts)(SourceFact::Connected {
                peer: self.redaction.apply(&self.peer),
            });
        }
    }

    /// Publishes what waited, once all formats are known or waited for long enough.
    fn open(&mut self) {
        let Some(opening) = &self.opening else { return };
        let format = self.tracks.format();
        let sound = || format.audio.is_some() || !self.audio || !self.offer.may_bring(Track::Audio);
        let whole = format.video.is_some() && sound();
        let patience = opening.patience(monotonic_micros());
        if patience.is_none_or(|micros| micros > 0 && !whole) {
            return;
        }
        if **format != StreamFormat::default() {
            (self.facts)(SourceFact::Format(format.clone()));
        }
        for waiting in self.opening.take().map(Opening::release).unwrap_or_default() {
            self.sample(&waiting);
        }
    }

    fn sample(&mut self, waiting: &Waiting) {
        let Waiting {
            track,
            sample,
            arrival: monotonic,
        } = waiting;
        let (track, monotonic) = (*track, *monotonic);
        let (Some(caps), Some(buffer)) = (sample.caps(), sample.buffer()) else {
            return;
        };
        if self.tracks.see(track, caps) {
            (self.facts)(SourceFact::Format(self.tracks.format().clone()));
        }
        let Some(data) = self.tracks.data(track, buffer) else {
            return;
        };
        // The arrival lies the queue's delay before the moment at which the clocks are read.
        let (now, utc) = read_together(monotonic_micros, || Utc::now().as_micros());
        let arrival = Arrival {
            monotonic,
            utc: utc + monotonic - now,
        };
        let running = |time: Option<gst::ClockTime>| -> Option<i64> {
            let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
            let running = segment.to_running_time_full(time?)?;
            Some(match running {
                gst::Signed::Positive(t) => i64::try_from(t.nseconds()).ok()?,
                gst::Signed::Negative(t) => -i64::try_from(t.nseconds()).ok()?,
            })
        };
        let (pts, dts) = (running(buffer.pts()), running(buffer.dts()));
        let (times, rap) = match track {
            Track::Video => {
                let Some(video) = &self.tracks.format().video else {
                    return;
                };
                let rap = video.codec == VideoCodec::Mjpeg || !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
                (self.timeline.video(pts, dts, arrival), rap)
            }
            Track::Audio => {
                let Some(audio) = &self.tracks.format().audio else {
                    return;
                };
                let rate = audio.sample_rate;
                let samples = match audio.codec {
                    AudioCodec::Pcmu | AudioCodec::Pcma => (data.len() / usize::from(audio.channels.max(1))) as u64,
                    _ => buffer
                        .duration()
                        .map_or(0, |d| (d.nseconds() * u64::from(rate) + 500_000_000) / 1_000_000_000),
                };
                match self.timeline.audio(pts, samples, rate, arrival) {
                    Some(times) => (times, true),
                    None => return,
                }
            }
        };
        if let Some(seconds) = times.jump {
            (self.facts)(SourceFact::TimestampJump { seconds });
        }
        self.publisher.publish(AccessUnit {
            track,
            data,
            dts: times.dts,
            pts: times.pts,
            utc: times.utc,
            rap,
            epoch: times.epoch,
            format: self.tracks.format().clone(),
            seq: 0,
        });
    }

    fn ended(&self, text: &str) -> SourceError {
        SourceError {
            kind: ErrorKind::Unavailable,
            cause: GapCause::CameraOffline,
            text: text.into(),
        }
    }

    fn silent(&self, patience: Duration) -> SourceError {
        let (cause, what) = match self.connected {
            true => (GapCause::Stalled, "sent no unit"),
            false => (GapCause::CameraOffline, "sent nothing after connecting"),
        };
        let text = format!(
            "{} {what} for {} s",
            self.redaction.apply(&self.peer),
            patience.as_secs()
        );
        SourceError {
            kind: ErrorKind::Timeout,
            cause,
            text,
        }
    }
}
