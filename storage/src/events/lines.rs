//! Reading a file line by line, and one line again.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use super::{bounds, error::EventLogError};
use crate::line;

const BUFFER: usize = 128 << 10;

/// Where a line lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub at: u64,
    pub len: usize,
}

pub(super) struct Line<'a> {
    pub place: Place,
    /// Its entry; `None`: damaged, torn or far too long.
    pub text: Option<&'a [u8]>,
}

pub(super) struct Lines<'p> {
    path: &'p Path,
    file: io::Take<BufReader<File>>,
    at: u64,
    line: Vec<u8>,
}

impl<'p> Lines<'p> {
    /// The first `len` bytes of a file; `None`: it is not there any more.
    pub fn open(path: &'p Path, len: u64) -> Result<Option<Lines<'p>>, EventLogError> {
        match File::open(path) {
            Ok(file) => Ok(Some(Lines {
                path,
                file: BufReader::with_capacity(BUFFER, file).take(len),
                at: 0,
                line: Vec::new(),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(path, error)),
        }
    }

    pub fn next(&mut self) -> Result<Option<Line<'_>>, EventLogError> {
        let at = self.at;
        let mut len = self.read_on()?;
        if len == 0 {
            return Ok(None);
        }
        let fits = len <= bounds::LINE;
        if !fits {
            // Its rest, piece by piece.
            while self.line.last() != Some(&b'\n') {
                match self.read_on()? {
                    0 => break,
                    more => len += more,
                }
            }
        }
        self.at += len as u64;
        Ok(Some(Line {
            place: Place { at, len },
            text: fits.then(|| line::entry(&self.line)).flatten(),
        }))
    }

    fn read_on(&mut self) -> Result<usize, EventLogError> {
        self.line.clear();
        let mut piece = (&mut self.file).take(bounds::LINE as u64 + 1);
        let read = piece.read_until(b'\n', &mut self.line);
        read.map_err(|error| failed(self.path, error))
    }

    /// Best effort: makes what is read durable.
    pub fn sync(&self) {
        let _ = self.file.get_ref().get_ref().sync_data();
    }

    /// Of the whole file; 0: that cannot be told.
    pub fn len(&self) -> u64 {
        let file = self.file.get_ref().get_ref();
        file.metadata().map_or(0, |found| found.len())
    }

    /// A line that was whole; reading on by [`Lines::next`] is over.
    pub fn again(&mut self, place: Place) -> Result<Option<&[u8]>, EventLogError> {
        let file = self.file.get_mut().get_mut();
        self.line.resize(place.len, 0);
        let read = file
            .seek(SeekFrom::Start(place.at))
            .and_then(|_| file.read_exact(&mut self.line));
        read.map_err(|error| failed(self.path, error))?;
        Ok(line::entry(&self.line))
    }
}

fn failed(path: &Path, error: io::Error) -> EventLogError {
    EventLogError::Io {
        what: "read",
        path: path.to_owned(),
        error,
    }
}
