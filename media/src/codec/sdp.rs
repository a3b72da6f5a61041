//! From the `m=` section of a camera's SDP to the depacketizer of its track (RFC 8866, and the
//! media type registrations in RFC 6184, 7798, 3640, 6416, 7587, 3551).

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{
    SdpTrack, Unsupported,
    aac::{AuHeader, AudioSpecificConfig, LatmDepacketizer, Mpeg4GenericDepacketizer},
    g711::G711Depacketizer,
    h264::H264Depacketizer,
    h265::H265Depacketizer,
    mjpeg::MjpegDepacketizer,
    nal,
    opus::{self, OpusDepacketizer},
};
use crate::{Track, format::AudioCodec};

/// Chooses the depacketizer for one `m=` section: the first payload type that is supported.
pub fn depacketizer_for(media: &sdp_types::Media) -> Result<SdpTrack, Unsupported> {
    let track = match media.media.to_ascii_lowercase().as_str() {
        "video" => Track::Video,
        "audio" => Track::Audio,
        other => {
            return unsupported(format!("media {other:?} is not recorded, only video and audio are"));
        }
    };
    let proto = media.proto.to_ascii_uppercase();
    if proto.contains("SAVP") {
        return unsupported(format!(
            "{} is encrypted with SRTP ({proto}), which is not supported",
            media.media
        ));
    }
    let mut refused = Vec::new();
    for payload_type in media
        .fmt
        .split_ascii_whitespace()
        .filter_map(|pt| pt.parse::<u8>().ok())
    {
        let Some(description) = Description::new(media, payload_type) else {
            refused.push(format!("payload type {payload_type} has no rtpmap"));
            continue;
        };
        match description.depacketizer(track) {
            Ok(depacketizer) => return Ok(depacketizer),
            Err(Unsupported { what }) => refused.push(what),
        }
    }
    match refused.is_empty() {
        true => unsupported(format!("{} without a payload type: {:?}", media.media, media.fmt)),
        false => unsupported(refused.join("; ")),
    }
}

fn unsupported<T>(what: String) -> Result<T, Unsupported> {
    Err(Unsupported { what })
}

/// What an SDP says of one payload type.
#[derive(Debug)]
struct Description {
    payload_type: u8,
    /// Upper case.
    encoding: String,
    /// 0 if it is not said.
    clock_rate: u32,
    channels: Option<u16>,
    /// Keys in lower case.
    parameters: Vec<(String, String)>,
    /// Width and height in pixels.
    size: Option<(u32, u32)>,
}

impl Description {
    fn new(media: &sdp_types::Media, payload_type: u8) -> Option<Self> {
        let of_type = |name: &'static str| {
            attributes(media, name).filter_map(move |value| {
                let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
                let (pt, rest) = value.split_at(digits);
                (pt.parse() == Ok(payload_type)).then_some(rest.trim())
            })
        };
        let mut parameters = Vec::new();
        for part in of_type("fmtp")
            .flat_map(|line| line.split(';'))
            .map(str::trim)
            .filter(|p| !p.is_empty())
        {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            parameters.push((key.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        let size = attributes(media, "x-dimensions")
            .chain(of_type("framesize"))
            .find_map(size);
        let has = |key: &str| parameters.iter().any(|(k, _)| k == key);
        let mapped = of_type("rtpmap").next().map(str::to_owned);
        let rtpmap = mapped.or_else(|| {
            let guess = match payload_type {
                0 => "PCMU/8000",
                8 => "PCMA/8000",
                26 => "JPEG/90000",
                _ if has("sprop-parameter-sets") => "H264/90000",
                _ if has("sprop-sps") => "H265/90000",
                _ => static_name(payload_type)?,
            };
            Some(guess.to_owned())
        })?;
        let mut parts = rtpmap.split('/').map(str::trim);
        Some(Self {
            payload_type,
            encoding: parts.next().unwrap_or_default().to_ascii_uppercase(),
            clock_rate: parts.next().and_then(|rate| rate.parse().ok()).unwrap_or(0),
            channels: parts
                .next()
                .and_then(|n| n.parse().ok())
                .filter(|n| (1..=8).contains(n)),
            parameters,
            size,
        })
    }

    fn parameter(&self, key: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, value)| value.as_str())
    }

