//! RTSP messages (RFC 2326 §4–7, §12) as cameras write them.
//!
//! Reading is lenient: lines may end with LF alone, header values need not be UTF-8, the reason
//! may be missing, unknown lines are skipped. Sizes are bounded.

use std::fmt::Write as _;

/// Start line and headers of a message are at most this long.
pub const MAX_HEAD: usize = 16 << 10;
/// The longest body that is read: an SDP with many parameter sets is a few KiB.
pub const MAX_BODY: usize = 64 << 10;

/// Header fields in order of arrival.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first field of this name, in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn cseq(&self) -> Option<u32> {
        self.get("CSeq")?.trim().parse().ok()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub reason: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Response {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A request that the server makes of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerRequest {
    pub method: String,
    pub headers: Headers,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    Response(Response),
    Request(ServerRequest),
}

/// What reading a message came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The message and its length in bytes.
    Whole(Message, usize),
    /// More bytes are needed.
    Partial,
    /// Not a message, or one over the bounds.
    Malformed,
}

/// Methods a server may send (RFC 2326 §10, and what RTSP 2.0 servers add).
const SERVER_METHODS: [&str; 8] = [
    "OPTIONS ",
    "ANNOUNCE ",
    "GET_PARAMETER ",
    "SET_PARAMETER ",
    "TEARDOWN ",
    "REDIRECT ",
    "PLAY_NOTIFY ",
    "PAUSE ",
];
const RESPONSE: &str = "RTSP/";

/// Whether a message begins here, as far as the bytes go.
pub fn begins(bytes: &[u8]) -> bool {
    SERVER_METHODS.iter().chain([&RESPONSE]).any(|token| {
        let n = token.len().min(bytes.len());
        n > 0 && bytes.get(..n) == token.as_bytes().get(..n)
    })
}

/// Reads the message at the start of `bytes`.
pub fn parse(bytes: &[u8]) -> Parsed {
    let mut at = 0;
    let mut start = None;
    let mut headers = Headers::default();
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(end) = rest.iter().position(|&b| b == b'\n') else {
            return if bytes.len() > MAX_HEAD {
                Parsed::Malformed
            } else {
                Parsed::Partial
            };
        };
        at += end + 1;
        if at > MAX_HEAD {
            return Parsed::Malformed;
        }
        let line = String::from_utf8_lossy(rest.get(..end).unwrap_or_default());
        let line = line.trim_end();
        if start.is_none() {
            start = Some(line.to_owned());
        } else if line.is_empty() {
            break;
        } else if line.starts_with([' ', '\t']) {
            // A folded line goes on with the value before.
            if let Some((_, value)) = headers.0.last_mut() {
                let _ = write!(value, " {}", line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            headers.0.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    let length = headers.get("Content-Length").map_or(Ok(0), str::parse::<usize>);
    let Some(length) = length.ok().filter(|&n| n <= MAX_BODY) else {
        return Parsed::Malformed;
    };
    let Some(body) = bytes.get(at..at + length) else {
        return Parsed::Partial;
    };
    let start = start.unwrap_or_default();
    let message = if start.starts_with(RESPONSE) {
        let mut words = start.splitn(3, ' ');
        let status = words.nth(1).and_then(|s| s.trim().parse().ok());
        let Some(status) = status else { return Parsed::Malformed };
        let reason = words.next().unwrap_or_default().trim().to_owned();
        Message::Response(Response {
            status,
            reason,
            headers,
            body: body.to_vec(),
        })
    } else {
        let method = start.split(' ').next().unwrap_or_default().to_owned();
        Message::Request(ServerRequest { method, headers })
    };
    Parsed::Whole(message, at + length)
}

/// Writes a request of ours.
pub fn request(method: &str, uri: &str, cseq: u32, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut out = format!("{method} {uri} RTSP/1.0\r\nCSeq: {cseq}\r\nUser-Agent: vigie\r\n");
    for (name, value) in headers {
        let _ = write!(out, "{name}: {value}\r\n");
    }
    out.push_str("\r\n");
    out.into_bytes()
}

/// Writes our answer to a server's request.
pub fn answer(to: &ServerRequest, status: u16, reason: &str) -> Vec<u8> {
    let mut out = format!("RTSP/1.0 {status} {reason}\r\n");
    for name in ["CSeq", "Session"] {
        if let Some(value) = to.headers.get(name) {
            let _ = write!(out, "{name}: {value}\r\n");
        }
    }
    out.push_str("\r\n");
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sloppy_responses_are_read() {
        let text = b"RTSP/1.0 200\nserver: caf\xe9\nX\nContent-length:3\nA: b\n  c\n\nabcREST";
        let Parsed::Whole(Message::Response(response), length) = parse(text) else {
            panic!("not read")
        };
        assert_eq!(
            (response.status, response.body.as_slice(), length),
            (200, &b"abc"[..], text.len() - 4)
        );
        assert_eq!(response.headers.get("a"), Some("b c"));
        assert_eq!(response.headers.cseq(), None);
    }

    #[test]
    fn requests_of_the_server_are_answered_with_their_cseq() {
        let Parsed::Whole(Message::Request(request), _) = parse(b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n") else {
            panic!("not read")
        };
        assert_eq!(answer(&request, 200, "OK"), b"RTSP/1.0 200 OK\r\nCSeq: 7\r\n\r\n");
    }

    #[test]
    fn bounds_hold() {
        assert_eq!(parse(&[b'a'; MAX_HEAD + 1]), Parsed::Malformed);
        assert_eq!(
            parse(b"RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n"),
            Parsed::Malformed
        );
        assert_eq!(parse(b"RTSP/1.0 abc\r\n\r\n"), Parsed::Malformed);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (parse(&bytes), begins(&bytes));
        }
    }
}
