//! What a recording is asked for: all the time, for events, or to keep what may come before one.
//!
//! Belongs here: the wish, and what the branch is told with it. Does not belong here: how it comes
//! about ([`super::triggers`]), what is done about it ([`super::branch`]).

use std::time::Duration;

use vigie_config::{Causes, GapCause, Utc};

use super::triggers::Asked;

/// What the branch is told at every look.
pub struct Look {
    pub now: Utc,
    /// Time without video.
    pub idle: Duration,
    /// Why, as the source knows it.
    pub cause: Option<GapCause>,
    pub wish: Wish,
    pub synchronised: bool,
    /// The disks had their time: what an earlier process left, a crash gap too, is known.
    pub settled: bool,
}

/// What is to be recorded now, and what is to wait for an event.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wish {
    /// By schedule, all the time.
    pub continuous: bool,
    /// By events and people, each since when.
    pub asked: Vec<Asked>,
    /// The pre-alarm time: what waits in memory while nothing is recorded; `None`: no event can
    /// come.
    pub keep: Option<Keep>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    pub time: Duration,
    pub most_bytes: u64,
}

impl Wish {
    pub fn is_empty(&self) -> bool {
        !self.continuous && self.asked.is_empty()
    }

    pub fn causes(&self) -> Causes {
        let schedule = if self.continuous {
            Causes::SCHEDULE
        } else {
            Causes::NONE
        };
        self.asked.iter().fold(schedule, |all, asked| all.union(asked.cause))
    }
}
