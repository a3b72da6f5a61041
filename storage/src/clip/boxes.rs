//! Writing boxes (ISO/IEC 14496-12 §4.2).

pub(super) trait Write {
    fn plain(&mut self, kind: &[u8; 4], body: impl FnOnce(&mut Vec<u8>));
    fn full(&mut self, kind: &[u8; 4], version: u8, flags: u32, body: impl FnOnce(&mut Vec<u8>));
    fn u16(&mut self, value: u16);
    fn u32(&mut self, value: u32);
    fn i32(&mut self, value: i32);
    fn u64(&mut self, value: u64);
    fn zeros(&mut self, count: usize);
}

impl Write for Vec<u8> {
    fn plain(&mut self, kind: &[u8; 4], body: impl FnOnce(&mut Vec<u8>)) {
        let at = self.len();
        self.u32(0);
        self.extend(kind);
        body(self);
        let size = u32::try_from(self.len() - at).unwrap_or(u32::MAX);
        if let Some(place) = self.get_mut(at..at + 4) {
            place.copy_from_slice(&size.to_be_bytes());
        }
    }
    fn full(&mut self, kind: &[u8; 4], version: u8, flags: u32, body: impl FnOnce(&mut Vec<u8>)) {
        self.plain(kind, |b| {
            b.u32(u32::from(version) << 24 | flags);
            body(b);
        });
    }
    fn u16(&mut self, value: u16) {
        self.extend(value.to_be_bytes());
    }
    fn u32(&mut self, value: u32) {
        self.extend(value.to_be_bytes());
    }
    fn i32(&mut self, value: i32) {
        self.extend(value.to_be_bytes());
    }
    fn u64(&mut self, value: u64) {
        self.extend(value.to_be_bytes());
    }
    fn zeros(&mut self, count: usize) {
        self.resize(self.len() + count, 0);
    }
}
