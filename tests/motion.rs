//! Motion detection against a few of the benchmark's scenes and its labelled film, as the benchmark
//! judges them (`cargo bench --bench motion`).

#![allow(clippy::unwrap_used)]
// Shared with the benchmark, which uses all of it.
#![allow(dead_code)]

#[path = "../benches/motion/clips.rs"]
mod clips;
#[path = "../benches/motion/judge.rs"]
mod judge;
#[path = "../benches/motion/truth/scenes.rs"]
mod scenes;
#[path = "../benches/motion/score.rs"]
mod score;
#[path = "../benches/motion/truth.rs"]
mod truth;

use judge::Line;
use vigie_media::motion::Sensitivity;

/// Per cent, and seconds.
const RECALL: f64 = 95.0;
const PRECISION: f64 = 95.0;
const DELAY: f64 = 0.5;

fn holds(lines: &[Line]) {
    let sum = judge::sum(lines);
    let told: Vec<String> = lines
        .iter()
        .map(|line| {
            format!(
                "{} {}: true {:?} found {:?}",
                line.footage, line.zone, line.moving, line.found
            )
        })
        .collect();
    let told = told.join("\n");
    assert!(sum.recall() >= RECALL, "recall {:.1} %\n{told}", sum.recall());
    assert!(
        sum.precision() >= PRECISION,
        "precision {:.1} %\n{told}",
        sum.precision()
    );
    assert!(sum.worst_delay() <= DELAY, "{:.2} s late\n{told}", sum.worst_delay());
}

#[test]
fn the_labelled_film_is_understood() {
    let labels = include_str!("../benches/motion/truth/vtest-tuning.toml");
    holds(&judge::vtest(labels, Sensitivity::new(50)).unwrap());
}

#[test]
fn scenes_without_movement_are_quiet_and_walkers_are_seen() {
    let scenes = scenes::tuning();
    let wanted = ["nothing_night", "lights", "rain", "walker", "small_far"];
    let mut lines = Vec::new();
    for scene in scenes.iter().filter(|scene| wanted.contains(&scene.name)) {
        lines.extend(judge::scene(scene, Sensitivity::new(50)).unwrap());
    }
    assert_eq!(lines.len(), wanted.len());
    holds(&lines);
}
