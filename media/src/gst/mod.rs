//! Sources that GStreamer brings in, and what all users of GStreamer in this crate share.
//!
//! Belongs here: pipelines whose units go to a hub, for everything that is not plain RTSP
//! (rtsps, RTMP, SRT, HTTP, V4L2, files, the test picture).
//! Does not belong here: the RTSP server (`crate::restream`), decoding (`crate::decode`).

mod init;

pub use init::{GstError, ensure_elements, init};
