//! G.711 units in, AAC units out, at the same sample rate and in step.

use std::{collections::VecDeque, sync::Arc};

use super::{
    TranscodeError,
    encoder::{Encoder, FRAME},
    g711,
};
use crate::{AccessUnit, AudioCodec, AudioFormat, StreamFormat, Track};

/// A hole up to this long is filled with silence; a longer one begins a new count of samples.
const MAX_SILENCE_SECONDS: u32 = 1;
/// A unit may begin this many samples off before the difference is made good.
const JITTER_SAMPLES: i64 = 80;

/// Encodes one camera's G.711.
pub struct AacTranscoder {
    encoder: Encoder,
    table: &'static [i16; 256],
    format: AudioFormat,
    /// Interleaved samples that do not fill a frame yet.
    pcm: Vec<i16>,
    /// Where the sample after the last of `pcm` lies.
    next: Option<Place>,
    /// Where the frames lie that went in and whose packets have not come out.
    under_way: VecDeque<Place>,
    /// Packets that hold nothing but the encoder's lead-in.
    lead_in: usize,
}

/// `dts` in samples, and its epoch.
#[derive(Clone, Copy)]
struct Place {
    epoch: u32,
    dts: i64,
}

impl AacTranscoder {
    /// Errors: [`TranscodeError`]; also when `source` is not G.711.
    pub fn new(source: &AudioFormat) -> Result<AacTranscoder, TranscodeError> {
        let unsupported = TranscodeError::Unsupported {
            codec: source.codec,
            channels: source.channels,
            sample_rate: source.sample_rate,
        };
        let table = match source.codec {
            AudioCodec::Pcmu => &g711::MU_LAW,
            AudioCodec::Pcma => &g711::A_LAW,
            AudioCodec::Aac | AudioCodec::Opus => return Err(unsupported),
        };
        // ISO/IEC 14496-3 table 1.18; encoders take no other rates.
        const RATES: [u32; 13] = [
            96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350,
        ];
        let rate = RATES.iter().position(|r| *r == source.sample_rate);
        let (Some(rate), 1..=2) = (rate, source.channels) else {
            return Err(unsupported);
        };
        let encoder = Encoder::new(source.sample_rate, source.channels)?;
        // AudioSpecificConfig: AAC LC (2), rate, channels, 1024 samples a packet.
        let specific = (2u16 << 11 | (rate as u16) << 7 | source.channels << 3).to_be_bytes();
        Ok(AacTranscoder {
            lead_in: encoder.delay().div_ceil(FRAME),
            encoder,
            table,
            format: AudioFormat {
                codec: AudioCodec::Aac,
                sample_rate: source.sample_rate,
                channels: source.channels,
                decoder_config: specific.to_vec().into(),
                rfc6381: "mp4a.40.2".into(),
            },
            pcm: Vec::with_capacity(2 * FRAME),
            next: None,
            under_way: VecDeque::new(),
        })
    }

    /// What comes out.
    pub fn format(&self) -> &AudioFormat {
        &self.format
    }

    /// The encoder in use.
    pub fn encoder(&self) -> &'static str {
        self.encoder.name()
    }

    /// Takes one G.711 unit; gives the AAC units that are ready to `emit`, under `format`.
    ///
    /// A packet's `dts` is that of the first sample a decoder makes of it. Errors leave the
    /// encoder unusable.
    pub fn push(
        &mut self,
        unit: &AccessUnit,
        format: &Arc<StreamFormat>,
        mut emit: impl FnMut(Arc<AccessUnit>),
    ) -> Result<(), TranscodeError> {
        let channels = usize::from(self.format.channels);
        let max_silence = i64::from(MAX_SILENCE_SECONDS * self.format.sample_rate);
        let here = Place {
            epoch: unit.epoch,
            dts: unit.dts,
        };
        let mut skip = 0;
        match self
            .next
            .filter(|next| next.epoch == here.epoch)
            .map(|next| here.dts - next.dts)
        {
            Some(off) if off.abs() <= JITTER_SAMPLES => {}
            // Samples that were there already.
            Some(off) if (-max_silence..0).contains(&off) => skip = (-off) as usize * channels,
            Some(off) if (0..=max_silence).contains(&off) => {
                self.add((0..off as usize * channels).map(|_| 0), unit, format, &mut emit)?;
            }
            _ => {
                self.drain(unit, format, &mut emit)?;
                self.next = Some(here);
            }
        }
        let table = self.table;
        let samples = unit.data.iter().skip(skip).map(|byte| table[usize::from(*byte)]);
        self.add(samples, unit, format, &mut emit)
    }

    fn add(
        &mut self,
        samples: impl Iterator<Item = i16>,
        unit: &AccessUnit,
        format: &Arc<StreamFormat>,
        emit: &mut impl FnMut(Arc<AccessUnit>),
    ) -> Result<(), TranscodeError> {
        let channels = usize::from(self.format.channels);
        let before = self.pcm.len();
        self.pcm.extend(samples);
        let added = ((self.pcm.len() - before) / channels) as i64;
        let Some(next) = &mut self.next else { return Ok(()) };
        next.dts += added;
        let next = *next;
        let mut from = 0;
        while let Some(frame) = self.pcm.get(from..from + FRAME * channels) {
            let samples_left = ((self.pcm.len() - from) / channels) as i64;
            self.under_way.push_back(Place {
                dts: next.dts - samples_left,
                ..next
            });
            let packets = self.encoder.encode(frame)?;
            from += FRAME * channels;
            for data in packets {
                let Some(place) = self.under_way.pop_front() else {
                    continue;
                };
                if self.lead_in > 0 {
                    self.lead_in -= 1;
                    continue;
                }
                let dts = place.dts - self.encoder.delay() as i64;
                // Along the newest unit's wall clock; over the end of an epoch only the wall
                // clock of that end is known.
                let apart = if place.epoch == unit.epoch { dts - unit.dts } else { 0 };
                let micros = apart.saturating_mul(1_000_000) / i64::from(self.format.sample_rate);
                emit(Arc::new(AccessUnit {
                    track: Track::Audio,
                    data,
                    dts,
                    pts: dts,
                    utc: unit.utc.plus_micros(micros),
                    rap: true,
                    epoch: place.epoch,
                    format: format.clone(),
                    seq: unit.seq,
                }));
            }
        }
        self.pcm.drain(..from);
        Ok(())
    }

    /// Ends a count of samples: fills the last frame with silence, and sends silence after it
    /// until its packet is out.
    fn drain(
        &mut self,
        unit: &AccessUnit,
        format: &Arc<StreamFormat>,
        emit: &mut impl FnMut(Arc<AccessUnit>),
    ) -> Result<(), TranscodeError> {
        if self.next.is_none() {
            return Ok(());
        }
        let frame = FRAME * usize::from(self.format.channels);
        let rest = (frame - self.pcm.len() % frame) % frame;
        let silence = rest + frame * (self.encoder.delay().div_ceil(FRAME) + 1);
        self.add((0..silence).map(|_| 0), unit, format, emit)
    }
}
