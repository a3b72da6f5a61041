//! Against bytes that our own code did not make: encoders and payloaders of GStreamer. What the
//! depacketizers put together must be what the encoder gave to the payloader.

#![allow(clippy::unwrap_used)]

use std::{collections::HashMap, sync::mpsc};

use gstreamer::{self as gst, prelude::*};
use gstreamer_app::{AppSink, AppSinkCallbacks};

use crate::{
    codec::{Depacketized, FormatChange, RtpPayload, depacketizer_for, nal},
    format::{AudioFormat, VideoFormat},
};

/// What a pipeline made.
struct Made {
    /// Buffers of the encoder, before the payloader.
    encoded: Vec<Vec<u8>>,
    packets: Vec<Vec<u8>>,
    sdp: sdp_types::Media,
}

/// Runs `… ! tee name=t` with the encoder's output to a sink and to `payloader`.
fn make(media: &str, encoder: &str, payloader: &str) -> Made {
    gst::init().unwrap();
    let pipeline = gst::parse::launch(&format!(
        "{encoder} ! tee name=t  t. ! queue ! appsink name=encoded sync=false  t. ! queue ! {payloader} ! appsink name=packets sync=false"
    ))
    .unwrap()
    .downcast::<gst::Pipeline>()
    .unwrap();
    let sink = |name: &str| pipeline.by_name(name).unwrap().downcast::<AppSink>().unwrap();
    let collect = |name: &str| {
        let (to, from) = mpsc::channel();
        sink(name).set_callbacks(
            AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                    let bytes = sample.buffer().unwrap().map_readable().unwrap().to_vec();
                    let _ = to.send((bytes, sample.caps().unwrap().to_owned()));
                    Ok(gst::FlowSuccess::Ok)
                })
                .build(),
        );
        from
    };
    let (encoded, packets) = (collect("encoded"), collect("packets"));
    pipeline.set_state(gst::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    let end = bus.timed_pop_filtered(
        gst::ClockTime::from_seconds(60),
        &[gst::MessageType::Eos, gst::MessageType::Error],
    );
    match end.as_ref().map(|m| m.view()) {
        Some(gst::MessageView::Eos(_)) => {}
        other => panic!("{encoder}: {other:?}"),
    }
    pipeline.set_state(gst::State::Null).unwrap();
    drop(pipeline);
    // The end of the stream comes after everything before it was handed over.
    let drain = |from: mpsc::Receiver<(Vec<u8>, gst::Caps)>| from.try_iter().collect::<Vec<_>>();
    let packets = drain(packets);
    let caps = &packets[0].1;
    Made {
        sdp: sdp(media, caps),
        encoded: drain(encoded).into_iter().map(|(bytes, _)| bytes).collect(),
        packets: packets.into_iter().map(|(bytes, _)| bytes).collect(),
    }
}

/// The `m=` section that belongs to the caps of a payloader.
fn sdp(media: &str, caps: &gst::Caps) -> sdp_types::Media {
    let s = caps.structure(0).unwrap();
    let text = |key: &str| s.get::<String>(key).unwrap_or_default();
    let pt = s.get::<i32>("payload").unwrap();
    let rate = s.get::<i32>("clock-rate").unwrap();
    let known = [
        "media",
        "payload",
        "clock-rate",
        "encoding-name",
        "encoding-params",
        "ssrc",
        "timestamp-offset",
        "seqnum-offset",
    ];
    let fmtp: Vec<String> = s
        .iter()
        .filter(|(key, _)| !known.contains(&key.as_str()))
        .filter_map(|(key, value)| Some(format!("{key}={}", value.get::<String>().ok()?)))
        .collect();
    let channels = match text("encoding-params") {
        none if none.is_empty() => none,
        n => format!("/{n}"),
    };
    let attributes = [
        ("rtpmap", format!("{pt} {}/{rate}{channels}", text("encoding-name"))),
        ("fmtp", format!("{pt} {}", fmtp.join(";"))),
    ];
    sdp_types::Media {
        media: media.to_owned(),
        port: 0,
        num_ports: None,
        proto: "RTP/AVP".to_owned(),
        fmt: pt.to_string(),
        media_title: None,
        connections: vec![],
        bandwidths: vec![],
        key: None,
        attributes: attributes
            .map(|(name, value)| sdp_types::Attribute {
                attribute: name.to_owned(),
                value: Some(value),
            })
            .into(),
    }
}

