//! Media cut into RTP packets once, before anything is sent.
//!
//! A unit's packets lie back to back in one buffer, each after its interleaving header (RFC 2326
//! 10.12), so that sending is: patch the headers in place, one `send`.

use anyhow::{Result, bail};

use crate::{
    clip::{AudioClip, AudioCodec, Unit, VideoClip, VideoCodec},
    identity::{Identity, NUMBERS_LEN},
};

/// Interleaving header and RTP header.
pub const HEADERS_LEN: usize = 4 + 12;

/// All packets of one access unit.
#[derive(Debug, Default, Clone)]
pub struct Packets {
    pub bytes: Vec<u8>,
    /// Where each packet's interleaving header starts.
    pub starts: Vec<usize>,
    /// Where the unit's own numbers start in `bytes`.
    pub numbers: Option<usize>,
}

/// What changes from one sending to the next.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    pub channel: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    /// Whether the last packet carries the marker bit.
    pub marker: bool,
}

impl Packets {
    fn push(&mut self, payload_type: u8, payload: &[&[u8]]) {
        let len = 12 + payload.iter().map(|p| p.len()).sum::<usize>();
        self.starts.push(self.bytes.len());
        self.bytes.extend([b'$', 0]);
        self.bytes.extend((len as u16).to_be_bytes());
        self.bytes.extend([0x80, payload_type]);
        self.bytes.extend([0; 10]);
        for part in payload {
            self.bytes.extend_from_slice(part);
        }
    }

    /// Writes the headers for one sending.
    pub fn patch(&mut self, header: Header) {
        let last = self.starts.len().saturating_sub(1);
        for (i, start) in self.starts.iter().enumerate() {
            let Some(head) = self.bytes.get_mut(*start..start + HEADERS_LEN) else {
                continue;
            };
            head[1] = header.channel;
            head[5] = head[5] & 0x7f | if i == last && header.marker { 0x80 } else { 0 };
            head[6..8].copy_from_slice(&header.sequence.wrapping_add(i as u16).to_be_bytes());
            head[8..12].copy_from_slice(&header.timestamp.to_be_bytes());
            head[12..16].copy_from_slice(&header.ssrc.to_be_bytes());
        }
    }

    /// Writes who this unit is.
    pub fn identify(&mut self, identity: Identity) {
        if let Some(at) = self.numbers
            && let Some(place) = self.bytes.get_mut(at..at + NUMBERS_LEN)
        {
            identity.write(place);
        }
    }

    /// Each packet with its interleaving header.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self
            .starts
            .iter()
            .skip(1)
            .copied()
            .chain(std::iter::once(self.bytes.len()));
        self.starts
            .iter()
            .zip(ends)
            .filter_map(|(start, end)| self.bytes.get(*start..end))
    }
}

/// RTP payload type of video, in the SDP too.
pub const VIDEO_PAYLOAD_TYPE: u8 = 96;

/// Cuts every unit of a clip. `mtu`: bytes of RTP payload in a packet at most.
pub fn video(clip: &VideoClip, mtu: usize, parameter_sets: bool) -> Result<Vec<Packets>> {
    clip.units
        .iter()
        .map(|unit| match clip.codec {
            VideoCodec::Mjpeg => jpeg(clip, unit, mtu),
            _ => Ok(nal_units(clip, unit, mtu, parameter_sets)),
        })
        .collect()
}

