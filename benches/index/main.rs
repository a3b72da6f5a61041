//! `cargo bench --bench index`: what the index costs at 33 million segments, how soon a recorder
//! that has so many records again, and what retention costs for each segment that goes.
//!
//! Everything is built through the storage's own interface, as the recorder uses it. Beside each
//! figure stands that of the plain way, measured in the same run: ratios hold on a noisy machine,
//! absolute times do not.

mod ask;
mod build;
mod house;
#[path = "../record/process.rs"]
mod process;
mod retention;
mod rows;
mod startup;
mod store;
mod table;
mod timeline;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::Value;

use process::Running;
use store::Kind;
use table::Line;

#[derive(Parser, Clone)]
#[command(about = "The index, the start and retention at 33 million segments")]
pub struct Options {
    #[arg(long, default_value_t = 256)]
    cameras: usize,
    /// Of one segment a minute for each camera.
    #[arg(long, default_value_t = 90 * 24)]
    hours: i64,
    /// So many of them, the newest, are put as the recorder does: with a flush each minute. The
    /// others are flushed once an hour, which saves the time of most rewriting.
    #[arg(long, default_value_t = 24)]
    product_hours: i64,
    /// The plain way is measured with so much less and scaled up.
    #[arg(long, default_value_t = 32)]
    baseline_share: i64,
    /// Days' timelines asked for, of 16 cameras each.
    #[arg(long, default_value_t = 300)]
    queries: usize,
    /// Ends by `kill -9`, each followed by a start.
    #[arg(long, default_value_t = 5)]
    kills: usize,
    /// Cameras that send while the start is measured.
    #[arg(long, default_value_t = 16)]
    sending: usize,
    /// Stocks of segments that retention is measured with.
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000,5500000")]
    stocks: Vec<u64>,
    /// What to measure: index, startup, retention, timeline.
    #[arg(long, value_delimiter = ',', default_value = "index,startup,retention,timeline")]
    only: Vec<String>,
    /// Takes the index of the last run instead of building it.
    #[arg(long)]
    keep: bool,
    /// The binary to start.
    #[arg(long, default_value = option_env!("CARGO_BIN_EXE_vigie").unwrap_or("vigie"))]
    vigie: PathBuf,
    /// Where the index, footage and figures go.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench"))]
    work: PathBuf,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
    #[arg(long, hide = true)]
    role: Option<String>,
    #[arg(long, hide = true, default_value = "vigie")]
    store: Kind,
    #[arg(long, hide = true)]
    folder: Option<PathBuf>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(role) = options.role.as_deref() {
        let folder = options.folder.as_deref().context("--folder")?;
        return match role {
            "build" => build::build(&options, folder),
            "write" => build::write_on(&options, folder),
            "ask" => ask::ask(&options, folder),
            other => anyhow::bail!("no role {other}"),
        };
    }
    std::fs::create_dir_all(&options.work)?;
    let wanted = |name: &str| options.only.iter().any(|only| only == name);
    let mut lines: Vec<Line> = Vec::new();
    let full = options.work.join("index");
    if wanted("index") || (wanted("startup") && !options.keep) {
        lines.extend(index(&options, &full)?);
        table::write_csv(&options.work, &lines)?;
    }
    if wanted("startup") {
        lines.extend(startup::measure(&options, &full)?);
        table::write_csv(&options.work, &lines)?;
    }
    if wanted("retention") {
        lines.extend(retention::measure(&options)?);
        table::write_csv(&options.work, &lines)?;
    }
    if wanted("timeline") {
        lines.extend(timeline::measure(&options)?);
        table::write_csv(&options.work, &lines)?;
    }
    println!("{}", table::markdown(&lines));
    Ok(())
}

/// Runs a role in a process of its own, so that its memory is that of the index alone.
fn run(options: &Options, role: &str, kind: Kind, folder: &Path) -> Result<(Running, Value)> {
    let hours = match kind {
        Kind::Vigie => options.hours,
        Kind::Rows => options.hours / options.baseline_share,
    };
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["--role", role, "--store", kind.name(), "--folder"])
        .arg(folder);
    for (name, value) in [
        ("--cameras", options.cameras as i64),
        ("--hours", hours),
        ("--product-hours", options.product_hours.min(hours)),
        ("--queries", options.queries as i64),
    ] {
        command.args([name, &value.to_string()]);
    }
    let (running, told) = Running::start_ready(&mut command)?;
    Ok((running, serde_json::from_str(&told)?))
}

fn index(options: &Options, full: &Path) -> Result<Vec<Line>> {
    let plain = options.work.join("index-rows");
    let mut built = Vec::new();
    for (kind, folder) in [(Kind::Vigie, full), (Kind::Rows, plain.as_path())] {
        if options.keep && folder.exists() {
            built.push(Value::Null);
        } else {
            std::fs::remove_dir_all(folder).ok();
            built.push(run(options, "build", kind, folder)?.1);
        }
        eprintln!("{}: built {}", kind.name(), built.last().unwrap_or(&Value::Null));
    }
    let asked: Vec<Value> = [(Kind::Vigie, full), (Kind::Rows, plain.as_path())]
        .into_iter()
        .map(|(kind, folder)| {
            let told = run(options, "ask", kind, folder)?.1;
            eprintln!("{}: {told}", kind.name());
            Ok(told)
        })
        .collect::<Result<_>>()?;
    let mut killed = Vec::new();
    for kill in 0..options.kills {
        let (writer, _) = run(options, "write", Kind::Vigie, full)?;
        std::thread::sleep(std::time::Duration::from_millis(700 + 130 * kill as u64));
        // Killed where it stands.
        drop(writer);
        let told = run(options, "ask", Kind::Vigie, full)?.1;
        eprintln!("after kill -9: {told}");
        killed.push(told);
    }
    Ok(table::of_index(options, &built, &asked, &killed))
}
