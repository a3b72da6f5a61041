//! The socket that hears ARP on every link, also on those that come later.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd, RawFd},
};

use nix::sys::socket::{LinkAddr, recvfrom};
use rustix::{
    net::{AddressFamily, SocketFlags, SocketType, eth, socket_with},
    thread::{CapabilitySet, capabilities, set_capabilities},
};
use tokio::io::unix::AsyncFd;

use super::arp::{Claim, claim};

/// Longer than any ARP packet of IPv4.
const PACKET: usize = 64;

/// Opened once, at the start, because that needs `CAP_NET_RAW`; it outlives the actor that reads it.
#[derive(Debug)]
pub struct ArpListener(OwnedFd);

impl ArpListener {
    /// Opens it, and lays down the right that it needed: nothing else in this process needs it.
    /// To be called before any other thread is there, since each has rights of its own.
    pub fn open() -> io::Result<ArpListener> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let opened = socket_with(AddressFamily::PACKET, SocketType::DGRAM, flags, Some(eth::ARP));
        let laid_down = lay_down();
        let listener = ArpListener(opened?);
        laid_down?;
        Ok(listener)
    }

    /// Waits for packets, and takes them.
    pub(super) fn heard(&self) -> io::Result<Heard<'_>> {
        // Its replacement is unsafe; this one owns what it watches.
        #[allow(deprecated)]
        AsyncFd::new(self).map(Heard)
    }
}

impl AsRawFd for &ArpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

fn lay_down() -> io::Result<()> {
    let mut sets = capabilities(None)?;
    for set in [&mut sets.effective, &mut sets.permitted, &mut sets.inheritable] {
        set.remove(CapabilitySet::NET_RAW);
    }
    Ok(set_capabilities(None, sets)?)
}

pub(super) struct Heard<'a>(AsyncFd<&'a ArpListener>);

impl Heard<'_> {
    /// Waits for packets, and takes at most so many: their claims, each with the link it came by (its
    /// number in the kernel).
    pub async fn next(&self, most: usize) -> io::Result<Vec<(usize, Claim)>> {
        let mut ready = self.0.readable().await?;
        let mut claims = Vec::new();
        for _ in 0..most {
            let mut packet = [0; PACKET];
            let read = ready.try_io(|socket| {
                let socket = socket.get_ref().0.as_raw_fd();
                Ok(recvfrom::<LinkAddr>(socket, &mut packet)?)
            });
            match read {
                Ok(Ok((length, from))) => {
                    let claimed = packet.get(..length).and_then(claim);
                    claims.extend(from.map(|from| from.ifindex()).zip(claimed));
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => break,
            }
        }
        Ok(claims)
    }
}