/// RFC 6184 (single NAL units and FU-A) or RFC 7798 (single NAL units and FU).
fn nal_units(clip: &VideoClip, unit: &Unit, mtu: usize, parameter_sets: bool) -> Packets {
    let mut packets = Packets::default();
    for (i, range) in unit.nals.iter().enumerate() {
        let Some(nal) = clip.data.get(range.clone()) else {
            continue;
        };
        if !parameter_sets && clip.codec.nal_kind(nal) == crate::clip::NalKind::ParameterSet {
            continue;
        }
        if unit.identity_nal == Some(i) {
            packets.numbers = Some(packets.bytes.len() + HEADERS_LEN + unit.numbers.start);
        }
        if nal.len() <= mtu {
            packets.push(VIDEO_PAYLOAD_TYPE, &[nal]);
            continue;
        }
        let h265 = clip.codec == VideoCodec::H265;
        let (head, body) = nal.split_at(if h265 { 2 } else { 1 });
        let parts = body.chunks(mtu - 3);
        let last = parts.len() - 1;
        for (place, part) in parts.enumerate() {
            let ends = if place == 0 { 0x80 } else { 0 } | if place == last { 0x40 } else { 0 };
            if h265 {
                let kind = (head[0] >> 1) & 0x3f;
                let indicator = [head[0] & 0x81 | 49 << 1, head[1], ends | kind];
                packets.push(VIDEO_PAYLOAD_TYPE, &[&indicator, part]);
            } else {
                let indicator = [head[0] & 0xe0 | 28, ends | head[0] & 0x1f];
                packets.push(VIDEO_PAYLOAD_TYPE, &[&indicator, part]);
            }
        }
    }
    packets
}

/// RFC 2435 with its quantization tables in every picture (Q = 255).
fn jpeg(clip: &VideoClip, unit: &Unit, mtu: usize) -> Result<Packets> {
    let image = unit
        .nals
        .first()
        .and_then(|r| clip.data.get(r.clone()))
        .unwrap_or_default();
    let mut tables: Vec<u8> = Vec::new();
    let mut rest = image.get(2..).unwrap_or_default();
    let scan = loop {
        let [0xff, kind, high, low, ..] = *rest else {
            bail!("a marker is missing in the JPEG image")
        };
        let len = usize::from(u16::from_be_bytes([high, low]));
        let body = rest.get(4..2 + len).unwrap_or_default();
        rest = rest.get(2 + len..).unwrap_or_default();
        match kind {
            0xdb => tables.extend(body.chunks_exact(65).flat_map(|t| &t[1..])),
            0xda => break rest.strip_suffix(&[0xff, 0xd9]).unwrap_or(rest),
            _ => {}
        }
    };
    if tables.len() == 64 {
        tables.extend_from_within(..);
    }
    if tables.len() != 128 {
        bail!(
            "{} bytes of quantization tables in the JPEG image, 128 are needed",
            tables.len()
        );
    }
    let mut packets = Packets::default();
    let mut offset = 0;
    while offset < scan.len() {
        let place = (offset as u32).to_be_bytes();
        // Type 1: 4:2:0 with the tables of RFC 2435 appendix B.
        let head = [
            0,
            place[1],
            place[2],
            place[3],
            1,
            255,
            (clip.width / 8) as u8,
            (clip.height / 8) as u8,
        ];
        let first: &[u8] = if offset == 0 { &[0, 0, 0, 128] } else { &[] };
        let table: &[u8] = if offset == 0 { &tables } else { &[] };
        let room = mtu - head.len() - first.len() - table.len();
        let part = scan.get(offset..scan.len().min(offset + room)).unwrap_or_default();
        packets.push(26, &[&head, first, table, part]);
        offset += part.len();
    }
    packets.numbers = Some(HEADERS_LEN + 8 + 4 + 128 - NUMBERS_LEN);
    Ok(packets)
}

/// RTP payload type of an audio clip, in the SDP too.
pub fn audio_payload_type(codec: AudioCodec) -> u8 {
    match codec {
        AudioCodec::Aac => 97,
        AudioCodec::Pcmu => 0,
        AudioCodec::Pcma => 8,
    }
}

/// One packet a unit: RFC 3640 (AAC-hbr) or RFC 3551.
pub fn audio(clip: &AudioClip) -> Vec<Packets> {
    let payload_type = audio_payload_type(clip.codec);
    clip.units
        .iter()
        .map(|unit| {
            let mut packets = Packets::default();
            if clip.codec == AudioCodec::Aac {
                let size = ((unit.len() as u16) << 3).to_be_bytes();
                packets.push(payload_type, &[&[0, 16, size[0], size[1]], unit]);
            } else {
                packets.push(payload_type, &[unit]);
            }
            packets
        })
        .collect()
}
