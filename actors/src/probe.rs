//! A camera's address tried before it is saved: connected to as recording would, looked at for a few
//! seconds, and let go.
//!
//! Belongs here: one attempt and what it found. Does not belong here: sources (`vigie-media`), and which
//! addresses may be tried (`vigie-web`).

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
};
use vigie_config::{CameraId, ErrorKind, Kind, Stream, StreamId, StreamName};
use vigie_media::{
    AccessUnit, Track,
    decode::snapshot_jpeg,
    format::{AudioCodec, StreamFormat, VideoCodec},
    hub::{Hub, Item, Policy, Subscriber, Wake},
    source::{Source, SourceError, SourceFact},
};

use crate::recorder::Recorder;

/// At once; each takes a connection and a decoder.
const AT_ONCE: usize = 4;
/// Until the first picture can be decoded, from the beginning.
const FIRST_PICTURE: Duration = Duration::from_secs(8);
/// What is measured after it.
const MEASURED: Duration = Duration::from_millis(2500);
/// For its first sender report: within half of five seconds and somewhat more (RFC 3550 §6.2, §6.3).
const CLOCK_AFTER: Duration = Duration::from_millis(1200);
const DECODED_WITHIN: Duration = Duration::from_secs(3);
const GOP_BYTES: usize = 8 << 20;
const RING: usize = 1024;
/// Of the picture that is shown.
const WIDTH: u32 = 960;

/// Attempts that go on.
pub struct Probes(Semaphore);

impl Default for Probes {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

/// What a camera sends.
#[derive(Debug, Clone)]
pub struct Seen {
    /// From the beginning of the attempt.
    pub first_picture: Duration,
    pub format: Arc<StreamFormat>,
    /// Measured; `None`: the stream's own word, if it has any, as too little came.
    pub fps: Option<f64>,
    pub bitrate_bps: u64,
    /// How far its wall clock is ahead of ours, in microseconds; `None`: it did not say.
    pub clock_ahead_us: Option<i64>,
    /// `None`: it could not be decoded here.
    pub picture: Option<Bytes>,
}

/// Why there is nothing to show; never with a credential.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{text}")]
pub struct ProbeError {
    pub kind: ErrorKind,
    text: String,
}

impl From<SourceError> for ProbeError {
    fn from(error: SourceError) -> Self {
        Self {
            kind: error.kind(),
            text: error.text,
        }
    }
}

impl Seen {
    /// In what browsers play without transcoding: they all know H.264, and any shows JPEG.
    pub fn plays_in_browsers(&self) -> bool {
        let video = self.format.video.as_ref().map(|video| video.codec);
        matches!(video, Some(VideoCodec::H264 | VideoCodec::Mjpeg))
    }

