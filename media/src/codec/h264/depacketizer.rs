//! RFC 6184: single NAL unit packets, STAP-A and STAP-B, FU-A and FU-B. MTAPs (interleaved mode
//! with timestamps of their own, which no camera sends) are refused.

use super::parameter_sets::ParameterSets;
use crate::codec::{
    DepacketizeError, Depacketized, Depacketizer, FormatChange, RtpPayload, assembler::Assembler, assembler::Syntax,
};

const STAP_A: u8 = 24;
const STAP_B: u8 = 25;
const MTAP16: u8 = 26;
const MTAP24: u8 = 27;
const FU_A: u8 = 28;
const FU_B: u8 = 29;

pub(crate) struct H264Depacketizer {
    sets: ParameterSets,
    assembler: Assembler<ParameterSets>,
    /// Type and timestamp of the NAL unit whose fragments are coming.
    fragmented: Option<(u8, u32)>,
}

impl H264Depacketizer {
    /// `known`: SPS and PPS from SDP. `size_hint`: of the picture, for an SPS that cannot be read.
    pub(crate) fn new<'a>(known: impl IntoIterator<Item = &'a [u8]>, size_hint: Option<(u32, u32)>) -> Self {
        let mut sets = ParameterSets::new(size_hint);
        for unit in known {
            sets.take(unit);
        }
        sets.rebuild();
        Self {
            sets,
            assembler: Assembler::new(),
            fragmented: None,
        }
    }

    fn single(&mut self, packet: &RtpPayload<'_>, unit: &[u8]) -> Result<(), String> {
        self.fragmented = None;
        if self.assembler.whole(&mut self.sets, packet.timestamp, unit) {
            Ok(())
        } else {
            Err(foreign(unit))
        }
    }

    fn aggregate(&mut self, packet: &RtpPayload<'_>, mut rest: &[u8]) -> Result<(), String> {
        let mut oddity = Ok(());
        while !rest.is_empty() {
            let unit = rest
                .split_first_chunk::<2>()
                .and_then(|(size, tail)| tail.split_at_checked(u16::from_be_bytes(*size).into()));
            let Some((unit, tail)) = unit else {
                self.assembler.damage_at(&mut self.sets, packet.timestamp);
                return Err(format!("aggregate cut short, {} bytes left over", rest.len()));
            };
            rest = tail;
            if unit.is_empty() {
                oddity = Err("empty NAL unit in an aggregate".to_owned());
            } else {
                oddity = oddity.and(self.single(packet, unit));
            }
        }
        oddity
    }

    fn fragment(&mut self, packet: &RtpPayload<'_>, indicator: u8, fu_b: bool) -> Result<(), String> {
        let Some((&header, mut body)) = packet.payload.get(1..).and_then(|p| p.split_first()) else {
            self.assembler.damage_at(&mut self.sets, packet.timestamp);
            return Err("fragment without a header".to_owned());
        };
        let (start, end, kind) = (header & 0x80 != 0, header & 0x40 != 0, header & 0x1f);
        if fu_b && start {
            body = body.get(2..).unwrap_or_default(); // decoding order number
        }
        if start {
            let nal_header = indicator & 0xe0 | kind;
            let head = [nal_header, body.first().copied().unwrap_or(0x80)];
            self.fragmented = None;
            if !self.assembler.begin(&mut self.sets, packet.timestamp, &head) {
                return Err(foreign(&head));
            }
            self.assembler.append(&[nal_header]);
            self.fragmented = Some((kind, packet.timestamp));
        } else if self.fragmented != Some((kind, packet.timestamp)) {
            let expected = self.assembler.damaged();
            self.fragmented = None;
            self.assembler.orphan(&mut self.sets, packet.timestamp, kind == 5);
            return match expected {
                true => Ok(()),
                false => Err(format!("fragment of NAL unit type {kind} without its start")),
            };
        }
        self.assembler.append(body);
        if end {
            self.fragmented = None;
            self.assembler.close_fragmented(&mut self.sets);
        }
        Ok(())
    }
}

fn foreign(unit: &[u8]) -> String {
    match unit.first() {
        Some(header) if header & 0x80 != 0 => "forbidden_zero_bit is set".to_owned(),
        Some(header) => format!("NAL unit type {} left out", header & 0x1f),
        None => "empty NAL unit".to_owned(),
    }
}

impl Depacketizer for H264Depacketizer {
    fn push(&mut self, packet: &RtpPayload<'_>) -> Result<(), DepacketizeError> {
        let done = match packet.payload.first() {
            None => Ok(()), // padding alone
            Some(header) if header & 0x80 != 0 => {
                self.assembler.damage_at(&mut self.sets, packet.timestamp);
                Err(foreign(packet.payload))
            }
            Some(header) => match header & 0x1f {
                STAP_A => self.aggregate(packet, packet.payload.get(1..).unwrap_or_default()),
                STAP_B => self.aggregate(packet, packet.payload.get(3..).unwrap_or_default()),
                FU_A => self.fragment(packet, *header, false),
                FU_B => self.fragment(packet, *header, true),
                kind @ (MTAP16 | MTAP24) => {
                    self.assembler.damage_at(&mut self.sets, packet.timestamp);
                    Err(format!("packet type {kind} (interleaved mode) is not supported"))
                }
                _ => self.single(packet, packet.payload),
            },
        };
        if packet.marker {
            self.assembler.marker(&mut self.sets);
        }
        done.map_err(|what| DepacketizeError {
            codec: "h264",
            seq: packet.seq,
            what,
        })
    }

    fn lost(&mut self, _packets: u32) {
        self.fragmented = None;
        self.assembler.lost();
    }

    fn next(&mut self) -> Option<Depacketized> {
        self.assembler.next()
    }

    fn format(&self) -> Option<FormatChange> {
        Syntax::format(&self.sets).cloned().map(FormatChange::Video)
    }

    fn reorder_depth(&self) -> usize {
        self.sets.reorder()
    }

    fn dropped(&self) -> u64 {
        self.assembler.dropped()
    }
}
