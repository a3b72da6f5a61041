//! The bytes of a clip, from any position, with memory for one window.

use std::{
    fs::File,
    io::{self, Read},
    ops::Range,
    sync::Arc,
};

use super::{
    moof,
    plan::{Piece, Plan},
};
use crate::{file::ReadAt, mp4::BoxHeader};

const WINDOW: usize = 256 << 10;
/// Larger fragment tables are not ours.
const MAX_MOOF: usize = 1 << 20;

/// Reads a range of a clip. An error in the middle (footage deleted meanwhile, a disk gone) ends
/// it: what came before was right.
pub struct ClipReader {
    plan: Arc<Plan>,
    piece: usize,
    /// Position in that piece.
    at: u64,
    left: u64,
    /// The file of this row is open.
    file: Option<(usize, File)>,
    walk: Option<Walk>,
}

/// Passing through whole fragments.
struct Walk {
    /// Next byte of the file to be read into the window.
    at: u64,
    end: u64,
    window: Vec<u8>,
    /// What of the window is ready to go out.
    ready: Range<usize>,
    /// Bytes of the current box that are still to come, unchanged.
    inside: u64,
    /// Bytes to drop before the first that was asked for.
    drop: u64,
    sequence: u32,
}

impl ClipReader {
    pub(super) fn new(plan: Arc<Plan>, range: Range<u64>) -> ClipReader {
        let (mut piece, mut at) = (0, range.start);
        for len in plan.pieces.iter().map(Piece::len) {
            if at < len {
                break;
            }
            at -= len;
            piece += 1;
        }
        let left = range.end.saturating_sub(range.start);
        ClipReader {
            plan,
            piece,
            at,
            left,
            file: None,
            walk: None,
        }
    }

    fn open(&mut self, row: usize) -> io::Result<&File> {
        let segment = self.plan.rows.get(row).ok_or(io::ErrorKind::NotFound)?;
        let opened = match self.file.take().filter(|(open, _)| *open == row) {
            Some(opened) => opened,
            None => (
                row,
                (self.plan.open)(segment).map_err(|error| {
                    io::Error::new(
                        error.kind(),
                        format!("footage of {} from {} is gone: {error}", segment.stream, segment.start),
                    )
                })?,
            ),
        };
        Ok(&self.file.insert(opened).1)
    }

    fn read_media(&mut self, row: usize, file: Range<u64>, out: &mut [u8]) -> io::Result<usize> {
        let at = self.at;
        let most = usize::try_from(file.end - file.start - at)
            .unwrap_or(usize::MAX)
            .min(out.len());
        let file_at = file.start + at;
        let got = self
            .open(row)?
            .read_full_at(out.get_mut(..most).unwrap_or_default(), file_at)?;
        if got == 0 { Err(cut_short()) } else { Ok(got) }
    }

    fn read_fragments(&mut self, row: usize, file: Range<u64>, out: &mut [u8]) -> io::Result<usize> {
        let at = self.at;
        let shift = *self.plan.shifts.get(row).ok_or(io::ErrorKind::NotFound)?;
        // Unique and growing without knowing how many fragments other segments have.
        let sequence = u32::try_from(self.piece).unwrap_or(0) << 16;
        let mut walk = self.walk.take();
        let source = self.open(row)?;
        let mut walk = match walk.take() {
            Some(walk) => walk,
            None => Walk::to(source, file, at, sequence)?,
        };
        while walk.ready.is_empty() {
            walk.fill(source, &shift)?;
        }
        let ready = walk.window.get(walk.ready.clone()).unwrap_or_default();
        let n = ready.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..n), ready.get(..n)) {
            to.copy_from_slice(from);
        }
        walk.ready.start += n;
        self.walk = Some(walk);
        Ok(n)
    }
}

