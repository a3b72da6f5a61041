//! Book-keeping of footage: what a camera says it sent against what lies on disk.
//!
//! Every access unit a camera sent must be on disk, once, or lie inside a gap row.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{Identity, NalKind, SentLog, VideoClip, demux::Movie};

/// One access unit that lies on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub identity: Identity,
    /// The file's own opinion of when it was: Unix time in microseconds, of decoding.
    pub utc_us: i64,
    /// In order of the files.
    pub file: usize,
    pub sample: usize,
    pub sync: bool,
}

/// All files of one stream.
#[derive(Debug, Default)]
pub struct Footage {
    pub files: Vec<PathBuf>,
    pub units: Vec<Stored>,
    /// Video samples that carry no number of ours.
    pub anonymous: usize,
    pub audio_samples: usize,
    /// Sample entries met, in order, without repeats.
    pub formats: Vec<(String, (u16, u16))>,
    /// Files that could not be read, and why.
    pub broken: Vec<(PathBuf, String)>,
}

/// Time without media, as the recorder states it: Unix time in microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapSpan {
    pub start_us: u64,
    pub end_us: Option<u64>,
    pub cause: String,
}

/// How the books stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balance {
    pub sent: usize,
    pub on_disk: usize,
    pub in_gaps: usize,
    /// Sent before the first unit on disk: no gap covers them.
    pub before_first: usize,
    /// Sent, not on disk, in no gap.
    pub missing: Vec<u64>,
    /// On disk more than once.
    pub doubled: Vec<u64>,
    /// On disk and never sent.
    pub unknown: Vec<u64>,
    /// On disk behind a later one.
    pub out_of_order: usize,
    /// The largest difference between a file's time and the time of sending, in microseconds.
    pub worst_clock_us: u64,
}

impl Balance {
    /// Nothing is unaccounted for, doubled or out of order.
    pub fn holds(&self) -> bool {
        self.missing.is_empty() && self.doubled.is_empty() && self.unknown.is_empty() && self.out_of_order == 0
    }
}

impl Footage {
    /// Reads every `.mp4` under a stream's folder, in the order of their names; or one file.
    pub fn read(folder: &Path) -> Result<Self> {
        Self::read_all([folder])
    }

    /// Of one stream on several disks.
    pub fn read_all<'a>(folders: impl IntoIterator<Item = &'a Path>) -> Result<Self> {
        let mut paths = Vec::new();
        for folder in folders {
            if folder.is_file() {
                paths.push(folder.to_owned());
            } else {
                collect(folder, &mut paths)?;
            }
        }
        // Names are times: sorting by name is sorting by time.
        paths.sort_by_key(|p| p.file_name().map(std::ffi::OsStr::to_owned));
        let mut footage = Self::default();
        for path in paths {
            match Movie::read(&path) {
                Ok(movie) => footage.add(&movie),
                Err(error) => footage.broken.push((path.clone(), format!("{error:#}"))),
            }
            footage.files.push(path);
        }
        Ok(footage)
    }

    fn add(&mut self, movie: &Movie) {
        let start = movie.tags.get("vigie.start").and_then(|t| unix_us(t)).unwrap_or(0);
        self.audio_samples += movie.audio().map_or(0, |t| t.samples.len());
        let Some(track) = movie.video() else { return };
        let format = (track.sample_entry.clone(), track.size);
        if self.formats.last() != Some(&format) {
            self.formats.push(format);
        }
        for (place, sample) in track.samples.iter().enumerate() {
            let Some(identity) = movie.identity(track, sample) else {
                self.anonymous += 1;
                continue;
            };
            let ticks = i128::from(sample.dts) * 1_000_000 / i128::from(track.timescale.max(1));
            self.units.push(Stored {
                identity,
                utc_us: start + ticks as i64,
                file: self.files.len(),
                sample: place,
                sync: sample.sync,
            });
        }
    }

    /// Compares with what was sent. `slack_us`: how far from a gap's edge a unit may have been due.
    pub fn balance(&self, log: &SentLog, gaps: &[GapSpan], slack_us: u64) -> Balance {
        let sent = log.numbers();
        let mut seen = BTreeSet::new();
        let mut balance = Balance {
            sent: sent.len(),
            ..Balance::default()
        };
        let mut last = None;
        for unit in self.units.iter().filter(|u| u.identity.source == log.source) {
            let number = unit.identity.number;
            if !seen.insert(number) {
                balance.doubled.push(number);
            } else if !sent.contains(&number) {
                balance.unknown.push(number);
            }
            if last.is_some_and(|l| l > number) {
                balance.out_of_order += 1;
            }
            last = Some(number);
            let off = unit.utc_us.abs_diff(unit.identity.sent_us as i64);
            balance.worst_clock_us = balance.worst_clock_us.max(off);
        }
        balance.on_disk = seen.len();
        for number in sent.difference(&seen) {
            let due = log.due_us(*number);
            let inside = gaps
                .iter()
                .any(|gap| due + slack_us >= gap.start_us && gap.end_us.is_none_or(|end| due <= end + slack_us));
            if inside {
                balance.in_gaps += 1;
            } else if seen.first().is_none_or(|first| number < first) {
                balance.before_first += 1;
            } else {
                balance.missing.push(*number);
            }
        }
        balance
    }

    /// Compares the NAL units on disk, byte for byte, with those the camera sent; parameter sets
    /// and delimiters may have moved to the sample entry. Gives the numbers that differ.
    pub fn differing(&self, log: &SentLog, clips: &[&VideoClip]) -> Result<Vec<u64>> {
        let lens: Vec<usize> = clips.iter().map(|c| c.units.len()).collect();
        let mut differing = Vec::new();
        let mut open: Option<(usize, Movie)> = None;
        for unit in self.units.iter().filter(|u| u.identity.source == log.source) {
            if open.as_ref().is_none_or(|(file, _)| *file != unit.file) {
                let path = self.files.get(unit.file).context("file")?;
                open = Some((unit.file, Movie::read(path)?));
            }
            let Some((_, movie)) = &open else { continue };
            let track = movie.video().context("video track")?;
            let sample = track.samples.get(unit.sample).context("sample")?;
            let number = unit.identity.number;
            let (clip, place) = log.unit_of(number, &lens).context("a unit that was never sent")?;
            let clip = clips.get(clip).context("clip")?;
            let matters = |nal: &&[u8]| {
                !matches!(clip.codec.nal_kind(nal), NalKind::ParameterSet | NalKind::Delimiter)
                    && Identity::in_nal(nal).is_none()
            };
            let stored = movie.nals(track, sample)?;
            if !stored
                .into_iter()
                .filter(matters)
                .eq(clip.original_nals(place).filter(matters))
            {
                differing.push(number);
            }
        }
        Ok(differing)
    }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| folder.display().to_string()),
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|e| e == "mp4")
            && !path.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"."))
        {
            paths.push(path);
        }
    }
    Ok(())
}

