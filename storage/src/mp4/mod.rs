//! Reading our own files back: where each fragment lies, how long it is, what the file says
//! about itself. ISO/IEC 14496-12 box structure only, never a codec's bytes.
//!
//! Belongs here: parsing of hostile bytes, without I/O beyond [`crate::file::ReadAt`].
//! Does not belong here: making boxes (`vigie-media`), deciding what to do with a torn file
//! ([`crate::recovery`]).

mod boxes;
mod moof;
mod moov;
mod rebase;
mod scan;
mod tally;

pub use boxes::{BoxHeader, Boxes, FourCc};
pub use moof::{Moof, Sample, Traf, Trun};
pub use moov::{Moov, TrackInfo, TrackKind};
pub use rebase::rebase;
pub use scan::{FragmentInfo, ScanError, SegmentScan, scan_segment};
pub use tally::SegmentTally;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