impl Read for ClipReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(out.len());
        let Some(out) = out.get_mut(..most).filter(|out| !out.is_empty()) else {
            return Ok(0);
        };
        let plan = self.plan.clone();
        let Some(piece) = plan.pieces.get(self.piece) else {
            return Ok(0);
        };
        let n = match piece {
            Piece::Bytes(bytes) => {
                let at = usize::try_from(self.at).unwrap_or(usize::MAX);
                let rest = bytes.get(at..).unwrap_or_default();
                let n = rest.len().min(out.len());
                if let (Some(to), Some(from)) = (out.get_mut(..n), rest.get(..n)) {
                    to.copy_from_slice(from);
                }
                n
            }
            Piece::Media { row, file } => self.read_media(*row, file.clone(), out)?,
            Piece::Fragments { row, file } => self.read_fragments(*row, file.clone(), out)?,
        };
        self.at += n as u64;
        self.left -= n as u64;
        if self.at >= piece.len() {
            self.piece += 1;
            self.at = 0;
            self.walk = None;
        }
        Ok(n)
    }
}

impl Walk {
    /// Finds the box that byte `at` of the stretch `range` lies in, by headers alone.
    fn to(file: &File, range: Range<u64>, at: u64, sequence: u32) -> io::Result<Walk> {
        let target = range.start + at;
        let (mut position, mut sequence) = (range.start, sequence);
        let walk = |position, inside, drop, sequence| {
            Ok(Walk {
                at: position,
                end: range.end,
                window: vec![0; WINDOW],
                ready: 0..0,
                inside,
                drop,
                sequence,
            })
        };
        while position < target {
            let mut header = [0u8; 16];
            let got = file.read_full_at(&mut header, position)?;
            let header = header
                .get(..got)
                .and_then(BoxHeader::parse)
                .ok_or_else(|| not_ours(position))?;
            let len = header.len.ok_or_else(|| not_ours(position))?;
            let is_moof = &header.kind.0 == b"moof";
            if position + len > target {
                return if is_moof {
                    walk(position, 0, target - position, sequence)
                } else {
                    walk(target, position + len - target, 0, sequence)
                };
            }
            sequence = sequence.wrapping_add(u32::from(is_moof));
            position += len;
        }
        walk(position, 0, 0, sequence)
    }

    /// Makes at least one byte ready, or drops some.
    fn fill(&mut self, file: &File, shift: &moof::Shift) -> io::Result<()> {
        let most = usize::try_from(self.end - self.at)
            .unwrap_or(usize::MAX)
            .min(self.window.len());
        let got = file.read_full_at(self.window.get_mut(..most).unwrap_or_default(), self.at)?;
        if got < most || got == 0 {
            return Err(cut_short());
        }
        let mut done = 0;
        while let Some(rest) = self.window.get_mut(done..got).filter(|rest| !rest.is_empty()) {
            if self.inside > 0 {
                let n = usize::try_from(self.inside).unwrap_or(usize::MAX).min(rest.len());
                self.inside -= n as u64;
                done += n;
                continue;
            }
            let position = self.at + done as u64;
            // Cut by the end of the window: comes with the next one.
            let Some(header) = BoxHeader::parse(rest) else { break };
            let len = header
                .len
                .filter(|len| position + len <= self.end)
                .ok_or_else(|| not_ours(position))?;
            if &header.kind.0 != b"moof" {
                self.inside = len;
                continue;
            }
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            let Some(moof) = rest.get_mut(..len) else { break };
            moof::patch(moof, shift, self.sequence).ok_or_else(|| not_ours(position))?;
            self.sequence = self.sequence.wrapping_add(1);
            done += len;
        }
        if done == 0 {
            // One moof larger than the window, or rubbish.
            if self.window.len() > MAX_MOOF || got < self.window.len() {
                return Err(not_ours(self.at));
            }
            self.window.resize(self.window.len() * 2, 0);
            return Ok(());
        }
        let dropped = usize::try_from(self.drop).unwrap_or(usize::MAX).min(done);
        self.drop -= dropped as u64;
        self.ready = dropped..done;
        self.at += done as u64;
        Ok(())
    }
}

fn cut_short() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "a footage file is shorter than the index says",
    )
}

fn not_ours(position: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("no fragment at byte {position} of a footage file"),
    )
}
