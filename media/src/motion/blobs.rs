//! Cells that touch each other, and whether they were there in the pictures before.

use super::grid::Grid;

/// How far what moves may get from one picture to the next, in cells.
const STEP: usize = 3;

/// Pictures that are remembered, and how many of them one without it costs.
const OLDEST: u8 = 6;
const FADE: u8 = 2;

/// What a group of cells needs to be taken for something that moves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Least {
    /// Cells, and what they exceed their thresholds by together.
    pub cells: usize,
    pub weight: f32,
    /// Pictures one after the other, when it is small and when it is large.
    pub pictures: u8,
    pub pictures_large: u8,
    /// Cells from which on it is large.
    pub large: usize,
}

/// Groups of the current picture.
#[derive(Debug)]
pub(super) struct Blobs {
    grid: Grid,
    /// For how many pictures something has been near each cell.
    age: Vec<u8>,
    next_age: Vec<u8>,
    seen: Vec<bool>,
    /// The cells of the group at hand.
    group: Vec<usize>,
}

impl Blobs {
    pub fn new(grid: Grid) -> Self {
        let cells = grid.cells();
        Self {
            grid,
            age: vec![0; cells],
            next_age: vec![0; cells],
            seen: vec![false; cells],
            group: Vec::with_capacity(cells),
        }
    }

    /// `weight`: for each cell by how often it exceeds its threshold, 0 where it does not.
    /// Sets `moved` for the cells of groups that have been there long enough.
    pub fn find(&mut self, weight: &[f32], least: &Least, moved: &mut [bool]) {
        self.seen.fill(false);
        for (next, age) in self.next_age.iter_mut().zip(&self.age) {
            *next = age.saturating_sub(FADE);
        }
        moved.fill(false);
        for first in 0..weight.len() {
            if !self.is_new(weight, first) {
                continue;
            }
            let sum = self.collect(weight, first);
            if self.group.len() < least.cells || sum < least.weight {
                continue;
            }
            let before = self.group.iter().filter_map(|cell| self.age.get(*cell)).max();
            let age = (before.copied().unwrap_or(0) + 1).min(OLDEST);
            let large = self.group.len() >= least.large;
            let old = age >= if large { least.pictures_large } else { least.pictures };
            let group = std::mem::take(&mut self.group);
            for cell in &group {
                self.spread(*cell, age);
                if old && let Some(moved) = moved.get_mut(*cell) {
                    *moved = true;
                }
            }
            self.group = group;
        }
        std::mem::swap(&mut self.age, &mut self.next_age);
    }

    fn is_new(&self, weight: &[f32], cell: usize) -> bool {
        weight.get(cell).is_some_and(|weight| *weight > 0.0) && self.seen.get(cell) == Some(&false)
    }

    /// The group that a cell belongs to; answers its weight.
    fn collect(&mut self, weight: &[f32], first: usize) -> f32 {
        let Grid { columns, rows, .. } = self.grid;
        self.group.clear();
        self.group.push(first);
        if let Some(seen) = self.seen.get_mut(first) {
            *seen = true;
        }
        let (mut at, mut sum) = (0, 0.0);
        while let Some(&cell) = self.group.get(at) {
            at += 1;
            sum += weight.get(cell).copied().unwrap_or(0.0);
            let (row, column) = (cell / columns, cell % columns);
            for row in row.saturating_sub(1)..(row + 2).min(rows) {
                for column in column.saturating_sub(1)..(column + 2).min(columns) {
                    let near = row * columns + column;
                    if self.is_new(weight, near) {
                        self.group.push(near);
                        if let Some(seen) = self.seen.get_mut(near) {
                            *seen = true;
                        }
                    }
                }
            }
        }
        sum
    }

    /// The next picture finds it around here.
    fn spread(&mut self, cell: usize, age: u8) {
        let Grid { columns, rows, .. } = self.grid;
        let (row, column) = (cell / columns, cell % columns);
        for row in row.saturating_sub(STEP)..(row + STEP + 1).min(rows) {
            let line = row * columns;
            let near = line + column.saturating_sub(STEP)..line + (column + STEP + 1).min(columns);
            for place in self.next_age.get_mut(near).into_iter().flatten() {
                *place = age.max(*place);
            }
        }
    }
}