/// Splits a packet without extension, contributing sources and padding (RFC 3550 5.1).
fn payload(packet: &[u8]) -> RtpPayload<'_> {
    assert_eq!(packet[0], 0x80);
    RtpPayload {
        seq: u16::from_be_bytes([packet[2], packet[3]]),
        timestamp: u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]),
        marker: packet[1] & 0x80 != 0,
        payload: &packet[12..],
    }
}

/// Depacketizes; `lost` says by index which packets never arrive.
fn depacketize(made: &Made, lost: impl Fn(usize) -> bool) -> Vec<Depacketized> {
    let mut d = depacketizer_for(&made.sdp)
        .unwrap_or_else(|e| panic!("{e}: {:?}", made.sdp))
        .depacketizer;
    let mut out = Vec::new();
    for (i, packet) in made.packets.iter().enumerate() {
        if lost(i) {
            d.lost(1);
        } else {
            d.push(&payload(packet)).unwrap();
        }
        out.extend(std::iter::from_fn(|| d.next()));
    }
    out
}

fn nals_of_annex_b(stream: &[u8]) -> Vec<Vec<u8>> {
    nal::annex_b(stream).map(<[u8]>::to_vec).collect()
}

fn nals(unit: &Depacketized) -> Vec<Vec<u8>> {
    nal::units(&unit.data).map(<[u8]>::to_vec).collect()
}

fn video(unit: &Depacketized) -> &VideoFormat {
    match &unit.format {
        Some(FormatChange::Video(format)) => format,
        other => panic!("{other:?}"),
    }
}

fn audio(unit: &Depacketized) -> &AudioFormat {
    match &unit.format {
        Some(FormatChange::Audio(format)) => format,
        other => panic!("{other:?}"),
    }
}

/// `is_rap`: of a NAL unit.
fn check_video(made: &Made, size: (u32, u32), is_rap: impl Fn(&[u8]) -> bool) {
    let sent: Vec<_> = made.encoded.iter().map(|au| nals_of_annex_b(au)).collect();
    let out = depacketize(made, |_| false);
    assert_eq!(out.len(), sent.len());
    for (i, (unit, sent)) in out.iter().zip(&sent).enumerate() {
        assert_eq!(&nals(unit), sent, "unit {i}");
        assert_eq!(unit.rap, sent.iter().any(|n| is_rap(n)), "unit {i}");
        assert_eq!(unit.format.is_some(), i == 0, "unit {i}");
    }
    assert!(out.iter().filter(|u| u.rap).count() >= 2);
    let format = video(&out[0]);
    assert_eq!((format.width, format.height, format.fps), (size.0, size.1, Some(25.0)));

    // With losses: what comes out is whole, and a lost packet costs at most one GOP.
    let by_nals: HashMap<_, _> = sent.iter().enumerate().map(|(i, nals)| (nals.clone(), i)).collect();
    for every in [7, 50] {
        // The first GOP is spared: without a RAP there is nothing to show.
        let out = depacketize(made, |i| i > made.packets.len() / 2 && i % every == every / 2);
        assert!(out.len() > sent.len() / 3 && out.len() < sent.len());
        let mut last = None;
        for unit in &out {
            // A parameter set or SEI may be missing before a whole picture, with its own packet.
            let i = by_nals.get(&nals(unit)).copied().or_else(|| {
                let got = nals(unit);
                sent.iter()
                    .position(|s| s.last() == got.last() && got.iter().all(|n| s.contains(n)))
            });
            let i = i.unwrap_or_else(|| panic!("a unit that was not sent"));
            assert!(last < Some(i));
            last = Some(i);
        }
    }
}

