//! NAL units as byte strings: walking them in both framings, and turning one framing into the other.
//!
//! Length-prefixed: each unit after its length as 4 bytes big endian (ISO/IEC 14496-15), the shape
//! of [`crate::AccessUnit::data`]. Annex B: each unit after `00 00 01` (H.264 and H.265 Annex B).

/// The NAL units of a length-prefixed access unit. A truncated tail ends the walk.
pub fn units(data: &[u8]) -> Units<'_> {
    Units { rest: data }
}

#[derive(Debug, Clone)]
pub struct Units<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Units<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let (unit, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(unit)
    }
}

/// Appends a length-prefixed access unit to `out` with 4-byte start codes.
pub fn to_annex_b(data: &[u8], out: &mut Vec<u8>) {
    out.reserve(data.len());
    for unit in units(data) {
        out.extend_from_slice(&[0, 0, 0, 1]);
        out.extend_from_slice(unit);
    }
}

/// Turns 4-byte lengths into 4-byte start codes where they stand.
pub fn to_annex_b_in_place(data: &mut [u8]) {
    let mut rest = data;
    while let Some((length, tail)) = rest.split_first_chunk_mut::<4>() {
        let unit = u32::from_be_bytes(*length) as usize;
        *length = [0, 0, 0, 1];
        match tail.split_at_mut_checked(unit) {
            Some((_, after)) => rest = after,
            None => return,
        }
    }
}

/// Appends the units of an Annex B byte stream to `out`, length-prefixed.
pub fn from_annex_b(stream: &[u8], out: &mut Vec<u8>) {
    out.reserve(stream.len() + 4);
    for unit in annex_b(stream) {
        out.extend_from_slice(&(unit.len() as u32).to_be_bytes());
        out.extend_from_slice(unit);
    }
}

/// The NAL units of an Annex B byte stream, without the zero bytes around them. What stands
/// before the first start code counts as a unit; empty units are skipped.
pub fn annex_b(stream: &[u8]) -> AnnexB<'_> {
    AnnexB { rest: Some(stream) }
}

#[derive(Debug, Clone)]
pub struct AnnexB<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for AnnexB<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let rest = self.rest?;
            let unit = match start_code(rest) {
                Some(at) => {
                    self.rest = rest.get(at + 3..);
                    rest.get(..at).unwrap_or_default()
                }
                None => {
                    self.rest = None;
                    rest
                }
            };
            let unit = without_trailing_zeros(unit);
            if !unit.is_empty() {
                return Some(unit);
            }
        }
    }
}

/// Where the first `00 00 01` begins.
pub fn start_code(data: &[u8]) -> Option<usize> {
    data.windows(3).position(|w| w == [0, 0, 1])
}

fn without_trailing_zeros(unit: &[u8]) -> &[u8] {
    let end = unit.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    unit.get(..end).unwrap_or_default()
}

/// The raw byte sequence payload: the unit without its emulation prevention bytes
/// (H.264 7.4.1.1, H.265 7.4.2.3). The header is copied as it is.
pub(super) fn rbsp(unit: &[u8]) -> Vec<u8> {
    let mut out = vec![0; unit.len()];
    let len = rbsp_head(unit, &mut out).len();
    out.truncate(len);
    out
}

/// As much of the raw byte sequence payload as fits in `out`.
pub(super) fn rbsp_head<'b>(unit: &[u8], out: &'b mut [u8]) -> &'b [u8] {
    let (mut zeros, mut len) = (0, 0);
    for &byte in unit {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        let Some(to) = out.get_mut(len) else { break };
        *to = byte;
        len += 1;
    }
    out.get(..len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn truncated_length_or_unit_ends_the_walk() {
        assert_eq!(units(&[0, 0, 0, 1, 9, 0, 0]).collect::<Vec<_>>(), [&[9u8][..]]);
        assert_eq!(units(&[0, 0, 0, 5, 1]).count(), 0);
        assert_eq!(units(&[0xff; 9]).count(), 0);
    }

    #[test]
    fn annex_b_takes_both_start_codes_and_trailing_zeros() {
        let stream = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3, 0, 0];
        assert_eq!(
            annex_b(&stream).collect::<Vec<_>>(),
            [&[0x67u8, 1][..], &[0x68, 2], &[0x65, 3]]
        );
    }

    #[test]
    fn emulation_prevention_is_removed_only_after_two_zeros() {
        assert_eq!(
            rbsp(&[0x67, 0, 0, 3, 0, 0, 3, 1, 3, 0, 3]),
            [0x67, 0, 0, 0, 0, 1, 3, 0, 3]
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut data in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = units(&data).count();
            let _ = annex_b(&data).count();
            let _ = rbsp(&data);
            to_annex_b_in_place(&mut data);
        }

        #[test]
        fn framings_round_trip(
            nals in prop::collection::vec(prop::collection::vec(1u8..=255, 1..20), 1..6)
        ) {
            let mut stream = Vec::new();
            for nal in &nals {
                stream.extend_from_slice(&[0, 0, 0, 1]);
                stream.extend_from_slice(nal);
            }
            let mut prefixed = Vec::new();
            from_annex_b(&stream, &mut prefixed);
            prop_assert_eq!(units(&prefixed).map(<[u8]>::to_vec).collect::<Vec<_>>(), nals);
            let mut back = Vec::new();
            to_annex_b(&prefixed, &mut back);
            prop_assert_eq!(&back, &stream);
            to_annex_b_in_place(&mut prefixed);
            prop_assert_eq!(prefixed, stream);
        }
    }
}
