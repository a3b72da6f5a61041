//! Media: from a camera's bytes to access units, and from access units to files and viewers.
//!
//! ```text
//! source ──▶ hub ──┬▶ fmp4 (recorder, live viewers)
//!                  ├▶ restream (RTSP server)
//!                  └▶ decode (snapshot, motion)
//! ```
//! Belongs here: sources, codecs, the hub, fragmented MP4, re-streaming, decoding.
//! Does not belong here: footage on disk (`vigie-storage`), decisions (`vigie-actors`).

pub mod access_unit;
pub mod codec;
pub mod decode;
pub mod demo;
pub mod fmp4;
pub mod format;
pub mod gst;
pub mod hub;
pub mod motion;
pub mod restream;
pub mod rtp;
pub mod rtsp;
pub mod sound;
pub mod source;
pub mod transcode;

pub use access_unit::{AccessUnit, Track};
pub use format::{AudioCodec, AudioFormat, StreamFormat, VideoCodec, VideoFormat};
