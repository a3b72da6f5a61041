//! What is in an RTSP connection's byte stream: messages and interleaved packets (RFC 2326 §10.12).

use vigie_config::{ErrorKind, Kind};

use super::message::{self, Message, Parsed};

/// One thing of the stream; packets borrow the read buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    Packet { channel: u8, payload: &'a [u8] },
    Message(Message),
}

/// The stream cannot be understood any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes that are neither rtsp messages nor interleaved packets")]
pub struct Garbage {
    pub bytes: usize,
}

impl Kind for Garbage {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Corrupt
    }
}

/// Bytes skipped between two good frames before the connection is given up.
pub const MAX_GARBAGE: usize = 256 << 10;

/// Cuts the stream into frames, in place.
///
/// After something unintelligible it searches for the next `$` or `RTSP/`; there a packet is
/// believed only on a channel of the session and with RTP's version, since `$` is one byte in 256.
#[derive(Debug)]
pub struct Framer {
    channels: Vec<u8>,
    garbage: usize,
    skipped: usize,
}

impl Default for Framer {
    fn default() -> Self {
        Self::new()
    }
}

impl Framer {
    pub fn new() -> Self {
        Self {
            channels: Vec::new(),
            garbage: 0,
            skipped: 0,
        }
    }

    /// Packets may come on this channel.
    pub fn expect(&mut self, channel: u8) {
        self.channels.push(channel);
    }

    /// Bytes skipped since this was asked last.
    pub fn take_skipped(&mut self) -> usize {
        std::mem::take(&mut self.skipped)
    }

    /// Calls `sink` for every whole frame in `bytes`; gives the number of bytes used up. The rest
    /// is the beginning of a frame: it must come again, with what follows it.
    pub fn frames<'a>(&mut self, bytes: &'a [u8], sink: &mut dyn FnMut(Frame<'a>)) -> Result<usize, Garbage> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match self.frame(rest) {
                Step::Frame(frame, length) => {
                    self.garbage = 0;
                    sink(frame);
                    at += length;
                }
                Step::Partial => break,
                Step::Blank => at += 1,
                Step::Skip => {
                    // Up to the next byte that may begin something.
                    let n = 1 + rest
                        .iter()
                        .skip(1)
                        .position(|b| matches!(b, b'$' | b'R'))
                        .unwrap_or(rest.len() - 1);
                    at += n;
                    self.skipped += n;
                    self.garbage += n;
                    if self.garbage > MAX_GARBAGE {
                        return Err(Garbage { bytes: self.garbage });
                    }
                }
            }
        }
        Ok(at)
    }

    fn frame<'a>(&self, bytes: &'a [u8]) -> Step<'a> {
        match bytes {
            [b'$', channel, n0, n1, rest @ ..] => {
                let length = usize::from(u16::from_be_bytes([*n0, *n1]));
                if self.garbage > 0 && !self.plausible(*channel, length, rest) {
                    return Step::Skip;
                }
                match rest.get(..length) {
                    Some(payload) => Step::Frame(
                        Frame::Packet {
                            channel: *channel,
                            payload,
                        },
                        4 + length,
                    ),
                    None => Step::Partial,
                }
            }
            [b'$', ..] => Step::Partial,
            [b'\r' | b'\n', ..] if self.garbage == 0 => Step::Blank,
            _ if message::begins(bytes) => match message::parse(bytes) {
                Parsed::Whole(message, length) => Step::Frame(Frame::Message(message), length),
                Parsed::Partial => Step::Partial,
                Parsed::Malformed => Step::Skip,
            },
            _ => Step::Skip,
        }
    }

    fn plausible(&self, channel: u8, length: usize, rest: &[u8]) -> bool {
        self.channels.contains(&channel) && length >= 8 && rest.first().is_none_or(|flags| flags >> 6 == 2)
    }
}

enum Step<'a> {
    Frame(Frame<'a>, usize),
    Partial,
    /// An empty line between messages.
    Blank,
    Skip,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn packet(channel: u8, length: usize) -> Vec<u8> {
        let mut out = vec![b'$', channel];
        out.extend((length as u16).to_be_bytes());
        out.extend(std::iter::repeat_n(0x80, length));
        out
    }

    /// All frames of `stream` when it arrives in pieces of these lengths, as text.
    fn read(stream: &[u8], pieces: &[usize]) -> Vec<String> {
        let mut framer = Framer::new();
        framer.expect(0);
        framer.expect(1);
        let mut held = Vec::new();
        let mut out = Vec::new();
        let mut rest = stream;
        let mut pieces = pieces.iter().copied().cycle();
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(pieces.next().unwrap().clamp(1, rest.len()));
            rest = later;
            held.extend_from_slice(piece);
            let used = framer
                .frames(&held, &mut |frame| out.push(format!("{frame:?}")))
                .unwrap();
            held.drain(..used);
        }
        out
    }

    fn sample() -> Vec<u8> {
        let mut stream = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 2\r\n\r\n$$".to_vec();
        stream.extend(packet(0, 100));
        stream.extend(b"\r\nOPTIONS * RTSP/1.0\nCSeq: 3\n\n");
        stream.extend(packet(7, 0));
        stream.extend(b"not $ rtsp at all R$\0\xff\xff");
        stream.extend(packet(1, 40));
        stream.extend(packet(0, 1400));
        stream
    }

    #[test]
    fn finds_its_way_back_after_garbage() {
        let frames = read(&sample(), &[usize::MAX]);
        assert_eq!(frames.len(), 6, "{frames:#?}");
        assert!(frames[4].contains("channel: 1"));
    }

    #[test]
    fn endless_garbage_ends_the_connection() {
        let mut framer = Framer::new();
        let error = framer.frames(&vec![b'x'; MAX_GARBAGE + 10], &mut |_| ()).unwrap_err();
        assert!(error.bytes > MAX_GARBAGE);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_frames(pieces in proptest::collection::vec(1usize..200, 1..20)) {
            prop_assert_eq!(read(&sample(), &pieces), read(&sample(), &[usize::MAX]));
        }

        #[test]
        fn never_panics_and_always_gets_on(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let mut framer = Framer::new();
            framer.expect(0);
            let used = framer.frames(&bytes, &mut |_| ()).unwrap();
            prop_assert!(used <= bytes.len());
        }
    }
}
