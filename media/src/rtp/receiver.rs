//! All tracks of one session: one format, one epoch, one wall clock, one publisher.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use vigie_config::Utc;

use crate::{
    AccessUnit, StreamFormat, Track,
    codec::{FormatChange, Timing},
    hub::Publisher,
    source::{Facts, SourceFact, next_epoch},
};

use super::{
    clock::{HostClock, read_together},
    rtcp,
    track::TrackReceiver,
};

/// An oddity of one kind is told once in this time.
const ODDITY_EVERY: Duration = Duration::from_secs(60);
/// Losses are summed up for this time.
const LOSS_EVERY: Duration = Duration::from_secs(10);
/// The wall clock is compared with the monotonic one this often (µs).
const HOST_CHECK: i64 = 1_000_000;
/// Turns a session's packets into published units.
///
/// Call [`StreamReceiver::begin_batch`] once per read of a socket, then the packets, then
/// [`StreamReceiver::end_batch`].
pub struct StreamReceiver {
    tracks: Vec<TrackReceiver>,
    out: Output,
    own_ssrc: u32,
}

/// What the tracks share.
pub(super) struct Output {
    publisher: Publisher,
    facts: Facts,
    format: Arc<StreamFormat>,
    /// The format has been told.
    told: bool,
    epoch: u32,
    /// What the camera's clock says has been told.
    clock_told: bool,
    /// Instant (µs) of the first video RAP: what was before it cannot be decoded.
    opened: Option<i64>,
    origin: Instant,
    now: Instant,
    arrival: i64,
    host: HostClock,
    host_checked: i64,
    /// Instant (µs) of the latest unit.
    latest: i64,
    units: u64,
    published_in_batch: bool,
    oddities: HashMap<&'static str, (Instant, u64)>,
    losses: [(u64, Option<Instant>); 2],
}

impl StreamReceiver {
    /// `ssrc` is our own, for reports.
    pub fn new(tracks: Vec<TrackReceiver>, publisher: Publisher, facts: Facts, ssrc: u32) -> Self {
        let origin = Instant::now();
        let (monotonic, utc) = host_clocks(origin);
        let mut out = Output {
            publisher,
            facts,
            format: Arc::default(),
            told: false,
            clock_told: false,
            epoch: next_epoch(),
            opened: None,
            origin,
            now: origin,
            arrival: 0,
            host: HostClock::new(monotonic, utc),
            host_checked: 0,
            latest: i64::MIN,
            units: 0,
            published_in_batch: false,
            oddities: HashMap::new(),
            losses: [(0, None); 2],
        };
        for track in &tracks {
            out.set_format(track.format());
        }
        Self {
            tracks,
            out,
            own_ssrc: ssrc,
        }
    }

    /// Units published so far.
    pub fn units(&self) -> u64 {
        self.out.units
    }

    pub fn facts(&self) -> &Facts {
        &self.out.facts
    }

    pub fn has_live_viewers(&self) -> bool {
        self.out.publisher.has_live_viewers()
    }

    /// Says something tolerated, once a minute for each `kind`.
    pub fn oddity(&mut self, kind: &'static str, what: impl FnOnce() -> String) {
        self.out.oddity(kind, what);
    }

    /// What follows arrived at `now`.
    pub fn begin_batch(&mut self, now: Instant) {
        let out = &mut self.out;
        out.now = now;
        out.arrival = micros(now.saturating_duration_since(out.origin));
        if out.arrival - out.host_checked >= HOST_CHECK {
            out.host_checked = out.arrival;
            let (monotonic, utc) = host_clocks(out.origin);
            if let Some(moved) = out.host.check(monotonic, utc) {
                out.oddity("host clock", || {
                    format!("the host's clock was set by {:.3} s", moved as f64 / 1e6)
                });
                out.new_epoch();
            }
        }
        for track in &mut self.tracks {
            track.expire(&mut self.out);
        }
    }

    /// One data packet of the track at `index` in the list given at the start.
    pub fn rtp(&mut self, index: usize, packet: &[u8]) {
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        track.packet(packet, &mut self.out);
    }

    /// One compound control packet of that track.
    ///
    /// A goodbye ends nothing: it may be of a sender that a new SSRC has replaced already, and a
    /// stream that is over ends its connection or stalls.
    pub fn rtcp(&mut self, index: usize, packet: &[u8]) {
        for report in rtcp::sender_reports(packet) {
            self.out.camera_clock(&report);
            if let Some(track) = self.tracks.get_mut(index) {
                track.sender_report(report, self.out.now);
                self.align();
            }
        }
    }

    /// Ends a batch: wakes viewers, sums up losses.
    pub fn end_batch(&mut self) {
        if std::mem::take(&mut self.out.published_in_batch) {
            self.out.publisher.flush();
        }
        self.out.tell_losses(false);
    }

    /// When a batch without packets is due, to give up waiting for a late one.
    pub fn deadline(&self) -> Option<Instant> {
        self.tracks.iter().filter_map(|track| track.deadline(&self.out)).min()
    }

    /// The control packet to send for the track at `index`.
    pub fn report(&mut self, index: usize, now: Instant) -> Option<Vec<u8>> {
        let block = self.tracks.get_mut(index)?.report_block(now)?;
        Some(rtcp::receiver_report(self.own_ssrc, &block))
    }

