//! One line of an append-only file in `state_dir`: `{"crc":"<8 hex>","entry":<JSON>}`, the CRC-32
//! over the text of the entry.
//!
//! Belongs here: the line. Does not belong here: the files made of lines ([`crate::journal`],
//! [`crate::events`]); the ledger beside the footage has lines of its own ([`crate::ledger`]).

use std::io;

use serde::Serialize;

const HEAD: &[u8] = b"{\"crc\":\"";
const MIDDLE: &[u8] = b"\",\"entry\":";
const TAIL: &[u8] = b"}\n";

pub fn encode(entry: &impl Serialize) -> io::Result<Vec<u8>> {
    let text = serde_json::to_vec(entry)?;
    let crc = format!("{:08x}", crc32fast::hash(&text));
    Ok([HEAD, crc.as_bytes(), MIDDLE, &text, TAIL].concat())
}

/// The text of the entry; `None`: damaged, or torn.
pub fn entry(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(HEAD)?;
    let (crc, rest) = rest.split_at_checked(8)?;
    let text = rest.strip_prefix(MIDDLE)?.strip_suffix(TAIL)?;
    let crc = u32::from_str_radix(std::str::from_utf8(crc).ok()?, 16).ok()?;
    (crc == crc32fast::hash(text)).then_some(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_line_is_whole_or_nothing(text in ".{0,80}", place in 0usize..200, bit in 0u8..8) {
            let line = encode(&text).unwrap();
            prop_assert_eq!(entry(&line).unwrap(), serde_json::to_vec(&text).unwrap());
            let mut damaged = line.clone();
            let place = place % line.len();
            damaged[place] ^= 1 << bit;
            // The digits of a checksum may change their case.
            let same = damaged.eq_ignore_ascii_case(&line) && (8..16).contains(&place);
            prop_assert!(same || entry(&damaged).is_none());
            prop_assert!(entry(&line[..place]).is_none());
        }
    }
}
