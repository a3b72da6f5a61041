//! From a format to the elements that put it on the wire as it is.

use bytes::Bytes;
use gstreamer as gst;

use crate::{
    access_unit::Track,
    format::{AudioCodec, AudioFormat, StreamFormat, VideoCodec, VideoFormat},
};

/// Names of the two feeding elements inside a mount's bin.
pub(super) const VIDEO: &str = "video";
pub(super) const AUDIO: &str = "audio";

/// The bin of a mount in the notation of `gst_parse_launch`; `pay0` is video, `pay1` audio.
pub(super) fn launch(format: &StreamFormat, audio: bool) -> Option<String> {
    let video = match format.video.as_ref()?.codec {
        VideoCodec::H264 => "rtph264pay config-interval=-1 aggregate-mode=zero-latency",
        VideoCodec::H265 => "rtph265pay config-interval=-1 aggregate-mode=zero-latency",
        VideoCodec::Mjpeg => "rtpjpegpay",
    };
    let appsrc = "appsrc is-live=true format=time max-bytes=0";
    // A track that no client has set up is linked to nothing. The tee makes that no error, which
    // would end the media for everyone who plays the other track.
    let tee = "tee allow-not-linked=true";
    let mut text = format!("( {appsrc} name={VIDEO} ! {tee} ! {video} name=pay0 pt=96");
    if let Some(payloader) = format.audio.as_ref().filter(|_| audio).and_then(audio_payloader) {
        text.push_str(&format!(" {appsrc} name={AUDIO} ! {tee} ! {payloader} name=pay1"));
    }
    text.push_str(" )");
    Some(text)
}

fn audio_payloader(audio: &AudioFormat) -> Option<&'static str> {
    match audio.codec {
        AudioCodec::Aac => Some("rtpmp4gpay pt=97"),
        AudioCodec::Opus => Some("rtpopuspay pt=97"),
        // RFC 3551: payload types 0 and 8 are 8 kHz mono.
        AudioCodec::Pcmu if (audio.sample_rate, audio.channels) == (8000, 1) => Some("rtppcmupay pt=0"),
        AudioCodec::Pcma if (audio.sample_rate, audio.channels) == (8000, 1) => Some("rtppcmapay pt=8"),
        AudioCodec::Pcmu | AudioCodec::Pcma => None,
    }
}

/// Whether a unit of `track` under `new` can be sent to clients that were told `described`. The
/// other track does not matter: sound that begins or ends later must not interrupt the picture.
pub(super) fn fits(track: Track, new: &StreamFormat, described: &StreamFormat) -> bool {
    match track {
        Track::Audio => new.audio == described.audio || described.audio.is_none(),
        Track::Video => wire(new) == wire(described),
    }
}

fn wire(format: &StreamFormat) -> Option<(VideoCodec, u32, u32, &Bytes)> {
    let video = format.video.as_ref()?;
    Some((video.codec, video.width, video.height, &video.decoder_config))
}

/// Caps of units of this format, as `appsrc` needs them.
pub(crate) fn video_caps(video: &VideoFormat) -> gst::Caps {
    let config = || gst::Buffer::from_slice(video.decoder_config.clone());
    let (width, height) = (int(video.width), int(video.height));
    let caps = match video.codec {
        VideoCodec::H264 => gst::Caps::builder("video/x-h264")
            .field("stream-format", "avc")
            .field("alignment", "au")
            .field("codec_data", config()),
        VideoCodec::H265 => gst::Caps::builder("video/x-h265")
            .field("stream-format", "hvc1")
            .field("alignment", "au")
            .field("codec_data", config()),
        VideoCodec::Mjpeg => gst::Caps::builder("image/jpeg"),
    };
    caps.field("width", width).field("height", height).build()
}

pub(super) fn audio_caps(audio: &AudioFormat) -> gst::Caps {
    let (rate, channels) = (int(audio.sample_rate), i32::from(audio.channels));
    let caps = match audio.codec {
        AudioCodec::Aac => gst::Caps::builder("audio/mpeg")
            .field("mpegversion", 4i32)
            .field("stream-format", "raw")
            .field("codec_data", gst::Buffer::from_slice(audio.decoder_config.clone())),
        AudioCodec::Opus => gst::Caps::builder("audio/x-opus")
            .field("channel-mapping-family", 0i32)
            .field("stream-count", 1i32)
            .field("coupled-count", channels - 1),
        AudioCodec::Pcmu => gst::Caps::builder("audio/x-mulaw"),
        AudioCodec::Pcma => gst::Caps::builder("audio/x-alaw"),
    };
    caps.field("rate", rate).field("channels", channels).build()
}

fn int(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
