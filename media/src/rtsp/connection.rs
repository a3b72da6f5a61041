//! One TCP connection: when to read it, one big read at a time, frames cut in place.
//!
//! **Watched**: the socket is in the reactor, each arrival wakes the task. For the handshake and
//! while somebody watches live.
//! **Polled**: the socket is out of the reactor; the owner reads it a few times a second. All
//! connections of a thread are read at the same moments, so that a hundred cameras cost eight
//! wake-ups a second, not a thousand. (`SO_RCVLOWAT` saves the same wake-ups per connection, but
//! not across them, and can hold back the last bytes of a burst.)

use std::{
    cell::RefCell,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use super::{
    error::RtspError,
    framing::{Frame, Framer},
    message::{MAX_BODY, MAX_HEAD},
};

/// What one read takes at most; more than the largest frame, so that a read always has room.
const READ: usize = 256 << 10;
const _: () = assert!(READ > 2 * (MAX_HEAD + MAX_BODY) && READ > 2 * (u16::MAX as usize + 4));
/// Requests and answers waiting to be taken by the kernel.
const MAX_OUTGOING: usize = 64 << 10;
/// When what is waiting to be sent is tried again.
const RETRY: Duration = Duration::from_millis(20);

thread_local! {
    /// The read buffer of all connections of a thread: between two reads a connection keeps only
    /// the beginning of a frame, so the buffer stays in the processor's cache.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

pub struct Connection {
    socket: Socket,
    framer: Framer,
    /// The beginning of a frame.
    held: Vec<u8>,
    outgoing: Vec<u8>,
    peer: SocketAddr,
    local: SocketAddr,
}

enum Socket {
    Watched(tokio::net::TcpStream),
    Polled(TcpStream),
    /// Only while changing from one to the other, or when the reactor refused it.
    Gone,
}

/// What a read brought.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    pub bytes: usize,
    /// The kernel may hold more.
    pub more: bool,
}

impl Connection {
    /// `stream` is in non-blocking mode.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        let (peer, local) = (stream.peer_addr()?, stream.local_addr()?);
        Ok(Self {
            socket: Socket::Polled(stream),
            framer: Framer::new(),
            held: Vec::new(),
            outgoing: Vec::new(),
            peer,
            local,
        })
    }

    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub fn local(&self) -> SocketAddr {
        self.local
    }

    pub fn expect(&mut self, channel: u8) {
        self.framer.expect(channel);
    }

    /// Bytes of garbage skipped since this was asked last.
    pub fn take_skipped(&mut self) -> usize {
        self.framer.take_skipped()
    }

    /// Puts the socket into the reactor.
    pub fn watch(&mut self) -> io::Result<()> {
        self.socket = match std::mem::replace(&mut self.socket, Socket::Gone) {
            Socket::Polled(stream) => Socket::Watched(tokio::net::TcpStream::from_std(stream)?),
            other => other,
        };
        Ok(())
    }

    /// Takes it out.
    pub fn unwatch(&mut self) -> io::Result<()> {
        self.socket = match std::mem::replace(&mut self.socket, Socket::Gone) {
            Socket::Watched(stream) => Socket::Polled(stream.into_std()?),
            other => other,
        };
        Ok(())
    }

    /// Waits until a read is worth while; `outgoing` is retried meanwhile. Watched only.
    pub async fn readable(&mut self) -> io::Result<()> {
        self.watch()?;
        loop {
            self.flush()?;
            let Socket::Watched(stream) = &self.socket else {
                return Err(gone());
            };
            if self.outgoing.is_empty() {
                return stream.readable().await;
            }
            if let Ok(ready) = tokio::time::timeout(RETRY, stream.readable()).await {
                return ready;
            }
        }
    }

    /// One read, if there is something to read, and all whole frames to `sink`.
    pub fn read(&mut self, sink: &mut dyn FnMut(Frame<'_>)) -> Result<Batch, RtspError> {
        let mut buffer = BUFFER.take();
        buffer.resize(READ, 0);
        let result = self.read_into(&mut buffer, sink);
        BUFFER.set(buffer);
        result
    }

    fn read_into(&mut self, buffer: &mut [u8], sink: &mut dyn FnMut(Frame<'_>)) -> Result<Batch, RtspError> {
        let begin = self.held.len();
        let Some((head, room)) = buffer.split_at_mut_checked(begin) else {
            return Err(RtspError::Lost(gone()));
        };
        head.copy_from_slice(&self.held);
        let bytes = match self.receive(room) {
            Ok(0) => return Err(RtspError::Closed),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Batch { bytes: 0, more: false }),
            Err(error) => return Err(RtspError::Lost(error)),
        };
        let more = bytes == room.len();
        let filled = buffer.get(..begin + bytes).unwrap_or_default();
        let used = self.framer.frames(filled, sink)?;
        self.held.clear();
        self.held.extend_from_slice(filled.get(used..).unwrap_or_default());
        Ok(Batch { bytes, more })
    }

    fn receive(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            let result = match &self.socket {
                Socket::Polled(stream) => (&*stream).read(room),
                Socket::Watched(stream) => stream.try_read(room),
                Socket::Gone => Err(gone()),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    /// Sends now what can be sent now, the rest later.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), RtspError> {
        if self.outgoing.len() + bytes.len() > MAX_OUTGOING {
            return Err(RtspError::Lost(io::Error::new(
                io::ErrorKind::TimedOut,
                "the camera reads nothing of what we send",
            )));
        }
        self.outgoing.extend_from_slice(bytes);
        self.flush().map_err(RtspError::Lost)
    }

    /// Tries again what could not be sent.
    pub fn flush(&mut self) -> io::Result<()> {
        while !self.outgoing.is_empty() {
            let result = match &self.socket {
                Socket::Polled(stream) => (&*stream).write(&self.outgoing),
                Socket::Watched(stream) => stream.try_write(&self.outgoing),
                Socket::Gone => Err(gone()),
            };
            match result {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => drop(self.outgoing.drain(..n)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the connection was given up")
}
