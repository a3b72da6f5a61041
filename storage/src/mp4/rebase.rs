//! A fragment's tables for a file whose media time 0 is later.

use bytes::Bytes;

use super::{
    boxes::{BoxHeader, Boxes, Reader},
    moov::Moov,
};

/// The same tables (the `moof` box and what follows it) with every track's decoding time moved to
/// `by_us` earlier, not below 0. `None`: no fragment of these tracks.
pub fn rebase(moov: &Moov, header: &[u8], by_us: i64) -> Option<Bytes> {
    let moof = BoxHeader::parse(header)?;
    let body = header.get(usize::try_from(moof.header_len).ok()?..usize::try_from(moof.len?).ok()?)?;
    let mut rebased = header.to_vec();
    for (_, traf) in Boxes(body).filter(|(kind, _)| &kind.0 == b"traf") {
        let mut r = Reader(Boxes(traf).find(b"tfhd")?);
        r.full()?;
        let timescale = moov.track(r.u32()?)?.timescale;
        let ticks = i128::from(by_us) * i128::from(timescale) / 1_000_000;
        let tfdt = Boxes(traf).find(b"tfdt")?;
        // Of the field after version and flags, in `header`.
        let at = tfdt.as_ptr().addr() - header.as_ptr().addr() + 4;
        let mut r = Reader(tfdt);
        let (version, _) = r.full()?;
        if version == 1 {
            let base = (i128::from(r.u64()?) - ticks).max(0);
            let base = u64::try_from(base).ok()?;
            rebased.get_mut(at..at + 8)?.copy_from_slice(&base.to_be_bytes());
        } else {
            let base = (i128::from(r.u32()?) - ticks).max(0);
            let base = u32::try_from(base).ok()?;
            rebased.get_mut(at..at + 4)?.copy_from_slice(&base.to_be_bytes());
        }
    }
    Some(rebased.into())
}
