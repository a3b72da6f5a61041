//! The kernel's table of neighbours, of IPv4 and IPv6, by rtnetlink (RFC 3549 §3.1, rtnetlink(7)).
//!
//! Belongs here: the question and its answer. Does not belong here: when it is asked (`neighbours`).

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with, sockopt};
use vigie_config::Mac;

/// The kernel answers at once.
const WITHIN: Duration = Duration::from_secs(1);
/// What is read of one answer, whatever the size of the table.
const MOST_BYTES: usize = 16 << 20;
/// A table that changes while it is told is asked for anew.
const TRIES: usize = 3;

/// `linux/netlink.h`, `linux/rtnetlink.h`, `linux/neighbour.h`
const RTM_NEWNEIGH: u16 = 28;
const RTM_GETNEIGH: u16 = 30;
const NLM_F_REQUEST_DUMP: u16 = 0x0001 | 0x0300;
const NLM_F_DUMP_INTR: u16 = 0x0010;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
/// `struct nlmsghdr`, `struct ndmsg`
const HEADER: usize = 16;
const NEIGHBOUR: usize = 12;

/// The cards of neighbours, by their addresses.
pub type Table = HashMap<IpAddr, Mac>;

/// As the kernel has it now.
pub fn table() -> io::Result<Table> {
    let mut answer = dump()?;
    for _ in 1..TRIES {
        if !answer.is_torn {
            break;
        }
        answer = dump()?;
    }
    Ok(answer.table)
}

/// What was read of an answer.
#[derive(Default)]
struct Answer {
    table: Table,
    is_whole: bool,
    /// The table changed meanwhile: some may be missing.
    is_torn: bool,
}

fn dump() -> io::Result<Answer> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(WITHIN))?;
    send(&socket, &request(), SendFlags::empty())?;
    let (mut answer, mut seen, mut buffer) = (Answer::default(), 0, vec![0u8; 64 << 10]);
    while !answer.is_whole {
        let (count, _) = recv(&socket, buffer.as_mut_slice(), RecvFlags::empty())?;
        seen += count;
        if count == 0 || seen > MOST_BYTES {
            let text = format!("the answer has no end within {seen} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        answer.read(buffer.get(..count).unwrap_or_default())?;
    }
    Ok(answer)
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

impl Answer {
    /// A part of it, of several messages.
    fn read(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while let (Some(length), Some(kind), Some(flags)) = (u32_at(bytes, 0), u16_at(bytes, 4), u16_at(bytes, 6)) {
            let length = length as usize;
            let Some(body) = bytes.get(HEADER..length) else {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a torn netlink message"));
            };
            self.is_torn |= flags & NLM_F_DUMP_INTR != 0;
            match kind {
                NLMSG_DONE => {
                    self.is_whole = true;
                    return Ok(());
                }
                NLMSG_ERROR => {
                    let code = u32_at(body, 0).unwrap_or_default() as i32;
                    return Err(io::Error::from_raw_os_error(code.saturating_neg()));
                }
                RTM_NEWNEIGH => self.table.extend(neighbour(body.get(NEIGHBOUR..).unwrap_or_default())),
                _ => {}
            }
            bytes = behind(bytes, length);
        }
        Ok(())
    }
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

    /// What Linux 6 answered (x86-64) where `ip neigh` told:
    ///
    /// ```text
    /// 192.0.2.10 dev v0 lladdr 02:00:5e:10:00:0a NOARP
    /// 192.0.2.7 dev v0 lladdr 02:00:5e:10:00:01 PERMANENT
    /// 192.0.2.9 dev v0 FAILED
    /// ff02::1:ff5b:8f1 dev v1 lladdr 33:33:ff:5b:08:f1 NOARP
    /// ff02::16 dev v1 lladdr 33:33:00:00:00:16 NOARP
    /// 2001:db8::7 dev v0 lladdr 02:00:5e:10:00:01 STALE
    /// ff02::16 dev v0 lladdr 33:33:00:00:00:16 NOARP
    /// ```
    const TOLD: &str = "\
4c0000001c000200000000003849000002000000030000004000000108000100c000020a0a00020002005e10000a00000800\
040000000000140003001a0000001a0000001a000000000000004c0000001c00020000000000384900000200000003000000\
8000000108000100c00002070a00020002005e10000100000800040000000000140003001b0000001b0000001b0000000000\
0000400000001c000200000000003849000002000000030000002000000108000100c0000209080004000000000014000300\
8a1700001a0000001a00000000000000580000001c00020000000000384900000a000000020000004000000514000100ff02\
00000000000000000001ff5b08f10a0002003333ff5b08f10000080004000000000014000300841700001400000014000000\
00000000580000001c00020000000000384900000a000000020000004000000514000100ff02000000000000000000000000\
00160a00020033330000001600000800040000000000140003008b1700001b0000001b00000000000000580000001c000200\
00000000384900000a00000003000000040000011400010020010db80000000000000000000000070a00020002005e100001\
00000800040000000000140003008a1700001a0000001a00000000000000580000001c00020000000000384900000a000000\
030000004000000514000100ff0200000000000000000000000000160a000200333300000016000008000400000000001400\
03008a1700001a0000001a000000000000001400000003000200000000003849000000000000";

    fn told() -> Vec<u8> {
        hex::decode(TOLD).unwrap()
    }

    fn mac(last: u8) -> Mac {
        Mac([2, 0, 0x5e, 0x10, 0, last])
    }

    #[test]
    fn the_neighbours_of_both_families_that_have_a_card() {
        let mut answer = Answer::default();
        answer.read(&told()).unwrap();
        let expected = [("192.0.2.10", 10), ("192.0.2.7", 1), ("2001:db8::7", 1)];
        let expected = expected.map(|(address, last)| (address.parse().unwrap(), mac(last)));
        assert_eq!(answer.table, Table::from(expected));
        assert!(answer.is_whole && !answer.is_torn);
    }

    #[test]
    fn an_answer_of_several_parts_ends_with_its_last_message() {
        let (told, mut answer) = (told(), Answer::default());
        let (first, last) = told.split_at(told.len() - 20);
        answer.read(first).unwrap();
        assert!(!answer.is_whole);
        answer.read(last).unwrap();
        assert!(answer.is_whole && answer.table.len() == 3);
    }

    #[test]
    fn a_table_that_changed_meanwhile_is_known_as_that() {
        let (mut told, mut answer) = (told(), Answer::default());
        told[6] |= NLM_F_DUMP_INTR as u8;
        answer.read(&told).unwrap();
        assert!(answer.is_torn);
    }

    #[test]
    fn what_the_kernel_refuses_is_its_error() {
        let mut refusal = 36u32.to_ne_bytes().to_vec();
        refusal.extend(NLMSG_ERROR.to_ne_bytes());
        refusal.resize(HEADER, 0);
        refusal.extend((-1i32).to_ne_bytes());
        refusal.resize(36, 0);
        let error = Answer::default().read(&refusal).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        let torn = told();
        assert!(Answer::default().read(&torn[..100]).is_err());
    }

    proptest! {
        #[test]
        fn no_answer_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..588usize, with: u8) {
            drop(Answer::default().read(&bytes));
            let _ = neighbour(&bytes);
            let mut told = told();
            told[at] = with;
            drop(Answer::default().read(&told));
        }
    }
}
