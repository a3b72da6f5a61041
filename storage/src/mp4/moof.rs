//! One movie fragment's tables (ISO/IEC 14496-12 §8.8), read where they lie.

use super::boxes::{Boxes, Reader};

/// `sample_is_non_sync_sample` of the sample flags.
const NON_SYNC: u32 = 0x0001_0000;

/// The body of a `moof` box.
#[derive(Debug, Clone)]
pub struct Moof<'a> {
    pub trafs: Vec<Traf<'a>>,
}

#[derive(Debug, Clone)]
pub struct Traf<'a> {
    pub track: u32,
    /// Decoding time of its first sample in the track's ticks since media time 0 (`tfdt`).
    pub base: u64,
    pub default_duration: Option<u32>,
    pub default_size: Option<u32>,
    pub default_flags: Option<u32>,
    pub truns: Vec<Trun<'a>>,
}

#[derive(Debug, Clone, Copy)]
pub struct Trun<'a> {
    /// From the first byte of `moof` to the first sample.
    pub data_offset: Option<i32>,
    pub first_flags: Option<u32>,
    pub count: u32,
    version: u8,
    flags: u32,
    table: &'a [u8],
}

/// One access unit; what the fragment does not say is `None` (see `trex`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    pub duration: Option<u32>,
    pub size: Option<u32>,
    pub flags: Option<u32>,
    /// Presentation minus decoding time, in ticks.
    pub offset: i64,
}

impl Sample {
    /// Decoding can start here.
    pub fn is_sync(flags: u32) -> bool {
        flags & NON_SYNC == 0
    }
}

impl<'a> Moof<'a> {
    /// `None` when anything in it does not fit.
    pub fn parse(body: &'a [u8]) -> Option<Moof<'a>> {
        let mut trafs = Vec::new();
        for (kind, body) in Boxes(body) {
            if &kind.0 == b"traf" {
                trafs.push(Traf::parse(body)?);
            }
        }
        (!trafs.is_empty()).then_some(Moof { trafs })
    }
}

impl<'a> Traf<'a> {
    fn parse(body: &'a [u8]) -> Option<Traf<'a>> {
        let mut r = Reader(Boxes(body).find(b"tfhd")?);
        let (_, flags) = r.full()?;
        let track = r.u32()?;
        if flags & 0x1 != 0 {
            r.u64()?; // base_data_offset
        }
        if flags & 0x2 != 0 {
            r.u32()?; // sample_description_index
        }
        let mut field = |bit| {
            if flags & bit != 0 {
                r.u32().map(Some)
            } else {
                Some(None)
            }
        };
        let default_duration = field(0x8)?;
        let default_size = field(0x10)?;
        let default_flags = field(0x20)?;

        let mut r = Reader(Boxes(body).find(b"tfdt")?);
        let (version, _) = r.full()?;
        let base = if version == 1 { r.u64()? } else { u64::from(r.u32()?) };

        let mut truns = Vec::new();
        for (kind, body) in Boxes(body) {
            if &kind.0 == b"trun" {
                truns.push(Trun::parse(body)?);
            }
        }
        Some(Traf {
            track,
            base,
            default_duration,
            default_size,
            default_flags,
            truns,
        })
    }
}

impl<'a> Trun<'a> {
    fn parse(body: &'a [u8]) -> Option<Trun<'a>> {
        let mut r = Reader(body);
        let (version, flags) = r.full()?;
        let count = r.u32()?;
        let data_offset = if flags & 0x1 != 0 { Some(r.i32()?) } else { None };
        let first_flags = if flags & 0x4 != 0 { Some(r.u32()?) } else { None };
        let trun = Trun {
            data_offset,
            first_flags,
            count,
            version,
            flags,
            table: r.0,
        };
        let need = u64::from(count) * trun.entry_len() as u64;
        // A run without a table could claim 4 billion samples in 12 bytes.
        let plausible = trun.entry_len() > 0 || count <= 100_000;
        (plausible && need <= r.0.len() as u64).then_some(trun)
    }

    fn entry_len(&self) -> usize {
        [0x100, 0x200, 0x400, 0x800]
            .iter()
            .filter(|bit| self.flags & **bit != 0)
            .count()
            * 4
    }

    pub fn samples(&self) -> impl Iterator<Item = Sample> + use<'a> {
        let Trun {
            flags,
            version,
            table,
            first_flags,
            count,
            ..
        } = *self;
        let mut r = Reader(table);
        (0..count).map_while(move |index| {
            let mut field = |bit| {
                if flags & bit != 0 {
                    r.u32().map(Some)
                } else {
                    Some(None)
                }
            };
            let duration = field(0x100)?;
            let size = field(0x200)?;
            let own_flags = field(0x400)?;
            let offset = field(0x800)?.unwrap_or(0);
            Some(Sample {
                duration,
                size,
                flags: if index == 0 {
                    first_flags.or(own_flags)
                } else {
                    own_flags
                },
                offset: if version == 0 {
                    i64::from(offset)
                } else {
                    i64::from(offset.cast_signed())
                },
            })
        })
    }
}
