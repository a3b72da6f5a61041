//! The life of a disk: what happened to it goes in, what it is and what is to be done comes out.
//! Pure: no clock, no disk.
//!
//! ```text
//! opening ─▶ in use ─▶ failed, removed, slow, read_only … ─▶ (tried again) ─▶ in use
//!    │          └────▶ released ─▶ (pulled) removed ─▶ (there again) in use
//!    └─▶ absent, foreign, blank, unmarked … ─▶ (looked at again)
//! ```

use std::{fmt, time::Duration};

use rustix::io::Errno;
use serde::Serialize;
use vigie_config::{DiskId, ErrorKind, Kind};
use vigie_storage::VolumeError;

use super::outage::{Outage, RETRY};
use vigie_config::EventKind;

/// How many looks at a disk that no write found room on: it is tried then, whether there is room or not,
/// because footage on it may go that had to stay before.
const LOOKS_WHILE_FULL: u32 = 30;

/// Where a disk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiskState {
    /// No recorder runs; it would be recorded on.
    Ready,
    /// Recorded on.
    Online,
    /// Recorded on, but not by every camera: a folder takes no files.
    Degraded,
    /// In use, and nothing new is begun there: its limits are reached and `when_full` is `stop`,
    /// or no write finds room.
    Full,
    /// In use, and nothing new is begun there: an operator said so.
    Retired,
    /// A write or a sync has not returned for long.
    Slow,
    /// Being looked through for the first time.
    Opening,
    /// There again, and being looked through.
    Returning,
    /// No folder, no mount, or a device that does not answer.
    Absent,
    /// Unmounted, or its folder replaced, while it was recorded on.
    Removed,
    /// Closed by an operator, so that it can be pulled.
    Released,
    /// Another recorder's.
    Foreign,
    /// Empty, where a disk of ours should be.
    Blank,
    /// Not empty, and without the marker of a disk of ours.
    Unmarked,
    /// Of a newer vigie.
    NewerFormat,
    /// Its marker cannot be understood.
    Damaged,
    /// The same volume as another disk of the configuration.
    Duplicate,
    ReadOnly,
    /// This process may not write there.
    Denied,
    /// Failed while it was recorded on; looked at again soon.
    Failed,
}

impl fmt::Display for DiskState {
    /// As in the API.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// Where a disk stands that was not opened for this reason.
pub fn state_of(error: &VolumeError) -> DiskState {
    Trouble::of(error).state
}

/// Why a disk is not in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub state: DiskState,
    pub error: String,
}

impl Trouble {
    /// Why a disk was not opened.
    pub fn of(error: &VolumeError) -> Trouble {
        let is = |errno: Option<i32>, of: &[Errno]| of.iter().any(|e| Some(e.raw_os_error()) == errno);
        let state = match error {
            VolumeError::Missing { .. } | VolumeError::NotMounted { .. } => DiskState::Absent,
            VolumeError::Foreign { .. } => DiskState::Foreign,
            VolumeError::Blank { .. } => DiskState::Blank,
            VolumeError::Unmarked { .. } => DiskState::Unmarked,
            VolumeError::NewerFormat { .. } => DiskState::NewerFormat,
            VolumeError::BadMarker { .. } => DiskState::Damaged,
            VolumeError::Duplicate { .. } => DiskState::Duplicate,
            VolumeError::Replaced { .. } => DiskState::Failed,
            VolumeError::SlowSync { .. } | VolumeError::Hanging { .. } => DiskState::Slow,
            VolumeError::Io { errno, .. } if is(*errno, &[Errno::ROFS]) => DiskState::ReadOnly,
            VolumeError::Io { errno, .. } if is(*errno, &[Errno::ACCESS, Errno::PERM]) => DiskState::Denied,
            VolumeError::Io { errno, .. } if is(*errno, &[Errno::NOSPC, Errno::DQUOT]) => DiskState::Full,
            VolumeError::Io { .. } => DiskState::Absent,
        };
        Trouble {
            state,
            error: error.to_string(),
        }
    }

    /// Why a disk failed that was recorded on.
    fn while_recording(error: &VolumeError) -> Trouble {
        let mut trouble = Trouble::of(error);
        if matches!(error, VolumeError::Io { .. }) && trouble.state == DiskState::Absent {
            trouble.state = DiskState::Failed;
        } else if matches!(error, VolumeError::Replaced { .. } | VolumeError::Unmarked { .. }) {
            trouble.state = DiskState::Removed;
        }
        trouble
    }

    fn event(&self) -> EventKind {
        match self.state {
            DiskState::Removed | DiskState::Absent => EventKind::DiskRemoved,
            DiskState::Full => EventKind::DiskFull,
            DiskState::Slow => EventKind::DiskSlow,
            DiskState::Released => EventKind::DiskReleased,
            _ => EventKind::DiskError,
        }
    }
}

