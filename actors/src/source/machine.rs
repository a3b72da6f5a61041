//! The life of one stream's connection, without I/O or clock.
//!
//! Liveness is progress: decodable access units arriving, not an open socket.

use std::time::{Duration, Instant};

use vigie_config::{ErrorKind, GapCause};
use vigie_media::source::SourceError;

use crate::{
    stream::StreamState,
    supervise::{Attempts, Backoff},
};

/// How often progress is looked at; also the grain of pauses.
pub const TICK: Duration = Duration::from_millis(200);

/// What the actor has to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Nothing,
    /// Begin an attempt.
    Start,
    /// Give up the running attempt: nothing decodable came.
    Abandon,
}

#[derive(Debug)]
enum Phase {
    /// An attempt runs since.
    Trying { since: Instant },
    /// The next attempt is due then; `None`: only a change of configuration helps.
    Pausing { until: Option<Instant> },
}

#[derive(Debug)]
pub struct Machine {
    stall_after: Duration,
    phase: Phase,
    attempts: Attempts,
    last_video: Option<Instant>,
    /// The last progress, or the begin of the attempt.
    progress: Instant,
    state: StreamState,
    error: Option<String>,
    cause: Option<GapCause>,
}

impl Machine {
    /// `resumed`: an earlier generation of this actor ended by a fault of ours.
    pub fn new(now: Instant, stall_after: Duration, resumed: bool) -> Self {
        Self {
            stall_after,
            phase: Phase::Pausing { until: Some(now) },
            attempts: Attempts::default(),
            last_video: None,
            progress: now,
            state: StreamState::Connecting,
            error: None,
            cause: resumed.then_some(GapCause::Crash),
        }
    }

    pub fn state(&self) -> StreamState {
        self.state
    }
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
    /// The cause that a gap opening now would have.
    pub fn cause(&self) -> Option<GapCause> {
        self.cause
    }

    /// Time passed; `last_video` is when the stream's last video unit came. (Sound alone is no
    /// progress: a camera that returns without its picture is not back.)
    pub fn tick(&mut self, now: Instant, last_video: Option<Instant>) -> Step {
        if let (Phase::Trying { since }, Some(last)) = (&self.phase, last_video) {
            // The hub tells times in whole milliseconds: less than this is the same unit seen twice.
            let grain = Duration::from_millis(20);
            let fresh = last >= *since && self.last_video.is_none_or(|known| last > known + grain);
            if fresh {
                self.last_video = Some(last);
                self.progress = last;
                self.state = StreamState::Live;
                self.error = None;
                // Whoever finds a hole now has to guess, until something says more.
                self.cause = None;
            }
        }
        match self.phase {
            Phase::Pausing { until: Some(due) } if due <= now => {
                self.phase = Phase::Trying { since: now };
                self.progress = now;
                Step::Start
            }
            Phase::Trying { .. } if now.duration_since(self.progress) > self.patience() => Step::Abandon,
            _ => Step::Nothing,
        }
    }

    /// Looks come late on a busy machine, and a stall is to be told within the configured time.
    fn patience(&self) -> Duration {
        self.stall_after - (3 * TICK).min(self.stall_after / 4)
    }

    /// The configuration's value, which may change while the stream runs.
    pub fn set_stall_after(&mut self, stall_after: Duration) {
        self.stall_after = stall_after;
    }

    /// Packets went missing: a hole that opens now is the network's.
    pub fn packets_lost(&mut self) {
        if self.state == StreamState::Live {
            self.cause = Some(GapCause::Network);
        }
    }

    /// The attempt was abandoned by [`Step::Abandon`].
    pub fn stalled(&mut self, now: Instant, jitter: f64) {
        let text = format!("connected, but nothing decodable came for {:?}", self.stall_after);
        self.end(
            now,
            ErrorKind::Timeout,
            GapCause::Stalled,
            StreamState::Stalled,
            text,
            jitter,
        );
    }

    /// The attempt ended by itself.
    pub fn ended(&mut self, now: Instant, error: &SourceError, jitter: f64) {
        let state = match error.kind {
            ErrorKind::Timeout if error.cause == GapCause::Stalled => StreamState::Stalled,
            ErrorKind::Refused => StreamState::Refused,
            ErrorKind::Misconfigured => StreamState::Misconfigured,
            _ => StreamState::Offline,
        };
        self.end(now, error.kind, error.cause, state, error.text.clone(), jitter);
    }

