//! AAC: its configuration (ISO/IEC 14496-3) and its two RTP payload formats, RFC 3640
//! (`mpeg4-generic`) and RFC 6416 (`MP4A-LATM`).

mod config;
mod latm;
mod mpeg4_generic;

pub use config::AudioSpecificConfig;
pub(super) use latm::LatmDepacketizer;
pub(super) use mpeg4_generic::{AuHeader, Mpeg4GenericDepacketizer};

#[cfg(test)]
mod tests;
