//! AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1).

use bytes::Bytes;

use crate::{
    codec::bits::BitReader,
    format::{AudioCodec, AudioFormat},
};

const SAMPLE_RATES: [u32; 13] = [
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
];

/// What an AudioSpecificConfig says; made from one, or from a sample rate and a channel count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioSpecificConfig {
    bytes: Bytes,
    /// As signalled: 2 for AAC-LC, 5 for SBR, 29 for parametric stereo.
    object_type: u8,
    /// Of the core, without SBR.
    sample_rate: u32,
    channels: u16,
    /// Samples of the core in an access unit, per channel.
    frame_samples: u32,
}

impl AudioSpecificConfig {
    /// Reads a configuration for AAC (object types 1 to 4, with or without SBR and PS).
    pub fn parse(data: &[u8]) -> Option<Self> {
        Self::read(&mut BitReader::new(data)).map(|config| Self {
            bytes: Bytes::copy_from_slice(data),
            ..config
        })
    }

    /// Reads a configuration that begins at a bit inside `data` (StreamMuxConfig), and leaves
    /// `reader` behind it.
    pub(super) fn parse_bits(reader: &mut BitReader<'_>) -> Option<Self> {
        let mut copy = reader.clone();
        let config = Self::read(reader)?;
        let mut bytes = Vec::new();
        let mut left = reader.position() - copy.position();
        while left > 0 {
            let take = left.min(8);
            bytes.push((copy.bits(take as u32)? << (8 - take)) as u8);
            left -= take;
        }
        Some(Self {
            bytes: bytes.into(),
            ..config
        })
    }

    fn read(r: &mut BitReader<'_>) -> Option<Self> {
        let object_type = read_object_type(r)?;
        let sample_rate = read_sample_rate(r)?;
        let mut channels = read_channels(r)?;
        let mut core = object_type;
        if matches!(object_type, 5 | 29) {
            read_sample_rate(r)?; // after SBR
            core = read_object_type(r)?;
            if object_type == 29 {
                channels = 2;
            }
        }
        if !(1..=4).contains(&core) {
            return None;
        }
        // GASpecificConfig, 4.4.1. A configuration cut short has the usual 1024 samples.
        let short = r.bit().unwrap_or(false);
        if r.bit() == Some(true) {
            r.skip(14)?; // coreCoderDelay
        }
        r.bit(); // extensionFlag
        skip_sync_extension(r);
        Some(Self {
            bytes: Bytes::new(),
            object_type,
            sample_rate,
            channels,
            frame_samples: if short { 960 } else { 1024 },
        })
    }

    /// AAC-LC, for senders that give no configuration.
    pub fn low_complexity(sample_rate: u32, channels: u16) -> Option<Self> {
        let index = SAMPLE_RATES.iter().position(|&r| r == sample_rate)? as u16;
        let configuration = match channels {
            1..=6 => channels,
            8 => 7,
            _ => return None,
        };
        Self::parse(&(2 << 11 | index << 7 | configuration << 3).to_be_bytes())
    }

    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Duration of an access unit in ticks of `clock_rate`, times `count`, rounded.
    pub(super) fn ticks(&self, count: u32, clock_rate: u32) -> u32 {
        let ticks = u64::from(self.frame_samples) * u64::from(count) * u64::from(clock_rate);
        ((ticks + u64::from(self.sample_rate / 2)) / u64::from(self.sample_rate)) as u32
    }

    pub fn format(&self) -> AudioFormat {
        AudioFormat {
            codec: AudioCodec::Aac,
            sample_rate: self.sample_rate,
            channels: self.channels,
            decoder_config: self.bytes.clone(),
            rfc6381: format!("mp4a.40.{}", self.object_type),
        }
    }
}

/// SBR and PS announced behind a configuration that older decoders understand (1.6.5.3); also
/// found, against the standard, inside a StreamMuxConfig.
fn skip_sync_extension(r: &mut BitReader<'_>) {
    let mut ahead = r.clone();
    if ahead.bits(11) != Some(0x2b7) || ahead.bits(5) != Some(5) {
        return;
    }
    if ahead.bit() == Some(true) {
        read_sample_rate(&mut ahead);
        let mut further = ahead.clone();
        if further.bits(11) == Some(0x548) && further.bit().is_some() {
            ahead = further;
        }
    }
    *r = ahead;
}

fn read_object_type(r: &mut BitReader<'_>) -> Option<u8> {
    match r.bits(5)? {
        31 => Some(32 + r.bits(6)? as u8),
        n => Some(n as u8),
    }
}

fn read_sample_rate(r: &mut BitReader<'_>) -> Option<u32> {
    match r.bits(4)? {
        15 => r.bits(24).filter(|rate| (1000..=192_000).contains(rate)),
        index => SAMPLE_RATES.get(index as usize).copied(),
    }
}

fn read_channels(r: &mut BitReader<'_>) -> Option<u16> {
    match r.bits(4)? {
        n @ 1..=6 => Some(n as u16),
        7 => Some(8),
        _ => None, // 0: a program config element, which no camera sends
    }
}
