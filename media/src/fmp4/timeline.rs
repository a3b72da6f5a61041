//! Media time: where a unit lies on the time line of a file or a live session.

use vigie_config::Utc;

use crate::{AccessUnit, Track, format::VIDEO_TIMESCALE};

/// How far audio may stray from the video's wall clock before it is put back, in µs.
const AUDIO_SLIP_MICROS: i64 = 200_000;

/// Media time 0 is the first video unit's decoding time. Video follows its own `dts`; audio is
/// placed by the wall clock both tracks share, then follows its own `dts` while it stays in step.
pub(super) struct Timeline {
    video: Anchor,
    audio: Option<Anchor>,
}

/// One instant known on the track's clock, the wall clock and the time line.
#[derive(Clone, Copy)]
struct Anchor {
    dts: i64,
    epoch: u32,
    utc: Utc,
    /// Ticks of the track.
    at: i64,
}

impl Timeline {
    pub fn new(first_video: &AccessUnit) -> Timeline {
        Timeline {
            video: Anchor::new(first_video, 0),
            audio: None,
        }
    }

    /// Ticks of the unit's track since media time 0, and whether the track's clock was set anew
    /// there, so that the time before is not what the units say. `end`: where the track's last
    /// unit ends at the least.
    pub fn place(&mut self, unit: &AccessUnit, end: i64) -> (i64, bool) {
        match unit.track {
            Track::Video => {
                let anew = unit.epoch != self.video.epoch;
                if anew {
                    let jump = self.video.utc_distance(unit, VIDEO_TIMESCALE);
                    self.video = Anchor::new(unit, (self.video.at + jump).max(end));
                } else {
                    self.video = Anchor::new(unit, self.video.at + unit.dts.saturating_sub(self.video.dts));
                }
                (self.video.at, anew)
            }
            Track::Audio => {
                let rate = unit.timescale();
                let on_video = scale(self.video.at, VIDEO_TIMESCALE, 1_000_000) + unit.utc.micros_since(self.video.utc);
                let wanted = scale(on_video, 1_000_000, rate);
                let going_on = self
                    .audio
                    .filter(|a| a.epoch == unit.epoch)
                    .map(|a| a.at + unit.dts.saturating_sub(a.dts))
                    .filter(|at| scale((at - wanted).abs(), rate, 1_000_000) <= AUDIO_SLIP_MICROS);
                let at = going_on.unwrap_or(wanted.max(end));
                let anew = self.audio.is_some() && going_on.is_none();
                self.audio = Some(Anchor::new(unit, at));
                (at, anew)
            }
        }
    }
}

impl Timeline {
    /// Where a video unit would lie that goes to another time line; `None` in another epoch.
    pub fn place_after(&self, unit: &AccessUnit) -> Option<i64> {
        (unit.track == Track::Video && unit.epoch == self.video.epoch)
            .then(|| self.video.at + unit.dts.saturating_sub(self.video.dts))
    }
}

impl Anchor {
    fn new(unit: &AccessUnit, at: i64) -> Anchor {
        Anchor {
            dts: unit.dts,
            epoch: unit.epoch,
            utc: unit.utc,
            at,
        }
    }
    fn utc_distance(&self, unit: &AccessUnit, timescale: u32) -> i64 {
        scale(unit.utc.micros_since(self.utc).max(0), 1_000_000, timescale)
    }
}

/// `ticks` at `from` a second, in ticks at `to` a second, rounded down.
pub(super) fn scale(ticks: i64, from: u32, to: u32) -> i64 {
    let scaled = (i128::from(ticks) * i128::from(to)).div_euclid(i128::from(from.max(1)));
    i64::try_from(scaled).unwrap_or(i64::MAX)
}
