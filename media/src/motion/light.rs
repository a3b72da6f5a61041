//! How much brighter each place has become than it was: its own and its neighbours' light.

use super::grid::Grid;

/// Neighbours that count, in cells to each side.
const REACH: usize = 6;
/// What a cell in which something moved weighs.
const MOVED: f32 = 0.1;
/// Changes of brightness that can be told from something else.
const GAIN: std::ops::RangeInclusive<f32> = 0.25..=4.0;
/// Added to both sides: black has no gain.
const DARK: f32 = 2.0;

/// Gains of the current picture over two older ones.
#[derive(Debug)]
pub(super) struct Light {
    grid: Grid,
    /// Sums of each column over the rows around the current one: current picture, older ones, nothing.
    columns: Vec<[f32; 4]>,
    pub slow: Vec<f32>,
    pub fast: Vec<f32>,
}

impl Light {
    pub fn new(grid: Grid) -> Self {
        Self {
            grid,
            columns: vec![[0.0; 4]; grid.columns],
            slow: vec![1.0; grid.cells()],
            fast: vec![1.0; grid.cells()],
        }
    }

    /// Compares; all slices have a value for each cell, `moved` tells where something moved.
    pub fn measure(&mut self, now: &[f32], slow: &[f32], fast: &[f32], moved: &[bool]) {
        let Grid { columns, rows, .. } = self.grid;
        if columns == 0 {
            return;
        }
        self.columns.fill([0.0; 4]);
        let line = |row: usize| row * columns..(row + 1) * columns;
        let add = |sums: &mut [[f32; 4]], row: usize, sign: f32| {
            let lines = (
                now.get(line(row)),
                slow.get(line(row)),
                fast.get(line(row)),
                moved.get(line(row)),
            );
            let (Some(now), Some(slow), Some(fast), Some(moved)) = lines else {
                return;
            };
            let values = now.iter().zip(slow).zip(fast).zip(moved);
            for (sum, (((now, slow), fast), moved)) in sums.iter_mut().zip(values) {
                let weight = if *moved { sign * MOVED } else { sign };
                sum[0] += weight * (now + DARK);
                sum[1] += weight * (slow + DARK);
                sum[2] += weight * (fast + DARK);
            }
        };
        for row in 0..REACH.min(rows) {
            add(&mut self.columns, row, 1.0);
        }
        for row in 0..rows {
            if row + REACH < rows {
                add(&mut self.columns, row + REACH, 1.0);
            }
            if row > REACH {
                add(&mut self.columns, row - REACH - 1, -1.0);
            }
            let gains = self.slow.iter_mut().zip(&mut self.fast).skip(row * columns);
            along(&self.columns, gains.take(columns));
        }
    }
}

const NOTHING: [f32; 4] = [0.0; 4];

/// The same along a row.
fn along<'a>(sums: &[[f32; 4]], gains: impl Iterator<Item = (&'a mut f32, &'a mut f32)>) {
    let mut sum = [0.0_f32; 4];
    let mut add = |values: Option<&[f32; 4]>, sign: f32| {
        let values = values.unwrap_or(&NOTHING);
        for (sum, value) in sum.iter_mut().zip(values) {
            *sum += sign * value;
        }
        sum
    };
    for column in 0..REACH {
        add(sums.get(column), 1.0);
    }
    for (column, (slow, fast)) in gains.enumerate() {
        add(sums.get(column + REACH), 1.0);
        let left = column.checked_sub(REACH + 1);
        let [now, was_slow, was_fast, _] = add(left.and_then(|left| sums.get(left)), -1.0);
        *slow = (now / was_slow).clamp(*GAIN.start(), *GAIN.end());
        *fast = (now / was_fast).clamp(*GAIN.start(), *GAIN.end());
    }
}
