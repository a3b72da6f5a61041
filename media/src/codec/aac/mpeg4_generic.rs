//! RFC 3640 `mpeg4-generic`: several access units in a packet, or one in several packets.
//! Interleaving is refused: units are taken in the order they come.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::AudioSpecificConfig;
use crate::codec::{DepacketizeError, Depacketized, Depacketizer, FormatChange, RtpPayload, bits::BitReader};

/// AU sizes have at most 13 bits in AAC-hbr; other modes are no larger for AAC.
const MAX_UNIT: usize = 64 * 1024;

/// Bits of the fields of an AU header (RFC 3640 3.2.1), from fmtp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AuHeader {
    pub(crate) size: u32,
    pub(crate) index: u32,
    pub(crate) index_delta: u32,
}

impl AuHeader {
    /// Mode AAC-hbr: what cameras mean when they say nothing.
    pub(crate) const AAC_HBR: Self = Self {
        size: 13,
        index: 3,
        index_delta: 3,
    };
}

pub(crate) struct Mpeg4GenericDepacketizer {
    config: AudioSpecificConfig,
    header: AuHeader,
    clock_rate: u32,
    /// An access unit of which more fragments come: its timestamp, its size, what is there.
    partial: Option<(u32, usize, BytesMut)>,
    told: bool,
    ready: VecDeque<Depacketized>,
    dropped: u64,
}

impl Mpeg4GenericDepacketizer {
    pub(crate) fn new(config: AudioSpecificConfig, header: AuHeader, clock_rate: u32) -> Self {
        Self {
            config,
            header,
            clock_rate,
            partial: None,
            told: false,
            ready: VecDeque::new(),
            dropped: 0,
        }
    }

    fn take(&mut self, packet: &RtpPayload<'_>) -> Result<(), String> {
        let Some((bits, rest)) = packet.payload.split_first_chunk::<2>() else {
            return Err("shorter than its header".to_owned());
        };
        let bits = usize::from(u16::from_be_bytes(*bits));
        let Some((headers, mut data)) = rest.split_at_checked(bits.div_ceil(8)) else {
            return Err(format!(
                "{bits} bits of AU headers in a packet of {} bytes",
                packet.payload.len()
            ));
        };
        let mut headers = BitReader::new(headers);
        let mut count = 0;
        while headers.position() < bits {
            let index_bits = if count == 0 {
                self.header.index
            } else {
                self.header.index_delta
            };
            let (Some(size), Some(_)) = (headers.bits(self.header.size), headers.bits(index_bits)) else {
                return Err("AU headers cut short".to_owned());
            };
            let size = size as usize;
            if self.partial.is_some() || (count == 0 && size > data.len()) {
                return self.fragment(packet, size, data);
            }
            let Some((unit, after)) = data.split_at_checked(size) else {
                return Err(format!("access unit of {size} bytes where {} are left", data.len()));
            };
            data = after;
            let timestamp = packet.timestamp.wrapping_add(self.config.ticks(count, self.clock_rate));
            self.emit(timestamp, Bytes::copy_from_slice(without_adts(unit)));
            count += 1;
        }
        match count {
            0 => Err("no access unit in the packet".to_owned()),
            _ => Ok(()),
        }
    }

    fn fragment(&mut self, packet: &RtpPayload<'_>, size: usize, data: &[u8]) -> Result<(), String> {
        if size > MAX_UNIT {
            return Err(format!("access unit of {size} bytes"));
        }
        let (timestamp, whole, mut buffer) = self
            .partial
            .take()
            .unwrap_or_else(|| (packet.timestamp, size, BytesMut::with_capacity(size)));
        if timestamp != packet.timestamp || whole != size {
            return Err("fragment of another access unit than the one before".to_owned());
        }
        buffer.extend_from_slice(data);
        if buffer.len() > size {
            return Err(format!("fragments add up to {} bytes of {size}", buffer.len()));
        }
        if buffer.len() == size {
            self.emit(timestamp, buffer.freeze());
        } else {
            self.partial = Some((timestamp, whole, buffer));
        }
        Ok(())
    }

    fn emit(&mut self, rtp_timestamp: u32, data: Bytes) {
        if data.is_empty() {
            return;
        }
        let first = !std::mem::replace(&mut self.told, true);
        self.ready.push_back(Depacketized {
            rtp_timestamp,
            data,
            rap: true,
            format: first.then(|| FormatChange::Audio(self.config.format())),
            samples: self.config.ticks(1, self.clock_rate),
        });
    }
}

/// Some senders leave the ADTS header (ISO/IEC 13818-7 6.2) before the access unit.
fn without_adts(unit: &[u8]) -> &[u8] {
    let &[0xff, second, _, l0, l1, l2, _, ..] = unit else {
        return unit;
    };
    let length = usize::from(l0 & 3) << 11 | usize::from(l1) << 3 | usize::from(l2) >> 5;
    if second & 0xf6 != 0xf0 || length != unit.len() {
        return unit;
    }
    unit.get(if second & 1 == 1 { 7 } else { 9 }..).unwrap_or_default()
}

impl Depacketizer for Mpeg4GenericDepacketizer {
    fn push(&mut self, packet: &RtpPayload<'_>) -> Result<(), DepacketizeError> {
        if packet.payload.is_empty() {
            return Ok(());
        }
        self.take(packet).map_err(|what| {
            self.partial = None;
            self.dropped += 1;
            DepacketizeError {
                codec: "aac",
                seq: packet.seq,
                what,
            }
        })
    }

    fn lost(&mut self, _packets: u32) {
        self.dropped += u64::from(self.partial.take().is_some());
    }

    fn next(&mut self) -> Option<Depacketized> {
        self.ready.pop_front()
    }

    fn format(&self) -> Option<FormatChange> {
        Some(FormatChange::Audio(self.config.format()))
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }
}
