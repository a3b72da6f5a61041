//! Integers of variable length: LEB128, and zigzag for signed ones.

pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// `to - from` modulo 2⁶⁴, small in either direction: [`add`] gives `to` back whatever they are.
pub(super) fn put_delta(out: &mut Vec<u8>, from: u64, to: u64) {
    let delta = to.wrapping_sub(from) as i64;
    put(out, ((delta << 1) ^ (delta >> 63)) as u64);
}

/// Reads from the front of `bytes` and moves it on. `None`: cut short or too long.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

pub(super) fn take_delta(bytes: &mut &[u8], from: u64) -> Option<u64> {
    let zigzag = take(bytes)?;
    Some(from.wrapping_add((zigzag >> 1) ^ (zigzag & 1).wrapping_neg()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_goes_in_comes_out(value: u64, from: u64, to: u64) {
            let mut out = Vec::new();
            put(&mut out, value);
            put_delta(&mut out, from, to);
            let mut bytes = out.as_slice();
            prop_assert_eq!(take(&mut bytes), Some(value));
            prop_assert_eq!(take_delta(&mut bytes, from), Some(to));
            prop_assert!(bytes.is_empty());
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
            let mut bytes = bytes.as_slice();
            while take(&mut bytes).is_some() {}
        }
    }

    #[test]
    fn small_steps_take_one_byte() {
        for (from, to) in [(100, 100), (100, 101), (100, 99), (100, 163), (100, 36)] {
            let mut out = Vec::new();
            put_delta(&mut out, from, to);
            assert_eq!(out.len(), 1, "{from} → {to}");
        }
    }
}