    fn end(&mut self, now: Instant, kind: ErrorKind, cause: GapCause, state: StreamState, text: String, jitter: f64) {
        let Phase::Trying { since } = self.phase else {
            return;
        };
        let fruitful = self.last_video.is_some_and(|last| last >= since);
        let pause = Backoff::pause(&mut self.attempts, kind, fruitful, since, now, jitter);
        self.phase = Phase::Pausing {
            until: pause.map(|p| now + p),
        };
        self.state = state;
        self.error = Some(text);
        self.cause = Some(cause);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const STALL: Duration = Duration::from_secs(10);

    fn lost(kind: ErrorKind, cause: GapCause) -> SourceError {
        SourceError {
            kind,
            cause,
            text: "gone".into(),
        }
    }

    fn live(start: Instant) -> Machine {
        let mut m = Machine::new(start, STALL, false);
        assert_eq!(m.tick(start, None), Step::Start);
        assert_eq!(m.state(), StreamState::Connecting);
        let first = start + Duration::from_millis(100);
        assert_eq!(m.tick(first, Some(first)), Step::Nothing);
        assert_eq!(m.state(), StreamState::Live);
        m
    }

    #[test]
    fn a_camera_that_returns_after_ten_seconds_is_tried_within_two() {
        let start = Instant::now();
        let mut m = live(start);
        let mut now = start + Duration::from_secs(300);
        m.tick(now, Some(now));
        let last = Some(now);
        m.ended(now, &lost(ErrorKind::Unavailable, GapCause::CameraOffline), 1.0);
        assert_eq!(
            (m.state(), m.cause()),
            (StreamState::Offline, Some(GapCause::CameraOffline))
        );
        let mut last_try = now;
        for _ in 0..600 {
            now += Duration::from_millis(50);
            if m.tick(now, last) == Step::Start {
                assert!(now.duration_since(last_try) <= Duration::from_secs(2));
                last_try = now;
                m.ended(now, &lost(ErrorKind::Unavailable, GapCause::CameraOffline), 1.0);
            }
        }
        assert!(now.duration_since(last_try) <= Duration::from_secs(2));
    }

    #[test]
    fn silence_is_a_stall_shortly_before_its_time_is_over() {
        let start = Instant::now();
        let mut m = live(start);
        let last = start + Duration::from_millis(100);
        assert_eq!(m.tick(last + STALL - 3 * TICK, Some(last)), Step::Nothing);
        assert_eq!(m.cause(), None);
        let look = last + STALL - 3 * TICK + Duration::from_millis(1);
        assert_eq!(m.tick(look, Some(last)), Step::Abandon);
        m.stalled(last + STALL, 0.0);
        assert_eq!((m.state(), m.cause()), (StreamState::Stalled, Some(GapCause::Stalled)));
        assert_eq!(
            m.tick(last + STALL, Some(last)),
            Step::Start,
            "after media it reconnects at once"
        );
    }

    #[test]
    fn a_source_that_notices_the_silence_itself_is_stalled_too() {
        let start = Instant::now();
        let mut m = live(start);
        m.ended(start, &lost(ErrorKind::Timeout, GapCause::Stalled), 0.0);
        assert_eq!((m.state(), m.cause()), (StreamState::Stalled, Some(GapCause::Stalled)));
        let mut m = Machine::new(start, STALL, false);
        m.tick(start, None);
        m.ended(start, &lost(ErrorKind::Timeout, GapCause::CameraOffline), 0.0);
        assert_eq!(m.state(), StreamState::Offline, "it never sent anything");
    }

    #[test]
    fn a_refusal_is_shown_and_not_hammered() {
        let start = Instant::now();
        let mut m = Machine::new(start, STALL, false);
        m.tick(start, None);
        m.ended(start, &lost(ErrorKind::Refused, GapCause::Refused), 0.0);
        assert_eq!(m.state(), StreamState::Refused);
        assert_eq!(m.tick(start + Duration::from_secs(29), None), Step::Nothing);
        assert_eq!(m.tick(start + Duration::from_secs(30), None), Step::Start);
        assert_eq!(m.state(), StreamState::Refused, "still what is known until media flows");
    }

    #[test]
    fn a_misconfiguration_waits_for_ever() {
        let start = Instant::now();
        let mut m = Machine::new(start, STALL, false);
        m.tick(start, None);
        m.ended(start, &lost(ErrorKind::Misconfigured, GapCause::Refused), 0.0);
        assert_eq!(m.tick(start + Duration::from_secs(86_400), None), Step::Nothing);
    }

    #[test]
    fn lost_packets_make_a_hole_the_networks() {
        let mut m = live(Instant::now());
        m.packets_lost();
        assert_eq!(m.cause(), Some(GapCause::Network));
    }
}
