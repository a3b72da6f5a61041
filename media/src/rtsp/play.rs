//! A playing session over TCP: read, keep alive, until it ends.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use crate::rtp::StreamReceiver;

use super::{
    connection::Batch,
    error::RtspError,
    message::Response,
    session::{Channel, Session},
};

/// A session after PLAY.
pub struct Playing {
    pub session: Session,
    pub receiver: StreamReceiver,
    /// The address of the whole session.
    pub aggregate: String,
    /// The method that keeps it alive.
    pub keepalive: &'static str,
}

impl Drop for Playing {
    /// Cameras serve few sessions at once and forget one only after its timeout.
    fn drop(&mut self) {
        let _ = self.session.send("TEARDOWN", &self.aggregate, &[]);
    }
}

/// Reads by the clock only this long after the start: until then the kernel sizes the window by
/// watching how fast it is emptied.
const WARM_UP: Duration = Duration::from_secs(2);
/// Between two reads by the clock.
const LONGEST_PAUSE: Duration = Duration::from_millis(120);
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
/// What should wait in the kernel at a read: less than its window, which it holds back from the
/// camera otherwise.
const BYTES_PER_READ: u64 = 128 << 10;
/// While watched, how often the clock is looked at without an arrival.
const LOOK: Duration = Duration::from_secs(1);

/// Runs until the session ends.
pub async fn run(mut playing: Playing) -> Result<Infallible, RtspError> {
    let mut pace = Pace::new(Instant::now());
    let mut alive = KeepAlive::new(&playing.session, Instant::now());
    loop {
        let now = Instant::now();
        if playing.receiver.has_live_viewers() || now < pace.started + WARM_UP {
            let look = now + LOOK;
            let due = playing.receiver.deadline().map_or(look, |due| due.min(look));
            tokio::time::timeout_at(due.into(), playing.session.connection.readable())
                .await
                .transpose_lost()?;
        } else {
            playing.session.connection.unwatch().map_err(RtspError::Lost)?;
            tokio::time::sleep_until(pace.next(now).into()).await;
            playing.session.connection.flush().map_err(RtspError::Lost)?;
        }
        loop {
            let batch = playing.session.read(Some(&mut playing.receiver))?;
            pace.read(batch, Instant::now());
            if !batch.more {
                break;
            }
            // One busy camera must not starve the others of its thread.
            tokio::task::yield_now().await;
        }
        playing.housekeeping(&mut alive, Instant::now())?;
    }
}

trait TransposeLost {
    fn transpose_lost(self) -> Result<(), RtspError>;
}

impl TransposeLost for Result<std::io::Result<()>, tokio::time::error::Elapsed> {
    /// Time that has passed is no error, a lost connection is.
    fn transpose_lost(self) -> Result<(), RtspError> {
        self.unwrap_or(Ok(())).map_err(RtspError::Lost)
    }
}

impl Playing {
    /// Answers to keepalives, and the next one when it is due.
    pub fn housekeeping(&mut self, alive: &mut KeepAlive, now: Instant) -> Result<(), RtspError> {
        for answer in self.session.take_answers() {
            alive.answered(self, &answer)?;
        }
        if now >= alive.due {
            alive.due = now + alive.every;
            alive.send(self)?;
            for track in 0..2 {
                if let (Some(number), Some(report)) = (
                    self.session.channel_number(Channel::Rtcp(track)),
                    self.receiver.report(track, now),
                ) {
                    self.session.send_interleaved(number, &report)?;
                }
            }
        }
        Ok(())
    }
}

/// When to read next: so often that about [`BYTES_PER_READ`] wait, at moments that all sessions
/// of the process share.
#[derive(Debug)]
struct Pace {
    started: Instant,
    last: Instant,
    /// Bytes per second, smoothed.
    rate: f64,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self {
            started: now,
            last: now,
            rate: 0.0,
        }
    }

    fn read(&mut self, batch: Batch, now: Instant) {
        let passed = now.saturating_duration_since(self.last).as_secs_f64().max(0.001);
        self.last = now;
        let weight = (passed / 2.0).min(1.0);
        self.rate += (batch.bytes as f64 / passed - self.rate) * weight;
    }

    fn pause(&self) -> Duration {
        Duration::from_secs_f64(BYTES_PER_READ as f64 / self.rate.max(1.0)).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }

    /// The next multiple of the pause, in steps of [`SHORTEST_PAUSE`] since one origin.
    fn next(&self, now: Instant) -> Instant {
        static ORIGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        let origin = *ORIGIN.get_or_init(|| now);
        let step = SHORTEST_PAUSE.as_millis();
        let pause = (self.pause().as_millis() / step * step).max(step);
        let since = now.saturating_duration_since(origin).as_millis();
        let at = (since / pause + 1) * pause;
        origin + Duration::from_millis(u64::try_from(at).unwrap_or(u64::MAX))
    }
}

/// Signs of life to the server.
pub struct KeepAlive {
    pub due: Instant,
    every: Duration,
    method: Option<&'static str>,
    challenged: u32,
}

impl KeepAlive {
    pub fn new(session: &Session, now: Instant) -> Self {
        let every = session
            .id
            .as_ref()
            .map_or(Duration::from_secs(30), |id| id.keepalive_every());
        Self {
            due: now + every,
            every,
            method: None,
            challenged: 0,
        }
    }

    fn send(&mut self, playing: &mut Playing) -> Result<(), RtspError> {
        let method = self.method.unwrap_or(playing.keepalive);
        playing.session.send(method, &playing.aggregate, &[]).map(drop)
    }

    fn answered(&mut self, playing: &mut Playing, answer: &Response) -> Result<(), RtspError> {
        match answer.status {
            200..300 => self.challenged = 0,
            // A nonce has run out: at once again with the new one, but not for ever.
            401 if self.challenged < 2 => {
                self.challenged += 1;
                if playing.session.auth.challenged(answer, false).is_ok() {
                    self.send(playing)?;
                }
            }
            454 => return Err(RtspError::Ended("session not found".into())),
            // Media flows: an answer that says no to GET_PARAMETER only changes the method.
            405 | 451 | 501 | 551 => self.method = Some("OPTIONS"),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_follows_the_rate_and_falls_on_shared_moments() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!(pace.pause(), LONGEST_PAUSE);
        for n in 1..100u32 {
            pace.read(
                Batch {
                    bytes: 500_000,
                    more: false,
                },
                start + Duration::from_millis(100) * n,
            );
        }
        assert!(
            pace.pause() < Duration::from_millis(40),
            "5 MB/s are read every 26 ms, not {:?}",
            pace.pause()
        );
        let other = Pace {
            started: start,
            last: start,
            rate: 5_000_000.0,
        };
        let now = start + Duration::from_millis(1234);
        assert_eq!(pace.next(now), other.next(now + Duration::from_millis(2)));
        assert!(pace.next(now) > now && pace.next(now) <= now + pace.pause());
    }
}
