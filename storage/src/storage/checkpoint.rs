//! Checkpoints: how far each volume is known to the index, so that a start need not read it.

use std::{sync::atomic::Ordering, time::Duration};

use vigie_config::Utc;

use super::{Storage, list, lock};
use crate::{recovery::Mark, volume::Volume};

/// A segment may begin with pictures that waited in memory for so long: for a disk, for an event.
/// What has begun since is looked at again after a crash, or when the disk has failed.
const ON_ITS_WAY: Duration = Duration::from_secs(120);

impl Storage {
    /// Makes what the index knows durable, so that the next start need not look at older files.
    /// Done by itself once a minute.
    pub fn checkpoint(&self) {
        let mut volumes = list(&self.volumes);
        volumes.retain(|volume| volume.is_prompt());
        let covered: Vec<u64> = volumes.iter().map(|volume| volume.behind_checkpoint()).collect();
        for volume in &volumes {
            self.set_mark(volume, Utc::now() - ON_ITS_WAY);
        }
        self.flush_index();
        for (volume, covered) in volumes.iter().zip(covered) {
            volume.checkpoint_written(covered);
        }
    }

    pub(super) fn flush_index(&self) {
        if let Err(error) = self.catalog.index().flush() {
            tracing::debug!(%error, "the index is not durable now");
        }
        self.look_at_generation();
    }

    /// The index may have been set aside by whoever used it: then no volume has a checkpoint
    /// before it was read again.
    pub(super) fn look_at_generation(&self) {
        let mut known = lock(&self.generation);
        let now = self.catalog.index().generation();
        if now == *known {
            return;
        }
        tracing::error!("the index was broken and is made anew from the volumes");
        for volume in list(&self.volumes) {
            volume.set_indexed(false);
        }
        // The next start reads everything again; what is online is read now.
        self.rebuild_due.store(true, Ordering::SeqCst);
        *known = now;
    }

    /// Only in memory: durable with the next flush. `before`: nothing that begins earlier will be
    /// written any more.
    pub(super) fn set_mark(&self, volume: &Volume, before: Utc) {
        let generation = *lock(&self.generation);
        if !volume.may_have_checkpoint() {
            // Not all of it has been read yet: the next start has to.
            return;
        }
        let from = volume.settled_before(before);
        if volume.has_failed() {
            // What it held is on its way elsewhere: it must be looked through again.
            return;
        }
        let later = self.bytes_since(volume, from);
        let mark = Mark {
            from,
            footage_bytes: volume.footage_bytes().saturating_sub(later),
            oldest: Some(volume.oldest()),
            gap_days: Some(self.catalog.gap_days()),
            mark_days: self.catalog.mark_days(),
        };
        let index = self.catalog.index();
        index.set_checkpoint(volume.id(), &mark.encode(), generation);
        volume.checkpointed(from);
    }

    /// Of finished segments that start at `from` or later.
    pub(super) fn bytes_since(&self, volume: &Volume, from: Utc) -> u64 {
        self.streams()
            .iter()
            .flat_map(|stream| self.catalog.indexed(stream, from, Utc::MAX))
            .filter(|row| row.volume == volume.id() && row.start >= from)
            .map(|row| row.bytes)
            .sum()
    }
}
