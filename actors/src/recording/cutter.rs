//! Where a unit goes: into the open segment, into a new one, or into the one before.
//!
//! Pure: no clock, no files. What it knows of time it reads from the units.

use std::{sync::Arc, time::Duration};

use vigie_config::Utc;
use vigie_media::{
    AccessUnit, StreamFormat, Track,
    format::{video_micros, video_ticks},
};

/// A segment without a RAP to rotate on ends here, and the next one is marked continued.
const LONGEST: Duration = Duration::from_secs(300);
/// A longer time without video is a gap.
pub const GAP_MICROS: i64 = 1_000_000;
/// Sound further from the newest picture is out of place.
const SOUND_APART_MICROS: i64 = 5_000_000;
/// Wall clock and decoding times that part by more between two units: the wall clock was set.
const CLOCK_STEP_MICROS: i64 = 500_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Here,
    /// Sound that belongs before the open segment's first picture.
    Before,
    New(NewSegment),
    /// Sound before the first picture of its format, or far from any picture.
    Nowhere,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSegment {
    pub why: Why,
    /// It does not begin with a RAP.
    pub continued: bool,
    /// Time without media before it.
    pub hole: Option<Hole>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    pub from: Utc,
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    First,
    /// A RAP near the configured duration.
    Rotation,
    /// No RAP for too long.
    TooLong,
    Format,
    /// Time without media.
    Pause,
    /// The wall clock was set.
    Clock,
    /// Units were lost inside this process.
    Lost,
}

impl Why {
    /// The last unit before ends where the first one after begins.
    pub fn seamless(self) -> bool {
        matches!(self, Why::Rotation | Why::TooLong | Why::Format)
    }
}

pub struct Cutter {
    segment: Duration,
    open: Option<Open>,
    lost: bool,
    rotate: bool,
}

struct Open {
    format: Arc<StreamFormat>,
    epoch: u32,
    start: Utc,
    first_dts: i64,
    rap_dts: i64,
    last_dts: i64,
    last_utc: Utc,
    /// Between the last two video units, in ticks; 0: only one so far.
    interval: i64,
    /// The same over the seam, µs: what the camera's pace is taken for.
    pace: i64,
}

impl Cutter {
    pub fn new(segment: Duration) -> Cutter {
        Cutter {
            segment,
            open: None,
            lost: false,
            rotate: false,
        }
    }

    pub fn set_segment(&mut self, segment: Duration) {
        self.segment = segment;
    }

    /// The next RAP begins a segment.
    pub fn rotate(&mut self) {
        self.rotate = true;
    }

    /// Nothing more comes for the open segment, and nothing is missing before the next.
    pub fn rest(&mut self) {
        self.open = None;
        self.lost = false;
    }

    /// Units are missing before the next one.
    pub fn lost(&mut self) {
        self.lost = true;
    }

    pub fn place(&mut self, unit: &AccessUnit) -> Place {
        match unit.track {
            Track::Audio => self.place_audio(unit),
            Track::Video => self.place_video(unit),
        }
    }

    fn place_audio(&self, unit: &AccessUnit) -> Place {
        match &self.open {
            Some(open) if open.format.audio != unit.format.audio => Place::Nowhere,
            Some(open) if unit.utc.micros_since(open.last_utc).abs() > SOUND_APART_MICROS => Place::Nowhere,
            Some(open) if unit.utc < open.start => Place::Before,
            Some(_) => Place::Here,
            None => Place::Nowhere,
        }
    }

    fn place_video(&mut self, unit: &AccessUnit) -> Place {
        let lost = std::mem::take(&mut self.lost);
        if let Some(open) = &mut self.open {
            open.follow(unit);
        }
        let reason = match &self.open {
            None => Some((Why::First, None)),
            Some(open) => {
                let reason = open.reason_to_end(unit, lost, self.segment);
                reason.or_else(|| (self.rotate && unit.rap).then_some((Why::Rotation, None)))
            }
        };
        match (reason, &mut self.open) {
            (None, Some(open)) => {
                open.take(unit);
                Place::Here
            }
            (reason, _) => {
                let pace = self
                    .open
                    .as_ref()
                    .map_or(0, |open| unit.utc.micros_since(open.last_utc));
                self.open = Some(Open::new(unit, pace));
                self.rotate = false;
                let (why, hole) = reason.unwrap_or((Why::First, None));
                Place::New(NewSegment {
                    why,
                    continued: !unit.rap,
                    hole,
                })
            }
        }
    }
}

impl Open {
    fn new(unit: &AccessUnit, pace: i64) -> Open {
        Open {
            format: unit.format.clone(),
            epoch: unit.epoch,
            start: unit.utc,
            first_dts: unit.dts,
            rap_dts: unit.dts,
            last_dts: unit.dts,
            last_utc: unit.utc,
            interval: 0,
            pace,
        }
    }

    fn take(&mut self, unit: &AccessUnit) {
        self.interval = unit.dts - self.last_dts;
        self.pace = video_micros(self.interval);
        self.last_dts = unit.dts;
        self.last_utc = unit.utc;
        if unit.rap {
            self.rap_dts = unit.dts;
        }
    }

    /// Another epoch counts from elsewhere, and only the wall clock goes on: the times known so far
    /// are moved there. The segment goes on, as ending it between two RAPs would leave a file
    /// that cannot be decoded from its first picture.
    fn follow(&mut self, unit: &AccessUnit) {
        if unit.epoch == self.epoch {
            return;
        }
        let apart = video_ticks(unit.utc.micros_since(self.last_utc).max(0));
        let by = unit.dts.saturating_sub(apart).saturating_sub(self.last_dts);
        for known in [&mut self.first_dts, &mut self.rap_dts, &mut self.last_dts] {
            *known = known.saturating_add(by);
        }
        self.epoch = unit.epoch;
    }

    fn end(&self) -> Utc {
        self.last_utc.plus_micros(video_micros(self.interval))
    }

    /// Why `unit` does not belong here, and the hole before it if that is a gap.
    fn reason_to_end(&self, unit: &AccessUnit, lost: bool, segment: Duration) -> Option<(Why, Option<Hole>)> {
        let hole = |why| Some(Hole { from: self.end(), why });
        let apart = unit.utc.micros_since(self.last_utc);
        // A camera of few pictures is not always in a gap.
        let pause = apart > GAP_MICROS.max(self.pace.saturating_mul(3));
        if lost {
            return Some((Why::Lost, hole(Why::Lost)));
        }
        let step = unit.dts.saturating_sub(self.last_dts);
        if (apart - video_micros(step)).abs() > CLOCK_STEP_MICROS {
            return Some((Why::Clock, if pause { hole(Why::Clock) } else { None }));
        }
        if pause {
            return Some((Why::Pause, hole(Why::Pause)));
        }
        if !Arc::ptr_eq(&self.format, &unit.format) && *self.format != *unit.format {
            return Some((Why::Format, None));
        }
        let long = video_micros(unit.dts - self.first_dts);
        let wanted = i64::try_from(segment.as_micros()).unwrap_or(i64::MAX);
        // At this RAP or at the next, whichever is nearer to what is wanted.
        let gop = video_micros(unit.dts - self.rap_dts);
        if unit.rap && (long >= wanted || long.saturating_add(gop).saturating_sub(wanted) > wanted - long) {
            return Some((Why::Rotation, None));
        }
        let longest = i64::try_from(LONGEST.max(segment).as_micros()).unwrap_or(i64::MAX);
        (long >= longest).then_some((Why::TooLong, None))
    }
}
