//! Hours of the index that cannot be read are read from the volumes again.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{Storage, list, lock};
use crate::{
    file::Root,
    index::{Damage, IndexError, RowKind},
    rebuild::{self, Rebuilt},
};

/// Recording comes first after a start.
const BETWEEN_STREAMS: Duration = Duration::from_millis(20);

impl Storage {
    /// Behind everybody's back: it waits for other upkeep.
    pub(super) fn mend_behind(self: &Arc<Self>) {
        let damaged = self.catalog.index().damaged();
        if damaged.is_empty() || self.mending.swap(true, Ordering::SeqCst) {
            return;
        }
        let storage = self.clone();
        let body = move || {
            storage.mend(&damaged);
            storage.mending.store(false, Ordering::SeqCst);
        };
        if let Err(error) = std::thread::Builder::new().name("mend".into()).spawn(body) {
            self.mending.store(false, Ordering::SeqCst);
            tracing::error!(%error, "no thread to mend the index");
        }
    }

    fn mend(&self, damaged: &[Damage]) {
        let _one = lock(&self.upkeep);
        if self.closed.load(Ordering::SeqCst) {
            return;
        }
        // A crash before all is there again, and volumes that are not online, cost a full reading.
        let generation = self.catalog.index().generation();
        let volumes = list(&self.volumes);
        let indexed: Vec<_> = volumes.iter().filter(|volume| volume.set_indexed(false)).collect();
        for volume in lock(&self.state).volumes() {
            self.catalog.index().forget_checkpoint(volume);
        }
        let mut mended = true;
        for damage in damaged {
            let rows = self.mend_hour(damage);
            mended &= rows.is_ok();
            match rows {
                Ok(rows) => tracing::warn!(
                    stream = %damage.stream, hour = %damage.hour, rows,
                    "an hour of the index could not be read and was made anew from the volumes"
                ),
                Err(error) => tracing::error!(
                    stream = %damage.stream, hour = %damage.hour, %error,
                    "an hour of the index cannot be made anew: it is tried again"
                ),
            }
        }
        if mended && generation == self.catalog.index().generation() {
            for volume in indexed {
                volume.set_indexed(true);
            }
        }
        self.checkpoint();
    }

    /// Looks through the whole index: what sled left out when it was opened shows only then.
    pub(super) fn verify_index_behind(self: &Arc<Self>) {
        let storage = Arc::downgrade(self);
        let body = move || {
            let streams = |storage: Arc<Storage>| storage.catalog.index().summed_streams();
            for stream in storage.upgrade().map(streams).into_iter().flatten().flatten() {
                std::thread::sleep(BETWEEN_STREAMS);
                // Nobody's end waits for this.
                let Some(storage) = storage.upgrade() else { return };
                if let Err(error) = storage.catalog.index().verify(&stream) {
                    tracing::error!(%error, "the index is not as it was left");
                    return;
                }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("verify".into()).spawn(body) {
            tracing::error!(%error, "no thread to look through the index");
        }
    }

    fn mend_hour(&self, damage: &Damage) -> Result<u64, MendError> {
        let index = self.catalog.index();
        index.forget_damaged(damage)?;
        let volumes = list(&self.volumes);
        let mut rows = 0;
        match damage.kind {
            RowKind::Segments => {
                for volume in &volumes {
                    let mut failed = None;
                    let mut put = |row| {
                        rows += 1;
                        failed = index.put_segment(&row).err();
                        failed.is_none()
                    };
                    let skip = |stream: &_, at| volume.is_open(stream, at);
                    let mut done = Rebuilt::default();
                    let (id, stream) = (volume.id(), &damage.stream);
                    rebuild::read_hour(volume.root(), id, stream, damage.hour, skip, &mut put, &mut done)?;
                    failed.map_or(Ok(()), Err)?;
                }
            }
            // Of the two only those that are missing are new.
            RowKind::Gaps | RowKind::Marks => {
                let roots: Vec<&Root> = volumes.iter().map(|volume| volume.root()).collect();
                let told = rebuild::read_ledgers(roots, &damage.stream);
                for row in told.gaps.iter().filter(|row| damage.holds(row.start)) {
                    index.put_gap(row)?;
                    rows += 1;
                }
                for row in told.marks.iter().filter(|row| damage.holds(row.start)) {
                    index.put_mark(row)?;
                    rows += 1;
                }
            }
        }
        Ok(rows)
    }
}

#[derive(Debug, thiserror::Error)]
enum MendError {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("a volume cannot be read: {0}")]
    Volume(#[from] std::io::Error),
}
