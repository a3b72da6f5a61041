//! G.711 in RTP (RFC 3551 4.5.14): a packet is samples, one byte each per channel.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{
    codec::{DepacketizeError, Depacketized, Depacketizer, FormatChange, RtpPayload},
    format::{AudioCodec, AudioFormat},
};

/// The format of G.711; `codec` is [`AudioCodec::Pcmu`] or [`AudioCodec::Pcma`].
pub fn audio_format(codec: AudioCodec, sample_rate: u32, channels: u16) -> AudioFormat {
    let rfc6381 = if codec == AudioCodec::Pcma { "alaw" } else { "ulaw" };
    AudioFormat {
        codec,
        sample_rate,
        channels,
        decoder_config: Bytes::new(),
        rfc6381: rfc6381.to_owned(),
    }
}

pub(crate) struct G711Depacketizer {
    format: AudioFormat,
    told: bool,
    ready: VecDeque<Depacketized>,
}

impl G711Depacketizer {
    pub(crate) fn new(codec: AudioCodec, sample_rate: u32, channels: u16) -> Self {
        Self {
            format: audio_format(codec, sample_rate, channels),
            told: false,
            ready: VecDeque::new(),
        }
    }
}

impl Depacketizer for G711Depacketizer {
    fn push(&mut self, packet: &RtpPayload<'_>) -> Result<(), DepacketizeError> {
        let samples = packet.payload.len() / usize::from(self.format.channels);
        if samples == 0 {
            return Ok(());
        }
        let first = !std::mem::replace(&mut self.told, true);
        self.ready.push_back(Depacketized {
            rtp_timestamp: packet.timestamp,
            data: Bytes::copy_from_slice(packet.payload),
            rap: true,
            format: first.then(|| FormatChange::Audio(self.format.clone())),
            samples: samples as u32,
        });
        Ok(())
    }

    fn lost(&mut self, _packets: u32) {}

    fn next(&mut self) -> Option<Depacketized> {
        self.ready.pop_front()
    }

    fn format(&self) -> Option<FormatChange> {
        Some(FormatChange::Audio(self.format.clone()))
    }
}
