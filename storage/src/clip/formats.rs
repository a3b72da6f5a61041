//! Which segments decode as one: a short value for what a decoder is set up with.

use crate::mp4::Boxes;

/// Checksums of the tracks' ids, time scales and sample entries (codec, parameter sets, size).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Formats {
    /// Of the video; of the first track where there is no video.
    pub format: u32,
    /// Of the audio beside it; 0 without one.
    pub audio_format: u32,
}

/// From the bytes of an init segment; tags and times in it do not count. 0 stands for a track
/// that is not there or makes no sense.
pub fn formats(init: &[u8]) -> Formats {
    let (mut video, mut audio) = (None, None);
    for (kind, trak) in Boxes(init).find(b"moov").map(Boxes).into_iter().flatten() {
        if &kind.0 != b"trak" {
            continue;
        }
        match track(trak) {
            Some((b"vide", crc)) => video = video.or(Some(crc)),
            Some((b"soun", crc)) => audio = audio.or(Some(crc)),
            _ => {}
        }
    }
    match (video, audio) {
        (Some(format), audio) => Formats {
            format,
            audio_format: audio.unwrap_or(0),
        },
        (None, audio) => Formats {
            format: audio.unwrap_or(0),
            audio_format: 0,
        },
    }
}

fn track(trak: &[u8]) -> Option<(&[u8; 4], u32)> {
    let mdia = Boxes(trak).find(b"mdia")?;
    let handler = Boxes(mdia).find(b"hdlr")?.get(8..)?.first_chunk::<4>()?;
    let tkhd = Boxes(trak).find(b"tkhd")?;
    let mdhd = Boxes(mdia).find(b"mdhd")?;
    let stbl = Boxes(Boxes(mdia).find(b"minf")?).find(b"stbl")?;
    // Versions and times of creation come before: 8 bytes of two times, or 16.
    let behind_times = |body: &'_ [u8]| if body.first() == Some(&1) { 20 } else { 12 };
    let id = tkhd.get(behind_times(tkhd)..)?.first_chunk::<4>()?;
    let timescale = mdhd.get(behind_times(mdhd)..)?.first_chunk::<4>()?;
    let mut crc = crc32fast::Hasher::new();
    crc.update(id);
    crc.update(timescale);
    crc.update(Boxes(stbl).find(b"stsd")?);
    // 0 means "none".
    Some((handler, crc.finalize().max(1)))
}
