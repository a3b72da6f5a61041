//! The number that every access unit carries, so that a file can be counted without trusting
//! the recorder.
//!
//! H.264 and H.265 carry it in an SEI message of the "user data unregistered" kind (ISO/IEC
//! 14496-10 D.1.7): UUID, then three numbers in groups of seven bits with the top bit set, which
//! can never look like a start code. JPEG over RTP keeps no comments, but it does carry its
//! quantization tables (RFC 2435): there the numbers stand in the last places of the second one.

use std::ops::Range;

/// Marks our SEI messages. No byte is zero.
pub const UUID: [u8; 16] = *b"vigie-identity-1";

/// Bytes of the three numbers.
pub const NUMBERS_LEN: usize = 5 + 10 + 10;

/// What one access unit says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// [`crate::StreamSpec`]'s token: which camera and stream sent it.
    pub source: u32,
    /// Place of the unit in that stream, by the camera's own clock.
    pub number: u64,
    /// When the camera sent it: Unix time in microseconds.
    pub sent_us: u64,
}

fn put(target: &mut [u8], mut value: u64) {
    for byte in target {
        *byte = 0x80 | (value & 0x7f) as u8;
        value >>= 7;
    }
}

fn take(source: &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (place, byte) in source.iter().enumerate() {
        if byte & 0x80 == 0 {
            return None;
        }
        value |= u64::from(byte & 0x7f).checked_shl(7 * place as u32)?;
    }
    Some(value)
}

impl Identity {
    /// Writes the numbers over `target`, which must hold [`NUMBERS_LEN`] bytes.
    pub fn write(&self, target: &mut [u8]) {
        let (source, rest) = target.split_at_mut(5);
        let (number, sent) = rest.split_at_mut(10);
        put(source, u64::from(self.source));
        put(number, self.number);
        put(sent, self.sent_us);
    }

    /// Reads what [`Identity::write`] wrote.
    pub fn read(numbers: &[u8]) -> Option<Self> {
        Some(Self {
            source: take(numbers.get(0..5)?)? as u32,
            number: take(numbers.get(5..15)?)?,
            sent_us: take(numbers.get(15..25)?)?,
        })
    }

    /// Finds our SEI message in a NAL unit (without start code) of either codec.
    pub fn in_nal(nal: &[u8]) -> Option<Self> {
        let at = nal.windows(UUID.len()).take(64).position(|w| w == UUID)?;
        Self::read(nal.get(at + UUID.len()..)?)
    }

    /// Finds the numbers in a JPEG image: the end of quantization table 1.
    pub fn in_jpeg(image: &[u8]) -> Option<Self> {
        let mut rest = image.get(2..)?;
        while let [0xff, kind, high, low, ..] = *rest {
            let len = usize::from(u16::from_be_bytes([high, low]));
            let body = rest.get(4..2 + len)?;
            if kind == 0xdb {
                for table in body.chunks(65) {
                    if table.first() == Some(&1) {
                        return Self::read(table.get(65 - NUMBERS_LEN..)?);
                    }
                }
            }
            if kind == 0xda {
                return None;
            }
            rest = rest.get(2 + len..)?;
        }
        None
    }
}

/// A NAL unit with our SEI message and empty numbers, and where the numbers stand in it.
pub fn sei_template(h265: bool) -> (Vec<u8>, Range<usize>) {
    let mut nal = if h265 { vec![39 << 1, 1] } else { vec![6] };
    nal.extend([5, (UUID.len() + NUMBERS_LEN) as u8]);
    nal.extend(UUID);
    let start = nal.len();
    nal.extend([0x80; NUMBERS_LEN]);
    let end = nal.len();
    nal.push(0x80);
    (nal, start..end)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_survive_and_never_look_like_a_start_code() {
        for number in [0, 1, 127, 128, 1 << 40, u64::MAX >> 1] {
            for h265 in [false, true] {
                let (mut nal, place) = sei_template(h265);
                let identity = Identity {
                    source: 77,
                    number,
                    sent_us: 1_700_000_000_000_000,
                };
                identity.write(&mut nal[place]);
                assert_eq!(Identity::in_nal(&nal), Some(identity));
                assert!(!nal.contains(&0));
            }
        }
        assert_eq!(Identity::in_nal(b"\x06\x05\x10 something else"), None);
    }
}
