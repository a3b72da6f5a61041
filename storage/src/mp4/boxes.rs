//! Box headers (ISO/IEC 14496-12 §4.2) and big-endian reading without panics.

use std::fmt;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FourCc(pub [u8; 4]);

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl FourCc {
    /// Letters, digits and blanks: what every registered type is made of, and zeros are not.
    pub fn is_plausible(self) -> bool {
        self.0
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || *b == b' ' || *b == 0xa9)
    }
}

/// Reads from the front of a slice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn bytes(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }
    pub fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
    pub fn four_cc(&mut self) -> Option<FourCc> {
        self.array().map(FourCc)
    }
    /// Version and flags of a FullBox.
    pub fn full(&mut self) -> Option<(u8, u32)> {
        let word = self.u32()?;
        Some(((word >> 24) as u8, word & 0x00ff_ffff))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoxHeader {
    pub kind: FourCc,
    /// 8, or 16 with a 64-bit size.
    pub header_len: u64,
    /// Header included; `None`: up to the end of the file.
    pub len: Option<u64>,
}

impl BoxHeader {
    /// From the first 8 (or 16) bytes; `None` when they are too few or no header.
    pub fn parse(bytes: &[u8]) -> Option<BoxHeader> {
        let mut r = Reader(bytes);
        let short = r.u32()?;
        let kind = r.four_cc()?;
        let (header_len, len) = match short {
            0 => (8, None),
            1 => (16, Some(r.u64()?)),
            n => (8, Some(u64::from(n))),
        };
        if len.is_some_and(|len| len < header_len) {
            return None;
        }
        Some(BoxHeader { kind, header_len, len })
    }
}

/// The boxes inside a slice, one after another; ends at the first that does not fit.
#[derive(Debug, Clone, Copy)]
pub struct Boxes<'a>(pub &'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    /// Type and body.
    type Item = (FourCc, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let header = BoxHeader::parse(self.0)?;
        let len = match header.len {
            Some(len) => usize::try_from(len).ok()?,
            None => self.0.len(),
        };
        let (this, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some((header.kind, this.get(usize::try_from(header.header_len).ok()?..)?))
    }
}

impl<'a> Boxes<'a> {
    /// The body of the first box of this type.
    pub fn find(mut self, kind: &[u8; 4]) -> Option<&'a [u8]> {
        Iterator::find(&mut self, |(k, _)| &k.0 == kind).map(|(_, body)| body)
    }
}
