//! An RTSP client (RFC 2326) for cameras, over TCP and UDP.
//!
//! ```text
//! Connection ─▶ Framer ─▶ Session ─▶ client (OPTIONS … PLAY) ─▶ play | udp ─▶ rtp::StreamReceiver
//! ```
//! Belongs here: messages, authentication, transports, keeping a session alive.
//! Does not belong here: RTP itself (`crate::rtp`), payloads (`crate::codec`), retrying (the
//! supervisor's), TLS and HTTP tunnels (`crate::gst`).

mod address;
mod auth;
mod client;
mod connection;
mod describe;
mod error;
mod framing;
mod message;
mod play;
mod session;
#[cfg(test)]
mod tests;
mod transport;
mod udp;

pub use client::RtspSource;
