//! `m=` sections as cameras write them (attributes as seen in the wild, rest left out).

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::{
    codec::FormatChange,
    format::{AudioFormat, VideoCodec, VideoFormat},
};

fn track(text: &str) -> Result<SdpTrack, Unsupported> {
    let sdp = format!(
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{}\r\n",
        text.replace('\n', "\r\n")
    );
    let session = sdp_types::Session::parse(sdp.as_bytes()).unwrap();
    depacketizer_for(&session.medias[0])
}

fn video(text: &str) -> (u8, VideoFormat) {
    let track = track(text).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((track.track, track.clock_rate), (Track::Video, 90_000));
    match track.depacketizer.format() {
        Some(FormatChange::Video(format)) => (track.payload_type, format),
        other => panic!("{other:?}"),
    }
}

fn audio(text: &str) -> (u8, u32, AudioFormat) {
    let track = track(text).unwrap_or_else(|e| panic!("{e}"));
    match track.depacketizer.format() {
        Some(FormatChange::Audio(format)) => (track.payload_type, track.clock_rate, format),
        other => panic!("{other:?}"),
    }
}

fn refused(text: &str) -> String {
    track(text).err().expect("accepted").to_string()
}

#[test]
fn h264() {
    for (text, size) in [
        (
            "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000 \na=framerate:0S\na=fmtp:96 profile-level-id=420029; packetization-mode=1; sprop-parameter-sets=Z0IAKZY1QPAET8s3AQEBQAAAAwBAAAAHoQ==,aM4xsg==",
            (1920, 1080),
        ),
        // A wrong profile-level-id, and a start code after the PPS.
        (
            "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1;profile-level-id=5046302;sprop-parameter-sets=Z00AHpWoLQ9puAgICBAAAAAB,aO48gAAAAAE=",
            (720, 480),
        ),
        // A size that is another stream's; parameter sets also in `config`.
        (
            "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 profile-level-id=4D401F;packetization-mode=0;config=00000001674d401f95a02c049a6c040000000168ee3c800000000106f02c\na=x-dimensions: 352, 288",
            (704, 576),
        ),
        (
            "m=video 0 RTP/AVP 105\nb=AS:2000\na=rtpmap:105 h264/90000\na=fmtp:105 profile-level-id=4d4032; packetization-mode=1; sprop-parameter-sets=Z01AMpWgCoAwfiZuAgICgAAB9AAAdTBC,aO48gA",
            (2688, 1520),
        ),
        // No rtpmap at all.
        (
            "m=video 0 RTP/AVP 96\na=fmtp:96 SPROP-PARAMETER-SETS=Z2QAM6zoAoALWQ==, aO48MA==",
            (2560, 1440),
        ),
    ] {
        let (_, format) = video(text);
        assert_eq!(format.codec, VideoCodec::H264);
        assert_eq!((format.width, format.height), size, "{text}");
        assert_eq!(format.parameter_sets.len(), 2, "{text}");
    }
}

