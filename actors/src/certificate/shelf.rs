//! `state_dir/tls`: one file for each origin, the key and its chain in it, so that both change at once.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::Origin;

/// Far above any chain.
const MOST_BYTES: u64 = 1 << 20;
/// The account at an ACME server.
const ACCOUNT: &str = "acme-account.json";

pub struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub fn path(&self, origin: Origin) -> PathBuf {
        self.folder.join(match origin {
            Origin::Own => "own.pem",
            Origin::Uploaded => "uploaded.pem",
            Origin::Acme => "acme.pem",
            // Theirs stay where they are.
            Origin::Files => "files.pem",
        })
    }

    pub fn read(&self, origin: Origin) -> io::Result<Option<String>> {
        read(&self.path(origin))
    }

    pub fn keep(&self, origin: Origin, text: &str) -> io::Result<()> {
        self.write(&self.path(origin), text)
    }

    /// False: there was none.
    pub fn forget(&self, origin: Origin) -> io::Result<bool> {
        match fs::remove_file(self.path(origin)) {
            Ok(()) => fs::File::open(&self.folder)?.sync_all().map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub fn account(&self) -> io::Result<Option<String>> {
        read(&self.folder.join(ACCOUNT))
    }

    pub fn keep_account(&self, text: &str) -> io::Result<()> {
        self.write(&self.folder.join(ACCOUNT), text)
    }

    /// A whole file or none, for this recorder's eyes alone.
    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let draft = path.with_extension("new");
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        fs::File::open(&self.folder)?.sync_all()
    }
}

/// Of a regular file; `None`: it is not there.
pub fn read(path: &Path) -> io::Result<Option<String>> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("is no file"));
    }
    let mut text = String::new();
    file.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(Some(text))
}