/// Unix time in microseconds of an RFC 3339 time in UTC (`2026-11-20T09:41:00.123456Z`).
pub fn unix_us(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let seconds = number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
    let fraction = text.get(19..)?.trim_end_matches('Z');
    let fraction = match fraction.strip_prefix('.') {
        Some(digits) => format!("{digits:0<6}").get(..6)?.parse::<i64>().ok()?,
        None => 0,
    };
    // Days since 1970 in the proleptic Gregorian calendar, years beginning in March.
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days =
        365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some((days * 86_400 + seconds) * 1_000_000 + fraction)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::SentRange;

    #[test]
    fn times_are_read() {
        assert_eq!(unix_us("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(unix_us("2026-11-20T09:41:00.123Z"), Some(1_795_167_660_123_000));
        assert_eq!(unix_us("2024-02-29T23:59:59.000001Z"), Some(1_709_251_199_000_001));
    }

    fn log(first: u64, last: u64) -> SentLog {
        SentLog {
            camera: "a".into(),
            stream: "main".into(),
            source: 1,
            epoch_us: 0,
            interval_us: 40_000,
            ranges: vec![SentRange {
                session: 1,
                first,
                last,
                clip: 0,
                first_unit: 0,
            }],
            damaged: vec![],
            audio_units: 0,
            stalls: 0,
            overflows: 0,
            bytes: 0,
            playing: 0,
        }
    }

    fn stored(numbers: impl IntoIterator<Item = u64>) -> Footage {
        let units = numbers.into_iter().enumerate().map(|(sample, number)| Stored {
            identity: Identity {
                source: 1,
                number,
                sent_us: number * 40_000,
            },
            utc_us: number as i64 * 40_000,
            file: 0,
            sample,
            sync: false,
        });
        Footage {
            units: units.collect(),
            ..Footage::default()
        }
    }

    #[test]
    fn what_is_missing_doubled_or_strange_is_named() {
        let log = log(10, 99);
        assert!(stored(10..100).balance(&log, &[], 0).holds());
        let hole = stored((10..50).chain(60..100));
        assert_eq!(hole.balance(&log, &[], 0).missing, (50..60).collect::<Vec<_>>());
        let gap = GapSpan {
            start_us: 50 * 40_000,
            end_us: Some(60 * 40_000),
            cause: "crash".into(),
        };
        let balance = hole.balance(&log, &[gap], 0);
        assert!(balance.holds());
        assert_eq!((balance.on_disk, balance.in_gaps), (80, 10));
        assert_eq!(stored((10..50).chain(49..100)).balance(&log, &[], 0).doubled, [49]);
        assert_eq!(stored(10..101).balance(&log, &[], 0).unknown, [100]);
        assert_eq!(stored(12..100).balance(&log, &[], 0).before_first, 2);
    }
}
