//! RFC 7798: single NAL unit packets, aggregation packets, fragmentation units; with or without
//! decoding order numbers, which are skipped (interleaving is refused with the SDP). PACI packets
//! are refused.

use super::parameter_sets::ParameterSets;
use crate::codec::{
    DepacketizeError, Depacketized, Depacketizer, FormatChange, RtpPayload,
    assembler::{Assembler, Syntax},
};

const AGGREGATION: u8 = 48;
const FRAGMENTATION: u8 = 49;
const PACI: u8 = 50;

pub(crate) struct H265Depacketizer {
    sets: ParameterSets,
    assembler: Assembler<ParameterSets>,
    /// Type and timestamp of the NAL unit whose fragments are coming.
    fragmented: Option<(u8, u32)>,
    /// Decoding order numbers are in the packets (`sprop-max-don-diff` > 0).
    numbered: bool,
}

impl H265Depacketizer {
    /// `known`: VPS, SPS and PPS from SDP.
    pub(crate) fn new<'a>(known: impl IntoIterator<Item = &'a [u8]>, numbered: bool) -> Self {
        let mut sets = ParameterSets::default();
        for unit in known {
            sets.take(unit);
        }
        sets.rebuild();
        Self {
            sets,
            assembler: Assembler::new(),
            fragmented: None,
            numbered,
        }
    }

    fn one(&mut self, packet: &RtpPayload<'_>, unit: &[u8]) -> Result<(), String> {
        self.fragmented = None;
        if self.assembler.whole(&mut self.sets, packet.timestamp, unit) {
            Ok(())
        } else {
            Err(foreign(unit))
        }
    }

    fn single(&mut self, packet: &RtpPayload<'_>) -> Result<(), String> {
        match packet.payload {
            [a, b, _, _, rest @ ..] if self.numbered => {
                let unit: Vec<u8> = [*a, *b].iter().chain(rest).copied().collect();
                self.one(packet, &unit)
            }
            unit => self.one(packet, unit),
        }
    }

    fn aggregate(&mut self, packet: &RtpPayload<'_>) -> Result<(), String> {
        let mut rest = packet.payload.get(2..).unwrap_or_default();
        let mut oddity = Ok(());
        let mut number = 2; // DONL, then DOND of 1 byte
        while !rest.is_empty() {
            if self.numbered {
                rest = rest.get(number..).unwrap_or_default();
                number = 1;
            }
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
                oddity = oddity.and(self.one(packet, unit));
            }
        }
        oddity
    }

    fn fragment(&mut self, packet: &RtpPayload<'_>) -> Result<(), String> {
        let &[first, second, header, ref body @ ..] = packet.payload else {
            self.assembler.damage_at(&mut self.sets, packet.timestamp);
            return Err("fragment without a header".to_owned());
        };
        let (start, end, kind) = (header & 0x80 != 0, header & 0x40 != 0, header & 0x3f);
        let mut body = body;
        if start {
            if self.numbered {
                body = body.get(2..).unwrap_or_default();
            }
            let head = [first & 0x81 | kind << 1, second, body.first().copied().unwrap_or(0x80)];
            self.fragmented = None;
            if !self.assembler.begin(&mut self.sets, packet.timestamp, &head) {
                return Err(foreign(&head));
            }
            self.assembler.append(head.get(..2).unwrap_or_default());
            self.fragmented = Some((kind, packet.timestamp));
        } else if self.fragmented != Some((kind, packet.timestamp)) {
            let expected = self.assembler.damaged();
            self.fragmented = None;
            self.assembler
                .orphan(&mut self.sets, packet.timestamp, (16..=23).contains(&kind));
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
    match unit {
        [header, ..] if header & 0x80 != 0 => "forbidden_zero_bit is set".to_owned(),
        [_, second, ..] if second & 7 == 0 => "nuh_temporal_id_plus1 is 0".to_owned(),
        [header, _, ..] => format!("NAL unit type {} left out", header >> 1),
        _ => "NAL unit shorter than its header".to_owned(),
    }
}

impl Depacketizer for H265Depacketizer {
    fn push(&mut self, packet: &RtpPayload<'_>) -> Result<(), DepacketizeError> {
        let done = match packet.payload.first() {
            None => Ok(()), // padding alone
            Some(header) if header & 0x80 != 0 => {
                self.assembler.damage_at(&mut self.sets, packet.timestamp);
                Err(foreign(packet.payload))
            }
            Some(header) => match header >> 1 {
                AGGREGATION => self.aggregate(packet),
                FRAGMENTATION => self.fragment(packet),
                PACI => {
                    self.assembler.damage_at(&mut self.sets, packet.timestamp);
                    Err("PACI packets are not supported".to_owned())
                }
                _ => self.single(packet),
            },
        };
        if packet.marker {
            self.assembler.marker(&mut self.sets);
        }
        done.map_err(|what| DepacketizeError {
            codec: "h265",
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