    pub fn audio_codec(&self) -> Option<AudioCodec> {
        self.format.audio.as_ref().map(|audio| audio.codec)
    }
}

impl Recorder {
    /// Connects to `stream` and says what comes. `None`: too many try already.
    pub async fn probe(&self, stream: &Stream) -> Option<Result<Seen, ProbeError>> {
        let _turn = self.probes.0.try_acquire().ok()?;
        let id = CameraId::new("probe").map(|camera| StreamId::new(camera, StreamName::Main));
        let id = id.ok()?;
        let begun = Instant::now();
        let source = match Source::new(&id, stream) {
            Ok(source) => source,
            Err(error) => return Some(Err(error.into())),
        };
        let hub = Hub::new(id.clone(), GOP_BYTES);
        let subscriber = hub.subscribe(Policy::SkipToRap, Wake::EachBatch, RING);
        let (tell, clock) = watch::channel(None);
        let facts = move |fact| {
            if let SourceFact::CameraClock { ahead_us } = fact {
                tell.send_replace(Some(ahead_us));
            }
        };
        let source = source.run(hub.publisher(), Arc::new(facts));
        let running = Running(self.deps.ingest.spawn(&id, source));
        Some(look(subscriber, clock, running, begun).await)
    }
}

/// Ends the source when dropped.
struct Running(JoinHandle<SourceError>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn look(
    mut units: Subscriber,
    mut clock: watch::Receiver<Option<i64>>,
    mut running: Running,
    begun: Instant,
) -> Result<Seen, ProbeError> {
    let first = tokio::select! {
        first = first_video(&mut units) => first,
        ended = &mut running.0 => return Err(reason(ended)),
        () = tokio::time::sleep(FIRST_PICTURE) => {
            return Err(ProbeError {
                kind: ErrorKind::Timeout,
                text: format!("no picture that can be decoded came within {FIRST_PICTURE:?}"),
            });
        }
    };
    let first_picture = begun.elapsed();
    let measured = Instant::now();
    let mut tally = Tally::new(first);
    let end = tokio::time::sleep(MEASURED);
    tokio::pin!(end);
    loop {
        tokio::select! {
            item = units.next() => match item {
                Some(Item::Unit(unit)) => tally.add(unit),
                Some(Item::Lost { .. }) => {}
                None => break,
            },
            // What came before the end counts.
            _ = &mut running.0 => break,
            () = &mut end => break,
        }
    }
    let took = measured.elapsed();
    // Nobody tells a clock whose source has ended.
    let told = tokio::time::timeout(CLOCK_AFTER, clock.wait_for(Option::is_some)).await;
    let clock_ahead_us = told.ok().and_then(Result::ok).and_then(|told| *told);
    drop(running);
    let format = tally.format.clone();
    let picture = match &format.video {
        Some(video) => {
            let decoded = snapshot_jpeg(tally.gop.into(), video, Some(WIDTH));
            tokio::time::timeout(DECODED_WITHIN, decoded).await.ok()
        }
        None => None,
    };
    let stated = format.video.as_ref().and_then(|video| video.fps);
    Ok(Seen {
        first_picture,
        fps: tally.pace.fps().or(stated),
        clock_ahead_us,
        bitrate_bps: (tally.bytes as f64 * 8.0 / took.as_secs_f64().max(0.001)) as u64,
        picture: picture.and_then(Result::ok),
        format,
    })
}

async fn first_video(units: &mut Subscriber) -> Arc<AccessUnit> {
    loop {
        match units.next().await {
            Some(Item::Unit(unit)) if unit.track == Track::Video => return unit,
            Some(_) => {}
            // Nobody closes it.
            None => std::future::pending().await,
        }
    }
}

fn reason(ended: Result<SourceError, tokio::task::JoinError>) -> ProbeError {
    match ended {
        Ok(error) => error.into(),
        Err(_) => ProbeError {
            kind: ErrorKind::Bug,
            text: "the attempt panicked; see the log, and please report it".into(),
        },
    }
}

/// What came since the first unit.
struct Tally {
    format: Arc<StreamFormat>,
    /// Video from the newest random access point on.
    gop: VecDeque<Arc<AccessUnit>>,
    bytes: usize,
    pace: Pace,
}

impl Tally {
    fn new(first: Arc<AccessUnit>) -> Self {
        let mut tally = Self {
            format: first.format.clone(),
            gop: VecDeque::new(),
            bytes: 0,
            pace: Pace::default(),
        };
        tally.add(first);
        // What a connection brings at once is not its rate.
        tally.bytes = 0;
        tally
    }

    fn add(&mut self, unit: Arc<AccessUnit>) {
        self.bytes += unit.data.len();
        self.format = unit.format.clone();
        if unit.track != Track::Video {
            return;
        }
        self.pace.add(unit.epoch, unit.dts);
        // One decoded picture is enough: the newest random access point alone.
        if unit.rap {
            self.gop.clear();
            self.gop.push_back(unit);
        }
    }
}

/// Pictures a second, by their own times. Pure.
#[derive(Debug, Default)]
struct Pace {
    epoch: u32,
    first: Option<i64>,
    last: i64,
    count: u32,
}

impl Pace {
    fn add(&mut self, epoch: u32, dts: i64) {
        if self.first.is_none() || epoch != self.epoch {
            *self = Pace {
                epoch,
                first: Some(dts),
                last: dts,
                count: 0,
            };
            return;
        }
        self.last = dts;
        self.count += 1;
    }

    /// `None`: too few to say.
    fn fps(&self) -> Option<f64> {
        let ticks = self.last.checked_sub(self.first?)?;
        let seconds = ticks as f64 / f64::from(vigie_media::format::VIDEO_TIMESCALE);
        (self.count >= 5 && seconds > 0.0).then(|| (f64::from(self.count) / seconds * 100.0).round() / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_the_pictures_times() {
        let mut pace = Pace::default();
        assert_eq!(pace.fps(), None);
        for n in 0..26 {
            pace.add(1, n * 3600);
        }
        assert_eq!(pace.fps(), Some(25.0));
        // A jump of the camera's clock begins anew.
        pace.add(2, 0);
        assert_eq!(pace.fps(), None);
    }
}
