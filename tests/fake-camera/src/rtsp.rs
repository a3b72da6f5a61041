//! RTSP requests as they come (RFC 2326), and the SDP that answers DESCRIBE (RFC 8866).

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    clip::{AudioClip, AudioCodec, VideoClip, VideoCodec},
    lies::Lies,
    packet::{VIDEO_PAYLOAD_TYPE, audio_payload_type},
};

/// One request, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub url: String,
    headers: Vec<(String, String)>,
}

/// What the front of the receive buffer holds.
pub enum Front {
    /// Nothing whole yet.
    Incomplete,
    /// An interleaved frame of the client (RTCP) of so many bytes.
    Interleaved(usize),
    Request(Request, usize),
    /// Nothing that RTSP knows.
    Nonsense,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    /// Path segments of the URL: camera, stream, control.
    pub fn segments(&self) -> Vec<&str> {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, r)| r);
        rest.split(['/', '?']).skip(1).filter(|s| !s.is_empty()).collect()
    }
}

/// Reads what lies at the front of `input`.
pub fn front(input: &[u8]) -> Front {
    if let Some(b'$') = input.first() {
        return match input.get(2..4) {
            Some([high, low]) => {
                let len = 4 + usize::from(u16::from_be_bytes([*high, *low]));
                if input.len() < len {
                    Front::Incomplete
                } else {
                    Front::Interleaved(len)
                }
            }
            _ => Front::Incomplete,
        };
    }
    let Some(end) = input.windows(4).position(|w| w == b"\r\n\r\n") else {
        return if input.len() > 16 * 1024 {
            Front::Nonsense
        } else {
            Front::Incomplete
        };
    };
    let Some(Ok(text)) = input.get(..end).map(std::str::from_utf8) else {
        return Front::Nonsense;
    };
    let mut lines = text.split("\r\n").skip_while(|l| l.is_empty());
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(url)) = (words.next(), words.next()) else {
        return Front::Nonsense;
    };
    let headers: Vec<(String, String)> = lines
        .filter_map(|l| l.split_once(':'))
        .map(|(n, v)| (n.trim().to_owned(), v.trim().to_owned()))
        .collect();
    let request = Request {
        method: method.to_owned(),
        url: url.to_owned(),
        headers,
    };
    let body = request
        .header("Content-Length")
        .and_then(|l| l.parse::<usize>().ok())
        .unwrap_or(0);
    if input.len() < end + 4 + body {
        return Front::Incomplete;
    }
    Front::Request(request, end + 4 + body)
}

/// What the client asks for in a `Transport` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Tcp { channel: Option<u8> },
    Udp { rtp: u16, rtcp: u16 },
}

/// The first transport of the list that a camera can serve.
pub fn transport(header: &str) -> Option<Wanted> {
    header.split(',').find_map(|spec| {
        let field = |name: &str| {
            spec.split(';')
                .find_map(|p| p.trim().strip_prefix(name)?.strip_prefix('='))
        };
        if spec.contains("RTP/AVP/TCP") {
            let channel = field("interleaved").and_then(|c| c.split('-').next()?.parse().ok());
            return Some(Wanted::Tcp { channel });
        }
        let (rtp, rtcp) = field("client_port")?.split_once('-')?;
        Some(Wanted::Udp {
            rtp: rtp.parse().ok()?,
            rtcp: rtcp.parse().ok()?,
        })
    })
}

/// The description of one stream. `base` ends without a slash.
pub fn sdp(base: &str, video: &VideoClip, audio: Option<&AudioClip>, lies: &Lies) -> String {
    let control = |track: u8| match lies.absolute_control {
        true => format!("a=control:{base}/trackID={track}\r\n"),
        false => format!("a=control:trackID={track}\r\n"),
    };
    let mut text = String::from(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=fake camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=range:npt=now-\r\n",
    );
    if !lies.absolute_control {
        text += "a=control:*\r\n";
    }
    let kind = if video.codec == VideoCodec::Mjpeg {
        26
    } else {
        VIDEO_PAYLOAD_TYPE
    };
    text += &format!("m=video 0 RTP/AVP {kind}\r\n");
    text += &video_attributes(video, lies);
    text += &format!("a=framerate:{}\r\n", 90_000 / video.frame_ticks.max(1));
    text += &control(0);
    if let Some(audio) = audio {
        let kind = audio_payload_type(audio.codec);
        text += &format!("m=audio 0 RTP/AVP {kind}\r\n");
        text += &match audio.codec {
            AudioCodec::Aac => format!(
                "a=rtpmap:97 mpeg4-generic/{}/{}\r\na=fmtp:97 streamtype=5;profile-level-id=1;mode=AAC-hbr;\
                 sizelength=13;indexlength=3;indexdeltalength=3;config={}\r\n",
                audio.sample_rate,
                audio.channels,
                hex::encode(&audio.config)
            ),
            AudioCodec::Pcmu => "a=rtpmap:0 PCMU/8000\r\n".into(),
            AudioCodec::Pcma => "a=rtpmap:8 PCMA/8000\r\n".into(),
        };
        text += &control(1);
    }
    text
}

fn video_attributes(video: &VideoClip, lies: &Lies) -> String {
    let sets: Vec<String> = video.parameter_sets.iter().map(|p| BASE64_STANDARD.encode(p)).collect();
    match video.codec {
        VideoCodec::H264 => {
            let mut text = String::from("a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1");
            let profile = video.parameter_sets.first().and_then(|sps| sps.get(1..4));
            if let (false, Some(profile)) = (lies.no_parameter_sets_in_sdp, profile) {
                text += &format!(";profile-level-id={}", hex::encode_upper(profile));
                text += &format!(";sprop-parameter-sets={}", sets.join(","));
            }
            text + "\r\n"
        }
        VideoCodec::H265 => {
            let mut text = String::from("a=rtpmap:96 H265/90000\r\n");
            if let (false, [vps, sps, pps, ..]) = (lies.no_parameter_sets_in_sdp, sets.as_slice()) {
                text += &format!("a=fmtp:96 sprop-vps={vps};sprop-sps={sps};sprop-pps={pps}\r\n");
            }
            text
        }
        VideoCodec::Mjpeg => "a=rtpmap:26 JPEG/90000\r\n".into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn requests_and_interleaved_frames_are_told_apart() {
        let text = b"SETUP rtsp://h:1/cam/main/trackID=0 RTSP/1.0\r\nCSeq: 3\r\ntransport: RTP/AVP/TCP;unicast;interleaved=4-5\r\n\r\n$";
        let Front::Request(request, len) = front(text) else {
            panic!("a request")
        };
        assert_eq!(len, text.len() - 1);
        assert_eq!(request.segments(), ["cam", "main", "trackID=0"]);
        let wanted = transport(request.header("Transport").unwrap());
        assert_eq!(wanted, Some(Wanted::Tcp { channel: Some(4) }));
        assert!(matches!(front(b"$\x01\x00\x02ab"), Front::Interleaved(6)));
        assert!(matches!(front(b"$\x01\x00\x02a"), Front::Incomplete));
        let udp = transport("RTP/AVP;unicast;client_port=5000-5001");
        assert_eq!(udp, Some(Wanted::Udp { rtp: 5000, rtcp: 5001 }));
    }
}
