//! H.264: its RTP payload format (RFC 6184) and its parameter sets (ISO/IEC 14496-10).

mod depacketizer;
mod parameter_sets;
mod sps;

pub(super) use depacketizer::H264Depacketizer;
pub use parameter_sets::video_format;

#[cfg(test)]
mod tests;
