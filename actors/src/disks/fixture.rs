//! Disks for tests.
#![allow(clippy::unwrap_used)]

use std::{path::PathBuf, time::Duration};

use vigie_config::{Disk, DiskId};

/// One without limits.
pub(crate) fn plain_disk(id: &str, path: PathBuf) -> Disk {
    Disk {
        id: DiskId::new(id).unwrap(),
        path,
        group: "default".into(),
        keep_free_bytes: 0,
        max_size_bytes: None,
        require_mount: false,
        when_full: Default::default(),
        tick: Duration::from_millis(50),
    }
}
