//! The memory that access units are assembled in: one copy, few allocations.

use bytes::{Bytes, BytesMut};

/// Units are cut one after another from chunks of this size, so that most need no allocation.
/// A chunk lives as long as its last unit, about a quarter of a second more than needed.
const CHUNK: usize = 128 * 1024;

/// The unit being assembled, at the end of a shared chunk.
#[derive(Debug, Default)]
pub(super) struct UnitBuffer {
    buf: BytesMut,
    /// Bytes that recent ordinary units needed, decaying.
    usual: usize,
    /// The same for RAPs, which are several times larger.
    usual_rap: usize,
}

impl UnitBuffer {
    pub(super) fn len(&self) -> usize {
        self.buf.len()
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.buf
    }

    /// Makes room so that a unit of the usual size is not moved while it grows.
    pub(super) fn expect(&mut self, rap: bool) {
        let usual = if rap { self.usual_rap } else { self.usual };
        let wanted = usual.saturating_sub(self.buf.len());
        if self.buf.capacity() - self.buf.len() < wanted {
            self.buf.reserve(wanted.max(CHUNK));
        }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        if self.buf.capacity() - self.buf.len() < bytes.len() {
            self.buf.reserve(bytes.len().max(CHUNK));
        }
        self.buf.extend_from_slice(bytes);
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.buf.truncate(len);
    }

    pub(super) fn overwrite(&mut self, at: usize, bytes: &[u8]) {
        if let Some(to) = self.buf.get_mut(at..at + bytes.len()) {
            to.copy_from_slice(bytes);
        }
    }

    /// Cuts the first `len` bytes off as a finished unit.
    pub(super) fn take(&mut self, len: usize, rap: bool) -> Bytes {
        let usual = if rap { &mut self.usual_rap } else { &mut self.usual };
        *usual = (len + len / 4).max(*usual - *usual / 16);
        self.buf.split_to(len.min(self.buf.len())).freeze()
    }

    /// Forgets the first `len` bytes.
    pub(super) fn discard(&mut self, len: usize) {
        drop(self.buf.split_to(len.min(self.buf.len())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn released_units_give_their_memory_back() {
        let mut buffer = UnitBuffer::default();
        let mut places = std::collections::HashSet::new();
        for i in 0..1000u32 {
            buffer.expect(false);
            buffer.append(&[i as u8; 20_000]);
            let unit = buffer.take(20_000, false);
            assert!(unit.iter().all(|&b| b == i as u8));
            places.insert(unit.as_ptr() as usize);
        }
        assert!(
            places.len() < 20,
            "a unit that is dropped at once should not cost a new chunk: {}",
            places.len()
        );
    }

    #[test]
    fn units_in_one_chunk_are_independent() {
        let mut buffer = UnitBuffer::default();
        buffer.append(b"first");
        buffer.append(b"second");
        let first = buffer.take(5, true);
        buffer.append(b"!");
        assert_eq!((&first[..], buffer.as_slice()), (&b"first"[..], &b"second!"[..]));
        buffer.discard(6);
        assert_eq!(buffer.as_slice(), b"!");
    }
}
