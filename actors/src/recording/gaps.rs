//! Time without media: when it begins, what its cause is, when it is over. Pure.

use std::time::Duration;

use vigie_config::{GapCause, Utc};

use super::cutter::GAP_MICROS;

/// What storage is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapFact {
    Opened { start: Utc, cause: GapCause },
    Cause { at: Utc, cause: GapCause },
    Closed { end: Utc },
}

/// One stream's open gap, as this run knows it.
#[derive(Debug)]
pub struct Gaps {
    /// When this run began: a gap from before it is not ours to explain.
    begin: Utc,
    open: Option<OpenGap>,
}

#[derive(Debug)]
struct OpenGap {
    start: Utc,
    cause: GapCause,
    /// Nobody knew the cause yet.
    guessed: bool,
}

impl Gaps {
    pub fn new(begin: Utc) -> Gaps {
        Gaps { begin, open: None }
    }

    /// No video for `idle`; the newest stored unit ended at `last_end`; `cause` as the source
    /// knows it.
    pub fn silent(
        &mut self,
        idle: Duration,
        last_end: Option<Utc>,
        cause: Option<GapCause>,
        now: Utc,
    ) -> [Option<GapFact>; 2] {
        if idle.as_micros() <= GAP_MICROS as u128 {
            return [None; 2];
        }
        match (&mut self.open, last_end) {
            (None, Some(start)) => {
                let known = cause.unwrap_or(GapCause::Stalled);
                self.open = Some(OpenGap {
                    start,
                    cause: known,
                    guessed: cause.is_none(),
                });
                let opened = GapFact::Opened { start, cause: known };
                // What an earlier run left open keeps its cause up to this one, and longer as
                // long as nobody knows better.
                let ours = cause.filter(|_| start < self.begin);
                [Some(opened), ours.map(|cause| GapFact::Cause { at: self.begin, cause })]
            }
            (Some(open), _) => match cause {
                Some(cause) if cause != open.cause => {
                    let at = if open.guessed { open.start.max(self.begin) } else { now };
                    open.cause = cause;
                    open.guessed = false;
                    [Some(GapFact::Cause { at, cause }), None]
                }
                Some(_) => {
                    open.guessed = false;
                    [None; 2]
                }
                None => [None; 2],
            },
            (None, None) => [None; 2],
        }
    }

    /// Nothing has been taken since `since`, though media comes; `from`: what was not stored begins
    /// there. What waits in memory may still be stored: then the gap was none.
    pub fn blocked(&mut self, since: Utc, from: Utc, now: Utc) -> Option<GapFact> {
        if now.micros_since(since) <= GAP_MICROS {
            return None;
        }
        let Some(open) = &mut self.open else {
            return self.hole(from, GapCause::Disk);
        };
        if open.cause == GapCause::Disk {
            return None;
        }
        open.cause = GapCause::Disk;
        open.guessed = false;
        let at = since.max(open.start);
        Some(GapFact::Cause {
            at,
            cause: GapCause::Disk,
        })
    }

    /// Media is missing from `start` up to what comes next.
    pub fn hole(&mut self, start: Utc, cause: GapCause) -> Option<GapFact> {
        if self.open.is_some() {
            return None;
        }
        self.open = Some(OpenGap {
            start,
            cause,
            guessed: false,
        });
        Some(GapFact::Opened { start, cause })
    }

    /// A fragment that begins at `start` was stored, the first of its segment or not.
    pub fn stored(&mut self, start: Utc, first: bool) -> Option<GapFact> {
        let open = self.open.as_ref()?;
        // Late sound of the time before does not end it.
        if !first && start < open.start {
            return None;
        }
        let end = start.max(open.start);
        self.open = None;
        Some(GapFact::Closed { end })
    }
}
