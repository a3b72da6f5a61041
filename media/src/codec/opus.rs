//! Opus in RTP (RFC 7587): a packet is an Opus packet, its clock always 48 kHz.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};

use crate::{
    codec::{DepacketizeError, Depacketized, Depacketizer, FormatChange, RtpPayload},
    format::{AudioCodec, AudioFormat},
};

/// Of the RTP timestamps and of everything else about Opus.
pub const CLOCK_RATE: u32 = 48_000;

/// The format of an Opus stream. A decoder for 2 channels takes mono packets as well, and what a
/// packet holds is said by the packet alone.
pub fn audio_format(channels: u16) -> AudioFormat {
    // Body of `dOps` (Encapsulation of Opus in ISOBMFF, 4.3.2). No pre-skip: a live stream has no
    // beginning to cut off.
    let mut config = BytesMut::with_capacity(11);
    config.put_u8(0);
    config.put_u8(channels as u8);
    config.put_u16(0);
    config.put_u32(CLOCK_RATE);
    config.put_i16(0);
    config.put_u8(0);
    AudioFormat {
        codec: AudioCodec::Opus,
        sample_rate: CLOCK_RATE,
        channels,
        decoder_config: config.freeze(),
        rfc6381: "opus".to_owned(),
    }
}

/// Duration of a packet in samples of 48 kHz (RFC 6716 3.1 and 3.2). `None` if it is malformed:
/// no packet is longer than 120 ms.
pub fn packet_samples(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let frame = match toc >> 3 {
        config @ 0..12 => [480, 960, 1920, 2880][usize::from(config & 3)],
        config @ 12..16 => [480, 960][usize::from(config & 1)],
        config => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    Some(frame * frames).filter(|&samples| (1..=5760).contains(&samples))
}

pub(crate) struct OpusDepacketizer {
    channels: u16,
    told: bool,
    ready: VecDeque<Depacketized>,
    dropped: u64,
}

impl OpusDepacketizer {
    pub(crate) fn new(channels: u16) -> Self {
        Self {
            channels,
            told: false,
            ready: VecDeque::new(),
            dropped: 0,
        }
    }
}

impl Depacketizer for OpusDepacketizer {
    fn push(&mut self, packet: &RtpPayload<'_>) -> Result<(), DepacketizeError> {
        if packet.payload.is_empty() {
            return Ok(());
        }
        let Some(samples) = packet_samples(packet.payload) else {
            self.dropped += 1;
            return Err(DepacketizeError {
                codec: "opus",
                seq: packet.seq,
                what: "malformed packet".to_owned(),
            });
        };
        let first = !std::mem::replace(&mut self.told, true);
        self.ready.push_back(Depacketized {
            rtp_timestamp: packet.timestamp,
            data: Bytes::copy_from_slice(packet.payload),
            rap: true,
            format: first.then(|| FormatChange::Audio(audio_format(self.channels))),
            samples,
        });
        Ok(())
    }

    fn lost(&mut self, _packets: u32) {}

    fn next(&mut self) -> Option<Depacketized> {
        self.ready.pop_front()
    }

    fn format(&self) -> Option<FormatChange> {
        Some(FormatChange::Audio(audio_format(self.channels)))
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }
}