    /// With a report from both senders, audio follows the video's clock: both reports tell the
    /// same camera clock.
    fn align(&mut self) {
        let video = self
            .tracks
            .iter()
            .find(|t| t.track() == Track::Video)
            .and_then(TrackReceiver::report_instant);
        let Some((video_ntp, video_instant)) = video else {
            return;
        };
        let mut strange = false;
        for audio in self.tracks.iter_mut().filter(|t| t.track() == Track::Audio) {
            let Some((audio_ntp, _)) = audio.report_instant() else {
                continue;
            };
            let apart = ((i128::from(audio_ntp) - i128::from(video_ntp)) * 1_000_000) >> 32;
            let instant = video_instant.saturating_add(i64::try_from(apart).unwrap_or(i64::MAX));
            strange |= !audio.follow(instant);
        }
        if strange {
            self.out.oddity("sender report", || {
                "sender reports of video and audio disagree with their arrival by more than 1 s, so they are not used".into()
            });
        }
    }
}

impl Drop for StreamReceiver {
    fn drop(&mut self) {
        for track in &mut self.tracks {
            track.end(&mut self.out);
        }
        self.out.tell_losses(true);
        self.out.publisher.flush();
    }
}

impl Output {
    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// Microseconds from the session's start to the batch's arrival.
    pub(super) fn arrival(&self) -> i64 {
        self.arrival
    }

    /// When `arrival` (µs) is.
    pub(super) fn moment(&self, arrival: i64) -> Instant {
        self.origin + Duration::from_micros(u64::try_from(arrival).unwrap_or(0))
    }

    pub(super) fn is_open(&self) -> bool {
        self.opened.is_some()
    }

    /// `instant`, but after every unit so far.
    pub(super) fn not_before(&self, instant: i64) -> i64 {
        instant.max(self.latest.saturating_add(1))
    }

    pub(super) fn audio_rate(&self) -> Option<u32> {
        self.format.audio.as_ref().map(|audio| audio.sample_rate)
    }

    pub(super) fn lost(&mut self, track: Track, packets: u32) {
        self.publisher.packets_lost(u64::from(packets));
        let (count, since) = &mut self.losses[track as usize];
        *count += u64::from(packets);
        since.get_or_insert(self.now);
    }

    fn tell_losses(&mut self, all: bool) {
        for track in [Track::Video, Track::Audio] {
            let (packets, since) = &mut self.losses[track as usize];
            let Some(began) = *since else { continue };
            if all || self.now.saturating_duration_since(began) >= LOSS_EVERY {
                let packets = std::mem::take(packets);
                *since = None;
                (self.facts)(SourceFact::PacketsLost { track, packets });
            }
        }
    }

    pub(super) fn oddity(&mut self, kind: &'static str, what: impl FnOnce() -> String) {
        if let Some((told, kept)) = self.oddities.get_mut(kind)
            && self.now.saturating_duration_since(*told) < ODDITY_EVERY
        {
            *kept += 1;
            return;
        }
        let kept = self.oddities.insert(kind, (self.now, 0)).map_or(0, |(_, kept)| kept);
        let what = if kept == 0 {
            what()
        } else {
            format!("{} (and {kept} more before)", what())
        };
        (self.facts)(SourceFact::Oddity { what });
    }

    fn camera_clock(&mut self, report: &rtcp::SenderReport) {
        let Some(clock) = report.wall_clock().filter(|_| !self.clock_told) else {
            return;
        };
        self.clock_told = true;
        let ahead_us = clock.as_micros() - self.host.utc(self.arrival);
        (self.facts)(SourceFact::CameraClock { ahead_us });
    }

    pub(super) fn sender_changed(&mut self, track: Track) {
        (self.facts)(SourceFact::SsrcChanged { track });
    }

    pub(super) fn jumped(&mut self, seconds: f64) {
        (self.facts)(SourceFact::TimestampJump { seconds });
    }

    pub(super) fn new_epoch(&mut self) {
        self.epoch = next_epoch();
    }

    pub(super) fn set_format(&mut self, change: Option<FormatChange>) {
        let Some(change) = change else { return };
        let mut format = StreamFormat::clone(&self.format);
        match change {
            FormatChange::Video(video) => format.video = Some(video),
            FormatChange::Audio(audio) => format.audio = Some(audio),
        }
        if format != *self.format {
            self.format = Arc::new(format);
            self.told = false;
        }
    }

    /// `instant` is that of `timing.dts` in microseconds since the session's start.
    pub(super) fn publish(&mut self, track: Track, data: Bytes, rap: bool, timing: Timing, instant: i64) {
        if rap && track == Track::Video && self.format.video.is_some() {
            self.opened.get_or_insert(instant);
        }
        if self.opened.is_none_or(|opened| instant < opened) {
            return;
        }
        if !std::mem::replace(&mut self.told, true) {
            (self.facts)(SourceFact::Format(self.format.clone()));
        }
        self.latest = self.latest.max(instant);
        self.units += 1;
        self.published_in_batch = true;
        self.publisher.publish(AccessUnit {
            track,
            data,
            dts: timing.dts,
            pts: timing.pts,
            utc: Utc::from_micros(self.host.utc(instant)),
            rap,
            epoch: self.epoch,
            format: self.format.clone(),
            seq: 0,
        });
    }
}

/// The host's clocks (µs) now, the monotonic one since `origin`.
fn host_clocks(origin: Instant) -> (i64, i64) {
    read_together(|| micros(origin.elapsed()), || Utc::now().as_micros())
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
