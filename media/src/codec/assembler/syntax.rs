//! What the assembler must know of a codec's NAL units.

use crate::format::VideoFormat;

/// The part of a NAL unit in the order of an access unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A slice. `first`: of its picture.
    Slice { first: bool, rap: bool },
    /// Opens a new access unit when it follows a slice: parameter sets, SEI, delimiter.
    Prefix,
    /// Belongs where it stands.
    Other,
    /// Not a NAL unit that may be stored (reserved for the payload format, or for nobody).
    Foreign,
}

/// What H.264 and H.265 do differently.
pub(crate) trait Syntax: Send {
    /// Whether the first slice of a picture always begins an access unit. Not in H.264, where the
    /// two fields of a frame may share a timestamp and are stored together.
    const FIRST_SLICE_SEPARATES: bool;

    /// By the first bytes of a NAL unit: the header and what follows it, if that is there.
    fn role(nal: &[u8]) -> Role;

    /// Takes over the parameter sets of a unit. `rap`: a slice of it is of a RAP.
    fn inspect(&mut self, unit: &[u8], rap: bool) -> Inspected;

    /// The format by the parameter sets known now.
    fn format(&self) -> Option<&VideoFormat>;
}

/// What the NAL units of an access unit say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inspected {
    /// Decoding can start here.
    pub(crate) rap: bool,
    /// It brought parameter sets other than those known.
    pub(crate) changed: bool,
}
