//! One connection of a client: what it is, and what arrives on it.

mod media;
mod requests;
mod wire;

use std::{
    io::{ErrorKind, Read},
    net::{SocketAddr, TcpStream, UdpSocket},
};

use rand::{RngExt, rngs::StdRng};

use crate::{
    camera::{Camera, Stream},
    rtsp::{Front, front},
};

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
        let unit = self
            .tracks
            .iter()
            .map(|t| media::due(stream, t))
            .min()
            .unwrap_or(u64::MAX);
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
}
