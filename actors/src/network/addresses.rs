//! The addresses of this machine, and whether a claim of another machine is about one of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use nix::ifaddrs::getifaddrs;
use vigie_config::Mac;

use super::arp::Claim;

/// From one event about an address to the next.
const EVERY: Duration = Duration::from_secs(600);

/// IPv4 addresses of each link, and every adapter's own address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    links: BTreeMap<String, BTreeSet<Ipv4Addr>>,
    /// Of each link: its number in the kernel and its name.
    numbers: BTreeMap<usize, String>,
    adapters: BTreeSet<Mac>,
}

impl Own {
    /// As the kernel has them now.
    pub fn read() -> std::io::Result<Own> {
        let mut own = Own::default();
        for one in getifaddrs()? {
            // An address may have a label of its own: `eth0:1`.
            let name = one.interface_name.split(':').next().unwrap_or_default();
            let Some(address) = one.address else { continue };
            if let Some(v4) = address.as_sockaddr_in() {
                own.links.entry(name.to_owned()).or_default().insert(v4.ip());
            }
            if let Some(link) = address.as_link_addr() {
                own.numbers.insert(link.ifindex(), name.to_owned());
                own.adapters.extend(link.addr().map(Mac));
            }
        }
        Ok(own)
    }

    /// The link on which another machine uses this one's address. Each link stands for itself: the
    /// same private network (of containers, say) may be behind two.
    pub fn conflict(&self, number: usize, claim: &Claim) -> Option<&str> {
        let name = self.numbers.get(&number)?;
        let ours = self.links.get(name)?.contains(&claim.address) && !self.adapters.contains(&claim.mac);
        ours.then_some(name)
    }
}

/// Which addresses were told of, and when.
#[derive(Debug, Default)]
pub struct Told(BTreeMap<Ipv4Addr, Instant>);

impl Told {
    /// Whether a conflict about this address is to be told now. Addresses are this machine's own,
    /// so they are few.
    pub fn is_news(&mut self, address: Ipv4Addr, now: Instant) -> bool {
        self.0.retain(|_, at| now.duration_since(*at) < EVERY);
        let known = self.0.contains_key(&address);
        if !known {
            self.0.insert(address, now);
        }
        !known
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const OURS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    const ADAPTER: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const OTHER: Mac = Mac([2, 0, 0, 0, 0, 9]);

    fn own() -> Own {
        Own {
            links: BTreeMap::from([("eth0".into(), BTreeSet::from([OURS])), ("br0".into(), BTreeSet::new())]),
            numbers: BTreeMap::from([(2, "eth0".into()), (3, "br0".into()), (4, "eth1".into())]),
            adapters: BTreeSet::from([ADAPTER]),
        }
    }

    #[test]
    fn another_adapter_with_our_address_on_its_link_is_a_conflict() {
        let claim = |mac, address| Claim { mac, address };
        assert_eq!(own().conflict(2, &claim(OTHER, OURS)), Some("eth0"));
        assert_eq!(own().conflict(2, &claim(ADAPTER, OURS)), None, "ourselves");
        assert_eq!(own().conflict(2, &claim(OTHER, Ipv4Addr::new(192, 0, 2, 2))), None);
        for number in [3, 4, 99] {
            assert_eq!(own().conflict(number, &claim(OTHER, OURS)), None, "another link");
        }
    }

    #[test]
    fn each_address_is_told_once_in_ten_minutes() {
        let (mut told, begin) = (Told::default(), Instant::now());
        let other = Ipv4Addr::new(192, 0, 2, 2);
        assert!(told.is_news(OURS, begin));
        assert!(!told.is_news(OURS, begin + Duration::from_secs(599)));
        assert!(told.is_news(other, begin + Duration::from_secs(599)));
        assert!(
            told.is_news(OURS, begin + Duration::from_secs(600)),
            "counted from the event"
        );
        assert!(!told.is_news(other, begin + Duration::from_secs(601)));
    }

    #[test]
    fn this_machine_has_an_address_of_its_own() {
        let own = Own::read().unwrap();
        assert!(own.links["lo"].contains(&Ipv4Addr::LOCALHOST), "{own:?}");
        assert!(own.numbers.values().any(|name| name == "lo"), "{own:?}");
    }
}