fn h264(options: &str, payloader: &str) -> Made {
    make(
        "video",
        &format!(
            "videotestsrc num-buffers=75 pattern=smpte ! video/x-raw,format=I420,width=322,height=242,framerate=25/1 ! x264enc byte-stream=true speed-preset=veryfast threads=1 {options} ! video/x-h264,stream-format=byte-stream,alignment=au"
        ),
        payloader,
    )
}

fn is_idr(nal: &[u8]) -> bool {
    nal[0] & 0x1f == 5
}

#[test]
fn h264_of_x264() {
    let made = h264(
        "key-int-max=20 tune=zerolatency",
        "rtph264pay mtu=400 config-interval=0",
    );
    check_video(&made, (322, 242), is_idr);
    // Several slices, delimiters, aggregates.
    let made = h264(
        "key-int-max=20 aud=true option-string=slices=4 bframes=0",
        "rtph264pay mtu=900 aggregate-mode=zero-latency config-interval=-1",
    );
    let out = depacketize(&made, |_| false);
    assert_eq!(out.len(), made.encoded.len());
    for (unit, au) in out.iter().zip(&made.encoded) {
        // The payloader leaves delimiters out, and puts parameter sets before every IDR itself.
        let slices = |nals: Vec<Vec<u8>>| {
            nals.into_iter()
                .filter(|n| matches!(n[0] & 0x1f, 1 | 5))
                .collect::<Vec<_>>()
        };
        let sent = slices(nals_of_annex_b(au));
        assert!(sent.len() > 1);
        assert_eq!(slices(nals(unit)), sent);
    }
}

/// Depacketizes packets changed by `change`.
fn depacketize_changed(made: &Made, change: impl Fn(usize, &mut Vec<u8>)) -> Vec<Depacketized> {
    let mut d = depacketizer_for(&made.sdp)
        .unwrap_or_else(|e| panic!("{e}"))
        .depacketizer;
    let mut out = Vec::new();
    for (i, packet) in made.packets.iter().enumerate() {
        let mut packet = packet.clone();
        change(i, &mut packet);
        // Damaged packets may be told as oddities.
        let _ = d.push(&payload(&packet));
        out.extend(std::iter::from_fn(|| d.next()));
    }
    out
}

#[test]
fn h264_with_wrong_markers_keeps_every_nal_unit() {
    let made = h264(
        "key-int-max=20 option-string=slices=4 bframes=0",
        "rtph264pay mtu=400 config-interval=0",
    );
    let whole: Vec<_> = depacketize(&made, |_| false).iter().map(nals).collect();
    let without = depacketize_changed(&made, |_, packet| packet[1] &= 0x7f);
    assert_eq!(
        without.iter().map(nals).collect::<Vec<_>>(),
        whole[..whole.len() - 1],
        "the last is still open"
    );
    let everywhere: Vec<_> = depacketize_changed(&made, |_, packet| packet[1] |= 0x80)
        .iter()
        .map(nals)
        .collect();
    let (first, rest): (Vec<_>, Vec<_>) = (
        everywhere.concat(),
        everywhere[everywhere.len() + 2 - whole.len()..].to_vec(),
    );
    assert_eq!(first, whole[..whole.len() - 1].concat(), "nothing is lost or doubled");
    assert_eq!(rest, whole[1..whole.len() - 1], "only the first picture is cut");
}

#[test]
fn h264_with_a_fifth_of_the_packets_corrupted_goes_on() {
    let made = h264(
        "key-int-max=20 tune=zerolatency",
        "rtph264pay mtu=1400 config-interval=-1",
    );
    let clean = depacketize(&made, |_| false);
    let corrupted = depacketize_changed(&made, |i, packet| {
        if i % 5 == 3 {
            let from = 12 + i * 31 % (packet.len() - 12);
            packet[from..]
                .iter_mut()
                .for_each(|b| *b = b.wrapping_mul(167).wrapping_add(i as u8));
        }
    });
    assert!(
        corrupted.len() > clean.len() / 2,
        "{} of {}",
        corrupted.len(),
        clean.len()
    );
    assert!(corrupted.iter().any(|u| u.rap));
}

