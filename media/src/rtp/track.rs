//! One track of a session: its packets in, its access units out.

use std::time::Instant;

use crate::{
    Track,
    codec::{Depacketizer, DtsEstimator, FormatChange, RtpPayload, SdpTrack},
    format::VIDEO_TIMESCALE,
};

use super::{
    begin::{Begin, Held},
    clock::ClockMap,
    packet::RtpPacket,
    receiver::Output,
    rtcp::{ReportBlock, SenderReport},
    sequencer::{Delivery, Patience, Restart, Sequencer},
    timestamp::Timestamps,
};

/// A step of the timestamps that differs from the step of the arrivals by more (µs) is a jump.
const JUMP: i64 = 1_000_000;
/// B-frames go back at most this far (µs): 16 pictures at 10 a second.
const MAX_REORDER: i64 = 1_600_000;
/// Whole windows of arrivals behind the clock before the clock is given up: a slow network is
/// late for seconds, a camera that paused its clock for ever.
const LATE_WINDOWS: u32 = 5;

/// Receives one track.
pub struct TrackReceiver {
    sequencer: Sequencer,
    assembler: Assembler,
    /// Last sender report with its arrival.
    report: Option<(SenderReport, Instant)>,
    reported: (u64, u64),
}

struct Assembler {
    track: Track,
    depacketizer: Box<dyn Depacketizer>,
    payload_type: u8,
    clock_rate: u32,
    timestamps: Timestamps,
    /// Audio: added to unwrapped timestamps so that they go on after a jump.
    rebase: i64,
    rebase_next: bool,
    dts: DtsEstimator,
    clock: Option<ClockMap>,
    /// Until there is a clock.
    begin: Begin,
    /// By how much (µs) the clock began later than the arrivals say.
    ahead: i64,
    /// Ticks and arrival (µs) of the last unit.
    last: Option<(i64, i64)>,
    last_audio_dts: i64,
    late_windows: u32,
    seen_lateness: i64,
    begun: bool,
    /// Sender reports steer the clock, so arrivals do not.
    follows: bool,
}

impl TrackReceiver {
    pub fn new(sdp: SdpTrack, patience: Option<Patience>) -> Self {
        let mut assembler = Assembler {
            track: sdp.track,
            depacketizer: sdp.depacketizer,
            payload_type: sdp.payload_type,
            clock_rate: sdp.clock_rate.max(1),
            timestamps: Timestamps::default(),
            rebase: 0,
            rebase_next: false,
            dts: DtsEstimator::new(),
            clock: None,
            begin: Begin::default(),
            ahead: 0,
            last: None,
            last_audio_dts: i64::MIN,
            late_windows: 0,
            seen_lateness: 0,
            begun: false,
            follows: false,
        };
        assembler.prepare_dts(assembler.depacketizer.format().as_ref());
        Self {
            sequencer: Sequencer::new(patience),
            assembler,
            report: None,
            reported: (0, 0),
        }
    }

    pub fn track(&self) -> Track {
        self.assembler.track
    }

    /// What the SDP said already.
    pub fn format(&self) -> Option<FormatChange> {
        self.assembler.depacketizer.format()
    }

    pub(super) fn packet(&mut self, bytes: &[u8], out: &mut Output) {
        let packet = match RtpPacket::parse(bytes) {
            Ok(packet) => packet,
            Err(error) => return out.oddity("packet", || error.to_string()),
        };
        let Self {
            sequencer, assembler, ..
        } = self;
        sequencer.push(packet, bytes, out.now(), &mut |d| assembler.deliver(&d, out));
    }

    pub(super) fn expire(&mut self, out: &mut Output) {
        let Self {
            sequencer, assembler, ..
        } = self;
        sequencer.expire(out.now(), &mut |d| assembler.deliver(&d, out));
        assembler.settle(out);
    }

    /// Nothing follows.
    pub(super) fn end(&mut self, out: &mut Output) {
        self.assembler.release(out);
    }

    pub(super) fn deadline(&self, out: &Output) -> Option<Instant> {
        let assembler = &self.assembler;
        let settled = assembler
            .begin
            .due()
            .filter(|_| assembler.may_begin(out))
            .map(|due| out.moment(due));
        [self.sequencer.deadline(), settled].into_iter().flatten().min()
    }

    pub(super) fn sender_report(&mut self, report: SenderReport, now: Instant) {
        if self.sequencer.ssrc() == Some(report.ssrc) {
            self.report = Some((report, now));
        }
    }

    /// The monotonic instant (µs) of this track's last sender report, and its NTP time.
    pub(super) fn report_instant(&self) -> Option<(u64, i64)> {
        let (report, _) = self.report.as_ref()?;
        Some((
            report.ntp,
            self.assembler
                .clock
                .as_ref()?
                .instant(self.assembler.ticks_near(report.rtp_timestamp)),
        ))
    }

