//! One run of one stream's recording: units from the tap, steps from the planner, done on
//! storage. No runtime, no clock of its own.

mod write;

use std::time::Duration;

use serde::Serialize;
use ulid::Ulid;
use vigie_config::{Causes, GapCause, StreamId, Utc};
use vigie_media::{AccessUnit, Track, hub::Item};

use super::{
    footage::{Footage, Segment},
    gaps::Gaps,
    planner::Planner,
    tap::TapState,
    wish::Look,
};

/// How much longer than the pre-alarm time units wait: an event is told a little after it began.
pub const LATE_EVENT: Duration = Duration::from_secs(3);
/// A clip that is over ends with its GOP, or after this long.
const LONGEST_STOP: Duration = Duration::from_secs(30);
/// or when nothing has come for this long.
const SILENT: Duration = Duration::from_secs(1);

/// What a recording publishes about itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RecordingSnapshot {
    pub run: String,
    pub segments: u64,
    pub fragments: u64,
    pub units: u64,
    pub bytes: u64,
    /// Units lost inside this process: this recorder was too slow, or its disk.
    pub lost_units: u64,
    /// Units read and not yet stored.
    pub waiting_units: usize,
    /// Why it records now; empty: it waits for an event, or for its schedule.
    pub causes: Causes,
    /// How often the pre-alarm time did not fit into its memory.
    pub short_of_memory: u64,
    pub last_end: Option<Utc>,
    /// Why nothing is taken at the moment.
    pub blocked: Option<String>,
    pub error: Option<String>,
}

pub struct Branch<F> {
    stream: StreamId,
    footage: F,
    segment: Duration,
    run: Ulid,
    planner: Planner,
    open: Vec<OpenSegment>,
    gaps: Gaps,
    last_end: Option<Utc>,
    /// Recording is wanted since,
    wanted_from: Option<Utc>,
    /// and was not before: what is missing before that is no gap.
    was_ended: bool,
    /// This run has stored video.
    recorded: bool,
    /// Nothing is wanted: units wait in the tap, and go.
    resting: bool,
    /// Storage knows that nothing is wanted.
    rest_told: bool,
    /// Nothing more is wanted since; recording goes on up to the next RAP.
    stop_from: Option<Utc>,
    /// The causes marked in the footage now.
    marked: Causes,
    /// Why the open segment began to be recorded.
    continuous: bool,
    /// Nothing has been taken since.
    blocked_since: Option<Utc>,
    /// Where the footage begins that nothing takes.
    waiting_from: Option<Utc>,
    /// Up to this `seq`, what was lost was lost because nothing was taken.
    blocked_until: u64,
    lost_to_disk: bool,
    /// Units lost to overload that were not told yet.
    overload: u64,
    published: RecordingSnapshot,
}

struct OpenSegment {
    number: u32,
    segment: Box<dyn Segment>,
    empty: bool,
}

enum Outcome {
    Done,
    /// Nothing is taken now; what was planned stays planned.
    Blocked,
    /// A segment was given up: plan anew from what is not stored.
    Again,
}

impl<F: Footage> Branch<F> {
    /// `segment`: how long a segment should be.
    pub fn new(stream: StreamId, footage: F, segment: Duration, now: Utc) -> Branch<F> {
        let run = Ulid::generate();
        Branch {
            stream,
            last_end: footage.last_recorded(),
            footage,
            segment,
            run,
            planner: Planner::new(segment),
            open: Vec::new(),
            gaps: Gaps::new(now),
            wanted_from: None,
            was_ended: false,
            recorded: false,
            resting: true,
            rest_told: false,
            stop_from: None,
            marked: Causes::NONE,
            continuous: false,
            blocked_since: None,
            waiting_from: None,
            blocked_until: 0,
            lost_to_disk: false,
            overload: 0,
            published: RecordingSnapshot {
                run: run.to_string(),
                ..Default::default()
            },
        }
    }

    /// How long a segment should be, from the next one on.
    pub fn set_segment(&mut self, segment: Duration) {
        self.segment = segment;
        self.planner.set_segment(segment);
    }

