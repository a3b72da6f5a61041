//! sled 0.34, and all of what one has to know about it.
//!
//! - It may panic on damaged files: every call runs on a thread of its own, whose end is looked at.
//! - Its flush hands the bytes to the kernel, not to the device: [`Base::write`] does that after it.
//! - After an I/O error it refuses everything until it is opened again: so it is closed then.
//! - A batch on one tree is written as a whole or not at all: so there is one tree.
//! - It skips what it cannot read amid its log: so each batch holds sums ([`super::digest`]).

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    thread,
};

use vigie_config::Utc;

use super::{
    digest::{self, Sum},
    error::Fault,
    key,
};

/// The newest layout of keys and values that is understood.
pub(super) const FORMAT: u32 = 2;

/// sled keeps at most about this much of the tree in memory.
const CACHE_BYTES: u64 = 32 << 20;

/// Key and value.
pub(super) type Entry = (Vec<u8>, Vec<u8>);
pub(super) type Entries = Vec<Entry>;
/// From the first key up to, without it, the second.
pub(super) type Range = (Vec<u8>, Vec<u8>);
/// `None`: the key goes.
pub(super) type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// An open tree; cheap to copy, so that readers need no lock.
#[derive(Clone)]
pub(super) struct Base(sled::Db);

impl Base {
    /// The flag says whether there was nothing yet.
    pub fn open(dir: &Path) -> Result<(Base, bool), Fault> {
        guarded(|| {
            fs::create_dir_all(dir)?;
            let db = sled::Config::new()
                .path(dir)
                .mode(sled::Mode::LowSpace)
                .cache_capacity(CACHE_BYTES)
                .flush_every_ms(None)
                .open()?;
            let format = db.get(key::FORMAT)?;
            let fresh = db.first()?.is_none();
            match format.as_deref().map(<[u8; 4]>::try_from) {
                None if fresh => {
                    db.insert(key::FORMAT, &FORMAT.to_le_bytes())?;
                }
                None => {
                    return Err(Fault::Broken {
                        why: "it does not name its format".into(),
                    });
                }
                Some(Ok(bytes)) => match u32::from_le_bytes(bytes) {
                    FORMAT => {}
                    seen if seen > FORMAT => return Err(Fault::Newer { seen }),
                    seen => {
                        return Err(Fault::Broken {
                            why: format!("its format is {seen}, not {FORMAT}"),
                        });
                    }
                },
                Some(Err(_)) => {
                    return Err(Fault::Broken {
                        why: "it does not name its format".into(),
                    });
                }
            }
            let base = Base(db);
            base.compare_sum_of_all()?;
            Ok((base, fresh))
        })
    }

    fn compare_sum_of_all(&self) -> Result<(), Fault> {
        let told = self.0.get(key::SUM_OF_ALL)?;
        let told = Sum::decode(key::SUM_OF_ALL, told.as_deref())?;
        match self.sum_now(&[key::SUMMED_IN_ALL])? == told {
            true => Ok(()),
            false => Err(Fault::Broken {
                why: "its entries are of different flushes".into(),
            }),
        }
    }

    fn sum_now<K: AsRef<[u8]>>(&self, ranges: &[(K, K)]) -> Result<Sum, Fault> {
        let mut sum = Sum::default();
        for (from, to) in ranges {
            for value in self.0.range(from.as_ref()..to.as_ref()).values() {
                sum.add(&value?);
            }
        }
        Ok(sum)
    }

    /// Over the values in all these ranges.
    pub fn sum(&self, ranges: &[Range]) -> Result<Sum, Fault> {
        guarded(|| self.sum_now(ranges))
    }

