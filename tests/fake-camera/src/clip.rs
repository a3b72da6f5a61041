//! Coded media in memory, ready to be sent again and again.

use std::{ops::Range, path::PathBuf};

use anyhow::{Context, Result, bail};

use crate::identity::{NUMBERS_LEN, sei_template};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    H264,
    H265,
    Mjpeg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AudioCodec {
    Aac,
    Pcmu,
    Pcma,
}

/// One coded picture.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Its NAL units in `VideoClip::data`, in order; for JPEG the whole image.
    pub nals: Vec<Range<usize>>,
    /// The NAL unit with our SEI message, as an index into `nals` (none for JPEG).
    pub identity_nal: Option<usize>,
    /// Where the numbers stand, counted from the start of that NAL unit.
    pub numbers: Range<usize>,
    /// Decoding can start here.
    pub rap: bool,
    /// Presentation minus decoding time, in frames, never negative.
    pub reorder: u32,
}

/// A piece of video that is played in a loop.
#[derive(Debug)]
pub struct VideoClip {
    pub codec: VideoCodec,
    pub width: u32,
    pub height: u32,
    /// Ticks of 90 kHz from one picture to the next.
    pub frame_ticks: u32,
    pub data: Vec<u8>,
    pub units: Vec<Unit>,
    /// SPS and PPS (H.264), VPS, SPS and PPS (H.265).
    pub parameter_sets: Vec<Vec<u8>>,
}

/// A piece of audio that is played in a loop.
#[derive(Debug)]
pub struct AudioClip {
    pub codec: AudioCodec,
    pub sample_rate: u32,
    pub channels: u32,
    /// Samples in one unit.
    pub unit_samples: u32,
    pub units: Vec<Vec<u8>>,
    /// AAC: AudioSpecificConfig.
    pub config: Vec<u8>,
}

/// What a NAL unit is for, as far as a camera cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NalKind {
    ParameterSet,
    Delimiter,
    /// A slice; `rap`: of a picture where decoding can start.
    Slice {
        rap: bool,
    },
    Other,
}

impl VideoCodec {
    /// Sorts a NAL unit (without start code) by its header.
    pub fn nal_kind(self, nal: &[u8]) -> NalKind {
        let first = nal.first().copied().unwrap_or(0);
        match self {
            VideoCodec::H264 => match first & 0x1f {
                7 | 8 => NalKind::ParameterSet,
                9 => NalKind::Delimiter,
                5 => NalKind::Slice { rap: true },
                1..=4 => NalKind::Slice { rap: false },
                _ => NalKind::Other,
            },
            VideoCodec::H265 => match (first >> 1) & 0x3f {
                32..=34 => NalKind::ParameterSet,
                35 => NalKind::Delimiter,
                16..=23 => NalKind::Slice { rap: true },
                0..=31 => NalKind::Slice { rap: false },
                _ => NalKind::Other,
            },
            VideoCodec::Mjpeg => NalKind::Slice { rap: true },
        }
    }
}

impl VideoClip {
    /// Cuts an Annex B byte stream at its access unit delimiters. `order` holds each picture's
    /// presentation place (in frames, from any zero), in decoding order.
    pub fn from_annex_b(
        codec: VideoCodec,
        stream: &[u8],
        order: &[i64],
        size: (u32, u32),
        frame_ticks: u32,
    ) -> Result<Self> {
        let mut clip = Self {
            codec,
            width: size.0,
            height: size.1,
            frame_ticks,
            data: Vec::with_capacity(stream.len()),
            units: Vec::new(),
            parameter_sets: Vec::new(),
        };
        let (template, numbers) = sei_template(codec == VideoCodec::H265);
        for nal in annex_b(stream) {
            let kind = codec.nal_kind(nal);
            let begins = matches!(kind, NalKind::Delimiter | NalKind::ParameterSet);
            if clip.units.last().is_none_or(|u| begins && u.identity_nal.is_some()) {
                clip.units.push(Unit {
                    nals: Vec::new(),
                    identity_nal: None,
                    numbers: numbers.clone(),
                    rap: false,
                    reorder: 0,
                });
            }
            if kind == NalKind::ParameterSet && !clip.parameter_sets.iter().any(|p| p == nal) {
                clip.parameter_sets.push(nal.to_vec());
            }
            let Some(unit) = clip.units.last_mut() else {
                continue;
            };
            if let NalKind::Slice { rap } = kind {
                unit.rap |= rap;
                if unit.identity_nal.is_none() {
                    unit.identity_nal = Some(unit.nals.len());
                    unit.nals.push(append(&mut clip.data, &template));
                }
            }
            let range = append(&mut clip.data, nal);
            // ffmpeg puts parameter sets before the delimiter, where they must not be.
            let place = if kind == NalKind::Delimiter { 0 } else { unit.nals.len() };
            unit.nals.insert(place, range);
        }
        if clip.units.len() != order.len() {
            bail!(
                "{} access units in the stream, {} timestamps",
                clip.units.len(),
                order.len()
            );
        }
        clip.set_order(order)?;
        Ok(clip)
    }