    /// Takes all units that are there, and writes what is due.
    pub fn look(&mut self, tap: &mut TapState, look: &Look) {
        // A silent camera would hold a disk that is to be pulled.
        if self.open.iter().any(|open| open.segment.is_over()) {
            self.begin_again(tap);
        }
        self.follow(tap, look);
        if self.resting {
            return self.rest_on(tap, look);
        }
        let mut attempts = 2;
        while attempts > 0 {
            attempts -= 1;
            match self.take(tap, look) {
                Outcome::Done => break,
                Outcome::Blocked => break,
                Outcome::Again => self.begin_again(tap),
            }
        }
        if self.resting {
            return self.rest_on(tap, look);
        }
        if !self.recorded {
            // Recovery may have found more since this run began.
            self.last_end = self.footage.last_recorded();
            self.was_ended |= self.footage.is_ended();
            if !look.settled {
                return;
            }
        }
        let facts = match (self.blocked_since, self.missing_from().or(self.waiting_from)) {
            (Some(since), Some(from)) => [self.gaps.blocked(since, from, look.now), None],
            _ => self.gaps.silent(look.idle, self.missing_from(), look.cause, look.now),
        };
        facts.into_iter().flatten().for_each(|fact| self.footage.gap(fact));
    }

    /// Where a gap begins that opens now.
    fn missing_from(&self) -> Option<Utc> {
        let wanted_from = self.wanted_from.filter(|_| self.was_ended);
        self.last_end.map(|end| wanted_from.map_or(end, |from| end.max(from)))
    }

    /// Takes up what is wanted now.
    fn follow(&mut self, tap: &mut TapState, look: &Look) {
        if look.wish.is_empty() {
            if self.resting
                && let Some(causes) = tap.left_over()
            {
                // Wanted while the run before this one was given it: stored up to the next RAP.
                self.resting = false;
                self.continuous = causes.contains(Causes::SCHEDULE);
                self.marked = causes.without(Causes::SCHEDULE);
            }
            if !self.resting {
                self.stop_from.get_or_insert(look.now);
            }
            return;
        }
        self.stop_from = None;
        let from = look.wish.asked.iter().map(|asked| asked.from).min();
        if std::mem::take(&mut self.resting) {
            self.rest_told = false;
            self.gaps = Gaps::new(look.now);
            let from = from.unwrap_or(look.now);
            self.wanted_from = Some(from);
            self.was_ended = self.footage.is_ended();
            tap.wake(from);
        }
        tap.set_causes(look.wish.causes());
        if std::mem::replace(&mut self.continuous, look.wish.continuous) != look.wish.continuous {
            self.planner.rotate();
        }
        for asked in &look.wish.asked {
            if !self.marked.contains(asked.cause) {
                self.marked = self.marked.union(asked.cause);
                // A clip begins with a picture that can be decoded, so a little earlier.
                let from = tap.first().map_or(asked.from, |first| first.min(asked.from));
                self.footage.mark_opened(asked.cause, from);
            }
        }
        let over = self.marked.without(look.wish.causes());
        self.end_marks(over, look.now);
    }

    fn end_marks(&mut self, over: Causes, now: Utc) {
        for cause in over.each() {
            self.footage.mark_closed(cause, now);
        }
        self.marked = self.marked.without(over);
    }

    /// Is this the place to stop at?
    fn stops_before(&self, unit: &AccessUnit) -> bool {
        let wanted_until = self.stop_from.filter(|_| unit.rap && unit.track == Track::Video);
        wanted_until.is_some_and(|until| unit.utc >= until)
    }

    /// Writes what was planned; from the next unit on nothing is wanted.
    fn rest(&mut self, tap: &mut TapState, look: &Look) -> Outcome {
        self.planner.rest();
        let outcome = self.write(tap, look);
        if matches!(outcome, Outcome::Done) {
            self.open.clear();
            let end = self.last_end.unwrap_or(look.now);
            self.end_marks(self.marked, end);
            self.stop_from = None;
            self.resting = true;
            self.published.blocked = None;
            self.blocked_since = None;
        }
        outcome
    }

