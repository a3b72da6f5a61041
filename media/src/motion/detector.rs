//! Which cells of a picture something moves in.
//!
//! A cell moves when it differs from its background (slow) and has just changed (fast), both by
//! more than it usually does and more than its surroundings' light explains; when its neighbours
//! do so too; and when this was so in the pictures before.

use std::time::Duration;

use super::{
    blobs::{Blobs, Least},
    grid::{Grid, Luma},
    light::Light,
};

/// Of settings from 0, which hardly sees anything, to 100, which sees the smallest change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sensitivity(u8);

impl Sensitivity {
    /// Over 100 is 100.
    pub fn new(percent: u8) -> Self {
        Self(percent.min(100))
    }

    /// What thresholds are multiplied with: 4 at 0, 1 at 50, 1/4 at 100.
    fn factor(self) -> f32 {
        ((50.0 - f32::from(self.0)) / 25.0).exp2()
    }
}

/// What the background has of a new picture, after so many seconds about two thirds: where it is
/// as ever, where only the light has changed, where something stands still, where something moves.
const AS_EVER: f32 = 4.0;
const LIT: f32 = 3.0;
const STILL: f32 = 2.0;
const MOVING: f32 = 60.0;
/// The same of the recent past.
const RECENT: f32 = 0.5;
/// Without change for as long (seconds) it stands still.
const STANDS: f32 = 2.0;

/// Smallest difference to the background and to the recent past that counts, in luma steps, and how
/// often the usual one it must be.
const LEAST: f32 = 5.0;
const LEAST_RECENT: f32 = 4.0;
const USUAL: f32 = 1.6;
/// The usual difference is exceeded by one picture in so many.
const ONE_IN: f32 = 50.0;
/// How fast it is learnt, in luma steps per picture.
const LEARN: f32 = 0.5;

/// With more than this share of such cells it rains, or the like: only what is large counts, and
/// what is usual is learnt so many times faster.
const RESTLESS: f32 = 0.02;
const HURRY: f32 = 6.0;
/// A cell that differed is as ever again: below this part of its threshold. What is left of
/// restlessness from one picture to the next.
const SPIKE: f32 = 0.5;
const CALMS: f32 = 0.9;
/// A cell that stands out more counts no more.
const MOST_WEIGHT: f32 = 8.0;
/// Even where nothing ever changes.
const LEAST_USUAL: f32 = 0.3;

/// Pictures before anything can be told.
const FIRST: u32 = 7;
/// More than this share of the cells lit otherwise: thresholds rise, for so long (seconds).
const FLUX: f32 = 0.2;
const FLUX_TIME: f32 = 0.8;
const FLUX_FACTOR: f32 = 2.0;

#[derive(Debug)]
pub struct Detector {
    sensitivity: Sensitivity,
    grid: Grid,
    last: Option<Duration>,
    pictures: u32,
    sums: Vec<u32>,
    now: Vec<f32>,
    slow: Vec<f32>,
    fast: Vec<f32>,
    /// The usual difference of each cell to its background, and to the recent past.
    usual: Vec<f32>,
    usual_fast: Vec<f32>,
    /// Seconds since a cell changed.
    still: Vec<f32>,
    changed: Vec<bool>,
    /// Differences of the last picture to the background and to the recent past, in its light.
    to_slow: Vec<f32>,
    to_fast: Vec<f32>,
    /// How often each cell exceeds its threshold; and the same where it counts, else 0.
    excess: Vec<f32>,
    weight: Vec<f32>,
    moved: Vec<bool>,
    light: Light,
    blobs: Blobs,
    /// Seconds for which thresholds stay higher.
    flux: f32,
    /// Share of the cells that differed for one picture only, lately.
    restless: f32,
}

impl Detector {
    pub fn new(sensitivity: Sensitivity) -> Self {
        Self::on(sensitivity, Grid::of(0, 0))
    }

    fn on(sensitivity: Sensitivity, grid: Grid) -> Self {
        let cells = grid.cells();
        Self {
            sensitivity,
            grid,
            last: None,
            pictures: 0,
            sums: Vec::with_capacity(grid.columns),
            now: vec![0.0; cells],
            slow: vec![0.0; cells],
            fast: vec![0.0; cells],
            usual: vec![2.0; cells],
            usual_fast: vec![2.0; cells],
            still: vec![0.0; cells],
            changed: vec![false; cells],
            to_slow: vec![0.0; cells],
            to_fast: vec![0.0; cells],
            excess: vec![0.0; cells],
            weight: vec![0.0; cells],
            moved: vec![false; cells],
            light: Light::new(grid),
            blobs: Blobs::new(grid),
            flux: 0.0,
            restless: 0.0,
        }
    }

    pub(super) fn grid(&self) -> Grid {
        self.grid
    }

    /// Of each cell of the last picture, row by row, whether something moves in it.
    pub fn moved(&self) -> &[bool] {
        &self.moved
    }

