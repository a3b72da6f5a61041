//! Sample entries: what a decoder must know before the first sample (ISO/IEC 14496-12 §8.5.2,
//! 14496-14 §5.6, 14496-15 §5.4 and §8.4, Opus in ISOBMFF 1.0).

use super::{Fmp4Error, boxes::Boxes};
use crate::{AudioCodec, AudioFormat, VideoCodec, VideoFormat};

/// Object type indications of ISO/IEC 14496-1 table 5 (MJPEG as registered at mp4ra.org).
const OTI_AAC: u8 = 0x40;
const OTI_JPEG: u8 = 0x6C;
/// streamType << 2 | reserved bit.
const STREAM_VISUAL: u8 = 0x04 << 2 | 1;
const STREAM_AUDIO: u8 = 0x05 << 2 | 1;

pub(super) fn video(b: &mut Boxes, format: &VideoFormat) -> Result<(), Fmp4Error> {
    let too_large = Fmp4Error::PictureSize {
        width: format.width,
        height: format.height,
    };
    let width = u16::try_from(format.width).map_err(|_| too_large.clone())?;
    let height = u16::try_from(format.height).map_err(|_| too_large)?;
    let (kind, config) = match format.codec {
        VideoCodec::H264 => (b"avc1", Some((b"avcC", "H.264"))),
        VideoCodec::H265 => (b"hvc1", Some((b"hvcC", "H.265"))),
        VideoCodec::Mjpeg => (b"mp4v", None),
    };
    if let Some((_, codec)) = config
        && format.decoder_config.is_empty()
    {
        return Err(Fmp4Error::NoDecoderConfig { codec });
    }
    b.plain(kind, |b| {
        b.zeros(6);
        b.u16(1); // data_reference_index
        b.zeros(16);
        b.u16(width);
        b.u16(height);
        b.u32(72 << 16); // horizontal and vertical dots per inch
        b.u32(72 << 16);
        b.zeros(4);
        b.u16(1); // frame_count
        b.zeros(32); // compressorname
        b.u16(24); // depth
        b.u16(0xFFFF); // pre_defined
        match config {
            Some((kind, _)) => b.plain(kind, |b| b.bytes(&format.decoder_config)),
            None => esds(b, OTI_JPEG, STREAM_VISUAL, &[]),
        }
    });
    Ok(())
}

pub(super) fn audio(b: &mut Boxes, format: &AudioFormat) -> Result<(), Fmp4Error> {
    let (kind, codec) = match format.codec {
        AudioCodec::Aac => (b"mp4a", "AAC"),
        AudioCodec::Opus => (b"Opus", "Opus"),
        codec @ (AudioCodec::Pcmu | AudioCodec::Pcma) => {
            return Err(Fmp4Error::NotStorable { codec });
        }
    };
    if format.decoder_config.is_empty() {
        return Err(Fmp4Error::NoDecoderConfig { codec });
    }
    b.plain(kind, |b| {
        b.zeros(6);
        b.u16(1); // data_reference_index
        b.zeros(8);
        b.u16(format.channels);
        b.u16(16); // samplesize
        b.zeros(4);
        // 16.16; a rate that does not fit is told by the decoder configuration alone.
        b.u32(u16::try_from(format.sample_rate).map_or(0, |rate| u32::from(rate) << 16));
        match format.codec {
            AudioCodec::Opus => b.plain(b"dOps", |b| b.bytes(&format.decoder_config)),
            _ => esds(b, OTI_AAC, STREAM_AUDIO, &format.decoder_config),
        }
    });
    Ok(())
}

/// ISO/IEC 14496-1 §7.2.6: ES_Descriptor { DecoderConfigDescriptor { DecoderSpecificInfo }, SLConfig }.
fn esds(b: &mut Boxes, object_type: u8, stream_type: u8, specific: &[u8]) {
    let mut decoder = Boxes::default();
    decoder.u8(object_type);
    decoder.u8(stream_type);
    decoder.zeros(3 + 4 + 4); // bufferSizeDB, maxBitrate, avgBitrate: unknown
    if !specific.is_empty() {
        decoder.descriptor(5, specific);
    }
    let mut stream = Boxes::default();
    stream.u16(0); // ES_ID: 0 inside a file
    stream.u8(0);
    stream.descriptor(4, &decoder.0);
    stream.descriptor(6, &[2]); // SLConfig: predefined for MP4
    b.full(b"esds", 0, 0, |b| b.descriptor(3, &stream.0));
}
