//! Whether something moves in a picture: pure, without GStreamer and without a clock.
//!
//! ```text
//! luma ─▶ Grid (cells of some pixels) ─▶ Detector: background, light, noise ─▶ moving cells ─▶ Watch: area, hold
//! ```
//! Belongs here: arithmetic on grey pictures and their times.
//! Does not belong here: where pictures come from (`crate::decode`), what follows from movement
//! (`vigie-actors`).

mod area;
mod blobs;
mod detector;
mod grid;
mod light;
mod watch;

pub use area::Area;
pub use detector::{Detector, Sensitivity};
pub use grid::Luma;
pub use watch::{Change, Watch};

#[cfg(test)]
mod tests;