    fn number(&self, key: &str) -> Option<u32> {
        self.parameter(key)?.parse().ok()
    }

    fn depacketizer(&self, track: Track) -> Result<SdpTrack, Unsupported> {
        let (depacketizer, default_rate): (Box<dyn super::Depacketizer>, u32) = match (track, self.encoding.as_str()) {
            (Track::Video, "H264") => (self.h264(), 90_000),
            (Track::Video, "H265" | "HEVC") => (self.h265()?, 90_000),
            (Track::Video, "JPEG") => (Box::new(MjpegDepacketizer::new(self.size)), 90_000),
            (Track::Audio, "PCMU" | "PCMA") => (self.g711(), 8000),
            (Track::Audio, "MPEG4-GENERIC") => self.mpeg4_generic()?,
            (Track::Audio, "MP4A-LATM") => (self.latm()?, 90_000),
            (Track::Audio, "OPUS") => (Box::new(OpusDepacketizer::new(2)), opus::CLOCK_RATE),
            (track, encoding) => {
                let supported = match track {
                    Track::Video => "H264, H265 and JPEG",
                    Track::Audio => "PCMU, PCMA, MPEG4-GENERIC, MP4A-LATM and OPUS",
                };
                return unsupported(format!("{encoding} is not supported, only {supported} are"));
            }
        };
        // Opus: RFC 7587 4.1 fixes the clock, whatever is said.
        let clock_rate = if self.clock_rate == 0 || self.encoding == "OPUS" {
            default_rate
        } else {
            self.clock_rate
        };
        Ok(SdpTrack {
            depacketizer,
            track,
            clock_rate,
            payload_type: self.payload_type,
        })
    }

    fn h264(&self) -> Box<dyn super::Depacketizer> {
        let sets = self.nal_units(&["sprop-parameter-sets"]);
        Box::new(H264Depacketizer::new(sets.iter().map(Vec::as_slice), self.size))
    }

    fn h265(&self) -> Result<Box<dyn super::Depacketizer>, Unsupported> {
        if self.number("sprop-depack-buf-nalus").is_some_and(|n| n > 0) {
            return unsupported("interleaved H265 (sprop-depack-buf-nalus) is not supported".to_owned());
        }
        let numbered = self.number("sprop-max-don-diff").is_some_and(|n| n > 0);
        let sets = self.nal_units(&["sprop-vps", "sprop-sps", "sprop-pps"]);
        Ok(Box::new(H265Depacketizer::new(
            sets.iter().map(Vec::as_slice),
            numbered,
        )))
    }

    /// Parameter sets: comma-separated base64 under `keys`, and some cameras' `config` in
    /// hexadecimal Annex B. What cannot be read is skipped: it will come in band.
    fn nal_units(&self, keys: &[&str]) -> Vec<Vec<u8>> {
        let sprops = keys
            .iter()
            .filter_map(|key| self.parameter(key))
            .flat_map(|list| list.split(','));
        let decoded = sprops.filter_map(|text| base64(text.trim()));
        let config = self.parameter("config").and_then(|text| hex::decode(text).ok());
        decoded
            .chain(config)
            .flat_map(|bytes| nal::annex_b(&bytes).map(<[u8]>::to_vec).collect::<Vec<_>>())
            .collect()
    }

    fn g711(&self) -> Box<dyn super::Depacketizer> {
        let codec = if self.encoding == "PCMU" {
            AudioCodec::Pcmu
        } else {
            AudioCodec::Pcma
        };
        let rate = if self.clock_rate == 0 { 8000 } else { self.clock_rate };
        Box::new(G711Depacketizer::new(codec, rate, self.channels.unwrap_or(1)))
    }

