//! RTP and RTCP (RFC 3550) as a receiver needs them: headers, order, time.
//!
//! ```text
//! packet ─▶ Sequencer ─▶ (depacketizer) ─▶ Timestamps ─▶ ClockMap ─▶ access unit
//! ```
//! Belongs here: what is between a datagram and a payload, and between a unit's RTP timestamp and
//! the wall clock; pure types whose `now` is an argument.
//! Does not belong here: sockets and sessions (`crate::rtsp`), payload formats (`crate::codec`).

mod begin;
pub mod clock;
pub mod packet;
pub mod receiver;
pub mod rtcp;
pub mod sequencer;
pub mod timestamp;
pub mod track;

pub use clock::ClockMap;
pub use packet::{PacketError, RtpPacket};
pub use receiver::StreamReceiver;
pub use sequencer::{Delivery, Restart, Sequencer};

#[cfg(test)]
mod tests;