    /// Takes a picture and its time. A picture of another size begins anew.
    pub fn see(&mut self, picture: &Luma, at: Duration) {
        let grid = Grid::of(picture.width, picture.height);
        if grid != self.grid {
            *self = Self::on(self.sensitivity, grid);
        }
        let grid = self.grid;
        grid.average(picture, &mut self.sums, &mut self.now);
        let passed = self
            .last
            .map(|last| at.saturating_sub(last).as_secs_f32().clamp(0.02, 1.0));
        self.last = Some(at);
        let Some(passed) = passed else {
            self.slow.copy_from_slice(&self.now);
            self.fast.copy_from_slice(&self.now);
            return;
        };
        self.pictures = self.pictures.saturating_add(1);
        self.light.measure(&self.now, &self.slow, &self.fast, &self.moved);
        self.compare(passed);
        let least = if self.restless > RESTLESS {
            Least {
                cells: 12,
                weight: 30.0,
                pictures: 3,
                pictures_large: 3,
                large: 12,
            }
        } else {
            Least {
                cells: 3,
                weight: 8.0,
                pictures: 3,
                pictures_large: 2,
                large: 12,
            }
        };
        self.blobs.find(&self.weight, &least, &mut self.moved);
        if self.pictures < FIRST {
            self.moved.fill(false);
        }
        self.learn(passed);
    }

    /// What differs from the background and has just changed, by more than it usually does.
    fn compare(&mut self, passed: f32) {
        let n = self.now.len();
        let factor = self.sensitivity.factor() * if self.flux > 0.0 { FLUX_FACTOR } else { 1.0 };
        let now = &self.now[..n];
        let (slow, fast) = (&self.slow[..n], &self.fast[..n]);
        let (lit_slow, lit_fast) = (&self.light.slow[..n], &self.light.fast[..n]);
        let (usual, usual_fast) = (&self.usual[..n], &self.usual_fast[..n]);
        let (to_slow, to_fast) = (&mut self.to_slow[..n], &mut self.to_fast[..n]);
        let (changed, still, excess) = (&mut self.changed[..n], &mut self.still[..n], &mut self.excess[..n]);
        let mut lit = 0u32;
        for i in 0..n {
            to_slow[i] = (now[i] - lit_slow[i] * slow[i]).abs();
            to_fast[i] = (now[i] - lit_fast[i] * fast[i]).abs();
            let least = factor * LEAST_RECENT.max(USUAL * usual_fast[i]);
            changed[i] = to_fast[i] > least;
            still[i] = if changed[i] { 0.0 } else { still[i] + passed };
            lit += u32::from(!changed[i] & ((now[i] - fast[i]).abs() > least));
            let differs = to_slow[i].min((now[i] - slow[i]).abs());
            excess[i] = differs / (factor * LEAST.max(USUAL * usual[i]));
        }
        let mut spikes = 0u32;
        for i in 0..n {
            let (before, excess) = (self.weight[i], self.excess[i]);
            if before > 0.0 && excess < SPIKE {
                spikes += 1;
            }
            self.weight[i] = if excess > 1.0 && self.changed_near(i) {
                excess.min(MOST_WEIGHT)
            } else {
                0.0
            };
        }
        self.restless = (spikes as f32 / n.max(1) as f32).max(CALMS * self.restless);
        self.flux = if lit as f32 > FLUX * n as f32 {
            FLUX_TIME
        } else {
            (self.flux - passed).max(0.0)
        };
    }

    /// The cell or one that touches it has just changed.
    fn changed_near(&self, cell: usize) -> bool {
        let Grid { columns, rows, .. } = self.grid;
        let (row, column) = (cell / columns, cell % columns);
        let along = column.saturating_sub(1)..(column + 2).min(columns);
        let mut near = row.saturating_sub(1)..(row + 2).min(rows);
        near.any(|row| {
            let line = self.changed.get(row * columns + along.start..row * columns + along.end);
            line.is_some_and(|line| line.contains(&true))
        })
    }

    /// Background, recent past, and what is usual.
    fn learn(&mut self, passed: f32) {
        let n = self.now.len();
        let share = |seconds: f32| (passed / seconds).min(1.0);
        let (as_ever, lit, still, moving) = (share(AS_EVER), share(LIT), share(STILL), share(MOVING));
        let recent = share(RECENT);
        let hurry = self.restless > RESTLESS;
        let step = if hurry { HURRY * LEARN } else { LEARN };
        let lights = self.flux > 0.0;
        let (now, stood) = (&self.now[..n], &self.still[..n]);
        let (to_slow, to_fast, moved) = (&self.to_slow[..n], &self.to_fast[..n], &self.moved[..n]);
        let (slow, fast) = (&mut self.slow[..n], &mut self.fast[..n]);
        let (usual, usual_fast) = (&mut self.usual[..n], &mut self.usual_fast[..n]);
        for i in 0..n {
            let least = LEAST.max(USUAL * usual[i]);
            let off = now[i] - slow[i];
            let there = if stood[i] > STANDS { still } else { moving };
            let other = if to_slow[i] > least { there } else { lit };
            slow[i] += off * if off.abs() > least { other } else { as_ever };
            fast[i] += recent * (now[i] - fast[i]);
            let learns = !lights && (hurry || !moved[i]);
            let step = if learns { step } else { 0.0 };
            usual[i] = learn(usual[i], to_slow[i], step);
            usual_fast[i] = learn(usual_fast[i], to_fast[i], step);
        }
    }
}

/// Nearer to a value that one picture in [`ONE_IN`] exceeds.
fn learn(usual: f32, seen: f32, step: f32) -> f32 {
    let (up, down) = (
        usual + step.min((seen - usual).max(0.0)),
        (usual - step / ONE_IN).max(LEAST_USUAL),
    );
    if seen > usual { up } else { down }
}
