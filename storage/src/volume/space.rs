//! A volume's room: when it is too little, what is told of it.

use std::time::{Duration, Instant};

use vigie_config::WhenFull;

use super::{Volume, lock};
use crate::fact::StorageFact;

/// A quota refuses writes while the file system has room: it is told anew after so long without.
const QUOTA_TOLD_FOR: Duration = Duration::from_secs(3600);

impl Volume {
    /// Its limits are reached, and nothing may go to make room: nothing new is begun there.
    pub fn is_full(&self) -> bool {
        let limits = self.limits();
        let size = self.used_bytes().saturating_add(self.held.bytes());
        limits.when_full == WhenFull::Stop
            && (self.stats.free.get() < limits.keep_free_bytes || limits.max_size_bytes.is_some_and(|max| size >= max))
    }

    /// Reads the file system's free space and says when it is too little.
    pub(crate) fn look_at_space(&self) {
        let Ok(space) = self.root.space() else { return };
        self.stats.total.set(space.total);
        self.stats.free.set(space.free);
        let limits = self.limits();
        if space.free < limits.keep_free_bytes / 2 {
            // More than recording itself takes between two looks: somebody else fills it.
            self.tell_full(Duration::ZERO);
        } else if space.free >= limits.keep_free_bytes {
            let mut told = lock(&self.full_told);
            *told = told.filter(|until| *until > Instant::now());
        }
        let over = self.knows_footage_bytes() && limits.max_size_bytes.is_some_and(|max| self.used_bytes() > max);
        if space.free < limits.keep_free_bytes || over {
            (self.facts)(StorageFact::SpaceLow {
                disk: self.disk.clone(),
                free: space.free,
            });
        }
    }

    pub(super) fn make_room(&self, bytes: u64) -> u64 {
        let room = bytes.max(self.limits().keep_free_bytes);
        let quota = self.root.space().is_ok_and(|space| space.free >= room);
        let freed = (self.make_room)(self, bytes);
        // Where nothing may go the volume fails, and that is told.
        if freed > 0 {
            self.tell_full(if quota { QUOTA_TOLD_FOR } else { Duration::ZERO });
        }
        freed
    }

    /// Not again before `at_least` is over, and there is room.
    fn tell_full(&self, at_least: Duration) {
        if lock(&self.full_told).replace(Instant::now() + at_least).is_none() {
            (self.facts)(StorageFact::VolumeFull {
                disk: self.disk.clone(),
                oldest_goes: self.limits().when_full == WhenFull::Cycle,
            });
        }
    }
}