/// What happened.
#[derive(Debug)]
pub enum Happened<'a> {
    Opened,
    NotOpened(&'a VolumeError),
    /// It has been recorded on for long enough to be trusted.
    Held,
    /// While it was recorded on.
    Failed {
        /// `None`: nobody says why.
        error: Option<&'a VolumeError>,
        /// No other disk of its group takes footage.
        alone: bool,
    },
    /// An operator wants to pull it.
    ToRelease,
    /// A released disk is not at its path any more, or an operator takes it back.
    NotReleased,
    /// Its threads have ended, or were left behind.
    Closed,
    /// The rest is over. `room`: the disk has some, or need not have.
    Rested {
        room: bool,
    },
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Open,
    /// Recorded on, until it fails or an operator wants it back.
    Watch,
    Close,
    Rest(Duration),
}

/// What a step comes to.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    pub order: Order,
    pub event: Option<(EventKind, String)>,
    /// Why it is not in use, where that was not said before.
    pub error: Option<String>,
}

#[derive(Debug)]
pub struct Life {
    disk: DiskId,
    /// `None`: in use, or opened for the first time.
    trouble: Option<Trouble>,
    outage: Outage,
    /// How long it rests when it is closed.
    rest: Duration,
    /// How often it was full since it was tried last.
    looks: u32,
}

impl Life {
    pub fn new(disk: DiskId) -> Life {
        Life {
            disk,
            trouble: None,
            outage: Outage::default(),
            rest: RETRY,
            looks: 0,
        }
    }

