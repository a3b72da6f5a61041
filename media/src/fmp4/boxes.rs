//! Boxes: a length, four letters, a body.

/// Writes boxes one into the other; lengths are filled in when a box ends.
#[derive(Default)]
pub(super) struct Boxes(pub Vec<u8>);

impl Boxes {
    pub fn with_capacity(bytes: usize) -> Boxes {
        Boxes(Vec::with_capacity(bytes))
    }
    pub fn u8(&mut self, v: u8) {
        self.0.push(v);
    }
    pub fn u16(&mut self, v: u16) {
        self.0.extend_from_slice(&v.to_be_bytes());
    }
    pub fn u32(&mut self, v: u32) {
        self.0.extend_from_slice(&v.to_be_bytes());
    }
    pub fn u64(&mut self, v: u64) {
        self.0.extend_from_slice(&v.to_be_bytes());
    }
    pub fn bytes(&mut self, v: &[u8]) {
        self.0.extend_from_slice(v);
    }
    pub fn zeros(&mut self, count: usize) {
        self.0.resize(self.0.len() + count, 0);
    }
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// A plain box.
    pub fn plain(&mut self, kind: &[u8; 4], body: impl FnOnce(&mut Boxes)) {
        let at = self.0.len();
        self.u32(0);
        self.bytes(kind);
        body(self);
        let size = (self.0.len() - at) as u32;
        self.patch(at, size);
    }

    /// A box with version and flags.
    pub fn full(&mut self, kind: &[u8; 4], version: u8, flags: u32, body: impl FnOnce(&mut Boxes)) {
        self.plain(kind, |b| {
            b.u32(u32::from(version) << 24 | flags);
            body(b);
        });
    }

    /// Overwrites the 4 bytes at `at`.
    pub fn patch(&mut self, at: usize, value: u32) {
        if let Some(bytes) = self.0.get_mut(at..at + 4) {
            bytes.copy_from_slice(&value.to_be_bytes());
        }
    }

    /// A descriptor of ISO/IEC 14496-1 §8: tag, length in 7-bit groups, body.
    pub fn descriptor(&mut self, tag: u8, body: &[u8]) {
        self.u8(tag);
        let len = body.len();
        for group in (1..4).rev().filter(|group| len >> (7 * group) > 0) {
            self.u8(0x80 | (len >> (7 * group)) as u8);
        }
        self.u8(len as u8 & 0x7F);
        self.bytes(body);
    }
}
