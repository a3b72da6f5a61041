//! Box headers and numbers.

use std::ops::Range;

use anyhow::{Context, Result, bail};

/// One box; places are counted from the start of the file.
#[derive(Debug, Clone)]
pub struct Item {
    pub kind: [u8; 4],
    pub start: usize,
    pub body: Range<usize>,
}

/// The boxes in a range, one after the other.
pub struct Boxes<'a> {
    data: &'a [u8],
    rest: Range<usize>,
}

impl<'a> Boxes<'a> {
    pub fn new(data: &'a [u8], range: Range<usize>) -> Self {
        Self { data, rest: range }
    }

    fn read(&self) -> Result<Item> {
        let start = self.rest.start;
        let mut cursor = Cursor::new(self.data, self.rest.clone());
        let short = cursor.u32()?;
        let kind = cursor.u32()?.to_be_bytes();
        let len = match short {
            0 => self.rest.len(),
            1 => usize::try_from(cursor.u64()?)?,
            len => len as usize,
        };
        let end = start.checked_add(len).context("length of a box")?;
        if end > self.rest.end || end < cursor.at() {
            bail!(
                "box {:?} at {start} says {len} bytes, {} are there",
                String::from_utf8_lossy(&kind),
                self.rest.len()
            );
        }
        Ok(Item {
            kind,
            start,
            body: cursor.at()..end,
        })
    }
}

impl Iterator for Boxes<'_> {
    type Item = Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let item = self.read();
        self.rest.start = item.as_ref().map_or(self.rest.end, |i| i.body.end);
        Some(item)
    }
}

/// Big-endian numbers in a range of the file.
pub struct Cursor<'a> {
    data: &'a [u8],
    rest: Range<usize>,
}

impl<'a> Cursor<'a> {
    pub fn new(data: &'a [u8], range: Range<usize>) -> Self {
        Self { data, rest: range }
    }

    pub fn at(&self) -> usize {
        self.rest.start
    }

    pub fn rest(&self) -> Range<usize> {
        self.rest.clone()
    }

    pub fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let end = self.rest.start.checked_add(len).filter(|e| *e <= self.rest.end);
        let end = end.with_context(|| format!("cut off at byte {}", self.rest.end))?;
        let bytes = self.data.get(self.rest.start..end).context("cut off file")?;
        self.rest.start = end;
        Ok(bytes)
    }

    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    pub fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(self.take(2)?.try_into()?))
    }

    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_be_bytes(self.take(4)?.try_into()?))
    }

    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_be_bytes(self.take(8)?.try_into()?))
    }
}
