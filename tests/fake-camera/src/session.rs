//! One connection of a client: its requests, and the media it is sent.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream, UdpSocket},
};

use rand::{RngExt, rngs::StdRng};

use crate::{
    auth::{Scheme, challenges},
    camera::{Camera, Stream},
    identity::Identity,
    lies::Lies,
    packet::{Header, Packets},
    rtsp::{Front, Request, Wanted, front, sdp, transport},
    sent::SentRange,
};

/// What may wait for a slow client before it is let go.
const PENDING_LIMIT: usize = 64 << 20;

/// Nanoseconds between two RTCP sender reports.
const REPORT_NS: u64 = 5_000_000_000;

/// The server's clock at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Nanoseconds since the server's start.
    pub ns: u64,
    /// Unix time in microseconds.
    pub us: u64,
}

enum Way {
    Tcp(u8),
    Udp {
        rtp: UdpSocket,
        rtcp: UdpSocket,
        to: (SocketAddr, SocketAddr),
    },
}

struct Track {
    audio: bool,
    way: Way,
    ssrc: u32,
    sequence: u16,
    base: u32,
    /// Number of the next unit, and its place in the clip.
    next: u64,
    unit: usize,
    clip: usize,
    /// At this number the running GOP is cut short.
    cut_at: Option<u64>,
    packets: u32,
    octets: u32,
    report_at: u64,
}

pub(crate) struct Session {
    pub socket: TcpStream,
    pub camera: usize,
    /// Set when the connection should end.
    pub close: bool,
    number: u64,
    peer: SocketAddr,
    input: Vec<u8>,
    pending: Vec<u8>,
    pending_at: usize,
    nonce: String,
    stream: Option<usize>,
    tracks: Vec<Track>,
    playing: bool,
    silent: bool,
    range: Option<usize>,
    held: Option<(usize, Vec<u8>)>,
    trickled_ns: u64,
}

impl Session {
    pub fn new(socket: TcpStream, peer: SocketAddr, camera: usize, number: u64, rng: &mut StdRng) -> Self {
        Self {
            socket,
            camera,
            close: false,
            number,
            peer,
            input: Vec::new(),
            pending: Vec::new(),
            pending_at: 0,
            nonce: hex::encode(rng.random::<[u8; 8]>()),
            stream: None,
            tracks: Vec::new(),
            playing: false,
            silent: false,
            range: None,
            held: None,
            trickled_ns: 0,
        }
    }

    /// Something waits for the socket to become writable.
    pub fn wants_write(&self) -> bool {
        self.pending_at < self.pending.len()
    }

    /// When [`Session::service`] has something to do, in ns of the server's clock.
    pub fn due_ns(&self, camera: &Camera) -> u64 {
        let Some(stream) = self.playing_stream(camera) else {
            return u64::MAX;
        };
        if camera.lies.silent_after_play {
            return if self.silent { u64::MAX } else { 0 };
        }
        if self.silent {
            return 0;
        }
        let unit = self.tracks.iter().map(|t| due(stream, t)).min().unwrap_or(u64::MAX);
        match camera.lies.trickle_bytes_per_s {
            Some(_) if self.wants_write() => unit.min(self.trickled_ns + 20_000_000),
            _ => unit,
        }
    }

