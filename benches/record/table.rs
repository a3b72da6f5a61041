//! The figures as a table (Markdown) and as CSV.

use std::{fmt::Write, fs, path::Path};

use anyhow::Result;

use crate::window::{Outcome, Recorder, Viewers};

/// All windows of one recorder and one number of cameras, taken together.
pub struct Line {
    pub outcome: Outcome,
    windows: usize,
}

/// Takes the windows of one kind together, in the order of their first.
pub fn merge(outcomes: &[Outcome]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for outcome in outcomes {
        let known = lines
            .iter_mut()
            .find(|l| l.outcome.recorder == outcome.recorder && l.outcome.cameras == outcome.cameras);
        let Some(line) = known else {
            lines.push(Line {
                outcome: outcome.clone(),
                windows: 1,
            });
            continue;
        };
        let sum = &mut line.outcome;
        line.windows += 1;
        sum.seconds += outcome.seconds;
        sum.recorder_cpu_s += outcome.recorder_cpu_s;
        sum.source_cpu_s += outcome.source_cpu_s;
        sum.peak_kib = sum.peak_kib.max(outcome.peak_kib);
        sum.anon_kib = sum.anon_kib.max(outcome.anon_kib);
        sum.threads = sum.threads.max(outcome.threads);
        sum.sent += outcome.sent;
        sum.written = sum.written.zip(outcome.written).map(|(a, b)| a + b);
        sum.lost += outcome.lost;
        sum.stalls += outcome.stalls;
    }
    lines
}

const HEAD: [&str; 14] = [
    "recorder",
    "cameras",
    "windows",
    "seconds",
    "CPU % of a core per camera",
    "× floor",
    "× ffmpeg",
    "peak MB",
    "anonymous MB",
    "threads",
    "source CPU % per camera",
    "AU sent",
    "AU written",
    "lost",
];

/// Rows of text under [`HEAD`]. A ratio stands only where nothing was lost on either side.
fn rows(outcomes: &[Outcome]) -> Vec<Vec<String>> {
    let lines = merge(outcomes);
    let reference = |recorder: Recorder, cameras: Option<usize>| {
        lines
            .iter()
            .find(|l| l.outcome.recorder == recorder && cameras.is_none_or(|c| l.outcome.cameras == c))
            .filter(|l| l.outcome.lost == 0)
            .map(|l| l.outcome.cpu_percent())
    };
    let number = |line: &Line| {
        let o = &line.outcome;
        let ratio = |to: Option<f64>| match to {
            Some(to) if o.lost == 0 && to > 0.0 => format!("{:.2}", o.cpu_percent() / to),
            _ => "–".into(),
        };
        vec![
            o.recorder.name(),
            o.cameras.to_string(),
            line.windows.to_string(),
            format!("{:.0}", o.seconds),
            format!("{:.4}", o.cpu_percent()),
            ratio(reference(Recorder::Floor, Some(o.cameras))),
            ratio(reference(Recorder::Ffmpeg, None)),
            format!("{:.0}", o.peak_kib as f64 / 1024.0),
            format!("{:.0}", o.anon_kib as f64 / 1024.0),
            o.threads.to_string(),
            format!("{:.4}", o.source_percent()),
            o.sent.to_string(),
            o.written.map_or("–".into(), |w| w.to_string()),
            o.lost.to_string(),
        ]
    };
    lines.iter().map(number).collect()
}

/// The table for people.
pub fn markdown(outcomes: &[Outcome]) -> String {
    let mut text = format!("| {} |\n|{}\n", HEAD.join(" | "), " --- |".repeat(HEAD.len()));
    for row in rows(outcomes) {
        writeln!(text, "| {} |", row.join(" | ")).ok();
    }
    for (viewers, percent) in per_viewer(outcomes) {
        let Viewers { number, watched } = viewers;
        writeln!(
            text,
            "\n{number} RTSP viewers of {watched} camera(s): {percent:.4} % of a core for each viewer."
        )
        .ok();
    }
    text
}

/// CPU of one RTSP viewer: what Vigie uses more than without viewers.
fn per_viewer(outcomes: &[Outcome]) -> Vec<(Viewers, f64)> {
    let lines = merge(outcomes);
    lines
        .iter()
        .filter_map(|line| {
            let o = &line.outcome;
            let Recorder::VigieWithViewers(viewers) = o.recorder else {
                return None;
            };
            let plain = lines
                .iter()
                .find(|l| l.outcome.recorder == Recorder::Vigie && l.outcome.cameras == o.cameras)?;
            let more = (o.cpu_percent() - plain.outcome.cpu_percent()) * o.cameras as f64;
            Some((viewers, more / viewers.number as f64))
        })
        .collect()
}

/// Writes the same as `record.csv`.
pub fn write_csv(folder: &Path, outcomes: &[Outcome]) -> Result<()> {
    let mut text = HEAD.join(",") + "\n";
    for row in rows(outcomes) {
        text += &(row.join(",") + "\n");
    }
    fs::write(folder.join("record.csv"), text)?;
    Ok(())
}
