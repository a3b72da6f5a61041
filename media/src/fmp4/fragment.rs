//! Fragments: `moof` and `mdat` over units that are listed, never copied.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use vigie_config::Utc;

use super::{
    AUDIO_TRACK, VIDEO_TRACK,
    boxes::Boxes,
    timeline::{Timeline, scale},
};
use crate::{AccessUnit, Track, format::VIDEO_TIMESCALE};

/// One `moof` and `mdat`, ready to be written: `header`, then every piece of `media`.
#[derive(Debug, Clone)]
pub struct Fragment {
    /// The whole `moof` box and the header of the `mdat` box.
    pub header: Bytes,
    /// The body of `mdat`: video samples, then audio samples.
    pub media: Vec<Bytes>,
    /// Decoding time of the first video unit (of the first audio unit when there is no video),
    /// and end of the last one: media time 0 plus `tfdt`, and plus all durations, in whole µs.
    pub start: Utc,
    pub end: Utc,
    /// Access units of both tracks.
    pub units: u32,
    pub video_units: u32,
    /// The first video unit is a RAP.
    pub rap: bool,
    /// Highest `seq` of the units inside, by track; 0: none of it.
    pub video_seq: u64,
    pub audio_seq: u64,
}

impl Fragment {
    /// Bytes in a file.
    pub fn len(&self) -> usize {
        self.header.len() + self.media.iter().map(Bytes::len).sum::<usize>()
    }
    pub fn is_empty(&self) -> bool {
        self.units == 0
    }
    /// All of it in one piece: for a WebSocket message. Copies.
    pub fn to_bytes(&self) -> Bytes {
        let mut all = BytesMut::with_capacity(self.len());
        all.extend_from_slice(&self.header);
        for piece in &self.media {
            all.extend_from_slice(piece);
        }
        all.freeze()
    }
}

/// What to do at a cut with the newest unit of each track, whose duration only the next unit
/// of that track tells.
#[derive(Debug, Clone, Copy)]
pub enum Last<'a> {
    /// It waits for the next fragment: every duration written is exact.
    Hold,
    /// It is written with the duration of the unit before it. What follows is still placed by
    /// its own decoding time, so an error does not add up.
    Assume,
    /// As `Assume`, but this is the video unit that follows, elsewhere: the end of the last
    /// video unit is its decoding time.
    Before(&'a AccessUnit),
}

/// Collects units of one time line and writes them as fragments.
pub struct FragmentBuilder {
    /// Wall clock of media time 0.
    start: Utc,
    audio_timescale: u32,
    sequence: u32,
    timeline: Timeline,
    video: Run,
    audio: Run,
}

/// The units of one track since the last cut.
#[derive(Default)]
struct Run {
    samples: Vec<Sample>,
    /// The newest of `samples` does not know its duration yet.
    held: bool,
    /// Where the newest unit lies, also after it was written.
    newest_at: Option<i64>,
    /// Of the unit before the newest; 0: not known yet.
    duration: u32,
    fallback_duration: u32,
    bytes: usize,
}

struct Sample {
    unit: Arc<AccessUnit>,
    at: i64,
    duration: u32,
}

/// A longer pause between two units is not taken for their usual distance.
const MAX_LEARNT_SECONDS: u32 = 10;

const SAMPLE_SYNC: u32 = 0x0200_0000;
const SAMPLE_NON_SYNC: u32 = 0x0101_0000;

impl FragmentBuilder {
    /// A time line that begins at this video unit, which is still to be pushed.
    pub fn new(first_video: &AccessUnit) -> FragmentBuilder {
        let rate = first_video
            .format
            .audio
            .as_ref()
            .map_or(VIDEO_TIMESCALE, |a| a.sample_rate.max(1));
        let aac = first_video
            .format
            .audio
            .as_ref()
            .is_some_and(|a| a.codec == crate::AudioCodec::Aac);
        FragmentBuilder {
            start: first_video.utc,
            audio_timescale: rate,
            sequence: 0,
            timeline: Timeline::new(first_video),
            video: Run {
                fallback_duration: VIDEO_TIMESCALE / 25,
                ..Run::default()
            },
            audio: Run {
                fallback_duration: if aac { 1024 } else { rate / 50 },
                ..Run::default()
            },
        }
    }