    /// Steers this track's clock so that its last report happened at `instant` (µs).
    /// False when that is too far from what the arrivals say.
    pub(super) fn follow(&mut self, instant: i64) -> bool {
        let Some((report, _)) = &self.report else { return false };
        let ticks = self.assembler.ticks_near(report.rtp_timestamp);
        let Some(clock) = &mut self.assembler.clock else {
            return false;
        };
        if (clock.instant(ticks) - instant).abs() > JUMP {
            return false;
        }
        clock.follow(ticks, instant);
        self.assembler.follows = true;
        true
    }

    /// What to report to the sender; `None` before its first packet.
    pub(super) fn report_block(&mut self, now: Instant) -> Option<ReportBlock> {
        let ssrc = self.sequencer.ssrc()?;
        let (expected, highest_sequence) = self.sequencer.expected();
        let lost = self.sequencer.lost();
        let (expected_before, lost_before) = std::mem::replace(&mut self.reported, (expected, lost));
        let expected_now = expected.saturating_sub(expected_before).max(1);
        let fraction = (lost.saturating_sub(lost_before) * 256 / expected_now).min(255);
        let (last_sender_report, delay) = self.report.as_ref().map_or((0, 0), |(report, at)| {
            (
                (report.ntp >> 16) as u32,
                (now.saturating_duration_since(*at).as_micros() * 65_536 / 1_000_000) as u32,
            )
        });
        Some(ReportBlock {
            ssrc,
            fraction_lost: fraction as u8,
            cumulative_lost: i32::try_from(lost).unwrap_or(i32::MAX),
            highest_sequence,
            last_sender_report,
            delay,
        })
    }
}

impl Assembler {
    fn deliver(&mut self, delivery: &Delivery<'_>, out: &mut Output) {
        let packet = &delivery.packet;
        if delivery.lost > 0 {
            out.lost(self.track, delivery.lost);
            self.depacketizer.lost(delivery.lost);
            self.drain(out);
        }
        if let Some(restart) = delivery.restart {
            self.depacketizer.lost(1);
            self.drain(out);
            if restart == Restart::Ssrc {
                self.new_sender(out);
            }
        }
        if packet.payload_type != self.payload_type {
            if self.begun {
                let seen = packet.payload_type;
                return out.oddity("payload type", || {
                    format!("rtp payload type {seen} among those of the track")
                });
            }
            self.payload_type = packet.payload_type;
        }
        self.begun = true;
        let payload = RtpPayload {
            seq: packet.sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            payload: packet.payload,
        };
        if let Err(error) = self.depacketizer.push(&payload) {
            out.oddity(error.codec, || error.to_string());
        }
        self.drain(out);
    }

    fn drain(&mut self, out: &mut Output) {
        while let Some(unit) = self.depacketizer.next() {
            let ticks = self.timestamps.unwrap(unit.rtp_timestamp);
            let arrival = out.arrival();
            self.take(Held { unit, ticks, arrival }, out);
        }
    }

    /// Places a unit in time, or keeps it until that is known.
    fn take(&mut self, held: Held, out: &mut Output) {
        if self.clock.is_some() {
            return self.place(held, out);
        }
        let at = scale(held.ticks + self.rebase, self.clock_rate, 1_000_000);
        if self.begin.takes(held.arrival, at, MAX_REORDER) {
            self.begin.push(held, at);
            return self.settle(out);
        }
        self.release(out);
        self.take(held, out);
    }

    /// Sound waits for the picture: what was before that is of no use.
    fn may_begin(&self, out: &Output) -> bool {
        self.track == Track::Video || out.is_open()
    }

    fn settle(&mut self, out: &mut Output) {
        if !self.may_begin(out) {
            return self.begin.forget_oldest();
        }
        if self.begin.known(out.arrival()) {
            self.release(out);
        }
    }

    /// Begins the clock with the units that wait for it.
    fn release(&mut self, out: &mut Output) {
        let (offset, held) = self.begin.take();
        let Some(first) = held.first() else { return };
        let ticks = first.ticks + self.rebase;
        let seen = scale(ticks, self.clock_rate, 1_000_000) + offset;
        // A new epoch begins after the units of the old one.
        let begin = match self.track {
            Track::Video => out.not_before(seen),
            Track::Audio => seen,
        };
        self.ahead = begin - seen;
        self.clock = Some(ClockMap::new(self.clock_rate, ticks, begin));
        for unit in held {
            self.take(unit, out);
        }
    }

    fn place(&mut self, held: Held, out: &mut Output) {
        match self.track {
            Track::Video => self.video(held, out),
            Track::Audio => self.audio(held, out),
        }
    }

    fn new_sender(&mut self, out: &mut Output) {
        self.release(out);
        out.sender_changed(self.track);
        self.timestamps = Timestamps::default();
        self.follows = false;
        match self.track {
            Track::Video => self.new_epoch(out),
            Track::Audio => self.rebase_next = true,
        }
    }

    fn new_epoch(&mut self, out: &mut Output) {
        out.new_epoch();
        self.clock = None;
        self.last = None;
        self.late_windows = 0;
        self.dts.reset();
    }

