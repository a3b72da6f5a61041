//! Who may reach the recorder at all, by where they are in the network.
//!
//! Belongs here: the words of the lists, and what follows from them. Does not belong here: which
//! hardware an address has (`vigie-actors`), who somebody is (`vigie-storage`).

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::AddressRange;

/// The hardware address of a network card (IEEE 802, 48 bits).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

/// From where somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    pub address: IpAddr,
    /// By the connection itself; else a proxy says so.
    is_connected: bool,
}

/// What is known of the card that an address has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Card {
    Known(Mac),
    /// There is none to know: this machine itself, or beyond a router.
    None,
    /// On a local network, and not known which.
    Unknown,
}

/// Some place in the network: an address, a range of them, or a network card of the local network.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Whence {
    Range(AddressRange),
    Mac(Mac),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhenceError {
    #[error(
        "expected an address such as 192.0.2.7, a range such as 10.0.0.0/8 or 2001:db8::/32, or a MAC address such as 02:00:5e:10:00:01"
    )]
    Form,
    #[error(transparent)]
    Range(crate::AddressRangeError),
}

/// The table `[server.access]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// Empty: everybody.
    pub allow: Vec<Whence>,
    /// Wins over `allow`.
    pub block: Vec<Whence>,
    /// Whoever gives no input to pages for so long is signed out; `None`: nobody is.
    pub idle_sign_out: Option<Duration>,
}

impl Caller {
    pub fn connected(address: IpAddr) -> Self {
        Self {
            address: address.to_canonical(),
            is_connected: true,
        }
    }

    /// As a trusted proxy says.
    pub fn told(address: IpAddr) -> Self {
        Self {
            address: address.to_canonical(),
            is_connected: false,
        }
    }

    /// On this machine. That a proxy says so is no proof: it may pass on what its clients write.
    pub fn is_here(&self) -> bool {
        self.is_connected && self.address.is_loopback()
    }
}

impl Mac {
    /// Of one card: neither all zeros nor a group.
    pub fn is_one(self) -> bool {
        self.0 != [0; 6] && self.0[0] & 1 == 0
    }
}

impl Whence {
    /// `card`: the one with this address. What is not known is nowhere.
    pub fn contains(&self, address: IpAddr, card: Card) -> bool {
        match self {
            Whence::Range(range) => range.contains(address),
            Whence::Mac(mac) => card == Card::Known(*mac),
        }
    }

    /// The same where not to know is as good as a yes.
    fn may_contain(&self, address: IpAddr, card: Card) -> bool {
        self.contains(address, card) || self.is_mac() && card == Card::Unknown
    }

    pub fn is_mac(&self) -> bool {
        matches!(self, Whence::Mac(_))
    }
}

impl Access {
    /// Whether somebody there may ask anything. This machine itself always may; `None`, from where nobody
    /// knows, may only where no list says otherwise. `card` is asked for only where a list names one; one
    /// that is not known is let in by no list, and kept out by each.
    pub fn admits(&self, caller: Option<Caller>, card: impl FnOnce(IpAddr) -> Card) -> bool {
        let address = match caller {
            None => return self.allow.is_empty() && self.block.is_empty(),
            Some(caller) if caller.is_here() => return true,
            Some(caller) => caller.address,
        };
        let card = if self.names_cards() { card(address) } else { Card::None };
        let is_blocked = self.block.iter().any(|whence| whence.may_contain(address, card));
        let is_allowed = self.allow.is_empty() || self.allow.iter().any(|whence| whence.contains(address, card));
        !is_blocked && is_allowed
    }

    pub fn names_cards(&self) -> bool {
        self.allow.iter().chain(&self.block).any(Whence::is_mac)
    }
}

impl FromStr for Whence {
    type Err = WhenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(mac) = text.parse() {
            return Ok(Whence::Mac(mac));
        }
        match text.parse() {
            Ok(range) => Ok(Whence::Range(range)),
            Err(crate::AddressRangeError::Form) => Err(WhenceError::Form),
            Err(error) => Err(WhenceError::Range(error)),
        }
    }
}

impl TryFrom<String> for Whence {
    type Error = WhenceError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Whence> for String {
    fn from(whence: Whence) -> String {
        whence.to_string()
    }
}

impl fmt::Display for Whence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whence::Range(range) => range.fmt(f),
            Whence::Mac(mac) => mac.fmt(f),
        }
    }
}

