//! MQTT 3.1.1 (OASIS standard) as bytes: what a client sends and reads, with QoS 0 and 1. Pure.
//!
//! Belongs here: the encoding. Does not belong here: when which packet is sent ([`super::link`]).

use bytes::{Buf, Bytes, BytesMut};

/// What is kept of one packet. Of a publication that is longer the beginning is kept, so that it can be
/// acknowledged; anything else that is longer is an error.
const MOST_BYTES: usize = 256 << 10;

pub(super) const PING: [u8; 2] = [0xc0, 0];
pub(super) const DISCONNECT: [u8; 2] = [0xe0, 0];

/// What a client begins with.
pub(super) struct Connect<'a> {
    pub client_id: &'a str,
    pub keep_alive_seconds: u16,
    pub credentials: Option<(&'a str, &'a str)>,
    /// Topic and payload that the broker publishes, retained, when the client is gone without a word.
    pub will: (&'a str, &'a str),
}

/// What a broker sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Incoming {
    /// 0: accepted (§3.2.2.3).
    ConnAck {
        code: u8,
    },
    Publish(Publication),
    PubAck(u16),
    SubAck {
        id: u16,
        refused: bool,
    },
    UnsubAck,
    Pong,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Publication {
    pub topic: String,
    pub payload: Bytes,
    /// It was published before the subscription.
    pub retained: bool,
    /// To be acknowledged.
    pub id: Option<u16>,
    /// False: the payload's end was left out.
    pub whole: bool,
}

/// Bytes that are no packet of a broker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(&'static str);

pub(super) fn connect(connect: &Connect<'_>) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, "MQTT");
    body.push(4);
    // A will of QoS 1, retained; no clean session: the broker keeps what comes meanwhile.
    let mut flags = 0b0010_1100;
    if connect.credentials.is_some() {
        flags |= 0b1100_0000;
    }
    body.push(flags);
    body.extend(connect.keep_alive_seconds.to_be_bytes());
    text(&mut body, connect.client_id);
    text(&mut body, connect.will.0);
    text(&mut body, connect.will.1);
    if let Some((name, password)) = connect.credentials {
        text(&mut body, name);
        text(&mut body, password);
    }
    packet(0x10, &body)
}

/// With QoS 1.
pub(super) fn publish(id: u16, topic: &str, payload: &[u8], retain: bool) -> Vec<u8> {
    let mut body = Vec::with_capacity(topic.len() + payload.len() + 4);
    text(&mut body, topic);
    body.extend(id.to_be_bytes());
    body.extend(payload);
    packet(0x32 | u8::from(retain), &body)
}

pub(super) fn acknowledge(id: u16) -> Vec<u8> {
    packet(0x40, &id.to_be_bytes())
}

pub(super) fn subscribe(id: u16, filter: &str, qos: u8) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    text(&mut body, filter);
    body.push(qos);
    packet(0x82, &body)
}

pub(super) fn unsubscribe(id: u16, filter: &str) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    text(&mut body, filter);
    packet(0xa2, &body)
}

/// Texts of the configuration are far shorter than 65535 bytes.
fn text(body: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    body.extend(length.to_be_bytes());
    body.extend(bytes.iter().take(usize::from(length)));
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut length = body.len();
    loop {
        let digit = u8::try_from(length & 0x7f).unwrap_or(0);
        length >>= 7;
        bytes.push(if length > 0 { digit | 0x80 } else { digit });
        if length == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

/// Takes packets from a stream of bytes, however it is cut.
#[derive(Default)]
pub(super) struct Decoder {
    pub buffer: BytesMut,
    /// So many bytes of the last packet are left out.
    skip: usize,
}

impl Decoder {
    /// The next packet that is there as a whole.
    pub fn next(&mut self) -> Result<Option<Incoming>, Malformed> {
        let skipped = self.skip.min(self.buffer.len());
        self.buffer.advance(skipped);
        self.skip -= skipped;
        if self.skip > 0 {
            return Ok(None);
        }
        let Some(first) = self.buffer.first().copied() else {
            return Ok(None);
        };
        let Some((length, digits)) = remaining_length(self.buffer.get(1..).unwrap_or_default())? else {
            return Ok(None);
        };
        let kept = length.min(MOST_BYTES);
        let whole = kept == length;
        if !whole && first >> 4 != 3 {
            return Err(Malformed("a packet of more than 256 KiB that is no publication"));
        }
        if self.buffer.len() < 1 + digits + kept {
            return Ok(None);
        }
        self.buffer.advance(1 + digits);
        let body = self.buffer.split_to(kept).freeze();
        self.skip = length - kept;
        incoming(first, body, whole).map(Some)
    }
}

/// The length, and of how many bytes it is made; `None`: more must come.
fn remaining_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    let mut length = 0usize;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(Some((length, index + 1)));
        }
    }
    match bytes.len() >= 4 {
        true => Err(Malformed("a length of more than four bytes")),
        false => Ok(None),
    }
}

