//! The init segment: `ftyp` and `moov`.

use bytes::Bytes;

use super::{AUDIO_TRACK, Fmp4Error, VIDEO_TRACK, audio_timescale, boxes::Boxes, sample_entry};
use crate::{StreamFormat, format::VIDEO_TIMESCALE};

/// `ftyp` and `moov` for `format`, with `tags` (key, value) in `moov/meta` as ffprobe shows them.
///
/// Errors: [`Fmp4Error`]; a format with audio that cannot be stored is an error, not a file
/// without sound: leave the audio out of `format` to have one.
pub fn init_segment(format: &StreamFormat, tags: &[(String, String)]) -> Result<Bytes, Fmp4Error> {
    if format.video.is_none() && format.audio.is_none() {
        return Err(Fmp4Error::NoTrack);
    }
    let mut video_entry = Boxes::default();
    let mut audio_entry = Boxes::default();
    if let Some(video) = &format.video {
        sample_entry::video(&mut video_entry, video)?;
    }
    if let Some(audio) = &format.audio {
        sample_entry::audio(&mut audio_entry, audio)?;
    }
    let mut b = Boxes::with_capacity(2048);
    b.plain(b"ftyp", |b| {
        b.bytes(b"iso6");
        b.u32(0);
        b.bytes(b"iso6isommp42");
    });
    b.plain(b"moov", |b| {
        mvhd(b);
        if let Some(video) = &format.video {
            let size = (video.width, video.height);
            track(b, VIDEO_TRACK, VIDEO_TIMESCALE, Some(size), &video_entry.0);
        }
        if format.audio.is_some() {
            track(b, AUDIO_TRACK, audio_timescale(format), None, &audio_entry.0);
        }
        b.plain(b"mvex", |b| {
            let tracks = [
                (format.video.is_some(), VIDEO_TRACK),
                (format.audio.is_some(), AUDIO_TRACK),
            ];
            for (_, track) in tracks.into_iter().filter(|(there, _)| *there) {
                b.full(b"trex", 0, 0, |b| {
                    b.u32(track);
                    b.u32(1); // sample description
                    b.zeros(12); // duration, size, flags: each fragment says its own
                });
            }
        });
        if !tags.is_empty() {
            meta(b, tags);
        }
    });
    Ok(b.0.into())
}

fn mvhd(b: &mut Boxes) {
    b.full(b"mvhd", 0, 0, |b| {
        b.zeros(8); // creation, modification: the tags say it better
        b.u32(1000);
        b.u32(0); // duration: in the fragments
        b.u32(1 << 16); // rate
        b.u16(1 << 8); // volume
        b.zeros(10);
        matrix(b);
        b.zeros(24);
        b.u32(AUDIO_TRACK + 1); // next_track_ID
    });
}

fn matrix(b: &mut Boxes) {
    for value in [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30] {
        b.u32(value);
    }
}

/// A `trak` with empty sample tables; `size` in pixels for video, `None` for audio.
fn track(b: &mut Boxes, id: u32, timescale: u32, size: Option<(u32, u32)>, entry: &[u8]) {
    b.plain(b"trak", |b| {
        b.full(b"tkhd", 0, 3, |b| {
            b.zeros(8);
            b.u32(id);
            b.zeros(4 + 4 + 8 + 2 + 2); // reserved, duration, reserved, layer, alternate_group
            b.u16(if size.is_none() { 1 << 8 } else { 0 }); // volume
            b.zeros(2);
            matrix(b);
            let (width, height) = size.unwrap_or_default();
            b.u32(width << 16);
            b.u32(height << 16);
        });
        b.plain(b"mdia", |b| {
            b.full(b"mdhd", 0, 0, |b| {
                b.zeros(8);
                b.u32(timescale);
                b.u32(0);
                b.u16(0x55C4); // language: und
                b.u16(0);
            });
            let (handler, name) = match size {
                Some(_) => (b"vide", &b"video\0"[..]),
                None => (b"soun", &b"audio\0"[..]),
            };
            hdlr(b, handler, name);
            b.plain(b"minf", |b| {
                match size {
                    Some(_) => b.full(b"vmhd", 0, 1, |b| b.zeros(8)),
                    None => b.full(b"smhd", 0, 0, |b| b.zeros(4)),
                }
                b.plain(b"dinf", |b| {
                    b.full(b"dref", 0, 0, |b| {
                        b.u32(1);
                        b.full(b"url ", 0, 1, |_| {}); // in this file
                    });
                });
                b.plain(b"stbl", |b| {
                    b.full(b"stsd", 0, 0, |b| {
                        b.u32(1);
                        b.bytes(entry);
                    });
                    b.full(b"stts", 0, 0, |b| b.u32(0));
                    b.full(b"stsc", 0, 0, |b| b.u32(0));
                    b.full(b"stsz", 0, 0, |b| b.zeros(8));
                    b.full(b"stco", 0, 0, |b| b.u32(0));
                });
            });
        });
    });
}

fn hdlr(b: &mut Boxes, handler: &[u8; 4], name: &[u8]) {
    b.full(b"hdlr", 0, 0, |b| {
        b.zeros(4);
        b.bytes(handler);
        b.zeros(12);
        b.bytes(name);
    });
}

/// Metadata by key (QuickTime File Format, "Metadata"): `keys` names the items of `ilst`, which
/// are numbered from 1.
fn meta(b: &mut Boxes, tags: &[(String, String)]) {
    b.full(b"meta", 0, 0, |b| {
        hdlr(b, b"mdta", b"\0");
        b.full(b"keys", 0, 0, |b| {
            b.u32(tags.len() as u32);
            for (key, _) in tags {
                b.plain(b"mdta", |b| b.bytes(key.as_bytes()));
            }
        });
        b.plain(b"ilst", |b| {
            for (number, (_, value)) in (1u32..).zip(tags) {
                b.plain(&number.to_be_bytes(), |b| {
                    b.plain(b"data", |b| {
                        b.u32(1); // UTF-8
                        b.u32(0); // any locale
                        b.bytes(value.as_bytes());
                    });
                });
            }
        });
    });
}
