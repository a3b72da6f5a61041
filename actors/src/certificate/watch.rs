//! Certificate files of somebody else, read again when they change.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{pair::Pair, shelf};

/// What tells a file from the one that was there before.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified_s: i64,
    modified_ns: i64,
}

impl Stamp {
    /// Of what a link leads to: certbot's are links that are turned to another file.
    fn of(path: &Path) -> Option<Self> {
        let seen = fs::metadata(path).ok()?;
        Some(Self {
            device: seen.dev(),
            inode: seen.ino(),
            size: seen.size(),
            modified_s: seen.mtime(),
            modified_ns: seen.mtime_nsec(),
        })
    }
}

type Seen = (PathBuf, PathBuf, Option<Stamp>, Option<Stamp>);

/// As they were when they were read last.
#[derive(Default)]
pub struct Watch(Option<Seen>);

impl Watch {
    /// `None`: nothing changed. A chain and a key that do not fit together are read again when the
    /// other one has changed as well.
    pub fn read(&mut self, chain: &Path, key: &Path) -> Option<Result<Pair, String>> {
        let seen = (chain.to_owned(), key.to_owned(), Stamp::of(chain), Stamp::of(key));
        if self.0.as_ref() == Some(&seen) {
            return None;
        }
        self.0 = Some(seen);
        Some(read_pair(chain, key))
    }
}

fn read_pair(chain: &Path, key: &Path) -> Result<Pair, String> {
    let read = |path: &Path| {
        let text = shelf::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        text.ok_or_else(|| format!("{}: no such file", path.display()))
    };
    let (chain_text, key_text) = (read(chain)?, read(key)?);
    Pair::read(&chain_text, &key_text).map_err(|error| format!("{} with {}: {error}", chain.display(), key.display()))
}
