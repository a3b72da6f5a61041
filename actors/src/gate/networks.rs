//! The networks that this machine is on itself: of whoever is there the card can be known.
//!
//! Belongs here: addresses and masks of the interfaces. Does not belong here: whose card is whose
//! (`netlink`).

use std::{io, net::IpAddr};

use nix::{ifaddrs::getifaddrs, net::if_::InterfaceFlags, sys::socket::SockaddrStorage};

/// One address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Network {
    own: IpAddr,
    mask: IpAddr,
    /// Its neighbours are asked for their cards: neither a tunnel nor the loopback.
    has_cards: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// As the kernel has them now.
    pub fn read() -> io::Result<Networks> {
        let without_cards = InterfaceFlags::IFF_LOOPBACK | InterfaceFlags::IFF_NOARP | InterfaceFlags::IFF_POINTOPOINT;
        let network = |one: nix::ifaddrs::InterfaceAddress| {
            Some(Network {
                own: ip(one.address?)?,
                mask: ip(one.netmask?)?,
                has_cards: !one.flags.intersects(without_cards),
            })
        };
        Ok(Networks(getifaddrs()?.filter_map(network).collect()))
    }

    /// Whether somebody else there has a card that this machine can know. Of several networks the
    /// smallest counts, as for the kernel.
    pub fn can_know(&self, address: IpAddr) -> bool {
        if self.0.iter().any(|network| network.own == address) {
            return false;
        }
        let holding = self.0.iter().filter(|network| network.holds(address));
        let nearest = holding.max_by_key(|network| (bits(network.mask).count_ones(), network.has_cards));
        nearest.is_some_and(|network| network.has_cards)
    }
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        let mask = bits(self.mask);
        self.own.is_ipv4() == address.is_ipv4() && bits(self.own) & mask == bits(address) & mask
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn ip(address: SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
    v4.or_else(|| Some(IpAddr::V6(address.as_sockaddr_in6()?.ip())))
}

#[cfg(test)]
impl Networks {
    /// `192.0.2.1/255.255.255.0`, each with whether it has cards.
    pub fn of(texts: &[(&str, bool)]) -> Networks {
        let network = |(text, has_cards): &(&str, bool)| {
            let (own, mask) = text.split_once('/')?;
            Some(Network {
                own: own.parse().ok()?,
                mask: mask.parse().ok()?,
                has_cards: *has_cards,
            })
        };
        Networks(texts.iter().filter_map(network).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_known_of_neighbours_alone() {
        let networks = Networks::of(&[
            ("127.0.0.1/255.0.0.0", false),
            ("10.0.0.1/255.0.0.0", true),
            ("10.8.0.1/255.255.255.0", false),
            ("2001:db8::1/ffff:ffff:ffff:ffff::", true),
            ("fe80::1/ffff:ffff:ffff:ffff::", false),
            ("fe80::2/ffff:ffff:ffff:ffff::", true),
        ]);
        for (address, can) in [
            ("10.0.0.7", true),
            ("10.0.0.1", false),
            // In a tunnel of the same range.
            ("10.8.0.7", false),
            ("127.0.0.2", false),
            ("192.0.2.7", false),
            ("2001:db8::7", true),
            ("2001:db8:1::7", false),
            ("fe80::7", true),
            ("::a00:7", false),
        ] {
            assert_eq!(networks.can_know(address.parse().unwrap()), can, "{address}");
        }
    }

    #[test]
    fn this_machine_is_no_neighbour_of_its_own() {
        let networks = Networks::read().unwrap();
        assert!(!networks.0.is_empty());
        for network in &networks.0 {
            assert!(!networks.can_know(network.own), "{network:?}");
        }
        assert!(!networks.can_know(IpAddr::from([127, 1, 2, 3])), "{networks:?}");
    }
}