    /// All or nothing, and on the device when it returns.
    pub fn write(&self, dir: &Path, changes: &Changes) -> Result<(), Fault> {
        guarded(|| {
            let sums = digest::renewed(changes, |key| Ok(self.0.get(key)?.map(|value| value.to_vec())))?;
            let mut batch = sled::Batch::default();
            for (key, value) in changes.iter().chain(&sums) {
                match value {
                    Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                    None => batch.remove(key.as_slice()),
                }
            }
            self.0.apply_batch(batch)?;
            self.0.flush()?;
            sync_files(dir)?;
            Ok(())
        })
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        guarded(|| Ok(self.0.get(key)?.map(|value| value.to_vec())))
    }

    /// In [`from`, `to`), by key.
    pub fn range(&self, from: &[u8], to: &[u8]) -> Result<Entries, Fault> {
        guarded(|| self.range_now(from, to))
    }

    fn range_now(&self, from: &[u8], to: &[u8]) -> Result<Entries, Fault> {
        let entries = self.0.range(from..to);
        let owned = |entry: sled::Result<(sled::IVec, sled::IVec)>| {
            let (key, value) = entry?;
            Ok((key.to_vec(), value.to_vec()))
        };
        entries.map(owned).collect()
    }

    /// Entries in each of three ranges, and the last one in a fourth: one thread for all.
    pub fn look(&self, ranges: [&Range; 3], last_in: &Range) -> Result<([Entries; 3], Option<Entry>), Fault> {
        guarded(|| {
            let [one, two, three] = ranges.map(|(from, to)| self.range_now(from, to));
            Ok(([one?, two?, three?], self.last_now(&last_in.0, &last_in.1)?))
        })
    }

    /// The first key in [`from`, `to`).
    pub fn first(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        guarded(|| match self.0.range(from..to).next() {
            Some(entry) => Ok(Some(entry?.0.to_vec())),
            None => Ok(None),
        })
    }

    /// The last entry in [`from`, `to`).
    pub fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Entry>, Fault> {
        guarded(|| self.last_now(from, to))
    }

    fn last_now(&self, from: &[u8], to: &[u8]) -> Result<Option<Entry>, Fault> {
        let last = self.0.range(from..to).next_back().transpose()?;
        Ok(last.map(|(key, value)| (key.to_vec(), value.to_vec())))
    }

    pub fn size_on_disk(&self) -> Result<u64, Fault> {
        guarded(|| Ok(self.0.size_on_disk()?))
    }

    /// Past the sums.
    #[cfg(test)]
    pub fn lose(&self, key: &[u8]) {
        let gone = self.0.remove(key).and_then(|_| self.0.flush());
        assert!(gone.is_ok(), "{gone:?}");
    }

    /// Closing writes too, and may panic as everything may.
    pub fn close(self) {
        let closed = guarded(move || {
            drop(self);
            Ok(())
        });
        if let Err(fault) = closed {
            tracing::warn!(?fault, "the index did not close cleanly");
        }
    }

    /// For one that panicked: its locks may be held for ever, so nothing of it is run again. The
    /// memory stays taken; the lock of its file stays held, which does no harm once it is moved.
    pub fn abandon(self) {
        std::mem::forget(self);
    }
}

/// Moves what cannot be trusted out of the way, for whoever wants to look at it.
pub(super) fn set_aside(dir: &Path) -> io::Result<PathBuf> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let to = dir.with_file_name(format!("{name}.broken-{}", Utc::now().strftime("%Y%m%dT%H%M%S.%6fZ")));
    fs::rename(dir, &to)?;
    Ok(to)
}

fn sync_files(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            match File::open(entry.path()) {
                Ok(file) => file.sync_data()?,
                // sled replaces its snapshot files meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    File::open(dir)?.sync_all()
}

fn guarded<T: Send>(work: impl FnOnce() -> Result<T, Fault> + Send) -> Result<T, Fault> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("index".into())
            .spawn_scoped(scope, work)
            .map_err(|error| Fault::Folder {
                why: format!("no thread for it: {error}"),
                full: false,
            })?;
        thread.join().unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no reason given");
            Err(Fault::Panicked {
                why: text.chars().take(200).collect(),
            })
        })
    })
}
