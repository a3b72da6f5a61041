//! The index and the plain way, asked for the same.

use std::{fs::File, path::Path};

use anyhow::{Context, Result, ensure};
use vigie_config::{StreamId, Utc};
use vigie_storage::{
    GapRow, SegmentRow, VolumeId,
    index::{Index, Opening},
    recovery::Mark,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// The product's index.
    Vigie,
    /// sled with one entry for each segment and each gap.
    Rows,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Vigie => "vigie",
            Kind::Rows => "rows",
        }
    }
}

pub enum Store {
    Vigie(Box<Index>),
    Rows { db: sled::Db, batch: sled::Batch },
}

impl Store {
    pub fn open(kind: Kind, dir: &Path) -> Result<Store> {
        match kind {
            Kind::Vigie => {
                let (index, opening) = Index::open(dir);
                ensure!(matches!(opening, Opening::Found | Opening::Fresh), "{opening:?}");
                Ok(Store::Vigie(Box::new(index)))
            }
            Kind::Rows => {
                let config = sled::Config::new().path(dir).mode(sled::Mode::LowSpace);
                let db = config.cache_capacity(32 << 20).flush_every_ms(None).open()?;
                let batch = sled::Batch::default();
                Ok(Store::Rows { db, batch })
            }
        }
    }

    pub fn put(&mut self, row: &SegmentRow) -> Result<()> {
        match self {
            Store::Vigie(index) => index.put_segment(row)?,
            Store::Rows { batch, .. } => batch.insert(key(b's', &row.stream, row.start), plain(row)),
        }
        Ok(())
    }

    pub fn put_gap(&mut self, row: &GapRow) -> Result<()> {
        match self {
            Store::Vigie(index) => index.put_gap(row)?,
            Store::Rows { batch, .. } => {
                let end = row.end.map_or(0, Utc::as_micros);
                batch.insert(key(b'g', &row.stream, row.start), end.to_le_bytes().as_slice());
            }
        }
        Ok(())
    }

    /// Durable when it returns, with the volume's checkpoint as the recorder sets it.
    pub fn flush(&mut self, dir: &Path, volume: VolumeId, mark: &Mark) -> Result<()> {
        match self {
            Store::Vigie(index) => {
                index.set_checkpoint(volume, &mark.encode(), index.generation());
                index.flush()?;
            }
            Store::Rows { db, batch } => {
                batch.insert(b"c", mark.encode());
                db.apply_batch(std::mem::take(batch))?;
                db.flush()?;
                File::open(dir.join("db"))?.sync_data()?;
            }
        }
        Ok(())
    }

    /// Rows of both kinds that touch the range.
    pub fn count(&self, stream: &StreamId, from: Utc, to: Utc) -> Result<usize> {
        match self {
            Store::Vigie(index) => {
                let found = index.recordings(stream, from, to)?;
                Ok(found.segments.len() + found.gaps.len())
            }
            Store::Rows { db, .. } => {
                let mut found = 0;
                for kind in [b's', b'g'] {
                    // One that began before may reach in.
                    let before = db
                        .range(key(kind, stream, Utc::MIN)..key(kind, stream, from))
                        .next_back();
                    found += before.transpose()?.map_or(0, |_| 1);
                    for entry in db.range(key(kind, stream, from)..key(kind, stream, to)) {
                        let (key, value) = entry?;
                        let rest = key.len().checked_sub(8).context("a key")?;
                        found += usize::from(value.len() + rest > 0);
                    }
                }
                Ok(found)
            }
        }
    }
}

fn key(kind: u8, stream: &StreamId, start: Utc) -> Vec<u8> {
    let mut key = vec![kind];
    key.extend(stream.to_string().into_bytes());
    key.push(0);
    key.extend((start.as_micros() as u64 ^ 1 << 63).to_be_bytes());
    key
}

/// The fields one after the other.
fn plain(row: &SegmentRow) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    out.extend(row.end.as_micros().to_le_bytes());
    out.extend(row.bytes.to_le_bytes());
    out.extend(row.volume.0.to_le_bytes());
    out.extend(u128::from(row.run).to_le_bytes());
    for number in [row.number, row.units, row.init_bytes, row.format, row.audio_format] {
        out.extend(number.to_le_bytes());
    }
    out.extend([row.causes.bits(), row.continued.into(), row.synchronised.into()]);
    out.extend(row.codec.as_bytes());
    out
}
