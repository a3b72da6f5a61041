//! A recorder's folders with far more in its index than could be recorded here.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use vigie_config::{Disk, DiskId, GapCause, StreamId, Utc, WhenFull};
use vigie_storage::{
    Storage, StorageOptions, VolumeId, layout,
    ledger::{Entry, Line},
    recovery::Mark,
};

use crate::rows::{DAY_US, HOUR_US, MINUTE_US, SEGMENT_BYTES};

pub fn state_dir(folder: &Path) -> PathBuf {
    folder.join("state")
}

pub fn index_dir(folder: &Path) -> PathBuf {
    state_dir(folder).join("index")
}

pub fn disk_dir(folder: &Path) -> PathBuf {
    folder.join("disk")
}

pub fn disk(folder: &Path) -> Result<Disk> {
    Ok(Disk {
        id: DiskId::new("d1")?,
        path: disk_dir(folder),
        group: "default".into(),
        keep_free_bytes: 0,
        max_size_bytes: None,
        require_mount: false,
        when_full: WhenFull::default(),
        tick: std::time::Duration::from_secs(1),
    })
}

/// Folders and identities as a first start makes them; the volume's.
pub fn prepare(folder: &Path) -> Result<VolumeId> {
    fs::create_dir_all(disk_dir(folder))?;
    let storage = Storage::open(&state_dir(folder), StorageOptions::default())?;
    let volume = storage.add_volume(&disk(folder)?)?.id();
    storage.close();
    drop(storage);
    // sled's threads may hold it a moment longer; what is measured begins with none.
    fs::remove_dir_all(index_dir(folder))?;
    fs::write(folder.join("volume"), volume.0.to_string())?;
    Ok(volume)
}

/// That [`prepare`] made.
pub fn volume(folder: &Path) -> Result<VolumeId> {
    let text = fs::read_to_string(folder.join("volume")).context("no index was built: leave --keep out")?;
    Ok(VolumeId(text.parse()?))
}

/// The checkpoint as the recorder leaves it: everything from minute `begin` on that starts before
/// `to` is in the index, and each stream's only gap was at the beginning, as in [`tree`].
pub fn mark(streams: &[StreamId], begin: i64, to: i64) -> Mark {
    let first = Utc::from_micros(begin * MINUTE_US);
    let each = || streams.iter().map(|stream| (stream.clone(), first)).collect();
    Mark {
        from: Utc::from_micros(to * MINUTE_US),
        footage_bytes: SEGMENT_BYTES * (to - begin) as u64 * streams.len() as u64,
        oldest: Some(each()),
        gap_days: Some(each()),
        mark_days: Vec::new(),
    }
}

/// What the start looks at of so much footage: each stream's days, the hours of the first and the
/// last ones, the files of the first and the last hour (empty: none is opened), and a gap long ago.
pub fn tree(folder: &Path, streams: &[StreamId], begin: i64, end: i64) -> Result<()> {
    let at = |minute: i64| Utc::from_micros(minute * MINUTE_US);
    let (first, last) = (at(begin), at(end - 1));
    for stream in streams {
        let mut day = first;
        while day <= last.plus_micros(DAY_US) {
            fs::create_dir_all(disk_dir(folder).join(layout::day_dir(stream, day)))?;
            day = day.plus_micros(DAY_US);
        }
        for edge in [first, last] {
            let mut hour = edge.plus_micros(-2 * HOUR_US).max(first);
            while hour <= edge.plus_micros(2 * HOUR_US).min(last) {
                fs::create_dir_all(disk_dir(folder).join(layout::hour_dir(stream, hour)))?;
                hour = hour.plus_micros(HOUR_US);
            }
        }
        for minute in (begin..begin + 60).chain(end - 60..end) {
            let path = disk_dir(folder).join(layout::segment_path(stream, at(minute)));
            fs::create_dir_all(path.parent().context("a parent")?)?;
            fs::write(path, b"")?;
        }
        let since = first.plus_micros(MINUTE_US);
        let entry = Entry::GapClose {
            since,
            from: since,
            was: GapCause::Network,
            at: since.plus_micros(30_000_000),
        };
        let line = Line {
            seq: since.as_micros(),
            entry,
        };
        fs::write(disk_dir(folder).join(layout::ledger_path(stream, first)), line.encode())?;
    }
    Ok(())
}
