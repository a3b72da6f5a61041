//! A reader of fragmented MP4 that shares nothing with the writer.

use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub data: Vec<u8>,
    pub dts: i64,
    pub cts: i32,
    pub duration: u32,
    pub sync: bool,
}

#[derive(Debug, Clone, Default)]
pub struct TrackRead {
    pub handler: [u8; 4],
    pub timescale: u32,
    pub entry: [u8; 4],
    /// Body of avcC, hvcC, esds' specific info, or dOps.
    pub config: Vec<u8>,
    pub samples: Vec<Sample>,
    /// First sample's index of every fragment.
    pub fragments: Vec<usize>,
}

pub fn boxes(data: &[u8]) -> Vec<([u8; 4], &[u8])> {
    let (mut rest, mut found) = (data, Vec::new());
    while rest.len() >= 8 {
        let size = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        assert!(size >= 8 && size <= rest.len(), "box of {size} in {}", rest.len());
        found.push((rest[4..8].try_into().unwrap(), &rest[8..size]));
        rest = &rest[size..];
    }
    assert!(rest.is_empty());
    found
}

pub fn child<'a>(data: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(data, |data, kind| {
        boxes(data).into_iter().find(|(k, _)| k == *kind).map(|(_, b)| b)
    })
}

fn u32_at(data: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(data[at..at + 4].try_into().unwrap())
}

pub fn demux(file: &[u8]) -> BTreeMap<u32, TrackRead> {
    let mut tracks = BTreeMap::new();
    let mut defaults = BTreeMap::new();
    let mut at = 0usize;
    for (kind, body) in boxes(file) {
        let begin = at;
        at += body.len() + 8;
        match &kind {
            b"moov" => {
                for (kind, trak) in boxes(body) {
                    if &kind == b"trak" {
                        let (id, track) = read_trak(trak);
                        tracks.insert(id, track);
                    }
                }
                for (_, trex) in boxes(child(body, &[b"mvex"]).unwrap())
                    .iter()
                    .filter(|(k, _)| k == b"trex")
                {
                    defaults.insert(u32_at(trex, 4), [u32_at(trex, 12), u32_at(trex, 16), u32_at(trex, 20)]);
                }
            }
            b"moof" => {
                for (_, traf) in boxes(body).iter().filter(|(k, _)| k == b"traf") {
                    read_traf(file, begin, traf, &mut tracks, &defaults);
                }
            }
            _ => {}
        }
    }
    tracks
}

fn read_trak(trak: &[u8]) -> (u32, TrackRead) {
    let tkhd = child(trak, &[b"tkhd"]).unwrap();
    let mdhd = child(trak, &[b"mdia", b"mdhd"]).unwrap();
    let hdlr = child(trak, &[b"mdia", b"hdlr"]).unwrap();
    let stsd = child(trak, &[b"mdia", b"minf", b"stbl", b"stsd"]).unwrap();
    let (entry, body) = boxes(&stsd[8..])[0];
    let handler: [u8; 4] = hdlr[8..12].try_into().unwrap();
    let inner = &body[if &handler == b"vide" { 78 } else { 28 }..];
    let config = [b"avcC", b"hvcC", b"dOps", b"esds"]
        .iter()
        .find_map(|kind| child(inner, &[kind]));
    let mut config = config.unwrap().to_vec();
    if &entry == b"mp4a" {
        // ES_Descriptor, its DecoderConfigDescriptor, its DecoderSpecificInfo.
        let stream = descriptor(&config[4..], 3);
        let decoder = descriptor(&stream[3..], 4);
        config = descriptor(&decoder[13..], 5).to_vec();
    }
    let track = TrackRead {
        handler,
        timescale: u32_at(mdhd, 12),
        entry,
        config,
        ..TrackRead::default()
    };
    (u32_at(tkhd, 12), track)
}

fn descriptor(data: &[u8], tag: u8) -> &[u8] {
    assert_eq!(data[0], tag);
    let groups = data[1..].iter().take_while(|b| **b & 0x80 != 0).count() + 1;
    let len = data[1..=groups].iter().fold(0, |len, b| len << 7 | (b & 0x7F) as usize);
    &data[1 + groups..][..len]
}

fn read_traf(
    file: &[u8],
    moof: usize,
    traf: &[u8],
    tracks: &mut BTreeMap<u32, TrackRead>,
    defaults: &BTreeMap<u32, [u32; 3]>,
) {
    let tfhd = child(traf, &[b"tfhd"]).unwrap();
    let flags = u32_at(tfhd, 0) & 0xFF_FFFF;
    assert_ne!(flags & 0x02_0000, 0, "default-base-is-moof");
    let id = u32_at(tfhd, 4);
    let mut default = defaults[&id];
    let mut at = 8 + if flags & 2 != 0 { 4 } else { 0 };
    for (bit, value) in [8, 0x10, 0x20].iter().zip(&mut default) {
        if flags & bit != 0 {
            *value = u32_at(tfhd, at);
            at += 4;
        }
    }
    let tfdt = child(traf, &[b"tfdt"]).unwrap();
    assert_eq!(tfdt[0], 1);
    let mut dts = i64::from_be_bytes(tfdt[4..12].try_into().unwrap());
    let track = tracks.get_mut(&id).unwrap();
    track.fragments.push(track.samples.len());
    for (_, trun) in boxes(traf).iter().filter(|(k, _)| k == b"trun") {
        let flags = u32_at(trun, 0) & 0xFF_FFFF;
        assert_ne!(flags & 1, 0, "data offset");
        let mut data = moof + u32_at(trun, 8) as usize;
        let mut at = 12;
        let mut first_flags = None;
        if flags & 4 != 0 {
            first_flags = Some(u32_at(trun, at));
            at += 4;
        }
        for index in 0..u32_at(trun, 4) {
            let mut field = |bit: u32, default: u32| {
                if flags & bit != 0 {
                    at += 4;
                    u32_at(trun, at - 4)
                } else {
                    default
                }
            };
            let duration = field(0x100, default[0]);
            let size = field(0x200, default[1]) as usize;
            let sample_flags = field(0x400, first_flags.filter(|_| index == 0).unwrap_or(default[2]));
            let cts = field(0x800, 0) as i32;
            track.samples.push(Sample {
                data: file[data..data + size].to_vec(),
                dts,
                cts,
                duration,
                sync: sample_flags & 0x1_0000 == 0,
            });
            data += size;
            dts += i64::from(duration);
        }
    }
}
