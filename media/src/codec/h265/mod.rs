//! H.265: its RTP payload format (RFC 7798) and its parameter sets (ISO/IEC 23008-2).

mod depacketizer;
mod parameter_sets;
mod sps;

pub(super) use depacketizer::H265Depacketizer;
pub use parameter_sets::video_format;

#[cfg(test)]
mod tests;
