//! One segment's file while it is being written.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::handle::SegmentHandle;
use crate::{
    file::{Footage, Root},
    layout,
    mp4::{FragmentInfo, Moov, SegmentTally},
    rows::SegmentRow,
    segment::{Fragment, SegmentStart},
    uuid::{RecorderId, VolumeId},
};

/// Blocks are reserved in steps of this, so that files lie in few pieces.
const STEP: u64 = 8 << 20;
const MAX_FIRST: u64 = 256 << 20;
/// So many names are tried when the clock went back over footage that exists.
const MAX_NAMES: u32 = 10_000;

#[derive(Debug)]
pub(super) struct OpenFile {
    file: Footage,
    path: PathBuf,
    moov: Moov,
    pub tally: SegmentTally,
    /// As in the file's tags.
    pub segment: SegmentStart,
    allocated: u64,
    /// This file system counts a file's names.
    counts_names: bool,
}

/// Why a fragment is not in a file.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The disk's fault.
    Io {
        what: &'static str,
        path: PathBuf,
        error: io::Error,
    },
    /// The fragment's fault.
    Bad(String),
}

impl Trouble {
    fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Trouble {
        let path = path.to_owned();
        move |error| Trouble::Io { what, path, error }
    }
    pub fn is_full(&self) -> bool {
        matches!(self, Trouble::Io { error, .. } if is_full(error))
    }
}

pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// A fragment's tables, checked against what follows them.
fn inspect(moov: &Moov, fragment: &Fragment, offset: u64) -> Result<FragmentInfo, Trouble> {
    let info = FragmentInfo::parse(moov, &fragment.header, offset)
        .ok_or_else(|| Trouble::Bad("its header is not the moof and mdat header of a known track".into()))?;
    if info.len != fragment.len() {
        let text = format!("its boxes are {} bytes long, it has {}", info.len, fragment.len());
        return Err(Trouble::Bad(text));
    }
    Ok(info)
}

impl OpenFile {
    /// Creates the file with its first fragment in it, and gives it its name. `expected`: bytes to
    /// reserve, 0 for none.
    pub fn create(
        root: &Root,
        recorder: RecorderId,
        handle: &SegmentHandle,
        fragment: &Fragment,
        expected: u64,
    ) -> Result<OpenFile, Trouble> {
        let mut segment = handle.segment.clone();
        for _ in 0..MAX_NAMES {
            let path = segment.path();
            let dot = dotted(&path);
            if root.exists(&path).map_err(Trouble::io("cannot look for", &path))? {
                segment.start = segment.start.plus_micros(1000);
                continue;
            }
            let file = match root.create_new(&dot) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let dir = layout::hour_dir(&segment.stream, segment.start);
                    root.create_dirs(&dir).map_err(Trouble::io("cannot create", &dir))?;
                    root.create_new(&dot)
                }
                other => other,
            };
            let file = match file {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    segment.start = segment.start.plus_micros(1000);
                    continue;
                }
                other => other.map_err(Trouble::io("cannot create", &dot))?,
            };
            let opened = Self::begin(root, file, path, segment, recorder, handle, fragment, expected);
            if opened.is_err() {
                // Empty or torn: its name says so too, if it cannot be removed.
                let _ = root.remove(&dot);
            }
            return opened;
        }
        Err(Trouble::Bad(format!(
            "{MAX_NAMES} files exist from {} on",
            handle.segment.start
        )))
    }

    #[allow(clippy::too_many_arguments)]
    fn begin(
        root: &Root,
        file: Footage,
        path: PathBuf,
        segment: SegmentStart,
        recorder: RecorderId,
        handle: &SegmentHandle,
        fragment: &Fragment,
        expected: u64,
    ) -> Result<OpenFile, Trouble> {
        let init = (handle.init)(&segment.tags(recorder));
        let moov = Moov::from_init(&init)
            .filter(|moov| !moov.tracks.is_empty())
            .ok_or_else(|| Trouble::Bad("its init segment has no tracks".into()))?;
        let info = inspect(&moov, fragment, init.len() as u64)?;
        let mut open = OpenFile {
            counts_names: file.is_linked().unwrap_or(false),
            file,
            path,
            moov,
            tally: SegmentTally::new(init.len() as u64, &init),
            segment,
            allocated: 0,
        };
        if expected > 0 {
            open.reserve(expected.clamp(STEP / 8, MAX_FIRST));
        }
        open.write(Some(&init), fragment, 0)?;
        let dot = dotted(&open.path);
        root.rename(&dot, &open.path)
            .map_err(Trouble::io("cannot name", &open.path))?;
        open.tally.add(&info);
        Ok(open)
    }

    /// Without room there is nothing to reserve: the write itself will tell.
    fn reserve(&mut self, len: u64) {
        if self.file.allocate(self.allocated, len).is_ok() {
            self.allocated += len;
        }
    }

    fn write(&self, init: Option<&[u8]>, fragment: &Fragment, offset: u64) -> Result<(), Trouble> {
        let mut parts: Vec<&[u8]> = Vec::with_capacity(fragment.media.len() + 2);
        parts.extend(init);
        parts.push(&fragment.header);
        parts.extend(fragment.media.iter().map(|unit| unit.as_ref()));
        self.file
            .write_at(&parts, offset)
            .map_err(Trouble::io("cannot write", &self.path))
    }

    /// Writes at the end of the last whole fragment: after an error the same can be tried again.
    pub fn append(&mut self, fragment: &Fragment) -> Result<(), Trouble> {
        let offset = self.tally.bytes;
        let info = inspect(&self.moov, fragment, offset)?;
        if self.allocated > 0 && offset + info.len > self.allocated {
            self.reserve(STEP.max(offset + info.len - self.allocated));
        }
        self.write(None, fragment, offset)?;
        self.tally.add(&info);
        Ok(())
    }

    pub fn row(&self, volume: VolumeId) -> SegmentRow {
        self.tally.row(&self.segment, volume)
    }

    /// Nobody deleted it, as far as the file system can tell.
    pub fn is_linked(&self) -> bool {
        !self.counts_names || self.file.is_linked().unwrap_or(true)
    }

    /// Gives back what was reserved.
    pub fn finish(&self) -> Result<(), Trouble> {
        self.file
            .truncate(self.tally.bytes)
            .map_err(Trouble::io("cannot trim", &self.path))
    }
}

fn dotted(path: &Path) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    path.with_file_name(layout::dot_name(name))
}
