//! Which network card has an address of the local network: the kernel's table of neighbours, of IPv4
//! and IPv6, by rtnetlink (RFC 3549 §3.1, rtnetlink(7)).

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with, sockopt};
use vigie_config::Mac;

/// How old what is known may be.
const FRESH: Duration = Duration::from_secs(5);
/// Whoever is not in the table is looked for again no sooner.
const AGAIN: Duration = Duration::from_millis(500);
/// The kernel answers at once.
const WITHIN: Duration = Duration::from_secs(1);
/// What is read of one answer, whatever the size of the table.
const MOST_BYTES: usize = 16 << 20;

/// `linux/netlink.h`, `linux/rtnetlink.h`, `linux/neighbour.h`
const RTM_NEWNEIGH: u16 = 28;
const RTM_GETNEIGH: u16 = 30;
const NLM_F_REQUEST_DUMP: u16 = 0x0001 | 0x0300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
/// `struct nlmsghdr`, `struct ndmsg`
const HEADER: usize = 16;
const NEIGHBOUR: usize = 12;

type Table = HashMap<IpAddr, Mac>;

/// The table, as it was a moment ago.
#[derive(Default)]
pub struct Neighbours(Mutex<Option<(Instant, Table)>>);

impl Neighbours {
    /// `None`: beyond a router, unknown, or without a card (this machine itself).
    pub fn mac(&self, address: IpAddr) -> Option<Mac> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let good = known.as_ref().is_some_and(|(at, table)| {
            let most = if table.contains_key(&address) { FRESH } else { AGAIN };
            now.duration_since(*at) < most
        });
        if !good {
            let table = dump().unwrap_or_else(|error| {
                tracing::warn!(%error, "the kernel does not tell the MAC addresses of neighbours");
                Table::new()
            });
            *known = Some((now, table));
        }
        known.as_ref()?.1.get(&address).copied()
    }
}

fn dump() -> io::Result<Table> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(WITHIN))?;
    send(&socket, &request(), SendFlags::empty())?;
    let (mut table, mut seen, mut buffer) = (Table::new(), 0, vec![0u8; 64 << 10]);
    while seen < MOST_BYTES {
        let (count, _) = recv(&socket, buffer.as_mut_slice(), RecvFlags::empty())?;
        seen += count;
        let answer = buffer.get(..count).unwrap_or_default();
        if count == 0 || read(answer, &mut table)? {
            break;
        }
    }
    Ok(table)
}

/// All neighbours of all families.
fn request() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + NEIGHBOUR);
    bytes.extend(((HEADER + NEIGHBOUR) as u32).to_ne_bytes());
    bytes.extend(RTM_GETNEIGH.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST_DUMP.to_ne_bytes());
    bytes.resize(HEADER + NEIGHBOUR, 0);
    bytes
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Parts of a message begin on whole words.
fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

/// What follows a part of this length.
fn behind(bytes: &[u8], length: usize) -> &[u8] {
    bytes.get(aligned(length)..).unwrap_or_default()
}

/// One answer, of several messages. `true`: it was the last one.
fn read(mut bytes: &[u8], table: &mut Table) -> io::Result<bool> {
    while let (Some(length), Some(kind)) = (u32_at(bytes, 0), u16_at(bytes, 4)) {
        let length = length as usize;
        let Some(body) = bytes.get(HEADER..length) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a torn netlink message"));
        };
        match kind {
            NLMSG_DONE => return Ok(true),
            NLMSG_ERROR => {
                let code = u32_at(body, 0).unwrap_or_default() as i32;
                return Err(io::Error::from_raw_os_error(code.saturating_neg()));
            }
            RTM_NEWNEIGH => table.extend(neighbour(body.get(NEIGHBOUR..).unwrap_or_default())),
            _ => {}
        }
        bytes = behind(bytes, length);
    }
    Ok(false)
}

/// Of the attributes of one; `None`: it has no card that is known.
fn neighbour(mut bytes: &[u8]) -> Option<(IpAddr, Mac)> {
    let (mut address, mut mac) = (None, None);
    while let (Some(length), Some(kind)) = (u16_at(bytes, 0), u16_at(bytes, 2)) {
        let length = usize::from(length);
        let value = bytes.get(4..length)?;
        match kind {
            NDA_DST => address = ip(value),
            NDA_LLADDR => mac = <[u8; 6]>::try_from(value).ok().map(Mac),
            _ => {}
        }
        bytes = behind(bytes, length);
    }
    Some((address?, mac.filter(|mac| mac.is_one())?))
}

fn ip(value: &[u8]) -> Option<IpAddr> {
    match value.len() {
        4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(value).ok()?).into()),
        _ => Some(Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?).into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = ((4 + value.len()) as u16).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(aligned(bytes.len()), 0);
        bytes
    }

    fn message(kind: u16, attributes: &[Vec<u8>]) -> Vec<u8> {
        let body = [vec![0; NEIGHBOUR], attributes.concat()].concat();
        let mut bytes = ((HEADER + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.resize(HEADER, 0);
        bytes.extend(body);
        bytes
    }

    #[test]
    fn neighbours_of_both_families() {
        let one = [2, 0, 0x5e, 0x10, 0, 1];
        let v6: Ipv6Addr = "2001:db8::7".parse().unwrap();
        let answer = [
            message(
                RTM_NEWNEIGH,
                &[attribute(NDA_DST, &[192, 0, 2, 7]), attribute(NDA_LLADDR, &one)],
            ),
            message(
                RTM_NEWNEIGH,
                &[
                    attribute(9, &[1]),
                    attribute(NDA_LLADDR, &one),
                    attribute(NDA_DST, &v6.octets()),
                ],
            ),
            // Asked for, and not found; the machine itself.
            message(RTM_NEWNEIGH, &[attribute(NDA_DST, &[192, 0, 2, 8])]),
            message(
                RTM_NEWNEIGH,
                &[attribute(NDA_DST, &[127, 0, 0, 1]), attribute(NDA_LLADDR, &[0; 6])],
            ),
        ];
        let mut table = Table::new();
        assert!(!read(&answer.concat(), &mut table).unwrap());
        assert_eq!(table.len(), 2);
        assert_eq!(table[&"192.0.2.7".parse::<IpAddr>().unwrap()], Mac(one));
        assert_eq!(table[&IpAddr::from(v6)], Mac(one));
        assert!(read(&message(NLMSG_DONE, &[]), &mut table).unwrap());
    }

    #[test]
    fn the_kernel_answers() {
        let table = dump().unwrap();
        assert!(!table.contains_key(&IpAddr::from([127, 0, 0, 1])));
    }

    proptest! {
        #[test]
        fn no_answer_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(read(&bytes, &mut Table::new()));
            let _ = neighbour(&bytes);
        }
    }
}
