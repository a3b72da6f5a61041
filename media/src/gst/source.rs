//! The source itself: one connection, until it ends.

use std::{sync::Arc, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use gstreamer::{self as gst, prelude::*};
use tokio::sync::mpsc;
use vigie_config::{ErrorKind, GapCause, Kind, SourceUrl, Stream, StreamId, Utc};

use super::{
    branch::Branches,
    caps,
    fault::{Redaction, failure},
    head, init,
    pipeline::{Event, Pipeline},
    timeline::{Arrival, Timeline},
    trust,
};
use crate::{
    access_unit::{AccessUnit, Track},
    format::{AudioCodec, StreamFormat, VideoCodec},
    hub::Publisher,
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
        let pipeline = Pipeline::new(gst::Pipeline::new(), events.clone());
        let paced = matches!(self.config.url, SourceUrl::File(_));
        let branches = Branches::new(pipeline.get(), events, self.config.audio, paced);
        let state = if paced { gst::State::Paused } else { gst::State::Playing };
        let started = tokio::task::spawn_blocking({
            let (pipeline, config) = (pipeline.get().clone(), self.config.clone());
            move || {
                head::build(&pipeline, &config, &branches)?;
                // Why it failed is an event.
                let _ = pipeline.set_state(state);
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

/// Formats of both tracks, and the caps that they were made of.
#[derive(Debug, Default)]
struct Tracks {
    video: Option<gst::Caps>,
    audio: Option<gst::Caps>,
    nal_length_size: usize,
    format: Arc<StreamFormat>,
}

struct Session {
    pipeline: Pipeline,
    queue: mpsc::Receiver<Event>,
    redaction: Redaction,
    peer: String,
    stall_after: Duration,
    /// A file: begins anew at its end.
    looped: bool,
    publisher: Publisher,
    facts: Facts,
    tracks: Tracks,
    timeline: Timeline,
    connected: bool,
}

impl Session {
    async fn run(mut self) -> SourceError {
        loop {
            let patience = if self.connected { self.stall_after } else { FIRST_UNIT };
            let event = match tokio::time::timeout(patience, self.queue.recv()).await {
                Ok(Some(event)) => event,
                Ok(None) => return self.ended("the pipeline ended"),
                Err(_) => return self.silent(patience),
            };
            let mut next = Some(event);
            while let Some(event) = next {
                if let Some(error) = self.take(event) {
                    return error;
                }
                next = self.queue.try_recv().ok();
            }
            self.publisher.flush();
        }
    }

    fn take(&mut self, event: Event) -> Option<SourceError> {
        match event {
            Event::Sample { track, sample, arrival } => self.sample(track, &sample, arrival),
            Event::Oddity(what) => (self.facts)(SourceFact::Oddity {
                what: self.redaction.apply(&what),
            }),
            Event::Refused(text) => {
                return Some(SourceError {
                    kind: ErrorKind::Refused,
                    cause: GapCause::Refused,
                    text,
                });
            }
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

    fn sample(&mut self, track: Track, sample: &gst::Sample, monotonic: i64) {
        self.connected();
        let (Some(caps), Some(buffer)) = (sample.caps(), sample.buffer()) else {
            return;
        };
        self.tracks_of(track, caps);
        let Some(data) = self.data(buffer) else { return };
        // Both clocks are read here, at one moment; the arrival lies the queue's delay before.
        let now = super::branch::monotonic_micros();
        let arrival = Arrival {
            monotonic,
            utc: Utc::now().plus_micros(monotonic - now).as_micros(),
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
                let Some(video) = &self.tracks.format.video else { return };
                let rap = video.codec == VideoCodec::Mjpeg || !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
                (self.timeline.video(pts, dts, arrival), rap)
            }
            Track::Audio => {
                let Some(audio) = &self.tracks.format.audio else { return };
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
            format: self.tracks.format.clone(),
            seq: 0,
        });
    }

    /// Looks at caps that are new.
    fn tracks_of(&mut self, track: Track, caps: &gst::CapsRef) {
        let seen = match track {
            Track::Video => &mut self.tracks.video,
            Track::Audio => &mut self.tracks.audio,
        };
        if seen
            .as_ref()
            .is_some_and(|seen| std::ptr::eq(&**seen, caps) || **seen == *caps)
        {
            return;
        }
        *seen = Some(caps.to_owned());
        let mut format = (*self.tracks.format).clone();
        match track {
            Track::Video => {
                format.video = caps::video_format(caps);
                self.tracks.nal_length_size = caps::nal_length_size(caps);
            }
            Track::Audio => format.audio = caps::audio_format(caps),
        }
        if format != *self.tracks.format {
            self.tracks.format = Arc::new(format);
            (self.facts)(SourceFact::Format(self.tracks.format.clone()));
        }
    }

    /// The unit's bytes, shared with the pipeline's buffer where its shape is ours.
    fn data(&self, buffer: &gst::BufferRef) -> Option<Bytes> {
        let map = buffer.to_owned().into_mapped_buffer_readable().ok()?;
        let size = self.tracks.nal_length_size;
        if matches!(size, 0 | 4) {
            return Some(Bytes::from_owner(map));
        }
        let mut out = BytesMut::with_capacity(map.len() + 64);
        let mut rest = map.as_slice();
        while let Some((length, tail)) = rest.split_at_checked(size) {
            let length = length.iter().fold(0usize, |n, byte| n << 8 | usize::from(*byte));
            let (unit, tail) = tail.split_at_checked(length)?;
            out.put_u32(u32::try_from(length).ok()?);
            out.put_slice(unit);
            rest = tail;
        }
        Some(out.freeze())
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
