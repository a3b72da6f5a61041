//! The fixed header of a data packet (RFC 3550 §5.1).

use vigie_config::{ErrorKind, Kind};

/// One data packet; borrows the bytes it was parsed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtpPacket<'a> {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    /// Without CSRC list, extension and padding; may be empty.
    pub payload: &'a [u8],
}

/// Bytes that are not an RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    #[error("rtp packet of {seen} bytes is shorter than its header")]
    Short { seen: usize },
    #[error("rtp version {seen} instead of 2")]
    Version { seen: u8 },
    #[error("rtp padding of {padding} bytes in {room} bytes of payload")]
    Padding { padding: usize, room: usize },
}

impl Kind for PacketError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Corrupt
    }
}

impl<'a> RtpPacket<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PacketError> {
        let short = PacketError::Short { seen: bytes.len() };
        let (header, mut rest) = bytes.split_first_chunk::<12>().ok_or(short)?;
        let [flags, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *header;
        if flags >> 6 != 2 {
            return Err(PacketError::Version { seen: flags >> 6 });
        }
        rest = rest.get(usize::from(flags & 0x0f) * 4..).ok_or(short)?;
        if flags & 0x10 != 0 {
            let ([_, _, n0, n1], after) = rest.split_first_chunk::<4>().ok_or(short)?;
            rest = after
                .get(usize::from(u16::from_be_bytes([*n0, *n1])) * 4..)
                .ok_or(short)?;
        }
        if flags & 0x20 != 0 {
            let padding = usize::from(rest.last().copied().unwrap_or(0));
            let bad = PacketError::Padding {
                padding,
                room: rest.len(),
            };
            if padding == 0 {
                return Err(bad);
            }
            rest = rest
                .len()
                .checked_sub(padding)
                .and_then(|len| rest.get(..len))
                .ok_or(bad)?;
        }
        Ok(RtpPacket {
            marker: kind & 0x80 != 0,
            payload_type: kind & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            payload: rest,
        })
    }
}

#[cfg(test)]
pub(crate) fn build(
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    marker: bool,
    payload: &[u8],
) -> Vec<u8> {
    let mut out = vec![0x80, payload_type | u8::from(marker) << 7];
    out.extend(sequence.to_be_bytes());
    out.extend(timestamp.to_be_bytes());
    out.extend(ssrc.to_be_bytes());
    out.extend(payload);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_header_extension_and_padding_off() {
        let mut bytes = build(96, 7, 9, 11, true, &[]);
        bytes[0] = 0x80 | 0x20 | 0x10 | 1;
        bytes.extend([0xaa; 4]); // one CSRC
        bytes.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4]); // extension of one word
        bytes.extend([5, 6, 7, 0, 0, 3]); // payload, three bytes of padding
        let packet = RtpPacket::parse(&bytes).unwrap();
        assert_eq!(packet.payload, [5, 6, 7]);
        assert_eq!(
            (packet.sequence, packet.timestamp, packet.ssrc, packet.marker),
            (7, 9, 11, true)
        );
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(RtpPacket::parse(&[0x80; 5]), Err(PacketError::Short { seen: 5 }));
        assert_eq!(RtpPacket::parse(&[0x40; 12]), Err(PacketError::Version { seen: 1 }));
        let mut padded = build(96, 1, 1, 1, false, &[9]);
        padded[0] |= 0x20;
        assert_eq!(
            RtpPacket::parse(&padded),
            Err(PacketError::Padding { padding: 9, room: 1 })
        );
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = RtpPacket::parse(&bytes);
        }

        #[test]
        fn round_trip(pt in 0u8..128, seq: u16, ts: u32, ssrc: u32, marker: bool,
                      payload in proptest::collection::vec(any::<u8>(), 0..50)) {
            let bytes = build(pt, seq, ts, ssrc, marker, &payload);
            let packet = RtpPacket::parse(&bytes).unwrap();
            prop_assert_eq!(packet, RtpPacket { marker, payload_type: pt, sequence: seq, timestamp: ts, ssrc, payload: &payload });
        }
    }
}
