//! The time that a disk is not in use, from its first failure until it has held again: told once
//! at its begin and once at its end, however often it fails in between.

use std::time::Duration;

use super::life::{DiskState, Trouble};

/// How often an absent or failed disk is looked at again.
pub(super) const RETRY: Duration = Duration::from_secs(2);
/// A disk that was too slow is given time before it is trusted again.
const AFTER_SLOW: Duration = Duration::from_secs(30);
/// One that fails as soon as it is used is tried less and less often, up to this.
const LONGEST_RETRY: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Outage {
    /// As it was told last; `None`: the disk is in use.
    told: Option<Trouble>,
    /// How often it has failed soon after it was back.
    relapses: u32,
}

impl Outage {
    /// True: to be told as an event. What changes about a disk that does not answer is no news;
    /// that somebody mounted another one there is.
    pub fn note(&mut self, trouble: &Trouble) -> bool {
        let news = match self.told.as_ref().map(|told| told.state) {
            None => true,
            Some(before) if before == trouble.state => false,
            Some(DiskState::Removed) if trouble.state == DiskState::Unmarked => false,
            Some(_) => !matches!(trouble.state, DiskState::Absent | DiskState::Failed | DiskState::Slow),
        };
        self.told = Some(trouble.clone());
        news
    }

    /// It failed while it was recorded on: how long to wait. `alone`: no other disk of its group
    /// takes footage, so that each second that it does is worth having.
    pub fn failed(&mut self, slow: bool, alone: bool) -> Duration {
        if self.told.is_some() && !alone {
            self.relapses = self.relapses.saturating_add(1);
        }
        let pause = if slow { AFTER_SLOW } else { RETRY };
        if alone {
            return pause;
        }
        pause.saturating_mul(1 << self.relapses.min(5)).min(LONGEST_RETRY)
    }

    /// It cannot be used now: how long to wait.
    pub fn absent(&self) -> Duration {
        RETRY
    }

    /// It has held. True: there was an outage, which is over now.
    pub fn held(&mut self) -> bool {
        std::mem::take(self).told.is_some()
    }

    /// What was told last, if it was this.
    pub fn is_told(&self, text: &str) -> bool {
        self.told.as_ref().is_some_and(|told| told.error == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(state: DiskState, error: &str) -> Trouble {
        Trouble {
            state,
            error: error.to_owned(),
        }
    }

    #[test]
    fn an_outage_is_told_once_however_often_the_disk_fails() {
        let mut outage = Outage::default();
        assert!(!outage.held(), "there was none");
        let seconds = |pause: Duration| pause.as_secs();
        assert_eq!(seconds(outage.failed(false, false)), 2);
        assert!(outage.note(&trouble(DiskState::Failed, "cannot write one")));
        assert!(!outage.note(&trouble(DiskState::Absent, "cannot write to")));
        for pause in [4, 8, 16, 32, 60, 60] {
            assert_eq!(seconds(outage.failed(false, false)), pause);
            assert_eq!(seconds(outage.failed(false, true)), 2, "the only one");
            assert!(!outage.note(&trouble(DiskState::Failed, "cannot write two")));
        }
        assert!(outage.held());
        assert!(!outage.held(), "once");
        assert_eq!(seconds(outage.failed(true, false)), 30);
        assert!(outage.note(&trouble(DiskState::Slow, "slow")), "a new one");
        assert_eq!(seconds(outage.failed(true, false)), 60);
    }

    #[test]
    fn another_disk_in_its_place_is_news() {
        let mut outage = Outage::default();
        assert!(outage.note(&trouble(DiskState::Removed, "unmounted")));
        assert!(!outage.note(&trouble(DiskState::Unmarked, "the folder below")));
        assert!(outage.note(&trouble(DiskState::Foreign, "another recorder's")));
        assert!(!outage.note(&trouble(DiskState::Foreign, "another recorder's")));
        assert!(!outage.note(&trouble(DiskState::Absent, "gone again")));
    }
}
