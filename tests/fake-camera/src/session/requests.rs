//! Answers to OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE and TEARDOWN, true or not.

use std::net::{SocketAddr, UdpSocket};

use rand::{RngExt, rngs::StdRng};

use super::{Now, Session, Track, Way, media::timestamp};
use crate::{
    auth::{Scheme, challenges},
    camera::Camera,
    rtsp::{Request, Wanted, sdp, transport},
};

impl Session {
    pub(super) fn answer(&mut self, request: &Request, camera: &mut Camera, now: Now, rng: &mut StdRng) {
        let cseq = request.header("CSeq").unwrap_or("0").to_owned();
        let method = request.method.as_str();
        if method == "OPTIONS" {
            let methods = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";
            return self.reply(&cseq, "200 OK", &format!("Public: {methods}\r\n"), "");
        }
        let admitted = camera
            .account
            .as_ref()
            .is_none_or(|a| a.admits(request.header("Authorization"), method, &self.nonce));
        if camera.lies.always_401 || !admitted {
            let scheme = camera.account.as_ref().map_or(Scheme::Digest, |a| a.scheme);
            let challenge = challenges(scheme, &self.nonce);
            return self.reply(&cseq, "401 Unauthorized", &challenge, "");
        }
        let segments = request.segments();
        let asked = segments
            .get(1)
            .and_then(|name| camera.streams.iter().position(|s| s.log.stream == **name));
        if camera.lies.always_404 || (asked.is_none() && matches!(method, "DESCRIBE" | "SETUP")) {
            return self.reply(&cseq, "404 Not Found", "", "");
        }
        let session = format!("Session: {:08x};timeout=60\r\n", self.number);
        match method {
            "DESCRIBE" => {
                let Some(stream) = asked.and_then(|i| camera.streams.get(i)) else {
                    return;
                };
                let base = request.url.trim_end_matches('/');
                let audio = stream.audio.as_ref().map(|(clip, _)| clip.as_ref());
                let body = sdp(base, &stream.video().clip, audio, &camera.lies);
                let mut head = String::from("Content-Type: application/sdp\r\n");
                if !camera.lies.no_content_base {
                    head += &format!("Content-Base: {base}/\r\n");
                }
                self.reply(&cseq, "200 OK", &head, &body);
            }
            "SETUP" => {
                let audio = segments.last() == Some(&"trackID=1");
                let wanted = request.header("Transport").and_then(transport);
                self.stream = asked;
                match wanted.and_then(|w| self.setup(w, audio, rng)) {
                    Some(line) => self.reply(&cseq, "200 OK", &format!("{line}{session}"), ""),
                    None => self.reply(&cseq, "461 Unsupported Transport", "", ""),
                }
            }
            "PLAY" => self.play(request, &cseq, &session, camera, now, rng),
            "PAUSE" => {
                self.stop(camera);
                self.reply(&cseq, "200 OK", &session, "");
            }
            "TEARDOWN" => {
                self.stop(camera);
                self.reply(&cseq, "200 OK", &session, "");
                self.close = true;
            }
            _ => self.reply(&cseq, "200 OK", &session, ""),
        }
    }

    pub(super) fn reply(&mut self, cseq: &str, status: &str, headers: &str, body: &str) {
        let length = match body.len() {
            0 => String::new(),
            len => format!("Content-Length: {len}\r\n"),
        };
        let text = format!("RTSP/1.0 {status}\r\nCSeq: {cseq}\r\n{headers}{length}\r\n{body}");
        self.write(text.as_bytes());
    }

    pub(super) fn setup(&mut self, wanted: Wanted, audio: bool, rng: &mut StdRng) -> Option<String> {
        self.tracks.retain(|t| t.audio != audio);
        let ssrc: u32 = rng.random();
        let (way, line) = match wanted {
            Wanted::Tcp { channel } => {
                let channel = channel.unwrap_or(2 * self.tracks.len() as u8);
                let text = format!(
                    "Transport: RTP/AVP/TCP;unicast;interleaved={channel}-{};ssrc={ssrc:08X}\r\n",
                    channel.wrapping_add(1)
                );
                (Way::Tcp(channel), text)
            }
            Wanted::Udp { rtp, rtcp } => {
                let (a, b) = udp_pair(self.socket.local_addr().ok()?)?;
                let ports = (a.local_addr().ok()?.port(), b.local_addr().ok()?.port());
                let text = format!(
                    "Transport: RTP/AVP;unicast;client_port={rtp}-{rtcp};server_port={}-{};ssrc={ssrc:08X}\r\n",
                    ports.0, ports.1
                );
                let to = |port| SocketAddr::new(self.peer.ip(), port);
                (
                    Way::Udp {
                        rtp: a,
                        rtcp: b,
                        to: (to(rtp), to(rtcp)),
                    },
                    text,
                )
            }
        };
        self.tracks.push(Track {
            audio,
            way,
            ssrc,
            sequence: rng.random(),
            base: rng.random(),
            next: 0,
            unit: 0,
            clip: usize::MAX,
            cut_at: None,
            packets: 0,
            octets: 0,
            report_at: 0,
        });
        Some(line)
    }

    pub(super) fn play(
        &mut self,
        request: &Request,
        cseq: &str,
        session: &str,
        camera: &mut Camera,
        now: Now,
        rng: &mut StdRng,
    ) {
        let Some(stream) = self.stream.and_then(|i| camera.streams.get_mut(i)) else {
            return self.reply(cseq, "455 Method Not Valid in This State", "", "");
        };
        if !self.playing {
            stream.log.playing += 1;
        }
        self.playing = true;
        self.silent = camera.lies.silent_after_play;
        if !self.silent {
            self.begin(camera, now, rng);
        }
        if camera.lies.data_before_play_reply {
            self.service(
                camera,
                Now {
                    ns: now.ns + 100_000_000,
                    ..now
                },
                rng,
            );
        }
        let url = request.url.trim_end_matches('/');
        let info: Vec<String> = match self.playing_stream(camera) {
            Some(stream) => self
                .tracks
                .iter()
                .map(|t| {
                    let time = timestamp(stream, t, t.next, 0, &camera.lies);
                    format!(
                        "url={url}/trackID={};seq={};rtptime={time}",
                        u8::from(t.audio),
                        t.sequence
                    )
                })
                .collect(),
            None => Vec::new(),
        };
        let headers = format!("{session}Range: npt=now-\r\nRTP-Info: {}\r\n", info.join(","));
        self.reply(cseq, "200 OK", &headers, "");
    }
}

/// Two neighbouring ports, the first one even (RFC 3550 11).
fn udp_pair(local: SocketAddr) -> Option<(UdpSocket, UdpSocket)> {
    (0..200).find_map(|_| {
        let first = UdpSocket::bind((local.ip(), 0)).ok()?;
        let port = first.local_addr().ok()?.port();
        if port % 2 != 0 {
            return None;
        }
        let second = UdpSocket::bind((local.ip(), port + 1)).ok()?;
        first.set_nonblocking(true).ok()?;
        second.set_nonblocking(true).ok()?;
        Some((first, second))
    })
}
