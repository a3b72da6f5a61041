//! When which unit is due, and what stands in its headers.

use rand::{RngExt, rngs::StdRng};

use super::{Now, Session, Track, Way};
use crate::{
    camera::{Camera, Stream},
    identity::Identity,
    lies::Lies,
    packet::Header,
    sent::SentRange,
};

/// Nanoseconds between two RTCP sender reports.
const REPORT_NS: u64 = 5_000_000_000;

impl Session {
    /// Places every track at the camera's own present.
    pub(super) fn begin(&mut self, camera: &Camera, now: Now, rng: &mut StdRng) {
        let Some(stream) = self.playing_stream(camera) else {
            return;
        };
        self.range = None;
        let clip = &stream.video().clip;
        let gop = clip.gop_len() as u64;
        for track in &mut self.tracks {
            let interval = if track.audio {
                stream.audio_interval_ns
            } else {
                stream.interval_ns
            };
            track.next = now.ns.saturating_sub(stream.phase_ns).div_ceil(interval.max(1));
            track.clip = stream.current;
            track.report_at = now.ns;
            track.unit = 0;
            if track.audio {
                let len = stream.audio.as_ref().map_or(1, |(_, p)| p.len());
                track.unit = (track.next % len as u64) as usize;
            } else if camera.lies.start_mid_gop {
                track.unit = rng.random_range(1..gop.max(2)) as usize;
            } else if camera.spread_raps && !clip.has_b_frames() && gop > 1 {
                track.cut_at = Some(track.next + rng.random_range(1..gop));
            }
        }
    }

    /// New SSRC, sequence numbers and timestamps, as after an encoder's restart.
    pub fn new_ssrc(&mut self, rng: &mut StdRng) {
        for track in &mut self.tracks {
            track.ssrc = rng.random();
            track.sequence = rng.random();
            track.base = rng.random();
        }
    }

    /// Sends everything that is due.
    pub fn service(&mut self, camera: &mut Camera, now: Now, rng: &mut StdRng) {
        if !self.playing {
            return;
        }
        if camera.lies.silent_after_play {
            self.silent = true;
            self.range = None;
            return;
        }
        if self.silent {
            self.silent = false;
            self.begin(camera, now, rng);
        }
        let Some(stream) = self.stream.and_then(|i| camera.streams.get_mut(i)) else {
            return;
        };
        let mut tracks = std::mem::take(&mut self.tracks);
        for (place, track) in tracks.iter_mut().enumerate() {
            if now.ns >= track.report_at && !camera.lies.no_sender_reports {
                track.report_at = now.ns + REPORT_NS;
                self.report(stream, track, &camera.lies, now);
            }
            while due(stream, track) <= now.ns && !self.close {
                self.unit(place, stream, track, &camera.lies, now, rng);
            }
        }
        self.tracks = tracks;
        if let Some(rate) = camera.lies.trickle_bytes_per_s {
            let budget = u128::from(rate) * u128::from(now.ns - self.trickled_ns) / 1_000_000_000;
            self.trickled_ns = now.ns;
            self.flush(budget as usize);
        }
    }

    pub(super) fn unit(
        &mut self,
        place: usize,
        stream: &mut Stream,
        track: &mut Track,
        lies: &Lies,
        now: Now,
        rng: &mut StdRng,
    ) {
        let number = track.next;
        track.next += 1;
        if self.wants_write() && lies.trickle_bytes_per_s.is_none() {
            stream.log.stalls += 1;
        }
        if track.audio {
            let Some((clip, mut packets)) = stream.audio.take() else {
                return;
            };
            let time = number.wrapping_mul(u64::from(clip.unit_samples)) as i64
                + (stream.jump_s * f64::from(clip.sample_rate)) as i64;
            let time = track.base.wrapping_add(time as u32);
            let unit = track.unit % packets.len().max(1);
            track.unit = unit + 1;
            if let Some(packets) = packets.get_mut(unit) {
                let header = track.header(time, true);
                packets.patch(header);
                stream.log.audio_units += 1;
                self.send(place, track, stream, packets, lies, None, rng);
            }
            stream.audio = Some((clip, packets));
            return;
        }
        let prepared = stream.video().clone();
        let units = &prepared.clip.units;
        if track.clip != stream.current {
            track.clip = stream.current;
            track.unit = 0;
            self.range = None;
        } else if track.cut_at == Some(number) {
            track.cut_at = None;
            track.unit = (track.unit..units.len())
                .find(|u| units.get(*u).is_some_and(|u| u.rap))
                .unwrap_or(0);
            self.range = None;
        }
        let unit = track.unit % units.len();
        track.unit = unit + 1;
        match self.range.and_then(|r| stream.log.ranges.get_mut(r)) {
            Some(range) => range.last = number,
            None => {
                self.range = Some(stream.log.ranges.len());
                stream.log.ranges.push(SentRange {
                    session: self.number,
                    first: number,
                    last: number,
                    clip: stream.current,
                    first_unit: unit,
                });
            }
        }
        let reorder = units.get(unit).map_or(0, |u| u.reorder);
        let time = timestamp(stream, track, number, reorder, lies);
        prepared.with(unit, !lies.no_parameter_sets_in_band, |packets| {
            packets.patch(track.header(time, !lies.no_markers));
            packets.identify(Identity {
                source: stream.log.source,
                number,
                sent_us: now.us,
            });
            self.send(place, track, stream, packets, lies, Some(number), rng);
        });
    }
}

impl Track {
    pub(super) fn header(&self, timestamp: u32, marker: bool) -> Header {
        let channel = if let Way::Tcp(channel) = self.way { channel } else { 0 };
        Header {
            channel,
            sequence: self.sequence,
            timestamp,
            ssrc: self.ssrc,
            marker,
        }
    }
}

pub(super) fn due(stream: &Stream, track: &Track) -> u64 {
    let interval = if track.audio {
        stream.audio_interval_ns
    } else {
        stream.interval_ns
    };
    stream.phase_ns + track.next * interval
}

/// Nanoseconds and ticks of one unit.
pub(super) fn rate(stream: &Stream, track: &Track) -> (f64, f64) {
    match (&stream.audio, track.audio) {
        (Some((clip, _)), true) => (stream.audio_interval_ns as f64, f64::from(clip.unit_samples)),
        _ => (stream.interval_ns as f64, f64::from(stream.video().clip.frame_ticks)),
    }
}

pub(super) fn drift(lies: &Lies) -> f64 {
    1.0 + lies.drift_ppm / 1e6
}

pub(super) fn jump(stream: &Stream, track: &Track) -> i64 {
    let hertz = match (&stream.audio, track.audio) {
        (Some((clip, _)), true) => clip.sample_rate,
        _ => 90_000,
    };
    (stream.jump_s * f64::from(hertz)) as i64
}

pub(super) fn timestamp(stream: &Stream, track: &Track, number: u64, reorder: u32, lies: &Lies) -> u32 {
    let (_, ticks) = rate(stream, track);
    let time = ((number + u64::from(reorder)) as f64 * ticks * drift(lies)) as i64 + jump(stream, track);
    track.base.wrapping_add(time as u32)
}