    /// Why it is not in use.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    pub fn on(&mut self, happened: Happened<'_>) -> Step {
        match happened {
            Happened::Opened => {
                self.trouble = None;
                self.then(Order::Watch)
            }
            Happened::NotOpened(error) => self.down(Trouble::of(error), Order::Rest(self.outage.absent())),
            Happened::Held => Step {
                order: Order::Watch,
                event: self
                    .outage
                    .held()
                    .then(|| (EventKind::DiskBack, "in use again".to_owned())),
                error: None,
            },
            Happened::Failed { error, alone } => {
                let slow = error.is_some_and(|error| error.kind() == ErrorKind::Timeout);
                self.rest = self.outage.failed(slow, alone);
                let trouble = error.map_or_else(|| self.failed(), Trouble::while_recording);
                self.down(trouble, Order::Close)
            }
            Happened::ToRelease => {
                let error = format!("disk {} was released: it can be unmounted and pulled", self.disk);
                let state = DiskState::Released;
                self.down(Trouble { state, error }, Order::Close)
            }
            Happened::NotReleased => {
                let error = format!("disk {} was released and pulled", self.disk);
                let state = DiskState::Removed;
                self.trouble = Some(Trouble { state, error });
                self.then(Order::Open)
            }
            Happened::Closed => {
                let rest = std::mem::replace(&mut self.rest, RETRY);
                self.then(Order::Rest(rest))
            }
            Happened::Rested { .. } if self.is_released() => self.then(Order::Rest(RETRY)),
            Happened::Rested { room: false } if self.looks < LOOKS_WHILE_FULL => {
                self.looks += 1;
                self.then(Order::Rest(RETRY))
            }
            Happened::Rested { .. } => {
                self.looks = 0;
                self.then(Order::Open)
            }
        }
    }

    pub fn is_released(&self) -> bool {
        let released = |trouble: &Trouble| trouble.state == DiskState::Released;
        self.trouble.as_ref().is_some_and(released)
    }

    /// No write found room.
    pub fn is_full(&self) -> bool {
        let full = |trouble: &Trouble| trouble.state == DiskState::Full;
        self.trouble.as_ref().is_some_and(full)
    }

    fn failed(&self) -> Trouble {
        Trouble {
            state: DiskState::Failed,
            error: format!("disk {}: the volume failed while recording", self.disk),
        }
    }

    /// Repeats are told once.
    fn down(&mut self, trouble: Trouble, order: Order) -> Step {
        let said = self.outage.is_told(&trouble.error);
        let news = self.outage.note(&trouble);
        let step = Step {
            order,
            event: news.then(|| (trouble.event(), trouble.error.clone())),
            error: (!said).then(|| trouble.error.clone()),
        };
        self.trouble = Some(trouble);
        step
    }

    fn then(&self, order: Order) -> Step {
        Step {
            order,
            event: None,
            error: None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn disk() -> DiskId {
        DiskId::new("one").unwrap()
    }

    fn missing() -> VolumeError {
        VolumeError::Missing {
            disk: disk(),
            path: "/srv/one".into(),
        }
    }

    const RESTED: Happened<'_> = Happened::Rested { room: true };

    fn state(life: &Life) -> Option<DiskState> {
        life.trouble().map(|trouble| trouble.state)
    }

    #[test]
    fn absent_is_told_once_looked_at_again_and_back_is_told() {
        let mut life = Life::new(disk());
        let step = life.on(Happened::NotOpened(&missing()));
        assert_eq!(step.order, Order::Rest(RETRY));
        assert_eq!(step.event.unwrap().0, EventKind::DiskRemoved);
        assert_eq!(state(&life), Some(DiskState::Absent));
        assert_eq!(life.on(RESTED).order, Order::Open);
        assert_eq!(life.on(Happened::NotOpened(&missing())).event, None, "no news");
        let step = life.on(Happened::Opened);
        assert_eq!((step.order, step.event), (Order::Watch, None));
        assert_eq!(state(&life), None);
        assert_eq!(life.on(Happened::Held).event.unwrap().0, EventKind::DiskBack);
        assert_eq!(life.on(Happened::Held).event, None, "once");
    }

    #[test]
    fn a_disk_that_comes_up_is_not_told() {
        let mut life = Life::new(disk());
        assert_eq!(life.on(Happened::Opened).event, None);
        assert_eq!(life.on(Happened::Held).event, None);
    }

    #[test]
    fn a_slow_disk_rests_longer_once() {
        let mut life = Life::new(disk());
        life.on(Happened::Opened);
        let slow = VolumeError::SlowSync {
            disk: disk(),
            millis: 2100,
            allowed: 2000,
        };
        let step = life.on(Happened::Failed {
            error: Some(&slow),
            alone: true,
        });
        assert_eq!((step.order, step.event.unwrap().0), (Order::Close, EventKind::DiskSlow));
        assert_eq!(life.on(Happened::Closed).order, Order::Rest(Duration::from_secs(30)));
        assert_eq!(life.on(RESTED).order, Order::Open);
        assert_eq!(life.on(Happened::NotOpened(&slow)).order, Order::Rest(RETRY));
    }

    #[test]
    fn an_unmounted_disk_is_removed_and_a_broken_one_failed() {
        let unmounted = VolumeError::Replaced {
            disk: disk(),
            path: "/srv/one".into(),
        };
        let broken = VolumeError::io(
            &disk(),
            "cannot write to",
            "/srv/one",
            &std::io::Error::from_raw_os_error(Errno::IO.raw_os_error()),
        );
        for (error, expected, event) in [
            (&unmounted, DiskState::Removed, EventKind::DiskRemoved),
            (&broken, DiskState::Failed, EventKind::DiskError),
        ] {
            let mut life = Life::new(disk());
            life.on(Happened::Opened);
            let step = life.on(Happened::Failed {
                error: Some(error),
                alone: true,
            });
            assert_eq!((state(&life), step.event.unwrap().0), (Some(expected), event));
        }
    }

    #[test]
    fn a_released_disk_is_left_alone_until_it_was_pulled() {
        let mut life = Life::new(disk());
        life.on(Happened::Opened);
        let step = life.on(Happened::ToRelease);
        assert_eq!(
            (step.order, step.event.unwrap().0),
            (Order::Close, EventKind::DiskReleased)
        );
        assert_eq!(life.on(Happened::Closed).order, Order::Rest(RETRY));
        for _ in 0..3 {
            assert_eq!(life.on(RESTED).order, Order::Rest(RETRY));
            assert_eq!(state(&life), Some(DiskState::Released));
        }
        assert_eq!(life.on(Happened::NotReleased).order, Order::Open);
        assert_eq!(state(&life), Some(DiskState::Removed));
        // Whoever released it knows.
        assert_eq!(life.on(Happened::NotOpened(&missing())).event, None);
        assert_eq!(life.on(Happened::Opened).order, Order::Watch);
        assert_eq!(life.on(Happened::Held).event.unwrap().0, EventKind::DiskBack);
    }

    #[test]
    fn a_full_disk_is_opened_when_it_has_room_and_tried_now_and_then() {
        let full = std::io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error());
        let full = VolumeError::io(&disk(), "cannot write to", "/srv/one", &full);
        let mut life = Life::new(disk());
        life.on(Happened::Opened);
        for room in [true, false] {
            life.on(Happened::Failed {
                error: Some(&full),
                alone: true,
            });
            assert!(life.is_full());
            life.on(Happened::Closed);
            for _ in 0..if room { 3 } else { LOOKS_WHILE_FULL } {
                let step = life.on(Happened::Rested { room: false });
                assert_eq!((step.order, step.event), (Order::Rest(RETRY), None));
            }
            assert_eq!(life.on(Happened::Rested { room }).order, Order::Open);
            life.on(Happened::Opened);
        }
    }

    #[test]
    fn a_read_only_disk_is_called_that() {
        let error = std::io::Error::from_raw_os_error(Errno::ROFS.raw_os_error());
        let trouble = Trouble::of(&VolumeError::io(&disk(), "cannot write to", "/srv", &error));
        assert_eq!(trouble.state, DiskState::ReadOnly);
        assert!(trouble.error.contains("Read-only file system"), "{}", trouble.error);
    }
}
