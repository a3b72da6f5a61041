//! The file that is appended to.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use vigie_config::Utc;

use crate::journal::sync_folder;

pub(super) struct Current {
    path: PathBuf,
    pub day: Utc,
    /// Opened by the first append, so that a folder that cannot be written to yet does no harm.
    file: Option<File>,
    /// Where the next line goes.
    pub len: u64,
    /// Where the first entry is: before it are the head and what is carried.
    top: u64,
    /// An append failed: what is behind `len` is rubbish, if there is anything.
    failed: bool,
}

impl Current {
    pub fn found(path: &Path, day: Utc, top: u64, len: u64) -> Current {
        Current {
            path: path.to_owned(),
            day,
            file: None,
            len,
            top,
            failed: false,
        }
    }

    /// Bytes of entries. What is carried does not count: it comes along into the next file.
    pub fn appended(&self) -> u64 {
        self.len - self.top
    }

    /// A new file with its first lines, of which `top` bytes are no entries; durable when it returns.
    /// After an error it is not there.
    pub fn create(path: &Path, day: Utc, top: u64, lines: &[u8]) -> io::Result<Current> {
        if let Some(folder) = path.parent() {
            match DirBuilder::new().mode(0o700).create(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => sync_folder(folder)?,
            }
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let written = (|| {
            file.write_all_at(lines, 0)?;
            file.sync_data()?;
            sync_folder(path)
        })();
        if let Err(error) = written {
            // If it stays nobody takes it for whole, or its entries have numbers that are not used again.
            let _ = file.set_len(0);
            let _ = fs::remove_file(path);
            return Err(error);
        }
        Ok(Current {
            file: Some(file),
            ..Current::found(path, day, top, lines.len() as u64)
        })
    }

    /// Opens it if need be; `None`: someone removed, replaced or changed it, or it cannot be opened.
    pub fn still_ours(mut self) -> Option<Current> {
        let named = fs::metadata(&self.path).ok()?;
        let file = match self.file.take() {
            Some(file) => file,
            None => OpenOptions::new().write(true).open(&self.path).ok()?,
        };
        let held = file.metadata().ok()?;
        let same = (named.dev(), named.ino()) == (held.dev(), held.ino());
        let fits = held.len() == self.len || self.failed && held.len() > self.len;
        self.file = Some(file);
        (same && fits).then_some(self)
    }

    /// Durable when it returns. After an error nothing of it counts: the next one starts with the
    /// same cut.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let Some(file) = &self.file else {
            return Err(io::Error::other("it was not opened"));
        };
        let written = (|| {
            if self.failed {
                file.set_len(self.len)?;
            }
            file.write_all_at(lines, self.len)?;
            file.sync_data()
        })();
        if written.is_err() {
            // For who reads it before the next append.
            let _ = file.set_len(self.len).and_then(|()| file.sync_data());
        } else {
            self.len += lines.len() as u64;
        }
        self.failed = written.is_err();
        written
    }
}