impl fmt::Debug for Whence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Six pairs of hexadecimal digits, all parted by `:` or all by `-`.
impl FromStr for Mac {
    type Err = WhenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let between = if text.contains('-') { '-' } else { ':' };
        let pair = |pair: &str| match pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()) {
            true => u8::from_str_radix(pair, 16).ok(),
            false => None,
        };
        let pairs: Option<Vec<u8>> = text.split(between).map(pair).collect();
        let bytes = pairs.and_then(|pairs| <[u8; 6]>::try_from(pairs).ok());
        bytes.map(Mac).ok_or(WhenceError::Form)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(texts: &[&str]) -> Vec<Whence> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn access(allow: &[&str], block: &[&str]) -> Access {
        Access {
            allow: list(allow),
            block: list(block),
            idle_sign_out: None,
        }
    }

    fn at(address: &str) -> Option<Caller> {
        Some(Caller::connected(address.parse().unwrap()))
    }

    #[test]
    fn block_wins_and_an_empty_list_allows_everybody() {
        let admits = |access: &Access, address: &str| access.admits(at(address), |_| Card::None);
        let everybody = access(&[], &[]);
        assert!(admits(&everybody, "203.0.113.9") && admits(&everybody, "2001:db8::1"));
        let some = access(&["10.0.0.0/8", "2001:db8::/32"], &["10.0.0.7", "2001:db8:1::/48"]);
        for (address, may) in [
            ("10.0.0.6", true),
            ("10.0.0.7", false),
            ("::ffff:10.0.0.7", false),
            ("192.0.2.1", false),
            ("2001:db8::1", true),
            ("2001:db8:1::1", false),
        ] {
            assert_eq!(admits(&some, address), may, "{address}");
        }
    }

    #[test]
    fn this_machine_is_never_shut_out() {
        let nobody = access(&["192.0.2.1"], &["127.0.0.0/8", "::1", "0.0.0.0/0"]);
        for address in ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"] {
            assert!(nobody.admits(at(address), |_| Card::None), "{address}");
            let told = Caller::told(address.parse().unwrap());
            assert!(!nobody.admits(Some(told), |_| Card::None), "{address} as a proxy says");
        }
        assert!(!nobody.admits(at("192.0.2.1"), |_| Card::None));
    }

    #[test]
    fn whoever_comes_from_nowhere_is_on_no_list_and_passes_none() {
        assert!(access(&[], &[]).admits(None, |_| Card::None));
        assert!(!access(&["0.0.0.0/0", "::/0"], &[]).admits(None, |_| Card::None));
        assert!(!access(&[], &["192.0.2.1"]).admits(None, |_| Card::None));
    }

    #[test]
    fn a_card_is_known_by_its_mac_wherever_it_is() {
        let address = at("192.0.2.1");
        let allowed = access(&["02-00-5E-10-00-01"], &[]);
        let blocked = access(&[], &["02:00:5e:10:00:01"]);
        let [one, other] = [1, 2].map(|last| Card::Known(Mac([2, 0, 0x5e, 0x10, 0, last])));
        for (card, is_allowed, is_not_blocked) in [
            (one, true, false),
            (other, false, true),
            (Card::None, false, true),
            (Card::Unknown, false, false),
        ] {
            assert_eq!(allowed.admits(address, |_| card), is_allowed, "{card:?}");
            assert_eq!(blocked.admits(address, |_| card), is_not_blocked, "{card:?}");
        }
    }

    #[test]
    fn nothing_is_looked_up_where_no_list_names_a_card() {
        let ranges = access(&["10.0.0.0/8"], &[]);
        assert!(ranges.admits(at("10.0.0.1"), |_| panic!("looked up")));
    }

    #[test]
    fn what_is_no_place_says_what_is_expected() {
        for text in [
            "",
            "lobby",
            "02:00:5e:10:00",
            "02:00:5e:10:00:01:02",
            "02:00-5e:10:00:01",
            "02:00:5e:10:00:+1",
            "2:0:5e:10:0:1",
        ] {
            assert_eq!(text.parse::<Whence>(), Err(WhenceError::Form), "{text}");
        }
        let error = "10.0.0.7/8".parse::<Whence>().unwrap_err();
        assert_eq!(error.to_string(), "the range begins at 10.0.0.0/8");
    }

    proptest! {
        #[test]
        fn a_place_reads_as_it_is_shown(bytes: [u8; 6], address: u32, long: u128) {
            let range: AddressRange = IpAddr::from(address.to_be_bytes()).to_string().parse().unwrap();
            let long: AddressRange = IpAddr::from(long.to_be_bytes()).to_string().parse().unwrap();
            for whence in [Whence::Mac(Mac(bytes)), Whence::Range(range), Whence::Range(long)] {
                prop_assert_eq!(whence.to_string().parse::<Whence>().unwrap(), whence);
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            drop(text.parse::<Whence>());
        }
    }
}
