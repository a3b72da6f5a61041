//! The figures as tables (Markdown) and as CSV.

use std::{fmt::Write, fs, path::Path};

use anyhow::Result;
use serde_json::Value;

use crate::Options;

/// One figure, that of the plain way, and what it may be at most.
#[derive(Debug, Clone)]
pub struct Line {
    section: String,
    name: String,
    unit: &'static str,
    value: f64,
    baseline: Option<f64>,
    bar: Option<f64>,
}

impl Line {
    pub fn new(section: &str, name: &str, unit: &'static str, value: f64, baseline: Option<f64>) -> Line {
        Line {
            section: section.to_owned(),
            name: name.to_owned(),
            unit,
            value,
            baseline,
            bar: None,
        }
    }

    pub fn bar(mut self, bar: f64) -> Line {
        self.bar = Some(bar);
        self
    }

    fn cells(&self) -> Vec<String> {
        let ratio = self
            .baseline
            .filter(|baseline| *baseline > 0.0)
            .map(|baseline| self.value / baseline);
        let number = |value: f64| match value {
            v if v.abs() >= 1000.0 || v.fract() == 0.0 => format!("{v:.0}"),
            v if v.abs() >= 10.0 => format!("{v:.1}"),
            v => format!("{v:.2}"),
        };
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "–".into());
        vec![
            self.name.clone(),
            self.unit.into(),
            number(self.value),
            or_dash(self.baseline.map(number)),
            or_dash(ratio.map(|ratio| format!("{ratio:.2}"))),
            or_dash(
                self.bar
                    .map(|bar| format!("≤ {bar}: {}", if self.value <= bar { "holds" } else { "MISSED" })),
            ),
        ]
    }
}

const HEAD: [&str; 6] = ["figure", "unit", "vigie", "beside it", "ratio", "bar"];

/// The tables for people, one for each section.
pub fn markdown(lines: &[Line]) -> String {
    let mut text = String::new();
    for section in lines.chunk_by(|a, b| a.section == b.section) {
        let name = section.first().map_or("", |line| &line.section);
        writeln!(
            text,
            "\n{name}\n\n| {} |\n|{}",
            HEAD.join(" | "),
            " --- |".repeat(HEAD.len())
        )
        .ok();
        for line in section {
            writeln!(text, "| {} |", line.cells().join(" | ")).ok();
        }
    }
    text
}

/// Writes the same as `index.csv`.
pub fn write_csv(folder: &Path, lines: &[Line]) -> Result<()> {
    let mut text = format!("section,{}\n", HEAD.join(","));
    for line in lines {
        let cells: Vec<String> = std::iter::once(line.section.clone()).chain(line.cells()).collect();
        let quoted = cells.iter().map(|cell| {
            if cell.contains(',') {
                format!("\"{cell}\"")
            } else {
                cell.clone()
            }
        });
        text += &(quoted.collect::<Vec<_>>().join(",") + "\n");
    }
    fs::write(folder.join("index.csv"), text)?;
    Ok(())
}

/// The index's figures out of what its processes told, vigie's first.
pub fn of_index(options: &Options, built: &[Value], asked: &[Value], killed: &[Value]) -> Vec<Line> {
    let rows = options.cameras as f64 * options.hours as f64 * 60.0;
    let share = options.hours as f64 / (options.hours / options.baseline_share).max(1) as f64;
    let section = format!(
        "index of {:.1} million segments, beside sled with one entry each ({share:.0} × its figures for 1/{share:.0}, where marked *)",
        rows / 1e6
    );
    let of =
        |told: &[Value], at: usize, name: &str| told.get(at).and_then(|told| told.get(name)).and_then(Value::as_f64);
    let line = |told: &[Value], name: &str, unit, of_what: &str, scaled: f64| {
        let baseline = of(told, 1, of_what).map(|value| value * scaled);
        Some(Line::new(&section, name, unit, of(told, 0, of_what)?, baseline))
    };
    let worst = |name: &str| {
        killed
            .iter()
            .filter_map(|told| told.get(name)?.as_f64())
            .fold(0.0, f64::max)
    };
    let after = |name: &str, unit, of_what: &str| {
        Some(Line::new(
            &section,
            name,
            unit,
            worst(of_what),
            of(asked, 1, of_what).map(|v| v * share),
        ))
    };
    let megabytes = |at| of(asked, at, "bytes").map(|bytes| bytes / 1e6);
    let per_row = |at, rows: f64| of(asked, at, "bytes").map(|bytes| bytes / rows);
    let lines = [
        Some(Line::new(&section, "segments", "million", rows / 1e6, None)),
        megabytes(0).map(|mb| Line::new(&section, "on disk *", "MB", mb, megabytes(1).map(|mb| mb * share))),
        per_row(0, rows).map(|bytes| {
            Line::new(
                &section,
                "on disk, each segment",
                "bytes",
                bytes,
                per_row(1, rows / share),
            )
        }),
        line(
            built,
            "putting a row, an hour of a stream at a time",
            "µs",
            "put_us",
            1.0,
        ),
        line(built, "putting a row, minute by minute", "µs", "product_put_us", 1.0),
        line(built, "a flush each minute, p50", "ms", "flush_p50_ms", 1.0),
        line(built, "a flush each minute, p99", "ms", "flush_p99_ms", 1.0),
        line(built, "resident memory after building", "MB", "resident_mb", 1.0),
        line(asked, "opening it, cold *", "ms", "open_ms", share),
        line(asked, "memory it takes when opened *", "MB", "open_mb", share).map(|line| line.bar(300.0)),
        line(asked, "memory it takes after the timelines *", "MB", "asked_mb", share).map(|line| line.bar(300.0)),
        line(asked, "a day of 16 cameras, cold, p50", "ms", "cold_p50_ms", 1.0),
        line(asked, "a day of 16 cameras, cold, p99", "ms", "cold_p99_ms", 1.0).map(|line| line.bar(50.0)),
        line(asked, "a day of 16 cameras, p50", "ms", "warm_p50_ms", 1.0),
        line(asked, "a day of 16 cameras, p99", "ms", "warm_p99_ms", 1.0).map(|line| line.bar(50.0)),
        after("opening it, cold, after kill -9, worst *", "ms", "open_ms"),
        after("memory after kill -9 and the timelines, worst *", "MB", "asked_mb").map(|line| line.bar(300.0)),
    ];
    lines.into_iter().flatten().collect()
}