fn incoming(first: u8, mut body: Bytes, whole: bool) -> Result<Incoming, Malformed> {
    const SHORT: Malformed = Malformed("a packet that is too short");
    let short = |_| SHORT;
    match first >> 4 {
        2 => {
            body.try_get_u8().map_err(short)?;
            let code = body.try_get_u8().map_err(short)?;
            Ok(Incoming::ConnAck { code })
        }
        3 => {
            let length = usize::from(body.try_get_u16().map_err(short)?);
            if body.len() < length {
                return Err(SHORT);
            }
            let topic = String::from_utf8(body.split_to(length).to_vec());
            let topic = topic.map_err(|_| Malformed("a topic that is not UTF-8"))?;
            let id = match first >> 1 & 3 {
                0 => None,
                1 => Some(body.try_get_u16().map_err(short)?),
                _ => return Err(Malformed("a publication of QoS 2, which was not asked for")),
            };
            Ok(Incoming::Publish(Publication {
                topic,
                payload: body,
                retained: first & 1 == 1,
                id,
                whole,
            }))
        }
        4 => Ok(Incoming::PubAck(body.try_get_u16().map_err(short)?)),
        9 => {
            let id = body.try_get_u16().map_err(short)?;
            let refused = body.iter().any(|code| code & 0x80 != 0);
            Ok(Incoming::SubAck { id, refused })
        }
        11 => Ok(Incoming::UnsubAck),
        13 => Ok(Incoming::Pong),
        _ => Err(Malformed("a packet that no broker sends")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As a broker would send it.
    fn published(topic: &str, payload: &[u8], id: Option<u16>, retain: bool) -> Vec<u8> {
        let mut body = Vec::new();
        text(&mut body, topic);
        body.extend(id.into_iter().flat_map(u16::to_be_bytes));
        body.extend(payload);
        packet(0x30 | u8::from(id.is_some()) << 1 | u8::from(retain), &body)
    }

    #[test]
    fn bytes_of_the_standard() {
        let bytes = connect(&Connect {
            client_id: "v",
            keep_alive_seconds: 30,
            credentials: Some(("u", "p")),
            will: ("w", "x"),
        });
        let expected = b"\x10\x19\x00\x04MQTT\x04\xec\x00\x1e\x00\x01v\x00\x01w\x00\x01x\x00\x01u\x00\x01p";
        assert_eq!(bytes, expected);
        assert_eq!(publish(10, "a/b", b"1", true), b"\x33\x08\x00\x03a/b\x00\x0a1");
        assert_eq!(subscribe(2, "a", 1), b"\x82\x06\x00\x02\x00\x01a\x01");
        assert_eq!(unsubscribe(3, "a"), b"\xa2\x05\x00\x03\x00\x01a");
        assert_eq!(acknowledge(7), b"\x40\x02\x00\x07");
    }

    #[test]
    fn answers_of_a_broker() {
        let mut decoder = Decoder::default();
        decoder
            .buffer
            .extend_from_slice(b"\x20\x02\x01\x05\x40\x02\x00\x09\x90\x03\x00\x02\x80\xb0\x02\x00\x03\xd0\x00");
        let mut all = Vec::new();
        while let Some(packet) = decoder.next().unwrap() {
            all.push(packet);
        }
        assert_eq!(
            all,
            [
                Incoming::ConnAck { code: 5 },
                Incoming::PubAck(9),
                Incoming::SubAck { id: 2, refused: true },
                Incoming::UnsubAck,
                Incoming::Pong,
            ]
        );
    }

    #[test]
    fn what_is_too_long_is_known_by_its_beginning() {
        let mut decoder = Decoder::default();
        let long = published("big", &vec![b'x'; 2 * MOST_BYTES], Some(4), false);
        let mut seen = Vec::new();
        for piece in [long, published("small", b"y", Some(5), false)].concat().chunks(10_000) {
            decoder.buffer.extend_from_slice(piece);
            assert!(decoder.buffer.len() <= MOST_BYTES + 20_000);
            while let Some(Incoming::Publish(publication)) = decoder.next().unwrap() {
                seen.push((publication.topic, publication.id, publication.whole));
            }
        }
        assert_eq!(seen, [("big".into(), Some(4), false), ("small".into(), Some(5), true)]);
    }

    proptest! {
        #[test]
        fn publications_are_read_however_they_are_cut(
            all in proptest::collection::vec(("[a-z/]{1,20}", proptest::collection::vec(any::<u8>(), 0..300), any::<Option<u16>>(), any::<bool>()), 0..8),
            cut in 1usize..50,
        ) {
            let bytes: Vec<u8> = all.iter().flat_map(|(topic, payload, id, retain)| published(topic, payload, *id, *retain)).collect();
            let mut decoder = Decoder::default();
            let mut seen = Vec::new();
            for piece in bytes.chunks(cut) {
                decoder.buffer.extend_from_slice(piece);
                while let Some(Incoming::Publish(p)) = decoder.next().unwrap() {
                    seen.push((p.topic, p.payload.to_vec(), p.id, p.retained));
                }
            }
            prop_assert_eq!(seen, all);
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut decoder = Decoder::default();
            decoder.buffer.extend_from_slice(&bytes);
            while let Ok(Some(_)) = decoder.next() {}
        }
    }
}
