//! ARP for IPv4 (RFC 826): who says that an address is theirs. Pure.

use std::net::Ipv4Addr;

use vigie_config::Mac;

/// An adapter uses an address: the sender of a request or a reply (RFC 5227, section 2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub mac: Mac,
    pub address: Ipv4Addr,
}

/// An ARP packet without the header of its frame. `None`: not of IPv4 over Ethernet, torn, or a probe,
/// which asks before it uses an address.
pub fn claim(packet: &[u8]) -> Option<Claim> {
    // Ethernet or IEEE 802, IPv4, lengths 6 and 4, request or reply.
    let (head, rest) = packet.split_first_chunk::<8>()?;
    let [0, 1 | 6, 8, 0, 6, 4, 0, 1 | 2] = head else {
        return None;
    };
    let (mac, rest) = rest.split_first_chunk::<6>()?;
    let (address, rest) = rest.split_first_chunk::<4>()?;
    // The target's two addresses.
    rest.get(..10)?;
    let (mac, address) = (Mac(*mac), Ipv4Addr::from(*address));
    (mac.is_one() && !address.is_unspecified()).then_some(Claim { mac, address })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A gratuitous request of 192.0.2.1 as Linux sends it, padded as Ethernet pads it.
    fn announcement() -> Vec<u8> {
        let mut bytes = vec![0, 1, 8, 0, 6, 4, 0, 1];
        bytes.extend([0x52, 0x54, 0, 0x12, 0x34, 0x56, 192, 0, 2, 1]);
        bytes.extend([0, 0, 0, 0, 0, 0, 192, 0, 2, 1]);
        bytes.extend([0; 18]);
        bytes
    }

    #[test]
    fn a_sender_claims_its_address() {
        let claimed = claim(&announcement()).unwrap();
        assert_eq!(claimed.mac.to_string(), "52:54:00:12:34:56");
        assert_eq!(claimed.address, Ipv4Addr::new(192, 0, 2, 1));
        let mut reply = announcement();
        reply[7] = 2;
        assert_eq!(claim(&reply), Some(claimed));
    }

    #[test]
    fn a_probe_claims_nothing() {
        let mut probe = announcement();
        probe[14..18].fill(0);
        assert_eq!(claim(&probe), None);
    }

    #[test]
    fn what_no_adapter_sends_is_left_out() {
        for (at, byte) in [(1, 2), (3, 6), (4, 8), (5, 16), (7, 3), (8, 0x53)] {
            let mut packet = announcement();
            packet[at] = byte;
            assert_eq!(claim(&packet), None, "byte {at}");
        }
        assert_eq!(claim(&announcement()[..27]), None, "torn");
        assert!(claim(&announcement()[..28]).is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(claimed) = claim(&bytes) {
                prop_assert!(bytes.len() >= 28);
                prop_assert_eq!(&bytes[8..14], claimed.mac.0);
                prop_assert_eq!(&bytes[14..18], claimed.address.octets());
            }
        }

        /// So that the property above is not only of packets that are refused.
        #[test]
        fn any_sender_of_a_whole_packet_claims(mac in any::<[u8; 6]>(), address in any::<[u8; 4]>()) {
            let mut packet = announcement();
            packet[8..14].copy_from_slice(&mac);
            packet[14..18].copy_from_slice(&address);
            let expected = Mac(mac).is_one() && address != [0; 4];
            prop_assert_eq!(claim(&packet).is_some(), expected);
        }
    }
}
