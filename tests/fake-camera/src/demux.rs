//! Reads MP4 files, fragmented or not, on its own: nothing of the recorder's code is used, so
//! that a mistake there is not repeated here.
//!
//! Boxes as in ISO/IEC 14496-12; metadata tags as in the QuickTime file format (`keys`, `ilst`).

mod boxes;
mod tables;

use std::{collections::BTreeMap, fs, ops::Range, path::Path};

use anyhow::{Context, Result, bail, ensure};

use crate::{Identity, VideoCodec};
use boxes::{Boxes, Cursor};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackKind {
    Video,
    Audio,
    Other,
}

/// One unit of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Ticks of the track's timescale, from the start of the file's time line.
    pub dts: i64,
    pub pts: i64,
    pub duration: u32,
    /// Decoding can start here, says the file.
    pub sync: bool,
    /// Where its bytes are in the file.
    pub bytes: Range<usize>,
}

/// One entry of an edit list, in the movie's and the track's timescale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    pub segment_duration: u64,
    /// −1: an empty edit.
    pub media_time: i64,
}

#[derive(Debug, Clone)]
pub struct Track {
    pub id: u32,
    pub kind: TrackKind,
    /// Type of the first sample entry: `avc1`, `hvc1`, `mp4a`, …
    pub sample_entry: String,
    /// Picture size in the sample entry.
    pub size: (u16, u16),
    pub timescale: u32,
    /// NAL units in `avcC` or `hvcC`.
    pub parameter_sets: Vec<Vec<u8>>,
    /// Bytes of a NAL unit's length.
    pub nal_length_len: usize,
    pub edits: Vec<Edit>,
    pub samples: Vec<Sample>,
    pub(crate) defaults: Defaults,
}

/// What a fragment's samples have in common unless said otherwise (`trex`).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Defaults {
    pub duration: u32,
    pub size: u32,
    pub flags: u32,
}

/// A whole file.
#[derive(Debug)]
pub struct Movie {
    pub data: Vec<u8>,
    /// `moov/meta`: what ffprobe shows as format tags.
    pub tags: BTreeMap<String, String>,
    pub timescale: u32,
    pub tracks: Vec<Track>,
    pub fragments: usize,
}

impl Movie {
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(fs::read(path)?).with_context(|| path.display().to_string())
    }

    /// Fails where a box is cut off or a sample lies outside the file.
    pub fn parse(data: Vec<u8>) -> Result<Self> {
        let mut movie = Self {
            data: Vec::new(),
            tags: BTreeMap::new(),
            timescale: 0,
            tracks: Vec::new(),
            fragments: 0,
        };
        for item in Boxes::new(&data, 0..data.len()) {
            let item = item?;
            match &item.kind {
                b"moov" => tables::moov(&data, item.body, &mut movie)?,
                b"moof" => {
                    movie.fragments += 1;
                    moof(&data, item.start, item.body, &mut movie.tracks)?;
                }
                _ => {}
            }
        }
        ensure!(!movie.tracks.is_empty(), "no track");
        for sample in movie.tracks.iter().flat_map(|t| &t.samples) {
            ensure!(
                sample.bytes.end <= data.len(),
                "a sample ends at {} of {}",
                sample.bytes.end,
                data.len()
            );
        }
        movie.data = data;
        Ok(movie)
    }

    pub fn video(&self) -> Option<&Track> {
        self.tracks.iter().find(|t| t.kind == TrackKind::Video)
    }

    pub fn audio(&self) -> Option<&Track> {
        self.tracks.iter().find(|t| t.kind == TrackKind::Audio)
    }

    pub fn bytes(&self, sample: &Sample) -> &[u8] {
        self.data.get(sample.bytes.clone()).unwrap_or_default()
    }

    /// NAL units of a sample; an error where lengths do not add up.
    pub fn nals(&self, track: &Track, sample: &Sample) -> Result<Vec<&[u8]>> {
        let mut rest = self.bytes(sample);
        let mut nals = Vec::new();
        while !rest.is_empty() {
            let (head, body) = rest
                .split_at_checked(track.nal_length_len)
                .context("cut off NAL length")?;
            let len = head.iter().fold(0usize, |sum, b| sum << 8 | usize::from(*b));
            let (nal, after) = body.split_at_checked(len).context("cut off NAL unit")?;
            nals.push(nal);
            rest = after;
        }
        Ok(nals)
    }

    /// Which access unit of which camera a sample of the video track is.
    pub fn identity(&self, track: &Track, sample: &Sample) -> Option<Identity> {
        if track.codec() == Some(VideoCodec::Mjpeg) {
            return Identity::in_jpeg(self.bytes(sample));
        }
        self.nals(track, sample).ok()?.into_iter().find_map(Identity::in_nal)
    }
}