    fn rest_on(&mut self, tap: &mut TapState, look: &Look) {
        match look.wish.keep {
            Some(keep) => {
                let short = tap.keep(look.now - keep.time - LATE_EVENT, keep.most_bytes);
                self.published.short_of_memory += u64::from(short);
            }
            None => tap.end(),
        }
        // What a crash left open is known when the disks had their time.
        if !self.rest_told && (self.recorded || look.settled) {
            self.rest_told = true;
            self.footage.ended(look.now);
        }
    }

    fn take(&mut self, tap: &mut TapState, look: &Look) -> Outcome {
        // What was planned and not taken comes first; meanwhile units wait in the ring.
        match self.write(tap, look) {
            Outcome::Done => {}
            other => return other,
        }
        while let Some(item) = tap.try_next() {
            match item {
                Item::Unit(unit) if self.stops_before(&unit) => {
                    tap.give_back();
                    return self.rest(tap, look);
                }
                Item::Unit(unit) => self.planner.push(unit),
                Item::Lost { units } => {
                    self.lost_to_disk = self.blocked_since.is_some() || tap.read() < self.blocked_until;
                    let (camera, name) = (&self.stream.camera, self.stream.stream);
                    tracing::error!(%camera, stream = %name, units, disk = self.lost_to_disk, "access units lost before the disk");
                    self.published.lost_units += units;
                    self.overload += if self.lost_to_disk { 0 } else { units };
                    self.planner.lost();
                }
            }
            if !self.planner.steps().is_empty() {
                match self.write(tap, look) {
                    Outcome::Done => {}
                    other => return other,
                }
            }
        }
        let stopping = self.stop_from.map(|since| look.now.since(since));
        if stopping.is_some_and(|waited| waited > LONGEST_STOP || look.idle > SILENT) {
            return self.rest(tap, look);
        }
        self.planner.end_look();
        let outcome = self.write(tap, look);
        if matches!(outcome, Outcome::Done) && self.blocked_since.take().is_some() {
            // The ring may have overflowed meanwhile: that is read after what it held.
            self.blocked_until = tap.published();
            self.published.blocked = None;
            tracing::info!(camera = %self.stream.camera, stream = %self.stream.stream, "footage is taken again");
        }
        outcome
    }

    /// The orderly end of the run; `cause` of the gap that begins now, if one does.
    pub fn finish(&mut self, tap: &mut TapState, look: &Look, cause: GapCause) {
        self.look(tap, look);
        if !self.resting && self.stop_from.is_some() && matches!(self.rest(tap, look), Outcome::Done) {
            // What lies up to the next RAP nobody wanted.
            self.rest_on(tap, look);
        }
        if self.resting {
            return;
        }
        let end = self.last_end.unwrap_or(look.now);
        self.end_marks(self.marked, end);
        self.planner.finish();
        if !matches!(self.write(tap, look), Outcome::Done) {
            self.begin_again(tap);
        }
        self.open.clear();
        let cause = if self.blocked_since.is_some() {
            GapCause::Disk
        } else {
            look.cause.unwrap_or(cause)
        };
        if let Some(from) = self.missing_from() {
            self.gaps
                .hole(from, cause)
                .into_iter()
                .for_each(|fact| self.footage.gap(fact));
        }
    }

    /// Plans anew, in a new run, from what is not stored.
    fn begin_again(&mut self, tap: &mut TapState) {
        self.run = Ulid::generate();
        self.published.run = self.run.to_string();
        self.planner = Planner::new(self.segment);
        self.open.clear();
        tap.rewind();
    }

    /// Access units lost to overload since the last call.
    pub fn take_overload(&mut self) -> u64 {
        std::mem::take(&mut self.overload)
    }

    /// Why it records, up to the place where it stops.
    fn causes(&self) -> Causes {
        match self.continuous {
            true => self.marked.union(Causes::SCHEDULE),
            false => self.marked,
        }
    }

    pub fn snapshot(&self, tap: &TapState) -> RecordingSnapshot {
        RecordingSnapshot {
            waiting_units: tap.waiting(),
            causes: if self.resting { Causes::NONE } else { self.causes() },
            ..self.published.clone()
        }
    }
}