#[test]
fn h264_resolution_change_costs_no_access_unit() {
    let made = |width| {
        make(
            "video",
            &format!(
                "videotestsrc num-buffers=30 ! video/x-raw,format=I420,width={width},height=240,framerate=25/1 ! x264enc byte-stream=true speed-preset=veryfast key-int-max=15 ! video/x-h264,stream-format=byte-stream,alignment=au"
            ),
            "rtph264pay mtu=1400 config-interval=-1",
        )
    };
    let (mut all, second) = (made(320), made(640));
    all.packets.extend(second.packets);
    let out = depacketize(&all, |_| false);
    assert_eq!(out.len(), 60);
    let changes: Vec<_> = out.iter().enumerate().filter(|(_, u)| u.format.is_some()).collect();
    assert_eq!(
        changes
            .iter()
            .map(|(i, u)| (*i, u.rap, video(u).width))
            .collect::<Vec<_>>(),
        [(0, true, 320), (30, true, 640)]
    );
}

#[test]
fn h264_b_frames_keep_their_presentation_times() {
    let made = h264(
        "key-int-max=25 bframes=2 b-adapt=false b-pyramid=true",
        "rtph264pay mtu=1400",
    );
    let d = depacketizer_for(&made.sdp).unwrap().depacketizer;
    assert!(d.reorder_depth() >= 1, "x264 says so in its SPS");
    for depth in [d.reorder_depth(), 0] {
        let mut estimator = crate::codec::DtsEstimator::new();
        estimator.set_depth(depth);
        let mut late = None;
        let mut last = i64::MIN;
        for (i, unit) in depacketize(&made, |_| false).iter().enumerate() {
            let base = payload(&made.packets[0]).timestamp;
            let pts = i64::from(unit.rtp_timestamp.wrapping_sub(base) as i32);
            let timing = estimator.next(pts);
            assert!(timing.dts > last && timing.dts <= timing.pts);
            last = timing.dts;
            late = if timing.pts == pts { late } else { Some(i) };
        }
        match depth {
            0 => assert!(late < Some(10), "learnt from the first B-frames, not at {late:?}"),
            _ => assert_eq!(late, None),
        }
    }
}

#[test]
fn h264_open_gops_begin_with_recovery_points() {
    let made = h264(
        "key-int-max=20 bframes=2 option-string=open-gop=1:scenecut=0",
        "rtph264pay mtu=1400",
    );
    let out = depacketize(&made, |_| false);
    let idr = |unit: &Depacketized| nals(unit).iter().any(|n| is_idr(n));
    let raps = out.iter().filter(|u| u.rap).count();
    assert!(raps >= 3, "{raps}");
    assert!(raps > out.iter().filter(|u| idr(u)).count());
}

#[test]
fn h265_of_x265() {
    let made = make(
        "video",
        "videotestsrc num-buffers=50 ! video/x-raw,format=I420,width=322,height=242,framerate=25/1 ! x265enc speed-preset=ultrafast key-int-max=20 option-string=repeat-headers=1:slices=2:log-level=none ! video/x-h265,stream-format=byte-stream,alignment=au",
        "rtph265pay mtu=500",
    );
    check_video(&made, (322, 242), |n| (16..=23).contains(&(n[0] >> 1)));
    let out = depacketize(&made, |_| false);
    assert!(
        video(&out[0]).rfc6381.starts_with("hvc1.1."),
        "{}",
        video(&out[0]).rfc6381
    );
}

