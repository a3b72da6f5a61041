//! From GStreamer's caps to formats.

use bytes::Bytes;
use gstreamer as gst;

use crate::{
    codec,
    format::{AudioCodec, AudioFormat, VideoCodec, VideoFormat},
};

/// What a parsed video pad carries; `None` while its parameter sets are not known.
pub(super) fn video_format(caps: &gst::CapsRef) -> Option<VideoFormat> {
    let s = caps.structure(0)?;
    let fps = s
        .get::<gst::Fraction>("framerate")
        .ok()
        .filter(|rate| rate.numer() > 0 && rate.denom() > 0)
        .map(|rate| f64::from(rate.numer()) / f64::from(rate.denom()));
    let mut format = match s.name().as_str() {
        "video/x-h264" => {
            let record = codec_data(s)?;
            codec::h264::video_format(avcc_units(&record)?)?
        }
        "video/x-h265" => {
            let record = codec_data(s)?;
            codec::h265::video_format(hvcc_units(&record)?)?
        }
        "image/jpeg" => VideoFormat {
            codec: VideoCodec::Mjpeg,
            width: u32::try_from(s.get::<i32>("width").ok()?).ok()?,
            height: u32::try_from(s.get::<i32>("height").ok()?).ok()?,
            fps: None,
            rfc6381: "mp4v.6c".into(),
            parameter_sets: Vec::new(),
            decoder_config: Bytes::new(),
        },
        _ => return None,
    };
    format.fps = format.fps.or(fps);
    Some(format)
}

/// Bytes before each NAL unit (1, 2 or 4) in units under these caps.
pub(super) fn nal_length_size(caps: &gst::CapsRef) -> usize {
    let at = match caps.structure(0).map(|s| s.name().as_str()) {
        Some("video/x-h264") => 4,
        Some("video/x-h265") => 21,
        _ => return 4,
    };
    let record = caps.structure(0).and_then(codec_data).unwrap_or_default();
    record.get(at).map_or(4, |byte| usize::from(byte & 3) + 1)
}

/// What a parsed audio pad carries; `None` for codecs that are not recorded.
pub(super) fn audio_format(caps: &gst::CapsRef) -> Option<AudioFormat> {
    let s = caps.structure(0)?;
    let rate = u32::try_from(s.get::<i32>("rate").ok()?)
        .ok()
        .filter(|rate| *rate > 0)?;
    let channels = u16::try_from(s.get::<i32>("channels").unwrap_or(1))
        .ok()
        .filter(|n| *n > 0)?;
    let (codec, sample_rate, decoder_config, rfc6381) = match s.name().as_str() {
        "audio/mpeg" => {
            let config = codec_data(s)?;
            // audioObjectType: the first 5 bits (ISO/IEC 14496-3, 1.6.2.1).
            let object = config.first()? >> 3;
            (AudioCodec::Aac, rate, config, format!("mp4a.40.{object}"))
        }
        "audio/x-opus" => (AudioCodec::Opus, 48_000, dops(s, channels), "opus".into()),
        "audio/x-mulaw" => (AudioCodec::Pcmu, rate, Bytes::new(), "ulaw".into()),
        "audio/x-alaw" => (AudioCodec::Pcma, rate, Bytes::new(), "alaw".into()),
        _ => return None,
    };
    Some(AudioFormat {
        codec,
        sample_rate,
        channels,
        decoder_config,
        rfc6381,
    })
}

fn codec_data(s: &gst::StructureRef) -> Option<Bytes> {
    let buffer = s.get::<gst::Buffer>("codec_data").ok()?;
    let map = buffer.map_readable().ok()?;
    Some(Bytes::copy_from_slice(map.as_slice()))
}

/// Body of `dOps` (Opus in ISOBMFF, 4.3.2) from the `OpusHead` (RFC 7845, 5.1) in the caps' first
/// stream header, or made up for a stream without one.
fn dops(s: &gst::StructureRef, channels: u16) -> Bytes {
    let head = s
        .get::<gst::ArrayRef>("streamheader")
        .ok()
        .and_then(|headers| headers.as_slice().first().and_then(|v| v.get::<gst::Buffer>().ok()))
        .and_then(|buffer| buffer.map_readable().ok().map(|map| map.to_vec()))
        .unwrap_or_default();
    if let (Some(b"OpusHead"), Some(&[_, channels, p0, p1, r0, r1, r2, r3, g0, g1, mapping])) =
        (head.get(..8), head.get(8..19).and_then(|rest| rest.first_chunk::<11>()))
    {
        // The same fields, little endian there, big endian here.
        let mut out = vec![0, channels, p1, p0, r3, r2, r1, r0, g1, g0, mapping];
        out.extend_from_slice(head.get(19..).unwrap_or_default());
        return out.into();
    }
    let channels = u8::try_from(channels.min(2)).unwrap_or(2);
    let [r0, r1, r2, r3] = 48_000u32.to_be_bytes();
    vec![0, channels, 0, 0, r0, r1, r2, r3, 0, 0, 0].into()
}

/// SPS and PPS units of an `avcC` body (ISO/IEC 14496-15, 5.3.3.1).
fn avcc_units(record: &[u8]) -> Option<Vec<&[u8]>> {
    let (count, mut rest) = record.get(5..)?.split_first()?;
    let mut units = Vec::new();
    for _ in 0..count & 0x1f {
        units.push(counted(&mut rest)?);
    }
    let (count, mut rest) = rest.split_first()?;
    for _ in 0..*count {
        units.push(counted(&mut rest)?);
    }
    Some(units)
}

/// VPS, SPS and PPS units of an `hvcC` body (ISO/IEC 14496-15, 8.3.3.1).
fn hvcc_units(record: &[u8]) -> Option<Vec<&[u8]>> {
    let (arrays, mut rest) = record.get(22..)?.split_first()?;
    let mut units = Vec::new();
    for _ in 0..*arrays {
        let (&[_, n0, n1], tail) = rest.split_first_chunk::<3>()?;
        rest = tail;
        for _ in 0..u16::from_be_bytes([n0, n1]) {
            units.push(counted(&mut rest)?);
        }
    }
    Some(units)
}

/// Takes a unit after its length as 2 bytes.
fn counted<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk::<2>()?;
    let (unit, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = tail;
    Some(unit)
}
