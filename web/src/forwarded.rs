//! Whom a reverse proxy asks for, and how it was asked: X-Forwarded-For, -Proto, -Host, or Forwarded
//! (RFC 7239). Pure: headers in, client out.
//!
//! Proxies add to the right. From there on each address is believed as long as it is a trusted proxy's
//! own; the first other one is the client, and what stands left of it is the client's invention.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO};
use vigie_config::{AddressRange, ProxyHeader};

/// More hops than any house has; the rest is not looked at.
const MOST_HOPS: usize = 32;

/// What the proxies say. `None`: nothing, or nothing that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The last proxy itself where it names none.
    pub client: IpAddr,
    pub https: Option<bool>,
    pub host: Option<String>,
}

/// One proxy's word, the nearest proxy's first.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Hop {
    by: Option<IpAddr>,
    https: Option<bool>,
    host: Option<String>,
}

/// Nothing where `peer` is not trusted, or asks for itself.
pub fn told(peer: IpAddr, headers: &HeaderMap, trusted: &[AddressRange], header: ProxyHeader) -> Option<Told> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|range| range.contains(address));
    if !is_trusted(peer) {
        return None;
    }
    let hops = match header {
        ProxyHeader::XForwarded => x_forwarded(headers),
        ProxyHeader::Forwarded => forwarded(headers),
    };
    if hops.is_empty() {
        return None;
    }
    let mut told = Told {
        client: peer.to_canonical(),
        https: None,
        host: None,
    };
    for hop in hops {
        // A proxy that does not say how it was asked was asked as the one before it.
        told.https = hop.https.or(told.https);
        told.host = hop.host.or(told.host);
        let Some(by) = hop.by else { break };
        told.client = by;
        if !is_trusted(by) {
            break;
        }
    }
    Some(told)
}

/// A list over all headers of this name, from the right.
fn from_the_right<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Vec<&'h str> {
    let mut items: Vec<&str> = headers
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| split(value, ','))
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .collect();
    items.reverse();
    items.truncate(MOST_HOPS);
    items
}

/// Splits outside of quotes.
fn split(text: &str, at: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (index, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c == at && !quoted => {
                parts.extend(text.get(start..index));
                start = index + at.len_utf8();
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
}

fn x_forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let [clients, schemes, hosts] =
        [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST].map(|name| from_the_right(headers, &name));
    let hops = clients.len().max(schemes.len()).max(hosts.len());
    let hop = |at: usize| Hop {
        by: clients.get(at).and_then(|text| node(text)),
        https: schemes.get(at).and_then(|text| scheme(text)),
        host: hosts.get(at).and_then(|text| host(text)),
    };
    (0..hops).map(hop).collect()
}

fn forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let elements = from_the_right(headers, &FORWARDED);
    elements.into_iter().map(element).collect()
}

/// `for=192.0.2.7;proto=https;host=vigie.example`
fn element(text: &str) -> Hop {
    let mut hop = Hop::default();
    for pair in split(text, ';') {
        let Some((name, value)) = pair.split_once('=') else {
            continue;
        };
        let value = unquoted(value.trim());
        match name.trim().to_ascii_lowercase().as_str() {
            "for" => hop.by = node(&value),
            "proto" => hop.https = scheme(&value),
            "host" => hop.host = host(&value),
            _ => {}
        }
    }
    hop
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut text = String::new();
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        text.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    text
}

/// An address, with or without a port. What hides behind `unknown` or `_name` is nobody's address.
fn node(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()));
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    Some(address.or_else(bracketed)?.to_canonical())
}

fn scheme(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "https" | "wss" => Some(true),
        "http" | "ws" => Some(false),
        _ => None,
    }
}