impl Track {
    pub fn codec(&self) -> Option<VideoCodec> {
        match self.sample_entry.as_str() {
            "avc1" | "avc3" => Some(VideoCodec::H264),
            "hvc1" | "hev1" => Some(VideoCodec::H265),
            _ if self.kind == TrackKind::Video => Some(VideoCodec::Mjpeg),
            _ => None,
        }
    }

    /// End of the last sample in ticks.
    pub fn end(&self) -> i64 {
        self.samples.last().map_or(0, |s| s.dts + i64::from(s.duration))
    }
}

fn moof(data: &[u8], start: usize, body: Range<usize>, tracks: &mut [Track]) -> Result<()> {
    for item in Boxes::new(data, body) {
        let item = item?;
        if &item.kind == b"traf" {
            traf(data, start, item.body, tracks)?;
        }
    }
    Ok(())
}

fn traf(data: &[u8], moof: usize, body: Range<usize>, tracks: &mut [Track]) -> Result<()> {
    let mut track: Option<&mut Track> = None;
    let mut defaults = Defaults::default();
    let mut base = moof;
    let mut dts = 0i64;
    for item in Boxes::new(data, body) {
        let item = item?;
        let mut cursor = Cursor::new(data, item.body);
        match &item.kind {
            b"tfhd" => {
                let flags = cursor.u32()? & 0xff_ffff;
                let id = cursor.u32()?;
                let found = tracks
                    .iter_mut()
                    .find(|t| t.id == id)
                    .context("a fragment of an unknown track")?;
                defaults = found.defaults;
                if flags & 0x1 != 0 {
                    base = cursor.u64()? as usize;
                }
                if flags & 0x2 != 0 {
                    cursor.u32()?;
                }
                if flags & 0x8 != 0 {
                    defaults.duration = cursor.u32()?;
                }
                if flags & 0x10 != 0 {
                    defaults.size = cursor.u32()?;
                }
                if flags & 0x20 != 0 {
                    defaults.flags = cursor.u32()?;
                }
                dts = found.end();
                track = Some(found);
            }
            b"tfdt" => {
                dts = if cursor.u32()? >> 24 == 1 {
                    cursor.u64()? as i64
                } else {
                    i64::from(cursor.u32()?)
                };
            }
            b"trun" => {
                let Some(track) = track.as_deref_mut() else {
                    bail!("trun before tfhd")
                };
                trun(cursor, base, &mut dts, defaults, track)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn trun(mut cursor: Cursor, base: usize, dts: &mut i64, defaults: Defaults, track: &mut Track) -> Result<()> {
    let flags = cursor.u32()? & 0xff_ffff;
    let count = cursor.u32()?;
    let mut at = base;
    if flags & 0x1 != 0 {
        at = base
            .checked_add_signed(cursor.u32()? as i32 as isize)
            .context("data offset")?;
    }
    let first_flags = if flags & 0x4 != 0 { Some(cursor.u32()?) } else { None };
    for place in 0..count {
        let duration = if flags & 0x100 != 0 {
            cursor.u32()?
        } else {
            defaults.duration
        };
        let size = if flags & 0x200 != 0 {
            cursor.u32()?
        } else {
            defaults.size
        } as usize;
        let mut sample_flags = if flags & 0x400 != 0 {
            cursor.u32()?
        } else {
            defaults.flags
        };
        if let (0, Some(first)) = (place, first_flags) {
            sample_flags = first;
        }
        let shift = if flags & 0x800 != 0 { cursor.u32()? as i32 } else { 0 };
        track.samples.push(Sample {
            dts: *dts,
            pts: *dts + i64::from(shift),
            duration,
            sync: sample_flags & 0x1_0000 == 0,
            bytes: at..at + size,
        });
        *dts += i64::from(duration);
        at += size;
    }
    Ok(())
}
