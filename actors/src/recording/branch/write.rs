//! A step of the plan on storage: a fragment into the open segment, or why not.

use vigie_config::GapCause;
use vigie_media::fmp4::{self, Fragment};
use vigie_storage::SegmentStart;

use super::{Branch, OpenSegment, Outcome};
use crate::recording::{
    cutter::{Hole, Why},
    footage::{Footage, Refusal},
    planner::Step,
    tap::{StoredUnits, TapState},
    wish::Look,
};

impl<F: Footage> Branch<F> {
    pub(super) fn write(&mut self, tap: &mut TapState, look: &Look) -> Outcome {
        while let Some(step) = self.planner.steps().pop_front() {
            let refusal = match &step {
                Step::Start {
                    number,
                    start,
                    format,
                    continued,
                } => {
                    let start = SegmentStart {
                        stream: self.stream.clone(),
                        run: self.run,
                        number: *number,
                        start: *start,
                        causes: look.wish.causes().union(self.causes()),
                        continued: *continued,
                        synchronised: look.synchronised,
                        codec: fmp4::codecs(format).into(),
                    };
                    match self.footage.start(start, format.clone()) {
                        Ok(segment) => {
                            self.published.segments += 1;
                            self.open.push(OpenSegment {
                                number: *number,
                                segment,
                                empty: true,
                            });
                            continue;
                        }
                        Err(refusal) => refusal,
                    }
                }
                Step::Append { number, fragment } => {
                    match self.open.iter_mut().find(|open| open.number == *number) {
                        Some(open) => match open.segment.append(fragment) {
                            Ok(()) => {
                                let first = std::mem::replace(&mut open.empty, false);
                                self.stored(fragment, first, tap);
                                continue;
                            }
                            Err(refusal) => refusal,
                        },
                        None => {
                            // Its segment was found unfit: said there.
                            self.discard(fragment, tap);
                            continue;
                        }
                    }
                }
                Step::Finish { number } => {
                    self.open.retain(|open| open.number != *number);
                    continue;
                }
                Step::Gap(hole) => {
                    let cause = self.cause_of(hole, look);
                    self.gaps
                        .hole(hole.from, cause)
                        .into_iter()
                        .for_each(|fact| self.footage.gap(fact));
                    continue;
                }
            };
            self.refused(&refusal, look);
            if self.waiting_from.is_none() {
                self.waiting_from = match &step {
                    Step::Start { start, .. } => Some(*start),
                    _ => None,
                };
            }
            match refusal {
                Refusal::Wait(_) => {
                    self.planner.steps().push_front(step);
                    return Outcome::Blocked;
                }
                Refusal::Down(_) => return Outcome::Again,
                Refusal::Unfit(_) => {
                    if let Step::Append { fragment, .. } = &step {
                        self.discard(fragment, tap);
                    }
                }
            }
        }
        Outcome::Done
    }

    pub(super) fn stored(&mut self, fragment: &Fragment, first: bool, tap: &mut TapState) {
        tap.stored(&StoredUnits::from(fragment));
        if fragment.video_units > 0 {
            self.recorded = true;
            self.last_end = Some(fragment.end);
            self.gaps
                .stored(fragment.start, first)
                .into_iter()
                .for_each(|fact| self.footage.gap(fact));
        }
        let published = &mut self.published;
        published.fragments += 1;
        published.units += u64::from(fragment.units);
        published.bytes += fragment.len() as u64;
        published.last_end = self.last_end;
    }

    /// Units that no file takes: a gap.
    pub(super) fn discard(&mut self, fragment: &Fragment, tap: &mut TapState) {
        tap.stored(&StoredUnits::from(fragment));
        self.published.lost_units += u64::from(fragment.units);
        let from = self.missing_from().unwrap_or(fragment.start);
        self.gaps
            .hole(from, GapCause::Stalled)
            .into_iter()
            .for_each(|fact| self.footage.gap(fact));
    }

    pub(super) fn refused(&mut self, refusal: &Refusal, look: &Look) {
        let text = refusal.to_string();
        let told = self.published.error.as_deref() == Some(&text);
        if !told || self.blocked_since.is_none() {
            tracing::error!(camera = %self.stream.camera, stream = %self.stream.stream, error = text, "footage was not taken");
        }
        self.published.error = Some(text.clone());
        if matches!(refusal, Refusal::Wait(_)) {
            self.blocked_since.get_or_insert(look.now);
            self.published.blocked = Some(text);
        }
    }

    pub(super) fn cause_of(&self, hole: &Hole, look: &Look) -> GapCause {
        match hole.why {
            Why::Lost if self.lost_to_disk => GapCause::Disk,
            Why::Lost => GapCause::Overload,
            Why::Clock => GapCause::Clock,
            _ => look.cause.unwrap_or(GapCause::Network),
        }
    }
}
