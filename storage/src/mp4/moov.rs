//! What the head of a file says: its tracks and its tags.

use std::collections::HashMap;

use super::boxes::{Boxes, Reader};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackKind {
    Video,
    Audio,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackInfo {
    pub id: u32,
    pub kind: TrackKind,
    /// Ticks per second, never 0.
    pub timescale: u32,
    /// From `trex`: used where a fragment says nothing.
    pub default_duration: u32,
    pub default_size: u32,
    pub default_flags: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moov {
    pub tracks: Vec<TrackInfo>,
    /// In the order of the file.
    pub tags: Vec<(String, String)>,
}

impl Moov {
    /// From the body of `moov`. Tracks that make no sense are left out.
    pub fn parse(body: &[u8]) -> Moov {
        let defaults = Boxes(body).find(b"mvex").map(parse_mvex).unwrap_or_default();
        let mut moov = Moov::default();
        for (kind, body) in Boxes(body) {
            match &kind.0 {
                b"trak" => {
                    if let Some(mut track) = parse_trak(body) {
                        if let Some([duration, size, flags]) = defaults.get(&track.id) {
                            track.default_duration = *duration;
                            track.default_size = *size;
                            track.default_flags = *flags;
                        }
                        moov.tracks.push(track);
                    }
                }
                b"meta" => moov.tags.extend(parse_meta(body)),
                _ => {}
            }
        }
        moov
    }

    /// From a whole init segment (`ftyp`, `moov`).
    pub fn from_init(bytes: &[u8]) -> Option<Moov> {
        Boxes(bytes).find(b"moov").map(Moov::parse)
    }

    pub fn track(&self, id: u32) -> Option<&TrackInfo> {
        self.tracks.iter().find(|t| t.id == id)
    }

    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }
}

fn parse_mvex(body: &[u8]) -> HashMap<u32, [u32; 3]> {
    let trex = |body| {
        let mut r = Reader(body);
        r.full()?;
        let id = r.u32()?;
        r.u32()?; // default_sample_description_index
        Some((id, [r.u32()?, r.u32()?, r.u32()?]))
    };
    Boxes(body)
        .filter(|(kind, _)| &kind.0 == b"trex")
        .filter_map(|(_, body)| trex(body))
        .collect()
}

fn parse_trak(body: &[u8]) -> Option<TrackInfo> {
    let mut r = Reader(Boxes(body).find(b"tkhd")?);
    let (version, _) = r.full()?;
    r.bytes(if version == 1 { 16 } else { 8 })?; // creation and modification time
    let id = r.u32()?;

    let mdia = Boxes(body).find(b"mdia")?;
    let mut r = Reader(Boxes(mdia).find(b"mdhd")?);
    let (version, _) = r.full()?;
    r.bytes(if version == 1 { 16 } else { 8 })?;
    let timescale = r.u32()?;

    let mut r = Reader(Boxes(mdia).find(b"hdlr")?);
    r.full()?;
    r.u32()?; // pre_defined
    let kind = match &r.four_cc()?.0 {
        b"vide" => TrackKind::Video,
        b"soun" => TrackKind::Audio,
        _ => TrackKind::Other,
    };
    (timescale > 0).then_some(TrackInfo {
        id,
        kind,
        timescale,
        default_duration: 0,
        default_size: 0,
        default_flags: 0,
    })
}

/// Metadata with named keys (`hdlr` = `mdta`): `keys` holds the names, each child of `ilst` has
/// the 1-based index of its name as its type, and a `data` box with the text.
fn parse_meta(body: &[u8]) -> Vec<(String, String)> {
    // ISO makes `meta` a FullBox, QuickTime does not: the `hdlr` box tells.
    let body = match body.get(4..8) {
        Some(b"hdlr") => body,
        _ => body.get(4..).unwrap_or_default(),
    };
    let names = Boxes(body).find(b"keys").and_then(parse_keys).unwrap_or_default();
    let Some(list) = Boxes(body).find(b"ilst") else {
        return Vec::new();
    };
    Boxes(list)
        .filter_map(|(kind, item)| {
            let index = usize::try_from(u32::from_be_bytes(kind.0)).ok()?;
            let name = names.get(index.checked_sub(1)?)?;
            let data = Boxes(item).find(b"data")?;
            let value = std::str::from_utf8(data.get(8..)?).ok()?;
            Some((name.clone(), value.to_owned()))
        })
        .collect()
}

fn parse_keys(body: &[u8]) -> Option<Vec<String>> {
    let mut r = Reader(body);
    r.full()?;
    let count = r.u32()?;
    let mut names = Vec::new();
    for _ in 0..count {
        let len = usize::try_from(r.u32()?).ok()?;
        r.four_cc()?; // namespace
        let name = r.bytes(len.checked_sub(8)?)?;
        names.push(String::from_utf8_lossy(name).into_owned());
    }
    Some(names)
}