#[test]
fn jpeg_of_jpegenc_decodes_to_the_same_picture() {
    for (options, format) in [("quality=85", "I420"), ("quality=40", "Y42B")] {
        let made = make(
            "video",
            &format!(
                "videotestsrc num-buffers=5 ! video/x-raw,width=320,height=240,format={format},framerate=25/1 ! jpegenc {options}"
            ),
            "rtpjpegpay mtu=700",
        );
        let out = depacketize(&made, |_| false);
        assert_eq!(out.len(), made.encoded.len());
        assert_eq!((video(&out[0]).width, video(&out[0]).height), (320, 240));
        for (unit, sent) in out.iter().zip(&made.encoded) {
            assert!(unit.rap);
            assert_eq!(decode(&unit.data), decode(sent));
        }
        let out = depacketize(&made, |i| i == 3);
        assert_eq!(out.len(), made.encoded.len() - 1);
    }
}

/// The picture of a JPEG, in raw bytes.
fn decode(jpeg: &[u8]) -> Vec<u8> {
    let pipeline =
        gst::parse::launch("appsrc name=in caps=image/jpeg,framerate=25/1 ! jpegdec ! appsink name=out sync=false")
            .unwrap();
    let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let input = pipeline
        .by_name("in")
        .unwrap()
        .downcast::<gstreamer_app::AppSrc>()
        .unwrap();
    input.push_buffer(gst::Buffer::from_slice(jpeg.to_vec())).unwrap();
    input.end_of_stream().unwrap();
    let output = pipeline.by_name("out").unwrap().downcast::<AppSink>().unwrap();
    let picture = output
        .pull_sample()
        .unwrap()
        .buffer()
        .unwrap()
        .map_readable()
        .unwrap()
        .to_vec();
    pipeline.set_state(gst::State::Null).unwrap();
    picture
}

fn check_audio(made: &Made, samples: u32) -> AudioFormat {
    let out = depacketize(made, |_| false);
    assert_eq!(out.iter().map(|u| u.data.to_vec()).collect::<Vec<_>>(), made.encoded);
    // The first packet of an Opus encoder is shorter by its pre-skip; the payloader rounds.
    for pair in out.windows(2).skip(1) {
        assert!(
            pair[1]
                .rtp_timestamp
                .wrapping_sub(pair[0].rtp_timestamp)
                .abs_diff(samples)
                <= 1
        );
        assert_eq!(pair[0].samples, samples);
    }
    audio(&out[0]).clone()
}

#[test]
fn aac_of_libavcodec() {
    let encoder =
        "audiotestsrc num-buffers=40 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! audio/mpeg,stream-format=raw";
    for mtu in [1400, 100] {
        let made = make("audio", encoder, &format!("rtpmp4gpay mtu={mtu}"));
        let format = check_audio(&made, 1024);
        assert_eq!(
            (format.sample_rate, format.channels, &*format.rfc6381),
            (48_000, 2, "mp4a.40.2")
        );
    }
    let format = check_audio(&make("audio", encoder, "rtpmp4apay mtu=200"), 1024);
    assert_eq!((format.sample_rate, format.channels), (48_000, 2));
}

#[test]
fn opus_of_libopus() {
    let encoder = "audiotestsrc num-buffers=40 ! audio/x-raw,rate=48000,channels=2 ! opusenc frame-size=20";
    let format = check_audio(&make("audio", encoder, "rtpopuspay"), 960);
    assert_eq!((format.sample_rate, format.channels), (48_000, 2));
}

#[test]
fn g711_of_gstreamer() {
    for (encoder, payloader, rfc6381) in [("mulawenc", "rtppcmupay", "ulaw"), ("alawenc", "rtppcmapay", "alaw")] {
        let source =
            format!("audiotestsrc num-buffers=20 samplesperbuffer=160 ! audio/x-raw,rate=8000,channels=1 ! {encoder}");
        let made = make(
            "audio",
            &source,
            &format!("{payloader} min-ptime=20000000 max-ptime=20000000"),
        );
        assert_eq!(check_audio(&made, 160).rfc6381, rfc6381);
    }
}
