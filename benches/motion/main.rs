//! `cargo bench --bench motion`: what motion detection costs beside decoding alone, and how well it
//! sees, on labelled footage and on drawn scenes.

mod clips;
mod cost;
mod judge;
#[path = "truth/scenes.rs"]
mod scenes;
mod score;
mod truth;

use anyhow::Result;
use clap::Parser;
use vigie_media::motion::Sensitivity;

use clips::Clip;
use judge::Line;
use score::Score;

/// May be looked at while settings are chosen.
const TUNING: &str = include_str!("truth/vtest-tuning.toml");
/// May not.
const HELD_OUT: &str = include_str!("truth/vtest-held-out.toml");

#[derive(Parser)]
#[command(about = "Motion detection: cost, recall, precision, delay of the detector alone")]
struct Options {
    /// Judge with the held-out set, which no setting was chosen by.
    #[arg(long)]
    held_out: bool,
    /// Measure the cost, nothing else.
    #[arg(long)]
    only_cost: bool,
    /// Of the detector, 0 to 100.
    #[arg(long, default_value_t = 50)]
    sensitivity: u8,
    /// Cameras side by side where the cost is measured.
    #[arg(long, default_value_t = 8)]
    cameras: usize,
    /// Times that each cost is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Also print where an event is missing or too much.
    #[arg(long)]
    faults: bool,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if !options.only_cost {
        see(&options)?;
    }
    let cost = cost::measure(&Clip::vtest()?, options.cameras.max(1), options.rounds)?;
    println!("| CPU of one picture, 640x360 | µs | × bare decoding |\n| --- | --- | --- |");
    for (name, micros) in [
        ("ffmpeg, decoding alone, one thread", cost.bare),
        ("vigie, decoding alone", cost.decoding),
        ("vigie, decoding and detection", cost.whole),
    ] {
        println!("| {name} | {micros:.0} | {:.2} |", micros / cost.bare);
    }
    println!(
        "\n{:.2} % of a core per camera at 10 pictures a second",
        cost.whole / 1000.0
    );
    Ok(())
}

fn see(options: &Options) -> Result<()> {
    let sensitivity = Sensitivity::new(options.sensitivity);
    let (labels, scenes) = if options.held_out {
        (HELD_OUT, scenes::held_out())
    } else {
        (TUNING, scenes::tuning())
    };
    let film = judge::vtest(labels, sensitivity)?;
    let mut drawn = Vec::new();
    for scene in &scenes {
        drawn.extend(judge::scene(scene, sensitivity)?);
    }
    println!(
        "| footage | zone | true | found | right | false | recall % | precision % | detector alone: told after s, mean | worst |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    film.iter()
        .chain(&drawn)
        .for_each(|line| row(&line.footage, &line.zone, &line.score));
    row("**vtest**", "all", &judge::sum(&film));
    row("**scenes**", "all", &judge::sum(&drawn));
    println!();
    if options.faults {
        film.iter().chain(&drawn).for_each(fault);
    }
    Ok(())
}

fn row(footage: &str, zone: &str, score: &Score) {
    let wrong = score.found - score.right;
    println!(
        "| {footage} | {zone} | {} | {} | {} | {wrong} | {:.1} | {:.1} | {:.2} | {:.2} |",
        score.true_events,
        score.found,
        score.right,
        score.recall(),
        score.precision(),
        score.mean_delay(),
        score.worst_delay()
    );
}

fn fault(line: &Line) {
    if line.score.right == line.score.found.max(line.score.true_events) {
        return;
    }
    let found: Vec<(u32, u32)> = line.found.iter().map(|found| (found.first, found.last)).collect();
    println!(
        "{} {}: true {:?}, found {found:?}",
        line.footage, line.zone, line.moving
    );
}
