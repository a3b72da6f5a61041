//! A segment's file as a source of access units.

use std::{fs::File, io, sync::Arc};

use crate::{
    file::ReadAt,
    mp4::{FragmentInfo, Moof, Moov, Sample, ScanError, SegmentScan, TrackKind, scan_segment},
    rows::SegmentRow,
};

use super::ClipError;

/// Finds the file of a row, wherever its volume is now.
pub type OpenSegment = Arc<dyn Fn(&SegmentRow) -> io::Result<File> + Send + Sync>;

/// One access unit where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    /// Ticks since media time 0 of the file.
    pub dts: i64,
    pub duration: u32,
    pub size: u32,
    pub flags: u32,
    /// Presentation minus decoding time.
    pub shift: i32,
    /// First byte in the file.
    pub at: u64,
}

impl Unit {
    pub fn pts(&self) -> i64 {
        self.dts + i64::from(self.shift)
    }
    pub fn end(&self) -> i64 {
        self.pts() + i64::from(self.duration)
    }
    pub fn sync(&self) -> bool {
        Sample::is_sync(self.flags)
    }
}

/// A track of the clip, as the first segment describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Track {
    pub id: u32,
    pub timescale: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tracks {
    /// The one that the clip is cut by: video where there is any.
    pub main: Track,
    pub audio: Option<Track>,
}

impl Tracks {
    pub fn of(moov: &Moov) -> Option<Tracks> {
        let of_kind = |kind| {
            let track = moov.tracks.iter().find(|track| track.kind == kind);
            track.map(|track| Track {
                id: track.id,
                timescale: track.timescale,
            })
        };
        match (of_kind(TrackKind::Video), of_kind(TrackKind::Audio)) {
            (Some(main), audio) => Some(Tracks { main, audio }),
            (None, Some(main)) => Some(Tracks { main, audio: None }),
            (None, None) => None,
        }
    }
}

/// A segment whose tables were looked through.
pub(super) struct Source {
    pub row: SegmentRow,
    pub scan: SegmentScan,
    pub tracks: Tracks,
    file: File,
}

/// The units of one fragment in order of decoding.
#[derive(Debug, Default)]
pub(super) struct Units {
    pub main: Vec<Unit>,
    pub audio: Vec<Unit>,
}

impl Source {
    pub fn open(row: &SegmentRow, open: &OpenSegment) -> Result<Source, ClipError> {
        let read = |error| ClipError::Read {
            stream: row.stream.clone(),
            start: row.start,
            error,
        };
        let file = open(row).map_err(read)?;
        let mut scan = scan_segment(&file).map_err(|error| match error {
            ScanError::Io(error) => read(error),
            error => damaged(row, error.to_string()),
        })?;
        // A file that is being written may have grown since its row was made.
        scan.fragments
            .retain(|fragment| fragment.offset + fragment.len <= row.bytes);
        let tracks = Tracks::of(&scan.moov).ok_or_else(|| damaged(row, "it has no track".into()))?;
        Ok(Source {
            row: row.clone(),
            scan,
            tracks,
            file,
        })
    }

    pub fn bytes(&self, offset: u64, len: u64) -> Result<Vec<u8>, ClipError> {
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let got = self
            .file
            .read_full_at(&mut bytes, offset)
            .map_err(|error| ClipError::Read {
                stream: self.row.stream.clone(),
                start: self.row.start,
                error,
            })?;
        if got < bytes.len() {
            Err(damaged(&self.row, "it is cut short".into()))
        } else {
            Ok(bytes)
        }
    }

    pub fn units(&self, fragment: &FragmentInfo) -> Result<Units, ClipError> {
        let bytes = self.bytes(fragment.offset, fragment.moof_len)?;
        let moof = bytes.get(8..).and_then(Moof::parse);
        let moof = moof.ok_or_else(|| damaged(&self.row, format!("fragment at byte {}", fragment.offset)))?;
        let mut units = Units::default();
        for traf in &moof.trafs {
            let into = if traf.track == self.tracks.main.id {
                &mut units.main
            } else if self.tracks.audio.is_some_and(|audio| audio.id == traf.track) {
                &mut units.audio
            } else {
                continue;
            };
            let track = self.scan.moov.track(traf.track);
            let default = |pick: fn(&crate::mp4::TrackInfo) -> u32| track.map_or(0, pick);
            let mut dts = i64::try_from(traf.base).unwrap_or(i64::MAX);
            let mut at = fragment.offset + fragment.moof_len + 8;
            for trun in &traf.truns {
                if let Some(offset) = trun.data_offset {
                    at = fragment.offset.saturating_add_signed(offset.into());
                }
                for sample in trun.samples() {
                    let duration = sample.duration.or(traf.default_duration);
                    let size = sample.size.or(traf.default_size);
                    let flags = sample.flags.or(traf.default_flags);
                    let unit = Unit {
                        dts,
                        duration: duration.unwrap_or_else(|| default(|track| track.default_duration)),
                        size: size.unwrap_or_else(|| default(|track| track.default_size)),
                        flags: flags.unwrap_or_else(|| default(|track| track.default_flags)),
                        shift: i32::try_from(sample.offset).unwrap_or(0),
                        at,
                    };
                    if at + u64::from(unit.size) > fragment.offset + fragment.len {
                        return Err(damaged(&self.row, format!("a unit at byte {at} leaves its fragment")));
                    }
                    dts = dts.saturating_add(unit.duration.into());
                    at += u64::from(unit.size);
                    into.push(unit);
                }
            }
        }
        Ok(units)
    }

    /// The first tick of a track's time line that is not before `at`.
    pub fn tick(&self, at: vigie_config::Utc, track: Track) -> i64 {
        let micros = i128::from(at.micros_since(self.row.start)) * i128::from(track.timescale);
        let ticks = micros.div_euclid(1_000_000) + i128::from(micros.rem_euclid(1_000_000) > 0);
        i64::try_from(ticks).unwrap_or(i64::MAX)
    }
}

pub(super) fn damaged(row: &SegmentRow, what: String) -> ClipError {
    ClipError::Damaged {
        stream: row.stream.clone(),
        start: row.start,
        what,
    }
}
