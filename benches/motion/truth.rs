//! The labels, as zones of the detector.

use anyhow::{Context, Result};
use serde::Deserialize;
use vigie_media::motion::Area;

use crate::score::Zone;

#[derive(Deserialize)]
struct Labels {
    zone: Vec<Label>,
}

/// Fractions of the picture's width and height.
#[derive(Deserialize)]
struct Label {
    name: String,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    moving: Vec<(u32, u32)>,
}

/// Reads a file of labels.
pub fn zones(text: &str) -> Result<Vec<Zone>> {
    let labels: Labels = toml_edit::de::from_str(text).context("labels")?;
    let zones = labels.zone.into_iter().map(|label| Zone {
        area: area(&label),
        name: label.name,
        moving: label.moving,
    });
    Ok(zones.collect())
}

/// On a grid as fine as the detector's.
fn area(label: &Label) -> Area {
    const COLUMNS: u32 = 160;
    const ROWS: u32 = 90;
    let within = |at: u32, of: u32, from: f64, length: f64| {
        let middle = (f64::from(at) + 0.5) / f64::from(of);
        (from..from + length).contains(&middle)
    };
    let rows = (0..ROWS).map(|row| {
        let down = within(row, ROWS, label.y, label.height);
        (0..COLUMNS)
            .map(|column| down && within(column, COLUMNS, label.x, label.width))
            .collect()
    });
    Area::of_rows(&rows.collect::<Vec<Vec<bool>>>())
}