    /// Pictures of Motion JPEG, one file each, back to back.
    pub fn from_jpegs(stream: &[u8], size: (u32, u32), frame_ticks: u32) -> Result<Self> {
        let mut clip = Self {
            codec: VideoCodec::Mjpeg,
            width: size.0,
            height: size.1,
            frame_ticks,
            data: stream.to_vec(),
            units: Vec::new(),
            parameter_sets: Vec::new(),
        };
        let mut start = 0;
        while let Some(len) = stream.get(start..).and_then(jpeg_len) {
            clip.units.push(Unit {
                nals: std::iter::once(start..start + len).collect(),
                identity_nal: None,
                numbers: 0..NUMBERS_LEN,
                rap: true,
                reorder: 0,
            });
            start += len;
        }
        if clip.units.is_empty() {
            bail!("no JPEG image in {} bytes", stream.len());
        }
        Ok(clip)
    }

    fn set_order(&mut self, order: &[i64]) -> Result<()> {
        if !self.units.first().is_some_and(|u| u.rap) {
            bail!("the clip does not begin with a random access point");
        }
        let shift = order.iter().enumerate().map(|(i, p)| i as i64 - p).max().unwrap_or(0);
        for ((place, unit), shown) in self.units.iter_mut().enumerate().zip(order) {
            unit.reorder = u32::try_from(shown + shift - place as i64).context("presentation order")?;
        }
        Ok(())
    }

    /// Some pictures are shown in another order than they are sent.
    pub fn has_b_frames(&self) -> bool {
        self.units
            .iter()
            .any(|u| u.reorder != self.units.first().map_or(0, |f| f.reorder))
    }

    /// The NAL units of a picture, the one with our numbers left out.
    pub fn original_nals(&self, unit: usize) -> impl Iterator<Item = &[u8]> {
        let unit = self.units.get(unit);
        unit.into_iter().flat_map(move |u| {
            u.nals
                .iter()
                .enumerate()
                .filter(|(i, _)| u.identity_nal != Some(*i))
                .filter_map(|(_, range)| self.data.get(range.clone()))
        })
    }

    /// Pictures from one random access point to the next, the longest.
    pub fn gop_len(&self) -> usize {
        let raps: Vec<usize> = self
            .units
            .iter()
            .enumerate()
            .filter(|(_, u)| u.rap)
            .map(|(i, _)| i)
            .collect();
        let last = raps.last().map_or(0, |l| self.units.len() - l);
        raps.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0).max(last)
    }
}

fn append(data: &mut Vec<u8>, nal: &[u8]) -> Range<usize> {
    let start = data.len();
    data.extend_from_slice(nal);
    start..data.len()
}

/// NAL units between start codes, trailing zeros removed.
pub fn annex_b(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(found) = stream.get(at..).and_then(|s| s.windows(3).position(|w| w == [0, 0, 1])) {
        starts.push(at + found + 3);
        at += found + 3;
    }
    let ends: Vec<usize> = starts
        .iter()
        .skip(1)
        .map(|s| s - 3)
        .chain(std::iter::once(stream.len()))
        .collect();
    starts.into_iter().zip(ends).filter_map(move |(start, end)| {
        let nal = stream.get(start..end)?;
        let len = nal.iter().rposition(|b| *b != 0)? + 1;
        nal.get(..len)
    })
}

/// Length of the JPEG image at the start of `data`, with its EOI.
fn jpeg_len(data: &[u8]) -> Option<usize> {
    if data.get(..2)? != [0xff, 0xd8] {
        return None;
    }
    Some(data.windows(2).position(|w| w == [0xff, 0xd9])? + 2)
}

impl AudioClip {
    /// Units from an ADTS stream (ISO/IEC 14496-3 1.A.2).
    pub fn from_adts(stream: &[u8]) -> Result<Self> {
        const RATES: [u32; 13] = [
            96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
        ];
        let mut units = Vec::new();
        let mut rest = stream;
        let mut header = None;
        while let [0xff, b1, b2, b3, b4, b5, ..] = *rest {
            let skip = if b1 & 1 == 1 { 7 } else { 9 };
            let len = usize::from(b3 & 3) << 11 | usize::from(b4) << 3 | usize::from(b5 >> 5);
            units.push(rest.get(skip..len).context("short ADTS frame")?.to_vec());
            header.get_or_insert((b2 >> 6, (b2 >> 2) & 15, (b2 & 1) << 2 | b3 >> 6));
            rest = rest.get(len..).unwrap_or_default();
        }
        let (profile, rate, channels) = header.context("no ADTS frame")?;
        let object = profile + 1;
        Ok(Self {
            codec: AudioCodec::Aac,
            sample_rate: *RATES.get(usize::from(rate)).context("ADTS sample rate")?,
            channels: u32::from(channels),
            unit_samples: 1024,
            units,
            config: vec![object << 3 | rate >> 1, (rate & 1) << 7 | channels << 3],
        })
    }

    /// G.711 in packets of 20 ms.
    pub fn from_g711(codec: AudioCodec, samples: &[u8]) -> Self {
        Self {
            codec,
            sample_rate: 8000,
            channels: 1,
            unit_samples: 160,
            units: samples.chunks_exact(160).map(<[u8]>::to_vec).collect(),
            config: Vec::new(),
        }
    }
}

/// Where generated media is kept between runs.
pub fn fixture_dir() -> PathBuf {
    match std::env::var_os("VIGIE_FIXTURES") {
        Some(dir) => dir.into(),
        None => PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/fixtures")),
    }
}
