//! The network as people are shown it.

use std::{collections::BTreeMap, net::IpAddr};

use nix::{ifaddrs::getifaddrs, net::if_::InterfaceFlags};
use serde::Serialize;

/// One link of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LinkInfo {
    pub name: String,
    /// Packets can go.
    pub up: bool,
    #[schema(value_type = Vec<String>)]
    pub addresses: Vec<IpAddr>,
}

/// All but the machine's own loop, by name. Empty when the kernel does not say.
pub fn links() -> Vec<LinkInfo> {
    let mut links: BTreeMap<String, LinkInfo> = BTreeMap::new();
    let Ok(all) = getifaddrs() else { return Vec::new() };
    for one in all.filter(|one| !one.flags.contains(InterfaceFlags::IFF_LOOPBACK)) {
        // An address may have a label of its own: `eth0:1`.
        let name = one.interface_name.split(':').next().unwrap_or_default().to_owned();
        let link = links.entry(name.clone()).or_insert_with(|| LinkInfo {
            name,
            up: one.flags.contains(InterfaceFlags::IFF_RUNNING),
            addresses: Vec::new(),
        });
        let Some(address) = one.address else { continue };
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        let v6 = address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip()));
        link.addresses.extend(v4.or(v6));
    }
    links.into_values().collect()
}
