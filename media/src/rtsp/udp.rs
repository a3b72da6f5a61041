//! A playing session over UDP: port pairs, hole punching, receiver reports.

use std::{
    convert::Infallible,
    future::poll_fn,
    io,
    net::{IpAddr, SocketAddr},
    task::Poll,
    time::{Duration, Instant},
};

use tokio::net::UdpSocket;

use crate::rtp::StreamReceiver;

use super::{
    error::RtspError,
    play::{KeepAlive, Playing},
    transport::TransportAnswer,
};

/// Packets held back behind a hole: at most so many, for at most this time.
pub const HELD_PACKETS: usize = 512;
pub const HELD_TIME: Duration = Duration::from_millis(150);
/// Between receiver reports (RFC 3550 §6.2: 5 s).
const REPORT_EVERY: Duration = Duration::from_secs(5);
/// One burst of a big picture; the kernel grants what `net.core.rmem_max` allows.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Datagrams read of one socket before the others have their turn.
const TURN: usize = 256;
const MAX_DATAGRAM: usize = 65_536;

/// The two sockets of a track: data on an even port, control on the next (RFC 3550 §11).
pub struct UdpPair {
    track: usize,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    port: u16,
    peer: IpAddr,
    server_port: Option<(u16, u16)>,
}

impl UdpPair {
    pub fn bind(local: IpAddr, track: usize) -> io::Result<Self> {
        let mut failure = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..64 {
            let rtp = bind(local, 0)?;
            let port = rtp.local_addr()?.port();
            let (even, odd) = if port % 2 == 0 {
                (port, port + 1)
            } else {
                (port - 1, port)
            };
            match bind(local, if port == even { odd } else { even }) {
                Ok(other) => {
                    let (rtp, rtcp) = if port == even { (rtp, other) } else { (other, rtp) };
                    return Ok(Self {
                        track,
                        rtp,
                        rtcp,
                        port: even,
                        peer: local,
                        server_port: None,
                    });
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// The even port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where packets come from. Sends one packet of each kind there, so that firewalls between
    /// let the answers through.
    pub fn aim(&mut self, connected: IpAddr, answer: &TransportAnswer) {
        self.peer = answer.source.filter(|ip| !ip.is_unspecified()).unwrap_or(connected);
        self.server_port = answer.server_port;
        if let Some((rtp, rtcp)) = self.server_port {
            // An empty data packet, and an empty receiver report: both are ignored by senders.
            let empty = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            let _ = self.rtp.try_send_to(&empty, SocketAddr::new(self.peer, rtp));
            let _ = self
                .rtcp
                .try_send_to(&[0x80, 201, 0, 1, 0, 0, 0, 0], SocketAddr::new(self.peer, rtcp));
        }
    }

    fn is_peer(&self, from: SocketAddr, connected: IpAddr) -> bool {
        from.ip() == self.peer || from.ip() == connected
    }
}

fn bind(local: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind((local, port))?;
    socket.set_nonblocking(true)?;
    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
    UdpSocket::from_std(socket)
}

/// Runs until the session ends.
pub async fn run(mut playing: Playing, pairs: Vec<UdpPair>) -> Result<Infallible, RtspError> {
    let mut alive = KeepAlive::new(&playing.session, Instant::now());
    let mut report = Instant::now() + REPORT_EVERY;
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        let due = [Some(alive.due), Some(report), playing.receiver.deadline()]
            .into_iter()
            .flatten()
            .min();
        let due = due.unwrap_or(report);
        tokio::select! {
            biased;
            () = arrival(&pairs) => receive(&mut playing, &pairs, &mut buffer),
            control = playing.session.connection.readable() => {
                control.map_err(RtspError::Lost)?;
                while playing.session.read(Some(&mut playing.receiver))?.more {}
            }
            () = tokio::time::sleep_until(due.into()) => {
                playing.receiver.begin_batch(Instant::now());
                playing.receiver.end_batch();
            }
        }
        let now = Instant::now();
        playing.housekeeping(&mut alive, now)?;
        if now >= report {
            report = now + REPORT_EVERY;
            for pair in &pairs {
                send_report(pair, &mut playing.receiver, now);
            }
        }
    }
}

/// Something can be read of one of the sockets.
async fn arrival(pairs: &[UdpPair]) {
    poll_fn(|cx| {
        let ready = |socket: &UdpSocket, cx: &mut _| socket.poll_recv_ready(cx).is_ready();
        let any = pairs
            .iter()
            .fold(false, |any, pair| ready(&pair.rtp, cx) | ready(&pair.rtcp, cx) | any);
        if any { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

fn receive(playing: &mut Playing, pairs: &[UdpPair], buffer: &mut [u8]) {
    let connected = playing.session.connection.peer().ip();
    let receiver = &mut playing.receiver;
    receiver.begin_batch(Instant::now());
    for pair in pairs {
        for (socket, is_control) in [(&pair.rtp, false), (&pair.rtcp, true)] {
            for _ in 0..TURN {
                match socket.try_recv_from(buffer) {
                    Ok((n, from)) if pair.is_peer(from, connected) => {
                        let packet = buffer.get(..n).unwrap_or_default();
                        if is_control {
                            receiver.rtcp(pair.track, packet)
                        } else {
                            receiver.rtp(pair.track, packet)
                        }
                    }
                    Ok((_, from)) => {
                        receiver.oddity("stranger", || format!("udp packets from {from}, who is not the camera"))
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // ICMP errors of the punches end here; they say nothing about the media.
                    Err(_) => {}
                }
            }
        }
    }
    receiver.end_batch();
}

fn send_report(pair: &UdpPair, receiver: &mut StreamReceiver, now: Instant) {
    if let (Some((_, port)), Some(packet)) = (pair.server_port, receiver.report(pair.track, now)) {
        let _ = pair.rtcp.try_send_to(&packet, SocketAddr::new(pair.peer, port));
    }
}