/// RFC 3986's host and port, as far as they go into an address of ours.
pub fn host(text: &str) -> Option<String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~:[]".contains(&b);
    ((1..=260).contains(&text.len()) && text.bytes().all(fits)).then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn asked(
        peer: &str,
        lines: &[(&str, &str)],
        header: ProxyHeader,
    ) -> Option<(String, Option<bool>, Option<String>)> {
        let trusted: Vec<AddressRange> = ["127.0.0.1", "10.0.0.0/8"].map(|range| range.parse().unwrap()).into();
        let told = told(peer.parse().unwrap(), &headers(lines), &trusted, header)?;
        Some((told.client.to_string(), told.https, told.host))
    }

    fn x(peer: &str, lines: &[(&str, &str)]) -> Option<(String, Option<bool>, Option<String>)> {
        asked(peer, lines, ProxyHeader::XForwarded)
    }

    fn rfc(lines: &[(&str, &str)]) -> (String, Option<bool>, Option<String>) {
        asked("127.0.0.1", lines, ProxyHeader::Forwarded).unwrap()
    }

    fn client(text: &str) -> (String, Option<bool>, Option<String>) {
        (text.into(), None, None)
    }

    #[test]
    fn nobody_else_is_believed() {
        assert_eq!(x("203.0.113.9", &[("x-forwarded-for", "127.0.0.1")]), None);
        for nothing in [&[][..], &[("x-forwarded-for", "")]] {
            assert_eq!(x("127.0.0.1", nothing), None, "asks for itself");
        }
        let of_somebody = [("x-forwarded-for", "unknown")];
        assert_eq!(x("::ffff:127.0.0.1", &of_somebody), Some(client("127.0.0.1")));
        let both = [("forwarded", "for=10.0.0.9"), ("x-forwarded-for", "192.0.2.7")];
        assert_eq!(x("127.0.0.1", &both), Some(client("192.0.2.7")));
        assert_eq!(rfc(&both), client("10.0.0.9"));
    }

    #[test]
    fn the_first_stranger_from_the_right_is_the_client() {
        for (list, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("127.0.0.1, 192.0.2.7", "192.0.2.7"),
            ("1.1.1.1, 192.0.2.7, 10.1.1.1", "192.0.2.7"),
            ("10.9.9.9,10.1.1.1", "10.9.9.9"),
            ("garbage, 10.1.1.1", "10.1.1.1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("192.0.2.7:99", "192.0.2.7"),
            ("unknown", "127.0.0.1"),
        ] {
            assert_eq!(
                x("127.0.0.1", &[("x-forwarded-for", list)]).unwrap().0,
                expected,
                "{list}"
            );
        }
        let two_lines = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "192.0.2.7")];
        assert_eq!(x("127.0.0.1", &two_lines).unwrap().0, "192.0.2.7");
    }

    #[test]
    fn scheme_and_host_are_those_of_the_client() {
        let plain = [
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "Vigie.example:8443"),
        ];
        let seen = (
            "192.0.2.7".to_owned(),
            Some(true),
            Some("vigie.example:8443".to_owned()),
        );
        assert_eq!(x("127.0.0.1", &plain), Some(seen.clone()));
        // The client wrote https, the proxy saw http.
        let forged = [("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "https, http")];
        assert_eq!(x("127.0.0.1", &forged).unwrap().1, Some(false));
        let evil = [("x-forwarded-host", "vigie.example/\"><script>")];
        assert_eq!(x("127.0.0.1", &evil).unwrap().2, None);
        let line = "for=1.1.1.1;proto=http, For=\"192.0.2.7:80\"; Proto=https;host=\"vigie.example:8443\"";
        assert_eq!(rfc(&[("forwarded", line)]), seen);
        assert_eq!(rfc(&[("forwarded", "for=\"[2001:db8::1]:1\";by=_x")]).0, "2001:db8::1");
        assert_eq!(rfc(&[("forwarded", "for=\"_a,b\", for=10.0.0.1")]).0, "10.0.0.1");
        let chain = "for=192.0.2.7;proto=https;host=a.example, for=10.0.0.2;proto=http";
        assert_eq!(
            rfc(&[("forwarded", chain)]),
            ("192.0.2.7".into(), Some(true), Some("a.example".into()))
        );
    }

    proptest! {
        #[test]
        fn nothing_panics_and_strangers_end_the_search(text in "[ -~]{0,80}", header in prop::bool::ANY) {
            let kind = if header { ProxyHeader::Forwarded } else { ProxyHeader::XForwarded };
            let name = if header { "forwarded" } else { "x-forwarded-for" };
            let stranger = if header { "for=192.0.2.7" } else { "192.0.2.7" };
            // A quote that is not closed swallows what is added behind it; a proxy starts a line of its own.
            let lines = [(name, text.as_str()), (name, stranger)];
            prop_assert_eq!(asked("127.0.0.1", &lines, kind).unwrap().0, "192.0.2.7");
        }
    }
}
