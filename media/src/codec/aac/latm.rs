//! RFC 6416 (and 3016) `MP4A-LATM` with its StreamMuxConfig in SDP (`cpresent=0`): one program,
//! one layer. In-band configuration, whose units are not byte aligned, is refused with the SDP.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::AudioSpecificConfig;
use crate::codec::{DepacketizeError, Depacketized, Depacketizer, FormatChange, RtpPayload, bits::BitReader};

const MAX_ELEMENT: usize = 256 * 1024;

pub(crate) struct LatmDepacketizer {
    config: AudioSpecificConfig,
    /// Access units in an AudioMuxElement.
    units: u32,
    clock_rate: u32,
    /// An AudioMuxElement of which more packets come.
    partial: Option<(u32, BytesMut)>,
    /// Packets up to the next marker belong to an element whose beginning is missing.
    broken: bool,
    told: bool,
    ready: VecDeque<Depacketized>,
    dropped: u64,
}

impl LatmDepacketizer {
    /// `stream_mux_config`: ISO/IEC 14496-3 1.7.3.1. `None` if it is not one program and one
    /// layer of AAC.
    pub(crate) fn new(stream_mux_config: &[u8], clock_rate: u32) -> Option<Self> {
        let mut r = BitReader::new(stream_mux_config);
        let (version, _same_framing, subframes) = (r.bit()?, r.bit()?, r.bits(6)?);
        let (programs, layers) = (r.bits(4)?, r.bits(3)?);
        if version || programs != 0 || layers != 0 {
            return None;
        }
        let config = AudioSpecificConfig::parse_bits(&mut r)?;
        let frame_length_type = r.bits(3)?;
        (frame_length_type == 0).then(|| Self {
            config,
            units: subframes + 1,
            clock_rate,
            partial: None,
            broken: false,
            told: false,
            ready: VecDeque::new(),
            dropped: 0,
        })
    }

    fn take(&mut self, packet: &RtpPayload<'_>) -> Result<(), String> {
        let element = match self.partial.take() {
            Some((timestamp, mut element)) if timestamp == packet.timestamp => {
                element.extend_from_slice(packet.payload);
                element
            }
            before => {
                self.dropped += u64::from(before.is_some());
                BytesMut::from(packet.payload)
            }
        };
        if element.len() > MAX_ELEMENT {
            return Err(format!("element of more than {MAX_ELEMENT} bytes"));
        }
        if packet.marker {
            self.split(packet.timestamp, element.freeze())
        } else {
            self.partial = Some((packet.timestamp, element));
            Ok(())
        }
    }

    /// PayloadLengthInfo and PayloadMux (1.7.3.1), once for each access unit.
    fn split(&mut self, timestamp: u32, element: Bytes) -> Result<(), String> {
        let mut at = 0;
        for count in 0..self.units {
            let mut size = 0;
            loop {
                let Some(&byte) = element.get(at) else {
                    return Err("payload length cut short".to_owned());
                };
                at += 1;
                size += usize::from(byte);
                if byte != 0xff {
                    break;
                }
            }
            if at + size > element.len() {
                return Err(format!(
                    "access unit of {size} bytes where {} are left",
                    element.len() - at
                ));
            }
            let first = !std::mem::replace(&mut self.told, true);
            self.ready.push_back(Depacketized {
                rtp_timestamp: timestamp.wrapping_add(self.config.ticks(count, self.clock_rate)),
                data: element.slice(at..at + size),
                rap: true,
                format: first.then(|| FormatChange::Audio(self.config.format())),
                samples: self.config.ticks(1, self.clock_rate),
            });
            at += size;
        }
        Ok(())
    }
}

impl Depacketizer for LatmDepacketizer {
    fn push(&mut self, packet: &RtpPayload<'_>) -> Result<(), DepacketizeError> {
        if packet.payload.is_empty() {
            return Ok(());
        }
        if self.broken {
            self.broken = !packet.marker;
            return Ok(());
        }
        self.take(packet).map_err(|what| {
            self.dropped += 1;
            DepacketizeError {
                codec: "aac",
                seq: packet.seq,
                what,
            }
        })
    }

    fn lost(&mut self, _packets: u32) {
        // Without a packet in hand, the next one begins an element: nearly all fit in one packet.
        if self.partial.take().is_some() {
            self.dropped += 1;
            self.broken = true;
        }
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