    /// Wall clock of media time 0: decoding time of the first video unit.
    pub fn start(&self) -> Utc {
        self.start
    }

    /// Units waiting to be written.
    pub fn is_empty(&self) -> bool {
        self.video.samples.is_empty() && self.audio.samples.is_empty()
    }

    /// Media bytes waiting to be written.
    pub fn bytes(&self) -> usize {
        self.video.bytes + self.audio.bytes
    }

    /// Media time waiting to be written, in µs, as far as durations are known.
    pub fn span_micros(&self) -> i64 {
        let of = |run: &Run, timescale| match (run.samples.first(), run.newest_at) {
            (Some(first), Some(newest)) => scale(newest - first.at, timescale, 1_000_000),
            _ => 0,
        };
        of(&self.video, VIDEO_TIMESCALE).max(of(&self.audio, self.audio_timescale))
    }

    /// Adds a unit. Units of one track come in decoding order, and their format is that of the
    /// first one.
    pub fn push(&mut self, unit: Arc<AccessUnit>) {
        let (run, timescale) = match unit.track {
            Track::Video => (&mut self.video, VIDEO_TIMESCALE),
            Track::Audio => (&mut self.audio, self.audio_timescale),
        };
        let end = run.newest_at.map_or(0, |at| at + i64::from(run.known_duration()));
        let (at, anew) = self.timeline.place(&unit, end);
        // Decoding times grow; a unit that goes back takes the next tick.
        let at = run.newest_at.map_or(at.max(0), |newest| at.max(newest + 1));
        run.push(unit, at, anew, timescale);
    }

    /// Writes what was pushed since the last cut; `None` when that is nothing.
    pub fn cut(&mut self, last: Last<'_>) -> Option<Fragment> {
        let hold = matches!(last, Last::Hold);
        if let Last::Before(next) = last {
            self.video.end_at(self.timeline.place_after(next));
        }
        let video = self.video.take(hold);
        let audio = self.audio.take(hold);
        let fragment = if video.is_empty() && audio.is_empty() {
            None
        } else {
            self.sequence = self.sequence.wrapping_add(1);
            Some(self.write(&video, &audio))
        };
        self.video.give_back(video);
        self.audio.give_back(audio);
        fragment
    }

    fn write(&self, video: &[Sample], audio: &[Sample]) -> Fragment {
        let tracks = [(VIDEO_TRACK, video), (AUDIO_TRACK, audio)];
        let count = video.len() + audio.len();
        let mut media = Vec::with_capacity(count);
        let mut b = Boxes::with_capacity(8 + 16 + 2 * (8 + 16 + 20 + 20) + 16 * count + 8);
        let mut offsets = [None; 2];
        b.plain(b"moof", |b| {
            b.full(b"mfhd", 0, 0, |b| b.u32(self.sequence));
            for ((track, samples), offset) in tracks.into_iter().zip(&mut offsets) {
                if let Some(first) = samples.first() {
                    *offset = Some(traf(b, track, first.at, samples));
                }
            }
        });
        let mut at = b.len() + 8;
        for ((_, samples), offset) in tracks.into_iter().zip(offsets) {
            if let Some(offset) = offset {
                b.patch(offset, at as u32);
            }
            for sample in samples {
                at += sample.unit.data.len();
                media.push(sample.unit.data.clone());
            }
        }
        let body: usize = media.iter().map(Bytes::len).sum();
        b.u32((body + 8) as u32);
        b.bytes(b"mdat");
        let (timed, timescale) = if video.is_empty() {
            (audio, self.audio_timescale)
        } else {
            (video, VIDEO_TIMESCALE)
        };
        let start_at = timed.first().map_or(0, |s| s.at);
        let end_at = timed.iter().fold(start_at, |end, s| end + i64::from(s.duration));
        Fragment {
            header: b.0.into(),
            media,
            start: self.start.plus_micros(scale(start_at, timescale, 1_000_000)),
            end: self.start.plus_micros(scale(end_at, timescale, 1_000_000)),
            units: count as u32,
            video_units: video.len() as u32,
            rap: video.first().is_some_and(|s| s.unit.rap),
            video_seq: last_seq(video),
            audio_seq: last_seq(audio),
        }
    }
}

