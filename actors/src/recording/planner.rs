//! From units to what has to be done with files, in order. Pure.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use vigie_config::Utc;
use vigie_media::{
    AccessUnit, StreamFormat, Track,
    fmp4::{Fragment, FragmentBuilder, Last},
    transcode::Mp4Units,
};

use super::cutter::{Cutter, Hole, NewSegment, Place};

/// Media in one fragment at the most.
const FRAGMENT_MICROS: i64 = 400_000;
const FRAGMENT_BYTES: usize = 16 << 20;
/// A look that finds less leaves it for the next one.
const WORTH_WRITING_MICROS: i64 = 100_000;
/// So many looks without a picture, and the newest one is no longer held back.
const LOOKS_TO_HOLD: u32 = 2;
/// So many looks after a rotation, late sound is no longer waited for.
const LOOKS_FOR_LATE_SOUND: u32 = 5;

/// One thing to do. Segments are named by their number within the run.
#[derive(Debug)]
pub enum Step {
    Start {
        number: u32,
        start: Utc,
        format: Arc<StreamFormat>,
        continued: bool,
    },
    Append {
        number: u32,
        fragment: Fragment,
    },
    Finish {
        number: u32,
    },
    /// No media since `from`, until the next segment.
    Gap(Hole),
}

pub struct Planner {
    cutter: Cutter,
    units: Mp4Units,
    made: Vec<Arc<AccessUnit>>,
    open: Option<Open>,
    before: Option<Open>,
    next_number: u32,
    looks_without_video: u32,
    looks_since_start: u32,
    steps: VecDeque<Step>,
}

struct Open {
    number: u32,
    format: Arc<StreamFormat>,
    builder: FragmentBuilder,
}

impl Open {
    fn cut(&mut self, last: Last<'_>, steps: &mut VecDeque<Step>) {
        if let Some(fragment) = self.builder.cut(last) {
            steps.push_back(Step::Append {
                number: self.number,
                fragment,
            });
        }
    }
}

impl Planner {
    /// `segment`: how long a segment should be.
    pub fn new(segment: Duration) -> Planner {
        Planner {
            cutter: Cutter::new(segment),
            units: Mp4Units::new(),
            made: Vec::new(),
            open: None,
            before: None,
            next_number: 0,
            looks_without_video: 0,
            looks_since_start: 0,
            steps: VecDeque::new(),
        }
    }

    pub fn set_segment(&mut self, segment: Duration) {
        self.cutter.set_segment(segment);
    }

    /// What is to be done next.
    pub fn steps(&mut self) -> &mut VecDeque<Step> {
        &mut self.steps
    }

    pub fn lost(&mut self) {
        self.cutter.lost();
    }

    pub fn push(&mut self, unit: Arc<AccessUnit>) {
        let mut made = std::mem::take(&mut self.made);
        self.units.push(unit, |unit| made.push(unit));
        for unit in made.drain(..) {
            self.place(unit);
        }
        self.made = made;
    }

    fn place(&mut self, unit: Arc<AccessUnit>) {
        let place = self.cutter.place(&unit);
        match unit.track {
            Track::Video => self.looks_without_video = 0,
            Track::Audio if place == Place::Here => self.end_before(),
            Track::Audio => {}
        }
        match place {
            Place::Here => {
                let Some(open) = &mut self.open else { return };
                open.builder.push(unit);
                if open.builder.span_micros() >= FRAGMENT_MICROS || open.builder.bytes() >= FRAGMENT_BYTES {
                    open.cut(Last::Hold, &mut self.steps);
                }
            }
            Place::Before => {
                if let Some(before) = &mut self.before {
                    before.builder.push(unit);
                }
            }
            Place::New(new) => self.start(new, unit),
            Place::Nowhere => {}
        }
    }

    fn start(&mut self, new: NewSegment, unit: Arc<AccessUnit>) {
        self.end_before();
        if let Some(mut open) = self.open.take() {
            if new.why.seamless() {
                open.cut(Last::Before(&unit), &mut self.steps);
                self.before = Some(open);
            } else {
                open.cut(Last::Assume, &mut self.steps);
                self.steps.push_back(Step::Finish { number: open.number });
            }
        }
        self.steps.extend(new.hole.map(Step::Gap));
        let number = self.next_number;
        self.next_number += 1;
        self.looks_since_start = 0;
        let format = unit.format.clone();
        self.steps.push_back(Step::Start {
            number,
            start: unit.utc,
            format: format.clone(),
            continued: new.continued,
        });
        // Late sound is the new format's: a segment of another sound, or of none, cannot hold it.
        if self
            .before
            .as_ref()
            .is_some_and(|before| format.audio.is_none() || before.format.audio != format.audio)
        {
            self.end_before();
        }
        let mut builder = FragmentBuilder::new(&unit);
        builder.push(unit);
        self.open = Some(Open {
            number,
            format,
            builder,
        });
    }

    /// No more sound comes for the segment before.
    fn end_before(&mut self) {
        if let Some(mut before) = self.before.take() {
            before.cut(Last::Assume, &mut self.steps);
            self.steps.push_back(Step::Finish { number: before.number });
        }
    }

    /// All units that are there now were pushed: writes what is worth it.
    pub fn end_look(&mut self) {
        self.looks_without_video += 1;
        self.looks_since_start += 1;
        if self.looks_since_start > LOOKS_FOR_LATE_SOUND {
            self.end_before();
        }
        if let Some(open) = &mut self.open {
            if self.looks_without_video > LOOKS_TO_HOLD {
                open.cut(Last::Assume, &mut self.steps);
            } else if open.builder.span_micros() >= WORTH_WRITING_MICROS {
                open.cut(Last::Hold, &mut self.steps);
            }
        }
    }

    /// A new segment from the next RAP on.
    pub fn rotate(&mut self) {
        self.cutter.rotate();
    }

    /// Everything is written; the next unit begins a segment, and what lies between is no gap.
    pub fn rest(&mut self) {
        self.finish();
        self.cutter.rest();
    }

    /// The end of the run: everything is written.
    pub fn finish(&mut self) {
        self.end_before();
        if let Some(mut open) = self.open.take() {
            open.cut(Last::Assume, &mut self.steps);
            self.steps.push_back(Step::Finish { number: open.number });
        }
    }
}
