//! Small files of our format for tests: one video track (90 kHz), and audio (8 kHz) if wanted.

use bytes::Bytes;

pub fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(body.len() + 8).unwrap_or(0).to_be_bytes().to_vec();
    out.extend(kind);
    out.extend(body);
    out
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_be_bytes()).collect()
}

fn trak(id: u32, timescale: u32, handler: &[u8; 4]) -> Vec<u8> {
    let tkhd = boxed(b"tkhd", &[words(&[3, 0, 0, id]), vec![0; 68]].concat());
    let mdhd = boxed(b"mdhd", &words(&[0, 0, 0, timescale, 0, 0]));
    let hdlr = boxed(b"hdlr", &[words(&[0, 0]), handler.to_vec(), vec![0; 13]].concat());
    let stsd = boxed(b"stsd", &words(&[0, 0]));
    let minf = boxed(b"minf", &boxed(b"stbl", &stsd));
    boxed(b"trak", &[tkhd, boxed(b"mdia", &[mdhd, hdlr, minf].concat())].concat())
}

pub fn init(tags: &[(String, String)], audio: bool) -> Bytes {
    let keys: Vec<u8> = tags
        .iter()
        .flat_map(|(key, _)| {
            [
                words(&[key.len() as u32 + 8]),
                b"mdta".to_vec(),
                key.as_bytes().to_vec(),
            ]
            .concat()
        })
        .collect();
    let keys = boxed(b"keys", &[words(&[0, tags.len() as u32]), keys].concat());
    let items: Vec<u8> = tags
        .iter()
        .enumerate()
        .flat_map(|(index, (_, value))| {
            let data = boxed(b"data", &[words(&[1, 0]), value.as_bytes().to_vec()].concat());
            boxed(&(index as u32 + 1).to_be_bytes(), &data)
        })
        .collect();
    let hdlr = boxed(b"hdlr", &[words(&[0, 0]), b"mdta".to_vec(), vec![0; 13]].concat());
    let meta = boxed(b"meta", &[words(&[0]), hdlr, keys, boxed(b"ilst", &items)].concat());
    let mut moov = trak(1, 90_000, b"vide");
    if audio {
        moov.extend(trak(2, 8000, b"soun"));
    }
    let trex = |id| boxed(b"trex", &words(&[0, id, 1, 0, 0, 0]));
    moov.extend(boxed(b"mvex", &[trex(1), trex(2)].concat()));
    moov.extend(meta);
    [boxed(b"ftyp", b"iso6\0\0\0\0"), boxed(b"moov", &moov)].concat().into()
}

/// `moof` and the `mdat` header for pictures of `ticks` each, `sizes` bytes; and its media.
pub fn fragment(base: u64, ticks: u32, sizes: &[u32], rap: bool) -> (Bytes, Vec<Bytes>) {
    let build = |data_offset: u32| {
        let tfhd = boxed(b"tfhd", &words(&[0x02_0000, 1]));
        let tfdt = boxed(b"tfdt", &[words(&[0x0100_0000]), base.to_be_bytes().to_vec()].concat());
        let mut table = words(&[0x0100_0701, sizes.len() as u32, data_offset]);
        for (index, size) in sizes.iter().enumerate() {
            let flags = if index == 0 && rap { 0x0200_0000 } else { 0x0101_0000 };
            table.extend(words(&[ticks, *size, flags]));
        }
        let traf = boxed(b"traf", &[tfhd, tfdt, boxed(b"trun", &table)].concat());
        boxed(b"moof", &[boxed(b"mfhd", &words(&[0, 1])), traf].concat())
    };
    let len = build(0).len() as u32 + 8;
    let media: Vec<Bytes> = sizes.iter().map(|n| vec![0xa5; *n as usize].into()).collect();
    let mut header = build(len);
    header.extend((sizes.iter().sum::<u32>() + 8).to_be_bytes());
    header.extend(b"mdat");
    (header.into(), media)
}
