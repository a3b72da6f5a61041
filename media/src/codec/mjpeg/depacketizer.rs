//! RFC 2435: types 0 and 1, with and without restart markers, quantization tables by Q or in band.

use std::collections::{BTreeMap, VecDeque};

use super::headers::{self, Picture};
use crate::{
    codec::{DepacketizeError, Depacketized, Depacketizer, FormatChange, RtpPayload, unit_buffer::UnitBuffer},
    format::VideoFormat,
};

/// Larger than any JPEG: fragment offsets have 24 bits.
const MAX_UNIT: usize = 1 << 24;

/// A picture being assembled.
#[derive(Debug, Clone, Copy)]
struct Current {
    timestamp: u32,
    width: u16,
    height: u16,
    /// Bytes of entropy-coded data so far: the next fragment's offset.
    offset: usize,
}

pub(crate) struct MjpegDepacketizer {
    buffer: UnitBuffer,
    current: Option<Current>,
    /// A picture was dropped and its remaining packets are expected.
    skipping: Option<u32>,
    /// In-band tables by Q (128 to 254 stay valid, RFC 2435 4.2).
    tables: BTreeMap<u8, Vec<u8>>,
    /// From SDP: for pictures larger than 2040 pixels, whose size the header cannot say.
    size_hint: Option<(u32, u32)>,
    published: Option<VideoFormat>,
    ready: VecDeque<Depacketized>,
    header: Vec<u8>,
    dropped: u64,
}

impl MjpegDepacketizer {
    pub(crate) fn new(size_hint: Option<(u32, u32)>) -> Self {
        Self {
            buffer: UnitBuffer::default(),
            current: None,
            skipping: None,
            tables: BTreeMap::new(),
            size_hint,
            published: None,
            ready: VecDeque::new(),
            header: Vec::new(),
            dropped: 0,
        }
    }

    fn abandon(&mut self, timestamp: u32) {
        self.current = None;
        self.buffer.discard(self.buffer.len());
        if self.skipping != Some(timestamp) {
            self.dropped += 1;
        }
        self.skipping = Some(timestamp);
    }

    fn take(&mut self, packet: &RtpPayload<'_>) -> Result<(), String> {
        let Some((&[_, o1, o2, o3, kind, q, width, height], mut rest)) = packet.payload.split_first_chunk::<8>() else {
            return Err("shorter than its header".to_owned());
        };
        let offset = u32::from_be_bytes([0, o1, o2, o3]) as usize;
        let mut restart_interval = 0;
        if kind & 0x40 != 0 {
            let Some((&[r0, r1, _, _], after)) = rest.split_first_chunk::<4>() else {
                return Err("shorter than its restart header".to_owned());
            };
            restart_interval = u16::from_be_bytes([r0, r1]);
            rest = after;
        }
        if offset == 0 {
            if self.current.is_some() && self.buffer.as_slice().ends_with(&[0xff, 0xd9]) {
                self.finish(); // only its marker was missing
            } else if self.current.take().is_some() {
                self.buffer.discard(self.buffer.len());
                self.dropped += 1;
            }
            rest = self.begin(packet.timestamp, kind, q, (width, height), restart_interval, rest)?;
        }
        let Some(current) = &mut self.current else {
            return match self.skipping == Some(packet.timestamp) {
                true => Ok(()),
                false => Err("picture without its first packet".to_owned()),
            };
        };
        if current.timestamp != packet.timestamp || current.offset != offset {
            return Err(format!(
                "fragment at offset {offset} of time {} where {} of time {} was expected",
                packet.timestamp, current.offset, current.timestamp
            ));
        }
        current.offset += rest.len();
        if current.offset > MAX_UNIT {
            return Err("picture larger than 16 MiB".to_owned());
        }
        self.buffer.append(rest);
        if packet.marker {
            self.finish();
        }
        Ok(())
    }

