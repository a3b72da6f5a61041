//! One open file.

use std::{
    fs::File,
    io::{self, IoSlice},
    os::unix::fs::FileExt,
    sync::Arc,
};

use rustix::{
    fs::{self, Advice, FallocateFlags, SeekFrom},
    io::Errno,
};

use super::pending::{Changed, Pending};

/// `IOV_MAX` of Linux: what one `pwritev` takes.
const IOV_MAX: usize = 1024;

/// Bytes at a position, without a cursor: what the box scanner reads from.
pub trait ReadAt {
    /// May return less than asked; 0 at the end.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
    fn len(&self) -> io::Result<u64>;

    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// As much of `buf` as there is.
    fn read_full_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.read_at(rest, offset + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }
}

impl ReadAt for [u8] {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        let rest = self.get(from..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        Ok(n)
    }
    fn len(&self) -> io::Result<u64> {
        Ok(<[u8]>::len(self) as u64)
    }
}

impl ReadAt for File {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buf, offset)
    }
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

#[derive(Debug)]
pub struct Footage {
    file: Arc<File>,
    /// Where changes are noted, where that is needed.
    pending: Option<(Arc<Pending>, Changed)>,
    #[cfg(test)]
    traced: Option<(std::sync::Arc<super::trace::Trace>, super::trace::FileId)>,
}

/// What has happened, for [`super::trace`].
macro_rules! told {
    ($footage:expr, $trace:ident, $file:ident => $told:expr) => {
        #[cfg(test)]
        if let Some(($trace, $file)) = &$footage.traced {
            $told;
        }
    };
}

impl ReadAt for Footage {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(&*self.file, buf, offset)
    }
    fn len(&self) -> io::Result<u64> {
        ReadAt::len(&*self.file)
    }
}

impl Footage {
    pub(super) fn new(file: File) -> Self {
        Self {
            file: Arc::new(file),
            pending: None,
            #[cfg(test)]
            traced: None,
        }
    }

    pub(super) fn noted_in(self, pending: Option<&Arc<Pending>>) -> Self {
        let pending = pending.map(|pending| (pending.clone(), Changed::new(self.file.clone())));
        Self { pending, ..self }
    }

    fn changed(&self) {
        if let Some((pending, changed)) = &self.pending {
            pending.file(changed);
        }
    }

    #[cfg(test)]
    pub(super) fn traced(self, traced: Option<(std::sync::Arc<super::trace::Trace>, super::trace::FileId)>) -> Self {
        Self { traced, ..self }
    }

    pub fn into_file(self) -> io::Result<File> {
        // Noted for a sync it is shared.
        Arc::try_unwrap(self.file).or_else(|shared| shared.try_clone())
    }

    /// All of `parts`, one `pwritev` where the kernel takes it in one.
    pub fn write_at(&self, parts: &[&[u8]], mut offset: u64) -> io::Result<()> {
        #[cfg(test)]
        let begin = offset;
        let mut slices: Vec<IoSlice> = parts
            .iter()
            .filter(|p| !p.is_empty())
            .map(|p| IoSlice::new(p))
            .collect();
        let mut rest: &mut [IoSlice] = &mut slices;
        while !rest.is_empty() {
            let batch = rest.get(..rest.len().min(IOV_MAX)).unwrap_or_default();
            match rustix::io::pwritev(&self.file, batch, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    offset += n as u64;
                    IoSlice::advance_slices(&mut rest, n);
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.changed();
        told!(self, trace, file => trace.wrote(*file, Some(begin), parts.concat()));
        Ok(())
    }

    /// For files opened by `open_append`.
    pub fn append(&self, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(&mut &*self.file, bytes)?;
        self.changed();
        told!(self, trace, file => trace.wrote(*file, None, bytes.to_vec()));
        Ok(())
    }

    /// Reserves blocks without changing the length. Not every file system can: then nothing.
    pub fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        match fs::fallocate(&self.file, FallocateFlags::KEEP_SIZE, offset, len) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Cuts the file, and frees what was reserved beyond.
    pub fn truncate(&self, len: u64) -> io::Result<()> {
        fs::ftruncate(&self.file, len)?;
        self.changed();
        told!(self, trace, file => trace.truncated(*file, len));
        Ok(())
    }

    /// The file still has a name: without one it goes when it is closed.
    pub fn is_linked(&self) -> io::Result<bool> {
        Ok(fs::fstat(&self.file)?.st_nlink > 0)
    }

    pub fn sync_data(&self) -> io::Result<()> {
        fs::fdatasync(&self.file)?;
        told!(self, trace, file => trace.noted(super::trace::Op::SyncedData(*file)));
        Ok(())
    }

    /// What is read next comes from the device. After a write that failed, memory holds bytes that
    /// the device does not.
    pub fn forget_cached(&self) -> io::Result<()> {
        match fs::fadvise(&self.file, 0, None, Advice::DontNeed) {
            Ok(()) | Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::SPIPE) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Where the first stretch begins that was reserved or lost but never written; the length of
    /// the file when there is none, or when the file system cannot tell.
    pub fn first_hole(&self) -> io::Result<u64> {
        let len = self.len()?;
        if len == 0 {
            return Ok(0);
        }
        match fs::seek(&self.file, SeekFrom::Hole(0)) {
            Ok(at) => Ok(at.min(len)),
            Err(_) => Ok(len),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use crate::file::Root;

    #[test]
    fn many_parts_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let file = root.create_new(Path::new("a")).unwrap();
        let parts: Vec<Vec<u8>> = (0..2500u32).map(|i| i.to_be_bytes().to_vec()).collect();
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        file.allocate(0, 1 << 20).unwrap();
        file.write_at(&slices, 0).unwrap();
        file.truncate(10_000).unwrap();
        assert_eq!(root.read(Path::new("a"), 1 << 20).unwrap(), parts.concat());
    }

    #[test]
    fn rename_never_replaces() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.create_dirs(Path::new("x/y/z")).unwrap();
        root.create_new(Path::new("x/y/z/a")).unwrap();
        root.create_new(Path::new("x/y/z/b")).unwrap();
        assert!(root.rename(Path::new("x/y/z/a"), Path::new("x/y/z/b")).is_err());
        assert_eq!(root.list(Path::new("x/y/z")).unwrap().len(), 2);
        assert!(root.list(Path::new("nowhere")).unwrap().is_empty());
        assert!(root.is_in_place());
    }
}