#[test]
fn missing_parameter_sets_come_in_band() {
    for text in [
        "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000",
        "m=video 0 RTP/AVP 96\na=rtpmap:96H264/90000",
        "m=video 0 RTP/AVP 96\na=rtpmap:96 H264\na=fmtp:96",
        "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/0\na=fmtp:96 sprop-parameter-sets=,",
        "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 sprop-parameter-sets=!!!,Zw==",
        "m=video 0 RTP/AVP 97\na=rtpmap:97 H265/90000",
        "m=video 0 RTP/AVP 26",
    ] {
        let track = track(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!(
            (track.depacketizer.format(), track.clock_rate),
            (None, 90_000),
            "{text}"
        );
    }
}

#[test]
fn h265() {
    let (pt, format) = video(
        "m=video 0 RTP/AVP 98\na=framerate:12.000000\na=rtpmap:98 H265/90000\na=fmtp:98 profile-id=1;sprop-sps=QgEBAWAAAAMAsAAAAwAAAwBaoAWCAeFja5JFL83BQYFBAAADAAEAAAMADKE=;sprop-pps=RAHA8saNA7NA;sprop-vps=QAEMAf//AWAAAAMAsAAAAwAAAwBarAwAAAMABAAAAwAyqA==",
    );
    assert_eq!(
        (pt, format.codec, format.width, format.height),
        (98, VideoCodec::H265, 704, 480)
    );
    assert_eq!(format.fps, Some(12.0));
    assert!(
        refused("m=video 0 RTP/AVP 98\na=rtpmap:98 H265/90000\na=fmtp:98 sprop-depack-buf-nalus=4")
            .contains("interleaved")
    );
}

#[test]
fn the_first_supported_payload_type_is_taken() {
    let text = "m=video 0 RTP/AVP 34 97 96\na=rtpmap:97 VP8/90000\na=rtpmap:96 H264/90000";
    assert_eq!(track(text).unwrap().payload_type, 96);
    let text = "m=audio 0 RTP/AVP 9 0 8\na=rtpmap:9 G722/8000";
    assert_eq!(audio(text).0, 0);
}

#[test]
fn g711() {
    for (text, codec, rate, channels) in [
        ("m=audio 0 RTP/AVP 0", AudioCodec::Pcmu, 8000, 1),
        ("m=audio 0 RTP/AVP 8\t ", AudioCodec::Pcma, 8000, 1),
        ("m=audio 0 RTP/AVP 8\na=rtpmap:8 PCMA/8000/1", AudioCodec::Pcma, 8000, 1),
        (
            "m=audio 0 RTP/AVP 97\na=rtpmap:97 pcmu/16000/2",
            AudioCodec::Pcmu,
            16_000,
            2,
        ),
        ("m=audio 0 RTP/AVP 8\na=rtpmap:8 PCMA", AudioCodec::Pcma, 8000, 1),
    ] {
        let (_, clock_rate, format) = audio(text);
        assert_eq!(
            (format.codec, format.sample_rate, format.channels, clock_rate),
            (codec, rate, channels, rate),
            "{text}"
        );
    }
    let mut d = track("m=audio 0 RTP/AVP 0").unwrap().depacketizer;
    crate::codec::testing::push(&mut *d, 5, false, &[0xff; 160]).unwrap();
    let unit = d.next().unwrap();
    assert_eq!(
        (unit.rtp_timestamp, unit.samples, unit.data.len(), unit.format.is_some()),
        (5, 160, 160, true)
    );
}

#[test]
fn aac() {
    for (text, rate, channels, clock) in [
        (
            "m=audio 0 RTP/AVP 97\na=rtpmap:97 MPEG4-GENERIC/16000\na=fmtp:97 streamtype=5;profile-level-id=15;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408; profile=1;",
            16_000,
            1,
            16_000,
        ),
        (
            "m=audio 0 RTP/AVP 96\na=rtpmap:96 mpeg4-generic/48000/1\na=fmtp:96 streamtype=5; mode=AAC-hbr; config=1188; SizeLength=13; IndexLength=3; IndexDeltaLength=3;",
            48_000,
            1,
            48_000,
        ),
        // A static payload type for something else, and nothing but the configuration.
        (
            "m=audio 0 RTP/AVP 0\na=rtpmap:0 MPEG4-GENERIC/16000/2\na=fmtp:0 config=1408",
            16_000,
            1,
            16_000,
        ),
        (
            "m=audio 0 RTP/AVP 97\na=rtpmap:97 MPEG4-GENERIC/44100/2",
            44_100,
            2,
            44_100,
        ),
        (
            "m=audio 0 RTP/AVP 97\na=rtpmap:97 MPEG4-GENERIC\na=fmtp:97 config=1408",
            16_000,
            1,
            16_000,
        ),
        (
            "m=audio 0 RTP/AVP 96\na=rtpmap:96 MP4A-LATM/24000/2\na=fmtp:96 cpresent=0; config=400026203fc0",
            24_000,
            2,
            24_000,
        ),
    ] {
        let (_, clock_rate, format) = audio(text);
        assert_eq!(
            (format.codec, format.sample_rate, format.channels, clock_rate),
            (AudioCodec::Aac, rate, channels, clock),
            "{text}"
        );
    }
    for (text, what) in [
        (
            "m=audio 0 RTP/AVP 97\na=rtpmap:97 MPEG4-GENERIC/16000\na=fmtp:97 mode=CELP-cbr;config=1408",
            "CELP",
        ),
        (
            "m=audio 0 RTP/AVP 97\na=rtpmap:97 MPEG4-GENERIC/16000\na=fmtp:97 config=zz",
            "\"zz\"",
        ),
        ("m=audio 0 RTP/AVP 97\na=rtpmap:97 MPEG4-GENERIC/123", "123 Hz"),
        (
            "m=audio 0 RTP/AVP 97\na=rtpmap:97 MPEG4-GENERIC/16000\na=fmtp:97 config=1408;sizelength=0",
            "0 bits",
        ),
        ("m=audio 0 RTP/AVP 96\na=rtpmap:96 MP4A-LATM/24000", "cpresent=1"),
        (
            "m=audio 0 RTP/AVP 96\na=rtpmap:96 MP4A-LATM/24000\na=fmtp:96 cpresent=0;config=ff",
            "cannot be read",
        ),
    ] {
        assert!(refused(text).contains(what), "{}", refused(text));
    }
}

#[test]
fn opus() {
    let (_, clock_rate, format) = audio("m=audio 0 RTP/AVP 96\na=rtpmap:96 opus/48000/2\na=fmtp:96");
    assert_eq!(
        (clock_rate, format.codec, format.channels),
        (48_000, AudioCodec::Opus, 2)
    );
    assert_eq!(format.decoder_config[..], [0, 2, 0, 0, 0, 0, 0xbb, 0x80, 0, 0, 0]);
}

#[test]
fn refusals_say_what_was_offered() {
    for (text, what) in [
        (
            "m=application 0 RTP/AVP 107\na=rtpmap:107 vnd.onvif.metadata/90000",
            "\"application\"",
        ),
        ("m=audio 0 RTP/AVP 97\na=rtpmap:97 G726-32/8000", "G726-32"),
        ("m=audio 0 RTP/AVP 11", "L16"),
        ("m=video 0 RTP/AVP 96\na=rtpmap:96 VP8/90000", "VP8"),
        ("m=video 0 RTP/SAVP 96\na=rtpmap:96 H264/90000", "SRTP"),
        ("m=video 0 RTP/AVP 96", "no rtpmap"),
        ("m=video 0 RTP/AVP smart/1/90000", "without a payload type"),
    ] {
        assert!(refused(text).contains(what), "{}", refused(text));
    }
}

#[test]
fn opus_packet_durations() {
    use crate::codec::opus::packet_samples;
    for (packet, samples) in [
        (&[0x00][..], Some(480)),    // SILK 10 ms
        (&[0x18], Some(2880)),       // SILK 60 ms
        (&[0x60], Some(480)),        // hybrid 10 ms
        (&[0xf8], Some(960)),        // CELT 20 ms
        (&[0xf9], Some(1920)),       // two of them
        (&[0xfb, 0x03], Some(2880)), // three
        (&[0xe3, 0x30], Some(5760)), // 48 of 2.5 ms
        (&[0xfb, 0x00], None),
        (&[0xfb, 0x07], None), // 140 ms
        (&[0xfb], None),
        (&[], None),
    ] {
        assert_eq!(packet_samples(packet), samples, "{packet:x?}");
    }
}

proptest! {
    #[test]
    fn arbitrary_attributes_never_panic(
        kind in prop::sample::select(vec!["video", "audio"]),
        fmt in "[0-9 ]{0,8}",
        rtpmap in "(96|97|0|8)[ ]?(H264|H265|JPEG|opus|MPEG4-GENERIC|MP4A-LATM|PCMU)?/?[0-9]{0,11}(/[0-9]{0,6})?",
        fmtp in "(96|97|0|8)[ ]?((config|sprop-parameter-sets|sprop-sps|sizelength|cpresent|mode)=[0-9a-zA-Z=,+/-]{0,30};){0,4}",
        dimensions in "[0-9, x-]{0,20}",
    ) {
        let media = sdp_types::Media {
            media: kind.to_owned(), port: 0, num_ports: None, proto: "RTP/AVP".to_owned(), fmt, media_title: None,
            connections: vec![], bandwidths: vec![], key: None,
            attributes: [("rtpmap", rtpmap), ("fmtp", fmtp), ("x-dimensions", dimensions)].into_iter()
                .map(|(attribute, value)| sdp_types::Attribute { attribute: attribute.to_owned(), value: Some(value) })
                .collect(),
        };
        if let Ok(track) = depacketizer_for(&media) {
            prop_assert!(track.clock_rate > 0);
            let _ = track.depacketizer.format();
        }
    }
}
