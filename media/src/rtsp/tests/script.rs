//! A server that does exactly what a test says, byte for byte.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Parameter sets of a real camera: 2304×1296, no B-frames.
pub const SPROP: &str = "Z0IAKZY1QPAET8s3AQEBQAAAAwBAAAAHoQ==,aM4xsg==";

pub struct Listener(TcpListener);

impl Listener {
    pub async fn bind() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub fn url(&self) -> String {
        format!("rtsp://{}/live?x=1", self.address())
    }

    pub async fn accept(&self) -> Peer {
        Peer {
            stream: self.0.accept().await.unwrap().0,
            buffer: Vec::new(),
            video: Rtp::new(7),
        }
    }
}

pub struct Peer {
    stream: TcpStream,
    buffer: Vec<u8>,
    pub video: Rtp,
}

impl Peer {
    /// The next request; interleaved packets of the client are skipped.
    pub async fn request(&mut self) -> Request {
        loop {
            if let [b'$', _, a, b, ..] = *self.buffer {
                let length = 4 + usize::from(u16::from_be_bytes([a, b]));
                if self.buffer.len() >= length {
                    self.buffer.drain(..length);
                    continue;
                }
            } else if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                let text = String::from_utf8(self.buffer.drain(..end + 4).collect()).unwrap();
                return Request(text);
            }
            let n = self.stream.read_buf(&mut self.buffer).await.unwrap();
            assert!(n > 0, "the client closed the connection");
        }
    }

    /// Takes a request of this method and answers it.
    pub async fn answer(&mut self, method: &str, status: &str, rest: &str) -> Request {
        let request = self.request().await;
        assert_eq!(request.method(), method, "{}", request.0);
        self.reply(&request, status, rest).await;
        request
    }

    pub async fn reply(&mut self, request: &Request, status: &str, rest: &str) {
        let head = format!(
            "RTSP/1.0 {status}\r\nCSeq: {}\r\n{rest}",
            request.header("CSeq").unwrap()
        );
        let end = if rest.contains("\r\n\r\n") { "" } else { "\r\n" };
        self.send(format!("{head}{end}").as_bytes()).await;
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The dialogue up to and without PLAY.
    pub async fn set_up(&mut self) {
        self.answer("OPTIONS", "200 OK", "Public: DESCRIBE, SETUP, PLAY, GET_PARAMETER\r\n")
            .await;
        self.answer("DESCRIBE", "200 OK", &describe()).await;
        let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 5;timeout=60\r\n";
        self.answer("SETUP", "200 OK", transport).await;
    }

    pub async fn play(&mut self) {
        self.set_up().await;
        self.answer("PLAY", "200 OK", "").await;
    }

    /// `count` pictures on channel 0, the first one a RAP.
    pub async fn pictures(&mut self, count: usize) {
        let bytes: Vec<u8> = (0..count).flat_map(|n| self.video.picture(n == 0)).collect();
        self.send(&bytes).await;
    }
}

pub fn describe() -> String {
    let sdp = format!(
        "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\n\
         a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets={SPROP}\r\na=control:trackID=0\r\n"
    );
    format!(
        "Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

pub struct Request(pub String);

impl Request {
    pub fn method(&self) -> &str {
        self.0.split(' ').next().unwrap()
    }

    pub fn uri(&self) -> &str {
        self.0.split(' ').nth(1).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.0
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A sender's state.
pub struct Rtp {
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    /// Channel of its packets.
    pub channel: u8,
}

impl Rtp {
    pub fn new(ssrc: u32) -> Self {
        Self {
            ssrc,
            sequence: 65_530,
            timestamp: u32::MAX - 9000,
            channel: 0,
        }
    }

    /// One picture of two packets, 40 ms after the one before, framed for the connection.
    pub fn picture(&mut self, rap: bool) -> Vec<u8> {
        self.timestamp = self.timestamp.wrapping_add(3600);
        // Two slices; first_mb_in_slice is 0 in the first and 9 in the second.
        let (first, second) = if rap {
            ([0x65, 0x88], [0x65, 0x0a])
        } else {
            ([0x41, 0x9a], [0x41, 0x0a])
        };
        [
            self.packet(&[&first[..], &[0x21; 400]].concat(), false),
            self.packet(&[&second[..], &[0x22; 300]].concat(), true),
        ]
        .concat()
    }

    pub fn packet(&mut self, payload: &[u8], marker: bool) -> Vec<u8> {
        let rtp = crate::rtp::packet::build(96, self.sequence, self.timestamp, self.ssrc, marker, payload);
        self.sequence = self.sequence.wrapping_add(1);
        let mut out = vec![b'$', self.channel];
        out.extend((rtp.len() as u16).to_be_bytes());
        out.extend(rtp);
        out
    }
}
