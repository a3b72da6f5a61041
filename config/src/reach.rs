//! How people reach the recorder: whose certificate it shows, which proxies it believes.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    str::FromStr,
};

/// Where the certificate of the encrypted addresses comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// Made by the recorder, for its host name and addresses and these names. One that was uploaded
    /// takes its place.
    Own {
        names: Vec<String>,
    },
    /// PEM files that somebody else renews: the chain with the server's certificate first, and its key.
    Files {
        chain: PathBuf,
        key: PathBuf,
    },
    Acme(Acme),
}

impl Default for CertificateSource {
    fn default() -> Self {
        Self::Own { names: Vec::new() }
    }
}

/// Certificates by RFC 8555.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    pub directory: url::Url,
    /// Whom the authority may write to, as `mailto:` addresses.
    pub contact: Vec<String>,
    /// Not empty.
    pub domains: Vec<String>,
    pub challenge: AcmeChallenge,
    /// Whom to trust at `directory`, in place of the system's authorities.
    pub tls_ca: Option<PathBuf>,
}

/// How an authority is shown that a name is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AcmeChallenge {
    /// Asked on port 80 of the name (RFC 8555 §8.3).
    #[default]
    Http01,
    /// Asked on port 443 of the name (RFC 8737).
    TlsAlpn01,
}

/// Which headers of a trusted proxy name the client. Only one of them is believed: a proxy sets one
/// and passes on whatever a client wrote into the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`, `-Proto`, `-Host`
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239)
    Forwarded,
}

/// An address, or all that begin with the same bits (RFC 4632, RFC 4291 §2.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressRange {
    first: IpAddr,
    bits: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressRangeError {
    #[error("expected an address such as 192.0.2.7, or a range such as 10.0.0.0/8 or 2001:db8::/32")]
    Form,
    #[error("has {0} bits at most behind the /")]
    Bits(u8),
    #[error("the range begins at {0}")]
    First(AddressRange),
}

impl AddressRange {
    /// An IPv4 address that came over a socket for both (`::ffff:192.0.2.7`) is that IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => masked_v4(address, self.bits) == first,
            (IpAddr::V6(first), IpAddr::V6(address)) => masked_v6(address, self.bits) == first,
            _ => false,
        }
    }
}

impl FromStr for AddressRange {
    type Err = AddressRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| AddressRangeError::Form)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) if !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit()) => {
                bits.parse().map_err(|_| AddressRangeError::Bits(most))?
            }
            Some(_) => return Err(AddressRangeError::Form),
        };
        if bits > most {
            return Err(AddressRangeError::Bits(most));
        }
        let first = match address {
            IpAddr::V4(address) => masked_v4(address, bits).into(),
            IpAddr::V6(address) => masked_v6(address, bits).into(),
        };
        let range = Self { first, bits };
        match first == address {
            true => Ok(range),
            false => Err(AddressRangeError::First(range)),
        }
    }
}

fn masked_v4(address: Ipv4Addr, bits: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
    (u32::from(address) & mask).into()
}

fn masked_v6(address: Ipv6Addr, bits: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
    (u128::from(address) & mask).into()
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bits == if self.first.is_ipv4() { 32 } else { 128 } {
            true => self.first.fmt(f),
            false => write!(f, "{}/{}", self.first, self.bits),
        }
    }
}

impl fmt::Debug for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(text: &str) -> AddressRange {
        text.parse().unwrap()
    }

    #[test]
    fn what_a_range_holds() {
        for (text, inside, outside) in [
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("127.0.0.1", "::ffff:127.0.0.1", "::1"),
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("::/0", "2001:db8::1", "127.0.0.1"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"),
            ("::1", "::1", "::2"),
        ] {
            assert!(range(text).contains(inside.parse().unwrap()), "{inside} in {text}");
            assert!(!range(text).contains(outside.parse().unwrap()), "{outside} in {text}");
        }
    }

    #[test]
    fn what_is_no_range() {
        let error = |text: &str| text.parse::<AddressRange>().unwrap_err();
        for text in [
            "",
            "gate",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0/8",
            "10.0.0.0/8/8",
            "[::1]",
        ] {
            assert_eq!(error(text), AddressRangeError::Form, "{text}");
        }
        assert_eq!(error("10.0.0.0/33"), AddressRangeError::Bits(32));
        assert_eq!(error("::/1290"), AddressRangeError::Bits(128));
        assert_eq!(error("10.0.0.7/8").to_string(), "the range begins at 10.0.0.0/8");
    }

    proptest! {
        #[test]
        fn a_range_holds_what_begins_with_its_bits(address: u32, other: u32, bits in 0u8..=32) {
            let shift = 32 - u32::from(bits);
            let first = address.checked_shr(shift).unwrap_or(0).checked_shl(shift).unwrap_or(0);
            let range: AddressRange = format!("{}/{bits}", Ipv4Addr::from(first)).parse().unwrap();
            let same = (address ^ other).checked_shr(shift).unwrap_or(0) == 0;
            prop_assert_eq!(range.contains(Ipv4Addr::from(other).into()), same);
            prop_assert_eq!(range.to_string().parse::<AddressRange>().unwrap(), range);
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            drop(text.parse::<AddressRange>());
        }
    }
}