    fn video(&mut self, held: Held, out: &mut Output) {
        let Held { ticks, arrival, .. } = held;
        if let Some(micros) = self.leap(ticks, arrival).or_else(|| self.departed().map(|late| -late)) {
            out.jumped(micros as f64 / 1e6);
            self.new_epoch(out);
            return self.take(held, out);
        }
        let Held { unit, .. } = held;
        if unit.format.is_some() {
            self.prepare_dts(unit.format.as_ref());
        }
        out.set_format(unit.format);
        let rate = self.clock_rate;
        let timing = self.dts.next(scale(ticks, rate, VIDEO_TIMESCALE));
        let Some(clock) = self.clock(ticks, arrival) else {
            return;
        };
        let instant = clock.instant(scale(timing.dts, VIDEO_TIMESCALE, rate));
        self.last = Some((ticks, arrival));
        out.publish(Track::Video, unit.data, unit.rap, timing, instant);
    }

    fn audio(&mut self, held: Held, out: &mut Output) {
        let Held { unit, ticks, arrival } = held;
        let before = ticks + self.rebase;
        let mut leapt = self.leap(before, arrival).is_some() | std::mem::take(&mut self.rebase_next);
        match self.departed() {
            // What stood still goes on at the present.
            Some(late) if late > 0 => self.go_on(before, late),
            // A clock that began late is left to its slew: the picture is as late, and a step would
            // press sound together.
            Some(late) if self.ahead == 0 => self.ahead = -late,
            Some(_) => leapt = true,
            None => {}
        }
        let mut ticks = ticks + self.rebase;
        if let (true, Some((last, at))) = (leapt, self.last) {
            let passed = (arrival - at).max(1) * i64::from(self.clock_rate) / 1_000_000;
            self.rebase += last + passed.max(1) - ticks;
            ticks = last + passed.max(1);
            self.follows = false;
        }
        out.set_format(unit.format);
        let Some(clock) = self.clock(ticks, arrival) else {
            return;
        };
        let instant = clock.instant(ticks);
        self.last = Some((ticks, arrival));
        let sample_rate = out.audio_rate().unwrap_or(self.clock_rate);
        let dts = scale(ticks, self.clock_rate, sample_rate).max(self.last_audio_dts.saturating_add(1));
        self.last_audio_dts = dts;
        let timing = crate::codec::Timing { dts, pts: dts };
        out.publish(Track::Audio, unit.data, unit.rap, timing, instant);
    }

    /// The clock, which has seen this unit's arrival.
    fn clock(&mut self, ticks: i64, arrival: i64) -> Option<&mut ClockMap> {
        let clock = self.clock.as_mut()?;
        if !self.follows {
            clock.observe(ticks, arrival);
        }
        Some(clock)
    }

    /// Adds `late` (µs) to the time of the unit at `ticks` and of all after it.
    fn go_on(&mut self, ticks: i64, late: i64) {
        let late = scale(late, 1_000_000, self.clock_rate);
        self.rebase += late;
        self.late_windows = 0;
        let rate = self.clock_rate;
        self.clock = self
            .clock
            .take()
            .map(|clock| ClockMap::new(rate, ticks + late, clock.instant(ticks + late)));
    }

    /// By how much (µs) the timestamps leapt away from the time of the arrivals with this unit.
    fn leap(&self, ticks: i64, arrival: i64) -> Option<i64> {
        let (clock, (last, at)) = (self.clock.as_ref()?, self.last?);
        let step = scale(ticks - last, self.clock_rate, 1_000_000);
        let early = clock.instant(ticks) - arrival;
        let leap = step < -MAX_REORDER || (step - (arrival - at) > JUMP && early > JUMP + self.ahead);
        leap.then_some(step - (arrival - at))
    }

    /// By how much (µs) units are late by now, negative when early, because the camera's clock stood
    /// still or runs far too fast, or ours began late.
    fn departed(&mut self) -> Option<i64> {
        let lateness = self.clock.as_ref()?.lateness();
        self.last?;
        if lateness != self.seen_lateness {
            self.seen_lateness = lateness;
            self.late_windows = if lateness > JUMP { self.late_windows + 1 } else { 0 };
        }
        (self.late_windows >= LATE_WINDOWS || lateness < -JUMP - self.ahead).then_some(lateness)
    }

    fn ticks_near(&self, timestamp: u32) -> i64 {
        self.timestamps.near(timestamp) + self.rebase
    }

    fn prepare_dts(&mut self, format: Option<&FormatChange>) {
        let Some(FormatChange::Video(video)) = format else {
            return;
        };
        self.dts.set_depth(self.depacketizer.reorder_depth());
        if let Some(fps) = video.fps.filter(|fps| *fps > 0.1) {
            self.dts.set_step((f64::from(VIDEO_TIMESCALE) / fps) as i64);
        }
    }
}

/// `ticks` of one clock rate in those of another.
fn scale(ticks: i64, from: u32, to: u32) -> i64 {
    if from == to {
        return ticks;
    }
    let wide = i128::from(ticks) * i128::from(to);
    i64::try_from(wide.div_euclid(i128::from(from.max(1)))).unwrap_or(i64::MAX)
}
