//! Failed disks whose unsynced footage is on its way to others. Until it is in files there, nobody
//! can tell what of a disk that comes back is a copy.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::watch;
use vigie_config::DiskId;

#[derive(Debug, Default)]
pub(crate) struct Rescues(watch::Sender<BTreeMap<DiskId, u32>>);

/// One rescue; over when dropped.
#[derive(Debug)]
pub(crate) struct Rescue {
    all: Arc<Rescues>,
    disk: DiskId,
}

impl Rescues {
    pub fn begin(self: &Arc<Self>, disk: &DiskId) -> Rescue {
        self.0.send_modify(|going| *going.entry(disk.clone()).or_default() += 1);
        Rescue {
            all: self.clone(),
            disk: disk.clone(),
        }
    }

    /// Resolves when none of this disk is going on.
    pub async fn over(&self, disk: &DiskId) {
        // The sender is here: it cannot be gone.
        drop(self.0.subscribe().wait_for(|going| !going.contains_key(disk)).await);
    }
}

impl Drop for Rescue {
    fn drop(&mut self) {
        self.all.0.send_modify(|going| {
            if let Some(count) = going.get_mut(&self.disk) {
                *count -= 1;
                if *count == 0 {
                    going.remove(&self.disk);
                }
            }
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_disk_waits_for_all_of_its_own() {
        let (one, two) = (DiskId::new("one").unwrap(), DiskId::new("two").unwrap());
        let all = Arc::new(Rescues::default());
        all.over(&one).await;
        let (first, second) = (all.begin(&one), all.begin(&one));
        all.over(&two).await;
        drop(first);
        tokio::select! {
            biased;
            () = all.over(&one) => panic!("one of them goes on"),
            () = std::future::ready(()) => {}
        }
        drop(second);
        all.over(&one).await;
    }
}
