//! The part of the picture in which movement counts.

use super::grid::Grid;

/// Rows of marks, drawn over the picture: `true` counts. Any number of rows and columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    columns: usize,
    marks: Vec<bool>,
}

impl Area {
    pub fn whole() -> Self {
        Self {
            columns: 1,
            marks: vec![true],
        }
    }

    /// Rows of equal length, from the top, each from the left; empty is the whole picture.
    pub fn of_rows(rows: &[Vec<bool>]) -> Self {
        let columns = rows.first().map_or(0, Vec::len);
        if columns == 0 {
            return Self::whole();
        }
        Self {
            columns,
            marks: rows.concat(),
        }
    }

    /// For each cell of a grid whether its middle lies in the area.
    pub(super) fn on(&self, grid: &Grid) -> Vec<bool> {
        let rows = self.marks.len() / self.columns;
        let place = |at: usize, of: usize, marks: usize| (2 * at + 1) * marks / (2 * of.max(1));
        let mark = |row: usize, column: usize| {
            let (row, column) = (place(row, grid.rows, rows), place(column, grid.columns, self.columns));
            self.marks.get(row * self.columns + column).copied().unwrap_or(false)
        };
        (0..grid.rows)
            .flat_map(|row| (0..grid.columns).map(move |column| (row, column)))
            .map(|(row, column)| mark(row, column))
            .collect()
    }
}
