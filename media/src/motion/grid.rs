//! Pictures as cells: the mean luma of squares of pixels.

/// Cells along the longer side, at most.
const CELLS: usize = 160;

/// The luma plane of a picture: 8 bits, 16 to 235 or 0 to 255.
#[derive(Debug, Clone, Copy)]
pub struct Luma<'a> {
    pub width: usize,
    pub height: usize,
    /// Bytes from one line to the next.
    pub stride: usize,
    /// Lines may be missing at the end: they count as black.
    pub data: &'a [u8],
}

/// Size of a grid in cells, and of a cell in pixels. Pixels that fill no cell, at the right and at
/// the bottom, are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    pub columns: usize,
    pub rows: usize,
    pub cell: usize,
}

impl Grid {
    /// The grid for pictures of a size in pixels.
    pub fn of(width: usize, height: usize) -> Self {
        let cell = width.max(height).div_ceil(CELLS).max(1);
        Self {
            columns: width / cell,
            rows: height / cell,
            cell,
        }
    }

    pub fn cells(&self) -> usize {
        self.columns * self.rows
    }

    /// Mean luma of each cell, row by row; `sums` is room for a row.
    pub fn average(&self, picture: &Luma, sums: &mut Vec<u32>, cells: &mut [f32]) {
        let (n, used) = (self.cell, self.columns * self.cell);
        let scale = 1.0 / (n * n) as f32;
        if self.columns == 0 {
            return;
        }
        let lines = picture.data.chunks(picture.stride.max(1));
        let mut lines = lines.map(|line| line.get(..used).unwrap_or(&[]));
        for row in cells.chunks_mut(self.columns) {
            sums.clear();
            sums.resize(self.columns, 0);
            for line in lines.by_ref().take(n) {
                add_line(line, n, sums);
            }
            for (cell, sum) in row.iter_mut().zip(&*sums) {
                *cell = *sum as f32 * scale;
            }
        }
    }
}

/// Adds each `n` pixels of a line to one sum. The usual sizes of sub-streams have code of their own.
fn add_line(line: &[u8], n: usize, sums: &mut [u32]) {
    match n {
        1 => add_fixed::<1>(line, sums),
        2 => add_fixed::<2>(line, sums),
        3 => add_fixed::<3>(line, sums),
        4 => add_fixed::<4>(line, sums),
        5 => add_fixed::<5>(line, sums),
        8 => add_fixed::<8>(line, sums),
        n => {
            for (sum, pixels) in sums.iter_mut().zip(line.chunks_exact(n)) {
                *sum += pixels.iter().map(|pixel| u32::from(*pixel)).sum::<u32>();
            }
        }
    }
}

fn add_fixed<const N: usize>(line: &[u8], sums: &mut [u32]) {
    for (sum, pixels) in sums.iter_mut().zip(line.as_chunks::<N>().0) {
        *sum += pixels.iter().map(|pixel| u32::from(*pixel)).sum::<u32>();
    }
}