fn last_seq(samples: &[Sample]) -> u64 {
    samples.iter().map(|s| s.unit.seq).max().unwrap_or(0)
}

/// One track's samples; returns where its `data_offset` is to be filled in.
fn traf(b: &mut Boxes, track: u32, at: i64, samples: &[Sample]) -> usize {
    let reordered = samples.iter().any(|s| s.unit.pts != s.unit.dts);
    let mut offset = 0;
    b.plain(b"traf", |b| {
        b.full(b"tfhd", 0, 0x02_0000, |b| b.u32(track)); // default-base-is-moof
        b.full(b"tfdt", 1, 0, |b| b.u64(at as u64));
        // data offset, and of each sample: duration, size, flags, composition offset if any
        let flags = 0x01 | 0x100 | 0x200 | 0x400 | if reordered { 0x800 } else { 0 };
        b.full(b"trun", 1, flags, |b| {
            b.u32(samples.len() as u32);
            offset = b.len();
            b.u32(0);
            for Sample { unit, duration, .. } in samples {
                b.u32(*duration);
                b.u32(unit.data.len() as u32);
                b.u32(if unit.rap { SAMPLE_SYNC } else { SAMPLE_NON_SYNC });
                if reordered {
                    let shift = unit.pts.saturating_sub(unit.dts);
                    b.u32(i32::try_from(shift).unwrap_or(0) as u32);
                }
            }
        });
    });
    offset
}

impl Run {
    fn known_duration(&self) -> u32 {
        if self.duration > 0 {
            self.duration
        } else {
            self.fallback_duration
        }
    }

    fn push(&mut self, unit: Arc<AccessUnit>, at: i64, anew: bool, timescale: u32) {
        if let Some(newest) = self.newest_at {
            let distance = u32::try_from(at - newest).unwrap_or(u32::MAX);
            if !anew && distance <= MAX_LEARNT_SECONDS * timescale {
                self.duration = distance;
            }
            if self.held
                && let Some(sample) = self.samples.last_mut()
            {
                sample.duration = distance;
            }
        }
        self.bytes += unit.data.len();
        self.samples.push(Sample { unit, at, duration: 0 });
        self.held = true;
        self.newest_at = Some(at);
    }

    /// The unit after the newest lies at `at`.
    fn end_at(&mut self, at: Option<i64>) {
        if let (Some(at), Some(newest)) = (at, self.newest_at)
            && let Ok(distance) = u32::try_from(at - newest)
            && (1..=MAX_LEARNT_SECONDS * VIDEO_TIMESCALE).contains(&distance)
        {
            self.duration = distance;
        }
    }

    /// The samples to write now; the held one stays when `hold`.
    fn take(&mut self, hold: bool) -> Vec<Sample> {
        let mut samples = std::mem::take(&mut self.samples);
        self.bytes = 0;
        if !self.held {
            return samples;
        }
        if hold {
            if let Some(newest) = samples.pop() {
                self.bytes = newest.unit.data.len();
                self.samples.push(newest);
            }
        } else {
            let duration = self.known_duration();
            if let Some(newest) = samples.last_mut() {
                newest.duration = duration;
            }
            self.held = false;
        }
        samples
    }

    /// Keeps the allocation of a written list for the next fragment.
    fn give_back(&mut self, mut written: Vec<Sample>) {
        written.clear();
        written.append(&mut self.samples);
        self.samples = written;
    }
}