    fn playing_stream<'a>(&self, camera: &'a Camera) -> Option<&'a Stream> {
        if !self.playing {
            return None;
        }
        camera.streams.get(self.stream?)
    }

    /// Reads what has arrived and answers it.
    pub fn readable(&mut self, camera: &mut Camera, now: Now, rng: &mut StdRng) {
        let mut buffer = [0u8; 8192];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => self.close = true,
                Ok(len) => {
                    if !camera.lies.accept_silent {
                        self.input.extend_from_slice(buffer.get(..len).unwrap_or_default());
                    }
                    if len == buffer.len() {
                        continue;
                    }
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(_) => self.close = true,
            }
            break;
        }
        loop {
            match front(&self.input) {
                Front::Incomplete => return,
                Front::Interleaved(len) => drop(self.input.drain(..len)),
                Front::Request(request, len) => {
                    self.input.drain(..len);
                    self.answer(&request, camera, now, rng);
                }
                Front::Nonsense => {
                    self.close = true;
                    return;
                }
            }
        }
    }

    fn answer(&mut self, request: &Request, camera: &mut Camera, now: Now, rng: &mut StdRng) {
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

    fn reply(&mut self, cseq: &str, status: &str, headers: &str, body: &str) {
        let length = match body.len() {
            0 => String::new(),
            len => format!("Content-Length: {len}\r\n"),
        };
        let text = format!("RTSP/1.0 {status}\r\nCSeq: {cseq}\r\n{headers}{length}\r\n{body}");
        self.write(text.as_bytes());
    }

    fn setup(&mut self, wanted: Wanted, audio: bool, rng: &mut StdRng) -> Option<String> {
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

    fn play(&mut self, request: &Request, cseq: &str, session: &str, camera: &mut Camera, now: Now, rng: &mut StdRng) {
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

    /// Places every track at the camera's own present.
    fn begin(&mut self, camera: &Camera, now: Now, rng: &mut StdRng) {
        let Some(stream) = self.playing_stream(camera) else {
            return;
        };
        self.range = None;
        let clip = &stream.video().clip;
        let gop = clip.gop_len() as u64;
        for track in &mut self.tracks {
            let interval = if track.audio {
                stream.audio_interval_ns
            } else {
                stream.interval_ns
            };
            track.next = now.ns.saturating_sub(stream.phase_ns).div_ceil(interval.max(1));
            track.clip = stream.current;
            track.report_at = now.ns;
            track.unit = 0;
            if track.audio {
                let len = stream.audio.as_ref().map_or(1, |(_, p)| p.len());
                track.unit = (track.next % len as u64) as usize;
            } else if camera.lies.start_mid_gop {
                track.unit = rng.random_range(1..gop.max(2)) as usize;
            } else if camera.spread_raps && !clip.has_b_frames() && gop > 1 {
                track.cut_at = Some(track.next + rng.random_range(1..gop));
            }
        }
    }

    /// No more media. The log is closed with it.
    pub fn stop(&mut self, camera: &mut Camera) {
        if self.playing
            && let Some(stream) = self.stream.and_then(|i| camera.streams.get_mut(i))
        {
            stream.log.playing -= 1;
        }
        self.playing = false;
        self.range = None;
    }

    /// New SSRC, sequence numbers and timestamps, as after an encoder's restart.
    pub fn new_ssrc(&mut self, rng: &mut StdRng) {
        for track in &mut self.tracks {
            track.ssrc = rng.random();
            track.sequence = rng.random();
            track.base = rng.random();
        }
    }

    /// Sends everything that is due.
    pub fn service(&mut self, camera: &mut Camera, now: Now, rng: &mut StdRng) {
        if !self.playing {
            return;
        }
        if camera.lies.silent_after_play {
            self.silent = true;
            self.range = None;
            return;
        }
        if self.silent {
            self.silent = false;
            self.begin(camera, now, rng);
        }
        let Some(stream) = self.stream.and_then(|i| camera.streams.get_mut(i)) else {
            return;
        };
        let mut tracks = std::mem::take(&mut self.tracks);
        for (place, track) in tracks.iter_mut().enumerate() {
            if now.ns >= track.report_at && !camera.lies.no_sender_reports {
                track.report_at = now.ns + REPORT_NS;
                self.report(stream, track, &camera.lies, now);
            }
            while due(stream, track) <= now.ns && !self.close {
                self.unit(place, stream, track, &camera.lies, now, rng);
            }
        }
        self.tracks = tracks;
        if let Some(rate) = camera.lies.trickle_bytes_per_s {
            let budget = u128::from(rate) * u128::from(now.ns - self.trickled_ns) / 1_000_000_000;
            self.trickled_ns = now.ns;
            self.flush(budget as usize);
        }
    }

    fn unit(&mut self, place: usize, stream: &mut Stream, track: &mut Track, lies: &Lies, now: Now, rng: &mut StdRng) {
        let number = track.next;
        track.next += 1;
        if self.wants_write() && lies.trickle_bytes_per_s.is_none() {
            stream.log.stalls += 1;
        }
        if track.audio {
            let Some((clip, mut packets)) = stream.audio.take() else {
                return;
            };
            let time = number.wrapping_mul(u64::from(clip.unit_samples)) as i64
                + (stream.jump_s * f64::from(clip.sample_rate)) as i64;
            let time = track.base.wrapping_add(time as u32);
            let unit = track.unit % packets.len().max(1);
            track.unit = unit + 1;
            if let Some(packets) = packets.get_mut(unit) {
                let header = track.header(time, true);
                packets.patch(header);
                stream.log.audio_units += 1;
                self.send(place, track, stream, packets, lies, None, rng);
            }
            stream.audio = Some((clip, packets));
            return;
        }
        let prepared = stream.video().clone();
        let units = &prepared.clip.units;
        if track.clip != stream.current {
            track.clip = stream.current;
            track.unit = 0;
            self.range = None;
        } else if track.cut_at == Some(number) {
            track.cut_at = None;
            track.unit = (track.unit..units.len())
                .find(|u| units.get(*u).is_some_and(|u| u.rap))
                .unwrap_or(0);
            self.range = None;
        }
        let unit = track.unit % units.len();
        track.unit = unit + 1;
        match self.range.and_then(|r| stream.log.ranges.get_mut(r)) {
            Some(range) => range.last = number,
            None => {
                self.range = Some(stream.log.ranges.len());
                stream.log.ranges.push(SentRange {
                    session: self.number,
                    first: number,
                    last: number,
                    clip: stream.current,
                    first_unit: unit,
                });
            }
        }
        let reorder = units.get(unit).map_or(0, |u| u.reorder);
        let time = timestamp(stream, track, number, reorder, lies);
        prepared.with(unit, !lies.no_parameter_sets_in_band, |packets| {
            packets.patch(track.header(time, !lies.no_markers));
            packets.identify(Identity {
                source: stream.log.source,
                number,
                sent_us: now.us,
            });
            self.send(place, track, stream, packets, lies, Some(number), rng);
        });
    }

    #[allow(clippy::too_many_arguments)]
    fn send(
        &mut self,
        place: usize,
        track: &mut Track,
        stream: &mut Stream,
        packets: &Packets,
        lies: &Lies,
        number: Option<u64>,
        rng: &mut StdRng,
    ) {
        track.sequence = track.sequence.wrapping_add(packets.starts.len() as u16);
        track.packets = track.packets.wrapping_add(packets.starts.len() as u32);
        track.octets = track
            .octets
            .wrapping_add((packets.bytes.len() - 16 * packets.starts.len()) as u32);
        stream.log.bytes += packets.bytes.len() as u64;
        if !lies.touch_packets() && self.held.is_none() {
            match &track.way {
                Way::Tcp(_) => {
                    if lies.trickle_bytes_per_s.is_some() {
                        self.pending.extend_from_slice(&packets.bytes);
                    } else {
                        self.write(&packets.bytes);
                    }
                }
                way => packets.iter().for_each(|p| datagram(way, p)),
            }
        } else {
            let mut damaged = false;
            let mut chance = |percent: f64| percent > 0.0 && rng.random_bool((percent / 100.0).min(1.0));
            for packet in packets.iter() {
                let lost = chance(lies.loss_percent);
                let (corrupt, twice) = (chance(lies.corrupt_percent), chance(lies.duplicate_percent));
                let late = chance(lies.reorder_percent) && self.held.is_none();
                if lost {
                    damaged = true;
                    continue;
                }
                let mut packet = packet.to_vec();
                if corrupt {
                    damaged = true;
                    corrupt_payload(&mut packet);
                }
                if late {
                    self.held = Some((place, packet));
                    continue;
                }
                self.put(&track.way, &packet);
                if twice {
                    self.put(&track.way, &packet);
                }
                if let Some((from, held)) = self.held.take() {
                    if from == place {
                        self.put(&track.way, &held);
                    } else {
                        self.held = Some((from, held));
                    }
                }
            }
            if chance(lies.garbage_percent) && matches!(track.way, Way::Tcp(_)) {
                damaged = true;
                self.write(b"\x00\x17garbage between frames, as some firmware sends it\xff\xfe\r\n");
            }
            if let (true, Some(number)) = (damaged, number) {
                stream.log.damaged.push(number);
            }
        }
        if self.pending.len() - self.pending_at > PENDING_LIMIT {
            stream.log.overflows += 1;
            self.close = true;
        }
    }

    fn put(&mut self, way: &Way, packet: &[u8]) {
        match way {
            Way::Tcp(_) => self.write(packet),
            way => datagram(way, packet),
        }
    }

    /// RTCP sender report (RFC 3550 6.4.1) with a CNAME.
    fn report(&mut self, stream: &Stream, track: &Track, lies: &Lies, now: Now) {
        let ntp_s = now.us / 1_000_000 + 2_208_988_800;
        let ntp_fraction = ((now.us % 1_000_000) << 32) / 1_000_000;
        let (interval, ticks) = rate(stream, track);
        let elapsed = now.ns.saturating_sub(stream.phase_ns) as f64 / interval;
        let time = (elapsed * ticks * drift(lies)) as i64 + jump(stream, track);
        let mut packet = vec![b'$', 0, 0, 0, 0x80, 200, 0, 6];
        packet.extend(track.ssrc.to_be_bytes());
        packet.extend((ntp_s as u32).to_be_bytes());
        packet.extend((ntp_fraction as u32).to_be_bytes());
        packet.extend(track.base.wrapping_add(time as u32).to_be_bytes());
        packet.extend(track.packets.to_be_bytes());
        packet.extend(track.octets.to_be_bytes());
        packet.extend([0x81, 202, 0, 3]);
        packet.extend(track.ssrc.to_be_bytes());
        packet.extend(*b"\x01\x04cam1\0\0");
        let len = (packet.len() - 4) as u16;
        packet[2..4].copy_from_slice(&len.to_be_bytes());
        match &track.way {
            Way::Tcp(channel) => {
                packet[1] = channel.wrapping_add(1);
                self.write(&packet);
            }
            Way::Udp { rtcp, to, .. } => {
                rtcp.send_to(&packet[4..], to.1).ok();
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut sent = 0;
        if !self.wants_write() {
            loop {
                match self.socket.write(bytes) {
                    Ok(len) => sent = len,
                    Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                    Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                    Err(_) => self.close = true,
                }
                break;
            }
        }
        self.pending.extend_from_slice(bytes.get(sent..).unwrap_or_default());
    }

    /// Sends what waits, `budget` bytes at most.
    pub fn flush(&mut self, mut budget: usize) {
        while self.wants_write() && budget > 0 {
            let end = self.pending.len().min(self.pending_at.saturating_add(budget));
            match self
                .socket
                .write(self.pending.get(self.pending_at..end).unwrap_or_default())
            {
                Ok(len) => {
                    self.pending_at += len;
                    budget -= len;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.close = true;
                    break;
                }
            }
        }
        if !self.wants_write() {
            self.pending.clear();
            self.pending_at = 0;
        } else if self.pending_at > 1 << 20 {
            self.pending.drain(..self.pending_at);
            self.pending_at = 0;
        }
    }
}

impl Track {
    fn header(&self, timestamp: u32, marker: bool) -> Header {
        let channel = if let Way::Tcp(channel) = self.way { channel } else { 0 };
        Header {
            channel,
            sequence: self.sequence,
            timestamp,
            ssrc: self.ssrc,
            marker,
        }
    }
}

fn due(stream: &Stream, track: &Track) -> u64 {
    let interval = if track.audio {
        stream.audio_interval_ns
    } else {
        stream.interval_ns
    };
    stream.phase_ns + track.next * interval
}

/// Nanoseconds and ticks of one unit.
fn rate(stream: &Stream, track: &Track) -> (f64, f64) {
    match (&stream.audio, track.audio) {
        (Some((clip, _)), true) => (stream.audio_interval_ns as f64, f64::from(clip.unit_samples)),
        _ => (stream.interval_ns as f64, f64::from(stream.video().clip.frame_ticks)),
    }
}

fn drift(lies: &Lies) -> f64 {
    1.0 + lies.drift_ppm / 1e6
}

fn jump(stream: &Stream, track: &Track) -> i64 {
    let hertz = match (&stream.audio, track.audio) {
        (Some((clip, _)), true) => clip.sample_rate,
        _ => 90_000,
    };
    (stream.jump_s * f64::from(hertz)) as i64
}

fn timestamp(stream: &Stream, track: &Track, number: u64, reorder: u32, lies: &Lies) -> u32 {
    let (_, ticks) = rate(stream, track);
    let time = ((number + u64::from(reorder)) as f64 * ticks * drift(lies)) as i64 + jump(stream, track);
    track.base.wrapping_add(time as u32)
}

fn datagram(way: &Way, packet: &[u8]) {
    if let (Way::Udp { rtp, to, .. }, Some(packet)) = (way, packet.get(4..)) {
        rtp.send_to(packet, to.0).ok();
    }
}

/// Overwrites a few bytes behind the RTP header.
fn corrupt_payload(packet: &mut [u8]) {
    let len = packet.len();
    for place in [18, len / 3, len / 2, len.saturating_sub(2)] {
        if place > 16
            && let Some(byte) = packet.get_mut(place)
        {
            *byte ^= 0x5a;
        }
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