    fn mpeg4_generic(&self) -> Result<(Box<dyn super::Depacketizer>, u32), Unsupported> {
        if let Some(mode) = self
            .parameter("mode")
            .filter(|mode| !mode.to_ascii_lowercase().starts_with("aac-"))
        {
            return unsupported(format!(
                "MPEG4-GENERIC mode {mode:?} is not supported, only AAC-hbr and AAC-lbr are"
            ));
        }
        let config = match self.parameter("config").filter(|text| !text.is_empty()) {
            Some(text) => hex::decode(text)
                .ok()
                .and_then(|bytes| AudioSpecificConfig::parse(&bytes)),
            None => AudioSpecificConfig::low_complexity(self.clock_rate, self.channels.unwrap_or(1)),
        };
        let Some(config) = config else {
            return unsupported(format!(
                "AAC configuration {:?} at {} Hz cannot be read",
                self.parameter("config").unwrap_or_default(),
                self.clock_rate
            ));
        };
        let lbr = self
            .parameter("mode")
            .is_some_and(|mode| mode.eq_ignore_ascii_case("aac-lbr"));
        let usual = if lbr {
            AuHeader {
                size: 6,
                index: 2,
                index_delta: 2,
            }
        } else {
            AuHeader::AAC_HBR
        };
        let header = AuHeader {
            size: self.number("sizelength").unwrap_or(usual.size),
            index: self.number("indexlength").unwrap_or(usual.index),
            index_delta: self.number("indexdeltalength").unwrap_or(usual.index_delta),
        };
        if header.size == 0 || header.size > 32 || header.index > 32 || header.index_delta > 32 {
            return unsupported(format!(
                "AU headers with a size of {} bits are not supported",
                header.size
            ));
        }
        let clock_rate = if self.clock_rate == 0 {
            config.sample_rate()
        } else {
            self.clock_rate
        };
        Ok((
            Box::new(Mpeg4GenericDepacketizer::new(config, header, clock_rate)),
            clock_rate,
        ))
    }

    fn latm(&self) -> Result<Box<dyn super::Depacketizer>, Unsupported> {
        if self.number("cpresent") != Some(0) {
            return unsupported("MP4A-LATM with its configuration in band (cpresent=1) is not supported".to_owned());
        }
        let clock_rate = if self.clock_rate == 0 { 90_000 } else { self.clock_rate };
        let config = self.parameter("config").and_then(|text| hex::decode(text).ok());
        match config.and_then(|bytes| LatmDepacketizer::new(&bytes, clock_rate)) {
            Some(depacketizer) => Ok(Box::new(depacketizer)),
            None => unsupported("MP4A-LATM configuration cannot be read, or is not one program of AAC".to_owned()),
        }
    }
}

fn attributes<'a>(media: &'a sdp_types::Media, name: &'static str) -> impl Iterator<Item = &'a str> {
    let named = media
        .attributes
        .iter()
        .filter(move |a| a.attribute.trim().eq_ignore_ascii_case(name));
    named.filter_map(|a| a.value.as_deref()).map(str::trim)
}

/// Width and height: `1920,1080`, `1920, 1080`, `1920-1080` or `1920x1080`.
fn size(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|n| !n.is_empty())
        .map(str::parse);
    let (width, height) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    [width, height]
        .iter()
        .all(|side| (1..=65_535).contains(side))
        .then_some((width, height))
}

/// Static payload types that are not supported, to name them (RFC 3551 6).
fn static_name(payload_type: u8) -> Option<&'static str> {
    Some(match payload_type {
        3 => "GSM/8000",
        4 => "G723/8000",
        5 => "DVI4/8000",
        9 => "G722/8000",
        10 => "L16/44100/2",
        11 => "L16/44100/1",
        14 => "MPA/90000",
        15 => "G728/8000",
        18 => "G729/8000",
        31 => "H261/90000",
        32 => "MPV/90000",
        33 => "MP2T/90000",
        34 => "H263/90000",
        _ => return None,
    })
}

/// Base64 with or without its padding, as cameras write it.
fn base64(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    LENIENT.decode(text).ok().filter(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests;
