//! Sources that GStreamer brings in, and what all users of GStreamer in this crate share.
//!
//! ```text
//! head (one per kind of address) ──pad──▶ branch: parser, appsink ──sample──▶ run: timeline ──▶ Publisher
//! ```
//! Belongs here: pipelines whose units go to a hub, for everything that is not plain RTSP
//! (rtsps, RTMP, SRT, HTTP, V4L2, files, the test picture).
//! Does not belong here: the RTSP server (`crate::restream`), decoding (`crate::decode`).

mod branch;
mod caps;
mod fault;
mod guard;
mod head;
mod init;
mod opening;
mod pipeline;
mod source;
mod stop;
mod timeline;
mod tracks;
mod trust;

pub use init::{GstError, ensure_elements, init};
pub use source::GstSource;
pub(crate) use stop::stop;
pub use stop::wait_for_stopped;

#[cfg(test)]
mod tests;
