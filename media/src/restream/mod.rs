//! The RTSP server that gives cameras' streams on: `rtsp://host:8554/<camera>/<main|sub>`.
//!
//! ```text
//! Hub ─subscriber (one per mount, while someone watches)─▶ Feed ─▶ appsrc ─▶ payloader ─▶ every client
//! ```
//! Belongs here: mounts, sign-in, feeding. Does not belong here: who the users are (the
//! [`RtspUsers`] given), which cameras exist (`vigie-actors` mounts and unmounts).
//!
//! The server's own thread accepts connections and feeds all mounts; requests are answered on at
//! most [`CLIENT_THREADS`] further ones, so that checking a password holds up neither.

mod auth;
mod clients;
mod factory;
mod feed;
mod payload;
mod raw;
mod server;
mod timing;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use vigie_config::{ErrorKind, Kind, StreamId};

pub(crate) use payload::video_caps;
pub use server::Restream;

/// Threads that answer requests, whatever the number of clients.
const CLIENT_THREADS: i32 = 2;

/// The realm of Basic and Digest: part of every HA1 at rest.
pub const REALM: &str = "vigie";

/// The recorder's users, as RTSP needs them.
pub trait RtspUsers: Send + Sync + 'static {
    /// `MD5(user:vigie:password)` in lower-case hexadecimal, for Digest. `None`: unknown, switched
    /// off, or without one.
    fn ha1(&self, user: &str) -> Option<String>;
    /// Whether whoever is there may ask anything; called when they connect, and again and again after.
    /// `None`: that is not known.
    fn admits(&self, from: Option<IpAddr>) -> bool;
    /// Whether this user may come from there; else no password is right.
    fn is_at_home(&self, from: Option<IpAddr>, user: &str) -> bool;
    /// Whether this user may be tried from there now; `false` after too many wrong passwords.
    fn may_try(&self, from: Option<IpAddr>, user: &str) -> bool;
    /// Who a pair is of: the user, or who stands for one of their tokens. May take as long as a
    /// slow hash does: it is called on a thread that only answers RTSP requests.
    fn check_basic(&self, user: &str, password: &str) -> Option<String>;
    /// Whether who signed in may play a stream now, from there.
    fn may_play(&self, who: &str, from: Option<IpAddr>, stream: &StreamId) -> MayPlay;
    /// Another number once who signed in has to do so again, such as after a new password.
    fn stamp(&self, who: &str) -> u64;
    /// Who signed in (`None`: nobody, on an anonymous mount) begins or ends to play a stream.
    fn played(&self, who: Option<&str>, from: Option<IpAddr>, stream: &StreamId, begins: bool);
    /// A request named this user and was right.
    fn accepted(&self, from: Option<IpAddr>, user: &str);
    /// A request named this user and had not the right password; called once for it.
    fn refused(&self, from: Option<IpAddr>, user: &str);
}

/// Whether somebody may play a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayPlay {
    Yes,
    No,
    /// They are not to know that it is there.
    Unknown,
}

#[derive(Clone)]
pub struct RestreamOptions {
    /// Port 0 takes a free one: see [`Restream::local_addr`].
    pub address: SocketAddr,
    pub users: Arc<dyn RtspUsers>,
    /// Connections beyond this are closed at once.
    pub max_clients: usize,
}

/// The RTSP server cannot run.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RestreamError {
    #[error("RTSP server cannot listen on {address}: {why}; is the port in use?")]
    Bind { address: SocketAddr, why: String },
    #[error("RTSP server: {0}")]
    GStreamer(#[from] crate::gst::GstError),
    #[error("RTSP server cannot start its thread: {0}")]
    Thread(String),
}

impl Kind for RestreamError {
    fn kind(&self) -> ErrorKind {
        match self {
            RestreamError::Bind { .. } | RestreamError::Thread(_) => ErrorKind::Unavailable,
            RestreamError::GStreamer(error) => error.kind(),
        }
    }
}

/// Plain numbers about the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct RestreamStats {
    /// Connections.
    pub clients: usize,
    /// Connections that have set up a stream.
    pub playing: usize,
    /// Mounts that are fed, because someone watches.
    pub mounts_active: usize,
    pub mounts: usize,
    pub clients_refused: u64,
    /// Units left out because the clients of a mount did not take them.
    pub units_dropped: u64,
}

#[cfg(test)]
mod tests;