    /// Writes the headers of a new picture; returns the packet's entropy-coded data.
    fn begin<'a>(
        &mut self,
        timestamp: u32,
        kind: u8,
        q: u8,
        (width8, height8): (u8, u8),
        restart_interval: u16,
        mut rest: &'a [u8],
    ) -> Result<&'a [u8], String> {
        let kind = kind & 0xbf;
        if kind > 1 {
            return Err(format!("picture type {kind} is not supported, only 0 and 1 are"));
        }
        let hint = self.size_hint.unwrap_or_default();
        let side = |eighths: u8, hint: u32| match eighths {
            0 => u16::try_from(hint).ok().filter(|&h| h > 0),
            n => Some(u16::from(n) * 8),
        };
        let (Some(width), Some(height)) = (side(width8, hint.0), side(height8, hint.1)) else {
            return Err("picture larger than 2040 pixels, and its size is not in the SDP (x-dimensions)".to_owned());
        };
        let standard;
        let tables: &[u8] = match q {
            1..=99 => {
                standard = headers::standard_tables(q);
                &standard
            }
            128..=255 => {
                let Some((&[_, precision, l0, l1], after)) = rest.split_first_chunk::<4>() else {
                    return Err("shorter than its table header".to_owned());
                };
                let Some((inband, after)) = after.split_at_checked(u16::from_be_bytes([l0, l1]).into()) else {
                    return Err("shorter than its tables".to_owned());
                };
                rest = after;
                match inband.len() {
                    0 => {}
                    _ if precision & 3 != 0 => {
                        return Err("16 bit quantization tables are not supported".to_owned());
                    }
                    64 | 128 if self.tables.get(&q).is_some_and(|known| known == inband) => {}
                    64 | 128 => {
                        self.tables.insert(q, inband.to_vec());
                    }
                    n => {
                        return Err(format!(
                            "{n} bytes of quantization tables, where 64 or 128 were expected"
                        ));
                    }
                }
                self.tables
                    .get(&q)
                    .ok_or_else(|| format!("no quantization tables for Q {q} yet"))?
            }
            _ => return Err(format!("Q {q} is reserved")),
        };
        self.buffer.expect(true);
        // Some cameras send whole JPEGs: their headers are better than ours.
        if !rest.starts_with(&[0xff, 0xd8, 0xff]) {
            self.header.clear();
            headers::write(
                Picture {
                    kind,
                    width,
                    height,
                    restart_interval,
                },
                tables,
                &mut self.header,
            );
            self.buffer.append(&self.header);
        }
        self.skipping = None;
        self.current = Some(Current {
            timestamp,
            width,
            height,
            offset: 0,
        });
        Ok(rest)
    }

    fn finish(&mut self) {
        let Some(current) = self.current.take() else {
            return;
        };
        if !self.buffer.as_slice().ends_with(&[0xff, 0xd9]) {
            self.buffer.append(&[0xff, 0xd9]);
        }
        let (width, height) = (u32::from(current.width), u32::from(current.height));
        let changed = self
            .published
            .as_ref()
            .is_none_or(|f| (f.width, f.height) != (width, height));
        let format = changed.then(|| super::video_format(width, height));
        if format.is_some() {
            self.published.clone_from(&format);
        }
        self.ready.push_back(Depacketized {
            rtp_timestamp: current.timestamp,
            data: self.buffer.take(self.buffer.len(), true),
            rap: true,
            format: format.map(FormatChange::Video),
            samples: 0,
        });
    }
}

impl Depacketizer for MjpegDepacketizer {
    fn push(&mut self, packet: &RtpPayload<'_>) -> Result<(), DepacketizeError> {
        if packet.payload.is_empty() {
            return Ok(());
        }
        self.take(packet).map_err(|what| {
            self.abandon(packet.timestamp);
            DepacketizeError {
                codec: "mjpeg",
                seq: packet.seq,
                what,
            }
        })
    }

    fn lost(&mut self, _packets: u32) {
        if let Some(current) = self.current {
            self.abandon(current.timestamp);
        }
    }

    fn next(&mut self) -> Option<Depacketized> {
        self.ready.pop_front()
    }

    fn format(&self) -> Option<FormatChange> {
        self.published.clone().map(FormatChange::Video)
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }
}
