//! The `Transport` header (RFC 2326 §12.39) and the `Session` header (§12.37).

use std::time::Duration;

/// What the server's answer to SETUP says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransportAnswer {
    pub interleaved: Option<(u8, u8)>,
    pub server_port: Option<(u16, u16)>,
    /// Where its packets will come from, when not from the address of the connection.
    pub source: Option<std::net::IpAddr>,
}

impl TransportAnswer {
    pub fn parse(text: &str) -> Self {
        let mut out = Self::default();
        for parameter in text.split(',').next().unwrap_or_default().split(';') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "interleaved" => out.interleaved = pair(value, |n: u8| n.checked_add(1)),
                "server_port" => out.server_port = pair(value, |n: u16| n.checked_add(1)),
                "source" => out.source = value.parse().ok(),
                _ => {}
            }
        }
        out
    }
}

/// `5-6`, or `5` alone with what follows it.
fn pair<N: std::str::FromStr + Copy>(text: &str, next: impl Fn(N) -> Option<N>) -> Option<(N, N)> {
    let (first, second) = text.split_once('-').map_or((text, None), |(a, b)| (a, Some(b)));
    let first = first.trim().parse().ok()?;
    Some((
        first,
        second.and_then(|s| s.trim().parse().ok()).or_else(|| next(first))?,
    ))
}

/// Session identifier, and how long the server keeps it without a sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionId {
    pub id: String,
    pub timeout: Duration,
}

impl SessionId {
    /// Without a timeout: 60 s (§12.37).
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let id = parts.next()?.trim();
        let timeout = parts
            .filter_map(|p| p.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("timeout"))
            .and_then(|(_, value)| value.trim().parse::<u64>().ok())
            .filter(|&seconds| seconds > 0)
            .unwrap_or(60);
        (!id.is_empty()).then(|| SessionId {
            id: id.to_owned(),
            timeout: Duration::from_secs(timeout.min(3600)),
        })
    }

    /// A sign of life is sent this often: at half the timeout.
    pub fn keepalive_every(&self) -> Duration {
        (self.timeout / 2).max(Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn answers_are_read() {
        let tcp = TransportAnswer::parse("RTP/AVP/TCP;unicast;interleaved=4-5;ssrc=1234");
        assert_eq!(tcp.interleaved, Some((4, 5)));
        let udp = TransportAnswer::parse("RTP/AVP;unicast;client_port=1-2;server_port=6970;Source=192.0.2.1");
        assert_eq!(udp.server_port, Some((6970, 6971)));
        assert_eq!(udp.source, Some("192.0.2.1".parse().unwrap()));
        assert_eq!(
            TransportAnswer::parse("interleaved=x;server_port=65535"),
            TransportAnswer::default()
        );
    }

    #[test]
    fn sessions_are_read() {
        let session = SessionId::parse("ab12; Timeout = 30 ;x").unwrap();
        assert_eq!(
            (session.id.as_str(), session.keepalive_every()),
            ("ab12", Duration::from_secs(15))
        );
        assert_eq!(SessionId::parse("a").unwrap().timeout, Duration::from_secs(60));
        assert_eq!(SessionId::parse(" ;timeout=3"), None);
    }
}
