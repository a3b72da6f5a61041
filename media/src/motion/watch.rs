//! When movement in an area begins and ends.

use std::time::Duration;

use super::{Area, detector::Detector, grid::Grid};

/// Pictures one after the other with movement in the area before it counts.
const PICTURES: u32 = 2;
/// Cells in the area that must move.
const CELLS: usize = 2;

/// Movement in the area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It began with the picture of this time, which may lie some pictures back.
    Began { at: Duration },
    /// For the hold time nothing has moved; the last picture with movement had this time.
    Ended { at: Duration },
}

/// Follows what a [`Detector`] finds within one area.
#[derive(Debug)]
pub struct Watch {
    area: Area,
    hold: Duration,
    /// The area on the grid of the pictures, once one has come.
    cells: Option<(Grid, Vec<bool>)>,
    /// Since when something moves, and in how many pictures one after the other.
    since: Option<(Duration, u32)>,
    /// While movement goes on: the last picture with some.
    last: Option<Duration>,
    /// Cells of the area that moved in the last picture.
    moving: usize,
}

impl Watch {
    /// `hold`: movement is over when there was none for as long.
    pub fn new(area: Area, hold: Duration) -> Self {
        Self {
            area,
            hold,
            cells: None,
            since: None,
            last: None,
            moving: 0,
        }
    }

    /// Movement goes on, the time of `hold` included.
    pub fn is_moving(&self) -> bool {
        self.last.is_some()
    }

    /// Of the area, how much moved in the last picture: 0 to 1.
    pub fn share(&self) -> f64 {
        let area = self
            .cells
            .as_ref()
            .map_or(0, |(_, cells)| cells.iter().filter(|cell| **cell).count());
        self.moving as f64 / area.max(1) as f64
    }

    /// How many cells of the area move in the detector's last picture.
    fn count(&mut self, detector: &Detector) -> usize {
        let grid = detector.grid();
        if self.cells.as_ref().is_none_or(|(of, _)| *of != grid) {
            self.cells = Some((grid, self.area.on(&grid)));
        }
        let (_, area) = self
            .cells
            .as_ref()
            .map_or((grid, &[][..]), |(grid, cells)| (*grid, cells));
        area.iter()
            .zip(detector.moved())
            .filter(|(area, moved)| **area && **moved)
            .count()
    }

    /// Takes what the detector found in the picture of this time; times grow.
    pub fn see(&mut self, detector: &Detector, at: Duration) -> Option<Change> {
        self.moving = self.count(detector);
        if self.moving >= CELLS {
            let (begin, pictures) = self.since.map_or((at, 1), |(begin, pictures)| (begin, pictures + 1));
            self.since = Some((begin, pictures));
            if self.last.is_some() {
                self.last = Some(at);
            } else if pictures >= PICTURES {
                self.last = Some(at);
                return Some(Change::Began { at: begin });
            }
            return None;
        }
        self.since = None;
        let last = self.last?;
        if at.saturating_sub(last) < self.hold {
            return None;
        }
        self.last = None;
        Some(Change::Ended { at: last })
    }
}
